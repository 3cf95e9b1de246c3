/* The layout of DeepFashion2. */
#ifndef DATA_DEEPFASHION2_H
#define DATA_DEEPFASHION2_H

#include "data/dataset.h"

/* Reads {train,validation}/annos/NAME.json, at least one of the folders; the picture of each is
 * {train,validation}/image/NAME.jpg. Each of its items, "item1" and so on, is a record: category_id 1 to 13
 * (which is its type of clothes, too), bounding_box [x1, y1, x2, y2], and landmarks, an x, y, v for each of
 * the garment: v 2 visible, 1 occluded, 0 not labelled, which is taken as cut off, as is what lies at (0, 0).
 * Pixels are counted from 0. What else an item has is not read. */
SANL_CHECKED enum sanl_status sanl_deepfashion2_read(struct sanl_dataset *dataset);

/* Pictures keep the last part of their names, which must be a picture's own within its part. */
char *sanl_deepfashion2_place(const struct sanl_dataset *dataset, const struct sanl_record *record);

/* Writes what is read, and no more: no segmentation, no pairs. Records of one picture go to one file. */
SANL_CHECKED enum sanl_status sanl_deepfashion2_write(const struct sanl_dataset *dataset, const char *folder);

/* The category of a record of this type of clothes, for readers; names the categories of a data set without
 * any. */
SANL_CHECKED enum sanl_status sanl_deepfashion2_classify(struct sanl_dataset *dataset,
                                                         struct sanl_record *record, int clothes);

#endif
