/* device/profile.c: times by kernel and by operator, the trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>
#include "ops/work.h"

enum { COUNT = 1000, LIMIT = 200000 };

static struct sanl_device *device;
static struct sanl_op_call relu;

static int open_device(void **state)
{
    (void)state;
    if (sanl_device_open(&device, &(struct sanl_device_options){.trace = true}) != SANL_OK) {
        print_error("%s\n", sanl_error_message());
        return -1;
    }
    relu = sanl_op_call_of(sanl_op_find("relu"));
    relu.in_count = 1;
    relu.in_shape[0] = (struct sanl_shape){1, 1, 1, COUNT};
    assert_int_equal(relu.op->infer(&relu, device), SANL_OK);
    assert_int_equal(sanl_buffer_create(&relu.in[0], device, COUNT * sizeof(float)), SANL_OK);
    assert_int_equal(sanl_buffer_create(&relu.out[0], device, COUNT * sizeof(float)), SANL_OK);
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    sanl_buffer_free(relu.in[0]);
    sanl_buffer_free(relu.out[0]);
    sanl_device_free(device);
    return 0;
}

static void run_relu(int times)
{
    for (int i = 0; i < times; i++)
        assert_int_equal(sanl_work_forward(&relu, device, "a \"layer\" \\ of \n text"), SANL_OK);
}

/* The row whose name starts so; its seconds are 0 when there is none. */
static struct sanl_device_time row_of(enum sanl_device_times_of of, const char *start, double *total)
{
    struct sanl_device_time *times, found = {.seconds = 0};
    int count;
    assert_int_equal(sanl_device_times(&times, &count, device, of), SANL_OK);
    *total = 0;
    for (int i = 0; i < count; i++) {
        *total += times[i].seconds;
        assert_true(i == 0 || times[i].seconds <= times[i - 1].seconds);
        if (strncmp(times[i].name, start, strlen(start)) == 0)
            found = times[i];
    }
    free(times);
    return found;
}

static void test_times(void **state)
{
    (void)state;
    const float values[COUNT] = {0};
    double kernels, operators;
    assert_int_equal(sanl_device_clear_times(device), SANL_OK);
    assert_int_equal(sanl_buffer_write(device, relu.in[0], 0, values, sizeof values), SANL_OK);
    run_relu(7);
    const struct sanl_device_time kernel = row_of(SANL_TIMES_OF_KERNELS, "relu relu_forward", &kernels);
    assert_int_equal(kernel.runs, 7);
    assert_true(kernel.seconds > 0);
    assert_int_equal(row_of(SANL_TIMES_OF_KERNELS, "(upload)", &kernels).runs, 1);
    const struct sanl_device_time op = row_of(SANL_TIMES_OF_OPERATORS, "relu forward", &operators);
    assert_int_equal(op.runs, 7);
    assert_true(op.bytes == 7 * 2 * 4.0 * COUNT);
    assert_true(op.seconds > 0.999 * kernel.seconds && op.seconds < 1.001 * kernel.seconds);
    assert_true(row_of(SANL_TIMES_OF_OPERATORS, "other", &operators).seconds > 0); /* the upload */
    assert_true(operators > 0.999 * kernels && operators < 1.001 * kernels);

    assert_int_equal(sanl_device_clear_times(device), SANL_OK);
    (void)row_of(SANL_TIMES_OF_KERNELS, "", &kernels);
    (void)row_of(SANL_TIMES_OF_OPERATORS, "", &operators);
    assert_true(kernels == 0 && operators == 0);
}

