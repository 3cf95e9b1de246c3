/* Grad-CAM: with A the activations at the end of a stage and G the gradient of the class's logit with respect
 * to them, cam = relu(sum_k mean(G_k) A_k), normalised over the positions (ops/cam.c). */
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "model/layers.h"
#include "model/model.h"

struct sanl_gradcam {
    struct sanl_graph *graph;
    struct sanl_classifier_model model;
    enum sanl_cam_mode mode;
    enum sanl_cam_norm norm;
    int batch, classes;
    float *logits, *seed;                    /* (batch, classes) */
    struct sanl_op_call cam[SANL_STAGES];    /* one map from its stage */
    struct sanl_op_call resize[SANL_STAGES]; /* mode top: the others from the last */
};

static enum sanl_status make_call(struct sanl_op_call *call, struct sanl_device *device)
{
    SANL_TRY(call->op->infer(call, device));
    return call->workspace_bytes ? sanl_buffer_create(&call->workspace, device, call->workspace_bytes)
                                 : SANL_OK;
}

static enum sanl_status make_calls(struct sanl_gradcam *gradcam)
{
    struct sanl_device *device = sanl_graph_device(gradcam->graph);
    for (int i = 0; i < SANL_STAGES; i++) {
        const struct sanl_shape a = gradcam->model.stages[i]->shape,
                                top = gradcam->model.stages[SANL_STAGES - 1]->shape;
        struct sanl_op_call *cam = &gradcam->cam[i], *resize = &gradcam->resize[i];
        *cam = sanl_op_new("cam", 2);
        sanl_op_set(cam, "norm", gradcam->norm);
        cam->in_shape[0] = cam->in_shape[1] = a;
        SANL_TRY(make_call(cam, device));
        cam->in[0] = gradcam->model.stages[i]->value;
        cam->in[1] = gradcam->model.stages[i]->gradient;
        *resize = sanl_op_new("upsample", 1);
        sanl_op_set(resize, "mode", SANL_UPSAMPLE_BILINEAR);
        sanl_op_set(resize, "out_h", a.h);
        sanl_op_set(resize, "out_w", a.w);
        resize->in_shape[0] = (struct sanl_shape){a.n, top.h, top.w, 1};
        SANL_TRY(make_call(resize, device));
    }
    return SANL_OK;
}

/* The graph with what its maps need. An activation within rounding of zero decides about a gradient, so that
 * the more rounding the more maps differ from PyTorch's: its convolutions are direct. */
static enum sanl_status build(struct sanl_gradcam *gradcam, struct sanl_params *params,
                              const struct sanl_graph_options *given, int size)
{
    const struct sanl_graph_options options = {.backward = true,
                                               .direct_conv = true,
                                               .prepare_at_use = given->prepare_at_use,
                                               .arena = given->arena};
    struct sanl_model_config config = {.size = size};
    SANL_TRY(sanl_graph_create(&gradcam->graph, params, &options));
    sanl_model_cam_classifier(&config, gradcam->classes);
    sanl_model_classifier(&gradcam->model, gradcam->graph, &config, &(struct sanl_loss_config){0},
                          gradcam->batch);
    sanl_graph_root(gradcam->model.logits);
    for (int i = 0; i < SANL_STAGES; i++) {
        const bool used = gradcam->mode == SANL_CAM_STAGE || i == SANL_STAGES - 1;
        if (!used)
            continue;
        sanl_graph_keep(gradcam->model.stages[i]);
        sanl_graph_want_gradient(gradcam->model.stages[i]);
    }
    return sanl_graph_plan(gradcam->graph);
}

enum sanl_status sanl_gradcam_plan(struct sanl_gradcam **out, struct sanl_params *params,
                                   const struct sanl_graph_options *options, int classes,
                                   const struct sanl_cam_config *config, int size, int batch)
{
    struct sanl_gradcam *gradcam = sanl_calloc(1, sizeof *gradcam);
    *out = NULL;
    if (!gradcam)
        return SANL_ERR_MEMORY;
    gradcam->mode = (enum sanl_cam_mode)config->mode;
    gradcam->norm = (enum sanl_cam_norm)config->norm;
    gradcam->batch = batch;
    gradcam->classes = classes;
    const enum sanl_status status = build(gradcam, params, options, size);
    if (status == SANL_OK)
        *out = gradcam;
    else
        sanl_gradcam_free(gradcam);
    return status;
}

