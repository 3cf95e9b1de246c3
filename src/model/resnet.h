/* The ResNet backbone of torchvision, with a place for a block at the end of each stage. */
#ifndef MODEL_RESNET_H
#define MODEL_RESNET_H

#include <sanlcl/config.h>
#include "graph/graph.h"

enum { SANL_STAGES = 4 };

/* Called after stage `stage` (0..3); what it returns is the stage's output and feeds the next stage. */
typedef struct sanl_tensor *sanl_stage_fn(void *payload, struct sanl_graph *g, struct sanl_tensor *x,
                                          int stage);

/* image (n, s, s, 3) -> stages[i] (n, s / 4 / 2^i, ..., channels). `prefix` stands before PyTorch's names
 * ("backbone." or ""). after_stage may be NULL. */
void sanl_model_resnet(struct sanl_graph *g, const char *prefix, enum sanl_backbone backbone,
                       struct sanl_tensor *image, sanl_stage_fn *after_stage, void *payload,
                       struct sanl_tensor *stages[SANL_STAGES]);

#endif
