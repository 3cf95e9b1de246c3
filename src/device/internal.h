/* What the files of device/ share. */
#ifndef DEVICE_INTERNAL_H
#define DEVICE_INTERNAL_H

#include "device/device.h"

struct candidate {
    cl_platform_id platform;
    cl_device_id id;
    struct sanl_device_info info;
};

/* All devices in selection order, in new memory. */
SANL_CHECKED enum sanl_status sanl_device_candidates(struct candidate **out, int *count);

/* The index into `list` that `select` means; see struct sanl_device_options. */
SANL_CHECKED enum sanl_status sanl_device_choose(int *chosen, const struct candidate *list, int count,
                                                 const char *select);

struct sanl_kernel {
    cl_kernel handle;
    char *key; /* "source name options" */
    char *name;
    size_t max_group;
    double seconds; /* when profiling */
    long launches;
    struct sanl_kernel *next;
};

struct program {
    cl_program handle;
    char *key; /* "source options" */
    struct program *next;
};

enum { KERNEL_BUCKETS = 256 };

struct sanl_device {
    cl_platform_id platform;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    struct sanl_device_info info;
    enum sanl_route route;
    bool route_given;
    struct sanl_profile *profile; /* device/profile.h; NULL: not measuring */
    char *cache;                  /* folder of program binaries; NULL: none */
    struct sanl_tuned {
        char *key, *value;
    } * tuned; /* sorted by key */
    int tuned_count;
    size_t tuned_capacity;
    size_t allocated, allocated_most; /* bytes of buffers */
    struct program *programs;
    struct sanl_kernel *kernels[KERNEL_BUCKETS];
};

/* Memory that a CPU's buffer may stand in, released with the buffer; NULL: too small to matter, or none. */
void *sanl_host_memory(size_t bytes);
void CL_CALLBACK sanl_host_memory_release(cl_mem buffer, void *memory);

/* A source as it is built, in new memory; NULL when memory ran out. See device/pointers.c. */
char *sanl_source_with_offsets(const char *text, size_t length);

void sanl_programs_free(struct sanl_device *device);

/* A program from cl/`source`.cl and `options`: from memory, from the cache on disk, or built (and then
 * cached). */
SANL_CHECKED enum sanl_status sanl_program_get(cl_program *out, struct sanl_device *device,
                                               const char *source, const char *options);

/* True where the driver, PoCL, keeps programs on disk itself and hands them out slowly. */
bool sanl_device_caches(const struct sanl_device *device);

/* The disk cache: `name` is the entry's file name without folder. Loading returns false when there is no
 * sound entry; storing reports nothing, for a cache that cannot be written only costs time, and does nothing
 * where sanl_device_caches. */
bool sanl_binary_load(cl_program *out, struct sanl_device *device, const char *name, uint64_t check);
void sanl_binary_store(struct sanl_device *device, cl_program program, const char *name, uint64_t check);

#endif
