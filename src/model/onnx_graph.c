#include "model/onnx_graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "model/layers.h"
#include "model/weights.h"

#define IN    SANL_ONNX_IN
#define ATTRS SANL_ONNX_ATTRS

enum sanl_status sanl_onnx_graph_create(struct sanl_onnx_graph *out, struct sanl_onnx *onnx,
                                        const struct sanl_graph *graph, const struct sanl_onnx_source *from,
                                        const char *prefix)
{
    const size_t tensors = (size_t)sanl_graph_tensor_count(graph);
    *out = (struct sanl_onnx_graph){onnx, graph, *from, prefix, NULL, NULL, ""};
    out->value = sanl_calloc(tensors, sizeof *out->value);
    out->gradient = sanl_calloc(tensors, sizeof *out->gradient);
    if (out->value && out->gradient)
        return SANL_OK;
    sanl_onnx_graph_free(out);
    return SANL_ERR_MEMORY;
}

void sanl_onnx_graph_free(struct sanl_onnx_graph *graph)
{
    free(graph->value);
    free(graph->gradient);
    *graph = (struct sanl_onnx_graph){0};
}

/* ---- names, nodes, constants --------------------------------------------------------------------- */

static void name_part(char name[SANL_ONNX_NAME_BYTES], const struct sanl_onnx_graph *graph,
                      const char *suffix)
{
    snprintf(name, SANL_ONNX_NAME_BYTES, "%s%s%s", graph->prefix, graph->layer, suffix);
}

void sanl_onnx_graph_name(char name[SANL_ONNX_NAME_BYTES], const struct sanl_onnx_graph *graph,
                          const struct sanl_param *param)
{
    snprintf(name, SANL_ONNX_NAME_BYTES, "%s%s", graph->prefix, param->name);
}

const char *sanl_onnx_graph_node(struct sanl_onnx_graph *graph, const char *op, const char *suffix,
                                 const char *const *in, const struct sanl_onnx_attr *attr)
{
    char name[SANL_ONNX_NAME_BYTES];
    name_part(name, graph, suffix);
    return sanl_onnx_node(graph->onnx, op, name, in, attr);
}

const char *sanl_onnx_graph_ints(struct sanl_onnx_graph *graph, const char *suffix, const int64_t *values,
                                 int count)
{
    char name[SANL_ONNX_NAME_BYTES];
    name_part(name, graph, suffix);
    return sanl_onnx_ints(graph->onnx, name, values, count);
}

const char *sanl_onnx_graph_floats(struct sanl_onnx_graph *graph, const char *suffix, const float *values,
                                   int count)
{
    char name[SANL_ONNX_NAME_BYTES];
    const size_t bytes = (size_t)(count ? count : 1) * sizeof *values;
    float *copy = sanl_calloc(bytes, 1);
    if (copy)
        memcpy(copy, values, bytes);
    name_part(name, graph, suffix);
    return sanl_onnx_floats(graph->onnx, name, &(int64_t){count}, count ? 1 : 0, copy);
}

/* ---- weights ------------------------------------------------------------------------------------- */

/* The values of a parameter, in PyTorch's order, in new memory; NULL after a failure, which is kept. */
static float *read_param(struct sanl_onnx_graph *graph, const struct sanl_param *param)
{
    char name[SANL_ONNX_NAME_BYTES];
    float *values;
    snprintf(name, sizeof name, "%s%s", graph->from.prefix, param->name);
    const struct sanl_named_tensor *tensor = sanl_tensors_find(graph->from.file, name);
    sanl_onnx_fail(graph->onnx, sanl_weights_read(&values, graph->from.file, tensor, graph->from.path));
    return values;
}

/* A constant of the node's weights, named as their parameter or, where they are a part of that, as the node.
 */
