/* Errors of predicted landmarks; sanlcl/landmark.h defines the metrics. */
#ifndef LANDMARK_METRIC_H
#define LANDMARK_METRIC_H

#include <stdbool.h>
#include "landmark/scheme.h"

/* The errors of one picture: NaN where a landmark does not count or its prediction is not finite. */
struct sanl_landmark_errors {
    double value[SANL_METRICS][SANL_LANDMARKS];
    bool counts[SANL_MASKS][SANL_LANDMARKS];
};

/* Arrays of `landmarks`, coordinates in original pixels; `size` of the network's input. */
void sanl_landmark_measure(struct sanl_landmark_errors *out, int landmarks, const double (*predicted_img)[2],
                           const double (*truth_img)[2], const unsigned char *visibility,
                           const struct sanl_box *box, int size);

/* Adds a picture to the score of a group, which begins as zeros. */
void sanl_landmark_score_add(struct sanl_landmark_score *score, int landmarks,
                             const struct sanl_landmark_errors *errors);

/* The baseline: each landmark's mean place in its box, over the visible landmarks of a training set. */
struct sanl_mean_landmark {
    double sum[SANL_LANDMARKS][2]; /* of (x - x1) / w and (y - y1) / h */
    long count[SANL_LANDMARKS];
};

void sanl_mean_landmark_reset(struct sanl_mean_landmark *mean);
void sanl_mean_landmark_add(struct sanl_mean_landmark *mean, int landmarks, const double (*truth_img)[2],
                            const unsigned char *visibility, const struct sanl_box *box);

/* The prediction for a box; the box's centre for a landmark that was never seen. */
void sanl_mean_landmark_predict(double (*out_img)[2], int landmarks, const struct sanl_mean_landmark *mean,
                                const struct sanl_box *box);

#endif
