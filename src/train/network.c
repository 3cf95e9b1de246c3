#include "train/network.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "model/layers.h"
#include "model/weights.h"
#include "train/cam_cache.h"

enum { TABLE = 12 }; /* columns of the operator warp */

/* ---- the network --------------------------------------------------------------------------------- */

/* Declares the parameters by building a graph that never runs. */
static enum sanl_status declare(struct sanl_params *params, const struct sanl_config *config)
{
    struct sanl_graph *graph;
    struct sanl_landmark_model landmark;
    struct sanl_classifier_model classifier;
    SANL_TRY(sanl_graph_create(&graph, params, &(struct sanl_graph_options){0}));
    if (config->task == SANL_TASK_LANDMARK)
        sanl_model_landmark(&landmark, graph, &config->model, &config->loss, 1);
    else
        sanl_model_classifier(&classifier, graph, &config->model, &config->loss, 1);
    const enum sanl_status status = sanl_graph_status(graph);
    sanl_graph_free(graph);
    return status;
}

bool sanl_network_needs_classifier(const struct sanl_config *config)
{
    return config->model.block == SANL_BLOCK_SANL && config->cam.mode != SANL_CAM_UNIFORM;
}

static enum sanl_status declare_classifier(struct sanl_network *network)
{
    struct sanl_config config = network->config;
    config.task = SANL_TASK_CLASSIFY;
    sanl_model_cam_classifier(&config.model, network->classes);
    SANL_TRY(sanl_params_create(&network->classifier, network->device));
    return declare(network->classifier, &config);
}

static enum sanl_status allocate_classifier(struct sanl_network *network)
{
    SANL_TRY(declare_classifier(network));
    return sanl_params_allocate(network->classifier, -1);
}

enum sanl_status sanl_cam_source_within(struct sanl_cam_source *out, const char *checkpoint)
{
    out->path = checkpoint;
    const enum sanl_status status = sanl_weights_find_classifier(&out->classes, &out->prefix, checkpoint);
    if (status == SANL_ERR_FORMAT || (status == SANL_OK && !out->prefix[0])) /* "": the network itself */
        return sanl_fail(SANL_ERR_FORMAT, "%s: it holds no classifier of attention maps", checkpoint);
    return status;
}

static enum sanl_status find_source(struct sanl_cam_source *out, const char *path)
{
    if (!path[0])
        return sanl_fail(
            SANL_ERR_USAGE,
            "cam.weights: block sanl needs the checkpoint of a ResNet-18 classifier; train one with "
            "task: classify, model.backbone: resnet18 and model.block: none, or set cam.mode: uniform");
    out->path = path;
    const enum sanl_status status = sanl_weights_find_classifier(&out->classes, &out->prefix, path);
    return status == SANL_OK ? SANL_OK : sanl_fail_prefix(status, "cam.weights");
}

/* A classifier looks where one for the same classes has looked. */
enum sanl_status sanl_cam_source_find(struct sanl_cam_source *out, const struct sanl_config *config,
                                      const char *checkpoint)
{
    const enum sanl_status within = checkpoint ? sanl_cam_source_within(out, checkpoint) : SANL_ERR_FORMAT;
    SANL_TRY(within == SANL_ERR_FORMAT ? find_source(out, config->cam.weights) : within);
    if (config->task != SANL_TASK_CLASSIFY || out->classes == config->model.classes)
        return SANL_OK;
    return sanl_fail(
        SANL_ERR_USAGE,
        "cam.weights: %s: a classifier of %d classes, expected one of the same %d as the network "
        "(model.classes)",
        out->path, out->classes, config->model.classes);
}

static enum sanl_status create_classifier(struct sanl_network *network, const char *checkpoint)
{
    struct sanl_cam_source source;
    SANL_TRY(sanl_cam_source_find(&source, &network->config, checkpoint));
    network->classes = source.classes;
    SANL_TRY(allocate_classifier(network));
    const enum sanl_status status = sanl_weights_load(network->classifier, source.path, source.prefix);
    return status == SANL_OK ? SANL_OK : sanl_fail_prefix(status, "cam.weights");
}

