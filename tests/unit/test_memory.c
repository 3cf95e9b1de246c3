/* graph/place.c, graph/plan.c and train/memory.c: buffers that live at one time never share memory, values
 * made once more are the same, and what does not fit is refused with a batch that does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sanlcl/memory.h>
#include "base/random.h"
#include "graph/place.h"
#include "train/network.h"
#include "train/updater.h"

enum { SIZE = 64, BATCH = 3, STEPS = 4, DEMANDS = 300, TIMES = 100, ALIGN = 64 };

static struct sanl_device *device;

/* ---- placing ------------------------------------------------------------------------------------- */

static void make_demands(struct sanl_layout *layout, uint64_t seed)
{
    memset(layout, 0, sizeof *layout);
    for (uint64_t i = 0; i < DEMANDS; i++) {
        const int first = (int)sanl_random_below(seed, 3 * i, TIMES);
        const int length = (int)sanl_random_below(seed, 3 * i + 1, i % 5 ? 5 : TIMES);
        const size_t bytes = 1 + sanl_random_below(seed, 3 * i + 2, i % 3 ? 1000 : 100000);
        assert_int_equal(
            sanl_layout_add(layout,
                            &(struct sanl_demand){.bytes = bytes, .first = first, .last = first + length}),
            SANL_OK);
    }
    assert_int_equal(sanl_layout_add(layout, &(struct sanl_demand){.first = 0, .last = 9}), SANL_OK);
    assert_int_equal(layout->count, DEMANDS); /* nothing needs no place */
}

static void check_places(const struct sanl_layout *layout, size_t limit)
{
    for (int i = 0; i < layout->count; i++) {
        const struct sanl_demand *a = &layout->list[i];
        assert_true(a->offset % ALIGN == 0 && a->block < layout->block_count);
        assert_true(a->offset + a->bytes <= layout->block_bytes[a->block]);
        assert_true(layout->block_bytes[a->block] <= limit);
        for (int k = 0; k < i; k++) {
            const struct sanl_demand *b = &layout->list[k];
            const bool together = a->first <= b->last && b->first <= a->last;
            const bool overlap =
                a->block == b->block && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
            assert_false(together && overlap);
        }
    }
}

static void what_lives_together_stands_apart(void **state)
{
    (void)state;
    const size_t limits[] = {SIZE_MAX / 2, 150016};
    for (uint64_t seed = 0; seed < 20; seed++)
        for (size_t k = 0; k < 2; k++) {
            struct sanl_layout layout;
            int time = -1;
            size_t live = 0;
            make_demands(&layout, seed);
            assert_int_equal(sanl_layout_place(&layout, ALIGN, limits[k]), SANL_OK);
            check_places(&layout, limits[k]);
            const size_t peak = sanl_layout_peak(&layout, &time);
            for (int i = 0; i < layout.count; i++)
                if (layout.list[i].first <= time && time <= layout.list[i].last)
                    live += layout.list[i].bytes;
            assert_true(live == peak && peak <= sanl_layout_bytes(&layout));
            assert_true(k == 1 || (double)sanl_layout_bytes(&layout) < 1.2 * (double)peak);
            assert_true(k == 0 ? layout.block_count == 1 : layout.block_count > 1);
            sanl_layout_free(&layout);
        }
}

static void a_tensor_over_the_limit_is_refused(void **state)
{
    (void)state;
    struct sanl_layout layout;
    make_demands(&layout, 1);
    assert_int_equal(sanl_layout_place(&layout, ALIGN, 50000), SANL_ERR_LIMIT);
    assert_non_null(strstr(sanl_error_message(), "over the device's limit"));
    sanl_layout_free(&layout);
}

/* ---- training ------------------------------------------------------------------------------------ */

static struct sanl_config small_config(bool recompute)
{
    struct sanl_config config;
    sanl_config_defaults(&config);
    config.model.backbone = SANL_RESNET18;
    config.model.block = SANL_BLOCK_SANL;
    config.model.width = 16;
    config.model.size = SIZE;
    config.train.recompute = recompute;
    return config;
}

