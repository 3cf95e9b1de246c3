/* Synthetic garments: a data set of drawn pictures in a public data set's layout on disk. */
#ifndef SANLCL_SYNTH_H
#define SANLCL_SYNTH_H

#include <stdint.h>
#include <sanlcl/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sanl_synth_options {
    const char *layout; /* fld, deepfashion_c, deepfashion2, coco, info_csv, cub200, foodnet */
    int count;          /* pictures, 1..99999999 */
    uint64_t seed;      /* picture i depends on (seed, i, size, variety) alone */
    int size;           /* longer side of a picture in pixels, 64..2048 */
    double val_share;   /* share of the pictures in the part val; the rest of val and test is train */
    double test_share;
    double variety; /* 0..1: how far pose, cut and framing stray from their middle, and how often something
                     * covers the garment or the frame cuts it off; 1 is hardest */
    int threads;    /* rendering threads; 0: one for each processor */
    /* Called after each picture, from any thread but from one at a time; may be NULL. */
    void (*progress)(void *payload, int done, int count);
    void *payload;
};

/* 1000 pictures of 256 pixels, seed 1, variety 1, 15 % val and 15 % test. */
void sanl_synth_defaults(struct sanl_synth_options *options);

/* Writes a data set into `folder`, which is made when missing and must be empty. In the layout of FLD:
 *   img/img_00000001.jpg ...
 *   Anno/list_landmarks.txt  clothes type, variation type, (visibility, x, y) for each landmark
 *   Anno/list_bbox.txt  Eval/list_eval_partition.txt
 *   Anno/list_category_cloth.txt  Anno/list_category_img.txt    as in DeepFashion
 * Coordinates are those of FLD: the upper left pixel is (1, 1). A landmark outside the picture has visibility
 * 2 and coordinates 0 0. Stops on sanl_interrupt_request; after a failure what was written is removed. */
SANL_CHECKED enum sanl_status sanl_synth_write(const struct sanl_synth_options *options, const char *folder);

#ifdef __cplusplus
}
#endif
#endif
