/* Launches of cl/attention_wide.cl. */
#include <stdio.h>
#include "ops/attention.h"

/* Passed on to the kernels, where they are described. */
enum { MR = 6, SUB = 16, KB = 192 };

/* About what the packed operands may take. */
static const size_t pack_budget = (size_t)64 << 20;

struct wide {
    char options[64];
    int queries, keys, c, n;
    int strips; /* of SW channels */
    int sw;
    int images;      /* that go together */
    int parts, unit; /* backward: work-items to an image, and what their numbers of keys are multiples of */
    size_t turned, key_strips, query_strips; /* floats of one packed operand of `images` images */
};

static struct wide wide_of(const struct sanl_op_call *call, struct sanl_device *device)
{
    cl_uint width = 0;
    if (clGetDeviceInfo(sanl_device_id(device), CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof width, &width,
                        NULL) != CL_SUCCESS)
        width = 0;
    const int vw = width >= 16 ? 16 : width >= 8 ? 8 : 4;
    struct wide w = {
        .queries = sanl_attention_queries(call), .keys = sanl_attention_keys(call), .c = call->in_shape[0].c};
    /* 32 registers (of 16 floats; of 4, as ARM has) take a tile of four across, 16 (of 8) one of two. */
    const int nv = vw != 8 && w.c > 2 * vw ? 4 : 2;
    snprintf(w.options, sizeof w.options, "-DVW=%d -DNV=%d -DMR=%d -DSUB=%d -DKB=%d", vw, nv, MR, SUB, KB);
    w.n = call->in_shape[0].n;
    w.sw = vw * nv;
    w.strips = (w.c + w.sw - 1) / w.sw;
    return w;
}

/* Blocks of SW tokens. */
static size_t blocks_of(const struct wide *w, int tokens)
{
    return (size_t)(tokens + w->sw - 1) / (size_t)w->sw;
}

static void set_images(struct wide *w, int images)
{
    const size_t strip = (size_t)images * (size_t)w->strips * (size_t)w->sw;
    w->images = images;
    w->turned = (size_t)images * blocks_of(w, w->keys) * (size_t)w->c * (size_t)w->sw;
    w->key_strips = strip * (size_t)w->keys;
    w->query_strips = strip * (size_t)w->queries;
}

/* Images of `floats` each that go together: groups that fit and are as large as each other. */
static int images_of(const struct wide *w, size_t floats)
{
    const size_t fit = pack_budget / (floats * sizeof(float));
    const int most = fit < 1 ? 1 : fit < (size_t)w->n ? (int)fit : w->n;
    const int groups = (w->n + most - 1) / most;
    return (w->n + groups - 1) / groups;
}

/* Forward: keys turned, values in strips. */
static struct wide forward_plan(const struct sanl_op_call *call, struct sanl_device *device)
{
    struct wide w = wide_of(call, device);
    set_images(&w, 1);
    set_images(&w, images_of(&w, w.turned + w.key_strips));
    return w;
}

static size_t packed_floats(const struct wide *w)
{
    return 2 * w->turned + w->key_strips + 2 * w->query_strips;
}

/* Floats of p and ds of a work-item, and of a part of dq for an image, each of KB queries. */
static size_t weight_floats(void)
{
    return (size_t)2 * KB * KB;
}

static size_t dq_floats(const struct wide *w)
{
    return (size_t)KB * (size_t)w->c;
}

/* Backward: keys and values turned; keys, queries and dy in strips. The keys of an image are shared by as
 * many work-items as keep all compute units busy to the end, if there are as many blocks of SW keys. */
static struct wide backward_plan(const struct sanl_op_call *call, struct sanl_device *device)
{
    struct wide w = wide_of(call, device);
    set_images(&w, 1);
    set_images(&w, images_of(&w, packed_floats(&w) + weight_floats() + dq_floats(&w)));
    const int units = (int)sanl_device_get_info(device)->compute_units;
    const int most = (int)blocks_of(&w, w.keys);
    w.parts = (4 * units + w.images - 1) / w.images;
    while (w.images * w.parts % units && w.parts < most)
        w.parts++;
    w.parts = w.parts < most ? w.parts : most;
    w.unit = w.keys / KB < 4 * w.parts ? w.sw : KB;
    return w;
}

