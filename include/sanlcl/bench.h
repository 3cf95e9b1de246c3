/* Throughput of a whole network with random weights on random input, what a device makes of it; and of the
 * loader, what the processor makes of a data set. */
#ifndef SANLCL_BENCH_H
#define SANLCL_BENCH_H

#include <sanlcl/config.h>
#include <sanlcl/device.h>
#include <sanlcl/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sanl_bench_options {
    const struct sanl_config *config; /* task: landmark; its `model` and `train` sections count */
    int batch, runs;                  /* images of a run; timed runs, after one that is not */
    bool training;                    /* false: without the stage train */
    /* After each stage: its name and the median of its runs. */
    void (*done)(void *payload, const char *stage, double seconds);
    void *payload;
};

/* The stages, in order: gradcam, class activation maps of a ResNet-18 classifier (no work where none are
 * used); network, alone and without gradients; inference, both; train, both with loss, backward pass and
 * update. */
SANL_CHECKED enum sanl_status sanl_bench_network(struct sanl_device *device,
                                                 const struct sanl_bench_options *options);

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

#ifdef __cplusplus
}
#endif
#endif
