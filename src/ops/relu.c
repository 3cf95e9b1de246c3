/* y = max(x, 0). The gradient passes where y > 0, so that x itself is not needed again. */
#include "ops/sweep.h"

#include <math.h>
#include "base/random.h"

static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    (void)device;
    SANL_OP_REQUIRE(call, call->in_count == 1, "expected 1 input, found %d", call->in_count);
    SANL_TRY(sanl_shape_check(call, call->in_shape[0]));
    call->out_count = 1;
    call->out_shape[0] = call->in_shape[0];
    return SANL_OK;
}

static void reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const size_t count = sanl_shape_count(call->in_shape[0]);
    for (size_t i = 0; i < count; i++)
        host->out[0][i] = host->in[0][i] < 0 ? 0 : host->in[0][i];
}

static void reference_backward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const size_t count = sanl_shape_count(call->in_shape[0]);
    for (size_t i = 0; host->din[0] && i < count; i++)
        host->din[0][i] = host->out[0][i] <= 0 ? 0 : host->dout[0][i];
}

static enum sanl_status forward(struct sanl_op_call *call, struct sanl_device *device)
{
    const size_t count = sanl_shape_count(call->in_shape[0]);
    const struct sanl_sweep sweep = sanl_sweep_flat(device, count);
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "relu", "relu_forward", sweep.options));
    return sanl_launch(device, kernel, sweep.range, "libb", (int64_t)(count / (size_t)sweep.width),
                       sweep.span, call->in[0], call->out[0]);
}

static enum sanl_status backward(struct sanl_op_call *call, struct sanl_device *device)
{
    if (!call->din[0])
        return SANL_OK;
    const size_t count = sanl_shape_count(call->in_shape[0]);
    const struct sanl_sweep sweep = sanl_sweep_flat(device, count);
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "relu", "relu_backward", sweep.options));
    return sanl_launch(device, kernel, sweep.range, "liibbb", (int64_t)(count / (size_t)sweep.width),
                       sweep.span, call->din_add[0], call->out[0], call->dout[0], call->din[0]);
}

static struct sanl_op_cost cost(const struct sanl_op_call *call, enum sanl_direction direction)
{
    const double count = (double)sanl_shape_count(call->in_shape[0]);
    return (struct sanl_op_cost){count, (direction == SANL_FORWARD ? 8 : 12) * count};
}

/* Both signs, and away from 0, where there is no derivative. */
static void fill(const struct sanl_op_call *call, const struct sanl_op_host *host, uint64_t seed)
{
    const size_t count = sanl_shape_count(call->in_shape[0]);
    for (size_t i = 0; i < count; i++) {
        const double x = sanl_random_normal(seed, i);
        host->in[0][i] = (float)(x + copysign(0.01, x));
    }
}

const struct sanl_op sanl_op_relu = {
    .name = "relu",
    .in_fill = {SANL_FILL_OWN},
    .in_grad = 1,
    .backward_out = 1,
    .cheap = true,
    .infer = infer,
    .reference_forward = reference_forward,
    .reference_backward = reference_backward,
    .forward = forward,
    .backward = backward,
    .cost = cost,
    .fill = fill,
};