/* Values are left at zero unless `fresh`. */
static enum sanl_status create_params(struct sanl_network *network, int moments, bool fresh)
{
    const struct sanl_config *config = &network->config;
    SANL_TRY(sanl_params_create(&network->params, network->device));
    SANL_TRY(declare(network->params, config));
    SANL_TRY(sanl_params_allocate(network->params, moments));
    if (fresh)
        SANL_TRY(sanl_params_init(network->params, (uint64_t)config->seed));
    if (!fresh || !config->model.pretrained[0])
        return SANL_OK;
    const enum sanl_status status = sanl_weights_load_backbone(network->params, config->model.pretrained);
    return status == SANL_OK ? SANL_OK : sanl_fail_prefix(status, "model.pretrained");
}

static enum sanl_status create_random_classifier(struct sanl_network *network)
{
    SANL_TRY(allocate_classifier(network));
    return sanl_params_init(network->classifier, (uint64_t)network->config.seed + 1);
}

static enum sanl_status new_network(struct sanl_network **out, const struct sanl_config *config,
                                    struct sanl_device *device, int classes)
{
    struct sanl_network *network = *out = sanl_calloc(1, sizeof *network);
    if (!network)
        return SANL_ERR_MEMORY;
    network->config = *config;
    network->device = device;
    network->classes = classes;
    const enum sanl_status status = sanl_arena_create(&network->arena, device);
    if (status != SANL_OK) {
        sanl_network_free(network);
        *out = NULL;
    }
    return status;
}

/* checkpoint: NULL for fresh values; classes: of a random CAM classifier, 0 for a trained one. */
static enum sanl_status create_network(struct sanl_network **out, const struct sanl_config *config,
                                       struct sanl_device *device, int moments, const char *checkpoint,
                                       int classes)
{
    SANL_TRY(new_network(out, config, device, classes));
    enum sanl_status status = SANL_OK;
    /* First the classifier: what it lacks is found before the large network is made. */
    if (sanl_network_needs_classifier(config))
        status = classes ? create_random_classifier(*out) : create_classifier(*out, checkpoint);
    if (status == SANL_OK)
        status = create_params(*out, moments, !checkpoint);
    if (status != SANL_OK) {
        sanl_network_free(*out);
        *out = NULL;
    }
    return status;
}

enum sanl_status sanl_network_declare(struct sanl_network **out, const struct sanl_config *config,
                                      struct sanl_device *device, int moments, int classes)
{
    SANL_TRY(new_network(out, config, device, classes));
    enum sanl_status status = SANL_OK;
    if (sanl_network_needs_classifier(config))
        status = declare_classifier(*out);
    if (status == SANL_OK)
        status = sanl_params_create(&(*out)->params, device);
    if (status == SANL_OK)
        status = declare((*out)->params, config);
    if (status != SANL_OK) {
        sanl_network_free(*out);
        *out = NULL;
        return status;
    }
    (*out)->params->training_count = moments;
    return SANL_OK;
}

enum sanl_status sanl_network_create(struct sanl_network **out, const struct sanl_config *config,
                                     struct sanl_device *device, int moments)
{
    return create_network(out, config, device, moments, NULL, 0);
}

enum sanl_status sanl_network_create_random(struct sanl_network **out, const struct sanl_config *config,
                                            struct sanl_device *device, int moments, int classes)
{
    struct sanl_config fresh = *config;
    memset(fresh.model.pretrained, 0, sizeof fresh.model.pretrained);
    return create_network(out, &fresh, device, moments, NULL, classes);
}

enum sanl_status sanl_network_open(struct sanl_network **out, const struct sanl_config *config,
                                   struct sanl_device *device, int moments, const char *path)
{
    SANL_TRY(create_network(out, config, device, moments, path, 0));
    enum sanl_status status = sanl_weights_load((*out)->params, path, "");
    if (status == SANL_OK && moments >= 0)
        status = sanl_weights_load_moments((*out)->params, path);
    if (status != SANL_OK) {
        sanl_network_free(*out);
        *out = NULL;
    }
    return status;
}

void sanl_network_free(struct sanl_network *network)
{
    if (!network)
        return;
    sanl_arena_free(network->arena);
    sanl_params_free(network->params);
    sanl_params_free(network->classifier);
    free(network);
}

/* ---- the engine ---------------------------------------------------------------------------------- */

