/* Convolution with its epilogue: y = relu(norm(conv(x, w) + bias) + residual), each part optional.
 * in[0] x (n, h, w, cin), in[1] residual (n, oh, ow, cout) when in_count is 2; param[0] w (kh, kw, cin,
 * cout), param[1] bias. The fused norm is a frozen one, for inference and for gradients of inputs alone;
 * norm=2 is its scale alone, for a part of a sum that has the shift once. */
#include "ops/conv2d.h"

#include "ops/conv2d_ref.h"
#include "ops/sweep.h"

enum { ROW_RUN_CHANNELS = 8, PACK_ROWS = 16 /* as in cl/conv2d.cl */ };
enum { OWN_G = CONV2D_HAS_RELU | CONV2D_HAS_NORM }; /* the gradient before the epilogue is not dy itself */

static int attr(const struct sanl_op_call *call, int index)
{
    return (int)call->attr[index];
}

struct conv2d_sizes sanl_conv2d_sizes_of(const struct sanl_op_call *call)
{
    const struct sanl_shape x = call->in_shape[0];
    struct conv2d_sizes s = {
        .n = x.n, .h = x.h, .w = x.w, .cin = x.c, .kh = attr(call, CONV2D_KH), .kw = attr(call, CONV2D_KW)};
    s.stride = attr(call, CONV2D_STRIDE);
    s.pad = attr(call, CONV2D_PAD);
    s.cout = attr(call, CONV2D_COUT);
    s.oh = (s.h + 2 * s.pad - s.kh) / s.stride + 1;
    s.ow = (s.w + 2 * s.pad - s.kw) / s.stride + 1;
    s.pixels = s.n * s.oh * s.ow;
    s.flags =
        (attr(call, CONV2D_NORM) ? CONV2D_HAS_NORM : 0) | (attr(call, CONV2D_BIAS) ? CONV2D_HAS_BIAS : 0) |
        (call->in_count > 1 ? CONV2D_HAS_RESIDUAL : 0) | (attr(call, CONV2D_RELU) ? CONV2D_HAS_RELU : 0);
    s.row_run = s.cin <= ROW_RUN_CHANNELS && s.kw > 1;
    return s;
}

struct conv2d_pass sanl_conv2d_forward_pass(const struct conv2d_sizes *s)
{
    struct conv2d_pass p = {.pixels = s->pixels, .h = s->h, .w = s->w, .pitch = s->cin, .run = s->cin};
    p.cout = p.y_pitch = s->cout;
    p.oh = p.out_h = s->oh;
    p.ow = p.out_w = s->ow;
    p.step = s->stride;
    p.y0 = p.x0 = -s->pad;
    p.dy = p.dx = p.wdy = p.wdx = p.out_step = 1;
    p.taps_y = s->kh;
    p.taps_x = p.kw = s->kw;
    p.taps = s->kh * s->kw;
    if (s->row_run) {
        p.h += 2 * s->pad;
        p.w += 2 * s->pad;
        p.run = s->kw * s->cin;
        p.y0 = p.x0 = 0;
        p.taps_x = p.kw = 1;
        p.taps = s->kh;
    }
    return p;
}

/* dx[y] = sum of g[(y + pad - k) / stride] w[k] over the k that divide: with y = stride * i + py these are
 * k = k0 + stride * m, k0 = (py + pad) mod stride, at g row i + (py + pad - k0) / stride - m. */
struct conv2d_pass sanl_conv2d_gradient_pass(const struct conv2d_sizes *s, int py, int px)
{
    struct conv2d_pass p = {.h = s->oh, .w = s->ow, .pitch = s->cout, .run = s->cout, .cout = s->cin};
    p.oh = (s->h - py + s->stride - 1) / s->stride;
    p.ow = (s->w - px + s->stride - 1) / s->stride;
    p.pixels = s->n * p.oh * p.ow;
    p.step = 1;
    p.wy0 = (py + s->pad) % s->stride;
    p.wx0 = (px + s->pad) % s->stride;
    p.y0 = (py + s->pad - p.wy0) / s->stride;
    p.x0 = (px + s->pad - p.wx0) / s->stride;
    p.dy = p.dx = -1;
    p.taps_y = p.wy0 < s->kh ? (s->kh - p.wy0 + s->stride - 1) / s->stride : 0;
    p.taps_x = p.wx0 < s->kw ? (s->kw - p.wx0 + s->stride - 1) / s->stride : 0;
    p.wdy = p.wdx = s->stride;
    p.kw = s->kw;
    p.taps = s->kh * s->kw;
    p.out_h = s->h;
    p.out_w = s->w;
    p.out_step = s->stride;
    p.out_y = py;
    p.out_x = px;
    p.y_pitch = s->cin;
    return p;
}

