/* Maximum and average pooling. The average divides by the whole window, padding included (PyTorch's
 * default); a kernel of 0 means the whole picture. */
#include "ops/sweep.h"

enum { MODE, KERNEL, STRIDE, PAD };
enum { MAXIMUM, AVERAGE }; /* of attribute mode */

enum { KERNEL_MAX = 255 };

struct window {
    int kh, kw, stride, pad;
};

static struct window window_of(const struct sanl_op_call *call)
{
    const int kernel = (int)call->attr[KERNEL];
    if (kernel == 0)
        return (struct window){call->in_shape[0].h, call->in_shape[0].w, 1, 0};
    return (struct window){kernel, kernel, (int)call->attr[STRIDE], (int)call->attr[PAD]};
}

static bool is_maximum(const struct sanl_op_call *call)
{
    return call->attr[MODE] == MAXIMUM;
}

static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    (void)device;
    const double *attr = call->attr;
    SANL_OP_REQUIRE(call, call->in_count == 1, "expected 1 input, found %d", call->in_count);
    SANL_TRY(sanl_shape_check(call, call->in_shape[0]));
    SANL_OP_REQUIRE(call, sanl_attr_whole(attr[MODE], MAXIMUM, AVERAGE),
                    "expected mode 0 (maximum) or 1 (average)");
    SANL_OP_REQUIRE(call, sanl_attr_whole(attr[KERNEL], 0, KERNEL_MAX),
                    "expected a kernel of 0 to %d, found %g", KERNEL_MAX, attr[KERNEL]);
    SANL_OP_REQUIRE(call, sanl_attr_whole(attr[STRIDE], 1, KERNEL_MAX),
                    "expected a stride of 1 to %d, found %g", KERNEL_MAX, attr[STRIDE]);
    SANL_OP_REQUIRE(call, sanl_attr_whole(attr[PAD], 0, (int)attr[KERNEL] / 2),
                    "expected a padding of at most half the kernel, found %g", attr[PAD]);
    const struct sanl_shape in = call->in_shape[0];
    const struct window at = window_of(call);
    SANL_OP_REQUIRE(call, at.kh <= in.h + 2 * at.pad && at.kw <= in.w + 2 * at.pad,
                    "a kernel of %d does not fit into (%d, %d) with padding %d", at.kh, in.h, in.w, at.pad);
    call->out_count = 1;
    call->out_shape[0] = (struct sanl_shape){in.n, (in.h + 2 * at.pad - at.kh) / at.stride + 1,
                                             (in.w + 2 * at.pad - at.kw) / at.stride + 1, in.c};
    call->saved_count = is_maximum(call) && call->training;
    call->saved_shape[0] = call->out_shape[0];
    return SANL_OK;
}

/* ---- reference ----------------------------------------------------------------------------------- */

static size_t at_pixel(struct sanl_shape s, int n, int y, int x, int k)
{
    return (((size_t)n * (size_t)s.h + (size_t)y) * (size_t)s.w + (size_t)x) * (size_t)s.c + (size_t)k;
}

/* What is done at each pixel `in` of the window of `out`; `place` counts along the window's rows. */
typedef void visit_fn(const struct sanl_op_call *call, const struct sanl_op_host *host, size_t out, size_t in,
                      int place, bool first);

static void visit_window(const struct sanl_op_call *call, const struct sanl_op_host *host, visit_fn *visit,
                         int n, int oy, int ox, int k)
{
    const struct sanl_shape in = call->in_shape[0];
    const struct window at = window_of(call);
    const size_t out = at_pixel(call->out_shape[0], n, oy, ox, k);
    bool first = true;
    for (int ky = 0; ky < at.kh; ky++)
        for (int kx = 0; kx < at.kw; kx++) {
            const int y = oy * at.stride - at.pad + ky, x = ox * at.stride - at.pad + kx;
            if (y < 0 || y >= in.h || x < 0 || x >= in.w)
                continue;
            visit(call, host, out, at_pixel(in, n, y, x, k), ky * at.kw + kx, first);
            first = false;
        }
}

static void visit_windows(const struct sanl_op_call *call, const struct sanl_op_host *host, visit_fn *visit)
{
    const struct sanl_shape out = call->out_shape[0];
    for (int n = 0; n < out.n; n++)
        for (int oy = 0; oy < out.h; oy++)
            for (int ox = 0; ox < out.w; ox++)
                for (int k = 0; k < out.c; k++)
                    visit_window(call, host, visit, n, oy, ox, k);
}

static void find_maximum(const struct sanl_op_call *call, const struct sanl_op_host *host, size_t out,
                         size_t in, int place, bool first)
{
    const double x = host->in[0][in], best = host->out[0][out];
    if (!first && !(x > best) && !(x != x && best == best))
        return;
    host->out[0][out] = x;
    if (call->saved_count > 0)
        host->saved[0][out] = place;
}

