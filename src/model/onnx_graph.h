/* A graph of the library as nodes of an ONNX model: NCHW, any batch, norms folded into convolutions. Each of
 * our nodes becomes one or a few of ONNX's, named after it. */
#ifndef MODEL_ONNX_GRAPH_H
#define MODEL_ONNX_GRAPH_H

#include "model/model.h"
#include "model/onnx.h"
#include "model/safetensors.h"

/* The file that holds the parameters, as sanl_weights_check has found, under `prefix`. */
struct sanl_onnx_source {
    struct sanl_tensors *file;
    const char *path, *prefix;
};

struct sanl_onnx_graph {
    struct sanl_onnx *onnx;
    const struct sanl_graph *graph; /* built for inference, for one image; it may have no device */
    struct sanl_onnx_source from;
    const char *prefix;             /* of all names in the model */
    const char **value, **gradient; /* in the model, of each tensor of the graph; NULL: none so far */
    const char *layer;              /* the node at hand */
};

/* Fills `out`, which borrows all that it is given. */
SANL_CHECKED enum sanl_status sanl_onnx_graph_create(struct sanl_onnx_graph *out, struct sanl_onnx *onnx,
                                                     const struct sanl_graph *graph,
                                                     const struct sanl_onnx_source *from, const char *prefix);
void sanl_onnx_graph_free(struct sanl_onnx_graph *graph); /* takes a zeroed object */

/* Adds all nodes; the caller has set the values of the graph's inputs. Failures are kept in the model. */
void sanl_onnx_graph_forward(struct sanl_onnx_graph *graph);

/* Adds Grad-CAM of the classifier `model`, whose nodes are there: the maps' values (n, 1, h, w), with every
 * step of the gradients written out. */
void sanl_onnx_graph_gradcam(struct sanl_onnx_graph *graph, const struct sanl_classifier_model *model,
                             const struct sanl_cam_config *config, const char *cams[SANL_STAGES]);

/* ---- for what adds nodes ------------------------------------------------------------------------- */

#define SANL_ONNX_IN(...)    ((const char *const[]){__VA_ARGS__, NULL})
#define SANL_ONNX_ATTRS(...) ((const struct sanl_onnx_attr[]){__VA_ARGS__, {0}})

/* A node or a constant of the layer at hand, named after it, with `suffix`; a count of 0 is one value without
 * dimensions. */
const char *sanl_onnx_graph_node(struct sanl_onnx_graph *graph, const char *op, const char *suffix,
                                 const char *const *in, const struct sanl_onnx_attr *attr);
const char *sanl_onnx_graph_ints(struct sanl_onnx_graph *graph, const char *suffix, const int64_t *values,
                                 int count);
const char *sanl_onnx_graph_floats(struct sanl_onnx_graph *graph, const char *suffix, const float *values,
                                   int count);

/* The constant of a layer's parameter. */
enum { SANL_ONNX_NAME_BYTES = 192 };
void sanl_onnx_graph_name(char name[SANL_ONNX_NAME_BYTES], const struct sanl_onnx_graph *graph,
                          const struct sanl_param *param);

/* x (n, c, h, w) resized to (n, c, out_h, out_w), as our operator `upsample` does. */
const char *sanl_onnx_graph_resize(struct sanl_onnx_graph *graph, const char *suffix, const char *x,
                                   struct sanl_shape in, struct sanl_shape out, bool bilinear);

#endif