static const char *add_weight(struct sanl_onnx_graph *graph, const struct sanl_node_view *n, float *values)
{
    struct sanl_param own = *n->param[0];
    char name[SANL_ONNX_NAME_BYTES];
    int dims[4], rank;
    int64_t wide[4];
    own.shape = n->call->param_shape[0];
    if (n->cin)
        snprintf(own.name, sizeof own.name, "%s.weight", n->name);
    sanl_param_file_shape(&own, dims, &rank);
    for (int i = 0; i < rank; i++)
        wide[i] = dims[i];
    sanl_onnx_graph_name(name, graph, &own);
    return sanl_onnx_floats(graph->onnx, name, wide, rank, values);
}

/* The values that the node takes of its weights, (cout, cin) of 1x1, to their beginning. */
static void keep_own(float *w, const struct sanl_node_view *n)
{
    const size_t own = (size_t)n->call->param_shape[0].w;
    for (size_t o = 0; o < (size_t)n->call->out_shape[0].c; o++)
        memmove(w + o * own, w + o * (size_t)n->cin + n->cin_first, own * sizeof *w);
}

/* norm(w x + b) = (w s) x + (b - mean) s + shift with s = scale / sqrt(variance + eps), without mean and
 * shift where the convolution has the scale alone: into w, (cout, size) values, and b. In double, one step at
 * a time, so that every compiler gives the same. */
static void fold_norm(float *w, float *b, float *const norm[4], const struct sanl_op_call *call)
{
    const size_t cout = (size_t)call->out_shape[0].c, size = sanl_shape_count(call->param_shape[0]) / cout;
    const bool shifts = sanl_op_get(call, "norm") == 1;
    for (size_t o = 0; o < cout; o++) {
        const double deviation = sqrt((double)norm[3][o] + sanl_op_get(call, "eps"));
        const double s = (double)norm[0][o] / deviation;
        const double centred = ((double)b[o] - (shifts ? (double)norm[2][o] : 0)) * s;
        for (size_t i = 0; i < size; i++)
            w[o * size + i] = (float)((double)w[o * size + i] * s);
        b[o] = (float)(centred + (shifts ? (double)norm[1][o] : 0));
    }
}

/* Constants of a convolution's weights and bias with the norm that follows it. */
static void add_weights(struct sanl_onnx_graph *graph, const struct sanl_node_view *n, const char **weight,
                        const char **bias)
{
    const int cout = n->call->out_shape[0].c, states = n->call->state_count;
    float *norm[4] = {0}, *w = read_param(graph, n->param[0]);
    float *b =
        n->call->param_count > 1 ? read_param(graph, n->param[1]) : sanl_calloc((size_t)cout, sizeof *b);
    bool whole = w && b;
    if (w && n->cin)
        keep_own(w, n);
    for (int i = 0; i < states; i++)
        whole = (norm[i] = read_param(graph, n->state[i])) && whole;
    if (whole && states)
        fold_norm(w, b, norm, n->call);
    for (int i = 0; i < states; i++)
        free(norm[i]);
    char name[SANL_ONNX_NAME_BYTES];
    snprintf(name, sizeof name, "%s%s.bias", graph->prefix, n->name);
    *weight = add_weight(graph, n, w);
    *bias = sanl_onnx_floats(graph->onnx, name, &(int64_t){cout}, 1, b);
}

/* ---- one function for each operator: the value of the first output --------------------------------- */

static const char *in_of(const struct sanl_onnx_graph *graph, const struct sanl_node_view *n, int k)
{
    return graph->value[n->in[k]->index];
}

/* relu(norm(conv(x)) + residual) */
static const char *add_conv2d(struct sanl_onnx_graph *graph, const struct sanl_node_view *n)
{
    const int kh = (int)sanl_op_get(n->call, "kh"), kw = (int)sanl_op_get(n->call, "kw");
    const int stride = (int)sanl_op_get(n->call, "stride"), pad = (int)sanl_op_get(n->call, "pad");
    const bool relu = sanl_op_get(n->call, "relu") != 0, residual = n->call->in_count > 1;
    const char *w, *b;
    add_weights(graph, n, &w, &b);
    const char *y =
        sanl_onnx_graph_node(graph, "Conv", relu || residual ? "/conv" : "", IN(in_of(graph, n, 0), w, b),
                             ATTRS({.name = "kernel_shape", .count = 2, .value = {kh, kw}},
                                   {.name = "strides", .count = 2, .value = {stride, stride}},
                                   {.name = "pads", .count = 4, .value = {pad, pad, pad, pad}}));
    if (residual)
        y = sanl_onnx_graph_node(graph, "Add", relu ? "/add" : "", IN(y, in_of(graph, n, 1)), NULL);
    return relu ? sanl_onnx_graph_node(graph, "Relu", "", IN(y), NULL) : y;
}

