/* Winograd's minimal filtering around a route's batches of matrix products; cl/conv2d_winograd.cl. */
#include "ops/conv2d.h"

#include <stdio.h>
#include "ops/sweep.h"

/* A direction's sizes: `in` (n, in_h, in_w, k) to `out` (n, out_h, out_w, c); forward x to y, the data
 * gradient g to dx. */
struct filtering {
    int m, points; /* results of a tile's side; products of a tile, (m + 2)^2 */
    int n, in_h, in_w, k, out_h, out_w, c, pad;
    int tiles_y, tiles_x, tiles, chunk; /* chunk: tiles at a time */
    const struct conv2d_kernel *kernel;
};

/* Transformed tiles at a time: enough that the weights are read seldom, few enough for a cache; more for
 * the routes of GPUs, which must be filled. */
enum { CHUNK_BYTES = 16 << 20, GPU_CHUNK_BYTES = 64 << 20, CHUNK_TILES = 48 };

static struct filtering filtering_of(const struct conv2d_sizes *s, struct conv2d_way way,
                                     enum conv2d_direction direction)
{
    const bool back = direction == CONV2D_DATA;
    struct filtering f = {.m = way.winograd,
                          .n = s->n,
                          .in_h = back ? s->oh : s->h,
                          .in_w = back ? s->ow : s->w,
                          .k = back ? s->cout : s->cin,
                          .out_h = back ? s->h : s->oh,
                          .out_w = back ? s->w : s->ow,
                          .c = back ? s->cin : s->cout,
                          .pad = back ? 2 - s->pad : s->pad,
                          .kernel = way.kernel};
    f.points = (f.m + 2) * (f.m + 2);
    f.tiles_y = (f.out_h + f.m - 1) / f.m;
    f.tiles_x = (f.out_w + f.m - 1) / f.m;
    f.tiles = f.n * f.tiles_y * f.tiles_x;
    const size_t tile = (size_t)f.points * (size_t)(f.k + f.c) * sizeof(float);
    const size_t most = (size_t)(way.kernel->route->packs ? CHUNK_BYTES : GPU_CHUNK_BYTES) / tile;
    f.chunk = most < CHUNK_TILES ? CHUNK_TILES : (int)(most / CHUNK_TILES) * CHUNK_TILES;
    f.chunk = f.chunk > f.tiles ? f.tiles : f.chunk;
    return f;
}

bool sanl_winograd_fits(const struct conv2d_sizes *s)
{
    return s->kh == 3 && s->kw == 3 && s->stride == 1 && s->pad <= 2;
}

/* What F(m x m, 3 x 3) costs, in multiplications: products, transforms of tiles, and transforms of weights,
 * or at least their reading. The weighting is how many multiplications go by while a float is moved; it is
 * similar for CPUs and GPUs; a stored float counts for a little more than its reading, for it takes memory.
 * m = 0: the cost without. */
static double cost_of(const struct conv2d_sizes *s, struct conv2d_way way, enum conv2d_direction direction,
                      bool stored)
{
    enum { TILE_FLOAT = 52, WEIGHT_FLOAT = 40, STORED_WEIGHT_FLOAT = 20 };
    if (way.winograd == 0)
        return 9.0 * s->n * s->oh * s->ow * s->cin * s->cout;
    const struct filtering f = filtering_of(s, way, direction);
    const double tiles = (double)f.points * f.tiles, weights = (double)f.points * f.k * f.c;
    return weights * f.tiles + TILE_FLOAT * tiles * (f.k + f.c) +
           (stored ? STORED_WEIGHT_FLOAT : WEIGHT_FLOAT) * weights;
}

/* Of input and output: transformed weights larger than that are made anew for each run. Those of 2x2 tiles
 * are kept in any case: they take 16/9 of the plain ones' memory, not 4 times as much. */
static const double swelling = 0.25;

bool sanl_winograd_swells(const struct conv2d_sizes *s, struct conv2d_way way,
                          enum conv2d_direction direction)
{
    const struct filtering f = filtering_of(s, way, direction);
    const double tensors = (double)f.n * ((double)f.in_h * f.in_w * f.k + (double)f.out_h * f.out_w * f.c);
    return f.m > 2 && (double)f.points * f.k * f.c > swelling * tensors;
}

int sanl_winograd_choose(const struct conv2d_sizes *s, const struct conv2d_kernel *kernel,
                         enum conv2d_direction direction, bool fixed)
{
    struct conv2d_way best = {kernel, 0};
    double least = cost_of(s, best, direction, false);
    for (int m = 2; m <= 4 && sanl_winograd_fits(s); m += 2) {
        const struct conv2d_way way = {kernel, m};
        const bool stored = fixed && direction != CONV2D_WEIGHTS && !sanl_winograd_swells(s, way, direction);
        if (cost_of(s, way, direction, stored) < least) {
            least = cost_of(s, way, direction, stored);
            best = way;
        }
    }
    return best.winograd;
}

