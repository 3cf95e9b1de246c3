/* Devices that cannot be used, as drivers describe them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <CL/cl.h>
#include <sanlcl/device.h>
#include <sanlcl/status.h>

/* What the driver's answers are replaced by; NULL: they are not. */
static const char *version, *language, *profile, *extensions;
static cl_bool available, compiler;

cl_int clGetDeviceInfo(cl_device_id device, cl_device_info name, size_t bytes, void *value, size_t *needed)
{
    static cl_int (*driver)(cl_device_id, cl_device_info, size_t, void *, size_t *);
    if (!driver)
        *(void **)&driver = dlsym(RTLD_NEXT, "clGetDeviceInfo");
    const cl_int code = driver(device, name, bytes, value, needed);
    const char *text = name == CL_DEVICE_VERSION            ? version
                       : name == CL_DEVICE_OPENCL_C_VERSION ? language
                       : name == CL_DEVICE_PROFILE          ? profile
                       : name == CL_DEVICE_EXTENSIONS       ? extensions
                                                            : NULL;
    if (text && value && strlen(text) < bytes)
        strcpy(value, text);
    if (name == CL_DEVICE_AVAILABLE && value)
        *(cl_bool *)value = available;
    if (name == CL_DEVICE_COMPILER_AVAILABLE && value)
        *(cl_bool *)value = compiler;
    return code;
}

static int describe_well(void **state)
{
    (void)state;
    version = language = profile = extensions = NULL;
    available = compiler = CL_TRUE;
    return 0;
}

/* All devices are unusable for the reason, and none is opened; "": all are usable. */
static void expect(const char *reason)
{
    struct sanl_device_info *list;
    struct sanl_device *device;
    int count;
    assert_int_equal(sanl_device_list(&list, &count), SANL_OK);
    for (int i = 0; i < count; i++)
        assert_string_equal(list[i].unusable, reason);
    free(list);
    const enum sanl_status status = sanl_device_open(&device, NULL);
    assert_int_equal(status, *reason ? SANL_ERR_DEVICE : SANL_OK);
    if (*reason)
        assert_non_null(strstr(sanl_error_message(), reason));
    sanl_device_free(device);
}

static void versions(void **state)
{
    (void)state;
    static const char old[] = "its driver is older than OpenCL 1.2";
    expect("");
    version = "OpenCL 1.2 X";
    language = "OpenCL C 1.2 ";
    expect("");
    version = "OpenCL 1.1 Mesa 25.0.7";
    expect(old);
    version = "OpenCL 3.0 X";
    language = "OpenCL C 1.1";
    expect(old);
    language = "";
    expect(old);
    language = "OpenCL C 2.0";
    expect("");
}

static void abilities(void **state)
{
    (void)state;
    compiler = CL_FALSE;
    expect("its driver has no OpenCL C compiler");
    available = CL_FALSE;
    expect("it is not available now");
    available = compiler = CL_TRUE;
    profile = "EMBEDDED_PROFILE";
    extensions = "cl_khr_fp16";
    expect("it has no 64-bit integers");
    extensions = "cl_khr_fp16 cles_khr_int64";
    expect("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup(versions, describe_well),
                                       cmocka_unit_test_setup(abilities, describe_well)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
