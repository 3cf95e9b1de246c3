/* The gradients of parameters. They live from the backward pass to the update, in the memory that activations
 * use before, laid out as the parameters' blocks: a block's gradients begin to live with the first of them.
 * What no node writes, as the room between parameters, is made 0 at the end of each backward pass. */
#include "graph/internal.h"

#include "base/memory.h"

/* A node's step of the backward pass; -1: it has none. */
static int backward_time(const struct sanl_graph *graph, const struct node *node)
{
    for (int i = graph->node_count; node->backward && i < graph->step_count; i++)
        if (graph->steps[i].phase == BACKWARD && graph->nodes[graph->steps[i].node] == node)
            return i;
    return -1;
}

enum sanl_status sanl_gradients_plan(struct sanl_graph *graph)
{
    const struct sanl_params *params = graph->params;
    const size_t count = (size_t)params->block_count;
    if (!graph->options.param_gradients)
        return SANL_OK;
    graph->gradients = sanl_calloc(count + 1, sizeof *graph->gradients);
    if (!graph->gradients)
        return SANL_ERR_MEMORY;
    for (int b = 0; b < params->block_count; b++) {
        struct sanl_demand demand = {.kind = SANL_MEMORY_PARAM_GRADIENTS,
                                     .bytes = params->blocks[b].bytes,
                                     .first = graph->step_count,
                                     .last = graph->step_count,
                                     .out = &graph->gradients[b]};
        for (int i = 0; i < graph->node_count; i++) {
            const struct node *node = graph->nodes[i];
            for (int k = 0; k < node->call.param_count; k++) {
                const int time = node->param[k]->block == b ? backward_time(graph, node) : -1;
                if (time >= 0 && time < demand.first)
                    demand.first = time;
            }
        }
        SANL_TRY(sanl_layout_add(&graph->shared, &demand));
    }
    return SANL_OK;
}

/* By all nodes that have it, or by none: those that share weights add to one sum. */
static bool is_written(const struct sanl_graph *graph, const struct sanl_param *param)
{
    for (int i = 0; i < graph->node_count; i++)
        for (int k = 0; k < graph->nodes[i]->call.param_count; k++)
            if (graph->nodes[i]->param[k] == param)
                return graph->nodes[i]->backward;
    return false;
}

static enum sanl_status add_gap(struct sanl_graph *graph, int block, size_t from, size_t to)
{
    if (from == to)
        return SANL_OK;
    SANL_TRY(
        sanl_grow(&graph->gaps, &graph->gap_capacity, (size_t)graph->gap_count + 1, sizeof *graph->gaps));
    graph->gaps[graph->gap_count++] = (struct gap){block, from, to - from};
    return SANL_OK;
}

/* Parameters stand in the order of their declaration. */
static enum sanl_status find_gaps(struct sanl_graph *graph)
{
    const struct sanl_params *params = graph->params;
    for (int b = 0; b < params->block_count; b++) {
        size_t end = 0;
        for (int i = 0; i < params->count; i++) {
            const struct sanl_param *p = params->list[i];
            if (!p->trained || p->block != b || !is_written(graph, p))
                continue;
            SANL_TRY(add_gap(graph, b, end, p->offset));
            end = p->offset + sanl_shape_count(p->shape) * sizeof(float);
        }
        SANL_TRY(add_gap(graph, b, end, params->blocks[b].bytes));
    }
    return SANL_OK;
}

enum sanl_status sanl_gradients_bind(struct sanl_graph *graph)
{
    if (!graph->options.param_gradients)
        return SANL_OK;
    for (int i = 0; i < graph->node_count; i++) {
        struct node *node = graph->nodes[i];
        for (int k = 0; k < node->call.param_count && node->backward; k++) {
            const struct sanl_param *p = node->param[k];
            SANL_TRY(
                sanl_node_param_part(&node->call.dparam[k], node, k, graph->gradients[p->block], p->offset));
        }
    }
    return find_gaps(graph);
}

enum sanl_status sanl_gradients_finish(struct sanl_graph *graph)
{
    for (int i = 0; i < graph->gap_count; i++) {
        const struct gap *gap = &graph->gaps[i];
        SANL_TRY(sanl_buffer_clear(graph->device, graph->gradients[gap->block], gap->offset, gap->bytes));
    }
    return SANL_OK;
}

sanl_buffer sanl_graph_gradient(const struct sanl_graph *graph, int block)
{
    return graph->gradients[block];
}

enum sanl_status sanl_graph_read_gradient(const struct sanl_graph *graph, const struct sanl_param *param,
                                          float *values)
{
    return sanl_param_read_from(graph->params, param, graph->gradients[param->block], param->offset, values);
}
