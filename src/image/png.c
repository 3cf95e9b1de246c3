#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <png.h>
#include "base/memory.h"
#include "image/codec.h"

struct work {
    jmp_buf escape;
    enum sanl_status status; /* set together with the message before the jump */
    const char *name;
    png_structp png;
    png_infop info;
    /* reading */
    const unsigned char *bytes;
    size_t left;
    const struct sanl_image_limits *limits;
    struct sanl_image *out;
    uint8_t *rgba; /* (height, width, 4), only when there is alpha */
    png_bytepp rows;
    /* writing */
    FILE *file;
    const struct sanl_image *image;
};

_Noreturn static void leave(png_structp png, png_const_charp text)
{
    struct work *w = png_get_error_ptr(png);
    const int code = errno;
    if (w->file && ferror(w->file)) {
        errno = code;
        w->status = sanl_fail_errno(SANL_ERR_IO, "%s: cannot write", w->name);
    } else if (w->status == SANL_OK) {
        w->status = sanl_fail(SANL_ERR_FORMAT, "%s: damaged PNG: %s", w->name, text);
    }
    longjmp(w->escape, 1);
}

static void hear(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text; /* warnings are about extra chunks, never the pixels */
}

static void feed(png_structp png, png_bytep to, size_t count)
{
    struct work *w = png_get_io_ptr(png);
    if (count > w->left) {
        w->status = sanl_fail(SANL_ERR_FORMAT, "%s: premature end of PNG", w->name);
        png_error(png, "premature end");
    }
    memcpy(to, w->bytes, count);
    w->bytes += count;
    w->left -= count;
}

