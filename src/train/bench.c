/* Timing the stages of a network. */
#include "train/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sanlcl/clock.h>
#include <sanlcl/interrupt.h>
#include <sanlcl/memory.h>
#include "base/memory.h"
#include "base/random.h"
#include "train/network.h"
#include "train/updater.h"

enum { CLASSES = 50 }; /* DeepFashion's categories */

struct bench {
    const struct sanl_bench_options *options;
    struct sanl_device *device;
    struct sanl_network *network;
    struct sanl_engine *engine;
    struct sanl_updater *updater;
    long step;
};

typedef enum sanl_status stage_run(struct bench *bench);

static enum sanl_status run_gradcam(struct bench *bench)
{
    return sanl_engine_make_cams(bench->engine);
}

static enum sanl_status run_network(struct bench *bench)
{
    return sanl_graph_forward(bench->engine->graph);
}

static enum sanl_status run_inference(struct bench *bench)
{
    SANL_TRY(run_gradcam(bench));
    return run_network(bench);
}

static enum sanl_status run_train(struct bench *bench)
{
    SANL_TRY(run_inference(bench));
    SANL_TRY(sanl_graph_backward(bench->engine->graph));
    return sanl_updater_step(bench->updater, bench->options->config->train.lr, ++bench->step);
}

static enum sanl_status list_gradcam(struct sanl_work_list *list, const struct bench *bench)
{
    const struct sanl_gradcam *gradcam = bench->engine->gradcam;
    return gradcam ? sanl_gradcam_list_work(list, gradcam) : SANL_OK;
}

static enum sanl_status list_network(struct sanl_work_list *list, const struct bench *bench)
{
    return sanl_graph_list_work(list, bench->engine->graph);
}

static enum sanl_status list_inference(struct sanl_work_list *list, const struct bench *bench)
{
    SANL_TRY(list_gradcam(list, bench));
    return list_network(list, bench);
}

static enum sanl_status list_train(struct sanl_work_list *list, const struct bench *bench)
{
    SANL_TRY(list_inference(list, bench));
    return sanl_updater_list_work(list, bench->updater);
}

typedef enum sanl_status stage_list(struct sanl_work_list *list, const struct bench *bench);

/* What is timed, and the works of one run. */
static const struct stage {
    const char *name;
    stage_run *run;
    stage_list *list;
} gradcam_stage = {"gradcam", run_gradcam, list_gradcam},
  network_stage = {"network", run_network, list_network},
  inference_stage = {"inference", run_inference, list_inference},
  train_stage = {"train", run_train, list_train};

