/* ops/work.c, ops/optime.c and the listings of a network's work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "ops/optime.h"
#include "train/network.h"
#include "train/updater.h"

enum { SIZE = 64, BATCH = 2, CLASSES = 5 };

static struct sanl_device *device;

static int open_device(void **state)
{
    (void)state;
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

static struct sanl_op_call parse(const char *op, const char *text)
{
    struct sanl_opcase parsed;
    assert_non_null(sanl_op_find(op));
    assert_int_equal(sanl_opcase_parse(&parsed, sanl_op_find(op), text), SANL_OK);
    return parsed.call;
}

static struct sanl_op_call inferred(const char *op, const char *text)
{
    struct sanl_op_call call = parse(op, text);
    assert_int_equal(call.op->infer(&call, device), SANL_OK);
    return call;
}

static void expect_text(const char *op, const char *text)
{
    char back[SANL_CASE_BYTES];
    const struct sanl_op_call call = inferred(op, text);
    sanl_work_text(back, &call);
    assert_string_equal(back, text);
}

static void test_text(void **state)
{
    (void)state;
    expect_text("conv2d", "in=2,7,9,5 kh=3 kw=3 pad=1 cout=17 bias=1");
    expect_text("conv2d", "in=2,5,6,10;2,5,6,12 cout=12 norm=1 relu=1 noparam=1");
    expect_text("attention", "in=1,4,4,8;1,4,4,8;1,4,4,8 scale=0.125 train=0");
}

enum {
    FORWARD = 1 << SANL_PASS_FORWARD,
    DATA = 1 << SANL_PASS_DATA,
    WEIGHT = 1 << SANL_PASS_WEIGHT,
    BACKWARD = 1 << SANL_PASS_BACKWARD
};

static void expect_passes(const char *op, const char *text, unsigned din, unsigned passes)
{
    const struct sanl_op_call call = inferred(op, text);
    assert_int_equal(sanl_work_passes(&call, din), passes);
}

static void test_passes(void **state)
{
    (void)state;
    expect_passes("conv2d", "in=1,4,4,8 cout=8", 1, FORWARD | DATA | WEIGHT);
    expect_passes("conv2d", "in=1,4,4,8 cout=8", 0, FORWARD | WEIGHT);
    expect_passes("conv2d", "in=1,4,4,8 cout=8 noparam=1", 1, FORWARD | DATA);
    expect_passes("conv2d", "in=1,4,4,8 cout=8 train=0", 1, FORWARD);
    expect_passes("batch_norm", "in=1,4,4,8", 1, FORWARD | BACKWARD);
    expect_passes("relu", "in=1,4,4,8", 0, FORWARD);
    expect_passes("sgd", "in=1,1,1,8;1,1,1,1", 0, FORWARD);
}

/* The two halves of a convolution's backward cost what the whole does. */
static void test_cost(void **state)
{
    (void)state;
    struct sanl_work work = {.call = inferred("conv2d", "in=2,8,8,16 kh=3 kw=3 pad=1 cout=32"), .din = 1};
    const double flops = 2.0 * 2 * 8 * 8 * 16 * 32 * 9;
    const enum sanl_pass passes[] = {SANL_PASS_FORWARD, SANL_PASS_DATA, SANL_PASS_WEIGHT};
    for (int i = 0; i < 3; i++) {
        work.pass = passes[i];
        assert_true(sanl_work_cost(&work).flops == flops);
        assert_true(sanl_work_cost(&work).bytes > 0);
    }
    work.pass = SANL_PASS_PREPARE;
    assert_true(sanl_work_cost(&work).flops == 0);
    assert_true(sanl_work_cost(&work).bytes >= 2 * 4 * 9 * 16 * 32);
}

static int total_of(const struct sanl_work_list *list, const char *op, enum sanl_pass pass)
{
    int total = 0;
    for (int i = 0; i < list->count; i++)
        if (strcmp(list->rows[i].work.call.op->name, op) == 0 && list->rows[i].work.pass == pass)
            total += list->rows[i].count;
    return total;
}

static void expect_distinct(const struct sanl_work_list *list)
{
    char a[SANL_CASE_BYTES], b[SANL_CASE_BYTES];
    for (int i = 0; i < list->count; i++)
        for (int k = 0; k < i; k++) {
            const struct sanl_work *x = &list->rows[i].work, *y = &list->rows[k].work;
            sanl_work_text(a, &x->call);
            sanl_work_text(b, &y->call);
            assert_true(x->call.op != y->call.op || x->pass != y->pass || x->din != y->din || strcmp(a, b));
        }
}

static int convolutions(const struct sanl_graph *graph)
{
    int count = 0;
    for (int i = 0; i < sanl_graph_node_count(graph); i++)
        count += strcmp(sanl_graph_call(graph, i)->op->name, "conv2d") == 0;
    return count;
}

/* A training step's list holds each convolution of the graph once per direction, and an inference's forward
 * alone. */
