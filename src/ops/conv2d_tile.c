/* The convolution's route for GPUs; cl/conv2d_tile.cl. */
#include "ops/conv2d.h"

/* Pixels of one split of the weight gradient: few splits where there are tiles enough to fill a GPU. */
static int split_for(const struct conv2d_sizes *s)
{
    const size_t tiles = ((size_t)(s->kh * s->kw * s->cin) / 64 + 1) * ((size_t)s->cout / 64 + 1);
    size_t splits = tiles >= 512 ? 1 : 512 / tiles;
    const size_t most = ((size_t)s->pixels + 255) / 256;
    splits = splits > most ? most : splits;
    return (s->pixels + (int)splits - 1) / (int)splits;
}

static size_t extra_bytes(const struct conv2d_kernel *k, const struct conv2d_sizes *s, bool backward)
{
    (void)k;
    const int split = split_for(s), splits = (s->pixels + split - 1) / split;
    return backward ? (size_t)splits * (size_t)(s->kh * s->kw) * (size_t)s->cin * (size_t)s->cout * 4 : 0;
}

static size_t tiles(int count, int tile)
{
    return (size_t)((count + tile - 1) / tile);
}

/* What a gather reads and writes, beside its geometry; weight (tap, k, j) stands at w_at + tap * w_tap +
 * k * w_k + j * w_j. */
struct operands {
    cl_mem x, w, y, bias, norm, residual;
    size_t w_at;
    int flags, w_tap, w_k, w_j;
};

static enum sanl_status gather(struct sanl_device *device, const struct conv2d_kernel *k,
                               const struct conv2d_pass *p, int batch, const struct operands *o)
{
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d_tile", "conv2d_gather", k->options));
    const struct sanl_range range = {{tiles(p->cout, k->lanes) * (size_t)k->group_lanes,
                                      tiles(p->pixels, k->rows) * (size_t)k->group_rows, (size_t)batch},
                                     {(size_t)k->group_lanes, (size_t)k->group_rows, 1}};
    return sanl_launch(device, kernel, range, "b6ili28", o->x, o->w, o->y, o->bias, o->norm, o->residual,
                       o->flags, (int64_t)o->w_at, o->w_tap, o->w_k, o->w_j, p->pixels, p->h, p->w, p->pitch,
                       p->run, p->cout, p->oh, p->ow, p->step, p->y0, p->x0, p->dy, p->dx, p->taps_y,
                       p->taps_x, p->wy0, p->wx0, p->wdy, p->wdx, p->kw, p->out_h, p->out_w, p->out_step,
                       p->out_y, p->out_x);
}

static enum sanl_status forward(struct sanl_device *device, const struct conv2d_kernel *k,
                                const struct sanl_op_call *call, cl_mem x, cl_mem extra)
{
    (void)extra;
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const struct conv2d_pass p = sanl_conv2d_forward_pass(&s);
    return gather(device, k, &p, 1,
                  &(struct operands){.x = x,
                                     .w = call->param[0],
                                     .y = call->out[0],
                                     .bias = s.flags & CONV2D_HAS_BIAS ? call->param[1] : NULL,
                                     .norm = call->prepared[SANL_FORWARD],
                                     .residual = s.flags & CONV2D_HAS_RESIDUAL ? call->in[1] : NULL,
                                     .flags = s.flags,
                                     .w_tap = p.run * s.cout,
                                     .w_k = s.cout,
                                     .w_j = 1});
}

static enum sanl_status data_gradient(struct sanl_device *device, const struct conv2d_kernel *k,
                                      const struct sanl_op_call *call, cl_mem g, cl_mem extra)
{
    (void)extra;
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const struct operands operands = {.x = g,
                                      .w = call->param[0],
                                      .y = call->din[0],
                                      .flags = call->din_add[0] ? CONV2D_HAS_ADD : 0,
                                      .w_tap = s.cin * s.cout,
                                      .w_k = 1,
                                      .w_j = s.cout};
    for (int py = 0; py < s.stride && py < s.h; py++)
        for (int px = 0; px < s.stride && px < s.w; px++) {
            const struct conv2d_pass p = sanl_conv2d_gradient_pass(&s, py, px);
            SANL_TRY(gather(device, k, &p, 1, &operands));
        }
    return SANL_OK;
}

static enum sanl_status multiply(struct sanl_device *device, const struct conv2d_kernel *k,
                                 const struct conv2d_batch *batch, cl_mem x, cl_mem w, size_t w_at, cl_mem y)
{
    const struct conv2d_pass pass = sanl_conv2d_product_pass(batch, batch->n);
    return gather(
        device, k, &pass, batch->count,
        &(struct operands){
            .x = x, .w = w, .y = y, .w_at = w_at, .w_tap = batch->k * batch->n, .w_k = batch->n, .w_j = 1});
}

/* dw[b] (+)= the sums over images b * n to (b + 1) * n, in parts of `split` pixels. */
static enum sanl_status sum_weights(struct sanl_device *device, const struct conv2d_kernel *k,
                                    const struct conv2d_pass *p, int batch, int split, cl_mem x, cl_mem g,
                                    cl_mem dw, bool add)
{
    const int rows = p->taps * p->run, groups = (int)tiles(rows, k->rows),
              splits = (p->pixels + split - 1) / split;
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d_tile", "conv2d_weight_gradient", k->options));
    const struct sanl_range range = {{tiles(p->cout, k->lanes) * (size_t)k->group_lanes,
                                      (size_t)groups * (size_t)batch * (size_t)k->group_rows, (size_t)splits},
                                     {(size_t)k->group_lanes, (size_t)k->group_rows, 1}};
    return sanl_launch(device, kernel, range, "b3i16", x, g, dw, rows, p->pixels, split, p->h, p->w, p->pitch,
                       p->run, p->cout, p->oh, p->ow, p->step, -p->y0, -p->x0, p->kw, groups, add ? 1 : 0);
}

static enum sanl_status weight_gradient(struct sanl_device *device, const struct conv2d_kernel *k,
                                        const struct sanl_op_call *call, cl_mem x, cl_mem g, cl_mem extra)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const struct conv2d_pass p = sanl_conv2d_forward_pass(&s);
    const int split = split_for(&s), splits = (s.pixels + split - 1) / split;
    SANL_TRY(sum_weights(device, k, &p, 1, split, x, g, splits > 1 ? extra : call->dparam[0], false));
    return splits > 1
               ? sanl_conv2d_sum_chunks(device, extra, call->dparam[0], p.taps * p.run * s.cout, splits)
               : SANL_OK;
}

static enum sanl_status correlate(struct sanl_device *device, const struct conv2d_kernel *k,
                                  const struct conv2d_batch *batch, cl_mem x, cl_mem g, cl_mem dw, bool add)
{
    struct conv2d_pass pass = sanl_conv2d_product_pass(batch, batch->n);
    pass.taps = 1; /* all of k is one run */
    return sum_weights(device, k, &pass, batch->count, batch->rows, x, g, dw, add);
}

const struct conv2d_route sanl_conv2d_tile = {
    .lanes = sanl_conv2d_all_lanes,
    .extra_bytes = extra_bytes,
    .forward = forward,
    .data_gradient = data_gradient,
    .weight_gradient = weight_gradient,
    .multiply = multiply,
    .correlate = correlate,
};
