/* The convolution's route for CPUs; cl/conv2d_wide.cl, cl/conv2d_dot.cl. */
#include <math.h>
#include "ops/conv2d.h"

static int lanes(const struct conv2d_kernel *kernel, int channels)
{
    (void)channels;
    return kernel->lanes;
}

bool sanl_conv2d_is_dot(const struct conv2d_kernel *kernel)
{
    return kernel->route == &sanl_conv2d_wide && kernel->lanes < 16;
}

static const char *program(const struct conv2d_kernel *kernel)
{
    return sanl_conv2d_is_dot(kernel) ? "conv2d_dot" : "conv2d_wide";
}

static int strips(const struct conv2d_kernel *kernel, int channels)
{
    return (channels + kernel->lanes - 1) / kernel->lanes;
}

/* All strips where their weights stay in a core's cache, so that x is read once; but one where there are too
 * few pixels for all cores, or a batch of products has work for them. */
static int strips_per_item(const struct conv2d_kernel *k, const struct conv2d_pass *p, int batch, int units)
{
    enum { CACHE_BYTES = 1 << 20, LEAST_TILES = 64 };
    const int n = strips(k, p->cout);
    const double bytes = 4.0 * n * k->lanes * p->run * p->taps_y * p->taps_x;
    return batch == 1 && bytes <= CACHE_BYTES && p->pixels >= LEAST_TILES * units * k->rows ? n : 1;
}

/* Enough register tiles for each work-item that its start costs nothing and weights are read seldom, few
 * enough that all cores have work; `columns`: work-items for the same tiles. Down to half of that, the number
 * is the one that gives all cores as much. */
static int tiles_per_item(const struct conv2d_kernel *k, const struct conv2d_pass *p, int across, int columns,
                          int units)
{
    const double tile = 2.0 * k->rows * k->lanes * across * p->run * (p->taps_y * p->taps_x + 0.1);
    const int tiles = (p->pixels + k->rows - 1) / k->rows;
    const int limit = (int)((double)tiles * columns / (units < 8 ? 16 : 2 * units)),
              wanted = (int)(32e6 / tile);
    const int most = wanted < limit ? wanted : limit;
    int group = most < 1 ? 1 : most;
    double least = INFINITY;
    for (int g = group; g > 0 && 2 * g >= most; g--) {
        const int items = (tiles + g - 1) / g * columns;
        const double share = ceil((double)items / units) * g;
        if (share < least) {
            least = share;
            group = g;
        }
    }
    return group;
}

/* What a gather reads and writes, beside its geometry. */
struct operands {
    sanl_buffer x, prepared, packed, y, bias, residual;
    size_t zero_at, packed_at;
    int flags;
};

static enum sanl_status gather(struct sanl_device *device, const struct conv2d_kernel *k,
                               const struct conv2d_pass *p, int batch, const struct operands *o)
{
    const int units = (int)sanl_device_get_info(device)->compute_units;
    const int across = strips_per_item(k, p, batch, units),
              columns = (strips(k, p->cout) + across - 1) / across;
    const int group = tiles_per_item(k, p, across, columns * batch, units);
    const size_t tiles = (size_t)((p->pixels + k->rows - 1) / k->rows);
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, program(k), "conv2d_gather", k->options));
    const struct sanl_range range = {
        {(tiles + (size_t)group - 1) / (size_t)group, (size_t)columns, (size_t)batch}, {1, 1, 1}};
    return sanl_launch(device, kernel, range, "b2lblb3i31", o->x, o->prepared, (int64_t)o->zero_at, o->packed,
                       (int64_t)o->packed_at, o->y, o->bias, o->residual, o->flags, p->pixels, group, across,
                       p->h, p->w, p->pitch, p->run, p->cout, p->oh, p->ow, p->step, p->y0, p->x0, p->dy,
                       p->dx, p->taps_y, p->taps_x, p->wy0, p->wx0, p->wdy, p->wdx, p->kw, p->taps, p->out_h,
                       p->out_w, p->out_step, p->out_y, p->out_x, p->y_pitch,
                       p->y_strip ? p->y_strip : k->lanes);
}

static enum sanl_status forward(struct sanl_device *device, const struct conv2d_kernel *k,
                                const struct sanl_op_call *call, sanl_buffer x, sanl_buffer extra)
{
    (void)extra;
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const struct conv2d_pass pass = sanl_conv2d_forward_pass(&s);
    const struct conv2d_prepared at = sanl_conv2d_prepared_of(call, SANL_FORWARD);
    return gather(device, k, &pass, 1,
                  &(struct operands){.x = x,
                                     .prepared = call->prepared[SANL_FORWARD],
                                     .packed = call->prepared[SANL_FORWARD],
                                     .y = call->out[0],
                                     .bias = s.flags & CONV2D_HAS_BIAS ? call->param[1] : NULL,
                                     .residual = s.flags & CONV2D_HAS_RESIDUAL ? call->in[1] : NULL,
                                     .zero_at = at.zero,
                                     .packed_at = at.weights,
                                     .flags = s.flags});
}

static enum sanl_status data_gradient(struct sanl_device *device, const struct conv2d_kernel *k,
                                      const struct sanl_op_call *call, sanl_buffer g, sanl_buffer extra)
{
    (void)extra;
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const struct conv2d_prepared at = sanl_conv2d_prepared_of(call, SANL_BACKWARD);
    const struct operands operands = {.x = g,
                                      .prepared = call->prepared[SANL_BACKWARD],
                                      .packed = call->prepared[SANL_BACKWARD],
                                      .y = call->din[0],
                                      .zero_at = at.zero,
                                      .packed_at = at.weights,
                                      .flags = call->din_add[0] ? CONV2D_HAS_ADD : 0};
    for (int py = 0; py < s.stride && py < s.h; py++)
        for (int px = 0; px < s.stride && px < s.w; px++) {
            const struct conv2d_pass pass = sanl_conv2d_gradient_pass(&s, py, px);
            SANL_TRY(gather(device, k, &pass, 1, &operands));
        }
    return SANL_OK;
}