static const char *add_linear(struct sanl_onnx_graph *graph, const struct sanl_node_view *n)
{
    const char *w, *b;
    add_weights(graph, n, &w, &b);
    const char *x = sanl_onnx_graph_node(graph, "Flatten", "/flat", IN(in_of(graph, n, 0)), NULL);
    return sanl_onnx_graph_node(graph, "Gemm", "", IN(x, w, b), ATTRS({.name = "transB", .value = {1}}));
}

/* The largest value of windows, or the mean of the whole picture. */
static const char *add_pool2d(struct sanl_onnx_graph *graph, const struct sanl_node_view *n)
{
    const int kernel = (int)sanl_op_get(n->call, "kernel"), stride = (int)sanl_op_get(n->call, "stride");
    const int pad = (int)sanl_op_get(n->call, "pad");
    const bool average = sanl_op_get(n->call, "mode") != 0;
    if (average != (kernel == 0)) {
        sanl_onnx_fail(graph->onnx, sanl_fail(SANL_ERR_INTERNAL, "pooling that no network has"));
        return NULL;
    }
    const char *x = in_of(graph, n, 0);
    if (average)
        return sanl_onnx_graph_node(graph, "GlobalAveragePool", "", IN(x), NULL);
    return sanl_onnx_graph_node(graph, "MaxPool", "", IN(x),
                                ATTRS({.name = "kernel_shape", .count = 2, .value = {kernel, kernel}},
                                      {.name = "strides", .count = 2, .value = {stride, stride}},
                                      {.name = "pads", .count = 4, .value = {pad, pad, pad, pad}}));
}

/* Bilinear: output pixel o stands at (o + 0.5) in / out - 0.5, edges repeated; nearest: at floor(o in / out).
 */
const char *sanl_onnx_graph_resize(struct sanl_onnx_graph *graph, const char *suffix, const char *x,
                                   struct sanl_shape in, struct sanl_shape out, bool bilinear)
{
    char name[32];
    const float scales[4] = {1, 1, (float)out.h / (float)in.h, (float)out.w / (float)in.w};
    snprintf(name, sizeof name, "%s/scales", suffix);
    const char *s = sanl_onnx_graph_floats(graph, name, scales, 4);
    return sanl_onnx_graph_node(
        graph, "Resize", suffix, IN(x, "", s),
        ATTRS({.name = "mode", .text = bilinear ? "linear" : "nearest"},
              {.name = "coordinate_transformation_mode", .text = bilinear ? "half_pixel" : "asymmetric"},
              {.name = "nearest_mode", .text = "floor"}));
}

static const char *add_upsample(struct sanl_onnx_graph *graph, const struct sanl_node_view *n)
{
    const bool bilinear = sanl_op_get(n->call, "mode") == SANL_UPSAMPLE_BILINEAR;
    const char *resized[SANL_OP_IN + 1] = {0};
    char suffix[16] = "";
    for (int k = 0; k < n->call->in_count; k++) {
        if (n->call->in_count > 1)
            snprintf(suffix, sizeof suffix, "/resized%d", k);
        resized[k] = sanl_onnx_graph_resize(graph, suffix, in_of(graph, n, k), n->call->in_shape[k],
                                            n->call->out_shape[0], bilinear);
    }
    return n->call->in_count > 1 ? sanl_onnx_graph_node(graph, "Sum", "", resized, NULL) : resized[0];
}

/* x (1 + cam) */
static const char *add_gate(struct sanl_onnx_graph *graph, const struct sanl_node_view *n)
{
    const char *one = sanl_onnx_graph_floats(graph, "/one", &(float){1}, 0);
    const char *factor = sanl_onnx_graph_node(graph, "Add", "/factor", IN(in_of(graph, n, 1), one), NULL);
    return sanl_onnx_graph_node(graph, "Mul", "", IN(in_of(graph, n, 0), factor), NULL);
}

