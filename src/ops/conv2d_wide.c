/* The convolution's route for CPUs; cl/conv2d_wide.cl. */
#include "ops/conv2d.h"

enum { PACK_RUN = 32 }; /* as in cl/conv2d.cl */

/* The register tile for a number of output channels: P pixels x NV vectors of 16. */
static int vectors_for(int channels)
{
    return channels > 32 ? 4 : channels > 16 ? 2 : 1;
}

static int pixels_for(int vectors)
{
    return vectors == 4 ? 6 : 12;
}

static const char *options_for(int vectors)
{
    return vectors == 4 ? "-DP=6 -DNV=4" : vectors == 2 ? "-DP=12 -DNV=2" : "-DP=12 -DNV=1";
}

static int strip(int channels)
{
    return 16 * vectors_for(channels);
}

static int strips(int channels)
{
    return (channels + strip(channels) - 1) / strip(channels);
}

static size_t packed_bytes(const struct conv2d_sizes *s, bool gradient)
{
    const int out = gradient ? s->cin : s->cout, in = gradient ? s->cout : s->cin;
    return (size_t)strips(out) * (size_t)strip(out) * (size_t)(s->kh * s->kw) * (size_t)in * sizeof(float);
}

/* The gradient by strips, for the weights' gradient. */
static size_t extra_bytes(const struct conv2d_sizes *s, bool backward)
{
    return backward ? (size_t)s->pixels * (size_t)strips(s->cout) * (size_t)strip(s->cout) * sizeof(float)
                    : 0;
}

static enum sanl_status pack(struct sanl_device *device, const struct sanl_op_call *call, size_t at,
                             bool gradient)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const int out = gradient ? s.cin : s.cout;
    const int taps = gradient || !s.row_run ? s.kh * s.kw : s.kh;
    const int run = gradient ? s.cout : s.cin * s.kh * s.kw / taps;
    const int tap_stride = gradient ? s.cin * s.cout : run * s.cout;
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d", "conv2d_pack", ""));
    const struct sanl_range range = {
        {((size_t)run + PACK_RUN - 1) / PACK_RUN, (size_t)strips(out) * (size_t)taps, 0}, {1, 1, 0}};
    return sanl_launch(device, kernel, range, "bbliiiiiiii", call->param[0], call->prepared, (int64_t)at,
                       strip(out), strips(out), taps, run, out, tap_stride, gradient ? 1 : s.cout,
                       gradient ? s.cout : 1);
}

/* Enough register tiles for each work-item that its start costs nothing and weights are read seldom, few
 * enough that all cores have work. */
static int tiles_per_item(const struct conv2d_pass *p, int vectors)
{
    const double tile = 2.0 * pixels_for(vectors) * vectors * 16 * p->run * (p->taps_y * p->taps_x + 0.1);
    const int tiles = (p->pixels + pixels_for(vectors) - 1) / pixels_for(vectors);
    int group = (int)(32e6 / tile);
    const int limit = tiles * strips(p->cout) / 16;
    group = group > limit ? limit : group;
    return group < 1 ? 1 : group;
}

static enum sanl_status gather(struct sanl_device *device, const struct sanl_op_call *call,
                               const struct conv2d_pass *p, cl_mem in, size_t weights_at, cl_mem out,
                               int flags)
{
    const struct conv2d_prepared at = sanl_conv2d_prepared_of(call, &sanl_conv2d_wide);
    const int vectors = vectors_for(p->cout), group = tiles_per_item(p, vectors);
    const size_t tiles = (size_t)((p->pixels + pixels_for(vectors) - 1) / pixels_for(vectors));
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d_wide", "conv2d_gather", options_for(vectors)));
    const struct sanl_range range = {
        {(tiles + (size_t)group - 1) / (size_t)group, (size_t)strips(p->cout), 0}, {1, 1, 0}};
    return sanl_launch(device, kernel, range, "b2l2b3i28", in, call->prepared, (int64_t)at.zero,
                       (int64_t)weights_at, out, flags & CONV2D_HAS_BIAS ? call->param[1] : NULL,
                       flags & CONV2D_HAS_RESIDUAL ? call->in[1] : NULL, flags, p->pixels, group, p->h, p->w,
                       p->pitch, p->run, p->cout, p->oh, p->ow, p->step, p->y0, p->x0, p->dy, p->dx,
                       p->taps_y, p->taps_x, p->wy0, p->wx0, p->wdy, p->wdx, p->kw, p->taps, p->out_h,
                       p->out_w, p->out_step, p->out_y, p->out_x);
}

