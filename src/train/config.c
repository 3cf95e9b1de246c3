#include <sanlcl/config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/options.h"
#include "device/source.h"

enum { FILE_LIMIT_BYTES = 1 << 20 };

static const char *const tasks[] = {"landmark", "classify", NULL};
static const char *const on_bads[] = {"error", "skip", NULL};
static const char *const backbones[] = {"resnet18", "resnet34", "resnet50", "resnet101", NULL};
static const char *const blocks[] = {"none", "nonlocal", "sanl", "auto", NULL};
static const char *const gates[] = {"all", "query", "key", "value", NULL};
static const char *const joins[] = {"gate", "concat", NULL};
static const char *const places[] = {"backbone", "pyramid", NULL};
static const char *const cam_modes[] = {"stage", "top", "uniform", NULL};
static const char *const cam_norms[] = {"max", "minmax", "none", NULL};
static const char *const optimizers[] = {"sgd", "adam", "adamw", NULL};
static const char *const decodes[] = {"quarter", "dark", "softargmax", NULL};
static const char *const schedules[] = {"constant", "step", "cosine", NULL};

/* One row for each key; the key is the path of the field. */
#define ROW(path, kind) .key = #path, .type = SANL_OPTION_##kind, .offset = offsetof(struct sanl_config, path)
#define BOOL(path, default, text)                                                                            \
    {                                                                                                        \
        ROW(path, BOOL), .preset = default, .help = text                                                     \
    }
#define INT(path, low, high, default, text)                                                                  \
    {                                                                                                        \
        ROW(path, INT), .preset = default, .help = text, .min = low, .max = high                             \
    }
#define DOUBLE(path, low, high, default, text)                                                               \
    {                                                                                                        \
        ROW(path, DOUBLE), .preset = default, .help = text, .min = low, .max = high                          \
    }
#define TEXT(path, default, text)                                                                            \
    {                                                                                                        \
        ROW(path, TEXT), .preset = default, .help = text, .room = SANL_TEXT_BYTES                            \
    }
#define ENUM(path, names, default, text)                                                                     \
    {                                                                                                        \
        ROW(path, ENUM), .preset = default, .help = text, .choices = names                                   \
    }
#define LIST(path, count, low, high, default, text)                                                          \
    {                                                                                                        \
        ROW(path, LIST), .preset = default, .help = text, .min = low, .max = high, .room = SANL_LIST_COUNT,  \
                         .length_offset = offsetof(struct sanl_config, count)                                \
    }

