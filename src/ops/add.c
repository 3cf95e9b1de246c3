/* y = a + b, of the same shape. */
#include "ops/sweep.h"

static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    (void)device;
    const struct sanl_shape *in = call->in_shape;
    SANL_OP_REQUIRE(call, call->in_count == 2, "expected 2 inputs, found %d", call->in_count);
    SANL_TRY(sanl_shape_check(call, in[0]));
    SANL_OP_REQUIRE(call, sanl_shape_equal(in[0], in[1]),
                    "expected two inputs of the same shape, found (%d, %d, %d, %d) and (%d, %d, %d, %d)",
                    in[0].n, in[0].h, in[0].w, in[0].c, in[1].n, in[1].h, in[1].w, in[1].c);
    call->out_count = 1;
    call->out_shape[0] = in[0];
    return SANL_OK;
}

static void reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const size_t count = sanl_shape_count(call->in_shape[0]);
    for (size_t i = 0; i < count; i++)
        host->out[0][i] = host->in[0][i] + host->in[1][i];
}

static void reference_backward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const size_t count = sanl_shape_count(call->in_shape[0]);
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; host->din[k] && i < count; i++)
            host->din[k][i] = host->dout[0][i];
}

static enum sanl_status forward(struct sanl_op_call *call, struct sanl_device *device)
{
    const size_t count = sanl_shape_count(call->in_shape[0]);
    const struct sanl_sweep sweep = sanl_sweep_flat(device, count);
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "add", "add_forward", sweep.options));
    return sanl_launch(device, kernel, sweep.range, "libbb", (int64_t)(count / (size_t)sweep.width),
                       sweep.span, call->in[0], call->in[1], call->out[0]);
}

static enum sanl_status backward(struct sanl_op_call *call, struct sanl_device *device)
{
    const size_t count = sanl_shape_count(call->in_shape[0]);
    const struct sanl_sweep sweep = sanl_sweep_flat(device, count);
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "add", "add_backward", sweep.options));
    for (int k = 0; k < 2; k++)
        if (call->din[k])
            SANL_TRY(sanl_launch(device, kernel, sweep.range, "liibb", (int64_t)(count / (size_t)sweep.width),
                                 sweep.span, call->din_add[k], call->dout[0], call->din[k]));
    return SANL_OK;
}

static struct sanl_op_cost cost(const struct sanl_op_call *call, enum sanl_direction direction)
{
    const double count = (double)sanl_shape_count(call->in_shape[0]);
    return (struct sanl_op_cost){direction == SANL_FORWARD ? count : 0, 12 * count};
}

const struct sanl_op sanl_op_add = {
    .name = "add",
    .in_grad = 3,
    .infer = infer,
    .reference_forward = reference_forward,
    .reference_backward = reference_backward,
    .forward = forward,
    .backward = backward,
    .cost = cost,
};
