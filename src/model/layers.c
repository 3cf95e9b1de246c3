#include "model/layers.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void sanl_op_set(struct sanl_op_call *call, const char *name, double value)
{
    for (int i = 0; i < SANL_OP_ATTR && call->op->attr[i].name; i++)
        if (strcmp(call->op->attr[i].name, name) == 0) {
            call->attr[i] = value;
            return;
        }
    assert(false && "the operator has this attribute");
}

double sanl_op_get(const struct sanl_op_call *call, const char *name)
{
    for (int i = 0; i < SANL_OP_ATTR && call->op->attr[i].name; i++)
        if (strcmp(call->op->attr[i].name, name) == 0)
            return call->attr[i];
    return 0;
}

struct sanl_op_call sanl_op_new(const char *op, int in_count)
{
    const struct sanl_op *found = sanl_op_find(op);
    assert(found);
    struct sanl_op_call call = sanl_op_call_of(found);
    call.in_count = in_count;
    return call;
}

static struct sanl_param named(const char *prefix, const char *suffix, enum sanl_param_layout layout,
                               enum sanl_param_init init, int fan_in)
{
    struct sanl_param p = {.layout = layout, .init = init, .fan_in = fan_in};
    snprintf(p.name, sizeof p.name, "%s.%s", prefix, suffix);
    return p;
}

struct sanl_tensor *sanl_layer_plain(struct sanl_graph *g, const char *name, struct sanl_op_call *call,
                                     struct sanl_tensor *const *in)
{
    static const struct sanl_node_params none;
    return sanl_graph_add(g, name, call, in, &none);
}

/* The four tensors of a norm in the order of the folded convolution's states: scale, shift, mean, variance.
 */
static void norm_params(struct sanl_param out[4], const char *prefix, bool zero)
{
    out[0] = named(prefix, "weight", SANL_PARAM_VECTOR, zero ? SANL_INIT_ZERO : SANL_INIT_ONE, 0);
    out[1] = named(prefix, "bias", SANL_PARAM_VECTOR, SANL_INIT_ZERO, 0);
    out[2] = named(prefix, "running_mean", SANL_PARAM_VECTOR, SANL_INIT_ZERO, 0);
    out[3] = named(prefix, "running_var", SANL_PARAM_VECTOR, SANL_INIT_ONE, 0);
    out[0].trained = out[1].trained = true;
}

static struct sanl_tensor *norm(struct sanl_graph *g, struct sanl_tensor *x, const struct sanl_conv *conv)
{
    struct sanl_tensor *in[2] = {x, conv->residual};
    struct sanl_op_call call = sanl_op_new("batch_norm", conv->residual ? 2 : 1);
    struct sanl_node_params params = {0};
    struct sanl_param four[4];
    sanl_op_set(&call, "relu", conv->relu);
    sanl_op_set(&call, "frozen", sanl_graph_get_options(g)->freeze_norm);
    norm_params(four, conv->norm, conv->norm_zero);
    memcpy(params.param, four, 2 * sizeof *four);
    memcpy(params.state, four + 2, 2 * sizeof *four);
    return sanl_graph_add(g, conv->norm, &call, in, &params);
}

/* The sum of `count` tensors, each resized to (h, w). */
static struct sanl_tensor *upsample(struct sanl_graph *g, const char *name, struct sanl_tensor *const *x,
                                    int count, enum sanl_upsampling mode, int h, int w)
{
    struct sanl_op_call call = sanl_op_new("upsample", count);
    sanl_op_set(&call, "mode", mode);
    sanl_op_set(&call, "out_h", h);
    sanl_op_set(&call, "out_w", w);
    return sanl_layer_plain(g, name, &call, x);
}

/* Of all inputs side by side; 0 where one is missing. */
static int channels_of(const struct sanl_tensor *x, const struct sanl_levels *more)
{
    int channels = x ? x->shape.c : 0;
    for (int i = 0; i < more->count; i++)
        channels = channels && more->x[i] ? channels + more->x[i]->shape.c : 0;
    return channels;
}

static bool folds(const struct sanl_graph *g, const struct sanl_conv *conv)
{
    return conv->norm && !sanl_graph_get_options(g)->param_gradients;
}

/* A part of a convolution: of x, whose channels begin at `first` of `cin`. Its parts but the first have the
 * norm's scale alone, for the sum has its shift once. */
