/* Grad-CAM in ONNX, which has no gradients: the way back from the logits, each operator's written out, then
 * the maps as in gradcam.c. A stage's gradient needs the nodes behind it alone, so that no pooling but the
 * last is on the way. */
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "model/layers.h"
#include "model/onnx_graph.h"

#define IN    SANL_ONNX_IN
#define ATTRS SANL_ONNX_ATTRS

/* ---- the way back -------------------------------------------------------------------------------- */

/* Adds `gradient` to what the node's input k has. */
static void give(struct sanl_onnx_graph *graph, const struct sanl_node_view *n, int k, const char *gradient)
{
    const char **sum = &graph->gradient[n->in[k]->index];
    *sum = *sum ? sanl_onnx_graph_node(graph, "Add", "/sum", IN(*sum, gradient), NULL) : gradient;
}

/* y = relu(conv(x) + residual): where y is 0 nothing passes. The convolution is turned round by its own
 * weights. */
static void return_conv2d(struct sanl_onnx_graph *graph, const struct sanl_node_view *n, const bool *wanted)
{
    const int k = (int)sanl_op_get(n->call, "kh"), stride = (int)sanl_op_get(n->call, "stride");
    const int pad = (int)sanl_op_get(n->call, "pad");
    const int left = n->call->in_shape[0].h - ((n->call->out_shape[0].h - 1) * stride - 2 * pad + k);
    const char *g = graph->gradient[n->out[0]->index];
    char weight[SANL_ONNX_NAME_BYTES];
    if (sanl_op_get(n->call, "relu") != 0) {
        const char *y = graph->value[n->out[0]->index];
        const char *passes = sanl_onnx_graph_node(graph, "Sign", "/passes", IN(y), NULL);
        g = sanl_onnx_graph_node(graph, "Mul", "/passed", IN(g, passes), NULL);
    }
    if (n->call->in_count > 1 && wanted[n->in[1]->index])
        give(graph, n, 1, g);
    if (!wanted[n->in[0]->index])
        return;
    sanl_onnx_graph_name(weight, graph, n->param[0]);
    g = sanl_onnx_graph_node(graph, "ConvTranspose", "/gradient", IN(g, weight),
                             ATTRS({.name = "kernel_shape", .count = 2, .value = {k, k}},
                                   {.name = "strides", .count = 2, .value = {stride, stride}},
                                   {.name = "pads", .count = 4, .value = {pad, pad, pad, pad}},
                                   {.name = "output_padding", .count = 2, .value = {left, left}}));
    give(graph, n, 0, g);
}

static void return_linear(struct sanl_onnx_graph *graph, const struct sanl_node_view *n, const bool *wanted)
{
    char weight[SANL_ONNX_NAME_BYTES];
    (void)wanted;
    sanl_onnx_graph_name(weight, graph, n->param[0]);
    const int64_t shape[4] = {0, n->call->in_shape[0].c, 1, 1};
    const char *g = sanl_onnx_graph_node(graph, "MatMul", "/gradient",
                                         IN(graph->gradient[n->out[0]->index], weight), NULL);
    const char *dims = sanl_onnx_graph_ints(graph, "/shape", shape, 4);
    give(graph, n, 0, sanl_onnx_graph_node(graph, "Reshape", "/returned", IN(g, dims), NULL));
}

/* The mean over a picture: each pixel has its share. */
static void return_average(struct sanl_onnx_graph *graph, const struct sanl_node_view *n, const bool *wanted)
{
    (void)wanted;
    const struct sanl_shape s = n->call->in_shape[0];
    const char *pixels = sanl_onnx_graph_floats(graph, "/pixels", &(float){(float)(s.h * s.w)}, 0);
    const char *shape = sanl_onnx_graph_ints(graph, "/shape", (const int64_t[]){1, 1, s.h, s.w}, 4);
    const char *g =
        sanl_onnx_graph_node(graph, "Div", "/share", IN(graph->gradient[n->out[0]->index], pixels), NULL);
    give(graph, n, 0, sanl_onnx_graph_node(graph, "Expand", "/gradient", IN(g, shape), NULL));
}

/* Gradients of the stages from `first` on, given those of the logits. `wanted` of each tensor: whether it
 * depends on that stage. */
static void go_back(struct sanl_onnx_graph *graph, const bool *wanted)
{
    for (int i = sanl_graph_node_count(graph->graph); i-- > 0;) {
        const struct sanl_node_view n = sanl_graph_view(graph->graph, i);
        const char *op = n.call->op->name;
        bool behind = false;
        for (int k = 0; k < n.call->in_count; k++)
            behind |= wanted[n.in[k]->index];
        if (!behind)
            continue;
        graph->layer = n.name;
        if (strcmp(op, "conv2d") == 0)
            return_conv2d(graph, &n, wanted);
        else if (strcmp(op, "linear") == 0)
            return_linear(graph, &n, wanted);
        else if (strcmp(op, "pool2d") == 0 && sanl_op_get(n.call, "kernel") == 0)
            return_average(graph, &n, wanted);
        else
            sanl_onnx_fail(graph->onnx, sanl_fail(SANL_ERR_INTERNAL, "layer %s: no way back", n.name));
    }
}

