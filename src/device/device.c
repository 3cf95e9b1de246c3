/* Opening a device and its queue. */
#include "device/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "device/profile.h"

static const struct {
    cl_int code;
    const char *name;
} error_names[] = {
    {CL_DEVICE_NOT_FOUND, "CL_DEVICE_NOT_FOUND"},
    {CL_DEVICE_NOT_AVAILABLE, "CL_DEVICE_NOT_AVAILABLE"},
    {CL_COMPILER_NOT_AVAILABLE, "CL_COMPILER_NOT_AVAILABLE"},
    {CL_MEM_OBJECT_ALLOCATION_FAILURE, "CL_MEM_OBJECT_ALLOCATION_FAILURE"},
    {CL_OUT_OF_RESOURCES, "CL_OUT_OF_RESOURCES"},
    {CL_OUT_OF_HOST_MEMORY, "CL_OUT_OF_HOST_MEMORY"},
    {CL_PROFILING_INFO_NOT_AVAILABLE, "CL_PROFILING_INFO_NOT_AVAILABLE"},
    {CL_MEM_COPY_OVERLAP, "CL_MEM_COPY_OVERLAP"},
    {CL_BUILD_PROGRAM_FAILURE, "CL_BUILD_PROGRAM_FAILURE"},
    {CL_MISALIGNED_SUB_BUFFER_OFFSET, "CL_MISALIGNED_SUB_BUFFER_OFFSET"},
    {CL_INVALID_VALUE, "CL_INVALID_VALUE"},
    {CL_INVALID_DEVICE, "CL_INVALID_DEVICE"},
    {CL_INVALID_CONTEXT, "CL_INVALID_CONTEXT"},
    {CL_INVALID_COMMAND_QUEUE, "CL_INVALID_COMMAND_QUEUE"},
    {CL_INVALID_MEM_OBJECT, "CL_INVALID_MEM_OBJECT"},
    {CL_INVALID_BINARY, "CL_INVALID_BINARY"},
    {CL_INVALID_BUILD_OPTIONS, "CL_INVALID_BUILD_OPTIONS"},
    {CL_INVALID_PROGRAM, "CL_INVALID_PROGRAM"},
    {CL_INVALID_PROGRAM_EXECUTABLE, "CL_INVALID_PROGRAM_EXECUTABLE"},
    {CL_INVALID_KERNEL_NAME, "CL_INVALID_KERNEL_NAME"},
    {CL_INVALID_KERNEL, "CL_INVALID_KERNEL"},
    {CL_INVALID_ARG_INDEX, "CL_INVALID_ARG_INDEX"},
    {CL_INVALID_ARG_VALUE, "CL_INVALID_ARG_VALUE"},
    {CL_INVALID_ARG_SIZE, "CL_INVALID_ARG_SIZE"},
    {CL_INVALID_KERNEL_ARGS, "CL_INVALID_KERNEL_ARGS"},
    {CL_INVALID_WORK_DIMENSION, "CL_INVALID_WORK_DIMENSION"},
    {CL_INVALID_WORK_GROUP_SIZE, "CL_INVALID_WORK_GROUP_SIZE"},
    {CL_INVALID_WORK_ITEM_SIZE, "CL_INVALID_WORK_ITEM_SIZE"},
    {CL_INVALID_GLOBAL_WORK_SIZE, "CL_INVALID_GLOBAL_WORK_SIZE"},
    {CL_INVALID_BUFFER_SIZE, "CL_INVALID_BUFFER_SIZE"},
    {CL_INVALID_OPERATION, "CL_INVALID_OPERATION"},
};

const char *sanl_cl_error_name(cl_int code)
{
    for (size_t i = 0; i < sizeof error_names / sizeof *error_names; i++)
        if (error_names[i].code == code)
            return error_names[i].name;
    return "unknown OpenCL error";
}

enum sanl_status sanl_cl_check(cl_int code, const char *what)
{
    if (code == CL_SUCCESS)
        return SANL_OK;
    const char *advice = "check the driver, or try another device with --device";
    enum sanl_status status = SANL_ERR_DEVICE;
    if (code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_HOST_MEMORY) {
        advice = "the device's memory is full; use a smaller batch or input size";
        status = SANL_ERR_MEMORY;
    } else if (code == CL_OUT_OF_RESOURCES || code == CL_INVALID_COMMAND_QUEUE) {
        advice = "the device may be lost or out of memory; close other programs that use it, use a smaller "
                 "batch, other kernels with --gemm, or another device with --device";
    } else if (code == CL_INVALID_WORK_GROUP_SIZE || code == CL_INVALID_WORK_ITEM_SIZE) {
        advice = "try other kernels with --gemm, or another device with --device";
    }
    return sanl_fail(status, "%s: %s (%d); %s", what, sanl_cl_error_name(code), (int)code, advice);
}