static int lanes_of(const struct conv2d_kernel *kernel, int channels)
{
    return kernel->route->lanes(kernel, channels);
}

static size_t padded(const struct conv2d_kernel *kernel, int channels)
{
    const size_t lanes = (size_t)lanes_of(kernel, channels);
    return ((size_t)channels + lanes - 1) / lanes * lanes;
}

size_t sanl_winograd_weights_bytes(const struct conv2d_sizes *s, struct conv2d_way way,
                                   enum conv2d_direction direction)
{
    const struct filtering f = filtering_of(s, way, direction);
    return (size_t)f.points * (size_t)f.k * padded(f.kernel, f.c) * sizeof(float);
}

/* The parts of the extra workspace, in floats: transformed input and products; for the weights' gradient
 * transformed input, transformed gradient and sums. */
struct layout {
    size_t input, middle, last;
};

static struct layout layout_of(const struct filtering *f, enum conv2d_direction direction)
{
    const size_t points = (size_t)f->points, chunk = points * (size_t)f->chunk;
    return (struct layout){chunk * (size_t)f->k, chunk * padded(f->kernel, f->c),
                           direction == CONV2D_WEIGHTS ? points * (size_t)f->k * (size_t)f->c : 0};
}

static size_t aligned(size_t floats, const struct sanl_device *device)
{
    const size_t align = device ? sanl_device_get_info(device)->base_align_bytes : 64;
    return (floats * sizeof(float) + align - 1) / align * align;
}

size_t sanl_winograd_extra_bytes(const struct conv2d_sizes *s, struct conv2d_way way,
                                 enum conv2d_direction direction, const struct sanl_device *device)
{
    const struct filtering f = filtering_of(s, way, direction);
    const struct layout l = layout_of(&f, direction);
    const size_t work = aligned(l.input, device) + aligned(l.middle, device);
    if (direction == CONV2D_WEIGHTS)
        return work + aligned(l.last, device);
    /* packing needs the weights before their transform */
    const size_t pack =
        f.kernel->route->packs ? aligned((size_t)9 * (size_t)f.k * padded(f.kernel, f.c), device) : 0;
    return work > pack ? work : pack;
}

static int common(int a, int b)
{
    return b ? common(b, a % b) : a;
}

/* A sweep over rows of `count` channels whose options also name the tile. */
struct walk {
    struct sanl_sweep sweep;
    char options[96];
};

static struct walk walk_over(struct sanl_device *device, int m, size_t rows, int channels, int divisor)
{
    const bool wide = sanl_device_family(device) == SANL_ROUTE_WIDE;
    /* on GPUs a tile of quads would take more registers than there are */
    struct walk walk = {.sweep = sanl_sweep_rows(device, rows, channels, wide ? divisor : 1)};
    if (wide) {
        walk.sweep.span = walk.sweep.span / 16 + 1;
        walk.sweep.range.global[1] = (rows + (size_t)walk.sweep.span - 1) / (size_t)walk.sweep.span;
    } else {
        walk.sweep.span = 1;
        walk.sweep.range.global[1] = rows;
    }
    snprintf(walk.options, sizeof walk.options, "%s -DM=%d", walk.sweep.options, m);
    return walk;
}

/* Lanes of a strip of the transformed input: the route's, but a chunk of the wide family's sums at least,
 * where they divide the channels. */
static int run_of(const struct filtering *f)
{
    enum { CHUNK = 64 }; /* as in cl/conv2d_wide.cl */
    const int lanes = lanes_of(f->kernel, f->k), run = lanes < CHUNK ? CHUNK : lanes;
    return f->k % run ? f->k : run;
}

/* Tiles first .. first + count of `x` to v. */
static enum sanl_status transform_input(struct sanl_device *device, const struct filtering *f, sanl_buffer x,
                                        sanl_buffer v, int first, int count)
{
    const struct walk walk = walk_over(device, f->m, (size_t)count, f->k, run_of(f));
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d_winograd", "winograd_input", walk.options));
    return sanl_launch(device, kernel, walk.sweep.range, "b2i10", x, v, first, count, walk.sweep.span,
                       walk.sweep.groups, run_of(f) / walk.sweep.width, f->in_h, f->in_w, f->pad, f->tiles_y,
                       f->tiles_x);
}

