/* OpenCL platforms and devices: listing and opening. */
#ifndef SANLCL_DEVICE_H
#define SANLCL_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sanlcl/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sanl_device; /* an opened device with its queue and programs */

struct sanl_device_info {
    int index; /* for selection: GPUs, accelerators, CPUs, and behind them what cannot be used */
    char platform[128], platform_version[256];
    char name[256], vendor[128], driver[128], version[128];
    char type[16]; /* "GPU", "CPU", "accelerator" */
    uint64_t memory_bytes, max_alloc_bytes, local_bytes, constant_bytes, cache_bytes;
    uint32_t compute_units, clock_mhz;
    uint64_t max_work_group;
    uint32_t base_align_bytes;
    uint32_t float_width; /* native vector width of float */
    bool fma;             /* a multiply-add with one rounding in hardware, as the driver says */
    bool fp16, fp64, subgroups, images, unified_memory;
    char unusable[64]; /* why the device cannot be used; "" where it can */
};

/* All devices of all platforms in selection order, *count of them, in new memory: free() it. With none,
 * SANL_ERR_DEVICE and a message that says what to install. */
SANL_CHECKED enum sanl_status sanl_device_list(struct sanl_device_info **out, int *count);

enum sanl_route { SANL_ROUTE_AUTO, SANL_ROUTE_WIDE, SANL_ROUTE_TILE, SANL_ROUTE_CLBLAST };

struct sanl_device_options {
    const char *select;    /* an index, or part of a name; NULL: $SANLCL_DEVICE, else device 0 */
    enum sanl_route route; /* family of the heavy kernels; AUTO: wide on CPUs, tile elsewhere */
    bool profile;          /* measure every kernel (slower) */
    bool trace;            /* the same, and keep every launch for sanl_device_save_trace */
    bool no_tuned;         /* leave out what 'sanlcl tune' found */
    bool no_cache;         /* do not read or write program binaries under $XDG_CACHE_HOME/sanlcl */
};

/* Opens a device; `options` may be NULL. */
SANL_CHECKED enum sanl_status sanl_device_open(struct sanl_device **out,
                                               const struct sanl_device_options *options);
void sanl_device_free(struct sanl_device *device); /* takes NULL */

/* What was opened; lives as long as the device. */
const struct sanl_device_info *sanl_device_get_info(const struct sanl_device *device);

/* The family of heavy kernels in force; never SANL_ROUTE_AUTO. */
enum sanl_route sanl_device_route(const struct sanl_device *device);

/* The most bytes that buffers have taken at a time since the device was opened. */
uint64_t sanl_device_most_allocated(const struct sanl_device *device);

struct sanl_device_time {
    const char *name; /* lives as long as the device */
    double seconds;
    long runs;           /* launches of the kernel, or calls of the operator; 0: not counted */
    double flops, bytes; /* of all runs, at least; 0: not known */
};

/* By kernel: "source name options"; transfers stand in parentheses. By operator: "conv2d forward"; "other" is
 * what belongs to none. */
enum sanl_device_times_of { SANL_TIMES_OF_KERNELS, SANL_TIMES_OF_OPERATORS };

/* What took how long since the device was opened or its times were cleared, longest first, in new memory:
 * free() it. Nothing unless the device was opened with `profile`. CLBlast's kernels are not seen. */
SANL_CHECKED enum sanl_status sanl_device_times(struct sanl_device_time **out, int *count,
                                                struct sanl_device *device, enum sanl_device_times_of of);
SANL_CHECKED enum sanl_status sanl_device_clear_times(struct sanl_device *device);

/* Writes the kernels' launches and the transfers as a Chrome trace (JSON for chrome://tracing or Perfetto):
 * the first 200000; *left_out more are not in it. For a device opened with `trace`. */
SANL_CHECKED enum sanl_status sanl_device_save_trace(struct sanl_device *device, const char *path,
                                                     long *saved, long *left_out);

#ifdef __cplusplus
}
#endif
#endif
