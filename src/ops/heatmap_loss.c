/* Masked squared error between heatmaps and Gaussians that are made from coordinates: P (n,h,w,L), positions
 * xy_in (n,1,L,2) in input pixels, weights m (n,1,1,L), 0 or 1 -> loss (1,1,1,1) =
 *     weight * sum m (P - G)^2 / (h w max(1, sum m)),
 *     G = exp(-((x - x_hm)^2 + (y - y_hm)^2) / (2 sigma^2)),  x_hm = (x_in - (stride - 1) / 2) / stride.
 * sigma is in heatmap pixels. saved[0] (1,1,1,1): weight / (h w max(1, sum m)); saved[1] (n,1,w+h,L): the
 * Gaussians' factors along x and y. Gradients flow to P alone. */
#include <math.h>
#include "ops/op.h"
#include "ops/reduce.h"
#include "ops/sweep.h"

enum { SIGMA, STRIDE, WEIGHT };

static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    (void)device;
    SANL_OP_REQUIRE(call, call->in_count == 3, "expected the inputs heatmaps, positions, mask");
    struct sanl_shape p = call->in_shape[0], xy = call->in_shape[1], m = call->in_shape[2];
    SANL_OP_REQUIRE(call, sanl_shape_count(p) > 0, "empty heatmaps");
    SANL_OP_REQUIRE(call, xy.n == p.n && xy.h == 1 && xy.w == p.c && xy.c == 2,
                    "expected positions (%d,1,%d,2), found (%d,%d,%d,%d)", p.n, p.c, xy.n, xy.h, xy.w, xy.c);
    SANL_OP_REQUIRE(call, m.n == p.n && m.h == 1 && m.w == 1 && m.c == p.c,
                    "expected a mask (%d,1,1,%d), found (%d,%d,%d,%d)", p.n, p.c, m.n, m.h, m.w, m.c);
    SANL_OP_REQUIRE(call, call->attr[SIGMA] > 0, "sigma must be positive, found %g", call->attr[SIGMA]);
    SANL_OP_REQUIRE(call, call->attr[STRIDE] >= 1, "stride must be at least 1, found %g", call->attr[STRIDE]);
    call->out_count = 1;
    call->saved_count = 2;
    call->out_shape[0] = call->saved_shape[0] = (struct sanl_shape){1, 1, 1, 1};
    call->saved_shape[1] = (struct sanl_shape){p.n, 1, p.w + p.h, p.c};
    call->param_count = call->state_count = 0;
    call->workspace_bytes = SANL_REDUCE_FLOATS * sizeof(float);
    return SANL_OK;
}

static void reference_axes(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const struct sanl_shape s = call->in_shape[0];
    const double stride = call->attr[STRIDE], sigma = call->attr[SIGMA];
    double *factor = host->saved[1];
    for (int n = 0; n < s.n; n++)
        for (int k = 0; k < s.w + s.h; k++)
            for (int l = 0; l < s.c; l++) {
                int axis = k < s.w ? 0 : 1;
                double at = (host->in[1][2 * (n * s.c + l) + axis] - (stride - 1) / 2) / stride;
                double d = k - axis * s.w - at;
                *factor++ = exp(-d * d / (2 * sigma * sigma));
            }
}

/* m and P - G at one element */
static double residual(const struct sanl_op_call *call, const struct sanl_op_host *host, size_t at, double *m)
{
    const size_t h = (size_t)call->in_shape[0].h, w = (size_t)call->in_shape[0].w,
                 c = (size_t)call->in_shape[0].c;
    size_t l = at % c, x = at / c % w, y = at / c / w % h, n = at / c / w / h;
    const double *axes = host->saved[1] + n * (w + h) * c;
    *m = host->in[2][n * c + l];
    return host->in[0][at] - axes[x * c + l] * axes[(w + y) * c + l];
}

