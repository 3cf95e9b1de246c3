/* The networks: the landmark network and the classifier, over one set of parameters each. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "model/resnet.h"

/* image (n, s, s, 3) and, for block: sanl, cams (n, s/4 .. s/32, 1) -> four coarse heatmaps and a fine one,
 * (n, s/4, s/4, landmarks). With backward asked for in the graph also the inputs and the parts of the loss:
 *   loss = mean over the coarse levels of l(coarse, sigma_coarse) + l(fine, sigma_fine). */
struct sanl_landmark_model {
    struct sanl_tensor *image, *cam[SANL_STAGES];   /* cam NULL unless block: sanl */
    struct sanl_tensor *coarse[SANL_STAGES], *fine; /* fine NULL without FineNet */
    struct sanl_tensor *decoded;      /* without backward: (n, 1, landmarks, 3) x, y in input pixels, score */
    struct sanl_tensor *xy, *teaches; /* (n, 1, landmarks, 2) input pixels; (n, 1, 1, landmarks) 0 or 1 */
    struct sanl_tensor *loss[SANL_STAGES + 1]; /* weighted parts; the fine one last, NULL without FineNet */
};

void sanl_model_landmark(struct sanl_landmark_model *model, struct sanl_graph *g,
                         const struct sanl_model_config *config, const struct sanl_loss_config *loss,
                         int batch);

/* ResNet with blocks, global average pooling and a linear layer; without blocks it is torchvision's. */
struct sanl_classifier_model {
    struct sanl_tensor *image, *cam[SANL_STAGES]; /* cam NULL unless block: sanl */
    struct sanl_tensor *stages[SANL_STAGES], *logits;
    struct sanl_tensor *labels,
        *loss; /* with backward and parameter gradients: (n, 1, 1, 1); negative: none */
};

void sanl_model_classifier(struct sanl_classifier_model *model, struct sanl_graph *g,
                           const struct sanl_model_config *config, const struct sanl_loss_config *loss,
                           int batch);

/* The classifier whose Grad-CAM maps guide a network, into config: a plain ResNet-18 for `classes` classes.
 */
void sanl_model_cam_classifier(struct sanl_model_config *config, int classes);

/* Grad-CAM maps of a ResNet-18 classifier at the four strides, by one backward pass for the whole batch. */
struct sanl_gradcam;

/* params: the classifier's, allocated by the caller after this; of the options prepare_at_use and arena
 * count, of the configuration mode (stage or top) and norm. Plan allocates nothing, create does both. */
SANL_CHECKED enum sanl_status sanl_gradcam_plan(struct sanl_gradcam **out, struct sanl_params *params,
                                                const struct sanl_graph_options *options, int classes,
                                                const struct sanl_cam_config *config, int size, int batch);
SANL_CHECKED enum sanl_status sanl_gradcam_allocate(struct sanl_gradcam *gradcam);
SANL_CHECKED enum sanl_status sanl_gradcam_create(struct sanl_gradcam **out, struct sanl_params *params,
                                                  const struct sanl_graph_options *options, int classes,
                                                  const struct sanl_cam_config *config, int size, int batch);
void sanl_gradcam_free(struct sanl_gradcam *gradcam);

/* From an image batch on the device to cams (n, s/4/2^i, .., 1) in `out`. target: classes for each image, or
 * NULL for the arg max of the logits. logits (n, classes) may be NULL. */
SANL_CHECKED enum sanl_status sanl_gradcam_run(struct sanl_gradcam *gradcam, sanl_buffer image,
                                               const int *target, sanl_buffer const out[SANL_STAGES],
                                               float *logits);

struct sanl_graph *sanl_gradcam_graph(const struct sanl_gradcam *gradcam);

/* Adds what one run does. */
SANL_CHECKED enum sanl_status sanl_gradcam_list_work(struct sanl_work_list *list,
                                                     const struct sanl_gradcam *gradcam);

#endif
