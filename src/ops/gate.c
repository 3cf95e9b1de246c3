/* The gate of an attention map: y = x * (1 + a), x (n, h, w, c), a (n, h, w, 1). a is given from outside: it
 * has no gradient. */
#include "ops/sweep.h"

static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    (void)device;
    SANL_OP_REQUIRE(call, call->in_count == 2, "expected 2 inputs, found %d", call->in_count);
    const struct sanl_shape x = call->in_shape[0], a = call->in_shape[1];
    SANL_TRY(sanl_shape_check(call, x));
    SANL_OP_REQUIRE(call, sanl_shape_equal(a, (struct sanl_shape){x.n, x.h, x.w, 1}),
                    "expected a map of (%d, %d, %d, 1), found (%d, %d, %d, %d)", x.n, x.h, x.w, a.n, a.h, a.w,
                    a.c);
    call->out_count = 1;
    call->out_shape[0] = x;
    return SANL_OK;
}

static void scale_rows(double *y, const double *x, const double *a, struct sanl_shape shape)
{
    const size_t rows = sanl_shape_rows(shape), c = (size_t)shape.c;
    for (size_t row = 0; row < rows; row++)
        for (size_t k = 0; k < c; k++)
            y[row * c + k] = x[row * c + k] * (1 + a[row]);
}

static void reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    scale_rows(host->out[0], host->in[0], host->in[1], call->in_shape[0]);
}

static void reference_backward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    if (host->din[0])
        scale_rows(host->din[0], host->dout[0], host->in[1], call->in_shape[0]);
}

static enum sanl_status forward(struct sanl_op_call *call, struct sanl_device *device)
{
    const struct sanl_shape x = call->in_shape[0];
    const size_t rows = sanl_shape_rows(x);
    const struct sanl_sweep sweep = sanl_sweep_rows(device, rows, x.c, x.c);
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "gate", "gate_forward", sweep.options));
    return sanl_launch(device, kernel, sweep.range, "iiibbb", (int)rows, sweep.groups, sweep.span,
                       call->in[0], call->in[1], call->out[0]);
}

static enum sanl_status backward(struct sanl_op_call *call, struct sanl_device *device)
{
    if (!call->din[0])
        return SANL_OK;
    const struct sanl_shape x = call->in_shape[0];
    const size_t rows = sanl_shape_rows(x);
    const struct sanl_sweep sweep = sanl_sweep_rows(device, rows, x.c, x.c);
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "gate", "gate_backward", sweep.options));
    return sanl_launch(device, kernel, sweep.range, "iiiibbb", (int)rows, sweep.groups, sweep.span,
                       call->din_add[0], call->in[1], call->dout[0], call->din[0]);
}

static struct sanl_op_cost cost(const struct sanl_op_call *call, enum sanl_direction direction)
{
    (void)direction;
    const double count = (double)sanl_shape_count(call->in_shape[0]);
    return (struct sanl_op_cost){count, 8 * count + 4 * (double)sanl_shape_rows(call->in_shape[0])};
}

const struct sanl_op sanl_op_gate = {
    .name = "gate",
    .in_fill = {SANL_FILL_NORMAL, SANL_FILL_UNIT},
    .in_grad = 1,
    .backward_in = 2,
    .cheap = true,
    .infer = infer,
    .reference_forward = reference_forward,
    .reference_backward = reference_backward,
    .forward = forward,
    .backward = backward,
    .cost = cost,
};
