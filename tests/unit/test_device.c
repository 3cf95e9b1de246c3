/* device/: listing, choosing, buffers, the cache of programs. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "device/internal.h"

static void devices_are_listed(void **state)
{
    (void)state;
    struct sanl_device_info *list;
    int count;
    assert_int_equal(sanl_device_list(&list, &count), SANL_OK);
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        assert_int_equal(list[i].index, i);
        assert_true(list[i].name[0] && list[i].memory_bytes > 0 && list[i].max_alloc_bytes > 0);
        if (i && list[i].type[0] == 'G')
            assert_true(list[i - 1].type[0] == 'G');
    }
    free(list);
}

static void devices_are_chosen(void **state)
{
    (void)state;
    struct candidate list[2] = {{.info = {.name = "Radeon RX 6600"}}, {.info = {.name = "pthread-skylake"}}};
    struct candidate digits[1] = {{.info = {.name = "GeForce RTX 4090"}}};
    int chosen = -1;
    assert_int_equal(sanl_device_choose(&chosen, list, 2, NULL), SANL_OK);
    assert_int_equal(chosen, 0);
    assert_int_equal(sanl_device_choose(&chosen, list, 2, "1"), SANL_OK);
    assert_int_equal(chosen, 1);
    assert_int_equal(sanl_device_choose(&chosen, list, 2, "radeon"), SANL_OK);
    assert_int_equal(chosen, 0);
    assert_int_equal(sanl_device_choose(&chosen, list, 2, "2"), SANL_ERR_DEVICE);
    assert_non_null(strstr(sanl_error_message(), "no device 2"));
    assert_int_equal(sanl_device_choose(&chosen, list, 2, "6600"), SANL_OK);
    assert_int_equal(chosen, 0);
    assert_int_equal(sanl_device_choose(&chosen, digits, 1, "4090"), SANL_OK);
    assert_int_equal(sanl_device_choose(&chosen, digits, 1, "4"), SANL_ERR_DEVICE);
    assert_int_equal(sanl_device_choose(&chosen, digits, 1, "409"), SANL_ERR_DEVICE);
    assert_int_equal(sanl_device_choose(&chosen, digits, 1, "-1"), SANL_ERR_DEVICE);
    assert_int_equal(sanl_device_choose(&chosen, list, 2, "GeForce"), SANL_ERR_DEVICE);
    assert_non_null(strstr(sanl_error_message(), "sanlcl devices"));
}

static void buffers_hold_their_parts(void **state)
{
    (void)state;
    struct sanl_device *device;
    assert_int_equal(sanl_device_open(&device, NULL), SANL_OK);
    const size_t align = sanl_device_get_info(device)->base_align_bytes;
    sanl_buffer whole, part;
    assert_int_equal(sanl_buffer_create(&whole, device, 4 * align), SANL_OK);
    assert_int_equal(sanl_buffer_fill(device, whole, align, 1.0f), SANL_OK);
    assert_int_equal(sanl_buffer_part(&part, whole, align, 8), SANL_OK);
    const float values[2] = {2, 3};
    float back[4];
    assert_int_equal(sanl_buffer_write(device, part, 0, values, 8), SANL_OK);
    assert_int_equal(sanl_buffer_read(device, whole, align - 4, back, 16), SANL_OK);
    assert_true(back[0] == 1 && back[1] == 2 && back[2] == 3 && back[3] == 1);
    sanl_buffer inner, over;
    assert_int_equal(sanl_buffer_part(&inner, part, 4, 4), SANL_OK);
    assert_int_equal(sanl_buffer_part(&over, whole, 3 * align, align + 1), SANL_ERR_INTERNAL);
    assert_null(over);
    assert_int_equal(sanl_buffer_write(device, part, 4, values, 8), SANL_ERR_INTERNAL);
    assert_int_equal(sanl_buffer_read(device, part, 9, back, 1), SANL_ERR_INTERNAL);
    assert_int_equal(sanl_buffer_copy(device, whole, part, 0, 4, 8), SANL_ERR_INTERNAL);
    assert_int_equal(sanl_buffer_fill(device, part, 3, 0.0f), SANL_ERR_INTERNAL);
    assert_int_equal(sanl_buffer_clear(device, part, 8, 4), SANL_ERR_INTERNAL);
    sanl_buffer_free(part); /* the memory lives on */
    sanl_buffer_free(whole);
    assert_int_equal(sanl_device_most_allocated(device), 4 * align);
    assert_int_equal(sanl_buffer_read(device, inner, 0, back, 4), SANL_OK);
    assert_true(back[0] == 3);
    sanl_buffer_free(inner);
    assert_int_equal(sanl_buffer_create(&whole, device, SIZE_MAX / 2), SANL_ERR_LIMIT);
    struct sanl_kernel *kernel;
    assert_int_equal(sanl_kernel_get(&kernel, device, "none_such", "x", ""), SANL_ERR_INTERNAL);
    assert_int_equal(sanl_device_finish(device), SANL_OK);
    sanl_device_free(device);
    assert_int_equal(sanl_device_open(&device, &(struct sanl_device_options){.select = "99"}),
                     SANL_ERR_DEVICE);
    assert_null(device);
}