/* softmax(scale q k') v over the positions, which are rows of q and v, and columns of k. */
static const char *add_attention(struct sanl_onnx_graph *graph, const struct sanl_node_view *n)
{
    static const char *const flat[3] = {"/q", "/k", "/v"}, *const turned[3] = {"/queries", "", "/values"};
    const struct sanl_onnx_attr turn[] = {{.name = "perm", .count = 3, .value = {0, 2, 1}}, {0}};
    const struct sanl_shape s = n->call->out_shape[0];
    const char *tokens = sanl_onnx_graph_ints(graph, "/tokens", (const int64_t[]){0, s.c, -1}, 3);
    const char *shape = sanl_onnx_graph_ints(graph, "/shape", (const int64_t[]){0, s.c, s.h, s.w}, 4);
    const char *qkv[3];
    for (int i = 0; i < 3; i++) {
        qkv[i] = sanl_onnx_graph_node(graph, "Reshape", flat[i], IN(in_of(graph, n, i), tokens), NULL);
        if (turned[i][0])
            qkv[i] = sanl_onnx_graph_node(graph, "Transpose", turned[i], IN(qkv[i]), turn);
    }
    const float scale = (float)sanl_op_get(n->call, "scale");
    const char *p = sanl_onnx_graph_node(graph, "MatMul", "/scores", IN(qkv[0], qkv[1]), NULL);
    if (scale < 1 || scale > 1) {
        const char *factor = sanl_onnx_graph_floats(graph, "/scale", &scale, 0);
        p = sanl_onnx_graph_node(graph, "Mul", "/scaled", IN(p, factor), NULL);
    }
    p = sanl_onnx_graph_node(graph, "Softmax", "/softmax", IN(p), ATTRS({.name = "axis", .value = {-1}}));
    const char *y = sanl_onnx_graph_node(graph, "MatMul", "/rows", IN(p, qkv[2]), NULL);
    y = sanl_onnx_graph_node(graph, "Transpose", "/columns", IN(y), turn);
    return sanl_onnx_graph_node(graph, "Reshape", "", IN(y, shape), NULL);
}

static const char *add_concat(struct sanl_onnx_graph *graph, const struct sanl_node_view *n)
{
    const char *in[SANL_OP_IN + 1] = {0};
    for (int k = 0; k < n->call->in_count; k++)
        in[k] = in_of(graph, n, k);
    return sanl_onnx_graph_node(graph, "Concat", "", in, ATTRS({.name = "axis", .value = {1}}));
}

/* Decoding is left to who reads the heatmaps. */
static const char *add_nothing(struct sanl_onnx_graph *graph, const struct sanl_node_view *n)
{
    (void)graph;
    (void)n;
    return NULL;
}

static const struct {
    const char *op;
    const char *(*add)(struct sanl_onnx_graph *graph, const struct sanl_node_view *n);
} operators[] = {
    {"conv2d", add_conv2d}, {"linear", add_linear},
    {"pool2d", add_pool2d}, {"upsample", add_upsample},
    {"gate", add_gate},     {"attention", add_attention},
    {"concat", add_concat}, {"heatmap_decode", add_nothing},
};

void sanl_onnx_graph_forward(struct sanl_onnx_graph *graph)
{
    const size_t count = sizeof operators / sizeof *operators;
    for (int i = 0; i < sanl_graph_node_count(graph->graph); i++) {
        const struct sanl_node_view n = sanl_graph_view(graph->graph, i);
        size_t k = 0;
        while (k < count && strcmp(operators[k].op, n.call->op->name) != 0)
            k++;
        graph->layer = n.name;
        if (k < count)
            graph->value[n.out[0]->index] = operators[k].add(graph, &n);
        else
            sanl_onnx_fail(graph->onnx, sanl_fail(SANL_ERR_INTERNAL, "layer %s: no operator of ONNX for %s",
                                                  n.name, n.call->op->name));
    }
}
