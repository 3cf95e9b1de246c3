/* Launches of cl/attention_tile.cl. */
#include <stdio.h>
#include "ops/attention.h"
#include "ops/tile.h"

/* As in the kernels. */
enum step { STORE, ADD, DIVIDE, WEIGHT, SLOPE };

enum { ROW_GROUP = 128 };

/* About what the scores of a block of queries may take: what fills a large GPU, little of a small one's
 * memory. */
static size_t budget_for(const struct sanl_device *device)
{
    const size_t least = (size_t)32 << 20, most = (size_t)512 << 20;
    const size_t share = (size_t)(sanl_device_get_info(device)->memory_bytes / 64);
    return sanl_device_is_cpu(device) || share < least ? least : share > most ? most : share;
}

/* Element (i, j) of image n stands at at + n * image + i * row + j * col. */
struct matrix {
    sanl_buffer buffer;
    size_t at, image;
    int row, col;
};

/* What becomes of a product's sums. */
struct finish {
    enum step step;
    double scale;
    sanl_buffer per_row; /* a value for each row: at + n * image + row */
    size_t per_row_at;
    int per_row_image;
    size_t weight_at; /* in the workspace, for SLOPE */
};

/* The block of rows at hand: `rows` queries from `row` on of `images` images from `image` on. The workspace
 * holds p or e at 0, ds, and one value for each row, each with `room` rows for an image. */
struct block {
    struct sanl_op_call *call;
    struct sanl_device *device;
    int queries, keys, c, pitch, room;
    int image, images, row, rows;
    size_t ds_at, row_at;
};

static int pitch_of(const struct sanl_op_call *call)
{
    return (sanl_attention_keys(call) + 15) / 16 * 16;
}

/* Images that go together, and query rows of them: all rows of several images, or blocks of equal size of
 * one. */
struct plan {
    int images, rows;
};

static struct plan plan_of(const struct sanl_op_call *call, const struct sanl_device *device, bool backward)
{
    enum { STEP = 128 }; /* what the rows of a block are a multiple of */
    const int queries = sanl_attention_queries(call), n = call->in_shape[0].n;
    const size_t row_bytes = (size_t)sanl_attention_keys(call) * (backward ? 2 : 1) * sizeof(float);
    const size_t budget = budget_for(device), whole = (size_t)queries * row_bytes;
    if (whole <= budget) {
        const size_t images = budget / whole;
        return (struct plan){images < (size_t)n ? (int)images : n, queries};
    }
    const size_t most = budget / row_bytes + 1; /* rows */
    if (most >= (size_t)queries)
        return (struct plan){1, queries};
    const int blocks = (queries + (int)most - 1) / (int)most;
    const int rows = (queries + blocks - 1) / blocks;
    return (struct plan){1, (rows + STEP - 1) / STEP * STEP};
}

static size_t bytes_of(const struct sanl_op_call *call, const struct sanl_device *device, bool backward)
{
    const struct plan block = plan_of(call, device, backward);
    const size_t rows = (size_t)block.images * (size_t)block.rows;
    return rows * ((backward ? 2 : 1) * (size_t)pitch_of(call) + 1) * sizeof(float);
}

size_t sanl_attention_tile_bytes(const struct sanl_op_call *call, struct sanl_device *device)
{
    const size_t forward = bytes_of(call, device, false),
                 backward = call->training ? bytes_of(call, device, true) : 0;
    return forward > backward ? forward : backward;
}

/* Tiles of a product, the largest first. */
static const struct tile {
    int rows, cols, items;
    const char *options;
} tiles[] = {
    {64, 64, 128, "-DBM=64 -DBN=64 -DTM=8 -DTN=4"},
    {64, 64, 256, "-DBM=64 -DBN=64 -DTM=4 -DTN=4"},
    {32, 32, 64, "-DBM=32 -DBN=32 -DTM=4 -DTN=4"},
    {16, 16, 16, "-DBM=16 -DBN=16 -DTM=4 -DTN=4"},
};
enum { TILES = sizeof tiles / sizeof *tiles };

/* Whether a tile runs on the device and there are enough to fill it. */
static bool suits(const struct tile *tile, struct sanl_device *device, int rows, int cols, int images)
{
    const struct sanl_device_info *info = sanl_device_get_info(device);
    const size_t groups = sanl_tiles(rows, tile->rows) * sanl_tiles(cols, tile->cols) * (size_t)images;
    return (size_t)tile->items <= info->max_work_group &&
           (tile->rows * tile->cols <= 16 * tile->items || !sanl_device_has_few_registers(device)) &&
           sanl_tile_local_bytes(tile->rows, tile->cols) <= info->local_bytes &&
           (tile->rows <= 32 || groups >= (size_t)info->compute_units);
}

/* From row to row, or from column to column where rows lie together. */
static int pitch_in(const struct matrix *m)
{
    return m->row == 1 ? m->col : m->row;
}

static bool of_quads(const struct matrix *m)
{
    return m->at % 4 == 0 && m->image % 4 == 0 && pitch_in(m) % 4 == 0;
}

