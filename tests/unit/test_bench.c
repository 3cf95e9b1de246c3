/* train/bench*.c: operators one by one, a small network's stages, the JSON file. Times are only positive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>
#include <sanlcl/bench.h>
#include <sanlcl/interrupt.h>

static struct sanl_device *device;
static struct sanl_config config;
static struct sanl_bench_peaks peaks = {.flops = 1e9, .copy = 1e9, .launch = 1e-6, .flops_shape = "none"};

static int open_device(void **state)
{
    (void)state;
    sanl_config_defaults(&config);
    config.model.backbone = SANL_RESNET18;
    config.model.width = 8;
    config.model.size = 32;
    if (sanl_device_open(&device, NULL) == SANL_OK)
        return 0;
    print_error("%s\n", sanl_error_message());
    return -1;
}

static int close_device(void **state)
{
    (void)state;
    sanl_device_free(device);
    return 0;
}

static struct sanl_bench_op_options options_of(const char *op, const char *shape)
{
    return (struct sanl_bench_op_options){.config = &config,
                                          .batch = 1,
                                          .training = shape != NULL,
                                          .op = op,
                                          .shape = shape,
                                          .least = 1e-4,
                                          .rounds = 2,
                                          .peaks = &peaks};
}

static void test_shape(void **state)
{
    (void)state;
    const struct sanl_bench_op_options options = options_of("conv2d", "in=1,8,8,16 kh=3 kw=3 pad=1 cout=16");
    struct sanl_bench_op *ops;
    int count;
    assert_int_equal(sanl_bench_ops(&ops, &count, device, &options), SANL_OK);
    assert_int_equal(count, 3);
    for (int i = 0; i < count; i++) {
        assert_string_equal(ops[i].op, "conv2d");
        assert_string_equal(ops[i].shape, options.shape);
        assert_int_equal(ops[i].count, 1);
        assert_true(ops[i].flops == 2.0 * 8 * 8 * 16 * 16 * 9);
        assert_true(ops[i].seconds > 0);
        assert_true(i == 0 || ops[i].seconds <= ops[i - 1].seconds);
        /* 295 us of compute at these peaks, 1 us to launch, about 60 us of memory */
        assert_int_equal(ops[i].limit, SANL_LIMIT_COMPUTE);
        assert_true(ops[i].roof * ops[i].seconds > 0.99 * ops[i].flops / peaks.flops);
        assert_true(ops[i].other_seconds == 0);
    }
    free(ops);
}

static void test_other_route(void **state)
{
    (void)state;
    struct sanl_bench_op_options options = options_of("conv2d", "in=1,4,4,8 cout=8 train=0");
    const enum sanl_route route =
        sanl_device_route(device) == SANL_ROUTE_TILE ? SANL_ROUTE_WIDE : SANL_ROUTE_TILE;
    struct sanl_bench_op *ops;
    int count;
    assert_int_equal(sanl_device_open(&options.other, &(struct sanl_device_options){.route = route}),
                     SANL_OK);
    assert_int_equal(sanl_bench_ops(&ops, &count, device, &options), SANL_OK);
    assert_int_equal(count, 1);
    assert_true(ops[0].seconds > 0 && ops[0].other_seconds > 0);
    free(ops);
    sanl_device_free(options.other);
}

static void stop_at_second(void *payload, int done, int count, const char *op)
{
    (void)payload;
    (void)count;
    (void)op;
    if (done == 1)
        sanl_interrupt_request();
}

static void test_interrupted(void **state)
{
    (void)state;
    struct sanl_bench_op_options options = options_of("conv2d", "in=1,8,8,16 cout=16");
    options.progress = stop_at_second;
    struct sanl_bench_op *ops;
    int count;
    assert_int_equal(sanl_bench_ops(&ops, &count, device, &options), SANL_ERR_INTERRUPTED);
    sanl_interrupt_clear();
    assert_int_equal(count, 1);
    assert_true(ops[0].seconds > 0);
    free(ops);
}

static void expect_refusal(const char *op, const char *shape, const char *part)
{
    const struct sanl_bench_op_options options = options_of(op, shape);
    struct sanl_bench_op *ops;
    int count;
    assert_int_equal(sanl_bench_ops(&ops, &count, device, &options), SANL_ERR_USAGE);
    assert_null(ops);
    assert_int_equal(count, 0);
    if (!strstr(sanl_error_message(), part))
        print_error("expected '%s' in '%s'\n", part, sanl_error_message());
    assert_non_null(strstr(sanl_error_message(), part));
}

