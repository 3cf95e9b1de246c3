/* Work: one pass of one call of an operator. What a network computes is a list of works with counts; the
 * benchmark and the tuner go through it. */
#ifndef OPS_WORK_H
#define OPS_WORK_H

#include "ops/opcase.h"

/* The backward of an operator with a matrix of weights (convolution, linear) is two works, the gradients of
 * its inputs and those of its parameters; any other backward is one. Where a convolution has an epilogue,
 * the epilogue's own backward is in both. */
enum sanl_pass {
    SANL_PASS_PREPARE, /* what is derived from the parameters after each update: repacked weights */
    SANL_PASS_FORWARD,
    SANL_PASS_RECOMPUTE, /* the outputs once more, in the backward pass */
    SANL_PASS_DATA,
    SANL_PASS_WEIGHT,
    SANL_PASS_BACKWARD,
    SANL_PASS_COUNT
};

extern const char *const sanl_pass_names[]; /* NULL-ended */

struct sanl_work {
    struct sanl_op_call call; /* op, attr, in_count, in_shape, training, no_param_grad count; no buffers */
    enum sanl_pass pass;
    unsigned din; /* bit i: the gradient of input i is wanted, and overwritten */
};

struct sanl_work_list {
    struct sanl_work_row {
        struct sanl_work work; /* its call is inferred */
        int count;             /* how many times the list holds it */
    } * rows;                  /* distinct, in the order of their first appearance */
    int count;
    size_t capacity;
};

/* The passes (bit p: pass p) of an inferred call; `din` as in struct sanl_work. Without prepare. */
unsigned sanl_work_passes(const struct sanl_op_call *call, unsigned din);

/* Adds each pass in `passes` of an inferred call once. */
SANL_CHECKED enum sanl_status sanl_work_add(struct sanl_work_list *list, const struct sanl_op_call *call,
                                            unsigned passes, unsigned din);
void sanl_work_free(struct sanl_work_list *list); /* takes a zeroed one */

/* Runs of a pass of `call` follow, for the profile of a device that measures (device/device.h), as `layer` of
 * a network; SANL_PASS_BACKWARD is the whole backward here. sanl_device_leave ends it. */
void sanl_work_enter(struct sanl_device *device, const struct sanl_op_call *call, enum sanl_pass pass,
                     const char *layer);

/* Enters, runs forward and leaves. */
SANL_CHECKED enum sanl_status sanl_work_forward(struct sanl_op_call *call, struct sanl_device *device,
                                                const char *layer);

/* The call as a case (ops/opcase.h); attributes that have their defaults are left out. */
void sanl_work_text(char text[SANL_CASE_BYTES], const struct sanl_op_call *call);

/* The direction, of those that have choices, that it belongs to: 0 forward, 1 data, 2 weight; -1: none. */
int sanl_work_direction(const struct sanl_work *work);

/* The family of kernels that runs it on `device`: wide, tile or clblast. */
enum sanl_route sanl_work_route(const struct sanl_work *work, const struct sanl_device *device);

/* Of one run; the call is inferred. */
struct sanl_op_cost sanl_work_cost(const struct sanl_work *work);

#endif
