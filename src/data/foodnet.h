/* The layout of ChineseFoodNet: dishes of 208 kinds. */
#ifndef DATA_FOODNET_H
#define DATA_FOODNET_H

#include "data/dataset.h"

/* Reads train_list.txt, val_list.txt and test_truth_list.txt, each "NAME LABEL" in a row with labels from 0
 * on, in the root or its folder release_data; one may be missing. Names are relative to train/, val/ and
 * test/. There are no boxes. Categories are called by their numbers, 000 and on; there are 208. */
SANL_CHECKED enum sanl_status sanl_foodnet_read(struct sanl_dataset *dataset);

/* train/000/NAME, val/000/NAME, test/NAME. */
char *sanl_foodnet_place(const struct sanl_dataset *dataset, const struct sanl_record *record);
SANL_CHECKED enum sanl_status sanl_foodnet_write(const struct sanl_dataset *dataset, const char *folder);

#endif
