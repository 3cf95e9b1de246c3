/* How a file's rows lie in the upright picture: EXIF's orientation. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <libexif/exif-data.h>
#include "image/codec.h"

/* What a JPEG can hold; the orientation stands in the first directory, near the start. */
enum { BLOCK_BYTES_MAX = 65533 };

static const unsigned char head[] = {'E', 'x', 'i', 'f', 0, 0};

/* Directory 0 speaks of the picture, directory 1 of its thumbnail. */
static int find_orientation(ExifData *exif)
{
    const ExifEntry *entry = exif_content_get_entry(exif->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    if (!entry || !entry->data || entry->format != EXIF_FORMAT_SHORT || entry->components < 1 ||
        entry->size < 2)
        return 1;
    const int value = exif_get_short(entry->data, exif_data_get_byte_order(exif));
    return value >= 1 && value <= 8 ? value : 1;
}

int sanl_exif_orientation(const void *tiff, size_t count)
{
    int orientation = 1;
    const size_t used = count < BLOCK_BYTES_MAX - sizeof head ? count : BLOCK_BYTES_MAX - sizeof head;
    unsigned char *block = malloc(sizeof head + used);
    ExifData *exif = exif_data_new();
    if (block && exif) {
        memcpy(block, head, sizeof head);
        memcpy(block + sizeof head, tiff, used);
        exif_data_unset_option(exif, EXIF_DATA_OPTION_FOLLOW_SPECIFICATION); /* which adds missing tags */
        exif_data_load_data(exif, block, (unsigned)(sizeof head + used));
        orientation = find_orientation(exif);
    }
    exif_data_unref(exif);
    free(block);
    return orientation;
}

bool sanl_orientation_swaps(int orientation)
{
    return orientation >= 5;
}

bool sanl_orientation_flips_x(int orientation)
{
    return orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
}

bool sanl_orientation_flips_y(int orientation)
{
    return orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
}

static void copy_pixels(uint8_t *to, ptrdiff_t to_step, const uint8_t *from, ptrdiff_t from_step, int count)
{
    for (int i = 0; i < count; i++, to += to_step, from += from_step) {
        to[0] = from[0];
        to[1] = from[1];
        to[2] = from[2];
    }
}

void sanl_image_put_rows(struct sanl_image *upright, const uint8_t *rows, size_t row_bytes, int y, int count,
                         int orientation)
{
    const bool swaps = sanl_orientation_swaps(orientation);
    const int width = swaps ? upright->height : upright->width;
    const int height = swaps ? upright->width : upright->height;
    const ptrdiff_t line = (ptrdiff_t)upright->width * 3, pitch = (ptrdiff_t)row_bytes;
    /* A step along the file's row, and down its column, is this many bytes here. */
    ptrdiff_t across = swaps ? line : 3, down = swaps ? 3 : line, start = 0;
    if (sanl_orientation_flips_x(orientation)) {
        start += across * (width - 1);
        across = -across;
    }
    if (sanl_orientation_flips_y(orientation)) {
        start += down * (height - 1);
        down = -down;
    }
    uint8_t *to = upright->pixels + start + down * y;
    if (swaps) /* runs of `count` pixels, for the cache's sake */
        for (int x = 0; x < width; x++)
            copy_pixels(to + x * across, down, rows + 3 * (ptrdiff_t)x, pitch, count);
    else
        for (int i = 0; i < count; i++)
            copy_pixels(to + i * down, across, rows + i * pitch, 3, width);
}
