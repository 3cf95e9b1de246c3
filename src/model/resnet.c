#include "model/resnet.h"

#include <stdio.h>
#include "model/layers.h"

static const struct {
    int blocks[SANL_STAGES];
    bool bottleneck;
} variants[] = {
    [SANL_RESNET18] = {{2, 2, 2, 2}, false},
    [SANL_RESNET34] = {{3, 4, 6, 3}, false},
    [SANL_RESNET50] = {{3, 4, 6, 3}, true},
    [SANL_RESNET101] = {{3, 4, 23, 3}, true},
};

static struct sanl_tensor *basic_block(struct sanl_graph *g, const char *name, struct sanl_tensor *x,
                                       int cout, int stride)
{
    if (!x)
        return NULL;
    char conv[96], bn[96];
    struct sanl_tensor *skip = x;
    if (stride != 1 || x->shape.c != cout) {
        snprintf(conv, sizeof conv, "%s.downsample.0", name);
        snprintf(bn, sizeof bn, "%s.downsample.1", name);
        skip = sanl_layer_conv(
            g, conv, x,
            &(struct sanl_conv){
                .cout = cout, .kernel = 1, .stride = stride, .norm = bn, .init = SANL_INIT_HE});
    }
    snprintf(conv, sizeof conv, "%s.conv1", name);
    snprintf(bn, sizeof bn, "%s.bn1", name);
    struct sanl_tensor *y = sanl_layer_conv(
        g, conv, x,
        &(struct sanl_conv){
            .cout = cout, .kernel = 3, .stride = stride, .norm = bn, .relu = true, .init = SANL_INIT_HE});
    snprintf(conv, sizeof conv, "%s.conv2", name);
    snprintf(bn, sizeof bn, "%s.bn2", name);
    y = sanl_layer_conv(g, conv, y,
                        &(struct sanl_conv){.cout = cout,
                                            .kernel = 3,
                                            .stride = 1,
                                            .norm = bn,
                                            .relu = true,
                                            .init = SANL_INIT_HE,
                                            .residual = skip});
    sanl_graph_checkpoint(y);
    return y;
}

static struct sanl_tensor *stem(struct sanl_graph *g, const char *prefix, struct sanl_tensor *image)
{
    char conv[96], bn[96];
    snprintf(conv, sizeof conv, "%sconv1", prefix);
    snprintf(bn, sizeof bn, "%sbn1", prefix);
    struct sanl_tensor *x = sanl_layer_conv(
        g, conv, image,
        &(struct sanl_conv){
            .cout = 64, .kernel = 7, .stride = 2, .norm = bn, .relu = true, .init = SANL_INIT_HE});
    struct sanl_op_call pool = sanl_op_new("pool2d", 1);
    sanl_op_set(&pool, "kernel", 3);
    sanl_op_set(&pool, "stride", 2);
    sanl_op_set(&pool, "pad", 1);
    return sanl_layer_plain(g, "maxpool", &pool, &x);
}

void sanl_model_inputs(struct sanl_graph *g, const struct sanl_model_config *config, int batch,
                       struct sanl_tensor **image, struct sanl_tensor *cam[SANL_STAGES])
{
    const int s = config->size;
    *image = sanl_graph_input(g, "image", (struct sanl_shape){batch, s, s, 3});
    for (int i = 0; i < SANL_STAGES; i++) {
        char name[16];
        snprintf(name, sizeof name, "cam%d", 4 << i);
        cam[i] = config->block == SANL_BLOCK_SANL
                     ? sanl_graph_input(g, name, (struct sanl_shape){batch, s / (4 << i), s / (4 << i), 1})
                     : NULL;
    }
}

struct sanl_tensor *sanl_model_block(struct sanl_graph *g, const struct sanl_model_config *config,
                                     enum sanl_block_place place, int level, struct sanl_tensor *x,
                                     struct sanl_tensor *cam)
{
    char name[16];
    if (config->block == SANL_BLOCK_NONE || config->sanl.place != (int)place)
        return x;
    snprintf(name, sizeof name, "sanl.%d", level);
    return sanl_layer_nonlocal(g, name, x, cam, &config->sanl);
}

void sanl_model_resnet(struct sanl_graph *g, const char *prefix, const struct sanl_model_config *config,
                       struct sanl_tensor *image, struct sanl_tensor *const cam[SANL_STAGES],
                       struct sanl_tensor *stages[SANL_STAGES])
{
    const enum sanl_backbone backbone = (enum sanl_backbone)config->backbone;
    struct sanl_tensor *x = stem(g, prefix, image);
    for (int s = 0; s < SANL_STAGES; s++) {
        char name[64];
        const int mid = 64 << s;
        for (int b = 0; b < variants[backbone].blocks[s]; b++) {
            const int stride = b == 0 && s > 0 ? 2 : 1;
            snprintf(name, sizeof name, "%slayer%d.%d", prefix, s + 1, b);
            x = variants[backbone].bottleneck
                    ? sanl_layer_bottleneck(g, name, x, (struct sanl_levels){0}, mid, 4 * mid, stride)
                    : basic_block(g, name, x, mid, stride);
        }
        x = stages[s] = sanl_model_block(g, config, SANL_PLACE_BACKBONE, s, x, cam[s]);
    }
}