/* out[rows][cols] = finish(a[rows][depth] b[depth][cols]); in a and b rows or columns lie together. */
static enum sanl_status product(const struct block *block, struct matrix a, struct matrix b,
                                struct matrix out, int rows, int cols, int depth, struct finish finish)
{
    const bool quads = of_quads(&a) && of_quads(&b) && of_quads(&out) && (rows | cols | depth) % 4 == 0 &&
                       finish.weight_at % 4 == 0;
    const struct tile *tile = NULL;
    struct sanl_kernel *kernel = NULL;
    for (int i = 0; i < TILES && !tile; i++) {
        char options[96];
        if (i < TILES - 1 && !suits(&tiles[i], block->device, rows, cols, block->images))
            continue;
        snprintf(options, sizeof options, "%s -DA_TERMS=%d -DB_TERMS=%d%s", tiles[i].options, a.col == 1,
                 b.row == 1, quads ? " -DVEC=1" : "");
        SANL_TRY(
            sanl_kernel_get(&kernel, block->device, "attention_tile", "attention_tile_product", options));
        if (i == TILES - 1 || sanl_kernel_max_group(kernel) >= (size_t)tiles[i].items)
            tile = &tiles[i];
    }
    const size_t items = (size_t)tile->items;
    const struct sanl_range range = {
        {sanl_tiles(cols, tile->cols) * items, sanl_tiles(rows, tile->rows), (size_t)block->images},
        {items, 1, 1}};
    return sanl_launch(block->device, kernel, range,
                       "bllibllib"
                       "lliiiifiblibl",
                       a.buffer, (int64_t)a.at, (int64_t)a.image, pitch_in(&a), b.buffer, (int64_t)b.at,
                       (int64_t)b.image, pitch_in(&b), out.buffer, (int64_t)out.at, (int64_t)out.image,
                       out.row, rows, cols, depth, finish.scale, (int)finish.step, finish.per_row,
                       (int64_t)finish.per_row_at, finish.per_row_image, block->call->workspace,
                       (int64_t)finish.weight_at);
}

/* A kernel that runs one work-group for each row, and the size of that group, a power of two. */
static enum sanl_status get_rows(struct sanl_kernel **out, size_t *group, struct sanl_device *device,
                                 const char *name)
{
    SANL_TRY(sanl_kernel_get(out, device, "attention_tile", name, tiles[TILES - 1].options));
    *group = ROW_GROUP;
    while (*group > sanl_kernel_max_group(*out))
        *group /= 2;
    return SANL_OK;
}

static enum sanl_status softmax(const struct block *block)
{
    struct sanl_op_call *call = block->call;
    const size_t first = (size_t)block->image * (size_t)block->queries + (size_t)block->row;
    struct sanl_kernel *kernel;
    size_t group;
    SANL_TRY(get_rows(&kernel, &group, block->device, "attention_tile_softmax"));
    return sanl_launch(
        block->device, kernel,
        (struct sanl_range){{(size_t)block->rows * group, (size_t)block->images, 0}, {group, 1, 0}},
        "bliilibils", call->workspace, (int64_t)block->room * block->pitch, block->pitch, block->keys,
        (int64_t)block->row_at, block->room, call->training ? call->saved[0] : NULL, block->queries,
        (int64_t)(2 * first), group * sizeof(float));
}

static enum sanl_status inner(const struct block *block)
{
    struct sanl_op_call *call = block->call;
    const size_t first = (size_t)block->image * (size_t)block->queries + (size_t)block->row;
    struct sanl_kernel *kernel;
    size_t group;
    SANL_TRY(get_rows(&kernel, &group, block->device, "attention_tile_inner"));
    return sanl_launch(
        block->device, kernel,
        (struct sanl_range){{(size_t)block->rows * group, (size_t)block->images, 0}, {group, 1, 0}},
        "bbliiblis", call->dout[0], call->out[0], (int64_t)(first * (size_t)block->c), block->queries,
        block->c, call->workspace, (int64_t)block->row_at, block->room, group * sizeof(float));
}

/* Rows of a tensor of the block's images, which has `tokens` in each, from `row` on: [tokens - row][c]. */
static struct matrix tensor(const struct block *block, sanl_buffer buffer, int tokens, int row)
{
    const size_t c = (size_t)block->c, image = (size_t)tokens * c;
    return (struct matrix){buffer, (size_t)block->image * image + (size_t)row * c, image, block->c, 1};
}

/* Those of the block. */
static struct matrix queries_of(const struct block *block, sanl_buffer buffer)
{
    return tensor(block, buffer, block->queries, block->row);
}

static struct matrix keys_of(const struct block *block, sanl_buffer buffer)
{
    return tensor(block, buffer, block->keys, 0);
}

/* p or e (at 0) or ds of the block: [rows][keys]. */
static struct matrix weights(const struct block *block, size_t at)
{
    const size_t image = (size_t)block->room * (size_t)block->pitch;
    return (struct matrix){block->call->workspace, at, image, block->pitch, 1};
}

static struct matrix turned(struct matrix m)
{
    return (struct matrix){m.buffer, m.at, m.image, m.col, m.row};
}

