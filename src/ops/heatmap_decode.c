/* Landmarks from heatmaps (n,h,w,L): out (n,1,L,3) = x_in, y_in in input pixels, score. The score is the
 * maximum, its place the first one in row-major order, moved a quarter of a heatmap pixel towards the higher
 * neighbour on each axis (not at the border, not when both are equal); x_in = stride * x_hm + (stride - 1)
 * / 2. */
#include "ops/op.h"

enum { STRIDE };

static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    (void)device;
    SANL_OP_REQUIRE(call, call->in_count == 1, "expected one input");
    struct sanl_shape s = call->in_shape[0];
    SANL_OP_REQUIRE(call, sanl_shape_count(s) > 0, "empty heatmaps");
    SANL_OP_REQUIRE(call, call->attr[STRIDE] >= 1, "stride must be at least 1, found %g", call->attr[STRIDE]);
    call->out_count = 1;
    call->out_shape[0] = (struct sanl_shape){s.n, 1, s.c, 3};
    call->param_count = call->state_count = call->saved_count = 0;
    call->workspace_bytes = (size_t)s.n * (size_t)s.h * (size_t)s.c * 2 * sizeof(float);
    return SANL_OK;
}

static double quarter(double before, double after)
{
    return after > before ? 0.25 : after < before ? -0.25 : 0;
}

static void reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const struct sanl_shape s = call->in_shape[0];
    const double stride = call->attr[STRIDE];
    const size_t w = (size_t)s.w, h = (size_t)s.h, c = (size_t)s.c;
    for (size_t i = 0; i < (size_t)s.n * c; i++) {
        const double *heat = host->in[0] + i / c * h * w * c + i % c; /* (h, w), c apart */
        size_t best = 0;
        for (size_t k = 1; k < h * w; k++)
            if (heat[k * c] > heat[best * c])
                best = k;
        size_t x = best % w, y = best / w;
        double *out = host->out[0] + 3 * i;
        double dx = x > 0 && x + 1 < w ? quarter(heat[(best - 1) * c], heat[(best + 1) * c]) : 0;
        double dy = y > 0 && y + 1 < h ? quarter(heat[(best - w) * c], heat[(best + w) * c]) : 0;
        out[0] = stride * ((double)x + dx) + (stride - 1) / 2;
        out[1] = stride * ((double)y + dy) + (stride - 1) / 2;
        out[2] = heat[best * c];
    }
}

static enum sanl_status forward(struct sanl_op_call *call, struct sanl_device *device)
{
    const struct sanl_shape s = call->in_shape[0];
    size_t rows = (size_t)s.n * (size_t)s.h * (size_t)s.c, landmarks = (size_t)s.n * (size_t)s.c;
    SANL_TRY(sanl_launch_1d(device, "heatmap_decode", "heatmap_decode_rows", "", rows, "bbuii", call->in[0],
                            call->workspace, (unsigned)rows, s.w, s.c));
    return sanl_launch_1d(device, "heatmap_decode", "heatmap_decode", "", landmarks, "bbbuiiif", call->in[0],
                          call->workspace, call->out[0], (unsigned)landmarks, s.h, s.w, s.c,
                          call->attr[STRIDE]);
}

static struct sanl_op_cost cost(const struct sanl_op_call *call, enum sanl_direction direction)
{
    double count = (double)sanl_shape_count(call->in_shape[0]);
    (void)direction;
    return (struct sanl_op_cost){.flops = count, .bytes = 4 * count};
}

const struct sanl_op sanl_op_heatmap_decode = {
    .name = "heatmap_decode",
    .attr = {{"stride", 4}},
    .in_fill = {SANL_FILL_DISTINCT},
    .infer = infer,
    .reference_forward = reference_forward,
    .forward = forward,
    .cost = cost,
};
