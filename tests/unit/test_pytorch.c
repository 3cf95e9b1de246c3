/* References of operators that the goldens do not reach, against values of PyTorch 1.13 in float64:
 *   z = 3 sin(1.3 (i + 1)) as (4,3), labels 2 0 -100 1: F.cross_entropy(z, labels, label_smoothing=0.2)
 *   w = sin(0.7 (i + 1)), three steps with gradients 2 sin((1.1 + t) (i + 1)) after clip_grad_norm_(1.5):
 *   SGD(lr=0.1, momentum=0.8, weight_decay=0.05), Adam and AdamW(lr=0.1, betas=(0.8, 0.95), eps=1e-3,
 *   weight_decay=0.05). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "ops/op.h"

enum { SAMPLES = 4, CLASSES = 3, WEIGHTS = 5, STEPS = 3 };

static void fill_sines(double *values, int count, double scale, double pace)
{
    for (int i = 0; i < count; i++)
        values[i] = scale * sin(pace * (i + 1));
}

static void expect(const double *values, const double *expected, int count)
{
    for (int i = 0; i < count; i++)
        if (fabs(values[i] - expected[i]) > 1e-10)
            fail_msg("element %d: %.12g, PyTorch has %.12g", i, values[i], expected[i]);
}

static void set(struct sanl_op_call *call, const char *name, double value)
{
    for (int i = 0; call->op->attr[i].name; i++)
        if (strcmp(call->op->attr[i].name, name) == 0) {
            call->attr[i] = value;
            return;
        }
    fail_msg("%s has no attribute %s", call->op->name, name);
}

static void test_cross_entropy(void **state)
{
    (void)state;
    static const double loss[] = {3.4267355683};
    static const double dz[] = {0.240698092297,
                                0.0463358090763,
                                -0.287033901373,
                                -0.28781760051,
                                0.00669929758371,
                                0.281118302926,
                                0,
                                0,
                                0,
                                0.0263357916336,
                                -0.0231341026329,
                                -0.00320168900069};
    double z[SAMPLES * CLASSES], labels[] = {2, 0, -100, 1}, lse[SAMPLES], scale, out, dout = 1;
    double din[SAMPLES * CLASSES];
    struct sanl_op_call call = sanl_op_call_of(sanl_op_find("cross_entropy"));
    call.in_count = 2;
    call.in_shape[0] = (struct sanl_shape){SAMPLES, 1, 1, CLASSES};
    call.in_shape[1] = (struct sanl_shape){SAMPLES, 1, 1, 1};
    call.training = true;
    set(&call, "label_smoothing", 0.2);
    assert_int_equal(call.op->infer(&call, NULL), SANL_OK);
    fill_sines(z, SAMPLES * CLASSES, 3, 1.3);
    const struct sanl_op_host host = {
        .in = {z, labels}, .out = {&out}, .saved = {lse, &scale}, .dout = {&dout}, .din = {din}};
    call.op->reference_forward(&call, &host);
    call.op->reference_backward(&call, &host);
    expect(&out, loss, 1);
    expect(din, dz, SAMPLES * CLASSES);
}

static struct sanl_op_call optimizer(const char *name)
{
    struct sanl_op_call call = sanl_op_call_of(sanl_op_find(name));
    call.in_count = 2;
    call.in_shape[0] = (struct sanl_shape){1, 1, 1, WEIGHTS};
    call.in_shape[1] = (struct sanl_shape){1, 1, 1, 2};
    set(&call, "lr", 0.1);
    set(&call, "weight_decay", 0.05);
    assert_int_equal(call.op->infer(&call, NULL), SANL_OK);
    return call;
}

/* Three steps with clipped gradients; the weights end as `expected`. */
static void run(struct sanl_op_call *call, const double *expected)
{
    double w[WEIGHTS], first[WEIGHTS] = {0}, second[WEIGHTS] = {0}, g[WEIGHTS], norm[2];
    struct sanl_op_call clip = sanl_op_call_of(sanl_op_find("grad_norm"));
    clip.in_count = 1;
    clip.in_shape[0] = (struct sanl_shape){1, 1, 1, WEIGHTS};
    set(&clip, "clip", 1.5);
    assert_int_equal(clip.op->infer(&clip, NULL), SANL_OK);
    fill_sines(w, WEIGHTS, 1, 0.7);
    for (int t = 0; t < STEPS; t++) {
        fill_sines(g, WEIGHTS, 2, 1.1 + t);
        clip.op->reference_forward(&clip, &(struct sanl_op_host){.in = {g}, .out = {norm}});
        if (strcmp(call->op->name, "adam") == 0)
            set(call, "step", t + 1);
        call->op->reference_forward(call,
                                    &(struct sanl_op_host){.in = {g, norm}, .state = {w, first, second}});
    }
    expect(w, expected, WEIGHTS);
    assert_true(fabs(norm[0] - 0.6137597833129287) < 1e-12);
}

static void test_sgd(void **state)
{
    (void)state;
    static const double w[] = {0.294199793946, 0.9384430003, 0.846984520105, 0.430581283815,
                               -0.0952444137933};
    struct sanl_op_call call = optimizer("sgd");
    set(&call, "momentum", 0.8);
    run(&call, w);
}

static void test_adam(void **state)
{
    (void)state;
    static const double w[2][WEIGHTS] = {
        {0.365510976651, 0.906623070229, 0.909916044897, 0.441926101859, -0.109686513305},
        {0.358449333545, 0.906730803393, 0.961131725483, 0.441398690065, -0.107273427338}};
    struct sanl_op_call call = optimizer("adam");
    set(&call, "beta1", 0.8);
    set(&call, "beta2", 0.95);
    set(&call, "epsilon", 1e-3);
    for (int decoupled = 0; decoupled < 2; decoupled++) {
        set(&call, "decoupled", decoupled);
        run(&call, w[decoupled]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cross_entropy),
        cmocka_unit_test(test_sgd),
        cmocka_unit_test(test_adam),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
