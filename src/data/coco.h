/* COCO's keypoint annotations, as mmpose uses them for FLD. */
#ifndef DATA_COCO_H
#define DATA_COCO_H

#include "data/dataset.h"

/* Reads annotations/fld_{upper,lower,full}_{train,val,test}.json, with 6, 4 and 8 keypoints in FLD's order,
 * and annotations/{train,val,test}.json, whose annotations say by their number of keypoints which garment it
 * is, or have all 294 of DeepFashion2 and say it by their category_id, 1 to 13; at least one file must be
 * there. Each annotation is a record; several may share a picture. Keypoints are (x, y, v): v 2 visible, 1
 * occluded, 0 cut off, as is what lies at (0, 0). Pictures are named relative to the root or to img/.
 *
 * COCO counts pixels from 0. The files called fld_... hold FLD's own coordinates, which count from 1: there,
 * one is subtracted from keypoints and boxes alike. Their numbers of pictures are compared with FLD's. */
SANL_CHECKED enum sanl_status sanl_coco_read(struct sanl_dataset *dataset);
SANL_CHECKED enum sanl_status
sanl_coco_settle(struct sanl_dataset *dataset); /* finds the pictures' folder, and which set it is */

/* Writes the files called fld_... of the parts and garments that the data set has; DeepFashion2's landmarks
 * into annotations/{train,val}.json. */
SANL_CHECKED enum sanl_status sanl_coco_write(const struct sanl_dataset *dataset, const char *folder);

#endif
