/* Building and running. */
#include "graph/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

enum sanl_status sanl_graph_create(struct sanl_graph **out, struct sanl_params *params,
                                   const struct sanl_graph_options *options)
{
    *out = sanl_calloc(1, sizeof **out);
    if (!*out)
        return SANL_ERR_MEMORY;
    (*out)->device = params->device;
    (*out)->params = params;
    (*out)->options = *options;
    return SANL_OK;
}

static void free_node(struct node *node)
{
    for (int i = 0; i < SANL_OP_SAVED; i++)
        sanl_buffer_free(node->call.saved[i]);
    for (int i = 0; i < SANL_OP_PARAM; i++) {
        sanl_buffer_free(node->call.param[i]);
        sanl_buffer_free(node->call.dparam[i]);
    }
    free(node);
}

void sanl_graph_free(struct sanl_graph *graph)
{
    if (!graph)
        return;
    for (int i = 0; i < graph->node_count; i++) {
        for (int d = 0; d < 2 && !graph->nodes[i]->call.prepare_at_use; d++)
            sanl_buffer_free(graph->nodes[i]->call.prepared[d]);
        free_node(graph->nodes[i]);
    }
    for (int i = 0; i < graph->step_count; i++) {
        sanl_buffer_free(graph->steps[i].workspace);
        sanl_buffer_free(graph->steps[i].prepared);
    }
    for (int i = 0; i < graph->tensor_count; i++) {
        sanl_buffer_free(graph->tensors[i]->value);
        sanl_buffer_free(graph->tensors[i]->again);
        sanl_buffer_free(graph->tensors[i]->gradient);
        free(graph->tensors[i]);
    }
    for (int i = 0; graph->gradients && i < graph->params->block_count; i++)
        sanl_buffer_free(graph->gradients[i]);
    free(graph->gradients);
    free(graph->gaps);
    sanl_layout_free(&graph->own);
    sanl_layout_free(&graph->shared);
    free(graph->nodes);
    free(graph->tensors);
    free(graph->steps);
    free(graph);
}

const struct sanl_graph_options *sanl_graph_get_options(const struct sanl_graph *graph)
{
    return &graph->options;
}

void sanl_graph_fail(struct sanl_graph *graph, enum sanl_status status)
{
    if (status == SANL_OK || graph->status != SANL_OK)
        return;
    graph->status = status;
    snprintf(graph->message, sizeof graph->message, "%s", sanl_error_message());
}

enum sanl_status sanl_graph_status(const struct sanl_graph *graph)
{
    return graph->status == SANL_OK ? SANL_OK : sanl_fail_copy(graph->status, graph->message);
}

static struct sanl_tensor *add_tensor(struct sanl_graph *graph, const char *name, struct sanl_shape shape,
                                      int node, int output)
{
    sanl_graph_fail(graph, sanl_grow(&graph->tensors, &graph->tensor_capacity,
                                     (size_t)graph->tensor_count + 1, sizeof *graph->tensors));
    struct sanl_tensor *t = graph->status == SANL_OK ? sanl_calloc(1, sizeof *t) : NULL;
    if (!t) {
        sanl_graph_fail(graph, SANL_ERR_MEMORY);
        return NULL;
    }
    snprintf(t->name, sizeof t->name, "%s", name);
    t->shape = shape;
    t->node = node;
    t->output = output;
    t->index = graph->tensor_count;
    t->graph = graph;
    graph->tensors[graph->tensor_count++] = t;
    return t;
}

/* Sizes and indices within a tensor are 32-bit. */
static enum sanl_status check_count(struct sanl_shape shape)
{
    if (sanl_shape_count(shape) <= INT32_MAX)
        return SANL_OK;
    return sanl_fail(SANL_ERR_LIMIT, "a tensor has more than 2^31 elements; use a smaller batch or size");
}

