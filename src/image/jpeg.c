#include <stdbool.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>
#include <jerror.h>
#include "image/codec.h"

/* A progressive file may repeat cheap scans for ever; real ones have about ten. */
enum { SCANS_MAX = 500 };

/* What the callbacks of libjpeg reach by client_data. */
struct trap {
    jmp_buf escape;
    enum sanl_status status; /* set together with the message before the jump */
    const char *name;
};

struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    struct trap trap;
    const unsigned char *bytes;
    size_t count;
    const struct sanl_image_limits *limits;
    struct sanl_image *out;
    bool swaps; /* rows of `out` are columns of the file */
};

struct writer {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct trap trap;
    FILE *file;
    const struct sanl_image *image;
    int quality;
};

_Noreturn static void leave(j_common_ptr jpeg)
{
    struct trap *trap = jpeg->client_data;
    const int code = jpeg->err->msg_code;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    if (code == JERR_FILE_WRITE)
        trap->status = sanl_fail_errno(SANL_ERR_IO, "%s: cannot write", trap->name);
    else if (code == JERR_OUT_OF_MEMORY)
        trap->status = sanl_fail(SANL_ERR_MEMORY, "%s: out of memory for the JPEG", trap->name);
    else if (code == JWRN_JPEG_EOF)
        trap->status = sanl_fail(SANL_ERR_FORMAT, "%s: premature end of JPEG", trap->name);
    else
        trap->status = sanl_fail(SANL_ERR_FORMAT, "%s: damaged or unsupported JPEG: %s", trap->name, text);
    longjmp(trap->escape, 1);
}

/* Of the warnings (level -1), those that mean lost picture data are failures; the others, such as bytes
 * between segments, are common and harmless. */
static void hear(j_common_ptr jpeg, int level)
{
    if (level >= 0)
        return;
    switch (jpeg->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
        leave(jpeg);
    default:
        jpeg->err->num_warnings++;
    }
}

static void watch(j_common_ptr jpeg)
{
    if (!jpeg->is_decompressor || ((j_decompress_ptr)jpeg)->input_scan_number <= SCANS_MAX)
        return;
    struct trap *trap = jpeg->client_data;
    trap->status = sanl_fail(SANL_ERR_LIMIT, "%s: a JPEG of more than %d scans", trap->name, SCANS_MAX);
    longjmp(trap->escape, 1);
}

/* Adobe's files hold 255 - ink, all others ink. `rgb` may begin where `cmyk` does. */
static void cmyk_to_rgb(uint8_t *rgb, const uint8_t *cmyk, int count, bool inverted)
{
    const unsigned flip = inverted ? 0 : 255;
    for (int i = 0; i < count; i++) {
        const unsigned k = cmyk[4 * i + 3] ^ flip;
        for (int c = 0; c < 3; c++)
            rgb[3 * i + c] = (uint8_t)(((cmyk[4 * i + c] ^ flip) * k + 127) / 255);
    }
}

static int read_orientation(const struct jpeg_decompress_struct *jpeg)
{
    static const char head[] = "Exif\0"; /* and the literal's own zero */
    for (jpeg_saved_marker_ptr m = jpeg->marker_list; m; m = m->next)
        if (m->data_length >= sizeof head && memcmp(m->data, head, sizeof head) == 0)
            return sanl_exif_orientation(m->data + sizeof head, m->data_length - sizeof head);
    return 1;
}

static enum sanl_status create_picture(struct reader *r, int orientation)
{
    const int width = (int)r->jpeg.output_width, height = (int)r->jpeg.output_height;
    const bool swaps = sanl_orientation_swaps(orientation);
    return sanl_image_create(r->out, swaps ? height : width, swaps ? width : height);
}

/* Rows that need neither conversion nor turning are decoded where they belong, the others into strips. */
static void read_rows(struct reader *r, int orientation)
{
    j_decompress_ptr jpeg = &r->jpeg;
    const bool cmyk = jpeg->out_color_space == JCS_CMYK, direct = !cmyk && orientation == 1;
    const int width = (int)jpeg->output_width, height = (int)jpeg->output_height;
    const size_t row_bytes = (size_t)width * (cmyk ? 4 : 3);
    uint8_t *rows = r->out->pixels;
    if (!direct)
        rows = jpeg->mem->alloc_large((j_common_ptr)jpeg, JPOOL_IMAGE, SANL_STRIP * row_bytes);
    for (int y = 0, count = 0; y < height; y++) {
        JSAMPROW row = rows + (size_t)(direct ? y : count) * row_bytes;
        jpeg_read_scanlines(jpeg, &row, 1); /* always one: all of the file is there */
        if (cmyk)
            cmyk_to_rgb(row, row, width, jpeg->saw_Adobe_marker);
        if (++count < SANL_STRIP && y + 1 < height)
            continue;
        if (!direct)
            sanl_image_put_rows(r->out, rows, row_bytes, y + 1 - count, count, orientation);
        count = 0;
    }
}

