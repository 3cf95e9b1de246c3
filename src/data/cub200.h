/* The layout of CUB_200_2011: birds of 200 species. */
#ifndef DATA_CUB200_H
#define DATA_CUB200_H

#include "data/dataset.h"

/* Reads images.txt (id name), classes.txt (id name), image_class_labels.txt (id class), train_test_split.txt
 * (id 1 for train) and bounding_boxes.txt (id x y width height, floats). Ids count from 1; pictures lie in
 * images/. The parts are train and test; the published set has no part to validate on. */
SANL_CHECKED enum sanl_status sanl_cub200_read(struct sanl_dataset *dataset);

/* images/001.CATEGORY/NAME; a category that is called so already keeps its name. */
char *sanl_cub200_place(const struct sanl_dataset *dataset, const struct sanl_record *record);
/* A record without a box gets that of its whole picture. */
SANL_CHECKED enum sanl_status sanl_cub200_write(const struct sanl_dataset *dataset, const char *folder);

#endif