static void test_network(void **state)
{
    (void)state;
    struct sanl_config config;
    struct sanl_network *network;
    struct sanl_engine *engine;
    struct sanl_updater *updater;
    struct sanl_work_list list = {0};
    sanl_config_defaults(&config);
    config.model.backbone = SANL_RESNET18;
    config.model.width = 16;
    config.model.size = SIZE;
    config.cam.mode = SANL_CAM_UNIFORM;
    config.model.block = SANL_BLOCK_NONE;
    assert_int_equal(sanl_network_create(&network, &config, device, sanl_updater_moments(&config.train)),
                     SANL_OK);

    assert_int_equal(sanl_engine_create(&engine, network, BATCH, true), SANL_OK);
    assert_int_equal(sanl_updater_create(&updater, engine->graph, &config.train), SANL_OK);
    assert_int_equal(sanl_engine_list_work(&list, engine), SANL_OK);
    const int count = convolutions(engine->graph);
    assert_true(count > 20);
    assert_int_equal(total_of(&list, "conv2d", SANL_PASS_FORWARD), count);
    assert_int_equal(total_of(&list, "conv2d", SANL_PASS_WEIGHT), count);
    assert_int_equal(total_of(&list, "conv2d", SANL_PASS_PREPARE), count);
    assert_int_equal(total_of(&list, "conv2d", SANL_PASS_DATA), count - 1); /* not to the image */
    assert_int_equal(total_of(&list, "conv2d", SANL_PASS_BACKWARD), 0);
    expect_distinct(&list);
    const int before = list.count;
    assert_int_equal(sanl_updater_list_work(&list, updater), SANL_OK);
    assert_true(list.count > before);
    sanl_work_free(&list);
    sanl_updater_free(updater);
    sanl_engine_free(engine);

    assert_int_equal(sanl_engine_create(&engine, network, BATCH, false), SANL_OK);
    assert_int_equal(sanl_engine_list_work(&list, engine), SANL_OK);
    for (int i = 0; i < list.count; i++)
        assert_int_equal(list.rows[i].work.pass, SANL_PASS_FORWARD);
    assert_int_equal(total_of(&list, "conv2d", SANL_PASS_FORWARD), convolutions(engine->graph));
    sanl_work_free(&list);
    sanl_engine_free(engine);
    sanl_network_free(network);
}

/* Grad-CAM: gradients of activations alone. */
static void test_gradcam(void **state)
{
    (void)state;
    struct sanl_config config;
    struct sanl_network *network;
    struct sanl_engine *engine;
    struct sanl_work_list list = {0};
    sanl_config_defaults(&config);
    config.model.backbone = SANL_RESNET18;
    config.model.width = 16;
    config.model.size = SIZE;
    assert_int_equal(sanl_network_create_random(&network, &config, device, -1, CLASSES), SANL_OK);
    assert_int_equal(sanl_engine_create(&engine, network, BATCH, false), SANL_OK);
    assert_int_equal(sanl_gradcam_list_work(&list, engine->gradcam), SANL_OK);
    assert_int_equal(total_of(&list, "cam", SANL_PASS_FORWARD), 4);
    assert_true(total_of(&list, "conv2d", SANL_PASS_DATA) > 0);
    assert_int_equal(total_of(&list, "conv2d", SANL_PASS_WEIGHT), 0);
    sanl_work_free(&list);
    sanl_engine_free(engine);
    sanl_network_free(network);
}

/* Every pass of the first case that each operator has can be timed. */
static void test_time(void **state)
{
    (void)state;
    for (const struct sanl_op *const *op = sanl_ops; *op; op++) {
        char text[SANL_CASE_BYTES];
        const char *cursor = sanl_opcase_file(*op);
        struct sanl_opcase parsed;
        do {
            assert_true(sanl_opcase_next(text, &cursor));
            assert_int_equal(sanl_opcase_parse(&parsed, *op, text), SANL_OK);
        } while (parsed.refuse);
        const unsigned din = (*op)->in_grad & ((1u << parsed.call.in_count) - 1);
        const struct sanl_op_call call = inferred((*op)->name, text);
        struct sanl_work_list list = {0};
        assert_int_equal(sanl_work_add(&list, &call, sanl_work_passes(&call, din), din), SANL_OK);
        for (int i = 0; i < list.count; i++) {
            double seconds = 0;
            const enum sanl_status status = sanl_optime_once(&seconds, device, &list.rows[i].work, 1e-4);
            if (status != SANL_OK)
                print_error("%s\n", sanl_error_message());
            assert_int_equal(status, SANL_OK);
            assert_true(seconds > 0);
        }
        sanl_work_free(&list);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    double seconds;
    struct sanl_work work = {.call = parse("conv2d", "in=1,2,2,8 kh=5 kw=5 cout=8"),
                             .pass = SANL_PASS_FORWARD};
    assert_int_equal(sanl_optime_once(&seconds, device, &work, 1e-4), SANL_ERR_USAGE);
    work.call = parse("conv2d", "in=1,2,2,8 cout=8 train=0");
    work.pass = SANL_PASS_WEIGHT;
    assert_int_equal(sanl_optime_once(&seconds, device, &work, 1e-4), SANL_ERR_USAGE);
    assert_string_equal(sanl_error_message(), "conv2d: this call has no pass 'weight'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_text),    cmocka_unit_test(test_passes),
                                       cmocka_unit_test(test_cost),    cmocka_unit_test(test_network),
                                       cmocka_unit_test(test_gradcam), cmocka_unit_test(test_time),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