static enum sanl_status count_flops(double *flops, const struct bench *bench, const struct stage *stage)
{
    struct sanl_work_list list = {0};
    const enum sanl_status status = stage->list(&list, bench);
    *flops = 0;
    for (int i = 0; i < list.count; i++)
        *flops += list.rows[i].count * sanl_work_cost(&list.rows[i].work).flops;
    sanl_work_free(&list);
    return status;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static enum sanl_status time_stage(struct bench *bench, const struct stage *stage)
{
    const int runs = bench->options->runs;
    struct sanl_bench_stage result = {.seconds = 0};
    double *seconds = sanl_calloc((size_t)runs, sizeof *seconds);
    enum sanl_status status = seconds ? count_flops(&result.flops, bench, stage) : SANL_ERR_MEMORY;
    for (int i = -1; i < runs && status == SANL_OK; i++) {
        if (sanl_interrupted()) {
            status = sanl_fail(SANL_ERR_INTERRUPTED, "%s was stopped after %d of %d runs", stage->name,
                               i < 0 ? 0 : i, runs);
            break;
        }
        const double start = sanl_clock_seconds();
        status = stage->run(bench);
        if (status == SANL_OK)
            status = sanl_device_finish(bench->device);
        if (i >= 0)
            seconds[i] = sanl_clock_seconds() - start;
        else if (status == SANL_OK)
            status = sanl_device_clear_times(bench->device);
    }
    if (status == SANL_OK) {
        qsort(seconds, (size_t)runs, sizeof *seconds, compare);
        result.seconds = seconds[runs / 2];
        snprintf(result.name, sizeof result.name, "%s", stage->name);
        status = bench->options->done(bench->options->payload, &result);
    }
    free(seconds);
    return status;
}

/* Uniform values of mean 0 and variance 1, times `scale`, plus `offset`. */
static enum sanl_status fill(struct sanl_tensor *tensor, float scale, float offset, uint64_t key)
{
    const size_t count = sanl_shape_count(tensor->shape);
    float *values = sanl_calloc(count, sizeof *values);
    if (!values)
        return SANL_ERR_MEMORY;
    for (size_t i = 0; i < count; i++)
        values[i] = scale * (float)(3.4641016 * (sanl_random_uniform(key, i) - 0.5)) + offset;
    const enum sanl_status status = sanl_tensor_write(tensor, values);
    free(values);
    return status;
}

static void close_network(struct bench *bench)
{
    sanl_updater_free(bench->updater);
    sanl_engine_free(bench->engine);
    sanl_network_free(bench->network);
    bench->updater = NULL;
    bench->engine = NULL;
    bench->network = NULL;
}

static enum sanl_status check_memory(const struct bench *bench, bool training)
{
    const int batch = bench->options->batch;
    struct sanl_config config = *bench->options->config;
    config.train.batch = config.eval.batch = 0; /* not what sets the batch, so no message names them */
    return sanl_memory_check(&(struct sanl_memory_use){&config, training ? batch : 0, training ? 0 : batch},
                             bench->device, 0);
}

static enum sanl_status open_network(struct bench *bench, bool training)
{
    const struct sanl_config *config = bench->options->config;
    const float half = (float)config->model.size / 2;
    const int moments = training ? sanl_updater_moments(&config->train) : -1;
    SANL_TRY(check_memory(bench, training));
    SANL_TRY(sanl_network_create_random(&bench->network, config, bench->device, moments, CLASSES));
    SANL_TRY(sanl_engine_create(&bench->engine, bench->network, bench->options->batch, training));
    SANL_TRY(fill(bench->engine->image, 1, 0, 1));
    if (!training)
        return sanl_engine_seal(bench->engine);
    SANL_TRY(sanl_updater_create(&bench->updater, bench->engine->graph, &config->train));
    SANL_TRY(fill(bench->engine->landmark.xy, half / 2, half, 2));
    return fill(bench->engine->landmark.teaches, 0, 1, 3);
}

static enum sanl_status time_inference(struct bench *bench)
{
    SANL_TRY(open_network(bench, false));
    if (bench->engine->gradcam)
        SANL_TRY(time_stage(bench, &gradcam_stage));
    SANL_TRY(time_stage(bench, &network_stage));
    return time_stage(bench, &inference_stage);
}

static enum sanl_status time_training(struct bench *bench)
{
    SANL_TRY(open_network(bench, true));
    return time_stage(bench, &train_stage);
}

enum sanl_status sanl_bench_network(struct sanl_device *device, const struct sanl_bench_options *options)
{
    struct bench bench = {.options = options, .device = device};
    enum sanl_status status = options->training ? check_memory(&bench, true) : SANL_OK;
    if (status == SANL_OK)
        status = time_inference(&bench);
    close_network(&bench);
    if (status != SANL_OK || !options->training)
        return status;
    status = time_training(&bench);
    close_network(&bench);
    return status;
}

enum sanl_status sanl_bench_list_work(struct sanl_work_list *list, const struct sanl_config *config,
                                      struct sanl_device *device, int batch, bool training)
{
    const struct sanl_bench_options options = {.config = config, .batch = batch};
    struct bench bench = {.options = &options, .device = device};
    enum sanl_status status = open_network(&bench, training);
    if (status == SANL_OK)
        status = sanl_engine_list_work(list, bench.engine);
    if (status == SANL_OK && training)
        status = sanl_updater_list_work(list, bench.updater);
    close_network(&bench);
    return status;
}