static void pointers_get_offsets(void **state)
{
    (void)state;
    static const char text[] = "/* a kernel (x) */ static void f(global float *p) {}\n"
                               "__kernel __attribute__((reqd_work_group_size(A, (B), 1))) void\n"
                               "g(global const VEC *restrict x, int n, local float *s,\n"
                               "  __global float* y)\n{ // kernel (\n  y[0] = x[n]; }\n"
                               "kernel void h(int kernels) { }";
    static const char wanted[] =
        "/* a kernel (x) */ static void f(global float *p) {}\n"
        "__kernel __attribute__((reqd_work_group_size(A, (B), 1))) void\n"
        "g(global const VEC *restrict x, ulong x_from, int n, local float *s,\n"
        "  __global float* y, ulong y_from)\n{ x = (global void *)((global char *)x + x_from);"
        " y = (global void *)((global char *)y + y_from); // kernel (\n  y[0] = x[n]; }\n"
        "kernel void h(int kernels) { }";
    char *made = sanl_source_with_offsets(text, sizeof text - 1);
    assert_string_equal(made, wanted);
    free(made);
    for (size_t length = 0; length < sizeof text; length++) { /* cut off anywhere */
        made = sanl_source_with_offsets(text, length);
        assert_non_null(made);
        free(made);
    }
}

/* ---- the cache on disk --------------------------------------------------------------------------- */

/* The entry of cl/relu.cl in `folder`, "" when there is none: its path and what identifies the file. */
static void find_entry(char path[512], struct stat *info, const char *folder)
{
    path[0] = 0;
    memset(info, 0, sizeof *info);
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strncmp(entry->d_name, "relu-", 5) == 0)
            snprintf(path, 512, "%s/%s", folder, entry->d_name);
    closedir(dir);
    if (path[0])
        assert_int_equal(stat(path, info), 0);
}

/* Opens the device anew and runs a kernel. */
static void run_relu(void)
{
    struct sanl_device *device;
    sanl_buffer x, y;
    const float in[3] = {-1, 2, -3};
    float out[3] = {9, 9, 9};
    assert_int_equal(sanl_device_open(&device, NULL), SANL_OK);
    assert_int_equal(sanl_buffer_create(&x, device, sizeof in), SANL_OK);
    assert_int_equal(sanl_buffer_create(&y, device, sizeof in), SANL_OK);
    assert_int_equal(sanl_buffer_write(device, x, 0, in, sizeof in), SANL_OK);
    assert_int_equal(
        sanl_launch_1d(device, "relu", "relu_forward", "-DVEC=float", 3, "lib2", (int64_t)3, 1, x, y),
        SANL_OK);
    assert_int_equal(sanl_buffer_read(device, y, 0, out, sizeof out), SANL_OK);
    assert_true(out[0] == 0 && out[1] == 2 && out[2] == 0);
    sanl_buffer_free(x);
    sanl_buffer_free(y);
    sanl_device_free(device);
}

/* An entry is written once, read from then on, and made anew when anything about it is wrong. */
static void programs_are_cached(void **state)
{
    (void)state;
    char root[] = "/tmp/sanlcl_cache_XXXXXX", folder[64], path[512], command[128];
    struct stat first, now, again;
    assert_non_null(mkdtemp(root));
    snprintf(folder, sizeof folder, "%s/sanlcl", root);
    assert_int_equal(setenv("XDG_CACHE_HOME", root, 1), 0);
    run_relu();
    find_entry(path, &first, folder);
    assert_true(path[0] && first.st_size > 32);
    run_relu();
    find_entry(path, &now, folder);
    assert_true(now.st_ino == first.st_ino && now.st_mtim.tv_nsec == first.st_mtim.tv_nsec);
    for (int damage = 0; damage < 4; damage++) {
        FILE *file = fopen(path, "r+b");
        assert_non_null(file);
        if (damage < 3) { /* a byte of the magic, of the check, of the binary */
            assert_int_equal(fseek(file, (const long[]){0, 9, 60}[damage], SEEK_SET), 0);
            fputc(0xA5, file);
        } else {
            assert_int_equal(ftruncate(fileno(file), first.st_size / 2), 0);
        }
        fclose(file);
        run_relu();
        find_entry(path, &now, folder);
        assert_true(now.st_ino != first.st_ino); /* maybe of another size: PoCL adds what others compiled */
        run_relu();
        find_entry(path, &again, folder);
        assert_true(again.st_ino == now.st_ino && again.st_mtim.tv_nsec == now.st_mtim.tv_nsec);
        first = now;
    }
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    assert_int_equal(system(command), 0);
}

/* A driver that keeps its programs itself, and hands them out slowly, is left to it. */
static void pocl_caches_itself(void **state)
{
    (void)state;
    char root[] = "/tmp/sanlcl_cache_XXXXXX", folder[64], path[512];
    struct stat info;
    struct sanl_device_info *list;
    int count;
    assert_int_equal(sanl_device_list(&list, &count), SANL_OK);
    const bool pocl = strcmp(list[0].platform, "Portable Computing Language") == 0;
    free(list);
    if (!pocl)
        skip();
    assert_non_null(mkdtemp(root));
    snprintf(folder, sizeof folder, "%s/sanlcl", root);
    assert_int_equal(setenv("XDG_CACHE_HOME", root, 1), 0);
    assert_int_equal(unsetenv("POCL_KERNEL_CACHE"), 0);
    run_relu();
    find_entry(path, &info, folder);
    assert_string_equal(path, "");
    assert_int_equal(rmdir(root), 0);
}

int main(void)
{
    /* PoCL's own cache off: ours is in use. PoCL reads this once. */
    if (setenv("POCL_KERNEL_CACHE", "0", 1) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_are_listed),       cmocka_unit_test(devices_are_chosen),
        cmocka_unit_test(buffers_hold_their_parts), cmocka_unit_test(pointers_get_offsets),
        cmocka_unit_test(programs_are_cached),      cmocka_unit_test(pocl_caches_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
