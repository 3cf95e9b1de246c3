/* Concatenation of 2 to 4 inputs (n, h, w, c_k) along the channels. */
#include "ops/sweep.h"

#include <limits.h>

enum { IN_MAX = 4 };

static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    (void)device;
    SANL_OP_REQUIRE(call, call->in_count >= 2 && call->in_count <= IN_MAX,
                    "expected 2 to %d inputs, found %d", IN_MAX, call->in_count);
    struct sanl_shape out = call->in_shape[0];
    SANL_TRY(sanl_shape_check(call, out));
    for (int k = 1; k < call->in_count; k++) {
        const struct sanl_shape in = call->in_shape[k];
        SANL_TRY(sanl_shape_check(call, in));
        SANL_OP_REQUIRE(call, in.n == out.n && in.h == out.h && in.w == out.w,
                        "expected input %d of (%d, %d, %d, any), found (%d, %d, %d, %d)", k, out.n, out.h,
                        out.w, in.n, in.h, in.w, in.c);
        SANL_OP_REQUIRE(call, in.c <= INT_MAX - out.c, "too many channels");
        out.c += in.c;
    }
    call->out_count = 1;
    call->out_shape[0] = out;
    return SANL_OK;
}

/* Between the input's rows and its share, at channel `offset`, of the output's rows. */
static void copy_share(double *in, double *out, struct sanl_shape in_shape, int channels, int offset,
                       enum sanl_direction direction)
{
    const size_t rows = sanl_shape_rows(in_shape), c = (size_t)in_shape.c;
    for (size_t row = 0; row < rows; row++)
        for (size_t k = 0; k < c; k++) {
            double *inside = &in[row * c + k];
            double *joined = &out[row * (size_t)channels + (size_t)offset + k];
            if (direction == SANL_FORWARD)
                *joined = *inside;
            else
                *inside = *joined;
        }
}

static void reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    for (int k = 0, offset = 0; k < call->in_count; offset += call->in_shape[k++].c)
        copy_share(host->in[k], host->out[0], call->in_shape[k], call->out_shape[0].c, offset, SANL_FORWARD);
}

static void reference_backward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    for (int k = 0, offset = 0; k < call->in_count; offset += call->in_shape[k++].c)
        if (host->din[k])
            copy_share(host->din[k], host->dout[0], call->in_shape[k], call->out_shape[0].c, offset,
                       SANL_BACKWARD);
}

static int greatest_common_divisor(int a, int b)
{
    while (b) {
        const int rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static enum sanl_status share(struct sanl_op_call *call, struct sanl_device *device, int k,
                              enum sanl_direction direction)
{
    const int channels = call->in_shape[k].c, joined_channels = call->out_shape[0].c;
    int offset = 0;
    for (int i = 0; i < k; i++)
        offset += call->in_shape[i].c;
    const int common = greatest_common_divisor(greatest_common_divisor(channels, offset), joined_channels);
    const size_t rows = sanl_shape_rows(call->in_shape[k]);
    const struct sanl_sweep sweep = sanl_sweep_rows(device, rows, channels, common);
    const int length = joined_channels / sweep.width;
    offset /= sweep.width;
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "concat", "concat_copy", sweep.options));
    if (direction == SANL_FORWARD)
        return sanl_launch(device, kernel, sweep.range, "iiiiiiiibb", (int)rows, sweep.groups, sweep.span, 0,
                           sweep.groups, 0, length, offset, call->in[k], call->out[0]);
    return sanl_launch(device, kernel, sweep.range, "iiiiiiiibb", (int)rows, sweep.groups, sweep.span,
                       call->din_add[k], length, offset, sweep.groups, 0, call->dout[0], call->din[k]);
}

static enum sanl_status forward(struct sanl_op_call *call, struct sanl_device *device)
{
    for (int k = 0; k < call->in_count; k++)
        SANL_TRY(share(call, device, k, SANL_FORWARD));
    return SANL_OK;
}

static enum sanl_status backward(struct sanl_op_call *call, struct sanl_device *device)
{
    for (int k = 0; k < call->in_count; k++)
        if (call->din[k])
            SANL_TRY(share(call, device, k, SANL_BACKWARD));
    return SANL_OK;
}

static struct sanl_op_cost cost(const struct sanl_op_call *call, enum sanl_direction direction)
{
    (void)direction;
    return (struct sanl_op_cost){0, 8 * (double)sanl_shape_count(call->out_shape[0])};
}

const struct sanl_op sanl_op_concat = {
    .name = "concat",
    .in_grad = 15,
    .cheap = true,
    .infer = infer,
    .reference_forward = reference_forward,
    .reference_backward = reference_backward,
    .forward = forward,
    .backward = backward,
    .cost = cost,
};
