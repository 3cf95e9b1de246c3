/* Grad-CAM map of one stage: activations A (n,h,w,c), gradients G (n,h,w,c) of the score -> (n,h,w,1),
 *     m = relu(sum_k alpha_k A_k),  alpha_k = mean over positions of G_k,
 * and over the positions of an image, by attribute "norm":
 *     0: m / max m;  1: (m - min m) / (max m - min m);  2: m
 * where 0 / 0 is 0. */
#include <math.h>
#include "ops/sweep.h"

enum { NORM }; /* attributes */
enum norm { NORM_MAX, NORM_MINMAX, NORM_NONE };

/* Positions of which one work-item takes the sum, or the maximum. */
enum { SUM_CHUNK = 16, PEAK_CHUNK = 64, PIXELS = 64 /* to a group of single work-items */ };

static size_t chunks_of(const struct sanl_op_call *call, int length)
{
    const size_t positions = (size_t)call->in_shape[0].h * (size_t)call->in_shape[0].w;
    return (positions + (size_t)length - 1) / (size_t)length;
}

/* The workspace: sums of gradients (n,chunks,c), alpha (n,c), map before its scaling (n,h,w), minima
 * and maxima (n,chunks,2). */
struct layout {
    size_t alpha, map, peaks, total;
};

static struct layout layout_of(const struct sanl_op_call *call)
{
    const struct sanl_shape s = call->in_shape[0];
    const size_t n = (size_t)s.n, c = (size_t)s.c;
    struct layout at = {.alpha = n * chunks_of(call, SUM_CHUNK) * c};
    at.map = at.alpha + n * c;
    at.peaks = at.map + n * (size_t)s.h * (size_t)s.w;
    at.total = at.peaks + 2 * n * chunks_of(call, PEAK_CHUNK);
    return at;
}

static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    (void)device;
    SANL_OP_REQUIRE(call, call->in_count == 2, "expected the inputs activations and gradients");
    struct sanl_shape a = call->in_shape[0], g = call->in_shape[1];
    SANL_OP_REQUIRE(call, sanl_shape_count(a) > 0, "empty activations");
    SANL_OP_REQUIRE(call, a.n == g.n && a.h == g.h && a.w == g.w && a.c == g.c,
                    "activations (%d,%d,%d,%d) and gradients (%d,%d,%d,%d) differ in shape", a.n, a.h, a.w,
                    a.c, g.n, g.h, g.w, g.c);
    SANL_OP_REQUIRE(call, call->attr[NORM] >= NORM_MAX && call->attr[NORM] <= NORM_NONE, "norm is 0, 1 or 2");
    call->out_count = 1;
    call->out_shape[0] = (struct sanl_shape){a.n, a.h, a.w, 1};
    call->param_count = call->state_count = call->saved_count = 0;
    call->workspace_bytes = layout_of(call).total * sizeof(float);
    return SANL_OK;
}

/* x (positions), at least 0 */
static void normalise(double *x, size_t positions, enum norm norm)
{
    double low = INFINITY, peak = 0;
    for (size_t i = 0; i < positions; i++) {
        low = fmin(low, x[i]);
        peak = fmax(peak, x[i]);
    }
    low = norm == NORM_MINMAX ? low : 0;
    for (size_t i = 0; norm != NORM_NONE && i < positions; i++)
        x[i] = peak > low ? (x[i] - low) / (peak - low) : 0;
}

static void reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const size_t c = (size_t)call->in_shape[0].c;
    const size_t positions = (size_t)call->in_shape[0].h * (size_t)call->in_shape[0].w;
    for (size_t n = 0; n < (size_t)call->in_shape[0].n; n++) {
        const double *a = host->in[0] + n * positions * c, *g = host->in[1] + n * positions * c;
        double *out = host->out[0] + n * positions;
        for (size_t i = 0; i < positions; i++)
            out[i] = 0;
        for (size_t k = 0; k < c; k++) {
            double alpha = 0;
            for (size_t i = 0; i < positions; i++)
                alpha += g[i * c + k] / (double)positions;
            for (size_t i = 0; i < positions; i++)
                out[i] += alpha * a[i * c + k];
        }
        for (size_t i = 0; i < positions; i++)
            out[i] = fmax(out[i], 0);
        normalise(out, positions, (enum norm)call->attr[NORM]);
    }
}

