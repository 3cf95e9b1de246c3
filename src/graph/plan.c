/* Planning: which gradients exist, which outputs are made once more rather than kept, in which order nodes
 * run, and how long every buffer lives. Time is the index of a step. */
#include "graph/internal.h"

#include <limits.h>
#include <stdlib.h>
#include "base/memory.h"

/* How many outputs may have to be made anew for one: what is dropped is made from what is kept, over at most
 * so many nodes. */
enum { CHAIN = 2 };

struct life {
    int first, last;
};

struct plan {
    struct sanl_graph *graph;
    struct life *value, *again, *gradient; /* (tensor) */
    struct life *saved;                    /* (node) */
    bool *dropped, *restored;              /* (tensor) */
    int *chain;                            /* (tensor) */
};

/* Forwards: does anything before this tensor want a gradient? Backwards: does one arrive? A node that has
 * both takes part; its first gradient into a tensor overwrites, the later ones add. */
static void find_gradients(struct sanl_graph *graph)
{
    if (!graph->options.backward)
        return;
    for (int i = 0; i < graph->tensor_count; i++)
        graph->tensors[i]->needs_gradient = graph->tensors[i]->want_gradient;
    for (int i = 0; i < graph->node_count; i++) {
        struct node *node = graph->nodes[i];
        bool needs = graph->options.param_gradients && node->call.param_count > 0;
        for (int k = 0; k < node->call.in_count; k++)
            needs |= (node->call.op->in_grad >> k & 1) && node->in[k]->needs_gradient;
        node->out[0]->needs_gradient |= needs;
        node->backward = needs && node->call.op->backward;
    }
    for (int i = 0; i < graph->tensor_count; i++)
        graph->tensors[i]->has_gradient = graph->tensors[i]->root;
    for (int i = graph->node_count; i-- > 0;) {
        struct node *node = graph->nodes[i];
        node->backward &= node->out[0]->has_gradient;
        for (int k = 0; node->backward && k < node->call.in_count; k++) {
            struct sanl_tensor *t = node->in[k];
            if (!(node->call.op->in_grad >> k & 1) || !t->needs_gradient)
                continue;
            node->call.din_add[k] = t->has_gradient;
            t->has_gradient = true;
        }
    }
}

/* ---- the order of steps -------------------------------------------------------------------------- */

/* An output that is made in passing from hardly more than its own size. (A sum of two as large is not: the
 * time that it takes weighs more than the memory.) */
static bool costs_little(const struct node *node)
{
    size_t read = 0;
    for (int k = 0; k < node->call.in_count; k++)
        read += sanl_shape_count(node->call.in_shape[k]);
    return node->call.op->cheap && read / 9 <= sanl_shape_count(node->call.out_shape[0]) / 8;
}

/* With options.recompute all but the marked tensors, else those that cost little. */
static void choose_dropped(struct plan *plan)
{
    const struct sanl_graph *graph = plan->graph;
    for (int i = 0; i < graph->tensor_count; i++) {
        const struct sanl_tensor *t = graph->tensors[i];
        if (t->node < 0 || t->kept || t->root)
            continue;
        const struct node *node = graph->nodes[t->node];
        int chain = 0;
        for (int k = 0; k < node->call.in_count; k++)
            if (plan->chain[node->in[k]->index] > chain)
                chain = plan->chain[node->in[k]->index];
        plan->dropped[i] = graph->options.recompute ? !t->checkpoint : chain < CHAIN && costs_little(node);
        plan->chain[i] = plan->dropped[i] ? chain + 1 : 0;
    }
}

static enum sanl_status add_step(struct plan *plan, int node, enum phase phase)
{
    struct sanl_graph *graph = plan->graph;
    SANL_TRY(
        sanl_grow(&graph->steps, &graph->step_capacity, (size_t)graph->step_count + 1, sizeof *graph->steps));
    graph->steps[graph->step_count++] = (struct step){.node = node, .phase = phase};
    return SANL_OK;
}

