/* One step of stochastic gradient descent with momentum and weight decay, PyTorch's formulas:
 *     d = scale * g + weight_decay * p;  b = momentum * b + d;  p -= lr * b
 * with b = 0 before the first step. in[0] gradient g (1,1,1,count); in[1] the output of grad_norm
 * (1,1,1,2), whose second value is the scale, or (1,1,1,1) with the scale alone; state[0] parameters p,
 * state[1] momentum b. The attributes are read at every call. */
#include "ops/op.h"

enum { LR, MOMENTUM, WEIGHT_DECAY };

static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    (void)device;
    SANL_OP_REQUIRE(call, call->in_count == 2, "expected the inputs gradient and scale");
    size_t scales = sanl_shape_count(call->in_shape[1]);
    SANL_OP_REQUIRE(call, scales == 1 || scales == 2, "expected one or two values in input 1, found %zu",
                    scales);
    SANL_OP_REQUIRE(call, sanl_shape_count(call->in_shape[0]) > 0, "empty gradient");
    call->out_count = call->param_count = call->saved_count = 0;
    call->state_count = 2;
    call->state_shape[0] = call->state_shape[1] = call->in_shape[0];
    call->workspace_bytes = 0;
    return SANL_OK;
}

static void reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    double scale = host->in[1][sanl_shape_count(call->in_shape[1]) - 1];
    double *p = host->state[0], *b = host->state[1];
    for (size_t i = 0; i < sanl_shape_count(call->in_shape[0]); i++) {
        double d = scale * host->in[0][i] + call->attr[WEIGHT_DECAY] * p[i];
        b[i] = call->attr[MOMENTUM] * b[i] + d;
        p[i] -= call->attr[LR] * b[i];
    }
}

static enum sanl_status forward(struct sanl_op_call *call, struct sanl_device *device)
{
    size_t count = sanl_shape_count(call->in_shape[0]);
    return sanl_launch_1d(device, "sgd", "sgd", "", count, "bbbbuufff", call->in[0], call->in[1],
                          call->state[0], call->state[1], (unsigned)count,
                          (unsigned)sanl_shape_count(call->in_shape[1]) - 1, call->attr[LR],
                          call->attr[MOMENTUM], call->attr[WEIGHT_DECAY]);
}

static struct sanl_op_cost cost(const struct sanl_op_call *call, enum sanl_direction direction)
{
    double count = (double)sanl_shape_count(call->in_shape[0]);
    (void)direction;
    return (struct sanl_op_cost){.flops = 7 * count, .bytes = 20 * count};
}

const struct sanl_op sanl_op_sgd = {
    .name = "sgd",
    .attr = {{"lr", 0.01}, {"momentum", 0.9}, {"weight_decay", 0}},
    .in_fill = {SANL_FILL_NORMAL, SANL_FILL_UNIT},
    .infer = infer,
    .reference_forward = reference_forward,
    .forward = forward,
    .cost = cost,
};