static enum sanl_status plan_graph(struct sanl_engine *engine)
{
    struct sanl_network *network = engine->network;
    const struct sanl_config *config = &network->config;
    const struct sanl_graph_options options = {.backward = engine->training,
                                               .param_gradients = engine->training,
                                               .freeze_norm = config->train.freeze_norm,
                                               .recompute = config->train.recompute,
                                               .prepare_at_use = network->params->training_count >= 0,
                                               .arena = network->arena};
    SANL_TRY(sanl_graph_create(&engine->graph, network->params, &options));
    if (config->task == SANL_TASK_LANDMARK)
        sanl_model_landmark(&engine->landmark, engine->graph, &config->model, &config->loss, engine->batch);
    else
        sanl_model_classifier(&engine->classifier, engine->graph, &config->model, &config->loss,
                              engine->batch);
    return sanl_graph_plan(engine->graph);
}

/* The loss is the sum of its parts: a gradient of one flows into each. */
static enum sanl_status write_roots(struct sanl_engine *engine)
{
    const float one = 1;
    for (int i = 0; i < SANL_ENGINE_LOSSES; i++)
        if (engine->loss[i])
            SANL_TRY(sanl_tensor_write_gradient(engine->loss[i], &one));
    return SANL_OK;
}

/* Room for the pixels of any batch. */
static size_t pixel_bytes(const struct sanl_engine *engine)
{
    return (size_t)sanl_batch_max_bytes(engine->batch, engine->network->config.model.size);
}

static enum sanl_status check_pixels(const struct sanl_engine *engine)
{
    const size_t bytes = pixel_bytes(engine),
                 most = (size_t)sanl_device_get_info(engine->network->device)->max_alloc_bytes;
    if (bytes <= most && bytes <= INT32_MAX) /* offsets are 32-bit on the device */
        return SANL_OK;
    return sanl_fail(SANL_ERR_LIMIT,
                     "%d pictures for %d pixels can take %zu MiB, more than a buffer of the device holds",
                     engine->batch, engine->network->config.model.size, bytes >> 20);
}

static enum sanl_status make_warp(struct sanl_engine *engine)
{
    struct sanl_device *device = engine->network->device;
    struct sanl_op_call *warp = &engine->warp;
    *warp = sanl_op_new("warp", 2);
    sanl_op_set(warp, "size", engine->network->config.model.size);
    warp->in_shape[0] = (struct sanl_shape){1, 1, 1, (int)(pixel_bytes(engine) / sizeof(float))};
    warp->in_shape[1] = (struct sanl_shape){engine->batch, 1, 1, TABLE};
    warp->out[0] = engine->image->value;
    SANL_TRY(warp->op->infer(warp, device));
    SANL_TRY(sanl_buffer_create(&warp->in[0], device, pixel_bytes(engine)));
    return sanl_buffer_create(&warp->in[1], device, (size_t)engine->batch * TABLE * sizeof(float));
}

/* Where no maps are made they are 1 everywhere. */
static enum sanl_status fill_cams(struct sanl_engine *engine)
{
    for (int i = 0; i < SANL_STAGES; i++) {
        struct sanl_tensor *cam = engine->cam[i];
        if (cam && !engine->gradcam)
            SANL_TRY(sanl_buffer_fill(engine->network->device, cam->value, sanl_shape_count(cam->shape), 1));
    }
    return SANL_OK;
}

static enum sanl_status plan_parts(struct sanl_engine *engine)
{
    const struct sanl_network *network = engine->network;
    const struct sanl_config *config = &network->config;
    const bool landmark = config->task == SANL_TASK_LANDMARK;
    SANL_TRY(plan_graph(engine));
    SANL_TRY(check_pixels(engine));
    engine->image = landmark ? engine->landmark.image : engine->classifier.image;
    memcpy(engine->cam, landmark ? engine->landmark.cam : engine->classifier.cam, sizeof engine->cam);
    if (landmark)
        memcpy(engine->loss, engine->landmark.loss, sizeof engine->loss);
    else
        engine->loss[0] = engine->classifier.loss;
    if (!network->classifier)
        return SANL_OK;
    /* A training network's other engine runs too seldom to hold the classifier's weights a second time. */
    const struct sanl_graph_options options = {
        .prepare_at_use = network->params->training_count >= 0 && !engine->training, .arena = network->arena};
    return sanl_gradcam_plan(&engine->gradcam, network->classifier, &options, network->classes, &config->cam,
                             config->model.size, engine->batch);
}

