/* The two families of attention's kernels, for ops/attention.c alone. Each works through `call` in image
 * groups and blocks of query rows that fit a bounded workspace, whatever the number of queries and keys. */
#ifndef OPS_ATTENTION_H
#define OPS_ATTENTION_H

#include "ops/op.h"

enum { SANL_ATTENTION_Q, SANL_ATTENTION_K, SANL_ATTENTION_V };
enum { SANL_ATTENTION_SCALE }; /* attributes */

/* Of an image. */
static inline int sanl_attention_queries(const struct sanl_op_call *call)
{
    return call->in_shape[SANL_ATTENTION_Q].h * call->in_shape[SANL_ATTENTION_Q].w;
}

static inline int sanl_attention_keys(const struct sanl_op_call *call)
{
    return call->in_shape[SANL_ATTENTION_K].h * call->in_shape[SANL_ATTENTION_K].w;
}

size_t sanl_attention_wide_bytes(const struct sanl_op_call *call, struct sanl_device *device);
SANL_CHECKED enum sanl_status sanl_attention_wide_forward(struct sanl_op_call *call,
                                                          struct sanl_device *device);
SANL_CHECKED enum sanl_status sanl_attention_wide_backward(struct sanl_op_call *call,
                                                           struct sanl_device *device);

size_t sanl_attention_tile_bytes(const struct sanl_op_call *call, struct sanl_device *device);
SANL_CHECKED enum sanl_status sanl_attention_tile_forward(struct sanl_op_call *call,
                                                          struct sanl_device *device);
SANL_CHECKED enum sanl_status sanl_attention_tile_backward(struct sanl_op_call *call,
                                                           struct sanl_device *device);

#endif