static enum sanl_status forward_block(const struct block *block)
{
    struct sanl_op_call *call = block->call;
    const int rows = block->rows, keys = block->keys, c = block->c;
    const struct matrix q = queries_of(block, call->in[SANL_ATTENTION_Q]);
    const struct matrix k = keys_of(block, call->in[SANL_ATTENTION_K]);
    const struct matrix v = keys_of(block, call->in[SANL_ATTENTION_V]);
    const struct matrix y = queries_of(block, call->out[0]), e = weights(block, 0);
    SANL_TRY(product(block, q, turned(k), e, rows, keys, c,
                     (struct finish){.step = STORE, .scale = call->attr[SANL_ATTENTION_SCALE]}));
    SANL_TRY(softmax(block));
    return product(block, e, v, y, rows, c, keys,
                   (struct finish){.step = DIVIDE,
                                   .per_row = call->workspace,
                                   .per_row_at = block->row_at,
                                   .per_row_image = block->room});
}

/* p and ds of the block into the workspace. */
static enum sanl_status backward_weights(const struct block *block)
{
    struct sanl_op_call *call = block->call;
    const int rows = block->rows, keys = block->keys, c = block->c;
    const struct matrix q = queries_of(block, call->in[SANL_ATTENTION_Q]);
    const struct matrix dy = queries_of(block, call->dout[0]);
    const struct matrix k = keys_of(block, call->in[SANL_ATTENTION_K]);
    const struct matrix v = keys_of(block, call->in[SANL_ATTENTION_V]);
    const struct finish weight = {
        .step = WEIGHT,
        .scale = call->attr[SANL_ATTENTION_SCALE],
        .per_row = call->saved[0],
        .per_row_at = 2 * ((size_t)block->image * (size_t)block->queries + (size_t)block->row),
        .per_row_image = 2 * block->queries};
    const struct finish slope = {.step = SLOPE,
                                 .scale = call->attr[SANL_ATTENTION_SCALE],
                                 .per_row = call->workspace,
                                 .per_row_at = block->row_at,
                                 .per_row_image = block->room};
    SANL_TRY(inner(block));
    SANL_TRY(product(block, q, turned(k), weights(block, 0), rows, keys, c, weight));
    return product(block, dy, turned(v), weights(block, block->ds_at), rows, keys, c, slope);
}

static enum sanl_status backward_block(const struct block *block)
{
    struct sanl_op_call *call = block->call;
    const int rows = block->rows, keys = block->keys, c = block->c, row = block->row;
    const sanl_buffer dq = call->din[SANL_ATTENTION_Q], dk = call->din[SANL_ATTENTION_K];
    const sanl_buffer dv = call->din[SANL_ATTENTION_V];
    const struct matrix p = weights(block, 0), ds = weights(block, block->ds_at);
    struct finish finish = {.scale = 1};
    SANL_TRY(backward_weights(block));
    if (dq) {
        finish.step = call->din_add[SANL_ATTENTION_Q] ? ADD : STORE;
        SANL_TRY(product(block, ds, keys_of(block, call->in[SANL_ATTENTION_K]), queries_of(block, dq), rows,
                         c, keys, finish));
    }
    if (dk) {
        finish.step = row > 0 || call->din_add[SANL_ATTENTION_K] ? ADD : STORE;
        SANL_TRY(product(block, turned(ds), queries_of(block, call->in[SANL_ATTENTION_Q]), keys_of(block, dk),
                         keys, c, rows, finish));
    }
    if (dv) {
        finish.step = row > 0 || call->din_add[SANL_ATTENTION_V] ? ADD : STORE;
        SANL_TRY(product(block, turned(p), queries_of(block, call->dout[0]), keys_of(block, dv), keys, c,
                         rows, finish));
    }
    return SANL_OK;
}

static enum sanl_status each_block(struct sanl_op_call *call, struct sanl_device *device, bool backward)
{
    const struct plan size = plan_of(call, device, backward);
    const int n = call->in_shape[0].n, queries = sanl_attention_queries(call);
    struct block block = {.call = call,
                          .device = device,
                          .queries = queries,
                          .keys = sanl_attention_keys(call),
                          .c = call->in_shape[0].c,
                          .pitch = pitch_of(call),
                          .room = size.rows};
    const size_t weights_count = (size_t)size.images * (size_t)size.rows * (size_t)block.pitch;
    block.ds_at = weights_count;
    block.row_at = backward ? 2 * weights_count : weights_count;
    for (block.image = 0; block.image < n; block.image += size.images) {
        block.images = n - block.image < size.images ? n - block.image : size.images;
        for (block.row = 0; block.row < queries; block.row += size.rows) {
            block.rows = queries - block.row < size.rows ? queries - block.row : size.rows;
            SANL_TRY(backward ? backward_block(&block) : forward_block(&block));
        }
    }
    return SANL_OK;
}

enum sanl_status sanl_attention_tile_forward(struct sanl_op_call *call, struct sanl_device *device)
{
    return each_block(call, device, false);
}

enum sanl_status sanl_attention_tile_backward(struct sanl_op_call *call, struct sanl_device *device)
{
    return each_block(call, device, true);
}
