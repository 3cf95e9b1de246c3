/* The check of every operator's kernels on a device against plain C references. */
#ifndef SANLCL_SELFTEST_H
#define SANLCL_SELFTEST_H

#include <stdbool.h>
#include <sanlcl/device.h>
#include <sanlcl/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sanl_selftest_row {
    char op[32];
    int cases, failed;
    double forward_error;  /* worst of the cases: kernel against reference, relative to the largest value */
    double backward_error; /* the same for gradients */
    double gradient_error; /* reference's gradients against finite differences */
    bool passed;
};

struct sanl_selftest_options {
    const char *op;        /* one operator; NULL: all */
    const char *case_text; /* one case, in the syntax of the files tests/cases/OP.txt; needs op */
    bool tiny;             /* only small cases, for kernel interpreters such as Oclgrind */
    /* Called with a line for each failed case: what differs and how to repeat it. May be NULL. */
    void (*failure)(void *payload, const char *message);
    /* Called when an operator is done. May be NULL. */
    void (*done)(void *payload, const struct sanl_selftest_row *row);
    void *payload;
};

/* Runs the checks: a row for each operator in new memory, free() it. SANL_ERR_NUMERIC when a case failed (the
 * rows are there all the same), SANL_ERR_USAGE when the options name nothing. `options` may be NULL. */
SANL_CHECKED enum sanl_status sanl_selftest_run(struct sanl_selftest_row **out, int *count,
                                                struct sanl_device *device,
                                                const struct sanl_selftest_options *options);

#ifdef __cplusplus
}
#endif
#endif
