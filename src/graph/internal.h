/* What the files of graph/ share. */
#ifndef GRAPH_INTERNAL_H
#define GRAPH_INTERNAL_H

#include "graph/graph.h"

struct node {
    char name[64];
    struct sanl_op_call call;
    struct sanl_tensor *in[SANL_OP_IN], *out[SANL_OP_OUT];
    struct sanl_param *param[SANL_OP_PARAM], *state[SANL_OP_STATE];
    bool backward; /* takes part in the backward pass */
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
    cl_mem *blocks; /* device memory */
    int block_count;
    size_t block_capacity, bytes;
    unsigned prepared_version; /* of params, at the last prepare() */
    bool bound;                /* calls have the parameters' buffers */
};

#endif
