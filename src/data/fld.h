/* The layout of the Fashion Landmark Detection benchmark. */
#ifndef DATA_FLD_H
#define DATA_FLD_H

#include "data/dataset.h"

/* Reads Anno/list_landmarks.txt, Anno/list_bbox.txt, Eval/list_eval_partition.txt and, when they are there,
 * DeepFashion's Anno/list_category_cloth.txt and Anno/list_category_img.txt. Pictures lie in img/ or Img/.
 *
 * The files count pixels from 1; records count from 0: one is subtracted from landmarks and boxes alike, so
 * that coordinates relative to the box are those of readers that subtract nothing. */
SANL_CHECKED enum sanl_status sanl_fld_read(struct sanl_dataset *dataset);

#endif
