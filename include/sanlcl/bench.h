/* What a device reaches: its peaks, operator by operator, and with whole networks of random weights on random
 * input; and what the processor makes of a data set in the loader. */
#ifndef SANLCL_BENCH_H
#define SANLCL_BENCH_H

#include <stdint.h>
#include <sanlcl/config.h>
#include <sanlcl/device.h>
#include <sanlcl/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Medians of several runs. */
struct sanl_bench_peaks {
    double flops;            /* multiply-adds in registers, two flops each, per second */
    char flops_shape[32];    /* of the fastest kernel: "float16 x 12", vectors in flight to a work-item */
    double copy, read;       /* bytes/s of kernels over buffers of `bytes`; copy counts reads and writes */
    double driver_copy;      /* the same by the driver's own copy of a buffer */
    double upload, download; /* bytes/s between host and device, from and to ordinary memory */
    double launch;           /* seconds for an empty kernel, many of them enqueued */
    double round_trip;       /* seconds for an empty kernel and waiting for its end */
    uint64_t bytes;          /* of each buffer that was walked */
};

/* Takes seconds. */
SANL_CHECKED enum sanl_status sanl_bench_measure_peaks(struct sanl_bench_peaks *out,
                                                       struct sanl_device *device);

/* ---- operators ----------------------------------------------------------------------------------- */

enum sanl_bench_limit { SANL_LIMIT_COMPUTE, SANL_LIMIT_MEMORY, SANL_LIMIT_LAUNCH };

/* One pass of an operator with one shape. */
struct sanl_bench_op {
    char op[32], pass[16];
    char shape[256];       /* as in tests/cases */
    int count;             /* of them in the network */
    double flops, bytes;   /* of one run; bytes: what must move at least */
    double seconds;        /* of one run: the median */
    enum sanl_route route; /* family of its kernels */
    char kernels[48];      /* the choice of them, where there are several: "wide-6x64-winograd4"; else "" */
    enum sanl_bench_limit limit;
    double roof;          /* bound / seconds, where the bound is the longest of flops / peaks.flops, bytes /
                             peaks.copy and peaks.launch; above 1 where data stay in the caches */
    double other_seconds; /* on options.other; 0: not compared, or the same kernels there */
};

struct sanl_bench_op_options {
    const struct sanl_config *config; /* task: landmark */
    int batch;
    bool training;                  /* a training step's operators, not inference's */
    const char *op;                 /* this operator alone; NULL: all */
    const char *shape;              /* this one case of `op` instead of the network's; NULL: the network's */
    double least;                   /* seconds of timed runs for each, at least */
    int rounds;                     /* with `other`: on the two devices in turns, so many times each */
    struct sanl_device *other;      /* the same device opened with another route, or NULL */
    struct sanl_bench_peaks *peaks; /* measured where its flops are 0 */
    void (*progress)(void *payload, int done, int count, const char *op); /* or NULL */
    void *payload;
};

/* Times each distinct operator of the network, most time in all first, in new memory: free() it. When it is
 * interrupted, those timed so far. */
SANL_CHECKED enum sanl_status sanl_bench_ops(struct sanl_bench_op **out, int *count,
                                             struct sanl_device *device,
                                             const struct sanl_bench_op_options *options);

/* ---- networks ------------------------------------------------------------------------------------ */

struct sanl_bench_stage {
    char name[16];
    double seconds, flops; /* of one run: the median; what its operators cost */
    /* Of all runs, where the owner has asked the device; its own to free. */
    struct sanl_device_time *operators, *kernels;
    int operator_count, kernel_count;
};

struct sanl_bench_options {
    const struct sanl_config *config; /* task: landmark; its `model` and `train` sections count */
    int batch, runs;                  /* images of a run; timed runs, after one that is not */
    bool training;                    /* false: without the stage train */
    /* After each stage. The device's times (sanl_device_times) are those of its timed runs alone. */
    enum sanl_status (*done)(void *payload, const struct sanl_bench_stage *stage);
    void *payload;
};

/* The stages, in order: gradcam, class activation maps of a ResNet-18 classifier (no work where none are
 * used); network, alone and without gradients; inference, both; train, both with loss, backward pass and
 * update. */
SANL_CHECKED enum sanl_status sanl_bench_network(struct sanl_device *device,
                                                 const struct sanl_bench_options *options);

/* ---- the loader ---------------------------------------------------------------------------------- */

/* ---- the loader ---------------------------------------------------------------------------------- */

struct sanl_bench_loader_result {
    int workers;
    long images;
    double seconds, core_seconds; /* passed; that all threads together were running */
};

struct sanl_bench_loader_options {
    const struct sanl_config *config; /* data, train.batch, model.size; with an empty data.root, pictures of
                                         300 pixels are drawn into a folder of $TMPDIR, else /tmp */
    double seconds;                   /* of each measurement */
    void (*done)(void *payload, const struct sanl_bench_loader_result *result);
    void *payload;
};

/* Reads, decodes and augments the training part as training does: with one worker, then with data.workers. */
SANL_CHECKED enum sanl_status sanl_bench_loader(const struct sanl_bench_loader_options *options);

/* ---- everything, as a file ----------------------------------------------------------------------- */

struct sanl_bench_report {
    const struct sanl_config *config;
    int batch, runs;
    double process_bytes, device_bytes;   /* most memory of the process, of buffers; 0: not asked */
    const struct sanl_bench_peaks *peaks; /* or NULL */
    const struct sanl_bench_op *ops;
    const struct sanl_bench_stage *stages;
    int op_count, stage_count;
    const struct sanl_bench_loader_result *loader;
    int loader_count;
};

/* Writes a JSON object with the device (NULL: none was used), its driver, and what the report has. */
SANL_CHECKED enum sanl_status sanl_bench_save(const struct sanl_bench_report *report,
                                              const struct sanl_device *device, const char *path);

#ifdef __cplusplus
}
#endif
#endif
