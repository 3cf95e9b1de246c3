/* From heatmaps to points. */
#ifndef LANDMARK_DECODE_H
#define LANDMARK_DECODE_H

#include <sanlcl/config.h>
#include "landmark/scheme.h"

struct sanl_decoding {
    int how;      /* enum sanl_decode */
    double sigma; /* dark: of the blur, in heatmap pixels; that of the Gaussians that the network learnt */
    double beta;  /* softargmax */
};

/* A point for each of the l heatmaps of one picture, interleaved as on the device. out_in (l, 2): x, y in
 * network-input pixels; heatmap pixel j stands at input pixel stride * j + (stride - 1) / 2. score (l): the
 * peak values; the peak is the first one in row-major order on a tie.
 *
 * quarter: a quarter of a heatmap pixel from the peak towards the higher neighbour on each axis (none at the
 * border or on equality), as the operator heatmap_decode has it.
 *
 * dark: one Newton step from the peak to the maximum of f, the logarithm of the heatmap blurred by a Gaussian
 * that ends at 2.5 sigma and sees zeros beyond the map; no less than log(1e-10). With f(i, j) at the peak's
 * neighbours, f_x = (f(1, 0) - f(-1, 0)) / 2, f_xx = (f(2, 0) - 2 f(0, 0) + f(-2, 0)) / 4, and f_xy the
 * difference of corners / 4. The peak stays within 2 pixels of the border, where the Hessian is not negative
 * definite, and when the step leaves the 2 pixels that f was seen at. After Zhang et al., "Distribution-aware
 * coordinate representation for human pose estimation", CVPR 2020; scaling the blurred map back to its old
 * peak, as they do, adds a constant to f.
 *
 * softargmax: the sum of p(j) j with p the softmax of beta * heatmap over the whole map. At beta 20 and sigma
 * 1.5 a Gaussian of height 1 or 0.7 is found within 0.15 pixels in a map of 56 x 56; one of 0.5 is drawn a
 * pixel towards the middle of the map, one of 0.3 eight. */
void sanl_heatmap_decode(double (*out_in)[2], float *score, const float *heat /* (h, w, l) */, int h, int w,
                         int l, int stride, const struct sanl_decoding *decoding);

/* heat = its mean with the heatmaps of the mirrored picture, those mirrored back and left and right landmarks
 * swapped. Heatmap pixel j of one is w - 1 - j of the other: nothing is shifted. */
void sanl_heatmap_average(float *heat /* (h, w, l) */, const float *mirrored /* (h, w, l) */, int h, int w,
                          const struct sanl_scheme *scheme);

#endif
