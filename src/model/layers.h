/* Layers: operators with their parameters under PyTorch's names. Every function takes NULL inputs and returns
 * NULL after a failure; the graph keeps the failure. `name` is a prefix without the final dot. */
#ifndef MODEL_LAYERS_H
#define MODEL_LAYERS_H

#include <sanlcl/config.h>
#include "graph/graph.h"

/* call->attr of the attribute `name`, which must exist. */
void sanl_op_set(struct sanl_op_call *call, const char *name, double value);

/* Its value; 0 where the operator has no such attribute. */
double sanl_op_get(const struct sanl_op_call *call, const char *name);

/* A call of the table's operator `op`, which must exist, with `in_count` inputs. */
struct sanl_op_call sanl_op_new(const char *op, int in_count);

/* A node without parameters. */
struct sanl_tensor *sanl_layer_plain(struct sanl_graph *g, const char *name, struct sanl_op_call *call,
                                     struct sanl_tensor *const *in);

/* Tensors of other sizes that stand behind another one's channels once they are resized to its size,
 * bilinearly. A 1x1 convolution of all is the sum of one of each, and resizing may follow it: so it is done
 * at each one's own size, which costs least. */
struct sanl_levels {
    struct sanl_tensor *const *x; /* (count), at most four */
    int count;
};

struct sanl_conv {
    int cout, kernel, stride;
    bool bias;                    /* NAME.bias */
    bool relu;                    /* at the very end */
    const char *norm;             /* prefix of the batch norm that follows; NULL: none */
    bool norm_zero;               /* its scale starts at zero */
    enum sanl_param_init init;    /* of the weight; a bias starts at zero with SANL_INIT_SMALL, else FAN_IN */
    struct sanl_tensor *residual; /* added before the ReLU; NULL: none */
    struct sanl_levels more;      /* of a 1x1 convolution of stride 1 without residual: further inputs */
};

/* relu(norm(conv(x, more)) + residual), padding kernel / 2. Where parameters have no gradients the norm is
 * folded into the convolution; else norm, residual and ReLU are one node after it. */
struct sanl_tensor *sanl_layer_conv(struct sanl_graph *g, const char *name, struct sanl_tensor *x,
                                    const struct sanl_conv *conv);

struct sanl_tensor *sanl_layer_linear(struct sanl_graph *g, const char *name, struct sanl_tensor *x, int out);

enum sanl_upsampling { SANL_UPSAMPLE_NEAREST, SANL_UPSAMPLE_BILINEAR };
struct sanl_tensor *sanl_layer_upsample(struct sanl_graph *g, const char *name, struct sanl_tensor *x,
                                        enum sanl_upsampling mode, int h, int w);

/* x and `more` -> mid -> cout: 1x1, 3x3, 1x1, each with norm; a 1x1 `downsample` where the shape changes.
 * With `more` the stride is 1. */
struct sanl_tensor *sanl_layer_bottleneck(struct sanl_graph *g, const char *name, struct sanl_tensor *x,
                                          struct sanl_levels more, int mid, int cout, int stride);

/* Non-local block (spatial-aware when cam is given): theta, phi, g on x, those of config->gate on x with cam;
 * softmax attention; out, norm. */
struct sanl_tensor *sanl_layer_nonlocal(struct sanl_graph *g, const char *name, struct sanl_tensor *x,
                                        struct sanl_tensor *cam, const struct sanl_block_config *config);

#endif