struct sanl_tensor *sanl_graph_input(struct sanl_graph *graph, const char *name, struct sanl_shape shape)
{
    if (graph->status == SANL_OK && check_count(shape) != SANL_OK)
        sanl_graph_fail(graph, sanl_fail_prefix(SANL_ERR_LIMIT, "input %s", name));
    struct sanl_tensor *t = graph->status == SANL_OK ? add_tensor(graph, name, shape, -1, 0) : NULL;
    sanl_graph_keep(t);
    return t;
}

static enum sanl_status declare_params(struct sanl_graph *graph, struct node *node,
                                       const struct sanl_node_params *params)
{
    struct sanl_op_call *call = &node->call;
    const struct sanl_shape own = call->param_shape[0];
    if (node->cin && (own.n != 1 || own.h != 1 || node->cin_first < 0 || node->cin_first > node->cin - own.w))
        return sanl_fail(SANL_ERR_INTERNAL, "no part of weights: (%d, %d, %d, %d) from channel %d of %d",
                         own.n, own.h, own.w, own.c, node->cin_first, node->cin);
    for (int i = 0; i < call->param_count; i++) {
        struct sanl_param wanted = params->param[i];
        wanted.shape = call->param_shape[i];
        if (i == 0 && node->cin)
            wanted.shape.w = node->cin;
        wanted.trained = true;
        SANL_TRY(sanl_params_declare(&node->param[i], graph->params, &wanted));
    }
    for (int i = 0; i < call->state_count; i++) {
        struct sanl_param wanted = params->state[i];
        wanted.shape = call->state_shape[i];
        SANL_TRY(sanl_params_declare(&node->state[i], graph->params, &wanted));
    }
    return SANL_OK;
}

static enum sanl_status add_node(struct sanl_graph *graph, struct node *node,
                                 const struct sanl_node_params *params)
{
    struct sanl_op_call *call = &node->call;
    for (int i = 0; i < call->in_count; i++)
        call->in_shape[i] = node->in[i]->shape;
    call->training = graph->options.backward;
    call->no_param_grad = !graph->options.param_gradients;
    SANL_TRY(call->op->infer(call, graph->device));
    for (int i = 0; i < call->out_count; i++)
        SANL_TRY(check_count(call->out_shape[i]));
    SANL_TRY(declare_params(graph, node, params));
    for (int i = 0; i < call->out_count; i++) {
        node->out[i] = add_tensor(graph, node->name, call->out_shape[i], graph->node_count, i);
        if (!node->out[i])
            return SANL_ERR_MEMORY;
    }
    SANL_TRY(
        sanl_grow(&graph->nodes, &graph->node_capacity, (size_t)graph->node_count + 1, sizeof *graph->nodes));
    graph->nodes[graph->node_count++] = node;
    return SANL_OK;
}

struct sanl_tensor *sanl_graph_add(struct sanl_graph *graph, const char *name, struct sanl_op_call *call,
                                   struct sanl_tensor *const *in, const struct sanl_node_params *params)
{
    if (graph->status != SANL_OK)
        return NULL;
    struct node *node = sanl_calloc(1, sizeof *node);
    if (!node) {
        sanl_graph_fail(graph, SANL_ERR_MEMORY);
        return NULL;
    }
    snprintf(node->name, sizeof node->name, "%s", name);
    node->call = *call;
    node->cin = params->cin;
    node->cin_first = params->cin_first;
    bool missing = false;
    for (int i = 0; i < call->in_count; i++)
        missing |= !(node->in[i] = in[i]);
    enum sanl_status status =
        missing ? sanl_fail(SANL_ERR_INTERNAL, "an input is missing") : add_node(graph, node, params);
    if (status == SANL_OK)
        return node->out[0];
    sanl_graph_fail(graph, sanl_fail_prefix(status, "layer %s", name));
    if (graph->node_count == 0 || graph->nodes[graph->node_count - 1] != node)
        free(node);
    return NULL;
}