static size_t forward_floats(const struct wide *w)
{
    return w->turned + w->key_strips;
}

static size_t backward_floats(const struct wide *w)
{
    const size_t items = (size_t)w->images * (size_t)w->parts;
    return packed_floats(w) + items * (weight_floats() + (w->parts > 1 ? dq_floats(w) : 0));
}

size_t sanl_attention_wide_bytes(const struct sanl_op_call *call, struct sanl_device *device)
{
    const struct wide f = forward_plan(call, device), b = backward_plan(call, device);
    size_t floats = forward_floats(&f);
    if (call->training && backward_floats(&b) > floats)
        floats = backward_floats(&b);
    return floats * sizeof(float);
}

static enum sanl_status launch_pack(struct sanl_device *device, const struct wide *w, const char *name,
                                    sanl_buffer x, int tokens, int image, int images, sanl_buffer workspace,
                                    size_t at)
{
    struct sanl_kernel *kernel;
    const struct sanl_range range = {{blocks_of(w, tokens), (size_t)w->strips, (size_t)images}, {1, 1, 1}};
    SANL_TRY(sanl_kernel_get(&kernel, device, "attention_wide", name, w->options));
    return sanl_launch(device, kernel, range, "biiibl", x, tokens, w->c, image, workspace, (int64_t)at);
}

static enum sanl_status turn(struct sanl_device *device, const struct wide *w, sanl_buffer x, int image,
                             int images, sanl_buffer workspace, size_t at)
{
    return launch_pack(device, w, "attention_wide_turn", x, w->keys, image, images, workspace, at);
}

static enum sanl_status strip(struct sanl_device *device, const struct wide *w, sanl_buffer x, int tokens,
                              int image, int images, sanl_buffer workspace, size_t at)
{
    return launch_pack(device, w, "attention_wide_strip", x, tokens, image, images, workspace, at);
}

/* Work-items for the queries, or keys, of an image, which share the register tiles evenly, at most SUB each:
 * as many for each compute unit. */
static int items_of(struct sanl_device *device, int rows, int images)
{
    const int units = (int)sanl_device_get_info(device)->compute_units;
    const int tiles = (rows + MR - 1) / MR;
    int items = (tiles + SUB - 1) / SUB;
    while (images * items % units && items < tiles)
        items++;
    return items;
}

static struct sanl_range range_of(int items, int images)
{
    return (struct sanl_range){{(size_t)items, (size_t)images, 0}, {1, 1, 0}};
}

enum sanl_status sanl_attention_wide_forward(struct sanl_op_call *call, struct sanl_device *device)
{
    const struct wide w = forward_plan(call, device);
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "attention_wide", "attention_wide_forward", w.options));
    for (int image = 0; image < w.n; image += w.images) {
        const int images = w.n - image < w.images ? w.n - image : w.images;
        const int items = items_of(device, w.queries, images);
        SANL_TRY(turn(device, &w, call->in[SANL_ATTENTION_K], image, images, call->workspace, 0));
        SANL_TRY(
            strip(device, &w, call->in[SANL_ATTENTION_V], w.keys, image, images, call->workspace, w.turned));
        SANL_TRY(sanl_launch(device, kernel, range_of(items, images), "bbblbbiiiif",
                             call->in[SANL_ATTENTION_Q], call->workspace, call->workspace, (int64_t)w.turned,
                             call->out[0], call->training ? call->saved[0] : NULL, w.queries, w.keys, w.c,
                             image, call->attr[SANL_ATTENTION_SCALE]));
    }
    return SANL_OK;
}

/* The workspace of backward, in floats from its start; keys turned stand at 0. */
struct places {
    size_t vt, ks, qs, dys, p, dq;
};

static struct places places_of(const struct wide *w)
{
    struct places at = {.vt = w->turned};
    at.ks = at.vt + w->turned;
    at.qs = at.ks + w->key_strips;
    at.dys = at.qs + w->query_strips;
    at.p = at.dys + w->query_strips;
    at.dq = at.p + (size_t)w->images * (size_t)w->parts * weight_floats();
    return at;
}