/* Whether the weights stay (channels out, in): a route that reads them as they are turns them. */
static bool is_turned(const struct filtering *f, enum conv2d_direction direction)
{
    return direction == CONV2D_DATA && !f->kernel->route->packs;
}

enum sanl_status sanl_winograd_pack(struct sanl_device *device, const struct sanl_op_call *call,
                                    enum conv2d_direction direction, sanl_buffer extra, sanl_buffer out,
                                    size_t at)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const struct filtering f = filtering_of(&s, sanl_conv2d_way_of(call, direction), direction);
    const bool flip = direction == CONV2D_DATA, turned = is_turned(&f, direction);
    const int rows = turned ? f.c : f.k, columns = turned ? f.k : f.c;
    const int lanes = lanes_of(f.kernel, columns), strips = (columns + lanes - 1) / lanes;
    const bool as_they_are = turned || (!flip && columns % lanes == 0);
    if (!as_they_are)
        SANL_TRY(sanl_conv2d_pack(device, call, lanes, flip, extra, 0));
    const struct walk walk = walk_over(device, f.m, (size_t)rows, lanes, lanes);
    const int vecs = walk.sweep.groups, row = as_they_are ? columns / walk.sweep.width : vecs;
    struct sanl_range range = walk.sweep.range;
    range.global[2] = (size_t)strips;
    range.local[2] = 1;
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d_winograd", "winograd_weights", walk.options));
    return sanl_launch(device, kernel, range, "b2li7", as_they_are ? call->param[0] : extra, out,
                       (int64_t)(at / (size_t)walk.sweep.width), rows, vecs,
                       as_they_are ? vecs : 9 * rows * vecs, rows * row, row, walk.sweep.span, flip ? 1 : 0);
}

struct epilogue {
    sanl_buffer bias, norm, residual;
    int flags;
};

static enum sanl_status transform_output(struct sanl_device *device, const struct filtering *f, sanl_buffer m,
                                         sanl_buffer y, const struct epilogue *e, int first, int count)
{
    const int lanes = lanes_of(f->kernel, f->c), strips = (f->c + lanes - 1) / lanes;
    const struct walk walk = walk_over(device, f->m, (size_t)count, f->c, common(f->c, lanes));
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d_winograd", "winograd_output", walk.options));
    return sanl_launch(device, kernel, walk.sweep.range, "b5i11", m, y, e->bias, e->norm, e->residual,
                       e->flags, first, count, walk.sweep.span, walk.sweep.groups, lanes / walk.sweep.width,
                       strips, f->out_h, f->out_w, f->tiles_y, f->tiles_x);
}

/* Parts of the extra workspace as buffers. */
struct pieces {
    sanl_buffer input, middle, last;
};

static void free_pieces(struct pieces *p)
{
    sanl_buffer_free(p->input);
    sanl_buffer_free(p->middle);
    sanl_buffer_free(p->last);
}

static enum sanl_status make_pieces(struct pieces *p, struct sanl_device *device, const struct layout *l,
                                    sanl_buffer extra)
{
    const struct pieces none = {0};
    *p = none;
    const size_t middle = aligned(l->input, device), last = middle + aligned(l->middle, device);
    enum sanl_status status = sanl_buffer_part(&p->input, extra, 0, l->input * sizeof(float));
    if (status == SANL_OK)
        status = sanl_buffer_part(&p->middle, extra, middle, l->middle * sizeof(float));
    if (status == SANL_OK && l->last)
        status = sanl_buffer_part(&p->last, extra, last, l->last * sizeof(float));
    if (status != SANL_OK)
        free_pieces(p);
    return status;
}

/* in to out with the transformed weights `u` from u_at on. */
static enum sanl_status filter(struct sanl_device *device, const struct filtering *f,
                               const struct pieces *pieces, bool turned, sanl_buffer in, sanl_buffer u,
                               size_t u_at, sanl_buffer out, const struct epilogue *epilogue)
{
    for (int first = 0; first < f->tiles; first += f->chunk) {
        const int count = f->tiles - first < f->chunk ? f->tiles - first : f->chunk;
        const struct conv2d_batch batch = {f->points, count, f->k, f->c, run_of(f), turned};
        SANL_TRY(transform_input(device, f, in, pieces->input, first, count));
        SANL_TRY(
            f->kernel->route->multiply(device, f->kernel, &batch, pieces->input, u, u_at, pieces->middle));
        SANL_TRY(transform_output(device, f, pieces->middle, out, epilogue, first, count));
    }
    return SANL_OK;
}

