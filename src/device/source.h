/* The kernel sources of cl/, the operators' cases of tests/cases/ and the experiments of configs/, embedded
 * at build time. */
#ifndef DEVICE_SOURCE_H
#define DEVICE_SOURCE_H

#include <stddef.h>

struct sanl_source {
    const char *name; /* "conv2d" for cl/conv2d.cl and tests/cases/conv2d.txt; NULL ends the table */
    const char *text;
    size_t length;
};

extern const struct sanl_source sanl_sources[]; /* cl/ */
extern const struct sanl_source sanl_cases[];   /* tests/cases/ */
extern const struct sanl_source sanl_configs[]; /* configs/ */

#endif