struct conv2d_pass sanl_conv2d_product_pass(const struct conv2d_batch *batch, int lanes)
{
    const int strips = (batch->n + lanes - 1) / lanes, runs = batch->k / batch->run;
    return (struct conv2d_pass){.pixels = batch->rows,
                                .h = runs,
                                .w = batch->rows,
                                .pitch = batch->run,
                                .run = batch->run,
                                .cout = strips * lanes,
                                .oh = 1,
                                .ow = batch->rows,
                                .step = 1,
                                .dy = 1,
                                .taps_y = runs,
                                .taps_x = 1,
                                .wdy = 1,
                                .kw = 1,
                                .taps = batch->count * runs,
                                .out_h = strips,
                                .out_w = batch->rows,
                                .out_step = 1,
                                .y_pitch = lanes,
                                .y_strip = batch->rows * lanes};
}

int sanl_conv2d_all_lanes(const struct conv2d_kernel *kernel, int channels)
{
    (void)kernel;
    return channels;
}

static size_t round_up(size_t value, size_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

static size_t weights_floats(const struct sanl_op_call *call, bool gradient)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const enum conv2d_direction direction = gradient ? CONV2D_DATA : CONV2D_FORWARD;
    const struct conv2d_way way = sanl_conv2d_way_of(call, direction);
    if (way.winograd)
        return sanl_winograd_weights_bytes(&s, way, direction) / sizeof(float);
    const int out = gradient ? s.cin : s.cout, in = gradient ? s.cout : s.cin;
    if (!way.kernel->route->packs)
        return 0;
    return round_up((size_t)out, (size_t)way.kernel->route->lanes(way.kernel, out)) * (size_t)(s.kh * s.kw) *
           (size_t)in;
}

struct conv2d_prepared sanl_conv2d_prepared_of(const struct sanl_op_call *call, enum sanl_direction direction)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const bool gradient = direction == SANL_BACKWARD;
    struct conv2d_prepared p;
    p.zero = round_up(2 * (size_t)s.cout, 64);
    p.weights = p.zero + round_up((size_t)(gradient ? s.cout : s.cin) * (size_t)s.kw, 64);
    p.count = p.weights + weights_floats(call, gradient);
    return p;
}

/* The parts of the workspace, in bytes, aligned for kernels. */
struct workspace {
    size_t frame, g, partial, extra, frame_bytes, g_bytes, partial_bytes, extra_bytes, total;
};

static struct workspace workspace_of(const struct sanl_op_call *call, const struct sanl_device *device)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const size_t align = device ? sanl_device_get_info(device)->base_align_bytes : 64;
    struct workspace w = {0};
    if (s.row_run)
        w.frame_bytes =
            (size_t)s.n * (size_t)(s.h + 2 * s.pad) * (size_t)(s.w + 2 * s.pad) * (size_t)s.cin * 4;
    if (call->training && (s.flags & OWN_G))
        w.g_bytes = (size_t)s.pixels * (size_t)s.cout * 4;
    if (call->training && (s.flags & CONV2D_HAS_BIAS))
        w.partial_bytes =
            (size_t)sanl_pieces_of((size_t)s.pixels, sanl_many_pieces(device)).count * (size_t)s.cout * 4;
    for (int i = 0; i < (call->training ? 3 : 1); i++) {
        const enum conv2d_direction direction = (enum conv2d_direction)i;
        const struct conv2d_way way = sanl_conv2d_way_of(call, direction);
        const size_t bytes = way.winograd ? sanl_winograd_extra_bytes(&s, way, direction, device)
                                          : way.kernel->route->extra_bytes(way.kernel, &s, direction, device);
        w.extra_bytes = bytes > w.extra_bytes ? bytes : w.extra_bytes;
    }
    w.g = round_up(w.frame_bytes, align);
    w.partial = w.g + round_up(w.g_bytes, align);
    w.extra = w.partial + round_up(w.partial_bytes, align);
    w.total = w.extra + w.extra_bytes;
    return w;
}

