/* What a network takes of a device's memory. */
#ifndef SANLCL_MEMORY_H
#define SANLCL_MEMORY_H

#include <sanlcl/config.h>
#include <sanlcl/device.h>
#include <sanlcl/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sanl_memory_kind {
    /* there all the time */
    SANL_MEMORY_PARAMETERS, /* trained values and running statistics */
    SANL_MEMORY_MOMENTS,    /* of the optimiser */
    SANL_MEMORY_PACKED,     /* weights in the order in which kernels read them */
    SANL_MEMORY_INPUTS,
    /* in memory that is used again and again */
    SANL_MEMORY_ACTIVATIONS,
    SANL_MEMORY_SAVED, /* else from forward to backward: statistics of norms and softmax, places of maxima */
    SANL_MEMORY_GRADIENTS,       /* of activations */
    SANL_MEMORY_PARAM_GRADIENTS, /* of parameters, which come as activations go */
    SANL_MEMORY_WORKSPACE,       /* scratch and, in training, packed weights */
    SANL_MEMORY_KINDS
};

/* "activations" and the like. */
const char *sanl_memory_kind_name(enum sanl_memory_kind kind);

struct sanl_memory {
    double bytes[SANL_MEMORY_KINDS]; /* of the later kinds what lives at the peak */
    double live;                     /* all of these kinds at the peak: no plan needs less */
    double placed;                   /* what the plan gives them */
    double total;                    /* the earlier kinds and `placed` */
    double spent;                    /* of the parameters: freed before the first run, without training */
    char peak[96];                   /* the layer at the peak and its direction */
};

/* What is planned: batches of 0 are not. */
struct sanl_memory_use {
    const struct sanl_config *config;
    int train_batch, eval_batch; /* of the engine that trains, and of one that infers */
};

/* Plans the networks on `device` and allocates nothing. Class activation maps are those of a classifier of
 * model.classes. */
SANL_CHECKED enum sanl_status sanl_memory_plan(struct sanl_memory *out, const struct sanl_memory_use *use,
                                               struct sanl_device *device);

/* SANL_ERR_MEMORY when that is more than `bytes`, with the sizes and the largest batch that fits; for 0 the
 * device's memory counts. */
SANL_CHECKED enum sanl_status sanl_memory_check(const struct sanl_memory_use *use, struct sanl_device *device,
                                                double bytes);

#ifdef __cplusplus
}
#endif
#endif
