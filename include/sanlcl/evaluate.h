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
    /* task: landmark; original pixels. The errors are NaN for landmarks that do not count. */
    double predicted_img[SANL_LANDMARKS][2], truth_img[SANL_LANDMARKS][2];
    float score[SANL_LANDMARKS];
    unsigned char visibility[SANL_LANDMARKS]; /* enum sanl_visibility, as annotated */
    double peer[SANL_LANDMARKS], exact[SANL_LANDMARKS];
    /* task: classify */
    int category, predicted_category;
    double probability; /* of the predicted one */
};

struct sanl_evaluate_hooks {
    void (*progress)(void *payload, int done, int count);                /* pictures; may be NULL */
    void (*record)(void *payload, const struct sanl_evaluated *picture); /* may be NULL */
    void *payload;
};

struct sanl_class_score {
    char name[64];          /* "" when the data set does not name it */
    long count, top1, top3; /* pictures of the class, and those whose best one or three contain it */
};

struct sanl_evaluation {
    int task;            /* enum sanl_task */
    int images, skipped; /* evaluated, and left out because they could not be read (data.on_bad: skip) */
    double seconds;
    struct sanl_ne_summary ne; /* task: landmark */
    bool has_baseline;
    struct sanl_ne_summary baseline;  /* of each landmark's mean place in its box over the training part */
    double top1, top3;                /* task: classify; shares of all pictures, NaN without any */
    struct sanl_class_score *classes; /* (class_count,) */
    int class_count;
};

struct sanl_evaluate_options {
    const char *weights; /* the checkpoint */
    const char *config;  /* YAML file whose sections data and eval replace the checkpoint's; NULL: none.
                          * The whole configuration for a checkpoint that carries none. */
    const char *const *overrides; /* (override_count,) "key=value", applied last */
    size_t override_count;
    const char *part; /* name of the part; NULL: data.test */
    bool baseline;    /* task: landmark: also the mean-landmark baseline, from the part data.train */
    struct sanl_evaluate_hooks hooks;
};

/* Free the result with sanl_evaluation_free. */
SANL_CHECKED enum sanl_status sanl_evaluate(struct sanl_evaluation *out, struct sanl_device *device,
                                            const struct sanl_evaluate_options *options);
void sanl_evaluation_free(struct sanl_evaluation *evaluation); /* takes a zeroed or freed object */

/* The share of landmark error or of wrong categories by which checkpoints are compared; lower is better:
 * ne.peer_mean, or 1 - top1. */
double sanl_evaluation_error(const struct sanl_evaluation *evaluation);

#ifdef __cplusplus
}
#endif
#endif