static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    enum { ATTR_MAX = 1 << 24 };
    static const int least[SANL_OP_ATTR] = {1, 1, 1, 0, 1, [CONV2D_WINOGRAD] = -1};
    const struct sanl_shape x = call->in_shape[0];
    SANL_OP_REQUIRE(call, call->in_count == 1 || call->in_count == 2, "takes 1 or 2 inputs, not %d",
                    call->in_count);
    for (int i = 0; i < SANL_OP_ATTR && call->op->attr[i].name; i++) {
        const int most = i == CONV2D_NORM ? 2 : ATTR_MAX;
        SANL_OP_REQUIRE(call, i == CONV2D_EPS || sanl_attr_whole(call->attr[i], least[i], most),
                        "%s: expected a whole number from %d to %d, found %g", call->op->attr[i].name,
                        least[i], most, call->attr[i]);
    }
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const int winograd = attr(call, CONV2D_WINOGRAD);
    SANL_OP_REQUIRE(
        call, winograd == -1 || winograd == 0 || ((winograd == 2 || winograd == 4) && sanl_winograd_fits(&s)),
        "winograd=%d is out of range: -1 or 0, and 2 or 4 for a 3x3 kernel of stride 1, pad 0 to 2",
        winograd);
    SANL_OP_REQUIRE(call, s.h + 2 * s.pad >= s.kh && s.w + 2 * s.pad >= s.kw,
                    "input %dx%d with pad %d is smaller than the kernel %dx%d", s.h, s.w, s.pad, s.kh, s.kw);
    call->out_count = 1;
    call->out_shape[0] = (struct sanl_shape){s.n, s.oh, s.ow, s.cout};
    if (call->in_count == 2) {
        const struct sanl_shape r = call->in_shape[1], y = call->out_shape[0];
        SANL_OP_REQUIRE(call, r.n == y.n && r.h == y.h && r.w == y.w && r.c == y.c,
                        "the residual is (%d, %d, %d, %d), the output (%d, %d, %d, %d)", r.n, r.h, r.w, r.c,
                        y.n, y.h, y.w, y.c);
    }
    call->param_count = attr(call, CONV2D_BIAS) ? 2 : 1;
    call->param_shape[0] = (struct sanl_shape){s.kh, s.kw, x.c, s.cout};
    call->param_shape[1] = (struct sanl_shape){1, 1, 1, s.cout};
    call->state_count = attr(call, CONV2D_NORM) ? 4 : 0;
    for (int i = 0; i < 4; i++)
        call->state_shape[i] = (struct sanl_shape){1, 1, 1, s.cout};
    if (call->no_param_grad)
        call->backward_in = 0;
    if (!attr(call, CONV2D_RELU))
        call->backward_out = 0;
    sanl_conv2d_choose(call, device);
    call->spent_params = 1;
    call->prepare_at_use = false;
    for (int d = 0; d < (call->training ? 2 : 1); d++) {
        call->prepared_bytes[d] = sanl_conv2d_prepared_of(call, (enum sanl_direction)d).count * sizeof(float);
        if (weights_floats(call, d == SANL_BACKWARD) == 0)
            call->spent_params = 0;
        const enum conv2d_direction direction = d ? CONV2D_DATA : CONV2D_FORWARD;
        const struct conv2d_way way = sanl_conv2d_way_of(call, direction);
        call->prepare_at_use |= way.winograd && sanl_winograd_swells(&s, way, direction);
    }
    if (call->prepare_at_use)
        call->spent_params = 0;
    call->workspace_bytes = workspace_of(call, device).total;
    return SANL_OK;
}

