/* Listing platforms and devices, and choosing one. */
#include "device/internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"

static void device_text(cl_device_id id, cl_device_info key, char *out, size_t size)
{
    char text[4096] = "";
    out[0] = 0;
    if (clGetDeviceInfo(id, key, sizeof text, text, NULL) == CL_SUCCESS) {
        const char *start = text + strspn(text, " \t");
        snprintf(out, size, "%s", start);
    }
    for (size_t n = strlen(out); n && isspace((unsigned char)out[n - 1]); n--)
        out[n - 1] = 0;
}

static uint64_t device_word(cl_device_id id, cl_device_info key, size_t size)
{
    uint64_t wide = 0;
    uint32_t narrow = 0;
    if (size == sizeof wide)
        return clGetDeviceInfo(id, key, size, &wide, NULL) == CL_SUCCESS ? wide : 0;
    return clGetDeviceInfo(id, key, size, &narrow, NULL) == CL_SUCCESS ? narrow : 0;
}

static bool has_extension(const char *list, const char *name)
{
    const size_t length = strlen(name);
    for (const char *p = strstr(list, name); p; p = strstr(p + length, name))
        if ((p == list || p[-1] == ' ') && (p[length] == 0 || p[length] == ' '))
            return true;
    return false;
}

/* True for "PREFIX 1.2 ..." and later; false also for what is not of that form. */
static bool is_1_2(const char *version, const char *prefix)
{
    const size_t length = strlen(prefix);
    int major = 0, minor = 0;
    return strncmp(version, prefix, length) == 0 && sscanf(version + length, "%d.%d", &major, &minor) == 2 &&
           (major > 1 || minor >= 2);
}

/* What all kernels and calls need. */
static const char *find_lack(const struct sanl_device_info *info, cl_device_id id, const char *extensions)
{
    char language[128], profile[64];
    device_text(id, CL_DEVICE_OPENCL_C_VERSION, language, sizeof language);
    device_text(id, CL_DEVICE_PROFILE, profile, sizeof profile);
    if (!device_word(id, CL_DEVICE_AVAILABLE, 4))
        return "it is not available now";
    if (!is_1_2(info->version, "OpenCL ") || !is_1_2(language, "OpenCL C "))
        return "its driver is older than OpenCL 1.2";
    if (!device_word(id, CL_DEVICE_COMPILER_AVAILABLE, 4))
        return "its driver has no OpenCL C compiler";
    if (strcmp(profile, "EMBEDDED_PROFILE") == 0 && !has_extension(extensions, "cles_khr_int64"))
        return "it has no 64-bit integers";
    return "";
}

static void describe(struct sanl_device_info *info, cl_platform_id platform, cl_device_id id)
{
    char extensions[16384] = "";
    (void)clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, sizeof extensions, extensions, NULL);
    extensions[sizeof extensions - 1] = 0;
    (void)clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof info->platform, info->platform, NULL);
    (void)clGetPlatformInfo(platform, CL_PLATFORM_VERSION, sizeof info->platform_version,
                            info->platform_version, NULL);
    device_text(id, CL_DEVICE_NAME, info->name, sizeof info->name);
    device_text(id, CL_DEVICE_VENDOR, info->vendor, sizeof info->vendor);
    device_text(id, CL_DRIVER_VERSION, info->driver, sizeof info->driver);
    device_text(id, CL_DEVICE_VERSION, info->version, sizeof info->version);
    const uint64_t type = device_word(id, CL_DEVICE_TYPE, 8);
    snprintf(info->type, sizeof info->type, "%s",
             type & CL_DEVICE_TYPE_GPU   ? "GPU"
             : type & CL_DEVICE_TYPE_CPU ? "CPU"
                                         : "accelerator");
    info->memory_bytes = device_word(id, CL_DEVICE_GLOBAL_MEM_SIZE, 8);
    info->max_alloc_bytes = device_word(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, 8);
    info->local_bytes = device_word(id, CL_DEVICE_LOCAL_MEM_SIZE, 8);
    info->constant_bytes = device_word(id, CL_DEVICE_MAX_CONSTANT_BUFFER_SIZE, 8);
    info->cache_bytes = device_word(id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, 8);
    info->compute_units = (uint32_t)device_word(id, CL_DEVICE_MAX_COMPUTE_UNITS, 4);
    if (info->compute_units == 0)
        info->compute_units = 1; /* the query failed */
    info->clock_mhz = (uint32_t)device_word(id, CL_DEVICE_MAX_CLOCK_FREQUENCY, 4);
    info->max_work_group = device_word(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(size_t));
    info->base_align_bytes = (uint32_t)device_word(id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, 4) / 8;
    if (info->base_align_bytes < 64)
        info->base_align_bytes = 64;
    info->float_width = (uint32_t)device_word(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, 4);
    info->images = device_word(id, CL_DEVICE_IMAGE_SUPPORT, 4) != 0;
    info->unified_memory = device_word(id, CL_DEVICE_HOST_UNIFIED_MEMORY, 4) != 0;
    info->fma = (device_word(id, CL_DEVICE_SINGLE_FP_CONFIG, 8) & CL_FP_FMA) != 0;
    info->fp16 = has_extension(extensions, "cl_khr_fp16");
    info->fp64 = has_extension(extensions, "cl_khr_fp64");
    info->subgroups =
        has_extension(extensions, "cl_khr_subgroups") || has_extension(extensions, "cl_intel_subgroups");
    snprintf(info->unusable, sizeof info->unusable, "%s", find_lack(info, id, extensions));
}

/* GPUs first, then accelerators, then CPUs, then what cannot be used; otherwise as the platforms list them.
 */
