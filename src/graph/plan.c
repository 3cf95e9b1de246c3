/* Planning: which gradients exist, how long every buffer lives, where it stands.
 *
 * Time runs over the forward nodes 0 .. N-1, then over the backward nodes: node i at 2N - 1 - i. Two buffers
 * may share memory when their lifetimes do not touch. */
#include "graph/internal.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

/* Something that needs memory from time `first` to `last`. */
struct demand {
    size_t bytes;
    int first, last;
    cl_mem *out;
    int block;
    size_t offset;
};

struct plan {
    struct sanl_graph *graph;
    struct demand *list;
    int count;
    size_t capacity;
    size_t *block_bytes;
    int block_count;
    size_t block_capacity;
};

static int end_of_time(const struct sanl_graph *graph)
{
    return 2 * graph->node_count;
}

static int backward_time(const struct sanl_graph *graph, int node)
{
    return 2 * graph->node_count - 1 - node;
}

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

static bool takes_gradient(const struct node *node, int k)
{
    return node->backward && (node->call.op->in_grad >> k & 1) && node->in[k]->needs_gradient;
}

static enum sanl_status demand(struct plan *plan, cl_mem *out, size_t bytes, int first, int last)
{
    if (bytes == 0)
        return SANL_OK;
    SANL_TRY(sanl_grow(&plan->list, &plan->capacity, (size_t)plan->count + 1, sizeof *plan->list));
    const size_t align = sanl_device_get_info(plan->graph->device)->base_align_bytes;
    bytes = (bytes + align - 1) / align * align;
    plan->list[plan->count++] = (struct demand){.bytes = bytes, .first = first, .last = last, .out = out};
    return SANL_OK;
}

static enum sanl_status demand_value(struct plan *plan, struct sanl_tensor *t)
{
    const struct sanl_graph *graph = plan->graph;
    int first = t->node, last = t->node;
    for (int i = 0; i < graph->node_count; i++) {
        const struct node *node = graph->nodes[i];
        for (int k = 0; k < node->call.in_count; k++) {
            if (node->in[k] != t)
                continue;
            last = last > i ? last : i;
            if (node->backward && (node->call.backward_in >> k & 1) && backward_time(graph, i) > last)
                last = backward_time(graph, i);
        }
    }
    if (t->node >= 0) {
        const struct node *node = graph->nodes[t->node];
        if (node->backward && (node->call.backward_out >> t->output & 1))
            last = backward_time(graph, t->node);
    }
    if (t->kept || t->node < 0) {
        first = t->node < 0 ? -1 : first;
        last = end_of_time(graph);
    }
    return demand(plan, &t->value, sanl_shape_count(t->shape) * sizeof(float), first, last);
}

static enum sanl_status demand_gradient(struct plan *plan, struct sanl_tensor *t)
{
    const struct sanl_graph *graph = plan->graph;
    if (!t->has_gradient)
        return SANL_OK;
    int first = t->node >= 0 ? backward_time(graph, t->node) : end_of_time(graph), last = first;
    for (int i = 0; i < graph->node_count; i++)
        for (int k = 0; k < graph->nodes[i]->call.in_count; k++)
            if (graph->nodes[i]->in[k] == t && takes_gradient(graph->nodes[i], k) &&
                backward_time(graph, i) < first)
                first = backward_time(graph, i);
    if (t->want_gradient)
        last = end_of_time(graph);
    if (t->root) {
        first = -1;
        last = end_of_time(graph);
    }
    return demand(plan, &t->gradient, sanl_shape_count(t->shape) * sizeof(float), first, last);
}

static enum sanl_status demand_node(struct plan *plan, int i)
{
    struct node *node = plan->graph->nodes[i];
    struct sanl_op_call *call = &node->call;
    const int back = node->backward ? backward_time(plan->graph, i) : i;
    for (int k = 0; k < call->saved_count; k++)
        SANL_TRY(
            demand(plan, &call->saved[k], sanl_shape_count(call->saved_shape[k]) * sizeof(float), i, back));
    SANL_TRY(demand(plan, &call->prepared, call->prepared_bytes, -1, end_of_time(plan->graph)));
    return SANL_OK;
}

static enum sanl_status collect(struct plan *plan)
{
    struct sanl_graph *graph = plan->graph;
    for (int i = 0; i < graph->tensor_count; i++) {
        SANL_TRY(demand_value(plan, graph->tensors[i]));
        SANL_TRY(demand_gradient(plan, graph->tensors[i]));
    }
    for (int i = 0; i < graph->node_count; i++)
        SANL_TRY(demand_node(plan, i));
    return SANL_OK;
}

