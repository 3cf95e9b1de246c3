/* The two file formats behind image.h; only jpeg.c and png.c know their libraries. */
#ifndef IMAGE_CODEC_H
#define IMAGE_CODEC_H

#include <stdbool.h>
#include <stdio.h>
#include "image/image.h"

/* Fails with SANL_ERR_LIMIT when a file's size, as its header gives it, is more than is allowed. */
SANL_CHECKED enum sanl_status sanl_image_check_size(unsigned width, unsigned height, const char *name,
                                                    const struct sanl_image_limits *limits);

/* The largest of 1, 2, 4, 8 by which the sides of a file's picture may be divided under the limits. */
int sanl_image_choose_shrink(unsigned width, unsigned height, int orientation,
                             const struct sanl_image_limits *limits);

/* The orientation, 1 to 8, that an EXIF block notes, `tiff` being what follows its "Exif\0\0". 1, which is
 * upright, when it notes none or is broken. */
int sanl_exif_orientation(const void *tiff, size_t count);

/* Whether the upright picture's rows are the file's columns; and whether the file's rows, or columns, run
 * against those of the upright picture. */
bool sanl_orientation_swaps(int orientation);
bool sanl_orientation_flips_x(int orientation);
bool sanl_orientation_flips_y(int orientation);

/* Puts `count` rows (width, 3) of a file, from row y on and row_bytes apart, where they belong in the upright
 * picture. SANL_STRIP of them at a time are quick. */
enum { SANL_STRIP = 32 };
void sanl_image_put_rows(struct sanl_image *upright, const uint8_t *rows, size_t row_bytes, int y, int count,
                         int orientation);

/* As sanl_image_decode, for one format; *full_width and *full_height are set on success. */
SANL_CHECKED enum sanl_status sanl_jpeg_decode(struct sanl_image *out, int *full_width, int *full_height,
                                               const void *bytes, size_t count, const char *name,
                                               const struct sanl_image_limits *limits);
SANL_CHECKED enum sanl_status sanl_png_decode(struct sanl_image *out, int *full_width, int *full_height,
                                              const void *bytes, size_t count, const char *name,
                                              const struct sanl_image_limits *limits);

/* Write a picture to an open file; `name` is for messages. */
SANL_CHECKED enum sanl_status sanl_jpeg_encode(FILE *file, const struct sanl_image *image, const char *name,
                                               int quality);
SANL_CHECKED enum sanl_status sanl_png_encode(FILE *file, const struct sanl_image *image, const char *name);

#endif
