/* The convolution's route for GPUs; cl/conv2d_tile.cl. */
#include "ops/conv2d.h"

#include <stdio.h>
#include "ops/tile.h"

enum {
    UNIT_ITEMS = 256, /* work-items to a compute unit that hide its latencies */
    SPLIT_SLICES = 4, /* of a split, at least */
    SLICES_MOST = 512 /* and at most: longer sums lose accuracy */
};

/* Parts to sum apart, of groups that sum `slices` each. A unit takes the groups that fall to it together, in
 * the time of that many, or of as many as hide its latencies; so the fullest unit's time is estimated, in
 * slices of one group. */
static int splits_for(const struct sanl_device *device, const struct conv2d_kernel *k, size_t groups,
                      int slices)
{
    enum { BESIDE = 4, JOIN = 9, GROUPS_MOST = 8 /* to a unit */ }; /* a group's start and end; joining */
    const size_t units = device ? sanl_device_get_info(device)->compute_units : 1;
    const size_t hiding = UNIT_ITEMS / (size_t)(k->group_rows * k->group_lanes);
    const int least = slices > SLICES_MOST ? (slices + SLICES_MOST - 1) / SLICES_MOST : 1;
    int best = least;
    size_t best_time = 0;
    for (int splits = least; splits == least || splits <= slices / SPLIT_SLICES; splits++) {
        const size_t together = (groups * (size_t)splits + units - 1) / units;
        if (splits > least && together > GROUPS_MOST && together > hiding)
            break;
        const size_t time = (together > hiding ? together : hiding) * (sanl_tiles(slices, splits) + BESIDE) +
                            (splits > 1 ? JOIN : 0);
        if (splits == least || time < best_time) {
            best = splits;
            best_time = time;
        }
    }
    return best;
}

/* The slices of a pass and how they are split. */
struct split {
    int count, length;
};

static struct split split_pass(const struct sanl_device *device, const struct conv2d_kernel *k,
                               const struct conv2d_pass *p)
{
    const int slices = p->taps_y * p->taps_x * (int)sanl_tiles(p->run, SANL_TILE_SLICE);
    const int splits =
        splits_for(device, k, sanl_tiles(p->cout, k->lanes) * sanl_tiles(p->pixels, k->rows), slices);
    const int length = (slices + splits - 1) / splits;
    return (struct split){length ? (slices + length - 1) / length : 1, length};
}

/* The pixels of the weights' gradient. */
static struct split split_pixels(const struct sanl_device *device, const struct conv2d_kernel *k,
                                 const struct conv2d_sizes *s)
{
    const int splits =
        splits_for(device, k, sanl_tiles(s->kh * s->kw * s->cin, k->rows) * sanl_tiles(s->cout, k->lanes),
                   (int)sanl_tiles(s->pixels, SANL_TILE_SLICE));
    const int length = (s->pixels + splits - 1) / splits;
    return (struct split){(s->pixels + length - 1) / length, length};
}

static size_t pass_bytes(const struct sanl_device *device, const struct conv2d_kernel *k,
                         const struct conv2d_pass *p)
{
    const int splits = split_pass(device, k, p).count;
    return splits > 1 ? (size_t)splits * (size_t)p->pixels * (size_t)p->cout * sizeof(float) : 0;
}

static size_t extra_bytes(const struct conv2d_kernel *k, const struct conv2d_sizes *s,
                          enum conv2d_direction direction, const struct sanl_device *device)
{
    size_t most = 0;
    if (direction == CONV2D_FORWARD) {
        const struct conv2d_pass p = sanl_conv2d_forward_pass(s);
        return pass_bytes(device, k, &p);
    }
    if (direction == CONV2D_WEIGHTS) {
        const int splits = split_pixels(device, k, s).count;
        return splits > 1
                   ? (size_t)splits * (size_t)(s->kh * s->kw * s->cin) * (size_t)s->cout * sizeof(float)
                   : 0;
    }
    for (int py = 0; py < s->stride && py < s->h; py++)
        for (int px = 0; px < s->stride && px < s->w; px++) {
            const struct conv2d_pass p = sanl_conv2d_gradient_pass(s, py, px);
            const size_t bytes = pass_bytes(device, k, &p);
            most = bytes > most ? bytes : most;
        }
    return most;
}

