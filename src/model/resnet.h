/* The ResNet of torchvision, with a non-local or SANL block at the end of each stage. */
#ifndef MODEL_RESNET_H
#define MODEL_RESNET_H

#include <sanlcl/config.h>
#include "graph/graph.h"

enum { SANL_STAGES = 4 };

/* The inputs of a ResNet with blocks, from batch, size and block alone: image (n, s, s, 3) and, for block:
 * sanl, cams (n, s/4 .. s/32, 1); NULL else. */
void sanl_model_inputs(struct sanl_graph *g, const struct sanl_model_config *config, int batch,
                       struct sanl_tensor **image, struct sanl_tensor *cam[SANL_STAGES]);

/* x, or the output of its block "sanl.LEVEL" where the configuration has blocks at `place`. */
struct sanl_tensor *sanl_model_block(struct sanl_graph *g, const struct sanl_model_config *config,
                                     enum sanl_block_place place, int level, struct sanl_tensor *x,
                                     struct sanl_tensor *cam);

/* image and cams -> stages[i] (n, s / 4 / 2^i, ..., channels), with its block where that
 * stands in the backbone: the next stage sees its output. `prefix` stands before PyTorch's names of the
 * ResNet ("backbone." or ""). */
void sanl_model_resnet(struct sanl_graph *g, const char *prefix, const struct sanl_model_config *config,
                       struct sanl_tensor *image, struct sanl_tensor *const cam[SANL_STAGES],
                       struct sanl_tensor *stages[SANL_STAGES]);

#endif
