/* Resizing by the nearest pixel or bilinearly, PyTorch's F.interpolate with align_corners=False: output pixel
 * o of `out` stands at input position (o + 0.5) * in / out - 0.5 (bilinear, not below 0) or copies input
 * pixel floor(o * in / out) (nearest). The size is out_h, out_w or, where they are 0, `factor` times the
 * first input's. Of 2 to 4 inputs the output is the sum, each resized to that size. */
#include "ops/sweep.h"

#include <math.h>
#include <string.h>

enum { MODE, FACTOR, OUT_H, OUT_W };
enum { NEAREST, BILINEAR }; /* of attribute mode */

enum { FACTOR_MAX = 64, SIDE_MAX = 16384, IN_MAX = 4 };

static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    (void)device;
    const double *attr = call->attr;
    SANL_OP_REQUIRE(call, call->in_count >= 1 && call->in_count <= IN_MAX,
                    "expected 1 to %d inputs, found %d", IN_MAX, call->in_count);
    const struct sanl_shape in = call->in_shape[0];
    SANL_TRY(sanl_shape_check(call, in));
    SANL_OP_REQUIRE(call, sanl_attr_whole(attr[MODE], NEAREST, BILINEAR),
                    "expected mode 0 (nearest) or 1 (bilinear), found %g", attr[MODE]);
    SANL_OP_REQUIRE(call, sanl_attr_whole(attr[FACTOR], 1, FACTOR_MAX),
                    "expected a factor of 1 to %d, found %g", FACTOR_MAX, attr[FACTOR]);
    SANL_OP_REQUIRE(
        call, sanl_attr_whole(attr[OUT_H], 0, SIDE_MAX) && sanl_attr_whole(attr[OUT_W], 0, SIDE_MAX),
        "expected out_h and out_w of 0 to %d, found %g and %g", SIDE_MAX, attr[OUT_H], attr[OUT_W]);
    const int factor = (int)attr[FACTOR];
    const struct sanl_shape out = {in.n, attr[OUT_H] > 0 ? (int)attr[OUT_H] : in.h * factor,
                                   attr[OUT_W] > 0 ? (int)attr[OUT_W] : in.w * factor, in.c};
    for (int k = 0; k < call->in_count; k++) {
        const struct sanl_shape from = call->in_shape[k];
        SANL_TRY(sanl_shape_check(call, from));
        SANL_OP_REQUIRE(call, from.n == out.n && from.c == out.c,
                        "expected input %d of (%d, any, any, %d), found (%d, %d, %d, %d)", k, out.n, out.c,
                        from.n, from.h, from.w, from.c);
        SANL_OP_REQUIRE(call, out.h <= FACTOR_MAX * from.h && out.w <= FACTOR_MAX * from.w,
                        "expected a side to grow at most %d times, found (%d, %d) from (%d, %d)", FACTOR_MAX,
                        out.h, out.w, from.h, from.w);
    }
    call->out_count = 1;
    call->out_shape[0] = out;
    return sanl_shape_check(call, out);
}

/* ---- reference ----------------------------------------------------------------------------------- */

/* Output pixel o is the sum of weight[j] * input pixel at[j]. */
struct taps {
    int at[2];
    double weight[2];
};

static struct taps taps_of(const struct sanl_op_call *call, int o, int in, int out)
{
    if (call->attr[MODE] == NEAREST)
        return (struct taps){{(int)((long)o * in / out), 0}, {1, 0}};
    const double position = fmax((o + 0.5) * in / out - 0.5, 0);
    const int below = (int)position < in - 1 ? (int)position : in - 1;
    const int above = below < in - 1 ? below + 1 : below;
    return (struct taps){{below, above}, {1 - (position - below), position - below}};
}