static enum sanl_status fill(struct sanl_tensor *tensor, float scale, uint64_t key)
{
    const size_t count = sanl_shape_count(tensor->shape);
    float *values = calloc(count, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++)
        values[i] = scale * (float)sanl_random_uniform(key, i);
    const enum sanl_status status = sanl_tensor_write(tensor, values);
    free(values);
    return status;
}

/* Losses of a few steps, with Grad-CAM in the same memory between them, and a validation in the middle. */
static void train(double losses[STEPS], const struct sanl_config *config)
{
    struct sanl_network *network;
    struct sanl_engine *engine, *validation;
    struct sanl_updater *updater;
    float parts[SANL_ENGINE_LOSSES];
    assert_int_equal(sanl_network_create_random(&network, config, device, 1, 5), SANL_OK);
    assert_int_equal(sanl_engine_create(&engine, network, BATCH, true), SANL_OK);
    assert_int_equal(sanl_engine_create(&validation, network, 1, false), SANL_OK);
    assert_int_equal(sanl_updater_create(&updater, engine->graph, &config->train), SANL_OK);
    assert_int_equal(fill(engine->image, 2, 1), SANL_OK);
    assert_int_equal(fill(validation->image, 2, 1), SANL_OK);
    assert_int_equal(fill(engine->landmark.xy, SIZE, 2), SANL_OK);
    assert_int_equal(fill(engine->landmark.teaches, 1, 3), SANL_OK);
    for (int i = 0; i < STEPS; i++) {
        assert_int_equal(sanl_engine_make_cams(engine), SANL_OK);
        assert_int_equal(sanl_graph_forward(engine->graph), SANL_OK);
        assert_int_equal(sanl_engine_read_loss(engine, parts, &losses[i]), SANL_OK);
        assert_int_equal(sanl_graph_backward(engine->graph), SANL_OK);
        assert_int_equal(sanl_updater_step(updater, 1e-3, i + 1), SANL_OK);
        if (i == 1) {
            assert_int_equal(sanl_engine_make_cams(validation), SANL_OK);
            assert_int_equal(sanl_graph_forward(validation->graph), SANL_OK);
        }
    }
    sanl_updater_free(updater);
    sanl_engine_free(validation);
    sanl_engine_free(engine);
    sanl_network_free(network);
}

static void recomputing_gives_the_same_bits_in_less_memory(void **state)
{
    (void)state;
    const struct sanl_config plain = small_config(false), less = small_config(true);
    double a[STEPS], b[STEPS];
    struct sanl_memory ma, mb;
    train(a, &plain);
    train(b, &less);
    assert_memory_equal(a, b, sizeof a);
    assert_true(a[0] != a[STEPS - 1]);
    assert_int_equal(sanl_memory_plan(&ma, &(struct sanl_memory_use){&plain, 16, 0}, device), SANL_OK);
    assert_int_equal(sanl_memory_plan(&mb, &(struct sanl_memory_use){&less, 16, 0}, device), SANL_OK);
    assert_true(mb.placed < 0.95 * ma.placed);
    assert_true(ma.bytes[SANL_MEMORY_PARAMETERS] == mb.bytes[SANL_MEMORY_PARAMETERS]);
}

static void a_classifier_is_planned_with_that_of_its_maps(void **state)
{
    (void)state;
    struct sanl_config config = small_config(false);
    const struct sanl_memory_use use = {&config, 4, 2};
    struct sanl_memory guided, own;
    config.task = SANL_TASK_CLASSIFY;
    config.model.classes = 5;
    assert_int_equal(sanl_memory_plan(&guided, &use, device), SANL_OK);
    config.cam.mode = SANL_CAM_UNIFORM;
    assert_int_equal(sanl_memory_plan(&own, &use, device), SANL_OK);
    const double plain = 4 * (11176512.0 + 9600 + 5 * 513); /* ResNet-18: weights, statistics, last layer */
    assert_true(guided.bytes[SANL_MEMORY_PARAMETERS] - own.bytes[SANL_MEMORY_PARAMETERS] == plain);
    assert_true(guided.bytes[SANL_MEMORY_MOMENTS] == own.bytes[SANL_MEMORY_MOMENTS]);
    assert_true(own.bytes[SANL_MEMORY_PARAMETERS] > plain && guided.total > own.total);
}

