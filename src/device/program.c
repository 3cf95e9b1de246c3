/* Programs and kernels: built once, kept in memory, their binaries on disk. */
#include "device/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sanlcl/interrupt.h>
#include "base/memory.h"
#include "base/random.h"
#include "device/source.h"

/* -w: a compiler for a processor of 8 floats to a register warns about every float16 that a function takes,
 * PoCL's on the terminal; of a build that fails the log then begins with an error. */
#define BASE_OPTIONS "-cl-std=CL1.2 -cl-mad-enable -w"

static const struct sanl_source *find_source(const char *name)
{
    for (const struct sanl_source *s = sanl_sources; s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

/* A build failure with the first lines of the compiler's own words. */
static enum sanl_status build_failure(struct sanl_device *device, cl_program program, cl_int code,
                                      const char *source, const char *options)
{
    size_t length = 0;
    char *log = NULL;
    if (sanl_interrupted()) /* compilers have handlers of their own, which take their files away */
        return sanl_fail(SANL_ERR_INTERRUPTED, "stopped while kernels were built");
    if (code == CL_OUT_OF_HOST_MEMORY)
        return sanl_cl_check(code, source);
    if (clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &length) == CL_SUCCESS &&
        (log = sanl_calloc(length + 1, 1)) != NULL)
        (void)clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, length, log, NULL);
    char *p = log ? log : NULL;
    if (p) {
        if (strlen(p) > 1200)
            p[1200] = 0;
        for (char *q = p; *q; q++)
            if (*q == '\n' || *q == '\r')
                *q = ' ';
    }
    const char *advice =
        sanl_device_caches(device)
            ? "; PoCL also fails so when it cannot write to $POCL_CACHE_DIR, else $XDG_CACHE_HOME/pocl"
            : "";
    const enum sanl_status status = sanl_fail(
        SANL_ERR_BUILD, "cl/%s.cl does not build on %s (%s, options '%s'): %s%s", source, device->info.name,
        sanl_cl_error_name(code), options, p && *p ? p : "the driver gives no log", advice);
    free(log);
    return status;
}

/* The text to build: cl/common.cl, cl/tile.cl before sources whose name ends in _tile, and pointers with
 * offsets. In new memory. */
static enum sanl_status source_text(char **out, const struct sanl_source *source)
{
    const char *end = strrchr(source->name, '_');
    const struct sanl_source *common = find_source("common"),
                             *tile = end && strcmp(end, "_tile") == 0 ? find_source("tile") : NULL;
    char *text = sanl_source_with_offsets(source->text, source->length);
    if (!common)
        return sanl_fail(SANL_ERR_INTERNAL, "there is no kernel source cl/common.cl");
    *out = text ? sanl_format("%.*s%.*s%s", (int)common->length, common->text, tile ? (int)tile->length : 0,
                              tile ? tile->text : "", text)
                : NULL;
    free(text);
    return *out ? SANL_OK : sanl_fail(SANL_ERR_MEMORY, "out of host memory for cl/%s.cl", source->name);
}

static enum sanl_status build(cl_program *out, struct sanl_device *device, const char *name, const char *text,
                              const char *options)
{
    cl_int code = CL_SUCCESS;
    cl_program program = clCreateProgramWithSource(device->context, 1, &text, NULL, &code);
    SANL_TRY(sanl_cl_check(code, "creating a program"));
    code = clBuildProgram(program, 1, &device->id, options, NULL, NULL);
    if (code != CL_SUCCESS) {
        const enum sanl_status status = build_failure(device, program, code, name, options);
        clReleaseProgram(program);
        return status;
    }
    *out = program;
    return SANL_OK;
}

/* Two independent 64-bit hashes of everything that a binary depends on: one names the file, the other is
 * stored in it. */
static uint64_t hash_program(const struct sanl_device *device, const char *name, const char *text,
                             const char *options, uint64_t seed)
{
    const char *const texts[] = {name,
                                 text,
                                 options,
                                 device->info.name,
                                 device->info.vendor,
                                 device->info.driver,
                                 device->info.version,
                                 device->info.platform,
                                 device->info.platform_version};
    uint64_t h = sanl_mix64(seed);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++, h = sanl_mix64(h + seed))
        for (const char *p = texts[i]; *p; p++)
            h = (h ^ (unsigned char)*p) * 0x100000001B3u;
    return h;
}