/* clang-format off */
static const struct sanl_option rows[] = {
    ENUM(task, tasks, "landmark",
         "what is learnt: landmarks, or the category, for its own sake or for the attention maps"),
    INT(seed, 0, 2147483647, "1",
         "of all random numbers; the same seed on the same device gives the same bytes"),
    TEXT(out, "run", "the run's folder: checkpoints, resolved configuration, logs"),

    TEXT(data.format, "fld",
         "layout of the data set: fld, deepfashion_c, deepfashion2, coco, info_csv, cub200, foodnet"),
    TEXT(data.root, "", "folder of the data set"),
    TEXT(data.train, "train", "part to train on"),
    TEXT(data.val, "val", "part to validate on after each epoch"),
    TEXT(data.test, "test", "part to evaluate on"),
    INT(data.limit, 0, 100000000, "0", "use at most this many records of each part; 0: all"),
    ENUM(data.on_bad, on_bads, "error", "a record whose image cannot be read: stop, or count it and go on"),
    INT(data.workers, 1, 256, "2", "threads that decode and augment images; no effect on results"),
    INT(data.ring, 2, 64, "4", "batches prepared ahead"),
    DOUBLE(data.max_megapixels, 0.01, 4000, "100", "larger images are refused"),
    BOOL(data.boxes, "true", "crop to the boxes, where the data set has them; else whole pictures"),
    DOUBLE(data.margin, 0, 1, "0",
         "the box is enlarged by this share of its sides; 0 is the protocol of the peers"),
    DOUBLE(data.center_crop, 0, 1, "0",
           "where no part is drawn: the square in the middle of the box or picture, its side in shorter "
           "sides of the box, such as 0.875; 0: all of it, stretched"),
    DOUBLE(data.augment.flip, 0, 1, "0.5",
         "probability of a horizontal flip, left and right landmarks swapped"),
    DOUBLE(data.augment.rotate, 0, 180, "15", "degrees: uniform in [-rotate, rotate]"),
    DOUBLE(data.augment.scale, 0, 0.9, "0.15", "factor uniform in [1 - scale, 1 + scale]"),
    DOUBLE(data.augment.shift, 0, 1, "0.05", "in sides of the crop: uniform in [-shift, shift] on each axis"),
    DOUBLE(data.augment.brightness, 0, 1, "0.2", "added, in units of the full range: uniform in [-b, b]"),
    DOUBLE(data.augment.contrast, 0, 1, "0.2", "gain uniform in [1 - contrast, 1 + contrast]"),
    DOUBLE(data.augment.crop_scale, 0.01, 1, "1",
           "training sees a random part of the box: its share of the area uniform in [crop_scale, 1], its "
           "width to height between 3/4 and 4/3; 1: the whole box"),

    ENUM(model.backbone, backbones, "resnet101", "the ResNet under the pyramid, or the classifier"),
    ENUM(model.block, blocks, "auto",
         "block at the end of each stage: none, non-local, or gated by attention maps; auto: sanl for task "
         "landmark, none for task classify"),
    ENUM(model.sanl.gate, gates, "all",
         "block sanl: the embeddings that its map enters: queries, keys, values, or all three"),
    ENUM(model.sanl.map, joins, "gate",
         "block sanl: how the map enters, as x (1 + map) or as one more channel beside those of x"),
    BOOL(model.sanl.scale, "false", "scores of a block times 1 / sqrt(its channels)"),
    INT(model.sanl.ratio, 1, 4096, "2", "a block has 1 / ratio of the channels it stands on, at least one"),
    BOOL(model.sanl.pool, "false",
         "keys and values of a block are the largest of each 2x2: a quarter of the scores"),
    ENUM(model.sanl.place, places, "backbone",
         "task landmark: a block at the end of each stage, or on each output level of the pyramid"),
    INT(model.landmarks, 1, 512, "8", "heatmaps: 8, or 294 for deepfashion2"),
    INT(model.width, 2, 4096, "256", "channels of the pyramid; even"),
    INT(model.size, 32, 4096, "224", "side of the network's input in pixels; a multiple of 32"),
    BOOL(model.fine, "true", "FineNet on the pyramid; without it the finest coarse heatmap is decoded"),
    INT(model.classes, 2, 100000, "50", "categories of the classifier (task: classify)"),
    TEXT(model.pretrained, "",
         "safetensors or a .pth of PyTorch, as of torchvision, whose matching backbone tensors start the "
         "network"),

    ENUM(cam.mode, cam_modes, "stage",
         "attention maps: each stride from its own stage, all from the top, or all one"),
    ENUM(cam.norm, cam_norms, "max",
         "a map is divided by its maximum, brought to [0, 1] by its minimum and maximum, or left as it is"),
    TEXT(cam.cache, "",
         "folder that keeps the maps of the training part, which augmentation then turns with the picture; "
         "they are made once"),
    TEXT(cam.weights, "",
         "checkpoint of the ResNet-18 classifier, or a .pth of PyTorch; block sanl needs it unless cam.mode "
         "is uniform"),

    DOUBLE(loss.sigma_coarse, 0.1, 100, "3",
         "Gaussian of the coarse targets in heatmap pixels; at least sigma_fine"),
    DOUBLE(loss.sigma_fine, 0.1, 100, "1.5", "Gaussian of the fine targets in heatmap pixels"),
    BOOL(loss.visible_only, "true", "only visible landmarks teach; else the occluded ones too"),
    DOUBLE(loss.label_smoothing, 0, 1, "0",
           "task classify: share of the target that is spread evenly over all classes"),

    INT(train.epochs, 1, 1000000, "30", "passes over the training part"),
    INT(train.batch, 1, 65536, "16", "images in a step"),
    ENUM(train.optimizer, optimizers, "sgd", "rule of the update"),
    DOUBLE(train.lr, 0, 1000, "0.01", "learning rate at its peak"),
    DOUBLE(train.momentum, 0, 0.9999, "0.9", "sgd: share of the last step in the next"),
    DOUBLE(train.beta1, 0, 0.999999, "0.9", "adam: decay of the mean gradient"),
    DOUBLE(train.beta2, 0, 0.999999, "0.999", "adam: decay of the mean squared gradient"),
    DOUBLE(train.epsilon, 1e-16, 1, "1e-8", "adam: added to the root of the mean square"),
    DOUBLE(train.weight_decay, 0, 10, "1e-4",
         "added to the gradient (sgd, adam) or taken off the weight (adamw)"),
    DOUBLE(train.clip, 0, 1e9, "0", "limit of the global norm of the gradient; 0: none"),
    ENUM(train.schedule, schedules, "cosine", "how the learning rate falls"),
    LIST(train.milestones, train.milestone_count, 0, 1000000, "",
         "schedule step: epochs at which the learning rate is multiplied by gamma, ascending"),
    DOUBLE(train.gamma, 0, 1, "0.1", "schedule step: the factor"),
    DOUBLE(train.warmup, 0, 1000000, "0", "epochs over which the learning rate rises linearly from 0"),
    BOOL(train.freeze_norm, "false", "batch norms use their running statistics in training"),
    BOOL(train.recompute, "false",
         "the backward pass computes the layers within each block once more: less memory, slower, the same "
         "result bit for bit"),
    INT(train.log_every, 1, 1000000, "20", "steps between two lines of the log"),

    INT(eval.batch, 1, 65536, "16", "images at a time in validation, evaluation and prediction"),
    BOOL(eval.flip, "false",
         "landmarks: heatmaps averaged with those of the mirrored picture, mirrored back; twice the work"),
    ENUM(eval.decode, decodes, "quarter",
         "landmarks: the peak and a quarter pixel towards its higher neighbours, the peak and DARK's Newton "
         "step, or the mean under a softmax"),
    DOUBLE(eval.beta, 0.01, 10000, "20", "decode softargmax: factor of the heatmap before the softmax"),
};
/* clang-format on */