/* Forward or data gradient. */
static enum sanl_status run(struct sanl_device *device, const struct sanl_op_call *call,
                            enum sanl_direction direction, sanl_buffer in, sanl_buffer out, sanl_buffer extra,
                            const struct epilogue *epilogue)
{
    const enum conv2d_direction pass = direction == SANL_FORWARD ? CONV2D_FORWARD : CONV2D_DATA;
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const struct filtering f = filtering_of(&s, sanl_conv2d_way_of(call, pass), pass);
    const struct layout layout = layout_of(&f, pass);
    struct pieces pieces;
    SANL_TRY(make_pieces(&pieces, device, &layout, extra));
    const enum sanl_status status =
        filter(device, &f, &pieces, is_turned(&f, pass), in, call->prepared[direction],
               sanl_conv2d_prepared_of(call, direction).weights, out, epilogue);
    free_pieces(&pieces);
    return status;
}

enum sanl_status sanl_winograd_forward(struct sanl_device *device, const struct sanl_op_call *call,
                                       sanl_buffer extra)
{
    const int flags = sanl_conv2d_sizes_of(call).flags;
    const struct epilogue epilogue = {flags & CONV2D_HAS_BIAS ? call->param[1] : NULL,
                                      call->prepared[SANL_FORWARD],
                                      flags & CONV2D_HAS_RESIDUAL ? call->in[1] : NULL, flags};
    return run(device, call, SANL_FORWARD, call->in[0], call->out[0], extra, &epilogue);
}

enum sanl_status sanl_winograd_data_gradient(struct sanl_device *device, const struct sanl_op_call *call,
                                             sanl_buffer g, sanl_buffer extra)
{
    const struct epilogue epilogue = {.flags = call->din_add[0] ? CONV2D_HAS_ADD : 0};
    return run(device, call, SANL_BACKWARD, g, call->din[0], extra, &epilogue);
}

static enum sanl_status transform_gradient(struct sanl_device *device, const struct filtering *f,
                                           sanl_buffer g, sanl_buffer out, int first, int count)
{
    const int lanes = lanes_of(f->kernel, f->c), strips = (f->c + lanes - 1) / lanes;
    const struct walk walk = walk_over(device, f->m, (size_t)count, lanes * strips, common(f->c, lanes));
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d_winograd", "winograd_gradient", walk.options));
    return sanl_launch(device, kernel, walk.sweep.range, "b2i10", g, out, first, count, walk.sweep.span,
                       f->c / walk.sweep.width, lanes / walk.sweep.width, strips, f->out_h, f->out_w,
                       f->tiles_y, f->tiles_x);
}

static enum sanl_status sum_tiles(struct sanl_device *device, const struct sanl_op_call *call,
                                  const struct filtering *f, const struct pieces *pieces, sanl_buffer g)
{
    for (int first = 0; first < f->tiles; first += f->chunk) {
        const int count = f->tiles - first < f->chunk ? f->tiles - first : f->chunk;
        const struct conv2d_batch batch = {f->points, count, f->k, f->c, run_of(f), false};
        SANL_TRY(transform_input(device, f, call->in[0], pieces->input, first, count));
        SANL_TRY(transform_gradient(device, f, g, pieces->middle, first, count));
        SANL_TRY(f->kernel->route->correlate(device, f->kernel, &batch, pieces->input, pieces->middle,
                                             pieces->last, first > 0));
    }
    const size_t weights = (size_t)f->k * (size_t)f->c;
    const struct walk walk = walk_over(device, f->m, 1, f->c, f->c);
    const int groups = (int)(weights / (size_t)walk.sweep.width),
              span = walk.sweep.range.local[0] > 1 ? 1 : 256;
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d_winograd", "winograd_weight_gradient", walk.options));
    const struct sanl_range range = {{((size_t)groups + (size_t)span - 1) / (size_t)span, 0, 0},
                                     {walk.sweep.range.local[0], 0, 0}};
    return sanl_launch(device, kernel, range, "b2i2", pieces->last, call->dparam[0], groups, span);
}

enum sanl_status sanl_winograd_weight_gradient(struct sanl_device *device, const struct sanl_op_call *call,
                                               sanl_buffer g, sanl_buffer extra)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const struct filtering f = filtering_of(&s, sanl_conv2d_way_of(call, CONV2D_WEIGHTS), CONV2D_WEIGHTS);
    const struct layout layout = layout_of(&f, CONV2D_WEIGHTS);
    struct pieces pieces;
    SANL_TRY(make_pieces(&pieces, device, &layout, extra));
    const enum sanl_status status = sum_tiles(device, call, &f, &pieces, g);
    free_pieces(&pieces);
    return status;
}