/* Adds, for one output pixel, input k to the output or (backward) the output's gradient to the input's. */
static void visit_pixel(const struct sanl_op_call *call, int k, double *in, double *out, int n, int oy,
                        int ox, enum sanl_direction direction)
{
    const struct sanl_shape from = call->in_shape[k], to = call->out_shape[0];
    const struct taps y = taps_of(call, oy, from.h, to.h), x = taps_of(call, ox, from.w, to.w);
    const size_t c = (size_t)from.c;
    double *there = &out[(((size_t)n * (size_t)to.h + (size_t)oy) * (size_t)to.w + (size_t)ox) * c];
    for (int j = 0; j < 4; j++) {
        const double weight = y.weight[j / 2] * x.weight[j % 2];
        const size_t line = (size_t)n * (size_t)from.h + (size_t)y.at[j / 2];
        double *here = &in[(line * (size_t)from.w + (size_t)x.at[j % 2]) * c];
        for (size_t i = 0; i < c && weight != 0; i++)
            if (direction == SANL_FORWARD)
                there[i] += weight * here[i];
            else
                here[i] += weight * there[i];
    }
}

static void visit(const struct sanl_op_call *call, int k, double *in, double *out,
                  enum sanl_direction direction)
{
    const struct sanl_shape to = call->out_shape[0];
    for (int n = 0; n < to.n; n++)
        for (int oy = 0; oy < to.h; oy++)
            for (int ox = 0; ox < to.w; ox++)
                visit_pixel(call, k, in, out, n, oy, ox, direction);
}

static void reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    memset(host->out[0], 0, sanl_shape_count(call->out_shape[0]) * sizeof(double));
    for (int k = 0; k < call->in_count; k++)
        visit(call, k, host->in[k], host->out[0], SANL_FORWARD);
}

static void reference_backward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    for (int k = 0; k < call->in_count; k++) {
        if (!host->din[k])
            continue;
        memset(host->din[k], 0, sanl_shape_count(call->in_shape[k]) * sizeof(double));
        visit(call, k, host->din[k], host->dout[0], SANL_BACKWARD);
    }
}

/* ---- device -------------------------------------------------------------------------------------- */

static enum sanl_status forward(struct sanl_op_call *call, struct sanl_device *device)
{
    const struct sanl_shape *in = call->in_shape, out = call->out_shape[0];
    const struct sanl_sweep sweep = sanl_sweep_picture(device, out);
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "upsample", "upsample_forward", sweep.options));
    return sanl_launch(device, kernel, sweep.range, "i14b5", call->attr[MODE] == BILINEAR ? 1 : 0,
                       out.n * out.h, sweep.groups, out.h, out.w, call->in_count, in[0].h, in[0].w, in[1].h,
                       in[1].w, in[2].h, in[2].w, in[3].h, in[3].w, call->in[0], call->in[1], call->in[2],
                       call->in[3], call->out[0]);
}

static enum sanl_status backward(struct sanl_op_call *call, struct sanl_device *device)
{
    const struct sanl_shape out = call->out_shape[0];
    const char *name =
        call->attr[MODE] == NEAREST ? "upsample_nearest_backward" : "upsample_bilinear_backward";
    for (int k = 0; k < call->in_count; k++) {
        if (!call->din[k])
            continue;
        const struct sanl_shape in = call->in_shape[k];
        const struct sanl_sweep sweep = sanl_sweep_picture(device, in);
        struct sanl_kernel *kernel;
        SANL_TRY(sanl_kernel_get(&kernel, device, "upsample", name, sweep.options));
        SANL_TRY(sanl_launch(device, kernel, sweep.range, "iiiiiiibb", in.n * in.h, in.h, in.w, sweep.groups,
                             out.h, out.w, call->din_add[k], call->dout[0], call->din[k]));
    }
    return SANL_OK;
}

static struct sanl_op_cost cost(const struct sanl_op_call *call, enum sanl_direction direction)
{
    (void)direction;
    const double out = (double)sanl_shape_count(call->out_shape[0]);
    struct sanl_op_cost cost = {0, 4 * out};
    for (int k = 0; k < call->in_count; k++) {
        cost.flops += (call->attr[MODE] == NEAREST ? 0 : 8 * out) + (k > 0 ? out : 0);
        cost.bytes += 4 * (double)sanl_shape_count(call->in_shape[k]);
    }
    return cost;
}

const struct sanl_op sanl_op_upsample = {
    .name = "upsample",
    .attr = {{"mode", NEAREST}, {"factor", 2}, {"out_h", 0}, {"out_w", 0}},
    .in_grad = 15,
    .cheap = true,
    .infer = infer,
    .reference_forward = reference_forward,
    .reference_backward = reference_backward,
    .forward = forward,
    .backward = backward,
    .cost = cost,
};
