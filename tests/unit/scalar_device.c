/* Preloaded, lets a processor's driver report vectors of one float, as GPUs do: the tile family without a
 * route that is given, and so every choice of kernels that tuning has there. */
#define _GNU_SOURCE
#include <dlfcn.h>

#include <CL/cl.h>

cl_int clGetDeviceInfo(cl_device_id device, cl_device_info name, size_t bytes, void *value, size_t *needed)
{
    static cl_int (*driver)(cl_device_id, cl_device_info, size_t, void *, size_t *);
    if (!driver)
        *(void **)&driver = dlsym(RTLD_NEXT, "clGetDeviceInfo");
    const cl_int code = driver(device, name, bytes, value, needed);
    if (name == CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT && code == CL_SUCCESS && value)
        *(cl_uint *)value = 1;
    return code;
}