static void pass_to_maximum(const struct sanl_op_call *call, const struct sanl_op_host *host, size_t out,
                            size_t in, int place, bool first)
{
    (void)call;
    (void)first;
    if (host->saved[0][out] == place)
        host->din[0][in] += host->dout[0][out];
}

static void add_average(const struct sanl_op_call *call, const struct sanl_op_host *host, size_t out,
                        size_t in, int place, bool first)
{
    (void)place;
    const struct window at = window_of(call);
    host->out[0][out] = (first ? 0 : host->out[0][out]) + host->in[0][in] / (at.kh * at.kw);
}

static void pass_average(const struct sanl_op_call *call, const struct sanl_op_host *host, size_t out,
                         size_t in, int place, bool first)
{
    (void)place;
    (void)first;
    const struct window at = window_of(call);
    host->din[0][in] += host->dout[0][out] / (at.kh * at.kw);
}

static void reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    visit_windows(call, host, is_maximum(call) ? find_maximum : add_average);
}

static void reference_backward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    if (!host->din[0])
        return;
    const size_t count = sanl_shape_count(call->in_shape[0]);
    for (size_t i = 0; i < count; i++)
        host->din[0][i] = 0;
    visit_windows(call, host, is_maximum(call) ? pass_to_maximum : pass_average);
}

/* ---- device -------------------------------------------------------------------------------------- */

static enum sanl_status forward(struct sanl_op_call *call, struct sanl_device *device)
{
    const struct sanl_shape in = call->in_shape[0], out = call->out_shape[0];
    const struct window at = window_of(call);
    const struct sanl_sweep sweep = sanl_sweep_picture(device, out);
    struct sanl_kernel *kernel;
    if (is_maximum(call)) {
        SANL_TRY(sanl_kernel_get(&kernel, device, "pool2d", "pool2d_max_forward", sweep.options));
        return sanl_launch(device, kernel, sweep.range, "iiiiiiiiiibbb", out.n * out.h, in.h, in.w,
                           sweep.groups, out.h, out.w, at.kh, at.kw, at.stride, at.pad, call->in[0],
                           call->out[0], call->saved_count > 0 ? call->saved[0] : NULL);
    }
    SANL_TRY(sanl_kernel_get(&kernel, device, "pool2d", "pool2d_average_forward", sweep.options));
    return sanl_launch(device, kernel, sweep.range, "iiiiiiiiiifbb", out.n * out.h, in.h, in.w, sweep.groups,
                       out.h, out.w, at.kh, at.kw, at.stride, at.pad, 1.0 / (at.kh * at.kw), call->in[0],
                       call->out[0]);
}

static enum sanl_status backward(struct sanl_op_call *call, struct sanl_device *device)
{
    if (!call->din[0])
        return SANL_OK;
    const struct sanl_shape in = call->in_shape[0], out = call->out_shape[0];
    const struct window at = window_of(call);
    const struct sanl_sweep sweep = sanl_sweep_picture(device, in);
    struct sanl_kernel *kernel;
    if (is_maximum(call)) {
        SANL_TRY(sanl_kernel_get(&kernel, device, "pool2d", "pool2d_max_backward", sweep.options));
        return sanl_launch(device, kernel, sweep.range, "iiiiiiiiiiibbb", in.n * in.h, in.h, in.w,
                           sweep.groups, out.h, out.w, at.kh, at.kw, at.stride, at.pad, call->din_add[0],
                           call->saved[0], call->dout[0], call->din[0]);
    }
    SANL_TRY(sanl_kernel_get(&kernel, device, "pool2d", "pool2d_average_backward", sweep.options));
    return sanl_launch(device, kernel, sweep.range, "iiiiiiiiiifibb", in.n * in.h, in.h, in.w, sweep.groups,
                       out.h, out.w, at.kh, at.kw, at.stride, at.pad, 1.0 / (at.kh * at.kw), call->din_add[0],
                       call->dout[0], call->din[0]);
}

static struct sanl_op_cost cost(const struct sanl_op_call *call, enum sanl_direction direction)
{
    (void)direction;
    const struct window at = window_of(call);
    const double in = (double)sanl_shape_count(call->in_shape[0]);
    const double out = (double)sanl_shape_count(call->out_shape[0]);
    return (struct sanl_op_cost){out * at.kh * at.kw, 4 * (in + out + (call->saved_count > 0 ? out : 0))};
}

const struct sanl_op sanl_op_pool2d = {
    .name = "pool2d",
    .attr = {{"mode", MAXIMUM}, {"kernel", 2}, {"stride", 2}, {"pad", 0}},
    .in_fill = {SANL_FILL_DISTINCT},
    .in_grad = 1,
    .infer = infer,
    .reference_forward = reference_forward,
    .reference_backward = reference_backward,
    .forward = forward,
    .backward = backward,
    .cost = cost,
};