enum sanl_status sanl_conv2d_pack(struct sanl_device *device, const struct sanl_op_call *call, int lanes,
                                  bool gradient, sanl_buffer out, size_t at)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const int count = gradient ? s.cin : s.cout, strips = (count + lanes - 1) / lanes;
    const int taps = gradient || !s.row_run ? s.kh * s.kw : s.kh;
    const int run = gradient ? s.cout : s.cin * s.kh * s.kw / taps;
    const int tap_stride = gradient ? s.cin * s.cout : run * s.cout;
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d", "conv2d_pack", ""));
    const size_t rows = (size_t)(gradient ? strips * lanes : run);
    const struct sanl_range range = {{(rows + PACK_ROWS - 1) / PACK_ROWS, (size_t)taps, 0}, {1, 1, 0}};
    return sanl_launch(device, kernel, range, "bbliiiiiiii", call->param[0], out, (int64_t)at, lanes, strips,
                       taps, run, count, tap_stride, gradient ? 1 : s.cout, gradient ? s.cout : 1);
}

static enum sanl_status frame(struct sanl_device *device, const struct sanl_op_call *call,
                              const struct conv2d_sizes *s, sanl_buffer out)
{
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d", "conv2d_frame", ""));
    const struct sanl_range range = {
        {(size_t)(s->w + 2 * s->pad) * (size_t)s->cin, (size_t)s->n * (size_t)(s->h + 2 * s->pad), 0},
        {0, 0, 0}};
    return sanl_launch(device, kernel, range, "bbiiiii", call->in[0], out, s->n, s->h, s->w, s->cin, s->pad);
}

/* Parts of the workspace as buffers; NULL where not asked for. */
struct parts {
    sanl_buffer frame, g, partial, extra;
};

static void free_parts(struct parts *p)
{
    sanl_buffer_free(p->frame);
    sanl_buffer_free(p->g);
    sanl_buffer_free(p->partial);
    sanl_buffer_free(p->extra);
}

static enum sanl_status make_parts(struct parts *p, const struct sanl_op_call *call,
                                   const struct workspace *w)
{
    const struct parts none = {0};
    *p = none;
    enum sanl_status status = SANL_OK;
    if (w->frame_bytes)
        status = sanl_buffer_part(&p->frame, call->workspace, 0, w->frame_bytes);
    if (status == SANL_OK && w->g_bytes)
        status = sanl_buffer_part(&p->g, call->workspace, w->g, w->g_bytes);
    if (status == SANL_OK && w->partial_bytes)
        status = sanl_buffer_part(&p->partial, call->workspace, w->partial, w->partial_bytes);
    if (status == SANL_OK && w->extra_bytes)
        status = sanl_buffer_part(&p->extra, call->workspace, w->extra, w->extra_bytes);
    if (status != SANL_OK)
        free_parts(p);
    return status;
}

static enum sanl_status prepare(struct sanl_op_call *call, struct sanl_device *device,
                                enum sanl_direction direction)
{
    const bool gradient = direction == SANL_BACKWARD;
    const enum conv2d_direction pass = gradient ? CONV2D_DATA : CONV2D_FORWARD;
    const struct conv2d_way way = sanl_conv2d_way_of(call, pass);
    const struct conv2d_prepared p = sanl_conv2d_prepared_of(call, direction);
    const sanl_buffer out = call->prepared[direction];
    /* the row of zeros: what direct kernels of the wide family read beyond the border */
    const bool reads_outside =
        attr(call, CONV2D_KH) * attr(call, CONV2D_KW) > 1 || attr(call, CONV2D_PAD) > 0;
    if (way.kernel->route->packs && !way.winograd && reads_outside)
        SANL_TRY(sanl_buffer_fill(device, out, p.weights, 0.0f));
    if (attr(call, CONV2D_NORM))
        SANL_TRY(sanl_launch_1d(device, "conv2d", "conv2d_fold", "", (size_t)attr(call, CONV2D_COUT),
                                "bbbbbi2f", call->state[0], call->state[1], call->state[2], call->state[3],
                                out, attr(call, CONV2D_COUT), attr(call, CONV2D_NORM) == 1 ? 1 : 0,
                                call->attr[CONV2D_EPS]));
    const int channels = gradient ? call->in_shape[0].c : attr(call, CONV2D_COUT);
    if (sanl_conv2d_is_dot(way.kernel)) /* as for the data gradient: a register's terms are channels in */
        return sanl_conv2d_pack(device, call, 16, true, out, p.weights);
    if (!way.winograd)
        return way.kernel->route->packs
                   ? sanl_conv2d_pack(device, call, way.kernel->route->lanes(way.kernel, channels), gradient,
                                      out, p.weights)
                   : SANL_OK;
    const struct workspace w = workspace_of(call, device);
    struct parts parts;
    SANL_TRY(make_parts(&parts, call, &w));
    const enum sanl_status status = sanl_winograd_pack(device, call, pass, parts.extra, out, p.weights);
    free_parts(&parts);
    return status;
}

