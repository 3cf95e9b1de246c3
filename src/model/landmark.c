/* The landmark network: ResNet with blocks, FPN, CoarseNet, FineNet; names as in PyTorch checkpoints. */
#include <stdio.h>
#include <string.h>
#include "model/layers.h"
#include "model/model.h"

static struct sanl_tensor *conv(struct sanl_graph *g, const char *format, int level, struct sanl_tensor *x,
                                int cout, int kernel, bool relu, struct sanl_tensor *residual)
{
    char name[32];
    snprintf(name, sizeof name, format, level);
    return sanl_layer_conv(
        g, name, x,
        &(struct sanl_conv){
            .cout = cout, .kernel = kernel, .stride = 1, .bias = true, .relu = relu, .residual = residual});
}

/* Lateral 1x1, nearest top-down sum, 3x3 output. */
static void add_fpn(struct sanl_graph *g, struct sanl_tensor *const stages[SANL_STAGES], int width,
                    struct sanl_tensor *pyramid[SANL_STAGES])
{
    struct sanl_tensor *top = NULL;
    char name[32];
    for (int i = SANL_STAGES; i-- > 0;) {
        if (!stages[i])
            return;
        snprintf(name, sizeof name, "fpn.top.%d", i);
        top =
            sanl_layer_upsample(g, name, top, SANL_UPSAMPLE_NEAREST, stages[i]->shape.h, stages[i]->shape.w);
        top = conv(g, "fpn.lateral.%d", i, stages[i], width, 1, false, top);
        pyramid[i] = conv(g, "fpn.output.%d", i, top, width, 3, false, NULL);
    }
}

static struct sanl_tensor *add_fine(struct sanl_graph *g, struct sanl_tensor *const pyramid[SANL_STAGES],
                                    const struct sanl_model_config *config)
{
    struct sanl_tensor *level[SANL_STAGES];
    char name[64];
    const int mid = config->width / 2;
    for (int l = 0; l < SANL_STAGES; l++) {
        level[l] = pyramid[l];
        for (int b = 0; b < l; b++) {
            snprintf(name, sizeof name, "fine.refine.%d.%d", l, b);
            level[l] =
                sanl_layer_bottleneck(g, name, level[l], (struct sanl_levels){0}, mid, config->width, 1);
        }
    }
    struct sanl_tensor *all = sanl_layer_bottleneck(
        g, "fine.fuse", level[0], (struct sanl_levels){level + 1, SANL_STAGES - 1}, mid, config->width, 1);
    /* Its input is large. Heatmaps of random weights would be, too, where nearly all of the targets are zero,
     * and their gradients shake all layers before: FineNet then ends up worse than the coarse heatmaps. */
    return sanl_layer_conv(
        g, "fine.predict", all,
        &(struct sanl_conv){
            .cout = config->landmarks, .kernel = 3, .stride = 1, .bias = true, .init = SANL_INIT_SMALL});
}

static struct sanl_tensor *add_loss(struct sanl_graph *g, const char *name,
                                    const struct sanl_landmark_model *model, struct sanl_tensor *heatmap,
                                    double sigma, double weight)
{
    struct sanl_op_call call = sanl_op_new("heatmap_loss", 3);
    sanl_op_set(&call, "sigma", sigma);
    sanl_op_set(&call, "stride", 4);
    sanl_op_set(&call, "weight", weight);
    struct sanl_tensor *loss =
        sanl_layer_plain(g, name, &call, (struct sanl_tensor *[]){heatmap, model->xy, model->teaches});
    sanl_graph_root(loss);
    sanl_graph_keep(loss);
    return loss;
}

static void add_inputs(struct sanl_landmark_model *model, struct sanl_graph *g,
                       const struct sanl_model_config *config, int batch)
{
    sanl_model_inputs(g, config, batch, &model->image, model->cam);
    if (!sanl_graph_get_options(g)->backward)
        return;
    model->xy = sanl_graph_input(g, "xy", (struct sanl_shape){batch, 1, config->landmarks, 2});
    model->teaches = sanl_graph_input(g, "teaches", (struct sanl_shape){batch, 1, 1, config->landmarks});
}

void sanl_model_landmark(struct sanl_landmark_model *model, struct sanl_graph *g,
                         const struct sanl_model_config *config, const struct sanl_loss_config *loss,
                         int batch)
{
    struct sanl_tensor *stages[SANL_STAGES] = {0}, *pyramid[SANL_STAGES] = {0};
    const int size = config->size / 4;
    char name[32];
    memset(model, 0, sizeof *model);
    add_inputs(model, g, config, batch);
    sanl_model_resnet(g, "backbone.", config, model->image, model->cam, stages);
    add_fpn(g, stages, config->width, pyramid);
    for (int i = 0; i < SANL_STAGES; i++)
        pyramid[i] = sanl_model_block(g, config, SANL_PLACE_PYRAMID, i, pyramid[i], model->cam[i]);
    for (int i = 0; i < SANL_STAGES; i++) {
        struct sanl_tensor *x = conv(g, "coarse.%d.conv", i, pyramid[i], config->width, 3, true, NULL);
        x = conv(g, "coarse.%d.predict", i, x, config->landmarks, 1, false, NULL);
        snprintf(name, sizeof name, "coarse.%d.upsample", i);
        model->coarse[i] = sanl_layer_upsample(g, name, x, SANL_UPSAMPLE_BILINEAR, size, size);
        sanl_graph_keep(model->coarse[i]);
    }
    if (config->fine)
        model->fine = add_fine(g, pyramid, config);
    sanl_graph_keep(model->fine);
    if (!sanl_graph_get_options(g)->backward) {
        struct sanl_op_call decode = sanl_op_new("heatmap_decode", 1);
        sanl_op_set(&decode, "stride", 4);
        model->decoded =
            sanl_layer_plain(g, "decode", &decode, config->fine ? &model->fine : &model->coarse[0]);
        sanl_graph_keep(model->decoded);
        return;
    }
    for (int i = 0; i < SANL_STAGES; i++)
        model->loss[i] =
            add_loss(g, "coarse.loss", model, model->coarse[i], loss->sigma_coarse, 1.0 / SANL_STAGES);
    if (config->fine)
        model->loss[SANL_STAGES] = add_loss(g, "fine.loss", model, model->fine, loss->sigma_fine, 1.0);
}
