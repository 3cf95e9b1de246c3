/* Evaluation of a checkpoint on a part of a data set. */
#ifndef SANLCL_EVALUATE_H
#define SANLCL_EVALUATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sanlcl/config.h>
#include <sanlcl/device.h>
#include <sanlcl/landmark.h>
#include <sanlcl/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One picture, seen by the hook sanl_evaluate_hooks.record. */
struct sanl_evaluated {
    int task;          /* enum sanl_task */
    int record;        /* index in the data set */
    const char *image; /* relative to the data set's folder */
    struct sanl_box box;
    /* task: landmark; original pixels; a value for each slot of the scheme */
    const struct sanl_scheme *scheme;
    int clothes, variation; /* as the data set numbers them, from 1; 0: unknown */
    double predicted_img[SANL_LANDMARKS][2], truth_img[SANL_LANDMARKS][2];
    float score[SANL_LANDMARKS];
    unsigned char visibility[SANL_LANDMARKS];   /* enum sanl_visibility, as annotated */
    double error[SANL_METRICS][SANL_LANDMARKS]; /* NaN for landmarks that the metric does not count */
    /* task: classify */
    int category, predicted_category;
    double probability; /* of the predicted one */
};

struct sanl_evaluate_hooks {
    /* Before the data set is opened: its folder, or file. What is not SANL_OK ends the evaluation. May be
     * NULL. */
    enum sanl_status (*begin)(void *payload, const char *root);
    void (*progress)(void *payload, int done, int count);                /* pictures; may be NULL */
    void (*record)(void *payload, const struct sanl_evaluated *picture); /* may be NULL */
    void *payload;
};

struct sanl_class_score {
    char name[64]; /* such as "category 7" where the data set does not name it */
    long count, top1, top3,
        top5; /* pictures of the class, and those whose best one, three, five contain it */
};

/* Groups of pictures of which landmarks are scored: all; those of a type of clothes; those of a variation of
 * pose or zoom, as FLD numbers them; and all once more for the baseline, which takes each landmark at its
 * mean place in its box over the training part. */
enum sanl_group {
    SANL_GROUP_ALL,
    SANL_GROUP_CLOTHES, /* as many as the scheme has */
    SANL_GROUP_VARIATION = SANL_GROUP_CLOTHES + SANL_CLOTHES,
    SANL_GROUP_BASELINE = SANL_GROUP_VARIATION + 5,
    SANL_GROUPS
};

/* "all"; the scheme's clothes, NULL for those that it has not; "normal pose", "medium pose", "large pose",
 * "medium zoom-in", "large zoom-in"; "baseline". */
const char *sanl_group_name(const struct sanl_scheme *scheme, int group);

enum { SANL_CONFUSION_CLASSES = 4096 }; /* with more there is no confusion matrix */

struct sanl_evaluation {
    int task;            /* enum sanl_task */
    int images, skipped; /* evaluated, and left out because they could not be read (data.on_bad: skip) */
    double seconds;
    /* task: landmark; groups without pictures, and a baseline that is not wanted, have no images. */
    const struct sanl_scheme *scheme;
    struct sanl_landmark_score *score; /* (SANL_GROUPS,); NULL: task classify */
    double top1, top3, top5;           /* task: classify; shares of all pictures, NaN without any */
    struct sanl_class_score *classes;  /* (class_count,) */
    int class_count;
    int *
        confusion; /* (class_count, class_count): pictures of the row's class seen as the column's; or NULL */
};

struct sanl_evaluate_options {
    const char *weights; /* the checkpoint */
    const char *config;  /* YAML file whose sections data and eval replace the checkpoint's; NULL: none.
                          * The whole configuration for a checkpoint that carries none. */
    const char *const *overrides; /* (override_count,) "key=value", applied last */
    size_t override_count;
    const char *part; /* name of the part; NULL: data.test */
    bool baseline;    /* task: landmark: also the mean-landmark baseline, from the part data.train */
    bool confusion;   /* without a confusion matrix it is an error */
    /* What a classifier has no answer for, such as "--pdl", and what only the scheme "fashion" has: errors
     * then. NULL: none. */
    const char *needs_landmarks, *needs_fashion;
    struct sanl_evaluate_hooks hooks;
};

/* Free the result with sanl_evaluation_free. */
SANL_CHECKED enum sanl_status sanl_evaluate(struct sanl_evaluation *out, struct sanl_device *device,
                                            const struct sanl_evaluate_options *options);
void sanl_evaluation_free(struct sanl_evaluation *evaluation); /* takes a zeroed or freed object */

/* The share of landmark error or of wrong categories by which checkpoints are compared; lower is better:
 * the mean of ne_peer over landmarks, or 1 - top1. */
double sanl_evaluation_error(const struct sanl_evaluation *evaluation);

#ifdef __cplusplus
}
#endif
#endif
