/* The configuration of an experiment: plain values, one struct for each section of the YAML file.
 * Every key, its range, default and help stands in the option tables (src/train/config.c); the field
 * names here are the keys: data.augment.flip is config.data.augment.flip. */
#ifndef SANLCL_CONFIG_H
#define SANLCL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <sanlcl/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SANL_TEXT_BYTES = 1024, SANL_LIST_COUNT = 8 };
typedef char sanl_text[SANL_TEXT_BYTES];

enum sanl_task { SANL_TASK_LANDMARK, SANL_TASK_CLASSIFY };
enum sanl_on_bad { SANL_ON_BAD_ERROR, SANL_ON_BAD_SKIP };
enum sanl_backbone { SANL_RESNET18, SANL_RESNET34, SANL_RESNET50, SANL_RESNET101 };
/* auto stands in files alone: reading makes it sanl for task landmark and none for task classify. */
enum sanl_block { SANL_BLOCK_NONE, SANL_BLOCK_NONLOCAL, SANL_BLOCK_SANL, SANL_BLOCK_AUTO };
enum sanl_map_gate { SANL_GATE_ALL, SANL_GATE_QUERY, SANL_GATE_KEY, SANL_GATE_VALUE };
enum sanl_map_join { SANL_MAP_GATE, SANL_MAP_CONCAT };
enum sanl_block_place { SANL_PLACE_BACKBONE, SANL_PLACE_PYRAMID };
enum sanl_cam_mode { SANL_CAM_STAGE, SANL_CAM_TOP, SANL_CAM_UNIFORM };
enum sanl_cam_norm { SANL_CAM_MAX, SANL_CAM_MINMAX, SANL_CAM_NONE };
enum sanl_optimizer { SANL_SGD, SANL_ADAM, SANL_ADAMW };
enum sanl_decode { SANL_DECODE_QUARTER, SANL_DECODE_DARK, SANL_DECODE_SOFTARGMAX };
enum sanl_schedule { SANL_SCHEDULE_CONSTANT, SANL_SCHEDULE_STEP, SANL_SCHEDULE_COSINE };

struct sanl_augment_config {
    double flip;       /* probability of a horizontal flip with left/right landmarks swapped */
    double rotate;     /* degrees: uniform in [-rotate, rotate] */
    double scale;      /* factor uniform in [1 - scale, 1 + scale] */
    double shift;      /* of the crop's sides: uniform in [-shift, shift] on each axis */
    double brightness; /* additive, in units of the full range */
    double contrast;   /* gain uniform in [1 - contrast, 1 + contrast] */
    double crop_scale; /* a random part of the box: its area uniform in [crop_scale, 1] of it; 1: the box */
};

struct sanl_data_config {
    sanl_text format; /* the data set's layout, a row of src/data/datasets.c: "fld" */
    sanl_text root;   /* its folder */
    sanl_text train;  /* names of the parts */
    sanl_text val;
    sanl_text test;
    int limit;             /* use at most this many records of each part; 0: all */
    int on_bad;            /* enum sanl_on_bad */
    int workers;           /* decoding threads */
    int ring;              /* batches prepared ahead */
    double max_megapixels; /* larger images are refused */
    bool boxes;            /* the network sees the box; else the whole picture */
    double margin;      /* the box is enlarged by this share of its sides; 0 is the protocol of the peers */
    double center_crop; /* side of the square in the box's middle, in its shorter sides; 0: the whole box */
    struct sanl_augment_config augment;
};

/* Of a block, what the publication leaves open; gate and map are those of block: sanl. */
struct sanl_block_config {
    int gate;   /* enum sanl_map_gate: the embeddings whose input the map enters */
    int map;    /* enum sanl_map_join: x (1 + map), or the map beside x as a channel */
    bool scale; /* scores by 1 / sqrt(C') */
    int ratio;  /* C' = C / ratio, at least 1 */
    bool pool;  /* keys and values: 2x2 maxima */
    int place;  /* enum sanl_block_place */
};

