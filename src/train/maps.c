/* Attention maps and heatmaps on their way from the device to pictures and files. */
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "device/device.h"
#include "model/safetensors.h"
#include "train/predictor.h"

/* The tensors of a prediction in the order of a dump. */
enum { IMAGE, CAM, COARSE = CAM + SANL_CAMS, FINE = COARSE + SANL_CAMS, PLANES };

struct sanl_maps {
    struct sanl_engine *engine;
    struct sanl_gradcam *gradcam; /* of a classifier itself; else the engine's is used */
    sanl_buffer cam[SANL_CAMS];   /* its maps */
    struct sanl_shape shape[PLANES];
    float *planes[PLANES]; /* (n, c, h, w); NULL where the network has none */
    float *room;           /* one tensor as the device has it */
};

/* The tensor of the graph that holds map `which`; NULL for none, or when it is no tensor of the graph. */
static const struct sanl_tensor *find_tensor(const struct sanl_maps *maps, int which)
{
    const struct sanl_engine *e = maps->engine;
    if (which == IMAGE)
        return e->image;
    if (which == FINE)
        return e->landmark.fine;
    return which < COARSE ? e->cam[which - CAM] : e->landmark.coarse[which - COARSE];
}

/* A plain classifier's maps are made by a Grad-CAM of its own; other networks than ResNet-18 go without. One
 * with SANL blocks shows the maps that guide it. */
static enum sanl_status create_gradcam(struct sanl_maps *maps)
{
    struct sanl_network *network = maps->engine->network;
    const struct sanl_config *config = &network->config;
    struct sanl_cam_config cam = config->cam;
    const int n = maps->engine->batch;
    if (config->task != SANL_TASK_CLASSIFY || config->model.backbone != SANL_RESNET18 ||
        config->model.block != SANL_BLOCK_NONE)
        return SANL_OK;
    if (cam.mode == SANL_CAM_UNIFORM)
        cam.mode = SANL_CAM_STAGE;
    SANL_TRY(sanl_gradcam_create(&maps->gradcam, network->params, &(struct sanl_graph_options){0},
                                 config->model.classes, &cam, config->model.size, n));
    for (int i = 0; i < SANL_CAMS; i++) {
        const int side = config->model.size / (4 << i);
        maps->shape[CAM + i] = (struct sanl_shape){n, side, side, 1};
        SANL_TRY(sanl_buffer_create(&maps->cam[i], network->device,
                                    sanl_shape_count(maps->shape[CAM + i]) * sizeof(float)));
    }
    return SANL_OK;
}

static enum sanl_status create_planes(struct sanl_maps *maps)
{
    size_t most = 0;
    for (int which = 0; which < PLANES; which++) {
        const struct sanl_tensor *tensor = find_tensor(maps, which);
        if (tensor)
            maps->shape[which] = tensor->shape;
        const size_t count = sanl_shape_count(maps->shape[which]);
        if (maps->shape[which].n == 0)
            continue;
        most = count > most ? count : most;
        maps->planes[which] = sanl_calloc(count, sizeof(float));
        if (!maps->planes[which])
            return SANL_ERR_MEMORY;
    }
    maps->room = sanl_calloc(most, sizeof(float));
    return maps->room ? SANL_OK : SANL_ERR_MEMORY;
}

enum sanl_status sanl_maps_create(struct sanl_maps **out, struct sanl_engine *engine)
{
    struct sanl_maps *maps = sanl_calloc(1, sizeof *maps);
    *out = NULL;
    if (!maps)
        return SANL_ERR_MEMORY;
    maps->engine = engine;
    enum sanl_status status = create_gradcam(maps);
    if (status == SANL_OK)
        status = create_planes(maps);
    if (status == SANL_OK)
        *out = maps;
    else
        sanl_maps_free(maps);
    return status;
}

void sanl_maps_free(struct sanl_maps *maps)
{
    if (!maps)
        return;
    sanl_gradcam_free(maps->gradcam);
    for (int i = 0; i < SANL_CAMS; i++)
        sanl_buffer_free(maps->cam[i]);
    for (int which = 0; which < PLANES; which++)
        free(maps->planes[which]);
    free(maps->room);
    free(maps);
}

/* planes[which] = room as (n, c, h, w). */
static void turn(struct sanl_maps *maps, int which)
{
    const struct sanl_shape s = maps->shape[which];
    const size_t pixels = (size_t)s.h * (size_t)s.w, channels = (size_t)s.c;
    for (size_t n = 0; n < (size_t)s.n; n++) {
        const float *from = maps->room + n * pixels * channels;
        float *to = maps->planes[which] + n * pixels * channels;
        for (size_t p = 0; p < pixels; p++)
            for (size_t c = 0; c < channels; c++)
                to[c * pixels + p] = from[p * channels + c];
    }
}

static enum sanl_status read_tensor(struct sanl_maps *maps, int which)
{
    if (!maps->planes[which])
        return SANL_OK;
    const struct sanl_tensor *tensor = find_tensor(maps, which);
    if (tensor)
        SANL_TRY(sanl_tensor_read(tensor, maps->room));
    else
        SANL_TRY(sanl_buffer_read(maps->engine->network->device, maps->cam[which - CAM], 0, maps->room,
                                  sanl_shape_count(maps->shape[which]) * sizeof(float)));
    turn(maps, which);
    return SANL_OK;
}

