/* The table that the public PyTorch projects for DeepFashion and FLD make of the annotation files: one row
 * for a picture. */
#ifndef DATA_INFO_CSV_H
#define DATA_INFO_CSV_H

#include "data/dataset.h"

/* Reads the one of info.csv, df_info.csv and fld_info.csv that lies in the root or in Anno/, or the file
 * that is the root: fld_info.csv is FLD, the others are DeepFashion-C. Columns are found by their names,
 * others are left alone: image_name, x_1 y_1 x_2 y_2, evaluation_status (train, val, test), for each of lc
 * rc ls rs lw rw lh rh: lm_.._x lm_.._y lm_.._vis lm_.._in_pic, and, where both are there, category_label
 * (from 0) and category_name. vis 1 is visible; else in_pic 1 is occluded, 0 cut off; (0, 0) with vis 1
 * stands for a landmark that the garment has not. Pixels count from 1, as in the annotation files. */
SANL_CHECKED enum sanl_status sanl_info_csv_read(struct sanl_dataset *dataset);
SANL_CHECKED enum sanl_status sanl_info_csv_write(const struct sanl_dataset *dataset, const char *folder);

#endif