static int rank_of(const struct sanl_device_info *info)
{
    return info->unusable[0] ? 3 : info->type[0] == 'G' ? 0 : info->type[0] == 'a' ? 1 : 2;
}

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    const int difference = rank_of(&x->info) - rank_of(&y->info);
    return difference ? difference : x->info.index - y->info.index;
}

static bool is_pocl(cl_platform_id platform)
{
    char name[256] = "";
    (void)clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof name - 1, name, NULL);
    return strstr(name, "Portable Computing Language") != NULL;
}

/* Where PoCL keeps what it builds; free() it. */
static char *pocl_cache_folder(void)
{
    const char *own = getenv("POCL_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (own)
        return sanl_strdup(own);
    if (xdg && *xdg)
        return sanl_format("%s/pocl/kcache", xdg);
    return home && *home ? sanl_format("%s/.cache/pocl/kcache", home) : sanl_strdup("/tmp/pocl/kcache");
}

/* Why no platform has a device. PoCL, which always has the CPU, hides it when it cannot write its cache. */
static enum sanl_status fail_without_device(const cl_platform_id *platforms, cl_uint count)
{
    for (cl_uint p = 0; p < count; p++) {
        char *cache = is_pocl(platforms[p]) ? pocl_cache_folder() : NULL;
        const bool fine = !cache || (sanl_folder_make(cache) == SANL_OK && access(cache, W_OK) == 0);
        const enum sanl_status status =
            fine ? SANL_OK
                 : sanl_fail(SANL_ERR_DEVICE,
                             "no OpenCL device: PoCL, the driver for the CPU, cannot write its cache in %s: "
                             "set POCL_CACHE_DIR to a folder that can be written",
                             cache);
        free(cache);
        SANL_TRY(status);
    }
    return sanl_fail(SANL_ERR_DEVICE,
                     "%u OpenCL platform(s) found, but no device: check the driver and the permissions of "
                     "/dev/dri or /dev/nvidia*",
                     count);
}

enum sanl_status sanl_device_candidates(struct candidate **out, int *count)
{
    cl_platform_id platforms[32];
    cl_uint platform_count = 0;
    *out = NULL;
    *count = 0;
    const cl_int code = clGetPlatformIDs(32, platforms, &platform_count);
    if (code != CL_SUCCESS || platform_count == 0)
        return sanl_fail(SANL_ERR_DEVICE,
                         "no OpenCL platform found: install the OpenCL driver of your GPU, or "
                         "pocl-opencl-icd to run on the CPU");
    struct candidate *list = NULL;
    size_t capacity = 0;
    for (cl_uint p = 0; p < platform_count && p < 32; p++) {
        cl_device_id ids[64];
        cl_uint found = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, 64, ids, &found) != CL_SUCCESS)
            continue;
        for (cl_uint d = 0; d < found && d < 64; d++) {
            if (sanl_grow(&list, &capacity, (size_t)*count + 1, sizeof *list) != SANL_OK) {
                free(list);
                return SANL_ERR_MEMORY;
            }
            struct candidate *c = &list[*count];
            memset(c, 0, sizeof *c);
            c->platform = platforms[p];
            c->id = ids[d];
            c->info.index = (*count)++;
            describe(&c->info, c->platform, c->id);
        }
    }
    if (*count == 0) {
        free(list);
        return fail_without_device(platforms, platform_count < 32 ? platform_count : 32);
    }
    qsort(list, (size_t)*count, sizeof *list, compare_candidates);
    for (int i = 0; i < *count; i++)
        list[i].info.index = i;
    *out = list;
    return SANL_OK;
}

enum sanl_status sanl_device_list(struct sanl_device_info **out, int *count)
{
    struct candidate *list;
    *out = NULL;
    SANL_TRY(sanl_device_candidates(&list, count));
    *out = sanl_calloc((size_t)*count, sizeof **out);
    for (int i = 0; *out && i < *count; i++)
        (*out)[i] = list[i].info;
    free(list);
    return *out ? SANL_OK : SANL_ERR_MEMORY;
}

static bool contains_ignoring_case(const char *text, const char *part)
{
    for (; *text; text++) {
        size_t i = 0;
        while (part[i] && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (!part[i])
            return true;
    }
    return false;
}

/* The number of a model, such as 4090, as one of the text's; of fewer digits it is an index. */
static bool names_number(const char *text, const char *number)
{
    const size_t length = strlen(number);
    for (const char *at = text; length >= 3 && (at = strstr(at, number)); at++)
        if ((at == text || !isdigit((unsigned char)at[-1])) && !isdigit((unsigned char)at[length]))
            return true;
    return false;
}

enum sanl_status sanl_device_choose(int *chosen, const struct candidate *list, int count, const char *select)
{
    char *end = NULL;
    *chosen = 0;
    if (!select || !*select)
        return SANL_OK;
    const long index = strtol(select, &end, 10);
    const bool number = *end == 0;
    if (number && index >= 0 && index < count) {
        *chosen = (int)index;
        return SANL_OK;
    }
    for (int i = 0; i < count; i++)
        if (number ? names_number(list[i].info.name, select)
                   : contains_ignoring_case(list[i].info.name, select) ||
                         contains_ignoring_case(list[i].info.platform, select)) {
            *chosen = i;
            return SANL_OK;
        }
    if (number)
        return sanl_fail(SANL_ERR_DEVICE,
                         "no device %s: there are %d, numbered from 0, and none has it in its name ('sanlcl "
                         "devices' lists them)",
                         select, count);
    return sanl_fail(SANL_ERR_DEVICE,
                     "no device has '%s' in its name or platform ('sanlcl devices' lists them)", select);
}
