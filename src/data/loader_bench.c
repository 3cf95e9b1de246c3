/* What the loader makes of a data set, or of drawn pictures of DeepFashion's size. */
#include <sanlcl/bench.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sanlcl/clock.h>
#include <sanlcl/interrupt.h>
#include "base/file.h"
#include "base/memory.h"
#include "data/loader.h"
#include "data/synth.h"

enum { DRAWN_PICTURES = 256, DRAWN_SIDE = 300 };

/* Of all threads of the process. */
static double processor_seconds(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Whole batches for as many seconds; `epoch` after `epoch` as long as they last. */
static enum sanl_status time_loader(struct sanl_bench_loader_result *out, struct sanl_loader *loader,
                                    double seconds)
{
    const double start = sanl_clock_seconds(), busy = processor_seconds();
    for (uint64_t epoch = 0; sanl_clock_seconds() - start < seconds; epoch++) {
        const struct sanl_batch *batch;
        sanl_loader_start_epoch(loader, epoch);
        do {
            SANL_TRY(sanl_loader_next(loader, &batch));
            if (sanl_interrupted())
                return sanl_fail(SANL_ERR_INTERRUPTED, "the loader's measurement was stopped");
            out->images += batch ? batch->count : 0;
        } while (batch && sanl_clock_seconds() - start < seconds);
    }
    out->seconds = sanl_clock_seconds() - start;
    out->core_seconds = processor_seconds() - busy;
    return SANL_OK;
}

static enum sanl_status measure(const struct sanl_bench_loader_options *options,
                                const struct sanl_dataset *dataset, int workers)
{
    const struct sanl_config *config = options->config;
    struct sanl_loader_options how;
    struct sanl_bench_loader_result result = {.workers = workers};
    struct sanl_loader *loader;
    sanl_loader_configure(&how, config);
    how.part = config->data.train;
    how.batch = config->train.batch;
    how.training = true;
    how.workers = workers;
    SANL_TRY(sanl_loader_create(&loader, dataset, &how));
    const enum sanl_status status = time_loader(&result, loader, options->seconds);
    sanl_loader_free(loader);
    if (status == SANL_OK)
        options->done(options->payload, &result);
    return status;
}

static enum sanl_status measure_all(const struct sanl_bench_loader_options *options,
                                    const struct sanl_data_config *data)
{
    struct sanl_dataset *dataset;
    SANL_TRY(sanl_dataset_open(&dataset, data));
    enum sanl_status status = measure(options, dataset, 1);
    if (status == SANL_OK && data->workers > 1)
        status = measure(options, dataset, data->workers);
    sanl_dataset_free(dataset);
    return status;
}

static enum sanl_status measure_drawn(const struct sanl_bench_loader_options *options)
{
    struct sanl_data_config data = options->config->data;
    struct sanl_synth_options drawn;
    const char *temporary = getenv("TMPDIR");
    char *folder = sanl_format("%s/sanlcl-bench-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    enum sanl_status status = folder ? SANL_OK : SANL_ERR_MEMORY;
    if (status == SANL_OK && (strlen(folder) >= sizeof data.root || !mkdtemp(folder)))
        status = sanl_fail_errno(SANL_ERR_IO, "%s: cannot make the folder (TMPDIR)", folder);
    if (status != SANL_OK) {
        free(folder);
        return status;
    }
    sanl_synth_defaults(&drawn);
    drawn.count = DRAWN_PICTURES;
    drawn.size = DRAWN_SIDE;
    drawn.val_share = drawn.test_share = 0;
    strcpy(data.root, folder);
    strcpy(data.format, drawn.layout);
    status = sanl_synth_write(&drawn, folder);
    if (status == SANL_OK)
        status = measure_all(options, &data);
    sanl_folder_clear(folder);
    (void)rmdir(folder);
    free(folder);
    return status;
}

enum sanl_status sanl_bench_loader(const struct sanl_bench_loader_options *options)
{
    const struct sanl_data_config *data = &options->config->data;
    return data->root[0] ? measure_all(options, data) : measure_drawn(options);
}
