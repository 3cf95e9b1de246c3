/* The layouts of the Fashion Landmark Detection benchmark (FLD) and of DeepFashion's Category and Attribute
 * Prediction benchmark (DeepFashion-C). */
#ifndef DATA_DEEPFASHION_H
#define DATA_DEEPFASHION_H

#include "data/dataset.h"

/* Both read list_landmarks.txt and list_bbox.txt of the folder Anno (or Anno_coarse),
 * Eval/list_eval_partition.txt and, when they are there, list_category_cloth.txt and list_category_img.txt.
 * Pictures lie in img/, Img/ or Img/img/. FLD has a column variation_type, DeepFashion-C has none.
 *
 * The files count pixels from 1; records count from 0: one is subtracted from landmarks and boxes alike, so
 * that coordinates relative to the box are those of readers that subtract nothing. A landmark at 0 0, where
 * no pixel is, is cut off. */
SANL_CHECKED enum sanl_status sanl_fld_read(struct sanl_dataset *dataset);
SANL_CHECKED enum sanl_status sanl_deepfashion_c_read(struct sanl_dataset *dataset);

/* Pictures keep their names below img/. */
char *sanl_deepfashion_place(const struct sanl_dataset *dataset, const struct sanl_record *record);

/* Coordinates are written with two decimals where they are not whole; of a landmark that is cut off, as 0.
 * Names of categories get _ for blanks. */
SANL_CHECKED enum sanl_status sanl_fld_write(const struct sanl_dataset *dataset, const char *folder);
SANL_CHECKED enum sanl_status sanl_deepfashion_c_write(const struct sanl_dataset *dataset,
                                                       const char *folder);

#endif