static enum sanl_status make_map(struct sanl_op_call *call, struct sanl_device *device)
{
    const struct sanl_shape s = call->in_shape[0];
    const struct layout at = layout_of(call);
    const int positions = s.h * s.w, chunks = (int)chunks_of(call, SUM_CHUNK), parts = s.n * chunks;
    struct sanl_sweep sweep = sanl_sweep_rows(device, 1, s.c, s.c);
    struct sanl_kernel *kernel;
    size_t scratch;
    SANL_TRY(sanl_launch_1d(device, "cam", "cam_sums", sweep.options, (size_t)parts * (size_t)sweep.groups,
                            "bbuiiii", call->in[1], call->workspace, (unsigned)parts, positions, sweep.groups,
                            chunks, (int)SUM_CHUNK));
    SANL_TRY(sanl_kernel_get(&kernel, device, "cam", "cam_alpha", sweep.options));
    struct sanl_range range = sanl_sweep_parts(&sweep, device, kernel, &scratch);
    range.global[2] = (size_t)s.n;
    range.local[2] = 1;
    SANL_TRY(sanl_launch(device, kernel, range, "buiiis", call->workspace, (unsigned)at.alpha, positions,
                         sweep.groups, chunks, scratch));
    SANL_TRY(sanl_kernel_get(&kernel, device, "cam", "cam_map", sweep.options));
    const int groups = sweep.groups;
    sweep.groups = s.n * positions; /* shared out as rows are */
    range = sanl_sweep_parts(&sweep, device, kernel, &scratch);
    const size_t more =
        range.local[1] == 1 && sanl_kernel_max_group(kernel) >= PIXELS * range.local[0] ? PIXELS : 1;
    range.local[0] *= more; /* where an item has a pixel for itself, that is too little for a group */
    scratch *= more;
    return sanl_launch(device, kernel, range, "bbuuiiis", call->in[0], call->workspace, (unsigned)at.alpha,
                       (unsigned)at.map, s.n * positions, positions, groups, scratch);
}

static enum sanl_status forward(struct sanl_op_call *call, struct sanl_device *device)
{
    const struct sanl_shape s = call->in_shape[0];
    const struct layout at = layout_of(call);
    const int positions = s.h * s.w, chunks = (int)chunks_of(call, PEAK_CHUNK);
    const unsigned map = (unsigned)at.map, peaks = (unsigned)at.peaks, pixels = (unsigned)(s.n * positions);
    const char *options = sanl_sweep_rows(device, 1, s.c, s.c).options;
    SANL_TRY(make_map(call, device));
    SANL_TRY(sanl_launch_1d(device, "cam", "cam_peaks", options, (size_t)s.n * (size_t)chunks, "buuiiii",
                            call->workspace, map, peaks, s.n * chunks, chunks, positions, (int)PEAK_CHUNK));
    return sanl_launch_1d(device, "cam", "cam_scale", options, pixels, "bbuuuiii", call->workspace,
                          call->out[0], map, peaks, pixels, positions, chunks, (int)call->attr[NORM]);
}

static struct sanl_op_cost cost(const struct sanl_op_call *call, enum sanl_direction direction)
{
    double count = (double)sanl_shape_count(call->in_shape[0]);
    (void)direction;
    return (struct sanl_op_cost){.flops = 3 * count, .bytes = 8 * count};
}

const struct sanl_op sanl_op_cam = {
    .name = "cam",
    .attr = {{"norm", NORM_MAX}},
    .infer = infer,
    .reference_forward = reference_forward,
    .forward = forward,
    .cost = cost,
};