/* More groups in a dimension than some devices take are launched in parts, which find their places. */
static void test_many_groups(void **state)
{
    (void)state;
    enum { PICTURES = 40000, PIXELS = 4, LINES_AT_ONCE = 65535 };
    struct sanl_op_call call = sanl_op_call_of(sanl_op_find("upsample"));
    call.in_count = 1;
    call.in_shape[0] = (struct sanl_shape){PICTURES, 1, 1, 1};
    assert_int_equal(call.op->infer(&call, device), SANL_OK);
    assert_int_equal(sanl_shape_count(call.out_shape[0]), PICTURES * PIXELS);
    float *in = malloc(PICTURES * sizeof *in), *out = malloc(PICTURES * PIXELS * sizeof *out);
    assert_true(in && out);
    for (int i = 0; i < PICTURES; i++)
        in[i] = (float)i;
    assert_int_equal(sanl_buffer_create(&call.in[0], device, PICTURES * sizeof *in), SANL_OK);
    assert_int_equal(sanl_buffer_create(&call.out[0], device, PICTURES * PIXELS * sizeof *out), SANL_OK);
    assert_int_equal(sanl_buffer_write(device, call.in[0], 0, in, PICTURES * sizeof *in), SANL_OK);
    assert_int_equal(sanl_device_clear_times(device), SANL_OK);
    assert_int_equal(sanl_work_forward(&call, device, "many"), SANL_OK);
    assert_int_equal(sanl_buffer_read(device, call.out[0], 0, out, PICTURES * PIXELS * sizeof *out), SANL_OK);
    for (int i = 0; i < PICTURES * PIXELS; i++)
        assert_true(out[i] == (float)(i / PIXELS));
    double total;
    const int lines = PICTURES * 2, launches = (lines + LINES_AT_ONCE - 1) / LINES_AT_ONCE;
    assert_int_equal(row_of(SANL_TIMES_OF_KERNELS, "upsample ", &total).runs, launches);
    free(in);
    free(out);
    sanl_buffer_free(call.in[0]);
    sanl_buffer_free(call.out[0]);
}

static void test_trace(void **state)
{
    (void)state;
    char path[] = "/tmp/sanlcl_trace_XXXXXX";
    const int file = mkstemp(path);
    long saved, left_out;
    json_error_t error;
    assert_true(file >= 0);
    close(file);
    run_relu(5000); /* more than are kept before they are read */
    assert_int_equal(sanl_device_save_trace(device, path, &saved, &left_out), SANL_OK);
    assert_true(saved >= 5000 && left_out == 0);
    json_t *root = json_load_file(path, 0, &error);
    if (!root)
        print_error("%s:%d: %s\n", path, error.line, error.text);
    assert_non_null(root);
    const json_t *events = json_object_get(root, "traceEvents");
    const size_t count = json_array_size(events);
    assert_int_equal(count, saved + 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(events, 0), "ph")), "M");
    const json_t *last = json_array_get(events, count - 1), *args = json_object_get(last, "args");
    assert_string_equal(json_string_value(json_object_get(last, "name")), "relu_forward");
    assert_true(json_number_value(json_object_get(last, "ts")) > 0);
    assert_true(json_is_number(json_object_get(last, "dur")));
    assert_string_equal(json_string_value(json_object_get(args, "operator")), "relu forward");
    assert_string_equal(json_string_value(json_object_get(args, "call")),
                        "a \"layer\" \\ of \n text: in=1,1,1,1000 train=0");
    assert_int_equal(strncmp(json_string_value(json_object_get(args, "options")), "-DVEC=", 6), 0);
    for (size_t i = 3; i < count; i++) /* one queue, in order */
        assert_true(json_number_value(json_object_get(json_array_get(events, i), "ts")) >=
                    json_number_value(json_object_get(json_array_get(events, i - 1), "ts")));
    json_decref(root);
    unlink(path);
}

static void test_limit(void **state)
{
    (void)state;
    long before, saved, left_out;
    assert_int_equal(sanl_device_save_trace(device, "/dev/null", &before, &left_out), SANL_OK);
    run_relu((int)(LIMIT - before + 10));
    assert_int_equal(sanl_device_save_trace(device, "/dev/null", &saved, &left_out), SANL_OK);
    assert_int_equal(saved, LIMIT);
    assert_int_equal(left_out, 10);
}

static void test_not_asked(void **state)
{
    (void)state;
    struct sanl_device *plain;
    struct sanl_device_time *times;
    int count;
    long saved, left_out;
    assert_int_equal(sanl_device_open(&plain, NULL), SANL_OK);
    assert_int_equal(sanl_device_times(&times, &count, plain, SANL_TIMES_OF_KERNELS), SANL_OK);
    assert_null(times);
    assert_int_equal(count, 0);
    assert_int_equal(sanl_device_clear_times(plain), SANL_OK);
    assert_int_not_equal(sanl_device_save_trace(plain, "/dev/null", &saved, &left_out), SANL_OK);
    sanl_device_free(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_times), cmocka_unit_test(test_many_groups),
                                       cmocka_unit_test(test_trace), cmocka_unit_test(test_limit),
                                       cmocka_unit_test(test_not_asked)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
