#include "image/image.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "base/file.h"
#include "base/memory.h"
#include "image/codec.h"

enum { SIDE_MAX = 65535 };

/* More than any picture within a sane pixel limit needs: 100 megapixels of 16-bit RGBA are 800 MB. */
static const size_t file_bytes_max = (size_t)1 << 30;

enum sanl_status sanl_image_create(struct sanl_image *out, int width, int height)
{
    memset(out, 0, sizeof *out);
    if (width < 1 || height < 1 || width > SIDE_MAX || height > SIDE_MAX)
        return sanl_fail(SANL_ERR_LIMIT, "a picture of %d x %d pixels: each side must be 1 to %d", width,
                         height, SIDE_MAX);
    out->pixels = sanl_calloc((size_t)width * (size_t)height, 3);
    if (!out->pixels)
        return SANL_ERR_MEMORY;
    out->width = width;
    out->height = height;
    return SANL_OK;
}

void sanl_image_free(struct sanl_image *image)
{
    if (!image)
        return;
    free(image->pixels);
    memset(image, 0, sizeof *image);
}

enum sanl_status sanl_image_check_size(unsigned width, unsigned height, const char *name,
                                       const struct sanl_image_limits *limits)
{
    if ((double)width * height > limits->max_megapixels * 1e6)
        return sanl_fail(SANL_ERR_LIMIT,
                         "%s: %u x %u pixels are over the limit of %g megapixels (data.max_megapixels)", name,
                         width, height, limits->max_megapixels);
    if (width < 1 || height < 1 || width > SIDE_MAX || height > SIDE_MAX)
        return sanl_fail(SANL_ERR_LIMIT, "%s: %u x %u pixels: each side must be 1 to %d", name, width, height,
                         SIDE_MAX);
    return SANL_OK;
}

/* Blocks of pixels are counted from a file's left and top. In the upright picture they are so, too, where the
 * side that is turned round holds whole blocks. */
static bool stays_aligned(unsigned width, unsigned height, int orientation, unsigned shrink)
{
    return (!sanl_orientation_flips_x(orientation) || width % shrink == 0) &&
           (!sanl_orientation_flips_y(orientation) || height % shrink == 0);
}

int sanl_image_choose_shrink(unsigned width, unsigned height, int orientation,
                             const struct sanl_image_limits *limits)
{
    const unsigned side = width < height ? width : height;
    int shrink = 8;
    if (limits->min_side <= 0 && limits->max_shrink <= 0)
        return 1;
    while (limits->max_shrink > 0 && shrink > limits->max_shrink)
        shrink /= 2;
    while (shrink > 1 && limits->min_side > 0 &&
           (side + (unsigned)shrink - 1) / (unsigned)shrink < (unsigned)limits->min_side)
        shrink /= 2;
    while (!stays_aligned(width, height, orientation, (unsigned)shrink))
        shrink /= 2;
    return shrink;
}

enum sanl_status sanl_image_decode(struct sanl_image *out, int *full_width, int *full_height,
                                   const void *bytes, size_t count, const char *name,
                                   const struct sanl_image_limits *limits)
{
    static const unsigned char jpeg_start[] = {0xFF, 0xD8}, png_start[] = {0x89, 'P', 'N', 'G'};
    int width = 0, height = 0;
    memset(out, 0, sizeof *out);
    if (count == 0)
        return sanl_fail(SANL_ERR_FORMAT, "%s: the file is empty", name);
    if (count >= sizeof jpeg_start && memcmp(bytes, jpeg_start, sizeof jpeg_start) == 0)
        SANL_TRY(sanl_jpeg_decode(out, &width, &height, bytes, count, name, limits));
    else if (count >= sizeof png_start && memcmp(bytes, png_start, sizeof png_start) == 0)
        SANL_TRY(sanl_png_decode(out, &width, &height, bytes, count, name, limits));
    else
        return sanl_fail(SANL_ERR_FORMAT, "%s: neither a JPEG nor a PNG", name);
    if (full_width)
        *full_width = width;
    if (full_height)
        *full_height = height;
    return SANL_OK;
}

enum sanl_status sanl_image_read(struct sanl_image *out, int *full_width, int *full_height, const char *path,
                                 const struct sanl_image_limits *limits)
{
    char *bytes;
    size_t count;
    struct stat info;
    memset(out, 0, sizeof *out);
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) /* would perhaps block */
        return sanl_fail(SANL_ERR_IO, "%s: a pipe or device: pictures are read from regular files", path);
    SANL_TRY(sanl_file_read(&bytes, &count, path, file_bytes_max));
    const enum sanl_status status =
        sanl_image_decode(out, full_width, full_height, bytes, count, path, limits);
    free(bytes);
    return status;
}

static bool is_jpeg_name(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

enum sanl_status sanl_image_write(const struct sanl_image *image, const char *path, int quality)
{
    struct sanl_output file;
    SANL_TRY(sanl_output_open(&file, path));
    enum sanl_status status;
    if (is_jpeg_name(path))
        status = sanl_jpeg_encode(file.file, image, path, quality);
    else
        status = sanl_png_encode(file.file, image, path);
    if (status == SANL_OK)
        return sanl_output_commit(&file);
    sanl_output_free(&file);
    return status;
}
