/* Setting arguments and enqueueing kernels. */
#include "device/internal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "device/profile.h"

/* Groups for kernels that leave their size open: wide enough for a GPU's scheduler; few distinct sizes, for
 * some drivers compile a kernel anew for each. */
enum { GROUP_1D = 256, GROUP_ROW = 64, GROUP_SHORT_ROW = 16 };

/* Groups along dimensions 1 and 2 in one launch: as many as a grid of CUDA has there, on which NVIDIA's
 * OpenCL stands; OpenCL has no query for it. */
enum { GROUPS_MOST = 65535 };

static enum sanl_status set_arguments(cl_kernel kernel, const char *types, va_list args)
{
    cl_int code = CL_SUCCESS;
    long repeat = 0;
    for (cl_uint i = 0; *types && code == CL_SUCCESS; i++) {
        cl_mem memory;
        size_t offset;
        cl_int int_value;
        cl_uint unsigned_value;
        cl_long long_value;
        cl_float float_value;
        switch (*types) {
        case 'b':
            memory = sanl_buffer_memory(va_arg(args, sanl_buffer), &offset);
            code = clSetKernelArg(kernel, i, sizeof memory, memory ? (const void *)&memory : NULL);
            long_value = (cl_long)offset;
            if (code == CL_SUCCESS)
                code = clSetKernelArg(kernel, ++i, sizeof long_value, &long_value);
            break;
        case 'i':
            int_value = va_arg(args, int);
            code = clSetKernelArg(kernel, i, sizeof int_value, &int_value);
            break;
        case 'u':
            unsigned_value = va_arg(args, unsigned);
            code = clSetKernelArg(kernel, i, sizeof unsigned_value, &unsigned_value);
            break;
        case 'l':
            long_value = va_arg(args, int64_t);
            code = clSetKernelArg(kernel, i, sizeof long_value, &long_value);
            break;
        case 'f':
            float_value = (cl_float)va_arg(args, double);
            code = clSetKernelArg(kernel, i, sizeof float_value, &float_value);
            break;
        case 's':
            code = clSetKernelArg(kernel, i, va_arg(args, size_t), NULL);
            break;
        default:
            return sanl_fail(SANL_ERR_INTERNAL, "unknown kernel argument type '%c'", *types);
        }
        if (code == CL_OUT_OF_HOST_MEMORY || code == CL_OUT_OF_RESOURCES)
            return sanl_cl_check(code, "setting its arguments");
        if (code != CL_SUCCESS)
            return sanl_fail(SANL_ERR_INTERNAL, "argument %u of type '%c': %s", i, *types,
                             sanl_cl_error_name(code));
        if (repeat == 0)
            repeat = isdigit((unsigned char)types[1]) ? strtol(types + 1, NULL, 10) : 1;
        if (--repeat == 0)
            types += 1 + strspn(types + 1, "0123456789");
    }
    return SANL_OK;
}

static size_t default_group(const struct sanl_kernel *kernel, const struct sanl_range *range)
{
    size_t group = range->global[1] == 0                ? GROUP_1D
                   : range->global[0] > GROUP_SHORT_ROW ? GROUP_ROW
                                                        : GROUP_SHORT_ROW;
    while (group > kernel->max_group)
        group /= 2;
    return group;
}

static enum sanl_status enqueue(struct sanl_device *device, struct sanl_kernel *kernel, cl_uint dimensions,
                                const size_t *first, const size_t *global, const size_t *local)
{
    const bool offset = first[1] > 0 || first[2] > 0;
    cl_event event = NULL;
    const cl_int code =
        clEnqueueNDRangeKernel(device->queue, kernel->handle, dimensions, offset ? first : NULL, global,
                               local, 0, NULL, device->profile ? &event : NULL);
    if (code != CL_SUCCESS) {
        char what[256];
        snprintf(what, sizeof what, "kernel %s over %zux%zux%zu in groups of %zux%zux%zu", kernel->name,
                 global[0], global[1], global[2], local[0], local[1], local[2]);
        return sanl_cl_check(code, what);
    }
    return device->profile ? sanl_profile_launch(device, kernel, event) : SANL_OK;
}

static enum sanl_status launch(struct sanl_device *device, struct sanl_kernel *kernel,
                               struct sanl_range range, const char *types, va_list args)
{
    const enum sanl_status status = set_arguments(kernel->handle, types, args);
    if (status != SANL_OK)
        return sanl_fail_prefix(status, "kernel %s", kernel->name);
    size_t global[3] = {1, 1, 1}, local[3] = {1, 1, 1};
    cl_uint dimensions = 1;
    if (range.global[0] == 0)
        return SANL_OK; /* nothing to do */
    for (cl_uint d = 0; d < 3; d++)
        if (range.global[d] > 0) {
            dimensions = d + 1;
            local[d] = range.local[d] ? range.local[d] : d == 0 ? default_group(kernel, &range) : 1;
        }
    /* Kernels that take many registers can have smaller groups than the device; those to which the size
     * matters name it, or have asked. */
    while (local[0] * local[1] * local[2] > kernel->max_group && local[0] * local[1] > 1)
        local[local[1] > 1 ? 1 : 0] /= 2;
    for (cl_uint d = 0; d < dimensions; d++)
        if (range.global[d] > 0)
            global[d] = (range.global[d] + local[d] - 1) / local[d] * local[d];
    const size_t most1 = GROUPS_MOST * local[1], most2 = GROUPS_MOST * local[2];
    for (size_t k = 0; k < global[2]; k += most2)
        for (size_t j = 0; j < global[1]; j += most1) {
            const size_t first[3] = {0, j, k};
            const size_t part[3] = {global[0], global[1] - j < most1 ? global[1] - j : most1,
                                    global[2] - k < most2 ? global[2] - k : most2};
            SANL_TRY(enqueue(device, kernel, dimensions, first, part, local));
        }
    return SANL_OK;
}

enum sanl_status sanl_launch(struct sanl_device *device, struct sanl_kernel *kernel, struct sanl_range range,
                             const char *types, ...)
{
    va_list args;
    va_start(args, types);
    const enum sanl_status status = launch(device, kernel, range, types, args);
    va_end(args);
    return status;
}

enum sanl_status sanl_launch_1d(struct sanl_device *device, const char *source, const char *name,
                                const char *options, size_t count, const char *types, ...)
{
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, source, name, options));
    va_list args;
    va_start(args, types);
    const enum sanl_status status =
        launch(device, kernel, (struct sanl_range){{count, 0, 0}, {0, 0, 0}}, types, args);
    va_end(args);
    return status;
}