enum sanl_status sanl_gradcam_allocate(struct sanl_gradcam *gradcam)
{
    const size_t count = (size_t)(gradcam->batch * gradcam->classes);
    SANL_TRY(sanl_graph_allocate(gradcam->graph));
    gradcam->logits = sanl_calloc(count, sizeof *gradcam->logits);
    gradcam->seed = sanl_calloc(count, sizeof *gradcam->seed);
    return gradcam->logits && gradcam->seed ? make_calls(gradcam) : SANL_ERR_MEMORY;
}

enum sanl_status sanl_gradcam_create(struct sanl_gradcam **out, struct sanl_params *params,
                                     const struct sanl_graph_options *options, int classes,
                                     const struct sanl_cam_config *config, int size, int batch)
{
    SANL_TRY(sanl_gradcam_plan(out, params, options, classes, config, size, batch));
    const enum sanl_status status = sanl_gradcam_allocate(*out);
    if (status != SANL_OK) {
        sanl_gradcam_free(*out);
        *out = NULL;
    }
    return status;
}

struct sanl_graph *sanl_gradcam_graph(const struct sanl_gradcam *gradcam)
{
    return gradcam->graph;
}

void sanl_gradcam_free(struct sanl_gradcam *gradcam)
{
    if (!gradcam)
        return;
    for (int i = 0; i < SANL_STAGES; i++) {
        sanl_buffer_free(gradcam->cam[i].workspace);
        sanl_buffer_free(gradcam->resize[i].workspace);
    }
    sanl_graph_free(gradcam->graph);
    free(gradcam->logits);
    free(gradcam->seed);
    free(gradcam);
}

/* One in each image's row, at the target or the first largest logit. */
static void fill_seed(struct sanl_gradcam *gradcam, const int *target)
{
    memset(gradcam->seed, 0, (size_t)(gradcam->batch * gradcam->classes) * sizeof(float));
    for (int n = 0; n < gradcam->batch; n++) {
        const float *row = gradcam->logits + (size_t)n * (size_t)gradcam->classes;
        int best = target ? target[n] : 0;
        for (int c = 1; !target && c < gradcam->classes; c++)
            if (row[c] > row[best])
                best = c;
        gradcam->seed[n * gradcam->classes + best] = 1;
    }
}

static enum sanl_status make_maps(struct sanl_gradcam *gradcam, sanl_buffer const out[SANL_STAGES])
{
    struct sanl_device *device = sanl_graph_device(gradcam->graph);
    const int top = SANL_STAGES - 1;
    for (int i = gradcam->mode == SANL_CAM_TOP ? top : 0; i < SANL_STAGES; i++) {
        gradcam->cam[i].out[0] = out[i];
        SANL_TRY(sanl_work_forward(&gradcam->cam[i], device, "cam"));
    }
    for (int i = 0; gradcam->mode == SANL_CAM_TOP && i < top; i++) {
        gradcam->resize[i].in[0] = out[top];
        gradcam->resize[i].out[0] = out[i];
        SANL_TRY(sanl_work_forward(&gradcam->resize[i], device, "cam"));
    }
    return SANL_OK;
}

enum sanl_status sanl_gradcam_run(struct sanl_gradcam *gradcam, sanl_buffer image, const int *target,
                                  sanl_buffer const out[SANL_STAGES], float *logits)
{
    struct sanl_tensor *input = gradcam->model.image;
    SANL_TRY(sanl_buffer_copy(sanl_graph_device(gradcam->graph), image, input->value, 0, 0,
                              sanl_shape_count(input->shape) * sizeof(float)));
    SANL_TRY(sanl_graph_forward(gradcam->graph));
    SANL_TRY(sanl_tensor_read(gradcam->model.logits, gradcam->logits));
    if (logits)
        memcpy(logits, gradcam->logits, (size_t)(gradcam->batch * gradcam->classes) * sizeof(float));
    fill_seed(gradcam, target);
    SANL_TRY(sanl_tensor_write_gradient(gradcam->model.logits, gradcam->seed));
    SANL_TRY(sanl_graph_backward(gradcam->graph));
    return make_maps(gradcam, out);
}

enum sanl_status sanl_gradcam_list_work(struct sanl_work_list *list, const struct sanl_gradcam *gradcam)
{
    const int top = SANL_STAGES - 1;
    SANL_TRY(sanl_graph_list_work(list, gradcam->graph));
    for (int i = gradcam->mode == SANL_CAM_TOP ? top : 0; i < SANL_STAGES; i++)
        SANL_TRY(sanl_work_add(list, &gradcam->cam[i], 1u << SANL_PASS_FORWARD, 0));
    for (int i = 0; gradcam->mode == SANL_CAM_TOP && i < top; i++)
        SANL_TRY(sanl_work_add(list, &gradcam->resize[i], 1u << SANL_PASS_FORWARD, 0));
    return SANL_OK;
}
