/* A network with its parameters, and engines that run it. A network is built once; an engine is one graph
 * over it for one batch size, to train or to infer, with everything from a loader's batch to the graph's
 * inputs: upload, warp and normalisation on the device, Grad-CAM. */
#ifndef TRAIN_NETWORK_H
#define TRAIN_NETWORK_H

#include <sanlcl/config.h>
#include "data/batch.h"
#include "model/model.h"

struct sanl_cam_cache;

struct sanl_network {
    struct sanl_config config;
    struct sanl_device *device; /* borrowed */
    struct sanl_params *params; /* of the network that the task trains */
    struct sanl_params
        *classifier;          /* of the CAM classifier; NULL unless block: sanl with cam.mode stage or top */
    int classes;              /* of that classifier */
    struct sanl_arena *arena; /* what its engines and their Grad-CAM use in turn: one runs at a time */
};

/* True when class activation maps of a classifier guide the attention. */
bool sanl_network_needs_classifier(const struct sanl_config *config);

/* The classifier that class activation maps come from: the tensors under `prefix` of a file. */
struct sanl_cam_source {
    const char *path, *prefix;
    int classes;
};

/* That of a checkpoint's own maps, which it holds beside its network; SANL_ERR_FORMAT when it holds none. */
SANL_CHECKED enum sanl_status sanl_cam_source_within(struct sanl_cam_source *out, const char *checkpoint);

/* That which guides a network of `config`: the one within its checkpoint (NULL: it has no checkpoint yet),
 * else that of cam.weights. A network that is a classifier itself needs one for as many classes. */
SANL_CHECKED enum sanl_status sanl_cam_source_find(struct sanl_cam_source *out,
                                                   const struct sanl_config *config, const char *checkpoint);

/* Builds the parameters for config->task and allocates them; `moments` as for sanl_params_allocate (-1:
 * inference only). Values: config->seed's fresh ones, then what model.pretrained and cam.weights give. */
SANL_CHECKED enum sanl_status sanl_network_create(struct sanl_network **out, const struct sanl_config *config,
                                                  struct sanl_device *device, int moments);

/* The network of `config` with the values of the checkpoint `path`; its classifier too, where the checkpoint
 * holds one, else from cam.weights. sanl_weights_config gives the checkpoint's own configuration. moments: -1
 * for inference; else of training that goes on, and `path` is a run's state, which holds them, too. */
SANL_CHECKED enum sanl_status sanl_network_open(struct sanl_network **out, const struct sanl_config *config,
                                                struct sanl_device *device, int moments, const char *path);

/* As sanl_network_create, but fresh values everywhere, in the CAM classifier of `classes` classes, too. */
SANL_CHECKED enum sanl_status sanl_network_create_random(struct sanl_network **out,
                                                         const struct sanl_config *config,
                                                         struct sanl_device *device, int moments,
                                                         int classes);

/* As sanl_network_create_random, but without memory and values: for planning. */
SANL_CHECKED enum sanl_status sanl_network_declare(struct sanl_network **out,
                                                   const struct sanl_config *config,
                                                   struct sanl_device *device, int moments, int classes);
void sanl_network_free(struct sanl_network *network);

enum { SANL_ENGINE_LOSSES = SANL_STAGES + 1 };

struct sanl_engine {
    struct sanl_network *network; /* borrowed */
    struct sanl_graph *graph;
    int batch;
    bool training;
    struct sanl_landmark_model landmark;          /* task: landmark */
    struct sanl_classifier_model classifier;      /* task: classify */
    struct sanl_tensor *image;                    /* of either */
    struct sanl_tensor *cam[SANL_STAGES];         /* of either; NULL unless block: sanl */
    struct sanl_tensor *loss[SANL_ENGINE_LOSSES]; /* parts in training, NULL where there is none: coarse
                                                     levels and fine, or the cross-entropy first */
    struct sanl_gradcam *gradcam;                 /* NULL: no CAMs, or uniform ones */
    struct sanl_cam_cache *cache; /* borrowed: where a batch's CAMs come from; NULL: gradcam */
    struct sanl_op_call warp;
    float (*table)[12]; /* (batch, 12): rows of the warp */
    float *targets;     /* positions and weights, or labels, on their way */
};

/* An engine that tells what it will take: it has no memory and cannot run before sanl_engine_allocate. Of
 * several engines of a network all are planned first, so that they share memory. */
SANL_CHECKED enum sanl_status sanl_engine_plan(struct sanl_engine **out, struct sanl_network *network,
                                               int batch, bool training);
SANL_CHECKED enum sanl_status sanl_engine_allocate(struct sanl_engine *engine);
/* Plans and allocates. */
SANL_CHECKED enum sanl_status sanl_engine_create(struct sanl_engine **out, struct sanl_network *network,
                                                 int batch, bool training);
/* For the only engine of a network that infers: frees the values that it does not need. */
SANL_CHECKED enum sanl_status sanl_engine_seal(struct sanl_engine *engine);
/* Adds its own; `placed` becomes that of all of the network's engines planned so far. */
void sanl_engine_memory(struct sanl_memory *memory, const struct sanl_engine *engine);
void sanl_engine_free(struct sanl_engine *engine);

/* Brings a batch (count <= engine->batch) to the graph's inputs: image, CAMs and, in training, targets. Rows
 * above count are zero and teach nothing. */
SANL_CHECKED enum sanl_status sanl_engine_load(struct sanl_engine *engine, const struct sanl_batch *batch);

/* The picture of the last sanl_engine_load once more, mirrored left to right, with CAMs of its own; no
 * targets. Input pixel x shows what x' = size - 1 - x showed, and so heatmap pixel j what w - 1 - j did. */
SANL_CHECKED enum sanl_status sanl_engine_mirror(struct sanl_engine *engine);

/* The image alone; part of sanl_engine_load. */
SANL_CHECKED enum sanl_status sanl_engine_load_image(struct sanl_engine *engine,
                                                     const struct sanl_batch *batch);

/* CAMs for the image that stands in the graph's input; part of sanl_engine_load. */
SANL_CHECKED enum sanl_status sanl_engine_make_cams(struct sanl_engine *engine);

/* Adds what one run of an engine does: a batch's upload and CAMs, forward, and in training backward; not the
 * update. */
SANL_CHECKED enum sanl_status sanl_engine_list_work(struct sanl_work_list *list,
                                                    const struct sanl_engine *engine);

/* The parts of the last forward run's loss, 0 where there is none, and their sum; waits for the device. */
SANL_CHECKED enum sanl_status sanl_engine_read_loss(const struct sanl_engine *engine,
                                                    float parts[SANL_ENGINE_LOSSES], double *total);

#endif
