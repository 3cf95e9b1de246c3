/* Tuning: which kernels compute the operators of a network fastest on a device. */
#ifndef SANLCL_TUNE_H
#define SANLCL_TUNE_H

#include <sanlcl/config.h>
#include <sanlcl/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One shape of one direction of an operator. Times are of one run, the repacking of weights included where
 * it is needed for each. */
struct sanl_tune_row {
    char key[256];               /* "conv2d forward kh=3 ... n=4" */
    int count;                   /* runs in a training step and an inference of the network */
    char preset[48], choice[48]; /* by default, and the fastest; the same where nothing gains 3 % */
    double preset_seconds, seconds;
    int tried;  /* choices that ran, beside the default */
    int failed; /* choices whose numbers were wrong, or that did not build, crashed or took too long */
};

struct sanl_tune_options {
    const struct sanl_config *config; /* the network */
    int batch;
    const char *select;    /* as in struct sanl_device_options */
    enum sanl_route route; /* AUTO: every route; else only that one */
    bool full;             /* every choice; else those of the route that the device's class takes */
    bool again;            /* shapes that are tuned already, too */
    double budget_seconds; /* no new shape but the first is begun after so long; 0: no limit */
    void (*began)(void *payload, const struct sanl_device_info *device); /* once; may be NULL */
    /* Before each measurement: of which kernels, for which key, the index-th of count shapes. May be NULL. */
    void (*progress)(void *payload, const char *kernels, const char *key, int index, int count);
    void (*done)(void *payload, const struct sanl_tune_row *row, int index, int count);
    void (*failed)(void *payload, const char *message); /* of each choice that failed */
    void *payload;
};

struct sanl_tune_result {
    int shapes, kept, tuned, left;  /* of the network; of earlier runs; of this run; not reached */
    double preset_seconds, seconds; /* of all shapes times their counts: by default, and now */
    char path[1024];                /* of the file that holds the choices */
};

/* Measures each shape's choices, the longest-running shape first, in a child process that is replaced when a
 * choice crashes it or takes too long; checks every choice's numbers against the default's. What is found is
 * in the device's file after each shape, for every later sanl_device_open. The calling process must not have
 * used OpenCL. SANL_ERR_INTERRUPTED when stopped by sanl_interrupt_request. */
SANL_CHECKED enum sanl_status sanl_tune_run(struct sanl_tune_result *result,
                                            const struct sanl_tune_options *options);

#ifdef __cplusplus
}
#endif
#endif
