/* train/network.c, train/updater.c on small networks: learning, determinism, inference against training. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>
#include "base/memory.h"
#include "base/random.h"
#include "small_config.h"
#include "train/locate.h"
#include "train/network.h"
#include "train/updater.h"

enum { BATCH = 3 };

static struct sanl_device *device;

/* Noise with a bright square at each of the eight landmarks. */
static void make_batch(struct sanl_batch *batch, int count)
{
    assert_int_equal(sanl_batch_create(batch, BATCH, SIZE, SANL_FASHION_LANDMARKS), SANL_OK);
    for (int i = 0; i < count; i++) {
        struct sanl_sample sample = {
            .in_to_src = {{1, 0, 0, 0, 1, 0}}, .gain = 1, .width = SIZE, .height = SIZE};
        assert_int_equal(sanl_image_create(&sample.crop, SIZE, SIZE), SANL_OK);
        for (int p = 0; p < 3 * SIZE * SIZE; p++)
            sample.crop.pixels[p] = (uint8_t)sanl_random_below((uint64_t)i, (uint64_t)p, 100);
        sample.in_to_img = sample.in_to_src;
        assert_int_equal(sanl_batch_add(batch, &sample), SANL_OK);
        for (int k = 0; k < SANL_FASHION_LANDMARKS; k++) {
            const int x = 6 + (int)sanl_random_below(77, (uint64_t)(i * 16 + 2 * k), SIZE - 12);
            const int y = 6 + (int)sanl_random_below(77, (uint64_t)(i * 16 + 2 * k + 1), SIZE - 12);
            for (int p = 0; p < 25; p++)
                memset(batch->pixels + (size_t)i * 3 * SIZE * SIZE +
                           3 * ((y + p / 5 - 2) * SIZE + x + p % 5 - 2),
                       120 + 16 * k, 3);
            const int at = i * SANL_FASHION_LANDMARKS + k;
            batch->landmark_in[at][0] = (float)x;
            batch->landmark_in[at][1] = (float)y;
            batch->teaches[at] = k != 3;
        }
        batch->landmark_in[i * SANL_FASHION_LANDMARKS + 3][0] =
            NAN; /* a landmark that does not teach has no place */
        batch->category[i] = i % CLASSES;
        sanl_image_free(&sample.crop);
    }
}

/* Losses of `steps` steps from a fresh start. */
static void train(double *losses, int steps, const struct sanl_config *config, int count)
{
    struct sanl_network *network;
    struct sanl_engine *engine;
    struct sanl_updater *updater;
    struct sanl_batch batch;
    float parts[SANL_ENGINE_LOSSES];
    make_batch(&batch, count);
    assert_int_equal(sanl_network_create(&network, config, device, sanl_updater_moments(&config->train)),
                     SANL_OK);
    assert_int_equal(sanl_engine_create(&engine, network, BATCH, true), SANL_OK);
    assert_int_equal(sanl_updater_create(&updater, engine->graph, &config->train), SANL_OK);
    for (int i = 0; i < steps; i++) {
        assert_int_equal(sanl_engine_load(engine, &batch), SANL_OK);
        assert_int_equal(sanl_graph_forward(engine->graph), SANL_OK);
        assert_int_equal(sanl_engine_read_loss(engine, parts, &losses[i]), SANL_OK);
        assert_int_equal(sanl_graph_backward(engine->graph), SANL_OK);
        assert_int_equal(sanl_updater_step(updater, 2e-3, i + 1), SANL_OK);
    }
    sanl_updater_free(updater);
    sanl_engine_free(engine);
    sanl_network_free(network);
    sanl_batch_free(&batch);
}

static void landmarks_are_learnt_the_same_way_twice(void **state)
{
    (void)state;
    const struct sanl_config config = small_config(SANL_TASK_LANDMARK, SANL_BLOCK_SANL);
    double first[20], second[20];
    train(first, 20, &config, BATCH);
    train(second, 20, &config, BATCH);
    assert_true(first[19] < 0.5 * first[0]);
    assert_memory_equal(first, second, sizeof first);
}

static void categories_are_learnt(void **state)
{
    (void)state;
    struct sanl_config config = small_config(SANL_TASK_CLASSIFY, SANL_BLOCK_NONE);
    double losses[20];
    train(losses, 20, &config, BATCH);
    assert_true(losses[0] > 0.5 && losses[19] < 0.2 * losses[0]);
    config.train.optimizer = SANL_SGD;
    train(losses, 20, &config, BATCH);
    assert_true(losses[19] < 0.9 * losses[0]);
}

static void classifiers_have_blocks(void **state)
{
    (void)state;
    for (int block = SANL_BLOCK_NONLOCAL; block <= SANL_BLOCK_SANL; block++) {
        struct sanl_config config = small_config(SANL_TASK_CLASSIFY, (enum sanl_block)block);
        double losses[2][12];
        config.loss.label_smoothing = 0.1;
        train(losses[0], 12, &config, BATCH);
        config.train.recompute = true; /* the same bits */
        train(losses[1], 12, &config, BATCH);
        assert_true(losses[0][0] > 0.5 && losses[0][11] < 0.7 * losses[0][0]);
        assert_memory_equal(losses[0], losses[1], sizeof losses[0]);
    }
}

