/* Global gradient norm and the factor that limits it: in (1,1,1,count) -> out (1,1,1,2) =
 * [norm, min(1, clip / (norm + 1e-6))]; the factor is 1 with clip = 0 (PyTorch's clip_grad_norm_). */
#include <math.h>
#include "ops/op.h"
#include "ops/reduce.h"

enum { CLIP };

static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    (void)device;
    SANL_OP_REQUIRE(call, call->in_count == 1, "expected one input");
    SANL_OP_REQUIRE(call, sanl_shape_count(call->in_shape[0]) > 0, "empty gradient");
    SANL_OP_REQUIRE(call, call->attr[CLIP] >= 0, "clip must not be negative, found %g", call->attr[CLIP]);
    call->out_count = 1;
    call->out_shape[0] = (struct sanl_shape){1, 1, 1, 2};
    call->param_count = call->state_count = call->saved_count = 0;
    call->workspace_bytes = SANL_REDUCE_FLOATS * sizeof(float);
    return SANL_OK;
}

static void reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    double sum = 0, clip = call->attr[CLIP];
    for (size_t i = 0; i < sanl_shape_count(call->in_shape[0]); i++)
        sum += host->in[0][i] * host->in[0][i];
    host->out[0][0] = sqrt(sum);
    host->out[0][1] = clip > 0 ? fmin(1, clip / (sqrt(sum) + 1e-6)) : 1;
}

static enum sanl_status forward(struct sanl_op_call *call, struct sanl_device *device)
{
    SANL_TRY(
        sanl_reduce_sum(device, call->in[0], sanl_shape_count(call->in_shape[0]), true, call->workspace));
    return sanl_launch_1d(device, "grad_norm", "grad_norm", "", 1, "bbuf", call->workspace, call->out[0],
                          (unsigned)SANL_REDUCE_RESULT, call->attr[CLIP]);
}

static struct sanl_op_cost cost(const struct sanl_op_call *call, enum sanl_direction direction)
{
    double count = (double)sanl_shape_count(call->in_shape[0]);
    (void)direction;
    return (struct sanl_op_cost){.flops = 2 * count, .bytes = 4 * count};
}

const struct sanl_op sanl_op_grad_norm = {
    .name = "grad_norm",
    .attr = {{"clip", 0}},
    .infer = infer,
    .reference_forward = reference_forward,
    .forward = forward,
    .cost = cost,
};
