/* From heatmaps to points. */
#ifndef LANDMARK_DECODE_H
#define LANDMARK_DECODE_H

/* For each of the l heatmaps of one picture, interleaved as on the device: the arg max (first in row-major
 * order on a tie), then a quarter of a heatmap pixel towards the higher neighbour on each axis (none at the
 * border or on equality); heatmap pixel j stands at input pixel stride * j + (stride - 1) / 2. out_in (l, 2):
 * x, y in network-input pixels; score (l): the peak values. */
void sanl_heatmap_decode(double (*out_in)[2], float *score, const float *heat /* (h, w, l) */, int h, int w,
                         int l, int stride);

#endif
