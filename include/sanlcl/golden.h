/* The check of the whole network against values that tests/reference/make_golden.py computed in float64. */
#ifndef SANLCL_GOLDEN_H
#define SANLCL_GOLDEN_H

#include <stdbool.h>
#include <sanlcl/device.h>
#include <sanlcl/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SANL_GOLDEN_CAMS,   /* the four maps, absolute; they lie in [0, 1] */
    SANL_GOLDEN_LOGITS, /* of the attention maps' classifier */
    SANL_GOLDEN_EVAL,   /* heatmaps, or logits of the network, in inference */
    SANL_GOLDEN_DECODE, /* scores; positions must be those of the file's own heatmap within the bound */
    SANL_GOLDEN_TRAIN,  /* heatmaps, or logits of the network, in training */
    SANL_GOLDEN_LOSS,   /* before each of three steps */
    SANL_GOLDEN_GRADIENT,
    SANL_GOLDEN_STEP, /* parameters' changes over the three steps */
    SANL_GOLDEN_COUNT
};

enum { SANL_GOLDEN_RUNS = 5 };

struct sanl_golden_figure {
    const char *name;
    double deviation, bound; /* relative to the largest value, gradients and steps to the l2 norm */
    char worst[160];         /* the tensor that deviates most; "": the case has none of them */
};

struct sanl_golden {
    struct sanl_golden_figure figure[SANL_GOLDEN_COUNT];
    int tensors; /* of the file, all compared */
    int runs;    /* the figures are those of the last */
    bool passed;
};

/* Builds the case that the file's metadata names, with weights from the hashed initialisation, and compares
 * every tensor. SANL_ERR_NUMERIC when a figure is over its bound (`out` is filled all the same).
 *
 * The values are not continuous: an activation within rounding of zero passes its gradient on or does not,
 * and steps of training amplify that. Where a figure fails, the case is run again, at most SANL_GOLDEN_RUNS
 * times in all, from weights of which each has moved by one unit in the last place or not at all, at random.
 * Bounds stay as they are, and all figures of one run must hold: an error of the program fails every run. */
SANL_CHECKED enum sanl_status sanl_golden_check(struct sanl_golden *out, struct sanl_device *device,
                                                const char *path);

#ifdef __cplusplus
}
#endif
#endif
