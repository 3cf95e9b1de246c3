/* Where a landmark network finds the landmarks of a batch, as the section eval of its configuration says. */
#ifndef TRAIN_LOCATE_H
#define TRAIN_LOCATE_H

#include "train/network.h"

enum { SANL_LOCATED = 3 }; /* values of a landmark: x, y in input pixels, score */

/* For the batch that was loaded last and run forward: out (engine->batch, landmarks, 3). eval.flip runs the
 * network once more, on the mirrored pictures; the graph then holds what it made of them. */
SANL_CHECKED enum sanl_status sanl_locate(float *out, struct sanl_engine *engine);

#endif