static enum sanl_status read_picture(struct reader *r)
{
    j_decompress_ptr jpeg = &r->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &r->progress;
    jpeg_mem_src(jpeg, r->bytes, (unsigned long)r->count);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xFFFF); /* EXIF, if there is any */
    jpeg_read_header(jpeg, TRUE);
    SANL_TRY(sanl_image_check_size(jpeg->image_width, jpeg->image_height, r->trap.name, r->limits));

    const int orientation = read_orientation(jpeg);
    r->swaps = sanl_orientation_swaps(orientation);
    jpeg->out_color_space = jpeg->num_components == 4 ? JCS_CMYK : JCS_RGB;
    jpeg->scale_num = 1;
    jpeg->scale_denom =
        (unsigned)sanl_image_choose_shrink(jpeg->image_width, jpeg->image_height, orientation, r->limits);
    jpeg_calc_output_dimensions(jpeg);
    SANL_TRY(create_picture(r, orientation));
    jpeg_start_decompress(jpeg);
    read_rows(r, orientation);
    jpeg_finish_decompress(jpeg); /* reads up to the end marker, so that every cut file is found */
    return SANL_OK;
}

/* setjmp stands alone in a function without variables of its own: nothing can be clobbered. */
static enum sanl_status read_guarded(struct reader *r)
{
    if (setjmp(r->trap.escape))
        return r->trap.status;
    return read_picture(r);
}

enum sanl_status sanl_jpeg_decode(struct sanl_image *out, int *full_width, int *full_height,
                                  const void *bytes, size_t count, const char *name,
                                  const struct sanl_image_limits *limits)
{
    struct reader r = {.bytes = bytes, .count = count, .limits = limits, .out = out};
    memset(out, 0, sizeof *out);
    r.trap.name = name;
    r.jpeg.err = jpeg_std_error(&r.errors);
    r.jpeg.client_data = &r.trap;
    r.errors.error_exit = leave;
    r.errors.emit_message = hear;
    r.progress.progress_monitor = watch;
    const enum sanl_status status = read_guarded(&r);
    if (status == SANL_OK) {
        *full_width = (int)(r.swaps ? r.jpeg.image_height : r.jpeg.image_width);
        *full_height = (int)(r.swaps ? r.jpeg.image_width : r.jpeg.image_height);
    } else {
        sanl_image_free(out);
    }
    jpeg_destroy_decompress(&r.jpeg);
    return status;
}

static void write_picture(struct writer *w)
{
    j_compress_ptr jpeg = &w->jpeg;
    jpeg_create_compress(jpeg);
    jpeg_stdio_dest(jpeg, w->file);
    jpeg->image_width = (JDIMENSION)w->image->width;
    jpeg->image_height = (JDIMENSION)w->image->height;
    jpeg->input_components = 3;
    jpeg->in_color_space = JCS_RGB;
    jpeg_set_defaults(jpeg); /* 4:2:0 */
    jpeg_set_quality(jpeg, w->quality, TRUE);
    if (w->quality >= 90)
        jpeg->comp_info[0].h_samp_factor = jpeg->comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(jpeg, TRUE);
    while (jpeg->next_scanline < jpeg->image_height) {
        JSAMPROW row = w->image->pixels + (size_t)jpeg->next_scanline * jpeg->image_width * 3;
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
}

static enum sanl_status write_guarded(struct writer *w)
{
    if (setjmp(w->trap.escape))
        return w->trap.status;
    write_picture(w);
    return SANL_OK;
}

enum sanl_status sanl_jpeg_encode(FILE *file, const struct sanl_image *image, const char *name, int quality)
{
    struct writer w = {.file = file, .image = image, .quality = quality};
    w.trap.name = name;
    w.jpeg.err = jpeg_std_error(&w.errors);
    w.jpeg.client_data = &w.trap;
    w.errors.error_exit = leave;
    w.errors.emit_message = hear;
    const enum sanl_status status = write_guarded(&w);
    jpeg_destroy_compress(&w.jpeg);
    return status;
}