static enum sanl_status multiply(struct sanl_device *device, const struct conv2d_kernel *k,
                                 const struct conv2d_batch *batch, sanl_buffer x, sanl_buffer w, size_t w_at,
                                 sanl_buffer y)
{
    const struct conv2d_pass pass = sanl_conv2d_product_pass(batch, k->lanes);
    return gather(device, k, &pass, batch->count,
                  &(struct operands){.x = x, .prepared = w, .packed = w, .packed_at = w_at, .y = y});
}

/* BLOCK, COLUMNS: as in cl/conv2d_wide.cl; DOT_TAPS: TAPS of cl/conv2d_dot.cl. */
enum { BLOCK = 256, COLUMNS = 128, DOT_TAPS = 9, SPLIT_PIXELS = 256 };

/* Work-items for the rows of dw. */
static int row_groups(const struct conv2d_kernel *k, const struct conv2d_pass *p)
{
    const int taps = sanl_conv2d_is_dot(k) ? DOT_TAPS : 1; /* in turn */
    return (p->taps + taps - 1) / taps * ((p->run + BLOCK - 1) / BLOCK);
}

static int strip_groups(const struct conv2d_kernel *k, const struct conv2d_pass *p)
{
    const int across = COLUMNS / k->lanes;
    return (strips(k, p->cout) + across - 1) / across;
}

/* Parts of the sum over pixels: as few as leave no core idle for more than a tenth of the time; none is
 * empty. */
static int splits_for(const struct conv2d_kernel *k, const struct conv2d_pass *p, int units)
{
    const int items = row_groups(k, p) * strip_groups(k, p);
    const int most = (p->pixels + SPLIT_PIXELS - 1) / SPLIT_PIXELS;
    int splits = 1;
    while (splits < most && (items * splits + units - 1) / units * units * 10 > items * splits * 11)
        splits++;
    const int length = (p->pixels + splits - 1) / splits;
    return length ? (p->pixels + length - 1) / length : 1;
}

static size_t extra_bytes(const struct conv2d_kernel *k, const struct conv2d_sizes *s,
                          enum conv2d_direction direction, const struct sanl_device *device)
{
    const int units = device ? (int)sanl_device_get_info(device)->compute_units : 1;
    const struct conv2d_pass p = sanl_conv2d_forward_pass(s);
    const int splits = splits_for(k, &p, units);
    return direction == CONV2D_WEIGHTS && splits > 1
               ? (size_t)splits * (size_t)(p.taps * p.run) * (size_t)s->cout * sizeof(float)
               : 0;
}

/* dw[b] (+)= the sums over the pixels, or those of each split; `last`: it is not read soon. */
static enum sanl_status sum_weights(struct sanl_device *device, const struct conv2d_kernel *k,
                                    const struct conv2d_pass *p, int batch, int splits, sanl_buffer x,
                                    sanl_buffer g, sanl_buffer dw, bool add, bool last)
{
    const int blocks = (p->run + BLOCK - 1) / BLOCK;
    const int split = (p->pixels + splits - 1) / splits;
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, program(k), "conv2d_weight_gradient", k->options));
    const struct sanl_range range = {
        {(size_t)row_groups(k, p), (size_t)strip_groups(k, p), (size_t)(batch * splits)}, {1, 1, 1}};
    return sanl_launch(device, kernel, range, "b3i20", x, g, dw, p->pixels, split, splits, p->h, p->w,
                       p->pitch, p->run, p->cout, p->oh, p->ow, p->step, -p->y0, -p->x0, p->kw, p->taps,
                       blocks, p->y_pitch, p->y_strip ? p->y_strip : k->lanes, add ? 1 : 0, last ? 1 : 0);
}

static enum sanl_status weight_gradient(struct sanl_device *device, const struct conv2d_kernel *k,
                                        const struct sanl_op_call *call, sanl_buffer x, sanl_buffer g,
                                        sanl_buffer extra)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const struct conv2d_pass p = sanl_conv2d_forward_pass(&s);
    const int splits = splits_for(k, &p, (int)sanl_device_get_info(device)->compute_units);
    SANL_TRY(sum_weights(device, k, &p, 1, splits, x, g, splits > 1 ? extra : call->dparam[0], false,
                         splits == 1));
    return splits > 1
               ? sanl_conv2d_sum_chunks(device, extra, call->dparam[0], p.taps * p.run * s.cout, splits)
               : SANL_OK;
}

static enum sanl_status correlate(struct sanl_device *device, const struct conv2d_kernel *k,
                                  const struct conv2d_batch *batch, sanl_buffer x, sanl_buffer g,
                                  sanl_buffer dw, bool add)
{
    struct conv2d_pass pass = sanl_conv2d_product_pass(batch, k->lanes);
    pass.taps = pass.taps_y;
    pass.cout = batch->n;
    return sum_weights(device, k, &pass, batch->count, 1, x, g, dw, add, false);
}

const struct conv2d_route sanl_conv2d_wide = {
    .lanes = lanes,
    .packs = true,
    .extra_bytes = extra_bytes,
    .forward = forward,
    .data_gradient = data_gradient,
    .weight_gradient = weight_gradient,
    .multiply = multiply,
    .correlate = correlate,
};