static enum sanl_status forward(struct sanl_device *device, const struct sanl_op_call *call, cl_mem x,
                                cl_mem extra)
{
    (void)extra;
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const struct conv2d_pass pass = sanl_conv2d_forward_pass(&s);
    return gather(device, call, &pass, x, sanl_conv2d_prepared_of(call, &sanl_conv2d_wide).forward,
                  call->out[0], s.flags);
}

static enum sanl_status data_gradient(struct sanl_device *device, const struct sanl_op_call *call, cl_mem g,
                                      cl_mem extra)
{
    (void)extra;
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const size_t at = sanl_conv2d_prepared_of(call, &sanl_conv2d_wide).gradient;
    for (int py = 0; py < s.stride && py < s.h; py++)
        for (int px = 0; px < s.stride && px < s.w; px++) {
            const struct conv2d_pass pass = sanl_conv2d_gradient_pass(&s, py, px);
            SANL_TRY(gather(device, call, &pass, g, at, call->din[0], call->din_add[0] ? CONV2D_HAS_ADD : 0));
        }
    return SANL_OK;
}

/* Rows of dw for a work-item: many, so that g is read seldom, but enough work-items for all cores. */
static int rows_per_item(int run, int taps, int cout_strips, int tile)
{
    int block = (run + tile - 1) / tile * tile;
    while (block > tile && (run + block - 1) / block * taps * cout_strips < 16)
        block = (block / 2 + tile - 1) / tile * tile;
    return block;
}

static enum sanl_status weight_gradient(struct sanl_device *device, const struct sanl_op_call *call, cl_mem x,
                                        cl_mem g, cl_mem extra)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const struct conv2d_pass p = sanl_conv2d_forward_pass(&s);
    const int vectors = vectors_for(s.cout),
              block = rows_per_item(p.run, p.taps, strips(s.cout), pixels_for(vectors));
    const int blocks = (p.run + block - 1) / block;
    const int chunk = s.ow >= 128 ? 1 : 128 / s.ow; /* output rows: about 128 pixels, a strip of g in L1 */
    const size_t width = (size_t)strip(s.cout), count = (size_t)strips(s.cout);
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d", "conv2d_strips", ""));
    SANL_TRY(sanl_launch(device, kernel,
                         (struct sanl_range){{width * count, (size_t)s.pixels, 0}, {16, 64, 0}}, "b2i4", g,
                         extra, s.pixels, s.cout, strip(s.cout), strips(s.cout)));
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d_wide", "conv2d_weight_gradient", options_for(vectors)));
    const struct sanl_range range = {{(size_t)(p.taps * blocks), (size_t)strips(s.cout), 0}, {1, 1, 0}};
    return sanl_launch(device, kernel, range, "b3i15", x, extra, call->dparam[0], s.n, p.h, p.w, p.pitch,
                       p.run, s.cout, s.oh, s.ow, s.stride, -p.y0, -p.x0, p.kw, block, blocks, chunk);
}

const struct conv2d_route sanl_conv2d_wide = {
    .packed_bytes = packed_bytes,
    .extra_bytes = extra_bytes,
    .pack = pack,
    .forward = forward,
    .data_gradient = data_gradient,
    .weight_gradient = weight_gradient,
};