static enum sanl_status forward(struct sanl_op_call *call, struct sanl_device *device)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const struct conv2d_way way = sanl_conv2d_way_of(call, CONV2D_FORWARD);
    const struct workspace w = workspace_of(call, device);
    struct parts parts;
    SANL_TRY(make_parts(&parts, call, &w));
    enum sanl_status status = s.row_run ? frame(device, call, &s, parts.frame) : SANL_OK;
    if (status == SANL_OK)
        status = way.winograd
                     ? sanl_winograd_forward(device, call, parts.extra)
                     : way.kernel->route->forward(device, way.kernel, call,
                                                  s.row_run ? parts.frame : call->in[0], parts.extra);
    free_parts(&parts);
    return status;
}

enum sanl_status sanl_conv2d_sum_chunks(struct sanl_device *device, sanl_buffer partial, sanl_buffer out,
                                        int count, int chunks)
{
    return sanl_launch_1d(device, "conv2d", "conv2d_sum_chunks", "", (size_t)count, "bbii", partial, out,
                          count, chunks);
}

static enum sanl_status bias_gradient(struct sanl_device *device, const struct sanl_op_call *call,
                                      const struct conv2d_sizes *s, sanl_buffer g, sanl_buffer partial)
{
    const size_t rows = (size_t)s->pixels;
    const struct sanl_pieces pieces = sanl_pieces_of(rows, sanl_many_pieces(device));
    const struct sanl_sweep sweep = sanl_sweep_rows(device, rows, s->cout, s->cout);
    struct sanl_kernel *kernel;
    size_t scratch;
    SANL_TRY(
        sanl_kernel_get(&kernel, device, "conv2d_epilogue_backward", "conv2d_bias_partial", sweep.options));
    SANL_TRY(sanl_launch(device, kernel, sanl_sweep_pieces(&sweep, pieces), "i4b2", s->pixels, sweep.groups,
                         pieces.count, pieces.length, g, partial));
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d_epilogue_backward", "conv2d_bias_sum", sweep.options));
    const struct sanl_range range = sanl_sweep_parts(&sweep, device, kernel, &scratch);
    return sanl_launch(device, kernel, range, "iibbs", sweep.groups, pieces.count, partial, call->dparam[1],
                       scratch);
}

static enum sanl_status epilogue_backward(struct sanl_device *device, const struct sanl_op_call *call,
                                          const struct conv2d_sizes *s, sanl_buffer g)
{
    const struct sanl_sweep sweep = sanl_sweep_rows(device, (size_t)s->pixels, s->cout, s->cout);
    const int flags = call->din[1] ? s->flags : s->flags & ~CONV2D_HAS_RESIDUAL;
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d_epilogue_backward", "conv2d_epilogue_backward",
                             sweep.options));
    return sanl_launch(device, kernel, sweep.range, "i6b5", s->pixels, sweep.groups, sweep.span, g ? 1 : 0,
                       call->din_add[1] ? 1 : 0, flags, call->dout[0], call->out[0],
                       call->prepared[SANL_BACKWARD], g, call->din[1]);
}

static enum sanl_status backward_parts(struct sanl_op_call *call, struct sanl_device *device,
                                       const struct parts *parts)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const bool weights = call->dparam[0] && !call->no_param_grad;

    const bool own_g = s.flags & OWN_G;
    const sanl_buffer g = own_g ? parts->g : call->dout[0];
    if (own_g || call->din[1])
        SANL_TRY(epilogue_backward(device, call, &s, own_g ? g : NULL));
    if (weights) {
        if (s.row_run)
            SANL_TRY(frame(device, call, &s, parts->frame));
        const struct conv2d_way way = sanl_conv2d_way_of(call, CONV2D_WEIGHTS);
        SANL_TRY(way.winograd ? sanl_winograd_weight_gradient(device, call, g, parts->extra)
                              : way.kernel->route->weight_gradient(device, way.kernel, call,
                                                                   s.row_run ? parts->frame : call->in[0], g,
                                                                   parts->extra));
    }
    if ((s.flags & CONV2D_HAS_BIAS) && call->dparam[1] && !call->no_param_grad)
        SANL_TRY(bias_gradient(device, call, &s, g, parts->partial));
    if (!call->din[0])
        return SANL_OK;
    const struct conv2d_way way = sanl_conv2d_way_of(call, CONV2D_DATA);
    return way.winograd ? sanl_winograd_data_gradient(device, call, g, parts->extra)
                        : way.kernel->route->data_gradient(device, way.kernel, call, g, parts->extra);
}

