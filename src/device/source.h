/* The kernel sources of cl/, the operators' cases of tests/cases/, the experiments of configs/ and what is
 * tuned in configs/tuned/, embedded at build time. */
#ifndef DEVICE_SOURCE_H
#define DEVICE_SOURCE_H

#include <stddef.h>

struct sanl_source {
    const char *name; /* "conv2d" for cl/conv2d.cl and tests/cases/conv2d.txt; NULL ends the table */
    const char *text;
    size_t length;
};

extern const struct sanl_source sanl_sources[];     /* cl/ */
extern const struct sanl_source sanl_cases[];       /* tests/cases/ */
extern const struct sanl_source sanl_configs[];     /* configs/ */
extern const struct sanl_source sanl_tuned_files[]; /* configs/tuned/ */

#endif