enum sanl_status sanl_program_get(cl_program *out, struct sanl_device *device, const char *source_name,
                                  const char *options)
{
    char key[1024], name[64], all[1024];
    snprintf(key, sizeof key, "%s %s", source_name, options);
    for (struct program *p = device->programs; p; p = p->next)
        if (strcmp(p->key, key) == 0) {
            *out = p->handle;
            return SANL_OK;
        }
    const struct sanl_source *source = find_source(source_name);
    if (!source)
        return sanl_fail(SANL_ERR_INTERNAL, "there is no kernel source cl/%s.cl", source_name);
    snprintf(all, sizeof all, "%s%s %s", BASE_OPTIONS, device->info.fma ? " -DHAS_FMA" : "", options);
    struct program *entry = sanl_calloc(1, sizeof *entry);
    char *text = NULL;
    enum sanl_status status = entry && (entry->key = sanl_strdup(key)) ? SANL_OK : SANL_ERR_MEMORY;
    if (status == SANL_OK)
        status = source_text(&text, source);
    if (status == SANL_OK) {
        snprintf(name, sizeof name, "%s-%016llx", source_name,
                 (unsigned long long)hash_program(device, source_name, text, all, 1));
        const uint64_t check = hash_program(device, source_name, text, all, 2);
        if (!sanl_binary_load(&entry->handle, device, name, check)) {
            status = build(&entry->handle, device, source_name, text, all);
            if (status == SANL_OK)
                sanl_binary_store(device, entry->handle, name, check);
        }
    }
    free(text);
    if (status != SANL_OK) {
        if (entry)
            free(entry->key);
        free(entry);
        return status;
    }
    entry->next = device->programs;
    device->programs = entry;
    *out = entry->handle;
    return SANL_OK;
}

/* Some drivers say less than a kernel's source asks for and yet run it with that. */
static size_t max_group_of(cl_kernel kernel, const struct sanl_device *device)
{
    size_t wanted[3] = {0}, most = 0;
    if (clGetKernelWorkGroupInfo(kernel, device->id, CL_KERNEL_COMPILE_WORK_GROUP_SIZE, sizeof wanted, wanted,
                                 NULL) == CL_SUCCESS &&
        wanted[0] > 0)
        return wanted[0] * wanted[1] * wanted[2];
    if (clGetKernelWorkGroupInfo(kernel, device->id, CL_KERNEL_WORK_GROUP_SIZE, sizeof most, &most, NULL) !=
            CL_SUCCESS ||
        most == 0)
        return 1;
    return most;
}

enum sanl_status sanl_kernel_get(struct sanl_kernel **out, struct sanl_device *device, const char *source,
                                 const char *name, const char *options)
{
    char key[1024];
    snprintf(key, sizeof key, "%s %s %s", source, name, options);
    struct sanl_kernel **bucket = &device->kernels[sanl_hash_text(key) % KERNEL_BUCKETS];
    for (struct sanl_kernel *k = *bucket; k; k = k->next)
        if (strcmp(k->key, key) == 0) {
            *out = k;
            return SANL_OK;
        }
    cl_program program;
    cl_int code = CL_SUCCESS;
    SANL_TRY(sanl_program_get(&program, device, source, options));
    struct sanl_kernel *kernel = sanl_calloc(1, sizeof *kernel);
    if (!kernel || !(kernel->key = sanl_strdup(key)) || !(kernel->name = sanl_strdup(name))) {
        if (kernel)
            free(kernel->key);
        free(kernel);
        return SANL_ERR_MEMORY;
    }
    kernel->handle = clCreateKernel(program, name, &code);
    if (code != CL_SUCCESS) {
        free(kernel->key);
        free(kernel->name);
        free(kernel);
        return code == CL_INVALID_KERNEL_NAME
                   ? sanl_fail(SANL_ERR_INTERNAL, "cl/%s.cl has no kernel %s", source, name)
                   : sanl_cl_check(code, name);
    }
    kernel->max_group = max_group_of(kernel->handle, device);
    kernel->next = *bucket;
    *bucket = kernel;
    *out = kernel;
    return SANL_OK;
}

size_t sanl_kernel_max_group(const struct sanl_kernel *kernel)
{
    return kernel->max_group;
}

void sanl_programs_free(struct sanl_device *device)
{
    for (int i = 0; i < KERNEL_BUCKETS; i++)
        for (struct sanl_kernel *k = device->kernels[i], *next; k; k = next) {
            next = k->next;
            clReleaseKernel(k->handle);
            free(k->key);
            free(k->name);
            free(k);
        }
    for (struct program *p = device->programs, *next; p; p = next) {
        next = p->next;
        clReleaseProgram(p->handle);
        free(p->key);
        free(p);
    }
}
