/* Details of the memory-bound operators that their cases do not reach. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ops/op.h"
#include "ops/sweep.h"

static struct sanl_device *open_route(enum sanl_route route)
{
    struct sanl_device *device;
    const struct sanl_device_options options = {.route = route};
    if (sanl_device_open(&device, &options) == SANL_OK)
        return device;
    print_error("%s\n", sanl_error_message());
    return NULL;
}

/* Among equal values the first in row-major order takes the gradient, in kernel and reference. */
static void test_ties(void **state)
{
    (void)state;
    enum { SIDE = 4, OUT = 2, COUNT = SIDE * SIDE, OUT_COUNT = OUT * OUT };
    static const float x[COUNT] = {0, 0, 1, 0, 0, 0, 0, 1, 5, 5, -1, -2, 5, 5, -1, -1};
    static const float dy[OUT_COUNT] = {1, 2, 3, 4};
    static const float expected[COUNT] = {1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0};
    float dx[COUNT];
    double host_x[COUNT], host_dy[OUT_COUNT], host_y[OUT_COUNT], host_place[OUT_COUNT], host_dx[COUNT];
    struct sanl_device *device = open_route(SANL_ROUTE_AUTO);
    assert_non_null(device);
    struct sanl_op_call call = sanl_op_call_of(sanl_op_find("pool2d"));
    call.in_count = 1;
    call.in_shape[0] = (struct sanl_shape){1, SIDE, SIDE, 1};
    call.training = true;
    assert_int_equal(call.op->infer(&call, device), SANL_OK);
    assert_true(sanl_shape_equal(call.out_shape[0], (struct sanl_shape){1, OUT, OUT, 1}));

    assert_int_equal(sanl_buffer_create(&call.in[0], device, sizeof x), SANL_OK);
    assert_int_equal(sanl_buffer_create(&call.din[0], device, sizeof dx), SANL_OK);
    assert_int_equal(sanl_buffer_create(&call.out[0], device, sizeof dy), SANL_OK);
    assert_int_equal(sanl_buffer_create(&call.dout[0], device, sizeof dy), SANL_OK);
    assert_int_equal(sanl_buffer_create(&call.saved[0], device, sizeof dy), SANL_OK);
    assert_int_equal(sanl_buffer_write(device, call.in[0], 0, x, sizeof x), SANL_OK);
    assert_int_equal(sanl_buffer_write(device, call.dout[0], 0, dy, sizeof dy), SANL_OK);
    assert_int_equal(call.op->forward(&call, device), SANL_OK);
    assert_int_equal(call.op->backward(&call, device), SANL_OK);
    assert_int_equal(sanl_buffer_read(device, call.din[0], 0, dx, sizeof dx), SANL_OK);

    for (int i = 0; i < COUNT; i++)
        host_x[i] = x[i];
    for (int i = 0; i < OUT_COUNT; i++)
        host_dy[i] = dy[i];
    const struct sanl_op_host host = {
        .in = {host_x}, .out = {host_y}, .saved = {host_place}, .din = {host_dx}, .dout = {host_dy}};
    call.op->reference_forward(&call, &host);
    call.op->reference_backward(&call, &host);
    for (int i = 0; i < COUNT; i++) {
        assert_true(dx[i] == expected[i]);
        assert_true(host_dx[i] == (double)expected[i]);
    }
    sanl_buffer_free(call.in[0]);
    sanl_buffer_free(call.din[0]);
    sanl_buffer_free(call.out[0]);
    sanl_buffer_free(call.dout[0]);
    sanl_buffer_free(call.saved[0]);
    sanl_device_free(device);
}

/* Pieces cover the rows, none is empty, whatever their number. */
static void test_pieces(void **state)
{
    (void)state;
    for (size_t rows = 1; rows < 100000; rows = rows * 5 / 4 + 1) {
        const struct sanl_pieces pieces = sanl_pieces_of(rows, rows % 2 == 0);
        assert_true((size_t)pieces.count * (size_t)pieces.length >= rows);
        assert_true((size_t)(pieces.count - 1) * (size_t)pieces.length < rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
