/* device/: listing, choosing, buffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
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
    int chosen = -1;
    assert_int_equal(sanl_device_choose(&chosen, list, 2, NULL), SANL_OK);
    assert_int_equal(chosen, 0);
    assert_int_equal(sanl_device_choose(&chosen, list, 2, "1"), SANL_OK);
    assert_int_equal(chosen, 1);
    assert_int_equal(sanl_device_choose(&chosen, list, 2, "radeon"), SANL_OK);
    assert_int_equal(chosen, 0);
    assert_int_equal(sanl_device_choose(&chosen, list, 2, "2"), SANL_ERR_DEVICE);
    assert_non_null(strstr(sanl_error_message(), "no device 2"));
    assert_int_equal(sanl_device_choose(&chosen, list, 2, "GeForce"), SANL_ERR_DEVICE);
    assert_non_null(strstr(sanl_error_message(), "sanlcl devices"));
}

static void buffers_hold_their_parts(void **state)
{
    (void)state;
    struct sanl_device *device;
    assert_int_equal(sanl_device_open(&device, NULL), SANL_OK);
    const size_t align = sanl_device_get_info(device)->base_align_bytes;
    cl_mem whole, part;
    assert_int_equal(sanl_buffer_create(&whole, device, 4 * align), SANL_OK);
    assert_int_equal(sanl_buffer_fill(device, whole, align, 1.0f), SANL_OK);
    assert_int_equal(sanl_buffer_part(&part, whole, align, 8), SANL_OK);
    const float values[2] = {2, 3};
    float back[4];
    assert_int_equal(sanl_buffer_write(device, part, 0, values, 8), SANL_OK);
    assert_int_equal(sanl_buffer_read(device, whole, align - 4, back, 16), SANL_OK);
    assert_true(back[0] == 1 && back[1] == 2 && back[2] == 3 && back[3] == 1);
    sanl_buffer_free(part);
    sanl_buffer_free(whole);
    assert_int_equal(sanl_buffer_create(&whole, device, SIZE_MAX / 2), SANL_ERR_LIMIT);
    struct sanl_kernel *kernel;
    assert_int_equal(sanl_kernel_get(&kernel, device, "none_such", "x", ""), SANL_ERR_INTERNAL);
    assert_int_equal(sanl_device_finish(device), SANL_OK);
    sanl_device_free(device);
    assert_int_equal(sanl_device_open(&device, &(struct sanl_device_options){.select = "99"}),
                     SANL_ERR_DEVICE);
    assert_null(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_are_listed),
        cmocka_unit_test(devices_are_chosen),
        cmocka_unit_test(buffers_hold_their_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
