/* Pictures in memory: 8-bit RGB, rows from the top, no padding. */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

struct sanl_image {
    int width, height;
    uint8_t *pixels; /* (height, width, 3), owned; NULL when empty */
};

/* Makes a black image; fails with SANL_ERR_LIMIT when a side is below 1 or above 65535. */
SANL_CHECKED enum sanl_status sanl_image_create(struct sanl_image *out, int width, int height);
void sanl_image_free(struct sanl_image *image); /* takes NULL and a zeroed object; zeroes it */

struct sanl_image_limits {
    double max_megapixels; /* more is SANL_ERR_LIMIT, found before anything of that size is allocated */
    /* A picture may be decoded smaller, by the largest of 1, 1/2, 1/4, 1/8 that keeps both bounds; 0: no
     * bound. Without any bound it is decoded at full size. Pixel (0, 0) then stands for the upright
     * picture's top left block, for which a turned one may stay larger. */
    int min_side;   /* the shorter side of the result stays at least this */
    int max_shrink; /* the sides are divided by at most this */
};

/* Reads a JPEG or PNG (told apart by content). Grey, palette, 16-bit, alpha (over white), CMYK and YCCK are
 * converted to RGB; colour profiles are not applied. The picture is upright: turned as the orientation in its
 * EXIF block tells, and as stored without one that can be read. Everything speaks of the upright picture, as
 * viewers and OpenCV's imread show it: `out`, the limits, and the coordinates of boxes and landmarks.
 * *full_width and *full_height (may be NULL) get its size in the file, which is that of `out` unless the
 * limits made it smaller.
 *
 * What stands behind the picture (a second one of the camera's, other bytes) is not looked at, nor are
 * thumbnails. A file that ends early is SANL_ERR_FORMAT, even where a JPEG's end marker alone is missing.
 * Messages start with `path`. */
SANL_CHECKED enum sanl_status sanl_image_read(struct sanl_image *out, int *full_width, int *full_height,
                                              const char *path, const struct sanl_image_limits *limits);

/* The same from memory; `name` stands for the path. */
SANL_CHECKED enum sanl_status sanl_image_decode(struct sanl_image *out, int *full_width, int *full_height,
                                                const void *bytes, size_t count, const char *name,
                                                const struct sanl_image_limits *limits);

/* Writes a file whole or not at all, as PNG or, when the name ends in .jpg or .jpeg, as JPEG (quality 1..100,
 * 4:4:4 from 90 on). The bytes depend on the pixels alone. */
SANL_CHECKED enum sanl_status sanl_image_write(const struct sanl_image *image, const char *path, int quality);

/* out = the part [x, x + width) x [y, y + height) of `image`, shrunk by the whole factor `shrink` >= 1 (mean
 * of shrink x shrink blocks; blocks at the right and bottom edge may be partial). The part is clipped to the
 * image and must not be empty. */
SANL_CHECKED enum sanl_status sanl_image_crop(struct sanl_image *out, const struct sanl_image *image, int x,
                                              int y, int width, int height, int shrink);

/* Bilinear resize, pixel centres at integers: output pixel j stands at (j + 0.5) * in / out - 0.5, edges
 * repeated; averages over the covered area when it shrinks. */
SANL_CHECKED enum sanl_status sanl_image_resize(struct sanl_image *out, const struct sanl_image *image,
                                                int width, int height);

/* Copies `part` into `image` with its top left pixel at (x, y); what falls outside is cut off. */
void sanl_image_place(struct sanl_image *image, const struct sanl_image *part, int x, int y);

#endif