enum sanl_status sanl_engine_allocate(struct sanl_engine *engine)
{
    const size_t targets = (size_t)engine->batch * (size_t)engine->network->config.model.landmarks * 3;
    engine->table = sanl_calloc((size_t)engine->batch, sizeof *engine->table);
    engine->targets = sanl_calloc(targets, sizeof *engine->targets);
    if (!engine->table || !engine->targets)
        return SANL_ERR_MEMORY;
    SANL_TRY(sanl_graph_allocate(engine->graph));
    if (engine->gradcam)
        SANL_TRY(sanl_gradcam_allocate(engine->gradcam));
    SANL_TRY(write_roots(engine));
    SANL_TRY(make_warp(engine));
    return fill_cams(engine);
}

enum sanl_status sanl_engine_plan(struct sanl_engine **out, struct sanl_network *network, int batch,
                                  bool training)
{
    struct sanl_engine *engine = sanl_calloc(1, sizeof *engine);
    *out = NULL;
    if (!engine)
        return SANL_ERR_MEMORY;
    engine->network = network;
    engine->batch = batch;
    engine->training = training;
    const enum sanl_status status = plan_parts(engine);
    if (status == SANL_OK)
        *out = engine;
    else
        sanl_engine_free(engine);
    return status;
}

enum sanl_status sanl_engine_create(struct sanl_engine **out, struct sanl_network *network, int batch,
                                    bool training)
{
    SANL_TRY(sanl_engine_plan(out, network, batch, training));
    const enum sanl_status status = sanl_engine_allocate(*out);
    if (status != SANL_OK) {
        sanl_engine_free(*out);
        *out = NULL;
    }
    return status;
}

enum sanl_status sanl_engine_seal(struct sanl_engine *engine)
{
    SANL_TRY(sanl_graph_seal(engine->graph));
    return engine->gradcam ? sanl_graph_seal(sanl_gradcam_graph(engine->gradcam)) : SANL_OK;
}

void sanl_engine_memory(struct sanl_memory *memory, const struct sanl_engine *engine)
{
    sanl_graph_memory(engine->graph, memory);
    if (engine->gradcam)
        sanl_graph_memory(sanl_gradcam_graph(engine->gradcam), memory);
    memory->bytes[SANL_MEMORY_INPUTS] += (double)pixel_bytes(engine);
    memory->placed = (double)sanl_arena_bytes(engine->network->arena);
}

void sanl_engine_free(struct sanl_engine *engine)
{
    if (!engine)
        return;
    sanl_gradcam_free(engine->gradcam);
    sanl_graph_free(engine->graph);
    sanl_buffer_free(engine->warp.in[0]);
    sanl_buffer_free(engine->warp.in[1]);
    free(engine->table);
    free(engine->targets);
    free(engine);
}

/* ---- a batch ------------------------------------------------------------------------------------- */

/* Rows above count have a picture of no size, which the warp makes zero. */
static void fill_table(struct sanl_engine *engine, const struct sanl_batch *batch)
{
    memset(engine->table, 0, (size_t)engine->batch * sizeof *engine->table);
    for (int i = 0; i < batch->count; i++) {
        float *row = engine->table[i];
        memcpy(row, &batch->geometry[i][0], sizeof *row); /* the bits of the offset */
        row[1] = (float)batch->geometry[i][1];
        row[2] = (float)batch->geometry[i][2];
        memcpy(row + 3, batch->warp[i], sizeof batch->warp[i]);
    }
}

static enum sanl_status warp_image(struct sanl_engine *engine)
{
    struct sanl_device *device = engine->network->device;
    SANL_TRY(sanl_buffer_write(device, engine->warp.in[1], 0, engine->table,
                               (size_t)engine->batch * sizeof *engine->table));
    return sanl_work_forward(&engine->warp, device, "image");
}

enum sanl_status sanl_engine_load_image(struct sanl_engine *engine, const struct sanl_batch *batch)
{
    engine->warp.in_shape[0].c = (int)((batch->pixel_bytes + 3) / 4);
    fill_table(engine, batch);
    SANL_TRY(
        sanl_buffer_write(engine->network->device, engine->warp.in[0], 0, batch->pixels, batch->pixel_bytes));
    return warp_image(engine);
}