/* The wide kernels need a compiler that keeps float16 in vector registers: CPU drivers that report real
 * vectors do, while software GPUs such as llvmpipe report scalars and take minutes over such code. */
static enum sanl_route default_route(const struct sanl_device_info *info)
{
    return info->type[0] == 'C' && info->float_width >= 4 ? SANL_ROUTE_WIDE : SANL_ROUTE_TILE;
}

enum sanl_status sanl_device_open(struct sanl_device **out, const struct sanl_device_options *options)
{
    static const struct sanl_device_options none;
    enum sanl_status status = SANL_OK;
    struct candidate *list = NULL;
    struct sanl_device *device = NULL;
    int count = 0, chosen = 0;
    cl_int code = CL_SUCCESS;
    *out = NULL;
    options = options ? options : &none;
    if ((status = sanl_device_candidates(&list, &count)) != SANL_OK)
        goto done;
    const char *select = options->select ? options->select : getenv("SANLCL_DEVICE");
    if ((status = sanl_device_choose(&chosen, list, count, select)) != SANL_OK)
        goto done;
    if (!(device = sanl_calloc(1, sizeof *device))) {
        status = SANL_ERR_MEMORY;
        goto done;
    }
    device->platform = list[chosen].platform;
    device->id = list[chosen].id;
    device->info = list[chosen].info;
    device->route = options->route ? options->route : default_route(&device->info);
    device->route_given = options->route != SANL_ROUTE_AUTO;
    device->cache = options->no_cache ? NULL : sanl_cache_folder();
    if (device->info.unusable[0]) {
        status = sanl_fail(SANL_ERR_DEVICE, "%s (%s): %s; choose another device with --device",
                           device->info.name, device->info.platform, device->info.unusable);
        goto done;
    }
    if ((options->profile || options->trace) &&
        (status = sanl_profile_create(&device->profile, options->trace)) != SANL_OK)
        goto done;
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)device->platform,
                                                0};
    device->context = clCreateContext(properties, 1, &device->id, NULL, NULL, &code);
    if ((status = sanl_cl_check(code, device->info.name)) != SANL_OK)
        goto done;
    if (!options->no_tuned)
        sanl_device_load_tuned(device);
    device->queue = clCreateCommandQueue(device->context, device->id,
                                         device->profile ? CL_QUEUE_PROFILING_ENABLE : 0, &code);
    status = sanl_cl_check(code, device->info.name);
done:
    free(list);
    if (status != SANL_OK) {
        sanl_device_free(device);
        device = NULL;
    }
    *out = device;
    return status;
}

void sanl_device_free(struct sanl_device *device)
{
    if (!device)
        return;
    if (device->queue)
        clFinish(device->queue);
    sanl_profile_free(device->profile);
    sanl_programs_free(device);
    if (device->queue)
        clReleaseCommandQueue(device->queue);
    if (device->context)
        clReleaseContext(device->context);
    sanl_device_forget_tuned(device);
    free(device->cache);
    free(device);
}

const struct sanl_device_info *sanl_device_get_info(const struct sanl_device *device)
{
    return &device->info;
}

const char *const sanl_route_names[] = {"auto", "wide", "tile", "clblast"};

enum sanl_route sanl_device_route(const struct sanl_device *device)
{
    return device->route;
}

enum sanl_route sanl_device_family(const struct sanl_device *device)
{
    return device->route == SANL_ROUTE_CLBLAST ? default_route(&device->info) : device->route;
}

enum sanl_route sanl_device_default_route(const struct sanl_device *device)
{
    return default_route(&device->info);
}

bool sanl_device_route_is_given(const struct sanl_device *device)
{
    return device->route_given;
}

bool sanl_device_is_cpu(const struct sanl_device *device)
{
    return device->info.type[0] == 'C';
}

bool sanl_device_has_few_registers(const struct sanl_device *device)
{
    static const char *const vendors[] = {"Intel", "ARM", "Arm", "Broadcom"};
    bool few = false;
    for (size_t i = 0; i < sizeof vendors / sizeof *vendors; i++)
        few = few || strstr(device->info.vendor, vendors[i]);
    return few && !sanl_device_is_cpu(device);
}

cl_command_queue sanl_device_queue(struct sanl_device *device)
{
    return device->queue;
}

cl_device_id sanl_device_id(struct sanl_device *device)
{
    return device->id;
}

enum sanl_status sanl_device_flush(struct sanl_device *device)
{
    return sanl_cl_check(clFlush(device->queue), "starting the device's work");
}

enum sanl_status sanl_device_finish(struct sanl_device *device)
{
    return sanl_cl_check(clFinish(device->queue), "waiting for the device");
}