static int larger_first(const void *a, const void *b)
{
    const struct demand *x = *(const struct demand *const *)a, *y = *(const struct demand *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y;
}

/* The lowest offset in `block` that is free for all of d's lifetime; `placed` are those that stand already.
 */
static size_t lowest_offset(const struct demand *d, struct demand *const *placed, int count, int block)
{
    size_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < count; i++) {
            const struct demand *o = placed[i];
            if (o->block == block && o->first <= d->last && d->first <= o->last &&
                offset < o->offset + o->bytes && o->offset < offset + d->bytes) {
                offset = o->offset + o->bytes;
                moved = true;
            }
        }
    }
    return offset;
}

static enum sanl_status place(struct plan *plan)
{
    const size_t limit = (size_t)sanl_device_get_info(plan->graph->device)->max_alloc_bytes;
    struct demand **order = sanl_calloc((size_t)plan->count, sizeof *order);
    if (!order)
        return SANL_ERR_MEMORY;
    enum sanl_status status = SANL_OK;
    for (int i = 0; i < plan->count; i++)
        order[i] = &plan->list[i];
    qsort(order, (size_t)plan->count, sizeof *order, larger_first);
    for (int i = 0; i < plan->count && status == SANL_OK; i++) {
        struct demand *d = order[i];
        if (d->bytes > limit) {
            status = sanl_fail(SANL_ERR_LIMIT,
                               "a tensor of %zu MiB is over the device's limit of %zu MiB for one "
                               "buffer; use a smaller batch or input size",
                               d->bytes >> 20, limit >> 20);
            break;
        }
        for (d->block = 0; d->block < plan->block_count; d->block++) {
            d->offset = lowest_offset(d, order, i, d->block);
            if (d->offset + d->bytes <= limit)
                break;
        }
        if (d->block == plan->block_count) {
            status = sanl_grow(&plan->block_bytes, &plan->block_capacity, (size_t)plan->block_count + 1,
                               sizeof *plan->block_bytes);
            if (status != SANL_OK)
                break;
            plan->block_bytes[plan->block_count++] = 0;
            d->offset = 0;
        }
        if (plan->block_bytes[d->block] < d->offset + d->bytes)
            plan->block_bytes[d->block] = d->offset + d->bytes;
    }
    free(order);
    return status;
}

static enum sanl_status allocate(struct plan *plan)
{
    struct sanl_graph *graph = plan->graph;
    SANL_TRY(sanl_grow(&graph->blocks, &graph->block_capacity, (size_t)plan->block_count + 2,
                       sizeof *graph->blocks));
    for (int i = 0; i < plan->block_count; i++) {
        SANL_TRY(sanl_buffer_create(&graph->blocks[i], graph->device, plan->block_bytes[i]));
        graph->block_count++;
        graph->bytes += plan->block_bytes[i];
    }
    for (int i = 0; i < plan->count; i++) {
        const struct demand *d = &plan->list[i];
        SANL_TRY(sanl_buffer_part(d->out, graph->blocks[d->block], d->offset, d->bytes));
    }
    return SANL_OK;
}

/* One workspace, as large as the neediest node's, for all: nodes run one after the other. */
static enum sanl_status allocate_workspace(struct sanl_graph *graph)
{
    size_t bytes = 0;
    for (int i = 0; i < graph->node_count; i++)
        if (graph->nodes[i]->call.workspace_bytes > bytes)
            bytes = graph->nodes[i]->call.workspace_bytes;
    if (bytes == 0)
        return SANL_OK;
    SANL_TRY(sanl_buffer_create(&graph->blocks[graph->block_count], graph->device, bytes));
    graph->bytes += bytes;
    const cl_mem workspace = graph->blocks[graph->block_count++];
    for (int i = 0; i < graph->node_count; i++)
        if (graph->nodes[i]->call.workspace_bytes)
            SANL_TRY(sanl_buffer_part(&graph->nodes[i]->call.workspace, workspace, 0,
                                      graph->nodes[i]->call.workspace_bytes));
    return SANL_OK;
}

static void bind_tensors(struct sanl_graph *graph)
{
    for (int i = 0; i < graph->node_count; i++) {
        struct node *node = graph->nodes[i];
        struct sanl_op_call *call = &node->call;
        for (int k = 0; k < call->in_count; k++) {
            call->in[k] = node->in[k]->value;
            call->din[k] = takes_gradient(node, k) ? node->in[k]->gradient : NULL;
        }
        for (int k = 0; k < call->out_count; k++)
            call->out[k] = node->out[k]->value;
        call->dout[0] = node->backward ? node->out[0]->gradient : NULL;
    }
}

enum sanl_status sanl_graph_plan(struct sanl_graph *graph)
{
    SANL_TRY(sanl_graph_status(graph));
    struct plan plan = {.graph = graph};
    find_gradients(graph);
    enum sanl_status status = collect(&plan);
    if (status == SANL_OK)
        status = place(&plan);
    if (status == SANL_OK)
        status = allocate(&plan);
    if (status == SANL_OK)
        status = allocate_workspace(graph);
    if (status == SANL_OK)
        bind_tensors(graph);
    free(plan.list);
    free(plan.block_bytes);
    return status;
}