/* ---- inference ----------------------------------------------------------------------------------- */

static void a_sealed_network_infers_without_its_weights(void **state)
{
    (void)state;
    const struct sanl_config config = small_config(false);
    struct sanl_network *network;
    struct sanl_engine *engine;
    float *values[2];
    int gone = 0;
    assert_int_equal(sanl_network_create_random(&network, &config, device, -1, 5), SANL_OK);
    assert_int_equal(sanl_engine_create(&engine, network, BATCH, false), SANL_OK);
    const size_t count = sanl_shape_count(engine->landmark.fine->shape);
    for (int k = 0; k < 2; k++) {
        values[k] = calloc(count, sizeof **values);
        assert_non_null(values[k]);
        assert_int_equal(fill(engine->image, 2, 1), SANL_OK);
        assert_int_equal(sanl_engine_make_cams(engine), SANL_OK);
        assert_int_equal(sanl_graph_forward(engine->graph), SANL_OK);
        assert_int_equal(sanl_tensor_read(engine->landmark.fine, values[k]), SANL_OK);
        assert_int_equal(sanl_engine_seal(engine), SANL_OK);
    }
    assert_true(values[0][0] != 0);
    assert_memory_equal(values[0], values[1], count * sizeof **values);
    for (int i = 0; i < network->params->count; i++) {
        const struct sanl_param *p = network->params->list[i];
        float *read = calloc(sanl_shape_count(p->shape), sizeof *read);
        assert_non_null(read);
        assert_true(p->layout != SANL_PARAM_VECTOR || p->value);
        assert_int_equal(sanl_param_read(network->params, p, read), p->value ? SANL_OK : SANL_ERR_INTERNAL);
        gone += !p->value;
        free(read);
    }
    assert_true(gone > 20 || sanl_device_route(device) != SANL_ROUTE_WIDE);
    free(values[0]);
    free(values[1]);
    sanl_engine_free(engine);
    sanl_network_free(network);
}

/* ---- the plan ------------------------------------------------------------------------------------ */

static void sums_add_up(void **state)
{
    (void)state;
    const struct sanl_config config = small_config(false);
    struct sanl_memory train, infer, both;
    assert_int_equal(sanl_memory_plan(&train, &(struct sanl_memory_use){&config, 8, 0}, device), SANL_OK);
    assert_int_equal(sanl_memory_plan(&infer, &(struct sanl_memory_use){&config, 0, 8}, device), SANL_OK);
    assert_int_equal(sanl_memory_plan(&both, &(struct sanl_memory_use){&config, 8, 8}, device), SANL_OK);
    double fixed = 0, live = 0;
    for (int k = 0; k < SANL_MEMORY_KINDS; k++)
        *(k < SANL_MEMORY_ACTIVATIONS ? &fixed : &live) += train.bytes[k];
    assert_true(live == train.live && train.live <= train.placed);
    assert_true(fixed + train.placed == train.total);
    assert_true(train.peak[0] && train.bytes[SANL_MEMORY_MOMENTS] < train.bytes[SANL_MEMORY_PARAMETERS]);
    assert_true(infer.bytes[SANL_MEMORY_MOMENTS] == 0 && infer.placed < 0.5 * train.placed);
    /* Engines of one network share what lives within a run. */
    assert_true(both.placed == train.placed && both.total < train.total + infer.total);
}

/* Whichever of the graphs is the largest: those of training, of validation, of Grad-CAM. What is not planned
 * is small: sums, and the tables of pictures. */