void sanl_graph_keep(struct sanl_tensor *tensor)
{
    if (tensor)
        tensor->kept = true;
}

void sanl_graph_checkpoint(struct sanl_tensor *tensor)
{
    if (tensor)
        tensor->checkpoint = true;
}

void sanl_graph_want_gradient(struct sanl_tensor *tensor)
{
    if (tensor)
        tensor->want_gradient = true;
}

void sanl_graph_root(struct sanl_tensor *tensor)
{
    if (tensor)
        tensor->root = true;
}

enum sanl_status sanl_tensor_write(struct sanl_tensor *tensor, const float *values)
{
    return sanl_buffer_write(tensor->graph->device, tensor->value, 0, values,
                             sanl_shape_count(tensor->shape) * sizeof *values);
}

enum sanl_status sanl_tensor_read(const struct sanl_tensor *tensor, float *values)
{
    return sanl_buffer_read(tensor->graph->device, tensor->value, 0, values,
                            sanl_shape_count(tensor->shape) * sizeof *values);
}

enum sanl_status sanl_tensor_write_gradient(struct sanl_tensor *tensor, const float *values)
{
    return sanl_buffer_write(tensor->graph->device, tensor->gradient, 0, values,
                             sanl_shape_count(tensor->shape) * sizeof *values);
}

int sanl_graph_node_count(const struct sanl_graph *graph)
{
    return graph->node_count;
}

const struct sanl_op_call *sanl_graph_call(const struct sanl_graph *graph, int node)
{
    return &graph->nodes[node]->call;
}

const char *sanl_graph_node_name(const struct sanl_graph *graph, int node)
{
    return graph->nodes[node]->name;
}

struct sanl_node_view sanl_graph_view(const struct sanl_graph *graph, int node)
{
    const struct node *n = graph->nodes[node];
    return (struct sanl_node_view){n->name,  &n->call, n->in,  n->out,
                                   n->param, n->state, n->cin, n->cin_first};
}

int sanl_graph_tensor_count(const struct sanl_graph *graph)
{
    return graph->tensor_count;
}

/* A norm that is folded into a convolution has its scale and shift among the states; of nodes that share
 * weights, they are that one's whose channels come first. */
size_t sanl_graph_trained_count(const struct sanl_graph *graph, int node)
{
    const struct node *n = graph->nodes[node];
    size_t count = 0;
    for (int i = 0; i < n->call.param_count; i++)
        count += sanl_shape_count(n->call.param_shape[i]);
    for (int i = 0; i < n->call.state_count && n->cin_first == 0; i++)
        count += n->state[i]->trained ? sanl_shape_count(n->state[i]->shape) : 0;
    return count;
}

enum sanl_status sanl_graph_list_work(struct sanl_work_list *list, const struct sanl_graph *graph)
{
    for (int i = 0; i < graph->step_count; i++) {
        const struct node *node = graph->nodes[graph->steps[i].node];
        const struct sanl_op_call *call = &node->call;
        unsigned din = 0, passes = 1u << SANL_PASS_FORWARD;
        for (int k = 0; k < call->in_count; k++)
            din |= takes_gradient(node, k) ? 1u << k : 0;
        if (graph->steps[i].phase == RECOMPUTE)
            passes = 1u << SANL_PASS_RECOMPUTE;
        else if (graph->steps[i].phase == BACKWARD)
            passes = sanl_work_passes(call, din) & ~(1u << SANL_PASS_FORWARD);
        else if (call->op->prepare && graph->options.param_gradients)
            passes |= 1u << SANL_PASS_PREPARE;
        SANL_TRY(sanl_work_add(list, call, passes, din));
    }
    return SANL_OK;
}

struct sanl_device *sanl_graph_device(const struct sanl_graph *graph)
{
    return graph->device;
}

struct sanl_params *sanl_graph_params(const struct sanl_graph *graph)
{
    return graph->params;
}
