/* Normalised errors over a set of pictures, in the protocol of the published comparisons and exact. */
#ifndef LANDMARK_METRIC_H
#define LANDMARK_METRIC_H

#include "landmark/scheme.h"

/* A landmark counts when it is visible and its place scaled to the size x size crop of the box, (x - x1) *
 * size / w and (y - y1) * size / h, lies in [0, size) on both axes. Its error is the Euclidean length of
 *   exact: (dx / w, dy / h) in original pixels, nothing rounded;
 *   peer:  q - g with g = ((x - x1) / w, (y - y1) / h) and q the predicted pixel of the crop, rounded to an
 *          integer (a tie to the even one), clamped to 0 .. size - 1, and divided by size - 1.
 * Means are per landmark over the whole set. */
struct sanl_ne {
    int size; /* of the network's input, for `peer` */
    double peer_sum[SANL_LANDMARKS], exact_sum[SANL_LANDMARKS];
    long count[SANL_LANDMARKS];
};

void sanl_ne_reset(struct sanl_ne *ne, int size);

/* Adds one picture; coordinates in original pixels. */
void sanl_ne_add(struct sanl_ne *ne, const double predicted_img[SANL_LANDMARKS][2],
                 const double truth_img[SANL_LANDMARKS][2], const unsigned char visibility[SANL_LANDMARKS],
                 const struct sanl_box *box);

void sanl_ne_summarize(struct sanl_ne_summary *out, const struct sanl_ne *ne);

/* The baseline: each landmark's mean place in its box, over the visible landmarks of a training set. */
struct sanl_mean_landmark {
    double sum[SANL_LANDMARKS][2]; /* of (x - x1) / w and (y - y1) / h */
    long count[SANL_LANDMARKS];
};

void sanl_mean_landmark_reset(struct sanl_mean_landmark *mean);
void sanl_mean_landmark_add(struct sanl_mean_landmark *mean, const double truth_img[SANL_LANDMARKS][2],
                            const unsigned char visibility[SANL_LANDMARKS], const struct sanl_box *box);

/* The prediction for a box; the box's centre for a landmark that was never seen. */
void sanl_mean_landmark_predict(double out_img[SANL_LANDMARKS][2], const struct sanl_mean_landmark *mean,
                                const struct sanl_box *box);

#endif
