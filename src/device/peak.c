/* Measuring a device's peaks. */
#include <sanlcl/bench.h>

#include <stdio.h>
#include <stdlib.h>
#include <sanlcl/clock.h>
#include <sanlcl/interrupt.h>
#include "base/memory.h"
#include "device/device.h"

enum {
    SAMPLES = 7,
    UNROLL = 4, /* steps of a chain in a round of peak_fma */
    CPU_ITEMS = 16,
    GPU_ITEMS = 4096,    /* to a compute unit */
    SPAN_FLOATS = 65536, /* that one item walks in the wide family */
    LAUNCHES = 2000,
    ROUND_TRIPS = 200
};
static const double sample_seconds = 0.03;
static const uint64_t least_bytes = (uint64_t)256 << 20, most_bytes = (uint64_t)512 << 20;

static const struct {
    unsigned width, chains;
    const char *name, *options;
} shapes[] = {
    {16, 8, "float16 x 8", "-DVEC=float16 -DCHAINS=8"}, {16, 12, "float16 x 12", "-DVEC=float16 -DCHAINS=12"},
    {8, 12, "float8 x 12", "-DVEC=float8 -DCHAINS=12"}, {4, 4, "float4 x 4", "-DVEC=float4 -DCHAINS=4"},
    {4, 12, "float4 x 12", "-DVEC=float4 -DCHAINS=12"}, {1, 8, "float x 8", "-DVEC=float -DCHAINS=8"},
    {1, 16, "float x 16", "-DVEC=float -DCHAINS=16"},
};

struct peak {
    struct sanl_device *device;
    struct sanl_bench_peaks *out;
    bool wide;
    sanl_buffer x, y;
    char *host;
};

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median time of `run`, after one run that does not count. */
static enum sanl_status median(double *seconds, struct peak *peak, int samples,
                               enum sanl_status (*run)(struct peak *peak, const void *what), const void *what)
{
    double *sample = sanl_calloc((size_t)samples, sizeof *sample);
    enum sanl_status status = sample ? SANL_OK : SANL_ERR_MEMORY;
    for (int i = -1; i < samples && status == SANL_OK; i++) {
        if (sanl_interrupted()) {
            status = sanl_fail(SANL_ERR_INTERRUPTED, "the measurement of the peaks was stopped");
            break;
        }
        const double start = sanl_clock_seconds();
        status = run(peak, what);
        if (status == SANL_OK)
            status = sanl_device_finish(peak->device);
        if (i >= 0)
            sample[i] = sanl_clock_seconds() - start;
    }
    if (status == SANL_OK) {
        qsort(sample, (size_t)samples, sizeof *sample, compare);
        *seconds = sample[samples / 2];
    }
    free(sample);
    return status;
}

/* ---- multiply-adds ------------------------------------------------------------------------------- */

struct fma {
    struct sanl_kernel *kernel;
    size_t items;
    int rounds;
};

static enum sanl_status run_fma(struct peak *peak, const void *what)
{
    const struct fma *fma = what;
    const struct sanl_range range = {{fma->items, 0, 0}, {peak->wide ? 1 : 0, 0, 0}};
    return sanl_launch(peak->device, fma->kernel, range, "biff", peak->x, fma->rounds, 0.75, 0.5);
}

static enum sanl_status measure_shape(double *flops, struct peak *peak, size_t shape)
{
    struct fma fma = {.rounds = 64};
    double seconds = 0;
    SANL_TRY(sanl_kernel_get(&fma.kernel, peak->device, "peak", "peak_fma", shapes[shape].options));
    fma.items =
        sanl_device_get_info(peak->device)->compute_units * (size_t)(peak->wide ? CPU_ITEMS : GPU_ITEMS);
    /* Rounds grow until a launch is long beside what starting it costs. */
    for (;;) {
        SANL_TRY(median(&seconds, peak, 1, run_fma, &fma));
        if (seconds >= sample_seconds || fma.rounds > 1 << 24)
            break;
        const double factor = seconds > 0 ? 1.2 * sample_seconds / seconds : 64;
        fma.rounds = (int)(fma.rounds * (factor < 1.5 ? 1.5 : factor > 64 ? 64 : factor));
    }
    SANL_TRY(median(&seconds, peak, SAMPLES, run_fma, &fma));
    *flops =
        2.0 * UNROLL * shapes[shape].chains * shapes[shape].width * fma.rounds * (double)fma.items / seconds;
    return SANL_OK;
}

/* Vectors far wider than the driver prefers only spill. */
static enum sanl_status measure_flops(struct peak *peak)
{
    const unsigned width = sanl_device_get_info(peak->device)->float_width;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        double flops;
        if (shapes[i].width > 4 * (width ? width : 1))
            continue;
        SANL_TRY(measure_shape(&flops, peak, i));
        if (flops <= peak->out->flops)
            continue;
        peak->out->flops = flops;
        snprintf(peak->out->flops_shape, sizeof peak->out->flops_shape, "%s", shapes[i].name);
    }
    return SANL_OK;
}

/* ---- memory -------------------------------------------------------------------------------------- */