/* Makes a dropped tensor once more, after what it is made of. */
static enum sanl_status restore(struct plan *plan, const struct sanl_tensor *t)
{
    if (!plan->dropped[t->index] || plan->restored[t->index])
        return SANL_OK;
    const struct node *node = plan->graph->nodes[t->node];
    for (int k = 0; k < node->call.in_count; k++)
        SANL_TRY(restore(plan, node->in[k]));
    for (int k = 0; k < node->call.out_count; k++)
        plan->restored[node->out[k]->index] = true;
    return add_step(plan, t->node, RECOMPUTE);
}

static enum sanl_status make_steps(struct plan *plan)
{
    struct sanl_graph *graph = plan->graph;
    for (int i = 0; i < graph->node_count; i++)
        SANL_TRY(add_step(plan, i, FORWARD));
    for (int i = graph->node_count; i-- > 0;) {
        const struct node *node = graph->nodes[i];
        if (!node->backward)
            continue;
        for (int k = 0; k < node->call.in_count; k++)
            if (node->call.backward_in >> k & 1)
                SANL_TRY(restore(plan, node->in[k]));
        for (int k = 0; k < node->call.out_count; k++)
            if (node->call.backward_out >> k & 1)
                SANL_TRY(restore(plan, node->out[k]));
        SANL_TRY(add_step(plan, i, BACKWARD));
    }
    return SANL_OK;
}

/* ---- lifetimes ----------------------------------------------------------------------------------- */

static void touch(struct life *life, int time)
{
    life->first = life->first < time ? life->first : time;
    life->last = life->last > time ? life->last : time;
}

static void touch_value(struct plan *plan, const struct sanl_tensor *t, const struct step *step)
{
    const bool again = step->phase != FORWARD && plan->dropped[t->index];
    touch(&(again ? plan->again : plan->value)[t->index], (int)(step - plan->graph->steps));
}

static void live_step(struct plan *plan, const struct step *step)
{
    const struct node *node = plan->graph->nodes[step->node];
    const int time = (int)(step - plan->graph->steps);
    const bool backward = step->phase == BACKWARD;
    for (int k = 0; k < node->call.in_count; k++) {
        if (!backward || (node->call.backward_in >> k & 1))
            touch_value(plan, node->in[k], step);
        if (backward && takes_gradient(node, k))
            touch(&plan->gradient[node->in[k]->index], time);
    }
    for (int k = 0; k < node->call.out_count; k++)
        if (!backward || (node->call.backward_out >> k & 1))
            touch_value(plan, node->out[k], step);
    if (backward)
        touch(&plan->gradient[node->out[0]->index], time);
    touch(&plan->saved[step->node], time);
}

static size_t bytes_of(struct sanl_shape shape)
{
    return sanl_shape_count(shape) * sizeof(float);
}

static enum sanl_status demand_own(struct sanl_graph *graph, enum sanl_memory_kind kind, size_t bytes,
                                   sanl_buffer *out)
{
    return sanl_layout_add(&graph->own, &(struct sanl_demand){.kind = kind, .bytes = bytes, .out = out});
}

static enum sanl_status demand(struct sanl_graph *graph, enum sanl_memory_kind kind, size_t bytes,
                               struct life life, sanl_buffer *out)
{
    if (life.last < life.first)
        return SANL_OK;
    return sanl_layout_add(
        &graph->shared,
        &(struct sanl_demand){
            .kind = kind, .bytes = bytes, .first = life.first, .last = life.last, .out = out});
}

static enum sanl_status demand_tensor(struct plan *plan, struct sanl_tensor *t)
{
    struct sanl_graph *graph = plan->graph;
    struct life *value = &plan->value[t->index], *gradient = &plan->gradient[t->index];
    const size_t bytes = bytes_of(t->shape);
    if (t->kept)
        touch(value, graph->step_count);
    if (t->want_gradient && t->has_gradient)
        touch(gradient, graph->step_count);
    if (t->node < 0)
        SANL_TRY(demand_own(graph, SANL_MEMORY_INPUTS, bytes, &t->value));
    else
        SANL_TRY(demand(graph, SANL_MEMORY_ACTIVATIONS, bytes, *value, &t->value));
    SANL_TRY(demand(graph, SANL_MEMORY_ACTIVATIONS, bytes, plan->again[t->index], &t->again));
    if (t->root)
        return demand_own(graph, SANL_MEMORY_INPUTS, bytes, &t->gradient);
    return demand(graph, SANL_MEMORY_GRADIENTS, bytes, *gradient, &t->gradient);
}

