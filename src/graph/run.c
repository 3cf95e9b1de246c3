/* Allocating what is planned, and running. */
#include "graph/internal.h"

#include <stdio.h>
#include <string.h>

/* ---- memory -------------------------------------------------------------------------------------- */

static void bind_gradients(struct sanl_graph *graph)
{
    for (int i = 0; i < graph->node_count; i++) {
        struct node *node = graph->nodes[i];
        for (int k = 0; k < node->call.in_count; k++)
            node->call.din[k] = takes_gradient(node, k) ? node->in[k]->gradient : NULL;
        node->call.dout[0] = node->backward ? node->out[0]->gradient : NULL;
    }
}

/* In memory that no other layout uses: the buffers hold it, the arena is not needed any more. */
static enum sanl_status allocate_alone(struct sanl_device *device, const struct sanl_layout *layout)
{
    struct sanl_arena *arena;
    SANL_TRY(sanl_arena_create(&arena, device));
    const enum sanl_status status = sanl_arena_allocate(arena, layout);
    sanl_arena_free(arena);
    return status;
}

enum sanl_status sanl_graph_allocate(struct sanl_graph *graph)
{
    SANL_TRY(allocate_alone(graph->device, &graph->own));
    SANL_TRY(graph->options.arena ? sanl_arena_allocate(graph->options.arena, &graph->shared)
                                  : allocate_alone(graph->device, &graph->shared));
    bind_gradients(graph);
    return sanl_gradients_bind(graph);
}

void sanl_graph_memory(const struct sanl_graph *graph, struct sanl_memory *memory)
{
    static const char *const directions[] = {"forward", "made once more", "backward"};
    int time = 0;
    const double live = (double)sanl_layout_peak(&graph->shared, &time);
    for (int i = 0; i < graph->own.count; i++)
        memory->bytes[graph->own.list[i].kind] += (double)graph->own.list[i].bytes;
    for (int i = 0; i < graph->node_count; i++)
        for (int k = 0; k < graph->nodes[i]->call.param_count && !graph->options.prepare_at_use; k++)
            if (graph->nodes[i]->call.spent_params >> k & 1)
                memory->spent +=
                    (double)sanl_shape_count(graph->nodes[i]->call.param_shape[k]) * sizeof(float);
    if (live <= memory->live)
        return;
    memory->live = live;
    for (int k = SANL_MEMORY_ACTIVATIONS; k < SANL_MEMORY_KINDS; k++)
        memory->bytes[k] = 0;
    for (int i = 0; i < graph->shared.count; i++) {
        const struct sanl_demand *d = &graph->shared.list[i];
        if (d->first <= time && time <= d->last)
            memory->bytes[d->kind] += (double)d->bytes;
    }
    const struct step *step = &graph->steps[time < graph->step_count ? time : graph->step_count - 1];
    snprintf(memory->peak, sizeof memory->peak, "%s, %s", graph->nodes[step->node]->name,
             directions[step->phase]);
}

/* ---- running ------------------------------------------------------------------------------------- */

/* Gives the calls the parameters' buffers, which exist only after sanl_params_allocate. */
static enum sanl_status bind_params(struct sanl_graph *graph)
{
    for (int i = 0; i < graph->node_count && !graph->bound; i++) {
        struct node *node = graph->nodes[i];
        for (int k = 0; k < node->call.param_count; k++) {
            if (!node->param[k]->value)
                return sanl_fail(SANL_ERR_INTERNAL, "parameter %s is not there", node->param[k]->name);
            sanl_buffer_free(node->call.param[k]); /* of a call that failed */
            SANL_TRY(sanl_node_param_part(&node->call.param[k], node, k, node->param[k]->value, 0));
        }
        for (int k = 0; k < node->call.state_count; k++)
            node->call.state[k] = node->state[k]->value;
    }
    graph->bound = true;
    return SANL_OK;
}

static void bind_step(struct node *node, const struct step *step)
{
    struct sanl_op_call *call = &node->call;
    const bool forward = step->phase == FORWARD;
    for (int k = 0; k < call->in_count; k++)
        call->in[k] = !forward && node->in[k]->again ? node->in[k]->again : node->in[k]->value;
    for (int k = 0; k < call->out_count; k++)
        call->out[k] = !forward && node->out[k]->again ? node->out[k]->again : node->out[k]->value;
    call->workspace = step->workspace;
    if (step->prepared)
        call->prepared[sanl_step_direction(step)] = step->prepared;
}

