/* The category classifier: ResNet, global average pooling, a linear layer. */
#include <string.h>
#include "model/layers.h"
#include "model/model.h"

void sanl_model_classifier(struct sanl_classifier_model *model, struct sanl_graph *g,
                           enum sanl_backbone backbone, int classes, int size, int batch)
{
    memset(model, 0, sizeof *model);
    model->image = sanl_graph_input(g, "image", (struct sanl_shape){batch, size, size, 3});
    sanl_model_resnet(g, "", backbone, model->image, NULL, NULL, model->stages);
    struct sanl_op_call pool = sanl_op_new("pool2d", 1);
    sanl_op_set(&pool, "mode", 1);
    sanl_op_set(&pool, "kernel", 0);
    struct sanl_tensor *x = sanl_layer_plain(g, "avgpool", &pool, &model->stages[SANL_STAGES - 1]);
    model->logits = sanl_layer_linear(g, "fc", x, classes);
    sanl_graph_keep(model->logits);
    if (!sanl_graph_get_options(g)->param_gradients)
        return;
    model->labels = sanl_graph_input(g, "labels", (struct sanl_shape){batch, 1, 1, 1});
    struct sanl_op_call loss = sanl_op_new("cross_entropy", 2);
    model->loss = sanl_layer_plain(g, "loss", &loss, (struct sanl_tensor *[]){model->logits, model->labels});
    sanl_graph_keep(model->loss);
    sanl_graph_root(model->loss);
}
