/* The maps behind predictions: read from the device in NCHW, and gathered into a file. */
#ifndef TRAIN_PREDICTOR_H
#define TRAIN_PREDICTOR_H

#include <sanlcl/predict.h>
#include "train/network.h"

/* ---- maps of one batch --------------------------------------------------------------------------- */

struct sanl_maps;

/* For an inference engine, which must outlive it. */
SANL_CHECKED enum sanl_status sanl_maps_create(struct sanl_maps **out, struct sanl_engine *engine);
void sanl_maps_free(struct sanl_maps *maps); /* takes NULL */

/* Between loading and forward: the network's input and its attention maps, made anew for the classes `target`
 * (batch,), NULL: the likeliest. logits (batch, classes) get the classifier's answer where there is one. */
SANL_CHECKED enum sanl_status sanl_maps_read_inputs(struct sanl_maps *maps, const int *target, float *logits);

/* After forward: the heatmaps. */
SANL_CHECKED enum sanl_status sanl_maps_read_heatmaps(struct sanl_maps *maps);

/* The maps of picture i of the batch. */
void sanl_maps_describe(struct sanl_prediction *out, const struct sanl_maps *maps, int i);

/* ---- tensors of all pictures --------------------------------------------------------------------- */

struct sanl_dump;

SANL_CHECKED enum sanl_status sanl_dump_create(struct sanl_dump **out, int classes);
void sanl_dump_free(struct sanl_dump *dump); /* takes NULL */

/* Keeps a copy of the picture's maps and of its logits (classes,). */
SANL_CHECKED enum sanl_status sanl_dump_add(struct sanl_dump *dump, const struct sanl_prediction *prediction,
                                            const float *logits);
SANL_CHECKED enum sanl_status sanl_dump_write(const struct sanl_dump *dump, const char *path);

#endif
