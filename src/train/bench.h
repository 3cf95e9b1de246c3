/* What the files of the benchmark share. */
#ifndef TRAIN_BENCH_H
#define TRAIN_BENCH_H

#include <sanlcl/bench.h>
#include "ops/work.h"

/* Adds what a training step, or inference, of the configured network does, the upload's warp and the Grad-CAM
 * classifier included. */
SANL_CHECKED enum sanl_status sanl_bench_list_work(struct sanl_work_list *list,
                                                   const struct sanl_config *config,
                                                   struct sanl_device *device, int batch, bool training);

#endif
