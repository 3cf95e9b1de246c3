/* A graph of operators over tensors: build, plan, run.
 *
 * Building adds nodes in the order in which they run; a failure is kept in the graph and later calls do
 * nothing, so that model code reads as plain composition: sanl_graph_plan returns it. Planning finds
 * lifetimes over forward and backward and lays every tensor into a few device blocks; what costs little to
 * make once more is dropped in between. Running walks the nodes forwards, and backwards for gradients;
 * nothing is allocated then. */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "graph/params.h"
#include "graph/place.h"
#include "ops/work.h"

struct sanl_graph;

/* A tensor of a graph: an input or the output of a node. Owned by the graph. */
struct sanl_tensor {
    char name[64];
    struct sanl_shape shape;
    int node;           /* that computes it; -1: an input */
    int output;         /* which output of the node */
    int index;          /* in the graph */
    bool kept;          /* may be read after a run */
    bool checkpoint;    /* kept from forward to backward even with options.recompute */
    bool want_gradient; /* its gradient may be read after backward */
    bool root;          /* backward starts here, from a gradient that the owner sets */
    bool needs_gradient, has_gradient;
    sanl_buffer value, gradient;
    sanl_buffer again; /* the value in the backward pass, if it is made once more */
    struct sanl_graph *graph;
};

struct sanl_graph_options {
    bool backward;        /* gradients will be asked for */
    bool param_gradients; /* those of parameters too: training */
    bool freeze_norm;     /* norms use running statistics though training */
    bool recompute;       /* backward makes all values between checkpoints once more: slower, less memory */
    bool direct_conv;     /* convolutions without Winograd's filtering, which rounds more coarsely */
    bool prepare_at_use;  /* weights are repacked at each use: for parameters that change at each step */
    struct sanl_arena *arena; /* for what lives within a run; NULL: one of its own */
};

SANL_CHECKED enum sanl_status sanl_graph_create(struct sanl_graph **out, struct sanl_params *params,
                                                const struct sanl_graph_options *options);
void sanl_graph_free(struct sanl_graph *graph);
const struct sanl_graph_options *sanl_graph_get_options(const struct sanl_graph *graph);

/* ---- building ------------------------------------------------------------------------------------ */

struct sanl_tensor *sanl_graph_input(struct sanl_graph *graph, const char *name, struct sanl_shape shape);

/* A node of operator `call->op`: attributes and in_count from `call`, the inputs from `in`, parameters and
 * states from `params`, in the operator's order. Returns its first output; NULL after a failure or when an
 * input is NULL. */
struct sanl_node_params {
    struct sanl_param param[SANL_OP_PARAM];
    struct sanl_param state[SANL_OP_STATE];
    int cin, cin_first; /* the weights param[0] of a 1x1 convolution have `cin` input channels, of which the
                           node takes as many as it has, from cin_first on; 0: all are its own */
};
struct sanl_tensor *sanl_graph_add(struct sanl_graph *graph, const char *name, struct sanl_op_call *call,
                                   struct sanl_tensor *const *in, const struct sanl_node_params *params);

void sanl_graph_keep(struct sanl_tensor *tensor); /* takes NULL, as all of these */
void sanl_graph_checkpoint(struct sanl_tensor *tensor);
void sanl_graph_want_gradient(struct sanl_tensor *tensor);
void sanl_graph_root(struct sanl_tensor *tensor);

/* The failure at hand, if any, with the name of the layer before its message. */
void sanl_graph_fail(struct sanl_graph *graph, enum sanl_status status);

/* The failure of building, if any. */
SANL_CHECKED enum sanl_status sanl_graph_status(const struct sanl_graph *graph);

/* ---- planning and running ------------------------------------------------------------------------ */

/* Lays out memory and allocates nothing. */
SANL_CHECKED enum sanl_status sanl_graph_plan(struct sanl_graph *graph);

/* Allocates what is planned. params must be allocated before the first run. Where graphs share an arena, a
 * run of one ends the life of the other's values but for inputs. */
SANL_CHECKED enum sanl_status sanl_graph_allocate(struct sanl_graph *graph);

/* For inference by this graph alone: repacks the weights once for all and lets go of the parameters that are
 * not read after that; from then on they can be neither changed nor read, nor used by a graph made later. */
SANL_CHECKED enum sanl_status sanl_graph_seal(struct sanl_graph *graph);

SANL_CHECKED enum sanl_status sanl_graph_forward(struct sanl_graph *graph);
SANL_CHECKED enum sanl_status sanl_graph_backward(struct sanl_graph *graph);

/* Values of inputs, kept tensors, roots' gradients and wanted gradients, NHWC. */
SANL_CHECKED enum sanl_status sanl_tensor_write(struct sanl_tensor *tensor, const float *values);
SANL_CHECKED enum sanl_status sanl_tensor_read(const struct sanl_tensor *tensor, float *values);
SANL_CHECKED enum sanl_status sanl_tensor_write_gradient(struct sanl_tensor *tensor, const float *values);

/* Gradients of the parameters with options.param_gradients, from backward until any graph of the arena runs:
 * of a block, laid out as its values, 0 where there is none; and of one, in the file's layout and order. */
sanl_buffer sanl_graph_gradient(const struct sanl_graph *graph, int block);
SANL_CHECKED enum sanl_status sanl_graph_read_gradient(const struct sanl_graph *graph,
                                                       const struct sanl_param *param, float *values);

/* ---- looking at a graph -------------------------------------------------------------------------- */

int sanl_graph_node_count(const struct sanl_graph *graph);
const struct sanl_op_call *sanl_graph_call(const struct sanl_graph *graph, int node);
const char *sanl_graph_node_name(const struct sanl_graph *graph, int node);

/* A node as it stands, for who writes the network down elsewhere. */
struct sanl_node_view {
    const char *name;
    const struct sanl_op_call *call; /* the operator, its attributes, shapes and counts of what follows */
    struct sanl_tensor *const *in, *const *out;
    struct sanl_param *const *param, *const *state;
    int cin, cin_first; /* as in sanl_node_params */
};
struct sanl_node_view sanl_graph_view(const struct sanl_graph *graph, int node);
int sanl_graph_tensor_count(const struct sanl_graph *graph);

size_t sanl_graph_trained_count(const struct sanl_graph *graph, int node); /* values of its parameters */

/* Adds what one run of a planned graph does, forward and, where gradients are asked for, backward and, where
 * those of parameters are, preparing after the update. */
SANL_CHECKED enum sanl_status sanl_graph_list_work(struct sanl_work_list *list,
                                                   const struct sanl_graph *graph);

/* Adds the plan's own memory to *memory and, when this plan's peak is the highest so far, takes that; not
 * what is placed, which is the arena's. */
void sanl_graph_memory(const struct sanl_graph *graph, struct sanl_memory *memory);

struct sanl_device *sanl_graph_device(const struct sanl_graph *graph);
struct sanl_params *sanl_graph_params(const struct sanl_graph *graph);

#endif