struct sanl_model_config {
    int backbone; /* enum sanl_backbone */
    int block;    /* enum sanl_block */
    struct sanl_block_config sanl;
    int landmarks;
    int width;   /* channels of the pyramid */
    int size;    /* network input: size x size pixels, a multiple of 32 */
    bool fine;   /* FineNet on the pyramid */
    int classes; /* of the classifier (task: classify) */
    /* safetensors or a .pth of PyTorch whose matching backbone tensors start the network; "" for none */
    sanl_text pretrained;
};

struct sanl_cam_config {
    int mode;        /* enum sanl_cam_mode */
    int norm;        /* enum sanl_cam_norm */
    sanl_text cache; /* folder that keeps the maps of the training part; "" for none */
    /* checkpoint of the ResNet-18 classifier, or one of PyTorch; needed for block: sanl unless uniform */
    sanl_text weights;
};

struct sanl_loss_config {
    double sigma_coarse; /* heatmap pixels */
    double sigma_fine;
    bool visible_only;      /* only visible landmarks teach; else the occluded ones too */
    double label_smoothing; /* task: classify: share of the target spread evenly over all classes */
};

struct sanl_train_config {
    int epochs;
    int batch;
    int optimizer; /* enum sanl_optimizer */
    double lr;
    double momentum;
    double beta1, beta2, epsilon; /* Adam */
    double weight_decay;
    double clip;                        /* limit of the global gradient norm; 0: none */
    int schedule;                       /* enum sanl_schedule */
    double milestones[SANL_LIST_COUNT]; /* step: epochs at which lr is multiplied by gamma */
    int milestone_count;
    double gamma;
    double warmup;    /* epochs of linear warm-up */
    bool freeze_norm; /* batch norms use their running statistics in training */
    bool recompute;   /* values within blocks are computed once more for the backward pass */
    int log_every;    /* steps between log lines */
};

/* Of validation, evaluation and prediction. */
struct sanl_eval_config {
    int batch;
    bool flip;   /* heatmaps averaged with those of the mirrored picture, mirrored back */
    int decode;  /* enum sanl_decode: how a point is read off a heatmap */
    double beta; /* decode softargmax: factor of the heatmap before the softmax */
};

struct sanl_config {
    int task; /* enum sanl_task */
    int seed;
    sanl_text out; /* the run's folder */
    struct sanl_data_config data;
    struct sanl_model_config model;
    struct sanl_cam_config cam;
    struct sanl_loss_config loss;
    struct sanl_train_config train;
    struct sanl_eval_config eval;
};

/* Every key at its default, for task: landmark. */
void sanl_config_defaults(struct sanl_config *config);

/* Defaults, then the YAML file (NULL for none), then `count` overrides of the form "key=value", e.g.
 * "train.lr=0.01" or "train.milestones=[30,50]"; then checks across keys. Messages name file and line
 * (or the override), and for an unknown key the nearest known one. */
SANL_CHECKED enum sanl_status sanl_config_load(struct sanl_config *config, const char *path,
                                               const char *const *overrides, size_t count);

/* As sanl_config_load with YAML text; `name` stands for the file in messages. */
SANL_CHECKED enum sanl_status sanl_config_parse(struct sanl_config *config, const char *text, size_t length,
                                                const char *name, const char *const *overrides, size_t count);

/* The text of configs/NAME.yaml, which travels inside the library, for sanl_config_parse; NULL when there is
 * no such file. */
const char *sanl_config_builtin(const char *name, size_t *length);

/* The configuration as YAML text, every key present, that sanl_config_parse reads back to the same
 * values; with `help`, each key has its help, range and default as a comment. free() it. */
SANL_CHECKED enum sanl_status sanl_config_dump(char **out, const struct sanl_config *config, bool help);

/* The keys that differ, as "train.lr: 0.5 instead of 0.002, ..."; empty when none does. free() it. */
SANL_CHECKED enum sanl_status sanl_config_changes(char **out, const struct sanl_config *before,
                                                  const struct sanl_config *now);

/* The names of an enumerated key's values in order, NULL-ended, e.g. for "model.backbone"; NULL for a key
 * that has none. */
const char *const *sanl_config_choices(const char *key);

#ifdef __cplusplus
}
#endif
#endif