static enum sanl_status pack_backward(struct sanl_op_call *call, struct sanl_device *device,
                                      const struct wide *w, int image, int images)
{
    const struct places at = places_of(w);
    const sanl_buffer q = call->in[SANL_ATTENTION_Q], k = call->in[SANL_ATTENTION_K];
    SANL_TRY(turn(device, w, k, image, images, call->workspace, 0));
    SANL_TRY(turn(device, w, call->in[SANL_ATTENTION_V], image, images, call->workspace, at.vt));
    if (call->din[SANL_ATTENTION_Q])
        SANL_TRY(strip(device, w, k, w->keys, image, images, call->workspace, at.ks));
    if (call->din[SANL_ATTENTION_K])
        SANL_TRY(strip(device, w, q, w->queries, image, images, call->workspace, at.qs));
    if (call->din[SANL_ATTENTION_V])
        SANL_TRY(strip(device, w, call->dout[0], w->queries, image, images, call->workspace, at.dys));
    return SANL_OK;
}

static enum sanl_status join(struct sanl_op_call *call, struct sanl_device *device, const struct wide *w,
                             int image, int images, int row)
{
    const int rows = w->queries - row < KB ? w->queries - row : KB;
    const struct sanl_range range = {{(size_t)w->c, (size_t)images, (size_t)rows}, {64, 1, 1}};
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "attention_wide", "attention_wide_join", w->options));
    return sanl_launch(device, kernel, range, "bllibiiiiii", call->workspace, (int64_t)places_of(w).dq,
                       (int64_t)((size_t)w->images * dq_floats(w)), w->parts, call->din[SANL_ATTENTION_Q],
                       (int)call->din_add[SANL_ATTENTION_Q], w->queries, w->c, image, row, rows);
}

static enum sanl_status backward_rows(struct sanl_op_call *call, struct sanl_device *device,
                                      const struct wide *w, int image, int images, int row)
{
    const struct places at = places_of(w);
    const sanl_buffer dq = call->din[SANL_ATTENTION_Q], dk = call->din[SANL_ATTENTION_K],
                      dv = call->din[SANL_ATTENTION_V];
    const int rows = w->queries - row < KB ? w->queries - row : KB;
    const bool parted = dq && w->parts > 1;
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "attention_wide", "attention_wide_backward", w->options));
    SANL_TRY(sanl_launch(
        device, kernel, range_of(w->parts, images), "bbbbblllllblllibibiiiiiiif", call->in[SANL_ATTENTION_Q],
        call->out[0], call->dout[0], call->saved[0], call->workspace, (int64_t)at.vt, (int64_t)at.ks,
        (int64_t)at.qs, (int64_t)at.dys, (int64_t)at.p, parted ? call->workspace : dq,
        (int64_t)(parted ? at.dq : ((size_t)image * (size_t)w->queries + (size_t)row) * (size_t)w->c),
        (int64_t)((size_t)w->images * dq_floats(w)), (int64_t)(parted ? rows : w->queries) * w->c,
        !parted && call->din_add[SANL_ATTENTION_Q], dk, row > 0 || call->din_add[SANL_ATTENTION_K], dv,
        row > 0 || call->din_add[SANL_ATTENTION_V], w->queries, w->keys, w->c, image, row, w->unit,
        call->attr[SANL_ATTENTION_SCALE]));
    return parted ? join(call, device, w, image, images, row) : SANL_OK;
}

enum sanl_status sanl_attention_wide_backward(struct sanl_op_call *call, struct sanl_device *device)
{
    const struct wide w = backward_plan(call, device);
    for (int image = 0; image < w.n; image += w.images) {
        const int images = w.n - image < w.images ? w.n - image : w.images;
        SANL_TRY(pack_backward(call, device, &w, image, images));
        for (int row = 0; row < w.queries; row += KB)
            SANL_TRY(backward_rows(call, device, &w, image, images, row));
    }
    return SANL_OK;
}
