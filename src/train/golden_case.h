/* The case that a golden file's metadata names: architecture, batch and seed. */
#ifndef TRAIN_GOLDEN_CASE_H
#define TRAIN_GOLDEN_CASE_H

#include <sanlcl/config.h>
#include "model/tensors.h"

enum { SANL_GOLDEN_CLASSES = 10 }; /* of the attention maps' classifier and of one that is trained */

struct sanl_golden_case {
    struct sanl_config config;
    int batch;
    uint64_t seed;
};

/* `path` is the file's, for messages. */
SANL_CHECKED enum sanl_status sanl_golden_case_read(struct sanl_golden_case *out,
                                                    const struct sanl_tensors *file, const char *path);

#endif
