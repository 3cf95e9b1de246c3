/* What the files of graph/ share. */
#ifndef GRAPH_INTERNAL_H
#define GRAPH_INTERNAL_H

#include "graph/graph.h"

struct node {
    char name[64];
    struct sanl_op_call call;
    struct sanl_tensor *in[SANL_OP_IN], *out[SANL_OP_OUT];
    struct sanl_param *param[SANL_OP_PARAM], *state[SANL_OP_STATE];
    int cin, cin_first; /* as in sanl_node_params */
    bool backward;      /* takes part in the backward pass */
};

/* Where the values that the node takes of param[k] begin, in bytes. */
static inline size_t sanl_node_param_at(const struct node *node, int k)
{
    return k == 0 ? (size_t)node->cin_first * (size_t)node->param[0]->shape.c * sizeof(float) : 0;
}

/* Those values as a part of `all`, which holds the parameter from byte `offset` on. */
SANL_CHECKED static inline enum sanl_status sanl_node_param_part(sanl_buffer *out, const struct node *node,
                                                                 int k, sanl_buffer all, size_t offset)
{
    return sanl_buffer_part(out, all, offset + sanl_node_param_at(node, k),
                            sanl_shape_count(node->call.param_shape[k]) * sizeof(float));
}

/* True when backward gives input k its gradient. */
static inline bool takes_gradient(const struct node *node, int k)
{
    return node->backward && (node->call.op->in_grad >> k & 1) && node->in[k]->needs_gradient;
}

enum phase { FORWARD, RECOMPUTE, BACKWARD };

/* A node's turn; its index is its time. Scratch memory lives in this step alone, and so do packed weights
 * with prepare_at_use. */
struct step {
    int node;
    enum phase phase;
    sanl_buffer workspace, prepared;
};

static inline enum sanl_direction sanl_step_direction(const struct step *step)
{
    return step->phase == BACKWARD ? SANL_BACKWARD : SANL_FORWARD;
}

/* Bytes of a block of gradients that no node writes. */
struct gap {
    int block;
    size_t offset, bytes;
};

struct sanl_graph {
    struct sanl_device *device;
    struct sanl_params *params;
    struct sanl_graph_options options;
    enum sanl_status status; /* of building; its message below */
    char message[SANL_MESSAGE_BYTES];
    struct node **nodes;
    int node_count;
    size_t node_capacity;
    struct sanl_tensor **tensors;
    int tensor_count;
    size_t tensor_capacity;
    struct step *steps; /* the nodes forwards, then the backward pass */
    int step_count;
    size_t step_capacity;
    struct sanl_layout own, shared; /* what stays between runs; what lives within one, in the arena */
    unsigned prepared_version;      /* of params, at the last prepare() */
    bool sealed;                    /* see sanl_graph_seal */
    sanl_buffer *gradients;         /* of the parameters' blocks */
    struct gap *gaps;
    int gap_count;
    size_t gap_capacity;
    bool bound; /* calls have the parameters' buffers */
};

/* Gradients of parameters: adds their demands, gives the calls their buffers, ends a backward pass. */
SANL_CHECKED enum sanl_status sanl_gradients_plan(struct sanl_graph *graph);
SANL_CHECKED enum sanl_status sanl_gradients_bind(struct sanl_graph *graph);
SANL_CHECKED enum sanl_status sanl_gradients_finish(struct sanl_graph *graph);

#endif