static void mark_wanted(bool *wanted, const struct sanl_onnx_graph *graph, const struct sanl_tensor *first)
{
    wanted[first->index] = true;
    for (int i = first->node + 1; i < sanl_graph_node_count(graph->graph); i++) {
        const struct sanl_node_view n = sanl_graph_view(graph->graph, i);
        for (int k = 0; k < n.call->in_count; k++)
            wanted[n.out[0]->index] |= wanted[n.in[k]->index];
    }
}

/* ---- the maps ------------------------------------------------------------------------------------ */

/* The gradient of each image's first largest logit. */
static const char *add_seed(struct sanl_onnx_graph *graph, const struct sanl_tensor *logits)
{
    const char *depth = sanl_onnx_graph_ints(graph, "/classes", &(int64_t){logits->shape.c}, 0);
    const char *values = sanl_onnx_graph_floats(graph, "/off_on", (const float[]){0, 1}, 2);
    const char *best = sanl_onnx_graph_node(graph, "ArgMax", "/class", IN(graph->value[logits->index]),
                                            ATTRS({.name = "axis", .value = {1}}, {.name = "keepdims"}));
    return sanl_onnx_graph_node(graph, "OneHot", "/seed", IN(best, depth, values), NULL);
}

/* relu(sum_k mean(G_k) A_k), normalised as in ops/cam.c; 0 where the divisor would be. */
static const char *add_map(struct sanl_onnx_graph *graph, const struct sanl_tensor *stage,
                           enum sanl_cam_norm norm)
{
    const struct sanl_onnx_attr plane[] = {{.name = "axes", .count = 2, .value = {2, 3}}, {0}};
    const char *axis = sanl_onnx_graph_ints(graph, "/axis", &(int64_t){1}, 1);
    const char *g = graph->gradient[stage->index];
    const char *alpha = sanl_onnx_graph_node(graph, "ReduceMean", "/alpha", IN(g), plane);
    const char *x =
        sanl_onnx_graph_node(graph, "Mul", "/weighted", IN(graph->value[stage->index], alpha), NULL);
    x = sanl_onnx_graph_node(graph, "ReduceSum", "/total", IN(x, axis), NULL);
    x = sanl_onnx_graph_node(graph, "Relu", "/positive", IN(x), NULL);
    if (norm == SANL_CAM_NONE)
        return x;
    if (norm == SANL_CAM_MINMAX) {
        const char *lowest = sanl_onnx_graph_node(graph, "ReduceMin", "/lowest", IN(x), plane);
        x = sanl_onnx_graph_node(graph, "Sub", "/above", IN(x, lowest), NULL);
    }
    const char *least = sanl_onnx_graph_floats(graph, "/least", &(float){1e-30f}, 0);
    const char *peak = sanl_onnx_graph_node(graph, "ReduceMax", "/peak", IN(x), plane);
    peak = sanl_onnx_graph_node(graph, "Max", "/divisor", IN(peak, least), NULL);
    return sanl_onnx_graph_node(graph, "Div", "/map", IN(x, peak), NULL);
}

void sanl_onnx_graph_gradcam(struct sanl_onnx_graph *graph, const struct sanl_classifier_model *model,
                             const struct sanl_cam_config *config, const char *cams[SANL_STAGES])
{
    static const char *const names[SANL_STAGES] = {"cam4", "cam8", "cam16", "cam32"};
    const int top = SANL_STAGES - 1, first = config->mode == SANL_CAM_TOP ? top : 0;
    bool *wanted = sanl_calloc((size_t)sanl_graph_tensor_count(graph->graph), sizeof *wanted);
    if (!wanted) {
        sanl_onnx_fail(graph->onnx, SANL_ERR_MEMORY);
        return;
    }
    mark_wanted(wanted, graph, model->stages[first]);
    graph->layer = "logits";
    graph->gradient[model->logits->index] = add_seed(graph, model->logits);
    go_back(graph, wanted);
    free(wanted);
    for (int i = top; i >= 0; i--) {
        graph->layer = names[i];
        cams[i] = i >= first ? add_map(graph, model->stages[i], (enum sanl_cam_norm)config->norm)
                             : sanl_onnx_graph_resize(graph, "/resized", cams[top], model->stages[top]->shape,
                                                      model->stages[i]->shape, true);
    }
}