static struct sanl_tensor *convolve(struct sanl_graph *g, const char *name, struct sanl_tensor *x, int first,
                                    int cin, const char *weights, const struct sanl_conv *conv)
{
    const bool fold = folds(g, conv);
    const int fan_in = cin * conv->kernel * conv->kernel;
    struct sanl_op_call call = sanl_op_new("conv2d", conv->residual ? 2 : 1);
    struct sanl_node_params params = {.cin = cin == x->shape.c ? 0 : cin, .cin_first = first};
    sanl_op_set(&call, "kh", conv->kernel);
    sanl_op_set(&call, "kw", conv->kernel);
    sanl_op_set(&call, "stride", conv->stride);
    sanl_op_set(&call, "pad", conv->kernel / 2);
    sanl_op_set(&call, "cout", conv->cout);
    sanl_op_set(&call, "bias", conv->bias);
    sanl_op_set(&call, "norm", !fold ? 0 : first == 0 ? 1 : 2);
    sanl_op_set(&call, "relu", conv->relu);
    if (sanl_graph_get_options(g)->direct_conv)
        sanl_op_set(&call, "winograd", 0);
    params.param[0] = named(weights, "weight", SANL_PARAM_CONV, conv->init, fan_in);
    params.param[1] = named(weights, "bias", SANL_PARAM_VECTOR,
                            conv->init == SANL_INIT_SMALL ? SANL_INIT_ZERO : SANL_INIT_FAN_IN, fan_in);
    if (fold)
        norm_params(params.state, conv->norm, conv->norm_zero);
    return sanl_graph_add(g, name, &call, (struct sanl_tensor *[]){x, conv->residual}, &params);
}

/* What the further inputs add to the convolution of x. */
static struct sanl_tensor *convolve_more(struct sanl_graph *g, const char *name, struct sanl_tensor *x,
                                         int cin, const struct sanl_conv *conv)
{
    struct sanl_tensor *part[SANL_OP_IN];
    struct sanl_conv plain = *conv;
    char text[112];
    int first = x->shape.c;
    plain.bias = plain.relu = false;
    plain.residual = NULL;
    for (int i = 0; i < conv->more.count; first += conv->more.x[i++]->shape.c) {
        snprintf(text, sizeof text, "%s.%d", name, i + 1);
        part[i] = convolve(g, text, conv->more.x[i], first, cin, name, &plain);
    }
    snprintf(text, sizeof text, "%s.upsample", name);
    return upsample(g, text, part, conv->more.count, SANL_UPSAMPLE_BILINEAR, x->shape.h, x->shape.w);
}

struct sanl_tensor *sanl_layer_conv(struct sanl_graph *g, const char *name, struct sanl_tensor *x,
                                    const struct sanl_conv *conv)
{
    const int cin = channels_of(x, &conv->more);
    if (cin == 0)
        return NULL;
    struct sanl_conv own = *conv;
    const bool last = !conv->norm || folds(g, conv); /* residual and ReLU belong to the convolution */
    assert(conv->more.count <= SANL_OP_IN);
    assert(conv->more.count == 0 || (conv->kernel == 1 && conv->stride == 1 && !conv->residual));
    if (!last) {
        own.residual = NULL;
        own.relu = false;
    }
    if (conv->more.count)
        own.residual = convolve_more(g, name, x, cin, conv);
    struct sanl_tensor *y = convolve(g, name, x, 0, cin, name, &own);
    return last ? y : norm(g, y, conv);
}

struct sanl_tensor *sanl_layer_linear(struct sanl_graph *g, const char *name, struct sanl_tensor *x, int out)
{
    if (!x)
        return NULL;
    struct sanl_op_call call = sanl_op_new("linear", 1);
    struct sanl_node_params params = {0};
    sanl_op_set(&call, "cout", out);
    params.param[0] = named(name, "weight", SANL_PARAM_LINEAR, SANL_INIT_FAN_IN, x->shape.c);
    params.param[1] = named(name, "bias", SANL_PARAM_VECTOR, SANL_INIT_FAN_IN, x->shape.c);
    return sanl_graph_add(g, name, &call, &x, &params);
}

struct sanl_tensor *sanl_layer_upsample(struct sanl_graph *g, const char *name, struct sanl_tensor *x,
                                        enum sanl_upsampling mode, int h, int w)
{
    if (!x || (x->shape.h == h && x->shape.w == w))
        return x;
    return upsample(g, name, &x, 1, mode, h, w);
}

