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

enum { LEVELS = 4, SIDE = 9 };

static struct sanl_device *device;
static const enum sanl_route routes[] = {SANL_ROUTE_AUTO, SANL_ROUTE_TILE, SANL_ROUTE_CLBLAST};

/* Channels of the levels and of the result: of places in memory that suit any vector, and that suit none. */
static const int widths[][LEVELS + 1] = {{16, 16, 16, 16, 64}, {5, 3, 6, 1, 7}, {8, 4, 12, 8, 12}};

/* How the two are built. */
struct kind {
    const int *width;
    int batch;
    bool train;     /* gradients of parameters, else none, or those of inputs alone */
    bool inputs;    /* gradients of inputs with the norm folded */
    bool norm;      /* else a bias */
    bool recompute; /* values between checkpoints are made once more */
};

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

static struct built build(struct sanl_params *params, const struct kind *kind, bool as_defined)
{
    const int *width = kind->width;
    const bool backward = kind->train || kind->inputs;
    const struct sanl_graph_options options = {
        .backward = backward, .param_gradients = kind->train, .recompute = kind->recompute};
    struct built b;
    struct sanl_conv conv = {.cout = width[LEVELS],
                             .kernel = 1,
                             .stride = 1,
                             .bias = !kind->norm,
                             .norm = kind->norm ? "bn" : NULL,
                             .relu = true,
                             .init = SANL_INIT_HE};
    char name[16];
    assert_int_equal(sanl_graph_create(&b.graph, params, &options), SANL_OK);
    for (int i = 0, side = SIDE; i < LEVELS; i++, side = (side + 1) / 2) {
        snprintf(name, sizeof name, "x%d", i);
        b.x[i] = sanl_graph_input(b.graph, name, (struct sanl_shape){kind->batch, side, side, width[i]});
        if (backward)
            sanl_graph_want_gradient(b.x[i]);
    }
    if (!as_defined)
        conv.more = (struct sanl_levels){b.x + 1, LEVELS - 1};
    b.y = sanl_layer_conv(b.graph, "conv", as_defined ? side_by_side(b.graph, b.x) : b.x[0], &conv);
    sanl_graph_keep(b.y);
    if (backward)
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

static void run(struct built *b, bool backward)
{
    for (int i = 0; i < LEVELS; i++) {
        float *values = drawn(sanl_shape_count(b->x[i]->shape), (uint64_t)i);
        assert_int_equal(sanl_tensor_write(b->x[i], values), SANL_OK);
        free(values);
    }
    assert_int_equal(sanl_graph_forward(b->graph), SANL_OK);
    if (!backward)
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
        if (p && (!p->trained || !sanl_graph_get_options(a->graph)->param_gradients))
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

static void compare(const struct kind *kind)
{
    struct sanl_params *params;
    const bool backward = kind->train || kind->inputs;
    assert_int_equal(sanl_params_create(&params, device), SANL_OK);
    struct built defined = build(params, kind, true), levels = build(params, kind, false);
    assert_int_equal(sanl_params_allocate(params, kind->train ? 0 : -1), SANL_OK);
    assert_int_equal(sanl_params_init_hashed(params, 3, 0), SANL_OK);
    assert_int_equal(sanl_graph_allocate(defined.graph), SANL_OK);
    assert_int_equal(sanl_graph_allocate(levels.graph), SANL_OK);
    run(&defined, backward);
    run(&levels, backward);
    compare_values(&defined, &levels);
    if (backward) {
        compare_gradients(&defined, &levels, params);
    } else { /* once more, without the weights */
        assert_int_equal(sanl_graph_seal(levels.graph), SANL_OK);
        run(&levels, backward);
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
    for (size_t r = 0; r < sizeof routes / sizeof *routes; r++) {
        const struct sanl_device_options options = {.route = routes[r]};
        assert_int_equal(sanl_device_open(&device, &options), SANL_OK);
        for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
            const int *width = widths[i];
            compare(&(struct kind){.width = width, .batch = 2, .train = true, .norm = true});
            compare(&(struct kind){.width = width, .batch = 1, .train = true, .recompute = true});
            compare(&(struct kind){.width = width, .batch = 2, .inputs = true, .norm = true});
            compare(&(struct kind){.width = width, .batch = 1, .norm = true});
            compare(&(struct kind){.width = width, .batch = 2});
        }
        sanl_device_free(device);
    }
}

/* All outputs that see x's one NaN are NaN. */
static void check_nan(int kernel, int cout)
{
    enum { CIN = 8, MIDDLE = SIDE / 2 };
    const struct sanl_conv conv = {
        .cout = cout, .kernel = kernel, .stride = 1, .bias = true, .relu = true, .init = SANL_INIT_HE};
    struct sanl_params *params;
    struct sanl_graph *graph;
    assert_int_equal(sanl_params_create(&params, device), SANL_OK);
    assert_int_equal(sanl_graph_create(&graph, params, &(struct sanl_graph_options){0}), SANL_OK);
    struct sanl_tensor *x = sanl_graph_input(graph, "x", (struct sanl_shape){1, SIDE, SIDE, CIN});
    struct sanl_tensor *y = sanl_layer_conv(graph, "conv", x, &conv);
    sanl_graph_keep(y);
    assert_int_equal(sanl_graph_plan(graph), SANL_OK);
    assert_int_equal(sanl_graph_allocate(graph), SANL_OK);
    assert_int_equal(sanl_params_allocate(params, -1), SANL_OK);
    assert_int_equal(sanl_params_init(params, 1), SANL_OK);
    float *in = drawn(sanl_shape_count(x->shape), 3), *out = drawn(sanl_shape_count(y->shape), 4);
    in[(MIDDLE * SIDE + MIDDLE) * CIN + 5] = NAN;
    assert_int_equal(sanl_tensor_write(x, in), SANL_OK);
    assert_int_equal(sanl_graph_forward(graph), SANL_OK);
    assert_int_equal(sanl_tensor_read(y, out), SANL_OK);
    for (int dy = -(kernel / 2); dy <= kernel / 2; dy++)
        for (int dx = -(kernel / 2); dx <= kernel / 2; dx++)
            for (int c = 0; c < cout; c++)
                assert_true(isnan(out[((MIDDLE + dy) * SIDE + MIDDLE + dx) * cout + c]));
    free(in);
    free(out);
    sanl_graph_free(graph);
    sanl_params_free(params);
}

static void nan_passes_the_relu_of_a_convolution(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof routes / sizeof *routes; r++) {
        assert_int_equal(sanl_device_open(&device, &(struct sanl_device_options){.route = routes[r]}),
                         SANL_OK);
        check_nan(1, 4);
        check_nan(1, 20);
        check_nan(3, 20);
        check_nan(3, 64);
        sanl_device_free(device);
    }
}

/* What is no part of weights is refused. */
static void parts_lie_within_the_weights(void **state)
{
    (void)state;
    static const struct {
        int kernel, cin, first;
    } wrong[] = {{3, 16, 8}, {1, 16, 9}, {1, 16, -1}, {1, 7, 0}};
    struct sanl_params *params;
    assert_int_equal(sanl_device_open(&device, NULL), SANL_OK);
    assert_int_equal(sanl_params_create(&params, device), SANL_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct sanl_graph *graph;
        assert_int_equal(sanl_graph_create(&graph, params, &(struct sanl_graph_options){0}), SANL_OK);
        struct sanl_tensor *x = sanl_graph_input(graph, "x", (struct sanl_shape){1, 4, 4, 8});
        struct sanl_op_call call = sanl_op_new("conv2d", 1);
        struct sanl_node_params part = {.cin = wrong[i].cin, .cin_first = wrong[i].first};
        snprintf(part.param[0].name, sizeof part.param[0].name, "w%zu", i);
        sanl_op_set(&call, "kh", wrong[i].kernel);
        sanl_op_set(&call, "kw", wrong[i].kernel);
        sanl_op_set(&call, "cout", 4);
        assert_null(sanl_graph_add(graph, "conv", &call, &x, &part));
        assert_int_equal(sanl_graph_status(graph), SANL_ERR_INTERNAL);
        assert_non_null(strstr(sanl_error_message(), "no part of weights"));
        sanl_graph_free(graph);
    }
    sanl_params_free(params);
    sanl_device_free(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_are_resized_after_their_convolution),
        cmocka_unit_test(nan_passes_the_relu_of_a_convolution),
        cmocka_unit_test(parts_lie_within_the_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