/* With frozen norms a row of a batch does not depend on the others, so neither does the loss on rows without
 * a picture. */
static void a_partial_batch_teaches_what_it_holds(void **state)
{
    (void)state;
    struct sanl_config config = small_config(SANL_TASK_CLASSIFY, SANL_BLOCK_NONE);
    struct sanl_network *network;
    struct sanl_engine *full, *single;
    struct sanl_batch batch;
    float parts[SANL_ENGINE_LOSSES];
    double a, b;
    config.train.freeze_norm = true;
    assert_int_equal(sanl_network_create(&network, &config, device, 0), SANL_OK);
    assert_int_equal(sanl_engine_create(&full, network, BATCH, true), SANL_OK);
    assert_int_equal(sanl_engine_create(&single, network, 1, true), SANL_OK);
    make_batch(&batch, 1);
    assert_int_equal(sanl_engine_load(full, &batch), SANL_OK);
    assert_int_equal(sanl_graph_forward(full->graph), SANL_OK);
    assert_int_equal(sanl_engine_read_loss(full, parts, &a), SANL_OK);
    assert_int_equal(sanl_engine_load(single, &batch), SANL_OK);
    assert_int_equal(sanl_graph_forward(single->graph), SANL_OK);
    assert_int_equal(sanl_engine_read_loss(single, parts, &b), SANL_OK);
    assert_true(fabs(a - b) < 1e-5 * fabs(b));
    sanl_batch_free(&batch);
    sanl_engine_free(full);
    sanl_engine_free(single);
    sanl_network_free(network);
}

static float *read_tensor(const struct sanl_tensor *tensor)
{
    float *values = sanl_calloc(sanl_shape_count(tensor->shape), sizeof *values);
    assert_non_null(values);
    assert_int_equal(sanl_tensor_read(tensor, values), SANL_OK);
    return values;
}

/* As nearly all of their targets are zero; a random last layer would give values around one. */
static void fresh_heatmaps_of_finenet_are_near_zero(void **state)
{
    (void)state;
    const struct sanl_config config = small_config(SANL_TASK_LANDMARK, SANL_BLOCK_SANL);
    struct sanl_network *network;
    struct sanl_engine *engine;
    struct sanl_batch batch;
    float peak = 0;
    make_batch(&batch, BATCH);
    assert_int_equal(sanl_network_create(&network, &config, device, 0), SANL_OK);
    assert_int_equal(sanl_engine_create(&engine, network, BATCH, true), SANL_OK);
    assert_int_equal(sanl_engine_load(engine, &batch), SANL_OK);
    assert_int_equal(sanl_graph_forward(engine->graph), SANL_OK);
    float *fine = read_tensor(engine->landmark.fine);
    for (size_t i = 0; i < sanl_shape_count(engine->landmark.fine->shape); i++)
        peak = fmaxf(peak, fabsf(fine[i]));
    assert_true(peak > 0 && peak < 0.2F);
    free(fine);
    sanl_engine_free(engine);
    sanl_network_free(network);
    sanl_batch_free(&batch);
}

static void inference_equals_training_with_frozen_norms(void **state)
{
    (void)state;
    struct sanl_config config = small_config(SANL_TASK_LANDMARK, SANL_BLOCK_SANL);
    struct sanl_network *network;
    struct sanl_engine *engines[2];
    struct sanl_batch batch;
    float *fine[2], peak = 0, worst = 0;
    config.train.freeze_norm = true;
    make_batch(&batch, BATCH);
    assert_int_equal(sanl_network_create(&network, &config, device, 1), SANL_OK);
    assert_int_equal(sanl_params_init_hashed(network->params, 5, 0), SANL_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sanl_engine_create(&engines[i], network, BATCH, i), SANL_OK);
        assert_int_equal(sanl_engine_load(engines[i], &batch), SANL_OK);
        assert_int_equal(sanl_graph_forward(engines[i]->graph), SANL_OK);
        fine[i] = read_tensor(engines[i]->landmark.fine);
    }
    const size_t count = sanl_shape_count(engines[0]->landmark.fine->shape);
    for (size_t i = 0; i < count; i++)
        peak = fmaxf(peak, fabsf(fine[1][i]));
    for (size_t i = 0; i < count; i++)
        worst = fmaxf(worst, fabsf(fine[0][i] - fine[1][i]));
    if (!(worst <= 1e-4F * peak)) /* random weights amplify rounding through four attentions */
        fail_msg("deviation %g of %g", (double)worst, (double)peak);
    for (int i = 0; i < 2; i++) {
        sanl_engine_free(engines[i]);
        free(fine[i]);
    }
    sanl_network_free(network);
    sanl_batch_free(&batch);
}

/* ---- the mirrored picture ------------------------------------------------------------------------ */