struct sanl_tensor *sanl_layer_bottleneck(struct sanl_graph *g, const char *name, struct sanl_tensor *x,
                                          struct sanl_levels more, int mid, int cout, int stride)
{
    char conv[4][96], bn[4][96];
    for (int i = 0; i < 3; i++) {
        snprintf(conv[i], sizeof conv[i], "%s.conv%d", name, i + 1);
        snprintf(bn[i], sizeof bn[i], "%s.bn%d", name, i + 1);
    }
    snprintf(conv[3], sizeof conv[3], "%s.downsample.0", name);
    snprintf(bn[3], sizeof bn[3], "%s.downsample.1", name);
    struct sanl_tensor *skip = x;
    if (stride != 1 || more.count || channels_of(x, &more) != cout)
        skip = sanl_layer_conv(g, conv[3], x,
                               &(struct sanl_conv){.cout = cout,
                                                   .kernel = 1,
                                                   .stride = stride,
                                                   .norm = bn[3],
                                                   .init = SANL_INIT_HE,
                                                   .more = more});
    struct sanl_tensor *y = sanl_layer_conv(g, conv[0], x,
                                            &(struct sanl_conv){.cout = mid,
                                                                .kernel = 1,
                                                                .stride = 1,
                                                                .norm = bn[0],
                                                                .relu = true,
                                                                .init = SANL_INIT_HE,
                                                                .more = more});
    y = sanl_layer_conv(
        g, conv[1], y,
        &(struct sanl_conv){
            .cout = mid, .kernel = 3, .stride = stride, .norm = bn[1], .relu = true, .init = SANL_INIT_HE});
    y = sanl_layer_conv(g, conv[2], y,
                        &(struct sanl_conv){.cout = cout,
                                            .kernel = 1,
                                            .stride = 1,
                                            .norm = bn[2],
                                            .relu = true,
                                            .init = SANL_INIT_HE,
                                            .residual = skip});
    sanl_graph_checkpoint(y);
    return y;
}

/* x with the map: x (1 + cam), or (x, cam) side by side. */
static struct sanl_tensor *join_map(struct sanl_graph *g, const char *name, struct sanl_tensor *x,
                                    struct sanl_tensor *cam, const struct sanl_block_config *config)
{
    const char *op = config->map == SANL_MAP_CONCAT ? "concat" : "gate";
    struct sanl_op_call call = sanl_op_new(op, 2);
    char text[96];
    snprintf(text, sizeof text, "%s.%s", name, op);
    return sanl_layer_plain(g, text, &call, (struct sanl_tensor *[]){x, cam});
}

/* The largest of each 2x2. */
static struct sanl_tensor *pool(struct sanl_graph *g, const char *name, struct sanl_tensor *x)
{
    struct sanl_op_call call = sanl_op_new("pool2d", 1);
    char text[104];
    sanl_op_set(&call, "kernel", 2);
    sanl_op_set(&call, "stride", 2);
    snprintf(text, sizeof text, "%s.pool", name);
    return sanl_layer_plain(g, text, &call, &x);
}

/* What theta, phi and g make of x. */
static struct sanl_tensor *attend(struct sanl_graph *g, const char *name, struct sanl_tensor *x,
                                  struct sanl_tensor *cam, const struct sanl_block_config *config)
{
    static const struct {
        const char *name;
        enum sanl_map_gate gate;
    } roles[3] = {{"theta", SANL_GATE_QUERY}, {"phi", SANL_GATE_KEY}, {"g", SANL_GATE_VALUE}};
    const int inner = x->shape.c > config->ratio ? x->shape.c / config->ratio : 1;
    struct sanl_tensor *joined = cam ? join_map(g, name, x, cam, config) : x, *qkv[3];
    char text[96];
    for (int i = 0; i < 3; i++) {
        const bool sees_map = config->gate == SANL_GATE_ALL || config->gate == (int)roles[i].gate;
        snprintf(text, sizeof text, "%s.%s", name, roles[i].name);
        qkv[i] = sanl_layer_conv(g, text, sees_map ? joined : x,
                                 &(struct sanl_conv){.cout = inner, .kernel = 1, .stride = 1, .bias = true});
        if (config->pool && roles[i].gate != SANL_GATE_QUERY)
            qkv[i] = pool(g, text, qkv[i]);
    }
    struct sanl_op_call call = sanl_op_new("attention", 3);
    if (config->scale)
        sanl_op_set(&call, "scale", 1 / sqrt(inner));
    snprintf(text, sizeof text, "%s.attention", name);
    return sanl_layer_plain(g, text, &call, qkv);
}

struct sanl_tensor *sanl_layer_nonlocal(struct sanl_graph *g, const char *name, struct sanl_tensor *x,
                                        struct sanl_tensor *cam, const struct sanl_block_config *config)
{
    if (!x)
        return NULL;
    char out[96], bn[96];
    struct sanl_tensor *y = attend(g, name, x, cam, config);
    sanl_graph_checkpoint(y);
    snprintf(out, sizeof out, "%s.out", name);
    snprintf(bn, sizeof bn, "%s.bn", name);
    y = sanl_layer_conv(g, out, y,
                        &(struct sanl_conv){.cout = x->shape.c,
                                            .kernel = 1,
                                            .stride = 1,
                                            .bias = true,
                                            .norm = bn,
                                            .norm_zero = true,
                                            .residual = x});
    sanl_graph_checkpoint(y);
    return y;
}