static const struct sanl_options options = {rows, sizeof rows / sizeof *rows};

static void preset(struct sanl_config *config)
{
    memset(config, 0, sizeof *config); /* padding too: equal values are equal memory */
    sanl_options_preset(&options, config);
}

/* Replaces what depends on other keys by what it comes to, so that a configuration says what it means. */
static void settle(struct sanl_config *config)
{
    if (config->model.block == SANL_BLOCK_AUTO)
        config->model.block = config->task == SANL_TASK_LANDMARK ? SANL_BLOCK_SANL : SANL_BLOCK_NONE;
}

void sanl_config_defaults(struct sanl_config *config)
{
    preset(config);
    settle(config);
}

/* What no single key can tell. */
static enum sanl_status check(const struct sanl_config *config)
{
    if (config->model.size % 32 != 0)
        return sanl_fail(SANL_ERR_FORMAT, "model.size: expected a multiple of 32, found %d",
                         config->model.size);
    if (config->model.width % 2 != 0)
        return sanl_fail(SANL_ERR_FORMAT, "model.width: expected an even number, found %d",
                         config->model.width);
    if (config->model.sanl.place == SANL_PLACE_PYRAMID && config->task == SANL_TASK_CLASSIFY &&
        config->model.block != SANL_BLOCK_NONE)
        return sanl_fail(SANL_ERR_FORMAT, "model.sanl.place: a classifier (task: classify) has no pyramid");
    if (config->model.sanl.pool && config->model.block != SANL_BLOCK_NONE && config->model.size < 64)
        return sanl_fail(
            SANL_ERR_FORMAT,
            "model.sanl.pool: a model.size of at least 64 is expected, found %d: nothing is left "
            "of the smallest map",
            config->model.size);
    if (config->loss.sigma_coarse < config->loss.sigma_fine)
        return sanl_fail(SANL_ERR_FORMAT,
                         "loss.sigma_coarse: expected at least loss.sigma_fine = %g, found %g",
                         config->loss.sigma_fine, config->loss.sigma_coarse);
    for (int i = 1; i < config->train.milestone_count; i++)
        if (config->train.milestones[i] <= config->train.milestones[i - 1])
            return sanl_fail(SANL_ERR_FORMAT,
                             "train.milestones: expected ascending epochs, found %g after %g",
                             config->train.milestones[i], config->train.milestones[i - 1]);
    if (config->train.warmup > config->train.epochs)
        return sanl_fail(SANL_ERR_FORMAT, "train.warmup: expected at most train.epochs = %d, found %g",
                         config->train.epochs, config->train.warmup);
    return SANL_OK;
}

enum sanl_status sanl_config_parse(struct sanl_config *config, const char *text, size_t length,
                                   const char *name, const char *const *overrides, size_t count)
{
    preset(config);
    SANL_TRY(sanl_options_parse(&options, config, text, length, name));
    for (size_t i = 0; i < count; i++)
        SANL_TRY(sanl_options_override(&options, config, overrides[i]));
    settle(config);
    const enum sanl_status status = check(config);
    return status == SANL_OK ? SANL_OK
                             : sanl_fail_prefix(status, "%s%s", name, count ? " with overrides" : "");
}

enum sanl_status sanl_config_load(struct sanl_config *config, const char *path, const char *const *overrides,
                                  size_t count)
{
    if (!path)
        return sanl_config_parse(config, "", 0, "the default configuration", overrides, count);
    char *text;
    size_t length;
    SANL_TRY(sanl_file_read(&text, &length, path, FILE_LIMIT_BYTES));
    const enum sanl_status status = sanl_config_parse(config, text, length, path, overrides, count);
    free(text);
    return status;
}

const char *sanl_config_builtin(const char *name, size_t *length)
{
    for (const struct sanl_source *source = sanl_configs; source->name; source++)
        if (strcmp(source->name, name) == 0) {
            *length = source->length;
            return source->text;
        }
    return NULL;
}

enum sanl_status sanl_config_dump(char **out, const struct sanl_config *config, bool help)
{
    return sanl_options_dump(out, &options, config, help);
}

enum sanl_status sanl_config_changes(char **out, const struct sanl_config *before,
                                     const struct sanl_config *now)
{
    return sanl_options_changes(out, &options, before, now);
}

const char *const *sanl_config_choices(const char *key)
{
    const struct sanl_option *row = sanl_options_find(&options, key);
    return row ? row->choices : NULL;
}