/* What a gather reads and writes, beside its geometry; weight (tap, k, j) stands at w_at + tap * w_tap +
 * k * w_pitch + j, turned: + j * w_pitch + k. partial: a workspace for splits; NULL: there is one. */
struct operands {
    sanl_buffer x, w, y, bias, norm, residual, partial;
    size_t w_at;
    int flags, w_tap, w_pitch;
    bool turned;
};

static enum sanl_status get_kernel(struct sanl_kernel **out, struct sanl_device *device,
                                   const struct conv2d_kernel *k, const char *name, bool quads, bool turned)
{
    char options[128];
    snprintf(options, sizeof options, "%s%s%s", k->options, quads ? " -DVEC=1" : "",
             turned ? " -DTURNED=1" : "");
    return sanl_kernel_get(out, device, "conv2d_tile", name, options);
}

static enum sanl_status gather(struct sanl_device *device, const struct conv2d_kernel *k,
                               const struct conv2d_pass *p, int batch, const struct operands *o)
{
    struct split split = split_pass(device, k, p);
    if (!o->partial)
        split = (struct split){1, p->taps_y * p->taps_x * p->run};
    const bool split_up = split.count > 1, quads = (p->pitch | p->run | p->cout) % 4 == 0 && o->w_at % 4 == 0;
    struct sanl_kernel *kernel;
    SANL_TRY(get_kernel(&kernel, device, k, "conv2d_gather", quads, o->turned));
    const size_t items = (size_t)(k->group_rows * k->group_lanes);
    const struct sanl_range range = {{sanl_tiles(p->cout, k->lanes) * items, sanl_tiles(p->pixels, k->rows),
                                      (size_t)(batch * split.count)},
                                     {items, 1, 1}};
    SANL_TRY(sanl_launch(device, kernel, range, "b6ili29", o->x, o->w, split_up ? o->partial : o->y, o->bias,
                         o->norm, o->residual, o->flags, (int64_t)o->w_at, o->w_tap, o->w_pitch, split.count,
                         split.length, p->pixels, p->h, p->w, p->pitch, p->run, p->cout, p->oh, p->ow,
                         p->step, p->y0, p->x0, p->dy, p->dx, p->taps_y, p->taps_x, p->wy0, p->wx0, p->wdy,
                         p->wdx, p->kw, p->out_h, p->out_w, p->out_step, p->out_y, p->out_x));
    if (!split_up)
        return SANL_OK;
    SANL_TRY(get_kernel(&kernel, device, k, "conv2d_join", quads, o->turned));
    return sanl_launch(device, kernel,
                       (struct sanl_range){{sanl_tiles(p->cout, 4), (size_t)p->pixels, 0}, {0, 0, 0}},
                       "b5i11", o->partial, o->y, o->bias, o->norm, o->residual, o->flags, split.count,
                       p->pixels, p->cout, p->oh, p->ow, p->out_h, p->out_w, p->out_step, p->out_y, p->out_x);
}

static enum sanl_status forward(struct sanl_device *device, const struct conv2d_kernel *k,
                                const struct sanl_op_call *call, sanl_buffer x, sanl_buffer extra)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const struct conv2d_pass p = sanl_conv2d_forward_pass(&s);
    return gather(device, k, &p, 1,
                  &(struct operands){.x = x,
                                     .w = call->param[0],
                                     .y = call->out[0],
                                     .bias = s.flags & CONV2D_HAS_BIAS ? call->param[1] : NULL,
                                     .norm = call->prepared[SANL_FORWARD],
                                     .residual = s.flags & CONV2D_HAS_RESIDUAL ? call->in[1] : NULL,
                                     .partial = extra,
                                     .flags = s.flags,
                                     .w_tap = p.run * s.cout,
                                     .w_pitch = s.cout});
}