static enum sanl_status demand_node(struct plan *plan, int i)
{
    struct sanl_graph *graph = plan->graph;
    struct sanl_op_call *call = &graph->nodes[i]->call;
    for (int k = 0; k < call->saved_count; k++)
        SANL_TRY(demand(graph, SANL_MEMORY_SAVED, bytes_of(call->saved_shape[k]), plan->saved[i],
                        &call->saved[k]));
    if (call->prepare_at_use)
        return SANL_OK;
    for (int d = 0; d < 2; d++)
        SANL_TRY(demand_own(graph, SANL_MEMORY_PACKED, call->prepared_bytes[d], &call->prepared[d]));
    return SANL_OK;
}

static enum sanl_status demand_step(struct sanl_graph *graph, int time)
{
    struct step *step = &graph->steps[time];
    const struct sanl_op_call *call = &graph->nodes[step->node]->call;
    const struct life now = {time, time};
    SANL_TRY(demand(graph, SANL_MEMORY_WORKSPACE, call->workspace_bytes, now, &step->workspace));
    if (!call->prepare_at_use)
        return SANL_OK;
    return demand(graph, SANL_MEMORY_WORKSPACE, call->prepared_bytes[sanl_step_direction(step)], now,
                  &step->prepared);
}

static enum sanl_status make_layouts(struct plan *plan)
{
    struct sanl_graph *graph = plan->graph;
    const struct sanl_device_info *info = sanl_device_get_info(graph->device);
    for (int i = 0; i < graph->node_count; i++)
        graph->nodes[i]->call.prepare_at_use |= graph->options.prepare_at_use;
    for (int i = 0; i < graph->step_count; i++)
        live_step(plan, &graph->steps[i]);
    for (int i = 0; i < graph->tensor_count; i++)
        SANL_TRY(demand_tensor(plan, graph->tensors[i]));
    for (int i = 0; i < graph->node_count; i++)
        SANL_TRY(demand_node(plan, i));
    for (int i = 0; i < graph->step_count; i++)
        SANL_TRY(demand_step(graph, i));
    SANL_TRY(sanl_gradients_plan(graph));
    SANL_TRY(sanl_layout_place(&graph->own, info->base_align_bytes, (size_t)info->max_alloc_bytes));
    SANL_TRY(sanl_layout_place(&graph->shared, info->base_align_bytes, (size_t)info->max_alloc_bytes));
    return graph->options.arena ? sanl_arena_expect(graph->options.arena, &graph->shared) : SANL_OK;
}

static struct life *no_lives(int count)
{
    struct life *lives = sanl_calloc((size_t)count + 1, sizeof *lives);
    for (int i = 0; lives && i < count; i++)
        lives[i] = (struct life){INT_MAX, -1};
    return lives;
}

enum sanl_status sanl_graph_plan(struct sanl_graph *graph)
{
    SANL_TRY(sanl_graph_status(graph));
    SANL_TRY(sanl_params_lay_out(graph->params));
    const size_t tensors = (size_t)graph->tensor_count + 1;
    struct plan plan = {.graph = graph,
                        .value = no_lives(graph->tensor_count),
                        .again = no_lives(graph->tensor_count),
                        .gradient = no_lives(graph->tensor_count),
                        .saved = no_lives(graph->node_count),
                        .dropped = sanl_calloc(tensors, sizeof *plan.dropped),
                        .restored = sanl_calloc(tensors, sizeof *plan.restored),
                        .chain = sanl_calloc(tensors, sizeof *plan.chain)};
    enum sanl_status status = SANL_ERR_MEMORY;
    if (plan.value && plan.again && plan.gradient && plan.saved && plan.dropped && plan.restored &&
        plan.chain) {
        find_gradients(graph);
        if (graph->options.backward)
            choose_dropped(&plan);
        status = make_steps(&plan);
    }
    if (status == SANL_OK)
        status = make_layouts(&plan);
    free(plan.value);
    free(plan.again);
    free(plan.gradient);
    free(plan.saved);
    free(plan.dropped);
    free(plan.restored);
    free(plan.chain);
    return status;
}
