/* What is uploaded at one step: packed crops, the maps by which the device warps them, labels. */
#ifndef DATA_BATCH_H
#define DATA_BATCH_H

#include <stddef.h>
#include <stdint.h>
#include "base/status.h"
#include "data/sample.h"

enum { SANL_WARP_FLOATS = 8 };

/* All arrays have room for `capacity` samples; `count` of them are in use. For output pixel (y, x) the device
 * reads crop `i` at (warp[0] x + warp[1] y + warp[2], warp[3] x + warp[4] y + warp[5]), bilinear with edges
 * repeated, and makes v = warp[6] v + warp[7] of v in [0, 1] before the network's own normalisation. */
struct sanl_batch {
    int count, capacity;
    int size;           /* of the network's input */
    size_t pixel_bytes; /* in use */
    size_t pixel_room;
    uint8_t *pixels;                 /* RGB crops, back to back */
    int32_t (*geometry)[3];          /* (count, 3): offset of the crop in bytes, its width and height */
    float (*warp)[SANL_WARP_FLOATS]; /* (count, 8): the map from _in to _src, gain, bias */
    struct sanl_affine *in_to_img;   /* (count,) */
    struct sanl_box *box;            /* (count,): without margin, original pixels */
    /* Labels; only the loader fills them. */
    int landmarks;             /* of the data set's scheme; 0: none */
    float (*landmark_in)[2];   /* (count, landmarks): x, y */
    float *teaches;            /* (count, landmarks): 1 for landmarks to learn from, else 0 */
    unsigned char *visibility; /* (count, landmarks): enum sanl_visibility, flipped as the picture */
    int32_t *category;         /* (count,): -1 for none */
    int32_t *record;           /* (count,): index into the data set's records */
};

SANL_CHECKED enum sanl_status sanl_batch_create(struct sanl_batch *out, int capacity, int size,
                                                int landmarks);
void sanl_batch_free(struct sanl_batch *batch); /* takes a zeroed or freed object */

/* Empties the batch. */
void sanl_batch_clear(struct sanl_batch *batch);

/* Appends a sample's pixels and geometry; its labels are unset. The batch must have room for it. */
SANL_CHECKED enum sanl_status sanl_batch_add(struct sanl_batch *batch, const struct sanl_sample *sample);

/* Upper bound of pixel_bytes for `count` samples at `size`. */
int64_t sanl_batch_max_bytes(int count, int size);

#endif