static enum sanl_status data_gradient(struct sanl_device *device, const struct conv2d_kernel *k,
                                      const struct sanl_op_call *call, sanl_buffer g, sanl_buffer extra)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const struct operands operands = {.x = g,
                                      .w = call->param[0],
                                      .y = call->din[0],
                                      .partial = extra,
                                      .flags = call->din_add[0] ? CONV2D_HAS_ADD : 0,
                                      .w_tap = s.cin * s.cout,
                                      .w_pitch = s.cout,
                                      .turned = true};
    for (int py = 0; py < s.stride && py < s.h; py++)
        for (int px = 0; px < s.stride && px < s.w; px++) {
            const struct conv2d_pass p = sanl_conv2d_gradient_pass(&s, py, px);
            SANL_TRY(gather(device, k, &p, 1, &operands));
        }
    return SANL_OK;
}

static enum sanl_status multiply(struct sanl_device *device, const struct conv2d_kernel *k,
                                 const struct conv2d_batch *batch, sanl_buffer x, sanl_buffer w, size_t w_at,
                                 sanl_buffer y)
{
    const struct conv2d_pass pass = sanl_conv2d_product_pass(batch, batch->n);
    return gather(device, k, &pass, batch->count,
                  &(struct operands){.x = x,
                                     .w = w,
                                     .y = y,
                                     .w_at = w_at,
                                     .w_tap = batch->k * batch->n,
                                     .w_pitch = batch->turned ? batch->k : batch->n,
                                     .turned = batch->turned});
}

/* dw[b] (+)= the sums over images b * n to (b + 1) * n, in parts of `split` pixels. */
static enum sanl_status sum_weights(struct sanl_device *device, const struct conv2d_kernel *k,
                                    const struct conv2d_pass *p, int batch, int split, sanl_buffer x,
                                    sanl_buffer g, sanl_buffer dw, bool add)
{
    const int rows = p->taps * p->run, groups = (int)sanl_tiles(rows, k->rows),
              splits = (p->pixels + split - 1) / split;
    const bool quads = (p->pitch | p->run | p->cout) % 4 == 0;
    struct sanl_kernel *kernel;
    SANL_TRY(get_kernel(&kernel, device, k, "conv2d_weight_gradient", quads, false));
    const size_t items = (size_t)(k->group_rows * k->group_lanes);
    const struct sanl_range range = {
        {sanl_tiles(p->cout, k->lanes) * items, (size_t)groups * (size_t)batch, (size_t)splits},
        {items, 1, 1}};
    return sanl_launch(device, kernel, range, "b3i16", x, g, dw, rows, p->pixels, split, p->h, p->w, p->pitch,
                       p->run, p->cout, p->oh, p->ow, p->step, -p->y0, -p->x0, p->kw, groups, add ? 1 : 0);
}

static enum sanl_status weight_gradient(struct sanl_device *device, const struct conv2d_kernel *k,
                                        const struct sanl_op_call *call, sanl_buffer x, sanl_buffer g,
                                        sanl_buffer extra)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const struct conv2d_pass p = sanl_conv2d_forward_pass(&s);
    const struct split split = split_pixels(device, k, &s);
    SANL_TRY(
        sum_weights(device, k, &p, 1, split.length, x, g, split.count > 1 ? extra : call->dparam[0], false));
    return split.count > 1
               ? sanl_conv2d_sum_chunks(device, extra, call->dparam[0], p.taps * p.run * s.cout, split.count)
               : SANL_OK;
}

static enum sanl_status correlate(struct sanl_device *device, const struct conv2d_kernel *k,
                                  const struct conv2d_batch *batch, sanl_buffer x, sanl_buffer g,
                                  sanl_buffer dw, bool add)
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