/* The packed crops of make_batch, which have the input's own size, with their pixels mirrored. */
static void mirror_pixels(struct sanl_batch *batch)
{
    for (int row = 0; row < batch->count * SIZE; row++) {
        uint8_t *line = batch->pixels + (size_t)row * SIZE * 3;
        for (int x = 0; x < SIZE / 2; x++)
            for (int c = 0; c < 3; c++) {
                const uint8_t held = line[3 * x + c];
                line[3 * x + c] = line[3 * (SIZE - 1 - x) + c];
                line[3 * (SIZE - 1 - x) + c] = held;
            }
    }
}

static void assert_same_values(const struct sanl_tensor *tensor, float *before)
{
    float *now = read_tensor(tensor);
    assert_memory_equal(now, before, sanl_shape_count(tensor->shape) * sizeof *now);
    free(now);
    free(before);
}

/* Mirrored on its way, a picture gives what its mirrored pixels give, attention maps included. With the
 * heatmaps of both, the mirrored picture's landmarks are the mirrored landmarks, sides swapped. */
static void mirrored_pictures_give_mirrored_landmarks(void **state)
{
    (void)state;
    struct sanl_config config = small_config(SANL_TASK_LANDMARK, SANL_BLOCK_SANL);
    struct sanl_network *network;
    struct sanl_engine *engine;
    struct sanl_batch batch;
    float found[2][BATCH][SANL_FASHION_LANDMARKS][SANL_LOCATED],
        alone[BATCH][SANL_FASHION_LANDMARKS][SANL_LOCATED];
    config.cam.mode = SANL_CAM_STAGE;
    config.eval.flip = true;
    make_batch(&batch, BATCH);
    assert_int_equal(sanl_network_create_random(&network, &config, device, -1, CLASSES), SANL_OK);
    assert_int_equal(sanl_params_init_hashed(network->params, 5, 0), SANL_OK);
    assert_int_equal(sanl_engine_create(&engine, network, BATCH, false), SANL_OK);
    assert_int_equal(sanl_engine_load(engine, &batch), SANL_OK);
    assert_int_equal(sanl_engine_mirror(engine), SANL_OK);
    float *image = read_tensor(engine->image), *cam = read_tensor(engine->landmark.cam[1]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sanl_engine_load(engine, &batch), SANL_OK);
        if (i == 1) {
            assert_same_values(engine->image, image);
            assert_same_values(engine->landmark.cam[1], cam);
        }
        assert_int_equal(sanl_graph_forward(engine->graph), SANL_OK);
        if (i == 0)
            assert_int_equal(sanl_tensor_read(engine->landmark.decoded, &alone[0][0][0]), SANL_OK);
        assert_int_equal(sanl_locate(&found[i][0][0][0], engine), SANL_OK);
        mirror_pixels(&batch);
    }
    for (int n = 0; n < BATCH; n++)
        for (int k = 0; k < SANL_FASHION_LANDMARKS; k++) {
            const float *a = found[0][n][k], *b = found[1][n][k ^ 1];
            assert_true(a[0] == SIZE - 1 - b[0] && a[1] == b[1] && a[2] == b[2]); /* NOLINT */
        }
    assert_memory_not_equal(alone, found[0], sizeof alone);
    sanl_engine_free(engine);
    sanl_network_free(network);
    sanl_batch_free(&batch);
}

static void learning_rates_follow_the_schedule(void **state)
{
    (void)state;
    struct sanl_train_config c = {.lr = 2, .epochs = 10, .warmup = 0.5, .schedule = SANL_SCHEDULE_CONSTANT};
    assert_true(fabs(sanl_learning_rate(&c, 0, 100) - 2.0 / 50) < 1e-12);
    assert_true(sanl_learning_rate(&c, 49, 100) == 2 && sanl_learning_rate(&c, 999, 100) == 2);
    c.schedule = SANL_SCHEDULE_STEP;
    c.gamma = 0.1;
    c.milestone_count = 2;
    c.milestones[0] = 3;
    c.milestones[1] = 6;
    assert_true(sanl_learning_rate(&c, 299, 100) == 2);
    assert_true(fabs(sanl_learning_rate(&c, 300, 100) - 0.2) < 1e-12);
    assert_true(fabs(sanl_learning_rate(&c, 600, 100) - 0.02) < 1e-12);
    c.schedule = SANL_SCHEDULE_COSINE;
    assert_true(fabs(sanl_learning_rate(&c, 525, 100) - 1) < 0.01);
    assert_true(sanl_learning_rate(&c, 999, 100) < 1e-5 && sanl_learning_rate(&c, 999, 100) > 0);
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
        cmocka_unit_test(landmarks_are_learnt_the_same_way_twice),
        cmocka_unit_test(categories_are_learnt),
        cmocka_unit_test(classifiers_have_blocks),
        cmocka_unit_test(a_partial_batch_teaches_what_it_holds),
        cmocka_unit_test(fresh_heatmaps_of_finenet_are_near_zero),
        cmocka_unit_test(inference_equals_training_with_frozen_norms),
        cmocka_unit_test(mirrored_pictures_give_mirrored_landmarks),
        cmocka_unit_test(learning_rates_follow_the_schedule),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