static void composite_over_white(uint8_t *rgb, const uint8_t *rgba, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const unsigned alpha = rgba[4 * i + 3];
        for (size_t c = 0; c < 3; c++)
            rgb[3 * i + c] = (uint8_t)((rgba[4 * i + c] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
}

/* Makes the picture upright. Its note may stand behind the pixels, so that this comes after them. */
static enum sanl_status turn_picture(struct work *w)
{
    png_uint_32 exif_bytes = 0;
    png_bytep exif = NULL;
    png_get_eXIf_1(w->png, w->info, &exif_bytes, &exif);
    const int orientation = exif ? sanl_exif_orientation(exif, exif_bytes) : 1;
    if (orientation == 1)
        return SANL_OK;
    const struct sanl_image stored = *w->out;
    const bool swaps = sanl_orientation_swaps(orientation);
    enum sanl_status status =
        sanl_image_create(w->out, swaps ? stored.height : stored.width, swaps ? stored.width : stored.height);
    const size_t row_bytes = (size_t)stored.width * 3;
    for (int y = 0; y < stored.height && status == SANL_OK; y += SANL_STRIP) {
        const int left = stored.height - y, count = left < SANL_STRIP ? left : SANL_STRIP;
        sanl_image_put_rows(w->out, stored.pixels + (size_t)y * row_bytes, row_bytes, y, count, orientation);
    }
    free(stored.pixels);
    return status;
}

static enum sanl_status read_picture(struct work *w)
{
    png_set_user_limits(w->png, PNG_UINT_31_MAX,
                        PNG_UINT_31_MAX); /* the check below has the better message */
    /* Of the extra chunks (-1: all of them), whose texts and profiles may unpack to gigabytes, only EXIF. */
    png_set_keep_unknown_chunks(w->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_keep_unknown_chunks(w->png, PNG_HANDLE_CHUNK_AS_DEFAULT, (png_const_bytep) "eXIf", 1);
    png_set_read_fn(w->png, w, feed);
    png_read_info(w->png, w->info);
    const png_uint_32 width = png_get_image_width(w->png, w->info);
    const png_uint_32 height = png_get_image_height(w->png, w->info);
    SANL_TRY(sanl_image_check_size(width, height, w->name, w->limits));

    png_set_expand(w->png); /* palette to RGB, grey to 8 bits, tRNS to alpha */
    png_set_scale_16(w->png);
    png_set_gray_to_rgb(w->png);
    png_set_interlace_handling(w->png);
    png_read_update_info(w->png, w->info);
    const size_t channels = png_get_channels(w->png, w->info);
    if (png_get_rowbytes(w->png, w->info) != width * channels || (channels != 3 && channels != 4))
        return sanl_fail(SANL_ERR_INTERNAL, "%s: unexpected PNG of %zu channels", w->name, channels);

    SANL_TRY(sanl_image_create(w->out, (int)width, (int)height));
    uint8_t *pixels = w->out->pixels;
    if (channels == 4 && !(pixels = w->rgba = sanl_calloc((size_t)width * height, 4)))
        return SANL_ERR_MEMORY;
    if (!(w->rows = sanl_calloc(height, sizeof *w->rows)))
        return SANL_ERR_MEMORY;
    for (png_uint_32 y = 0; y < height; y++)
        w->rows[y] = pixels + y * channels * width;
    png_read_image(w->png, w->rows);
    png_read_end(w->png, w->info); /* finds a file cut after its pixels */
    if (w->rgba)
        composite_over_white(w->out->pixels, w->rgba, (size_t)width * height);
    return turn_picture(w);
}

/* setjmp stands alone in a function without variables of its own: nothing can be clobbered. */
static enum sanl_status read_guarded(struct work *w)
{
    if (setjmp(w->escape))
        return w->status;
    return read_picture(w);
}

static enum sanl_status shrink_picture(struct sanl_image *image, const struct sanl_image_limits *limits)
{
    const int shrink = sanl_image_choose_shrink((unsigned)image->width, (unsigned)image->height, 1, limits);
    if (shrink == 1)
        return SANL_OK;
    struct sanl_image small;
    SANL_TRY(sanl_image_crop(&small, image, 0, 0, image->width, image->height, shrink));
    sanl_image_free(image);
    *image = small;
    return SANL_OK;
}

enum sanl_status sanl_png_decode(struct sanl_image *out, int *full_width, int *full_height, const void *bytes,
                                 size_t count, const char *name, const struct sanl_image_limits *limits)
{
    struct work w = {.name = name, .bytes = bytes, .left = count, .limits = limits, .out = out};
    enum sanl_status status = SANL_ERR_MEMORY;
    memset(out, 0, sizeof *out);
    w.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &w, leave, hear);
    if (w.png)
        w.info = png_create_info_struct(w.png);
    if (w.info)
        status = read_guarded(&w);
    else
        sanl_fail(status, "%s: out of memory for the PNG", name);
    png_destroy_read_struct(&w.png, &w.info, NULL);
    free(w.rgba);
    free(w.rows);
    if (status == SANL_OK) {
        *full_width = out->width;
        *full_height = out->height;
        status = shrink_picture(out, limits);
    }
    if (status != SANL_OK)
        sanl_image_free(out);
    return status;
}

static enum sanl_status write_guarded(struct work *w)
{
    if (setjmp(w->escape))
        return w->status;
    png_init_io(w->png, w->file);
    png_set_IHDR(w->png, w->info, (png_uint_32)w->image->width, (png_uint_32)w->image->height, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(w->png, w->info);
    for (int y = 0; y < w->image->height; y++)
        png_write_row(w->png, w->image->pixels + (size_t)y * (size_t)w->image->width * 3);
    png_write_end(w->png, w->info);
    return SANL_OK;
}

enum sanl_status sanl_png_encode(FILE *file, const struct sanl_image *image, const char *name)
{
    struct work w = {.name = name, .file = file, .image = image};
    enum sanl_status status = SANL_ERR_MEMORY;
    w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, leave, hear);
    if (w.png)
        w.info = png_create_info_struct(w.png);
    if (w.info)
        status = write_guarded(&w);
    else
        sanl_fail(status, "%s: out of memory for the PNG", name);
    png_destroy_write_struct(&w.png, &w.info);
    return status;
}
