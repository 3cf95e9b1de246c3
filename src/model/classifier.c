/* The category classifier: ResNet with blocks, global average pooling, a linear layer. */
#include <string.h>
#include "model/layers.h"
#include "model/model.h"

void sanl_model_cam_classifier(struct sanl_model_config *config, int classes)
{
    config->backbone = SANL_RESNET18;
    config->block = SANL_BLOCK_NONE;
    config->classes = classes;
}

void sanl_model_classifier(struct sanl_classifier_model *model, struct sanl_graph *g,
                           const struct sanl_model_config *config, const struct sanl_loss_config *loss,
                           int batch)
{
    memset(model, 0, sizeof *model);
    sanl_model_inputs(g, config, batch, &model->image, model->cam);
    sanl_model_resnet(g, "", config, model->image, model->cam, model->stages);
    struct sanl_op_call pool = sanl_op_new("pool2d", 1);
    sanl_op_set(&pool, "mode", 1);
    sanl_op_set(&pool, "kernel", 0);
    struct sanl_tensor *x = sanl_layer_plain(g, "avgpool", &pool, &model->stages[SANL_STAGES - 1]);
    model->logits = sanl_layer_linear(g, "fc", x, config->classes);
    sanl_graph_keep(model->logits);
    if (!sanl_graph_get_options(g)->param_gradients)
        return;
    model->labels = sanl_graph_input(g, "labels", (struct sanl_shape){batch, 1, 1, 1});
    struct sanl_op_call call = sanl_op_new("cross_entropy", 2);
    sanl_op_set(&call, "label_smoothing", loss->label_smoothing);
    model->loss = sanl_layer_plain(g, "loss", &call, (struct sanl_tensor *[]){model->logits, model->labels});
    sanl_graph_keep(model->loss);
    sanl_graph_root(model->loss);
}
