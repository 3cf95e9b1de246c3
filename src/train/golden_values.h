/* The values of a golden file, and how far others are from them. */
#ifndef TRAIN_GOLDEN_VALUES_H
#define TRAIN_GOLDEN_VALUES_H

#include <sanlcl/golden.h>
#include "graph/graph.h"
#include "model/safetensors.h"

enum { SANL_FINGERPRINT = 10 };

struct sanl_golden_values {
    struct sanl_tensors *file;
    const char *path;
    struct sanl_golden *out; /* gets the figures */
};

/* The tensor `name`, which must have `count` values. free() it. */
SANL_CHECKED enum sanl_status sanl_golden_read(const struct sanl_golden_values *g, const char *name,
                                               size_t count, float **out);

/* A figure is its largest deviation. */
void sanl_golden_note(struct sanl_golden_values *g, int figure, double deviation, const char *name);

/* values (n, h, w, c) against the file's (n, c, h, w): largest difference over largest value. */
SANL_CHECKED enum sanl_status sanl_golden_compare(struct sanl_golden_values *g, int figure, const char *name,
                                                  const float *values, struct sanl_shape s);
SANL_CHECKED enum sanl_status sanl_golden_compare_tensor(struct sanl_golden_values *g, int figure,
                                                         const char *name, const struct sanl_tensor *t);

/* A fingerprint of v - base: l2 norm, sum, 8 elements at i * (n - 1) / 7. `base` may be NULL. */
void sanl_golden_fingerprint(const float *v, const float *base, size_t n, double out[SANL_FINGERPRINT]);

/* Fingerprints of all parameters, without `states` of the trained ones, against those under `prefix`: l2
 * norms and elements relative to l2 norm plus a floor of 1e-3 of the largest, as some gradients are zero in
 * exact arithmetic; sums by sqrt(n) of that. */
SANL_CHECKED enum sanl_status sanl_golden_compare_fingerprints(struct sanl_golden_values *g,
                                                               const struct sanl_params *params, int figure,
                                                               const char *prefix, bool states,
                                                               double (*actual)[SANL_FINGERPRINT]);

#endif
