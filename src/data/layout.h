/* What the writers of data sets share. */
#ifndef DATA_LAYOUT_H
#define DATA_LAYOUT_H

#include <stdio.h>
#include "data/dataset.h"

/* Writes the row of record, or category, `index`. */
typedef void sanl_layout_row(FILE *file, const struct sanl_dataset *dataset, int index);

/* Writes a list: with `columns` the number of rows and the names of the columns, then the rows. */
SANL_CHECKED enum sanl_status sanl_layout_list(const struct sanl_dataset *dataset, const char *folder,
                                               const char *name, const char *columns, int rows,
                                               sanl_layout_row *row);

/* Visibility v as COCO and DeepFashion2 have it: 2 visible, 1 occluded, 0 not labelled, which is cut off; so
 * is what lies at (0, 0), whatever v. The point's coordinates are x - base, y - base. */
struct sanl_point sanl_layout_point(double x, double y, double v, double base);
int sanl_layout_seen(const struct sanl_point *point); /* its v */

/* A number of pixels, padded with zeros to three digits; two decimals where it is not whole. */
void sanl_layout_pixels(FILE *file, double value);

/* The size of the picture of record `index`, read from it. */
SANL_CHECKED enum sanl_status sanl_layout_picture_size(int *width, int *height,
                                                       const struct sanl_dataset *dataset, int index);

/* The name of a picture without its folders, which become a part of it: "a_b_1.jpg" of "img/a/b/1.jpg". In
 * new memory; NULL with the message set on failure. */
char *sanl_layout_flat_name(const struct sanl_record *record);

#endif
