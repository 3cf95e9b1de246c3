/* Predicting with a checkpoint: landmarks or categories of pictures, and the maps behind them. */
#ifndef SANLCL_PREDICT_H
#define SANLCL_PREDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sanlcl/config.h>
#include <sanlcl/device.h>
#include <sanlcl/landmark.h>
#include <sanlcl/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SANL_CAMS = 4 }; /* attention maps and coarse heatmaps: of the strides 4, 8, 16, 32 */

struct sanl_predictor; /* belongs to one thread */

/* Opens a checkpoint under the configuration that it carries, changed by `overrides` ("key=value", `count` of
 * them). The device must outlive the predictor. */
SANL_CHECKED enum sanl_status sanl_predictor_create(struct sanl_predictor **out, struct sanl_device *device,
                                                    const char *weights, const char *const *overrides,
                                                    size_t count);
void sanl_predictor_free(struct sanl_predictor *predictor); /* takes NULL */

const struct sanl_config *sanl_predictor_config(const struct sanl_predictor *predictor);

struct sanl_predict_input {
    const char *path; /* JPEG or PNG */
    bool has_box;
    struct sanl_box box; /* around the garment; without one the whole picture is taken */
};

/* What was found in one picture. Everything it points to is valid within the callback. */
struct sanl_prediction {
    size_t input; /* index of the picture */
    const char *path;
    int width, height;      /* of the picture, upright as its EXIF orientation tells; all _img are in it */
    struct sanl_box box;    /* as given, or the whole picture */
    struct sanl_box window; /* what the network saw: the box with data.margin and data.center_crop */
    int task;               /* enum sanl_task */
    /* task: landmark; a value for each slot of the scheme */
    const struct sanl_scheme *scheme;
    int clothes;                            /* the type whose landmarks count; 0: all do */
    double landmark_img[SANL_LANDMARKS][2]; /* x, y in original pixels */
    float score[SANL_LANDMARKS];            /* height of the heatmap's peak; the target's is 1 */
    bool visible[SANL_LANDMARKS];           /* score >= threshold, and of the type */
    /* task: classify, and with maps also the classifier of the attention maps; NULL without one */
    const float *probability;      /* (class_count,) */
    const char *const *categories; /* (class_count,) names; NULL when the checkpoint has none */
    int class_count;
    /* With maps; planes of side x side values, NULL where the network has none. */
    int size;                    /* of the network's input */
    const float *image;          /* (3, size, size) as the network sees it, normalised */
    const float *cam[SANL_CAMS]; /* side size / 4, / 8, / 16, / 32; 0 .. 1 */
    int cam_class; /* whose maps they are, of class_count: the likeliest of their classifier; -1: none */
    const float *coarse[SANL_CAMS], *fine; /* (landmarks, size / 4, size / 4) */
};

struct sanl_predict_options {
    double threshold; /* of the score, for `visible`. Training teaches where visible landmarks are, not
                       * that others are absent: the score is confidence in a place, no more. */
    int clothes;   /* a type of the network's scheme whose landmarks alone are visible and written; 0: all */
    bool skip_bad; /* count and log pictures that cannot be read, and go on */
    bool maps;     /* also the network's input, attention maps and heatmaps */
    int cam_class; /* with maps: whose attention maps, from 0; below 0: each picture's likeliest */
    const char *dump_tensors; /* safetensors file for all pictures, NCHW: image (n, 3, s, s), cam4 .. cam32
                               * (n, 1, ...), coarse0 .. coarse3 and fine (n, landmarks, s / 4, s / 4), logits
                               * (n, classes) of a classifier; needs maps; NULL: none. All of it is held in
                               * memory. */
    /* Called for each picture in the order of the inputs; a failure that it returns stops the run. */
    enum sanl_status (*done)(void *payload, const struct sanl_prediction *prediction);
    void *payload;
};

/* Threshold 0.2, no class, no maps. */
void sanl_predict_defaults(struct sanl_predict_options *options);

/* Predicts `count` pictures, eval.batch at a time; *skipped (may be NULL) counts those left out. Stops on
 * sanl_interrupt_request. */
SANL_CHECKED enum sanl_status sanl_predict(struct sanl_predictor *predictor,
                                           const struct sanl_predict_input *inputs, size_t count,
                                           const struct sanl_predict_options *options, size_t *skipped);

/* ---- files --------------------------------------------------------------------------------------- */

struct sanl_prediction_file; /* predictions being written; a file appears whole, at finish */

enum sanl_prediction_format { SANL_PREDICTION_JSON, SANL_PREDICTION_CSV };

/* JSON is an array with an object for each picture, CSV has a row for each. `path` NULL writes to `stream`.
 * The columns of CSV follow from the network's configuration and from `clothes`, as in sanl_predict_options;
 * JSON needs neither. */
SANL_CHECKED enum sanl_status sanl_prediction_file_create(struct sanl_prediction_file **out, const char *path,
                                                          FILE *stream, enum sanl_prediction_format format,
                                                          const struct sanl_config *config, int clothes);
SANL_CHECKED enum sanl_status sanl_prediction_file_add(struct sanl_prediction_file *file,
                                                       const struct sanl_prediction *prediction);
SANL_CHECKED enum sanl_status sanl_prediction_file_finish(struct sanl_prediction_file *file);
/* Takes NULL. An unfinished file leaves nothing; JSON on a stream is ended as an array of what there is. */
void sanl_prediction_file_free(struct sanl_prediction_file *file);

/* The `count` likeliest classes of a prediction, best first, into out[0 .. count); returns how many there
 * are. */
int sanl_prediction_top(const struct sanl_prediction *prediction, int *out, int count);

#ifdef __cplusplus
}
#endif
#endif