static enum sanl_status load_landmarks(struct sanl_engine *engine, const struct sanl_batch *batch)
{
    const int landmarks = engine->network->config.model.landmarks;
    const size_t points = (size_t)engine->batch * (size_t)landmarks;
    float *xy = engine->targets, *teaches = xy + 2 * points;
    if (batch->landmarks != landmarks)
        return sanl_fail(SANL_ERR_INTERNAL, "a batch with %d landmarks for an engine with %d",
                         batch->landmarks, landmarks);
    memset(engine->targets, 0, 3 * points * sizeof *engine->targets);
    for (size_t at = 0; at < (size_t)batch->count * (size_t)landmarks; at++) {
        if (batch->teaches[at] == 0)
            continue; /* its place may mean nothing, not even a number */
        teaches[at] = batch->teaches[at];
        memcpy(xy + 2 * at, batch->landmark_in[at], 2 * sizeof *xy);
    }
    SANL_TRY(sanl_tensor_write(engine->landmark.xy, xy));
    return sanl_tensor_write(engine->landmark.teaches, teaches);
}

static enum sanl_status load_labels(struct sanl_engine *engine, const struct sanl_batch *batch)
{
    for (int i = 0; i < engine->batch; i++)
        engine->targets[i] = i < batch->count ? (float)batch->category[i] : -1;
    return sanl_tensor_write(engine->classifier.labels, engine->targets);
}

enum sanl_status sanl_engine_load(struct sanl_engine *engine, const struct sanl_batch *batch)
{
    if (batch->count > engine->batch || batch->size != engine->network->config.model.size)
        return sanl_fail(SANL_ERR_INTERNAL, "a batch of %d at %d pixels for an engine of %d at %d",
                         batch->count, batch->size, engine->batch, engine->network->config.model.size);
    SANL_TRY(sanl_engine_load_image(engine, batch));
    SANL_TRY(engine->cache ? sanl_cam_cache_load(engine->cache, engine, batch)
                           : sanl_engine_make_cams(engine));
    if (!engine->training)
        return SANL_OK;
    return engine->network->config.task == SANL_TASK_LANDMARK ? load_landmarks(engine, batch)
                                                              : load_labels(engine, batch);
}

enum sanl_status sanl_engine_mirror(struct sanl_engine *engine)
{
    const float last = (float)(engine->network->config.model.size - 1);
    for (int i = 0; i < engine->batch; i++) {
        float *map =
            engine->table[i] + 3; /* x_src = map[0] x + map[1] y + map[2], y_src with the next three */
        for (int axis = 0; axis < 6; axis += 3) {
            map[axis + 2] += map[axis] * last;
            map[axis] = -map[axis];
        }
    }
    SANL_TRY(warp_image(engine));
    return sanl_engine_make_cams(engine);
}

enum sanl_status sanl_engine_make_cams(struct sanl_engine *engine)
{
    sanl_buffer cams[SANL_STAGES];
    if (!engine->gradcam)
        return SANL_OK;
    for (int i = 0; i < SANL_STAGES; i++)
        cams[i] = engine->cam[i]->value;
    return sanl_gradcam_run(engine->gradcam, engine->image->value, NULL, cams, NULL);
}

/* The warp's first input is as large as the batch's pictures: as if they had the network's own size. */
enum sanl_status sanl_engine_list_work(struct sanl_work_list *list, const struct sanl_engine *engine)
{
    const int size = engine->network->config.model.size;
    struct sanl_op_call warp = engine->warp;
    warp.in_shape[0].c = engine->batch * ((size * size * 3 + 3) / 4);
    SANL_TRY(sanl_work_add(list, &warp, 1u << SANL_PASS_FORWARD, 0));
    if (engine->gradcam)
        SANL_TRY(sanl_gradcam_list_work(list, engine->gradcam));
    return sanl_graph_list_work(list, engine->graph);
}

enum sanl_status sanl_engine_read_loss(const struct sanl_engine *engine, float parts[SANL_ENGINE_LOSSES],
                                       double *total)
{
    *total = 0;
    for (int i = 0; i < SANL_ENGINE_LOSSES; i++) {
        parts[i] = 0;
        if (!engine->loss[i])
            continue;
        SANL_TRY(sanl_tensor_read(engine->loss[i], &parts[i]));
        *total += parts[i];
    }
    return SANL_OK;
}