enum sanl_status sanl_maps_read_inputs(struct sanl_maps *maps, const int *target, float *logits)
{
    struct sanl_gradcam *gradcam = maps->gradcam ? maps->gradcam : maps->engine->gradcam;
    sanl_buffer out[SANL_CAMS];
    for (int i = 0; gradcam && i < SANL_CAMS; i++)
        out[i] = maps->gradcam ? maps->cam[i] : maps->engine->cam[i]->value;
    if (gradcam)
        SANL_TRY(sanl_gradcam_run(gradcam, maps->engine->image->value, target, out, logits));
    for (int which = IMAGE; which < COARSE; which++)
        SANL_TRY(read_tensor(maps, which));
    return SANL_OK;
}

enum sanl_status sanl_maps_read_heatmaps(struct sanl_maps *maps)
{
    for (int which = COARSE; which < PLANES; which++)
        SANL_TRY(read_tensor(maps, which));
    return SANL_OK;
}

static const float *plane_of(const struct sanl_maps *maps, int which, int i)
{
    const struct sanl_shape s = maps->shape[which];
    const size_t count = (size_t)s.h * (size_t)s.w * (size_t)s.c;
    return maps->planes[which] ? maps->planes[which] + (size_t)i * count : NULL;
}

void sanl_maps_describe(struct sanl_prediction *out, const struct sanl_maps *maps, int i)
{
    out->image = plane_of(maps, IMAGE, i);
    out->fine = plane_of(maps, FINE, i);
    for (int k = 0; k < SANL_CAMS; k++) {
        out->cam[k] = plane_of(maps, CAM + k, i);
        out->coarse[k] = plane_of(maps, COARSE + k, i);
    }
}

/* ---- tensors of all pictures --------------------------------------------------------------------- */

enum { LOGITS = PLANES, DUMPED };

struct sanl_dump {
    int classes, size;
    size_t count, landmarks; /* pictures; landmarks of each */
    float *values[DUMPED];
    size_t used[DUMPED], room[DUMPED];
};

enum sanl_status sanl_dump_create(struct sanl_dump **out, int classes)
{
    *out = sanl_calloc(1, sizeof **out);
    if (!*out)
        return SANL_ERR_MEMORY;
    (*out)->classes = classes;
    return SANL_OK;
}

void sanl_dump_free(struct sanl_dump *dump)
{
    for (int which = 0; dump && which < DUMPED; which++)
        free(dump->values[which]);
    free(dump);
}

static enum sanl_status append(struct sanl_dump *dump, int which, const float *values, size_t count)
{
    if (!values || count == 0)
        return SANL_OK;
    SANL_TRY(sanl_grow(&dump->values[which], &dump->room[which], dump->used[which] + count, sizeof(float)));
    memcpy(dump->values[which] + dump->used[which], values, count * sizeof(float));
    dump->used[which] += count;
    return SANL_OK;
}

enum sanl_status sanl_dump_add(struct sanl_dump *dump, const struct sanl_prediction *prediction,
                               const float *logits)
{
    const size_t size = (size_t)prediction->size;
    dump->size = prediction->size;
    dump->count++;
    if (prediction->scheme)
        dump->landmarks = (size_t)prediction->scheme->landmarks;
    const size_t heat = size / 4 * (size / 4) * dump->landmarks;
    SANL_TRY(append(dump, IMAGE, prediction->image, 3 * size * size));
    for (int k = 0; k < SANL_CAMS; k++) {
        const size_t side = size / ((size_t)4 << k);
        SANL_TRY(append(dump, CAM + k, prediction->cam[k], side * side));
        SANL_TRY(append(dump, COARSE + k, prediction->coarse[k], heat));
    }
    SANL_TRY(append(dump, FINE, prediction->fine, heat));
    return append(dump, LOGITS, prediction->probability ? logits : NULL, (size_t)dump->classes);
}

static void set_shape(struct sanl_named_tensor *tensor, const struct sanl_dump *dump, int which)
{
    static const char *const names[DUMPED] = {"image",   "cam4",    "cam8",    "cam16", "cam32", "coarse0",
                                              "coarse1", "coarse2", "coarse3", "fine",  "logits"};
    const bool cam = which >= CAM && which < COARSE;
    const size_t size = (size_t)dump->size;
    const size_t side = which == IMAGE ? size : cam ? size / ((size_t)4 << (which - CAM)) : size / 4;
    tensor->name = names[which];
    tensor->rank = which == LOGITS ? 2 : 4;
    tensor->shape[0] = dump->count;
    tensor->shape[1] = which == LOGITS  ? (size_t)dump->classes
                       : which == IMAGE ? 3
                       : cam            ? 1
                                        : dump->landmarks;
    tensor->shape[2] = tensor->shape[3] = side;
}

enum sanl_status sanl_dump_write(const struct sanl_dump *dump, const char *path)
{
    struct sanl_named_tensor tensors[DUMPED] = {{0}};
    struct sanl_safetensors_writer *writer = NULL;
    size_t count = 0;
    for (int which = 0; which < DUMPED; which++)
        if (dump->used[which])
            set_shape(&tensors[count++], dump, which);
    if (!count)
        return sanl_fail(SANL_ERR_USAGE, "%s: no picture gave tensors to write", path);
    enum sanl_status status = sanl_safetensors_create(&writer, path, tensors, count, NULL, 0);
    for (int which = 0; which < DUMPED && status == SANL_OK; which++)
        if (dump->used[which])
            status = sanl_safetensors_write(writer, dump->values[which], dump->used[which]);
    if (status == SANL_OK)
        status = sanl_safetensors_commit(writer);
    sanl_safetensors_writer_free(writer);
    return status;
}