static void test_refusals(void **state)
{
    (void)state;
    expect_refusal("conv3d", NULL, "no operator 'conv3d'; expected one of: adam, add");
    expect_refusal(NULL, "in=1,1,1,1", "a shape needs the name");
    expect_refusal("conv2d", "cout=3", "expected the inputs' shapes");
    expect_refusal("conv2d", "in=1,2,2,4 kh=5 cout=4", "smaller than the kernel");
    expect_refusal("adam", NULL, "the network has no operator 'adam'");
}

struct stages {
    struct sanl_bench_stage stage[4];
    int count;
};

static enum sanl_status take_stage(void *payload, const struct sanl_bench_stage *stage)
{
    struct stages *stages = payload;
    stages->stage[stages->count++] = *stage;
    return SANL_OK;
}

static void expect_number(const json_t *object, const char *key, double value)
{
    const json_t *number = json_object_get(object, key);
    assert_true(json_is_number(number));
    const double found = json_number_value(number);
    assert_true(found > value * (1 - 1e-6) && found < value * (1 + 1e-6));
}

static void check_file(const char *path, const struct sanl_bench_report *report)
{
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    if (!root)
        print_error("%s:%d: %s\n", path, error.line, error.text);
    assert_non_null(root);
    const json_t *ops = json_object_get(root, "operators"), *stages = json_object_get(root, "stages");
    assert_string_equal(json_string_value(json_object_get(json_object_get(root, "device"), "name")),
                        sanl_device_get_info(device)->name);
    expect_number(json_object_get(root, "peaks"), "flops_s", peaks.flops);
    assert_int_equal(json_array_size(ops), report->op_count);
    for (int i = 0; i < report->op_count; i++) {
        expect_number(json_array_get(ops, (size_t)i), "seconds", report->ops[i].seconds);
        expect_number(json_array_get(ops, (size_t)i), "count", report->ops[i].count);
    }
    assert_int_equal(json_array_size(stages), 4);
    expect_number(json_array_get(stages, 3), "flops", report->stages[3].flops);
    const json_t *kernels = json_object_get(json_array_get(stages, 3), "kernels");
    assert_int_equal(json_array_size(kernels), 1);
    expect_number(json_array_get(kernels, 0), "runs", 3);
    expect_number(root, "process_bytes", 1e9);
    expect_number(root, "device_bytes", 2e9);
    json_decref(root);
}

static void test_network(void **state)
{
    (void)state;
    static const char *const names[] = {"gradcam", "network", "inference", "train"};
    struct stages stages = {.count = 0};
    const struct sanl_bench_options options = {
        .config = &config, .batch = 2, .runs = 1, .training = true, .done = take_stage, .payload = &stages};
    assert_int_equal(sanl_bench_network(device, &options), SANL_OK);
    assert_int_equal(stages.count, 4);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(stages.stage[i].name, names[i]);
        assert_true(stages.stage[i].seconds > 0 && stages.stage[i].flops > 0);
    }
    assert_true(stages.stage[2].flops == stages.stage[0].flops + stages.stage[1].flops);
    assert_true(stages.stage[3].flops > 2.5 * stages.stage[1].flops);

    struct sanl_bench_op_options each = options_of("conv2d", NULL);
    struct sanl_bench_op *ops;
    int count;
    char path[] = "/tmp/sanlcl_bench_XXXXXX";
    const int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    assert_int_equal(sanl_bench_ops(&ops, &count, device, &each), SANL_OK);
    assert_true(count > 10);
    struct sanl_device_time kernel = {.name = "relu \"relu\"", .seconds = 1, .runs = 3};
    stages.stage[3].kernels = &kernel;
    stages.stage[3].kernel_count = 1;
    const struct sanl_bench_report report = {.config = &config,
                                             .batch = 2,
                                             .process_bytes = 1e9,
                                             .device_bytes = 2e9,
                                             .peaks = &peaks,
                                             .ops = ops,
                                             .op_count = count,
                                             .stages = stages.stage,
                                             .stage_count = 4};
    assert_int_equal(sanl_bench_save(&report, device, path), SANL_OK);
    check_file(path, &report);
    unlink(path);
    free(ops);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shape), cmocka_unit_test(test_other_route),
                                       cmocka_unit_test(test_interrupted), cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_network)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