static void reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const struct sanl_shape s = call->in_shape[0];
    double sum = 0, visible = 0, m;
    reference_axes(call, host);
    for (int i = 0; i < s.n * s.c; i++)
        visible += host->in[2][i];
    for (size_t i = 0; i < sanl_shape_count(s); i++) {
        double r = residual(call, host, i, &m);
        sum += m * r * r;
    }
    host->saved[0][0] = call->attr[WEIGHT] / ((double)s.h * s.w * fmax(1, visible));
    host->out[0][0] = sum * host->saved[0][0];
}

static void reference_backward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    double m;
    for (size_t i = 0; i < sanl_shape_count(call->in_shape[0]); i++) {
        double r = residual(call, host, i, &m);
        host->din[0][i] = host->dout[0][0] * host->saved[0][0] * 2 * m * r;
    }
}

static unsigned pixels_of(const struct sanl_op_call *call)
{
    return (unsigned)(sanl_shape_count(call->in_shape[0]) / (size_t)call->in_shape[0].c);
}

static enum sanl_status forward(struct sanl_op_call *call, struct sanl_device *device)
{
    const struct sanl_shape s = call->in_shape[0];
    const double width = 1 / (2 * call->attr[SIGMA] * call->attr[SIGMA]);
    const unsigned factors = (unsigned)sanl_shape_count(call->saved_shape[1]), pixels = pixels_of(call);
    const unsigned parts = pixels < SANL_REDUCE_PARTS ? pixels : SANL_REDUCE_PARTS;
    const struct sanl_sweep one = sanl_sweep_rows(device, 1, 1, 1);
    struct sanl_kernel *mean;
    size_t scratch;
    SANL_TRY(sanl_launch_1d(device, "heatmap_loss", "heatmap_loss_axes", one.options, factors, "bbuiiiff",
                            call->in[1], call->saved[1], factors, s.h, s.w, s.c, call->attr[STRIDE], width));
    SANL_TRY(sanl_launch_1d(device, "heatmap_loss", "heatmap_loss_parts", one.options, parts, "bbbbuuuiii",
                            call->in[0], call->saved[1], call->in[2], call->workspace, parts,
                            (pixels + parts - 1) / parts, pixels, s.h, s.w, s.c));
    SANL_TRY(sanl_reduce_parts(device, parts, call->workspace));
    SANL_TRY(sanl_kernel_get(&mean, device, "heatmap_loss", "heatmap_loss_mean", one.options));
    const struct sanl_range range = sanl_sweep_parts(&one, device, mean, &scratch);
    return sanl_launch(device, mean, range, "bbbbuiifs", call->workspace, call->in[2], call->saved[0],
                       call->out[0], (unsigned)SANL_REDUCE_RESULT, s.n * s.c, s.h * s.w, call->attr[WEIGHT],
                       scratch);
}

static enum sanl_status backward(struct sanl_op_call *call, struct sanl_device *device)
{
    const struct sanl_shape s = call->in_shape[0];
    if (!call->din[0])
        return SANL_OK;
    return sanl_launch_1d(device, "heatmap_loss", "heatmap_loss_backward",
                          sanl_sweep_rows(device, 1, 1, 1).options, pixels_of(call), "bbbbbbuiiii",
                          call->in[0], call->saved[1], call->in[2], call->saved[0], call->dout[0],
                          call->din[0], pixels_of(call), s.h, s.w, s.c, (int)call->din_add[0]);
}

static struct sanl_op_cost cost(const struct sanl_op_call *call, enum sanl_direction direction)
{
    double count = (double)sanl_shape_count(call->in_shape[0]);
    return (struct sanl_op_cost){.flops = 5 * count, .bytes = (direction == SANL_FORWARD ? 4 : 8) * count};
}

const struct sanl_op sanl_op_heatmap_loss = {
    .name = "heatmap_loss",
    .attr = {{"sigma", 1.5}, {"stride", 4}, {"weight", 1}},
    .in_fill = {SANL_FILL_NORMAL, SANL_FILL_PIXEL, SANL_FILL_MASK},
    .in_grad = 1,
    .backward_in = 1 | 4,
    .infer = infer,
    .reference_forward = reference_forward,
    .reference_backward = reference_backward,
    .forward = forward,
    .backward = backward,
    .cost = cost,
};