/* With the workspaces of the node's own steps. */
static enum sanl_status prepare_node(struct sanl_graph *graph, int index)
{
    struct node *node = graph->nodes[index];
    for (int i = 0; node->call.op->prepare && !node->call.prepare_at_use && i < graph->step_count; i++) {
        const struct step *step = &graph->steps[i];
        if (step->node != index || step->phase == RECOMPUTE)
            continue;
        bind_step(node, step);
        sanl_work_enter(graph->device, &node->call, SANL_PASS_PREPARE, node->name);
        const enum sanl_status status =
            node->call.op->prepare(&node->call, graph->device, sanl_step_direction(step));
        if (status != SANL_OK)
            return sanl_fail_prefix(status, "layer %s", node->name);
    }
    sanl_device_leave(graph->device);
    return SANL_OK;
}

/* Repacks for all nodes, unless they do it at each use or the parameters are as they were. */
static enum sanl_status prepare_all(struct sanl_graph *graph)
{
    SANL_TRY(bind_params(graph));
    if (graph->options.prepare_at_use || graph->prepared_version == graph->params->version)
        return SANL_OK;
    if (graph->sealed)
        return sanl_fail(SANL_ERR_INTERNAL, "parameters changed after their graph was sealed");
    for (int i = 0; i < graph->node_count; i++)
        SANL_TRY(prepare_node(graph, i));
    graph->prepared_version = graph->params->version;
    return SANL_OK;
}

/* Whether all nodes that read the parameter are prepared, `last` being the last one so far, and do without.
 */
static bool is_spent(const struct sanl_graph *graph, int last, const struct sanl_param *param)
{
    for (int i = 0; i < graph->node_count; i++) {
        const struct node *node = graph->nodes[i];
        for (int k = 0; k < node->call.param_count; k++)
            if (node->param[k] == param && (i > last || !(node->call.spent_params >> k & 1)))
                return false;
    }
    return true;
}

/* Node by node, so that the old goes while the new comes. */
enum sanl_status sanl_graph_seal(struct sanl_graph *graph)
{
    if (graph->options.prepare_at_use || graph->sealed)
        return SANL_OK;
    graph->sealed = true;
    SANL_TRY(bind_params(graph));
    for (int i = 0; i < graph->node_count; i++) {
        struct node *node = graph->nodes[i];
        SANL_TRY(prepare_node(graph, i));
        for (int k = 0; k < node->call.param_count; k++)
            if (node->call.spent_params >> k & 1) {
                node->param[k]->spent = is_spent(graph, i, node->param[k]);
                sanl_buffer_free(node->call.param[k]);
                node->call.param[k] = NULL;
            }
        sanl_params_drop(graph->params);
    }
    graph->prepared_version = graph->params->version;
    return sanl_device_finish(graph->device);
}

static enum sanl_status run_step(struct sanl_graph *graph, const struct step *step)
{
    struct node *node = graph->nodes[step->node];
    struct sanl_op_call *call = &node->call;
    const struct sanl_op *op = call->op;
    static const enum sanl_pass passes[] = {
        [FORWARD] = SANL_PASS_FORWARD, [RECOMPUTE] = SANL_PASS_RECOMPUTE, [BACKWARD] = SANL_PASS_BACKWARD};
    bind_step(node, step);
    if (step->prepared) {
        sanl_work_enter(graph->device, call, SANL_PASS_PREPARE, node->name);
        SANL_TRY(op->prepare(call, graph->device, sanl_step_direction(step)));
    }
    sanl_work_enter(graph->device, call, passes[step->phase], node->name);
    if (step->phase == BACKWARD)
        return op->backward(call, graph->device);
    if (step->phase == RECOMPUTE && op->recompute)
        return op->recompute(call, graph->device);
    return op->forward(call, graph->device);
}

static enum sanl_status run_steps(struct sanl_graph *graph, int first, int count)
{
    for (int i = first; i < count; i++) {
        const struct step *step = &graph->steps[i];
        const enum sanl_status status = run_step(graph, step);
        sanl_device_leave(graph->device);
        if (status != SANL_OK)
            return sanl_fail_prefix(status, "layer %s%s", graph->nodes[step->node]->name,
                                    step->phase == FORWARD ? "" : ", backward");
    }
    return sanl_device_flush(graph->device);
}

enum sanl_status sanl_graph_forward(struct sanl_graph *graph)
{
    SANL_TRY(prepare_all(graph));
    return run_steps(graph, 0, graph->node_count);
}

enum sanl_status sanl_graph_backward(struct sanl_graph *graph)
{
    SANL_TRY(run_steps(graph, graph->node_count, graph->step_count));
    return sanl_gradients_finish(graph);
}