static enum sanl_status backward(struct sanl_op_call *call, struct sanl_device *device)
{
    const struct workspace w = workspace_of(call, device);
    SANL_OP_REQUIRE(call, !attr(call, CONV2D_NORM) || call->no_param_grad || !call->dparam[0],
                    "a convolution with a folded norm has no gradients of parameters");
    struct parts parts;
    SANL_TRY(make_parts(&parts, call, &w));
    const enum sanl_status status = backward_parts(call, device, &parts);
    free_parts(&parts);
    return status;
}

static struct sanl_op_cost cost(const struct sanl_op_call *call, enum sanl_direction direction)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const double macs = (double)s.pixels * s.cout * s.cin * s.kh * s.kw;
    const double x = (double)sanl_shape_count(call->in_shape[0]),
                 y = (double)sanl_shape_count(call->out_shape[0]),
                 w = (double)sanl_shape_count(call->param_shape[0]);
    const double passes = direction == SANL_FORWARD ? 1 : call->no_param_grad ? 1 : 2;
    return (struct sanl_op_cost){2 * macs * passes, 4 * (x + y + w) * passes};
}

const struct sanl_op sanl_op_conv2d = {
    .name = "conv2d",
    .attr = {{"kh", 1},
             {"kw", 1},
             {"stride", 1},
             {"pad", 0},
             {"cout", 1},
             {"bias", 0},
             {"norm", 0},
             {"relu", 0},
             {"eps", 1e-5},
             {"winograd", -1}},
    .state_fill = {SANL_FILL_POSITIVE, SANL_FILL_NORMAL, SANL_FILL_NORMAL, SANL_FILL_POSITIVE},
    .in_grad = 3,
    .backward_in = 1,
    .backward_out = 1,
    .infer = infer,
    .reference_forward = sanl_conv2d_reference_forward,
    .reference_backward = sanl_conv2d_reference_backward,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .cost = cost,
    .choice_name = sanl_conv2d_choice_name,
    .choice_fits = sanl_conv2d_choice_fits,
    .choice_key = sanl_conv2d_choice_key,
};

/* A linear layer is a 1x1 convolution over n pixels: x (n, 1, 1, cin), w (1, 1, cin, cout), bias. */
static enum sanl_status infer_linear(struct sanl_op_call *call, struct sanl_device *device)
{
    const struct sanl_shape x = call->in_shape[0];
    SANL_OP_REQUIRE(call, x.h == 1 && x.w == 1, "takes (n, 1, 1, c), not (%d, %d, %d, %d)", x.n, x.h, x.w,
                    x.c);
    SANL_OP_REQUIRE(call, attr(call, CONV2D_KH) == 1 && attr(call, CONV2D_KW) == 1, "has no kernel size");
    return infer(call, device);
}

const struct sanl_op sanl_op_linear = {
    .name = "linear",
    .attr = {{"kh", 1},
             {"kw", 1},
             {"stride", 1},
             {"pad", 0},
             {"cout", 1},
             {"bias", 1},
             {"norm", 0},
             {"relu", 0},
             {"eps", 1e-5},
             {"winograd", -1}},
    .state_fill = {SANL_FILL_POSITIVE, SANL_FILL_NORMAL, SANL_FILL_NORMAL, SANL_FILL_POSITIVE},
    .in_grad = 3,
    .backward_in = 1,
    .backward_out = 1,
    .infer = infer_linear,
    .reference_forward = sanl_conv2d_reference_forward,
    .reference_backward = sanl_conv2d_reference_backward,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .cost = cost,
    .choice_name = sanl_conv2d_choice_name,
    .choice_fits = sanl_conv2d_choice_fits,
    .choice_key = sanl_conv2d_choice_key,
};