static enum sanl_status run_walk(struct peak *peak, const void *what)
{
    const char *name = what;
    const int width = peak->wide ? 16 : 4, span = peak->wide ? SPAN_FLOATS / width : 0;
    const size_t count = (size_t)peak->out->bytes / sizeof(float) / (size_t)width;
    const size_t gpu_items = sanl_device_get_info(peak->device)->compute_units * (size_t)GPU_ITEMS;
    const struct sanl_range range = {{span ? (count + (size_t)span - 1) / (size_t)span : gpu_items, 0, 0},
                                     {span ? 1 : 0, 0, 0}};
    struct sanl_kernel *kernel;
    SANL_TRY(
        sanl_kernel_get(&kernel, peak->device, "peak", name, peak->wide ? "-DVEC=float16" : "-DVEC=float4"));
    return sanl_launch(peak->device, kernel, range, "lib2", (int64_t)count, span, peak->x, peak->y);
}

static enum sanl_status run_driver_copy(struct peak *peak, const void *what)
{
    (void)what;
    return sanl_buffer_copy(peak->device, peak->x, peak->y, 0, 0, (size_t)peak->out->bytes);
}

static enum sanl_status run_upload(struct peak *peak, const void *what)
{
    (void)what;
    return sanl_buffer_write(peak->device, peak->x, 0, peak->host, (size_t)least_bytes / 4);
}

static enum sanl_status run_download(struct peak *peak, const void *what)
{
    (void)what;
    return sanl_buffer_read(peak->device, peak->x, 0, peak->host, (size_t)least_bytes / 4);
}

/* Well above the caches, within an eighth of the memory. */
static uint64_t choose_bytes(const struct sanl_device_info *info)
{
    uint64_t bytes = 4 * info->cache_bytes;
    bytes = bytes < least_bytes ? least_bytes : bytes > most_bytes ? most_bytes : bytes;
    while (bytes > info->max_alloc_bytes || (info->memory_bytes && bytes > info->memory_bytes / 8))
        bytes /= 2;
    return bytes;
}

static enum sanl_status measure_memory(struct peak *peak)
{
    struct sanl_bench_peaks *out = peak->out;
    const double bytes = (double)out->bytes;
    double seconds;
    SANL_TRY(median(&seconds, peak, SAMPLES, run_walk, "peak_copy"));
    out->copy = 2 * bytes / seconds;
    SANL_TRY(median(&seconds, peak, SAMPLES, run_walk, "peak_read"));
    out->read = bytes / seconds;
    SANL_TRY(median(&seconds, peak, SAMPLES, run_driver_copy, NULL));
    out->driver_copy = 2 * bytes / seconds;
    const size_t moved = (size_t)least_bytes / 4;
    if (bytes < (double)moved)
        return SANL_OK;
    if (!(peak->host = sanl_calloc(moved, 1)))
        return SANL_ERR_MEMORY;
    SANL_TRY(median(&seconds, peak, SAMPLES, run_upload, NULL));
    out->upload = (double)moved / seconds;
    SANL_TRY(median(&seconds, peak, SAMPLES, run_download, NULL));
    out->download = (double)moved / seconds;
    return SANL_OK;
}

/* ---- launches ------------------------------------------------------------------------------------ */

static enum sanl_status run_empty(struct peak *peak, const void *what)
{
    const int *launches = what;
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, peak->device, "peak", "peak_empty", ""));
    for (int i = 0; i < *launches; i++)
        SANL_TRY(sanl_launch(peak->device, kernel, (struct sanl_range){{1, 0, 0}, {1, 0, 0}}, "i", 0));
    return SANL_OK;
}

static enum sanl_status measure_launches(struct peak *peak)
{
    const int many = LAUNCHES, one = 1;
    double seconds;
    SANL_TRY(median(&seconds, peak, SAMPLES, run_empty, &many));
    peak->out->launch = seconds / many;
    return median(&peak->out->round_trip, peak, ROUND_TRIPS, run_empty, &one);
}

enum sanl_status sanl_bench_measure_peaks(struct sanl_bench_peaks *out, struct sanl_device *device)
{
    *out = (struct sanl_bench_peaks){.bytes = choose_bytes(sanl_device_get_info(device))};
    struct peak peak = {
        .device = device, .out = out, .wide = sanl_device_default_route(device) == SANL_ROUTE_WIDE};
    const size_t count = (size_t)out->bytes / sizeof(float);
    enum sanl_status status = sanl_buffer_create(&peak.x, device, (size_t)out->bytes);
    if (status == SANL_OK)
        status = sanl_buffer_create(&peak.y, device, (size_t)out->bytes);
    if (status == SANL_OK)
        status = sanl_buffer_fill(device, peak.x, count, 1);
    if (status == SANL_OK)
        status = measure_memory(&peak);
    if (status == SANL_OK)
        status = measure_flops(&peak);
    if (status == SANL_OK)
        status = measure_launches(&peak);
    free(peak.host);
    sanl_buffer_free(peak.x);
    sanl_buffer_free(peak.y);
    return status;
}