static void what_is_planned_is_allocated(void **state)
{
    (void)state;
    const int batches[][2] = {{8, 2}, {1, 32}, {0, 16}};
    struct sanl_config config = small_config(false);
    config.model.fine = false;
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        const struct sanl_memory_use use = {&config, batches[i][0], batches[i][1]};
        const int moments = use.train_batch ? sanl_updater_moments(&config.train) : -1;
        struct sanl_memory memory;
        struct sanl_device *own;
        struct sanl_network *network;
        struct sanl_engine *engines[2] = {NULL, NULL};
        assert_int_equal(sanl_device_open(&own, NULL), SANL_OK);
        assert_int_equal(sanl_memory_plan(&memory, &use, own), SANL_OK);
        assert_int_equal(sanl_network_create_random(&network, &config, own, moments, config.model.classes),
                         SANL_OK);
        for (int k = 0; k < 2; k++)
            if (batches[i][k])
                assert_int_equal(sanl_engine_plan(&engines[k], network, batches[i][k], k == 0), SANL_OK);
        for (int k = 0; k < 2; k++)
            if (batches[i][k])
                assert_int_equal(sanl_engine_allocate(engines[k]), SANL_OK);
        const double allocated = (double)sanl_device_most_allocated(own);
        assert_true(allocated >= memory.total && allocated < 1.005 * memory.total);
        sanl_engine_free(engines[0]);
        sanl_engine_free(engines[1]);
        sanl_network_free(network);
        sanl_device_free(own);
    }
}

static int number_after(const char *text, const char *label)
{
    const char *at = strstr(text, label);
    assert_non_null(at);
    return atoi(at + strlen(label));
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct sanl_config config = small_config(false);
    config.model.size = 4 * SIZE; /* activations outweigh parameters */
    struct sanl_memory_use use = {&config, 16, 0};
    struct sanl_memory memory;
    assert_int_equal(sanl_memory_plan(&memory, &use, device), SANL_OK);
    assert_int_equal(sanl_memory_check(&use, device, memory.total), SANL_OK);
    assert_int_equal(sanl_memory_check(&use, device, 0), SANL_OK);
    const double bytes = memory.total - 0.4 * memory.placed;
    assert_int_equal(sanl_memory_check(&use, device, bytes), SANL_ERR_MEMORY);
    assert_non_null(strstr(sanl_error_message(), "optimiser's moments "));
    assert_non_null(strstr(sanl_error_message(), "train.recompute"));
    use.train_batch = number_after(sanl_error_message(), "a batch of ");
    assert_true(use.train_batch > 1 && use.train_batch < 16);
    assert_int_equal(sanl_memory_check(&use, device, bytes), SANL_OK);
    use.train_batch++;
    assert_int_equal(sanl_memory_check(&use, device, bytes), SANL_ERR_MEMORY);
    assert_int_equal(sanl_memory_check(&use, device, 1), SANL_ERR_MEMORY);
    assert_non_null(strstr(sanl_error_message(), "not even a batch of 1 fits"));
    use = (struct sanl_memory_use){&config, 0, 1 << 24}; /* sizes that no tensor has */
    assert_int_equal(sanl_memory_check(&use, device, memory.total), SANL_ERR_LIMIT);
    use.eval_batch = number_after(sanl_error_message(), "a batch of ");
    assert_int_equal(sanl_memory_check(&use, device, memory.total), SANL_OK);
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
        cmocka_unit_test(what_lives_together_stands_apart),
        cmocka_unit_test(a_tensor_over_the_limit_is_refused),
        cmocka_unit_test(a_classifier_is_planned_with_that_of_its_maps),
        cmocka_unit_test(recomputing_gives_the_same_bits_in_less_memory),
        cmocka_unit_test(a_sealed_network_infers_without_its_weights),
        cmocka_unit_test(sums_add_up),
        cmocka_unit_test(what_is_planned_is_allocated),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
