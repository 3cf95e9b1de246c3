/* Throughput of a whole network with random weights on random input: what a device makes of it. */
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

#ifdef __cplusplus
}
#endif
#endif
