/* model/layers.c: a 1x1 convolution of tensors of several sizes gives what its definition does, the tensors
 * resized and stood side by side. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/random.h"
#include "model/layers.h"

enum { LEVELS = 4, BATCH = 2, SIDE = 9 };

static struct sanl_device *device;

/* Channels of the levels and of the result: of places in memory that suit any vector, and that suit none. */
static const int widths[][LEVELS + 1] = {{16, 16, 16, 16, 64}, {5, 3, 6, 1, 7}, {8, 4, 12, 8, 12}};

struct built {
    struct sanl_graph *graph;
    struct sanl_tensor *x[LEVELS], *y;
};

static struct sanl_tensor *side_by_side(struct sanl_graph *g, struct sanl_tensor *const *x)
{
    struct sanl_tensor *up[LEVELS];
    char name[16];
    for (int i = 0; i < LEVELS; i++) {
        snprintf(name, sizeof name, "up.%d", i);
        up[i] = sanl_layer_upsample(g, name, x[i], SANL_UPSAMPLE_BILINEAR, SIDE, SIDE);
    }
    struct sanl_op_call call = sanl_op_new("concat", LEVELS);
    return sanl_layer_plain(g, "concat", &call, up);
}

static struct built build(struct sanl_params *params, const int *width, bool train, bool as_defined)
{
    const struct sanl_graph_options options = {.backward = train, .param_gradients = train};
    struct built b;
    struct sanl_conv conv = {
        .cout = width[LEVELS], .kernel = 1, .stride = 1, .norm = "bn", .relu = true, .init = SANL_INIT_HE};
    char name[16];
    assert_int_equal(sanl_graph_create(&b.graph, params, &options), SANL_OK);
    for (int i = 0, side = SIDE; i < LEVELS; i++, side = (side + 1) / 2) {
        snprintf(name, sizeof name, "x%d", i);
        b.x[i] = sanl_graph_input(b.graph, name, (struct sanl_shape){BATCH, side, side, width[i]});
        if (train)
            sanl_graph_want_gradient(b.x[i]);
    }
    if (!as_defined)
        conv.more = (struct sanl_levels){b.x + 1, LEVELS - 1};
    b.y = sanl_layer_conv(b.graph, "conv", as_defined ? side_by_side(b.graph, b.x) : b.x[0], &conv);
    sanl_graph_keep(b.y);
    if (train)
        sanl_graph_root(b.y);
    assert_int_equal(sanl_graph_plan(b.graph), SANL_OK);
    return b;
}

static float *drawn(size_t count, uint64_t key)
{
    float *values = calloc(count, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++)
        values[i] = 2 * (float)sanl_random_uniform(key, i) - 1;
    return values;
}

static void run(struct built *b, bool train)
{
    for (int i = 0; i < LEVELS; i++) {
        float *values = drawn(sanl_shape_count(b->x[i]->shape), (uint64_t)i);
        assert_int_equal(sanl_tensor_write(b->x[i], values), SANL_OK);
        free(values);
    }
    assert_int_equal(sanl_graph_forward(b->graph), SANL_OK);
    if (!train)
        return;
    float *values = drawn(sanl_shape_count(b->y->shape), 7);
    assert_int_equal(sanl_tensor_write_gradient(b->y, values), SANL_OK);
    free(values);
    assert_int_equal(sanl_graph_backward(b->graph), SANL_OK);
}

/* Within rounding of the largest, which is not zero. */
static void assert_close(const float *a, const float *b, size_t count)
{
    float largest = 0, difference = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fmaxf(largest, fabsf(a[i]));
        difference = fmaxf(difference, fabsf(a[i] - b[i]));
    }
    assert_true(largest > 0 && difference < 2e-5f * largest);
}

static void compare_values(const struct built *a, const struct built *b)
{
    const size_t count = sanl_shape_count(a->y->shape);
    float *va = calloc(count, sizeof *va), *vb = calloc(count, sizeof *vb);
    assert_true(va && vb);
    assert_int_equal(sanl_tensor_read(a->y, va), SANL_OK);
    assert_int_equal(sanl_tensor_read(b->y, vb), SANL_OK);
    assert_close(va, vb, count);
    free(va);
    free(vb);
}

static void compare_gradients(const struct built *a, const struct built *b, const struct sanl_params *params)
{
    for (int i = 0; i < params->count + LEVELS; i++) {
        const struct sanl_param *p = i < params->count ? params->list[i] : NULL;
        struct sanl_tensor *xa = p ? NULL : a->x[i - params->count], *xb = p ? NULL : b->x[i - params->count];
        if (p && !p->trained)
            continue;
        const size_t count = sanl_shape_count(p ? p->shape : xa->shape), bytes = count * sizeof(float);
        float *va = calloc(count, sizeof *va), *vb = calloc(count, sizeof *vb);
        assert_true(va && vb);
        assert_int_equal(p ? sanl_graph_read_gradient(a->graph, p, va)
                           : sanl_buffer_read(device, xa->gradient, 0, va, bytes),
                         SANL_OK);
        assert_int_equal(p ? sanl_graph_read_gradient(b->graph, p, vb)
                           : sanl_buffer_read(device, xb->gradient, 0, vb, bytes),
                         SANL_OK);
        assert_close(va, vb, count);
        free(va);
        free(vb);
    }
}

static void compare(const int *width, bool train)
{
    struct sanl_params *params;
    assert_int_equal(sanl_params_create(&params, device), SANL_OK);
    struct built defined = build(params, width, train, true), levels = build(params, width, train, false);
    assert_int_equal(sanl_params_allocate(params, train ? 0 : -1), SANL_OK);
    assert_int_equal(sanl_params_init_hashed(params, 3, 0), SANL_OK);
    assert_int_equal(sanl_graph_allocate(defined.graph), SANL_OK);
    assert_int_equal(sanl_graph_allocate(levels.graph), SANL_OK);
    run(&defined, train);
    run(&levels, train);
    compare_values(&defined, &levels);
    if (train)
        compare_gradients(&defined, &levels, params);
    else
        assert_int_equal(sanl_graph_seal(levels.graph), SANL_OK);
    if (!train) { /* without the weights */
        run(&levels, train);
        compare_values(&defined, &levels);
        assert_true(sanl_device_route(device) != SANL_ROUTE_WIDE || !params->list[0]->value);
    }
    sanl_graph_free(defined.graph);
    sanl_graph_free(levels.graph);
    sanl_params_free(params);
}

static void levels_are_resized_after_their_convolution(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        compare(widths[i], true);
        compare(widths[i], false);
    }
}

static int open_device(void **state)
{
    (void)state;
    return sanl_device_open(&device, NULL) != SANL_OK;
}

static int close_device(void **state)
{
    (void)state;
    sanl_device_free(device);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_are_resized_after_their_convolution),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
