/* data/loader.c: the same batches whatever the number of threads, epochs, bad pictures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <sanlcl/bench.h>
#include <sanlcl/log.h>
#include "base/file.h"
#include "base/memory.h"
#include "data/loader.h"
#include "image/image.h"

enum { TRAIN = 11, TEST = 7, COUNT = TRAIN + TEST, SIZE = 32 };

static char root[] = "/tmp/sanlcl_loader_XXXXXX";

static char *path_of(const char *name)
{
    char *path = sanl_path_join(root, name);
    assert_non_null(path);
    return path;
}

static char *image_path(int i)
{
    char name[32];
    snprintf(name, sizeof name, "img/%02d.jpg", i);
    return path_of(name);
}

/* A picture of one colour, which tells its number: red = 10 * (i + 1). */
static void write_image(int i)
{
    struct sanl_image image;
    char *path = image_path(i);
    assert_int_equal(sanl_image_create(&image, 60 + 5 * i, 80), SANL_OK);
    for (int p = 0; p < image.width * image.height; p++) {
        image.pixels[3 * p] = (uint8_t)(10 * (i + 1));
        image.pixels[3 * p + 1] = image.pixels[3 * p + 2] = 100;
    }
    assert_int_equal(sanl_image_write(&image, path, 95), SANL_OK);
    sanl_image_free(&image);
    free(path);
}

static FILE *begin(const char *name, const char *columns)
{
    char *path = path_of(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%d\n%s\n", (int)COUNT, columns);
    free(path);
    return file;
}

/* Landmarks: 0 visible inside the box, 1 occluded, 2 cut off, 3 visible outside the box, hems visible. */
static int set_up(void **state)
{
    (void)state;
    static const char *const folders[] = {"Anno", "Eval", "img"};
    if (!mkdtemp(root))
        return -1;
    for (int i = 0; i < 3; i++) {
        char *path = path_of(folders[i]);
        if (sanl_folder_make(path) != SANL_OK)
            return -1;
        free(path);
    }
    FILE *landmarks = begin("Anno/list_landmarks.txt", "image_name clothes_type variation_type ...");
    FILE *boxes = begin("Anno/list_bbox.txt", "image_name x_1 y_1 x_2 y_2");
    FILE *parts = begin("Eval/list_eval_partition.txt", "image_name evaluation_status");
    for (int i = 0; i < COUNT; i++) {
        fprintf(landmarks, "img/%02d.jpg 1 1 0 %d 30 1 40 30 2 0 0 0 5 5 0 25 60 0 40 60\n", i, 20 + i % 5);
        fprintf(boxes, "img/%02d.jpg 11 21 51 71\n", i);
        fprintf(parts, "img/%02d.jpg %s\n", i, i < TRAIN ? "train" : "test");
        write_image(i);
    }
    fclose(landmarks);
    fclose(boxes);
    fclose(parts);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const left[] = {"Anno/list_landmarks.txt",
                                       "Anno/list_bbox.txt",
                                       "Eval/list_eval_partition.txt",
                                       "Anno",
                                       "Eval",
                                       "img",
                                       ""};
    for (int i = 0; i < COUNT; i++) {
        char *path = image_path(i);
        remove(path);
        free(path);
    }
    for (int i = 0; i < 7; i++) {
        char *path = path_of(left[i]);
        remove(path);
        free(path);
    }
    return 0;
}

static struct sanl_dataset *open_dataset(void)
{
    struct sanl_data_config config = {.limit = 0};
    struct sanl_dataset *d = NULL;
    snprintf(config.format, sizeof config.format, "fld");
    snprintf(config.root, sizeof config.root, "%s", root);
    assert_int_equal(sanl_dataset_open(&d, &config), SANL_OK);
    return d;
}

static struct sanl_loader_options options_for(bool training, int workers)
{
    const struct sanl_loader_options options = {
        .part = training ? "train" : "test",
        .size = SIZE,
        .batch = 3,
        .workers = workers,
        .ring = 2,
        .max_megapixels = 1,
        .boxes = true,
        .training = training,
        .visible_only = true,
        .seed = 7,
        .augment = {0.5, 20, 0.2, 0.1, 0.1, 0.1, 0.3},
    };
    return options;
}

static struct sanl_loader *make_loader(const struct sanl_dataset *d,
                                       const struct sanl_loader_options *options)
{
    struct sanl_loader *l = NULL;
    if (sanl_loader_create(&l, d, options) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    return l;
}

static uint64_t hash(uint64_t h, const void *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        h = (h ^ ((const unsigned char *)bytes)[i]) * 0x100000001B3u;
    return h;
}

static uint64_t hash_batch(uint64_t h, const struct sanl_batch *b)
{
    const size_t n = (size_t)b->count, points = n * (size_t)b->landmarks;
    h = hash(h, &b->count, sizeof b->count);
    h = hash(h, b->pixels, b->pixel_bytes);
    h = hash(h, b->geometry, n * sizeof *b->geometry);
    h = hash(h, b->warp, n * sizeof *b->warp);
    h = hash(h, b->in_to_img, n * sizeof *b->in_to_img);
    h = hash(h, b->box, n * sizeof *b->box);
    h = hash(h, b->landmark_in, points * sizeof *b->landmark_in);
    h = hash(h, b->teaches, points * sizeof *b->teaches);
    h = hash(h, b->visibility, points * sizeof *b->visibility);
    h = hash(h, b->category, n * sizeof *b->category);
    return hash(h, b->record, n * sizeof *b->record);
}

/* Of the records and the content of an epoch; `batches` is checked. */
static uint64_t hash_epoch(struct sanl_loader *l, uint64_t epoch, int batches)
{
    const struct sanl_batch *b = NULL;
    uint64_t h = 0xCBF29CE484222325u;
    int seen = 0;
    sanl_loader_start_epoch(l, epoch);
    for (;; seen++) {
        if (sanl_loader_next(l, &b) != SANL_OK)
            fail_msg("%s", sanl_error_message());
        if (!b)
            break;
        h = hash_batch(h, b);
    }
    assert_int_equal(seen, batches);
    assert_int_equal(sanl_loader_next(l, &b), SANL_OK);
    assert_null(b);
    return h;
}

static void threads_do_not_change_batches(void **state)
{
    (void)state;
    struct sanl_dataset *d = open_dataset();
    for (int training = 0; training < 2; training++) {
        uint64_t first[2] = {0};
        for (int workers = 1; workers <= 4; workers++) {
            struct sanl_loader_options o = options_for(training, workers);
            o.ring = 1 + workers % 3;
            struct sanl_loader *l = make_loader(d, &o);
            const int batches = sanl_loader_batches(l);
            assert_int_equal(batches, 3);
            for (uint64_t epoch = 0; epoch < 2; epoch++) {
                const uint64_t h = hash_epoch(l, epoch, batches);
                if (workers == 1)
                    first[epoch] = h;
                assert_true(h == first[epoch]);
            }
            assert_true(hash_epoch(l, 0, batches) == first[0]); /* and epochs can be repeated */
            sanl_loader_free(l);
        }
        assert_true((first[0] == first[1]) == !training);
    }
    sanl_dataset_free(d);
}

static void seeds_change_batches(void **state)
{
    (void)state;
    struct sanl_dataset *d = open_dataset();
    struct sanl_loader_options o = options_for(true, 2);
    uint64_t h[2];
    for (int i = 0; i < 2; i++) {
        o.seed = (uint64_t)i;
        struct sanl_loader *l = make_loader(d, &o);
        h[i] = hash_epoch(l, 0, 3);
        sanl_loader_free(l);
    }
    assert_true(h[0] != h[1]);
    sanl_dataset_free(d);
}

/* An epoch's records in order into `out`; their number. */
static int collect(struct sanl_loader *l, uint64_t epoch, int out[COUNT])
{
    const struct sanl_batch *b = NULL;
    int count = 0;
    sanl_loader_start_epoch(l, epoch);
    while (sanl_loader_next(l, &b) == SANL_OK && b) {
        for (int i = 0; i < b->count; i++)
            out[count++] = b->record[i];
    }
    return count;
}

static void training_shuffles_and_drops(void **state)
{
    (void)state;
    struct sanl_dataset *d = open_dataset();
    const struct sanl_loader_options o = options_for(true, 2);
    struct sanl_loader *l = make_loader(d, &o);
    int order[2][COUNT], seen[COUNT] = {0};
    assert_int_equal(sanl_loader_samples(l), 9);
    for (uint64_t epoch = 0; epoch < 2; epoch++)
        assert_int_equal(collect(l, epoch, order[epoch]), 9);
    for (int i = 0; i < 9; i++) {
        assert_true(order[0][i] >= 0 && order[0][i] <= TRAIN - 1);
        assert_int_equal(seen[order[0][i]]++, 0);
    }
    assert_memory_not_equal(order[0], order[1], 9 * sizeof(int));
    sanl_loader_free(l);
    sanl_dataset_free(d);
}

static void evaluation_keeps_order_and_rest(void **state)
{
    (void)state;
    struct sanl_dataset *d = open_dataset();
    const struct sanl_loader_options o = options_for(false, 3);
    struct sanl_loader *l = make_loader(d, &o);
    const struct sanl_batch *b = NULL;
    int next = TRAIN;
    assert_int_equal(sanl_loader_samples(l), TEST);
    sanl_loader_start_epoch(l, 0);
    for (int batch = 0; batch < 3; batch++) {
        assert_int_equal(sanl_loader_next(l, &b), SANL_OK);
        assert_int_equal(b->count, batch < 2 ? 3 : 1);
        for (int i = 0; i < b->count; i++, next++) {
            assert_int_equal(b->record[i], next);
            const uint8_t *p = b->pixels + b->geometry[i][0];
            assert_true(p[0] >= 10 * (next + 1) - 4 && p[0] <= 10 * (next + 1) + 4); /* its own picture */
            assert_int_equal(b->category[i], -1);
        }
    }
    assert_int_equal(sanl_loader_next(l, &b), SANL_OK);
    assert_null(b);
    assert_true(sanl_loader_wait_seconds(l) >= 0);
    sanl_loader_free(l);
    sanl_dataset_free(d);
}

static void labels_are_in_the_input_frame(void **state)
{
    (void)state;
    struct sanl_dataset *d = open_dataset();
    struct sanl_loader_options o = options_for(false, 1);
    for (int only = 0; only < 2; only++) {
        o.visible_only = only;
        struct sanl_loader *l = make_loader(d, &o);
        const struct sanl_batch *b = NULL;
        sanl_loader_start_epoch(l, 0);
        assert_int_equal(sanl_loader_next(l, &b), SANL_OK);
        /* The box from 0: 10 20 50 70, so 40 x 50. Record 11 has its left collar at (21 - 1, 29). */
        const double x = (20 - 10 + 0.5) * SIZE / 40 - 0.5, y = (29 - 20 + 0.5) * SIZE / 50 - 0.5;
        assert_true(b->landmark_in[0][0] == (float)x);
        assert_true(b->landmark_in[0][1] == (float)y);
        static const float teaches[2][SANL_FASHION_LANDMARKS] = {{1, 1, 0, 0, 0, 0, 1, 1},
                                                                 {1, 0, 0, 0, 0, 0, 1, 1}};
        static const unsigned char visibility[SANL_FASHION_LANDMARKS] = {0, 1, 2, 0, 3, 3, 0, 0};
        for (int k = 0; k < SANL_FASHION_LANDMARKS; k++) {
            assert_true(b->teaches[k] == teaches[only][k]);
            assert_int_equal(b->visibility[k], visibility[k]);
        }
        assert_true(b->box[0].x1 == 10 && b->box[0].y2 == 70);
        assert_true(b->warp[0][6] == 1 && b->warp[0][7] == 0);
        assert_true(b->pixel_bytes <= (size_t)sanl_batch_max_bytes(b->count, SIZE));
        sanl_loader_free(l);
    }
    sanl_dataset_free(d);
}

static int warnings;

static void count_warning(void *payload, enum sanl_log_level level, const char *line)
{
    (void)payload;
    warnings += level == SANL_LOG_WARNING && strstr(line, "left out: part '") != NULL;
}

static void break_image(int i)
{
    char *path = image_path(i);
    assert_int_equal(sanl_file_write(path, "no picture", 10), SANL_OK);
    free(path);
}

static void bad_pictures_stop_or_are_left_out(void **state)
{
    (void)state;
    struct sanl_dataset *d = open_dataset();
    const struct sanl_batch *b = NULL;
    const int bad[] = {TRAIN + 1, TRAIN + 6, 4};
    for (int i = 0; i < 3; i++)
        break_image(bad[i]);
    for (int workers = 1; workers <= 3; workers += 2) {
        struct sanl_loader_options o = options_for(false, workers);
        struct sanl_loader *l = make_loader(d, &o);
        sanl_loader_start_epoch(l, 0);
        assert_int_equal(sanl_loader_next(l, &b), SANL_ERR_FORMAT);
        assert_null(b);
        assert_non_null(strstr(sanl_error_message(), "part 'test', record 13: "));
        assert_non_null(strstr(sanl_error_message(), "img/12.jpg"));
        assert_int_equal(sanl_loader_next(l, &b), SANL_OK); /* it can go on */
        assert_int_equal(b->record[0], TRAIN + 3);
        sanl_loader_free(l);

        /* Evaluation: left out, and a batch of which nothing remains does not come. */
        int order[COUNT];
        o.skip_bad = true;
        l = make_loader(d, &o);
        warnings = 0;
        sanl_log_set(count_warning, NULL);
        assert_int_equal(collect(l, 0, order), TEST - 2);
        sanl_log_set(NULL, NULL);
        assert_int_equal(order[1], TRAIN + 2);
        assert_int_equal(sanl_loader_skipped(l), 2);
        assert_int_equal(warnings, 2);
        sanl_loader_free(l);

        /* Training: the next record of the order stands in. */
        o = options_for(true, workers);
        o.batch = TRAIN;
        o.skip_bad = true;
        l = make_loader(d, &o);
        assert_int_equal(collect(l, 0, order), TRAIN);
        assert_int_equal(sanl_loader_skipped(l), 1);
        int twice = 0;
        for (int i = 0; i < TRAIN; i++) {
            assert_int_not_equal(order[i], 4);
            twice += i > 0 ? order[i] == order[i - 1] : order[0] == order[TRAIN - 1];
        }
        /* The last place's stand-in is the first record again. */
        assert_true(twice == 1 || order[TRAIN - 1] == order[0]);
        sanl_loader_free(l);
    }
    for (int i = 0; i < 3; i++)
        write_image(bad[i]);
    sanl_dataset_free(d);
}

static void only_bad_pictures_are_an_error(void **state)
{
    (void)state;
    struct sanl_dataset *d = open_dataset();
    struct sanl_loader_options o = options_for(true, 2);
    const struct sanl_batch *b = NULL;
    o.skip_bad = true;
    for (int i = 0; i < TRAIN; i++)
        break_image(i);
    struct sanl_loader *l = make_loader(d, &o);
    sanl_loader_start_epoch(l, 0);
    assert_int_equal(sanl_loader_next(l, &b), SANL_ERR_FORMAT);
    assert_non_null(strstr(sanl_error_message(), "no picture of the part can be read"));
    sanl_loader_free(l);
    for (int i = 0; i < TRAIN; i++)
        write_image(i);
    sanl_dataset_free(d);
}

static void loaders_stop_at_any_time(void **state)
{
    (void)state;
    struct sanl_dataset *d = open_dataset();
    const struct sanl_batch *b = NULL;
    for (int i = 0; i < 12; i++) {
        const struct sanl_loader_options o = options_for(true, 1 + i % 4);
        struct sanl_loader *l = make_loader(d, &o);
        for (int epoch = 0; epoch < i % 3; epoch++) { /* epochs that are left early */
            sanl_loader_start_epoch(l, (uint64_t)epoch);
            for (int batch = 0; batch < i % 2; batch++)
                assert_int_equal(sanl_loader_next(l, &b), SANL_OK);
        }
        sanl_loader_free(l);
    }
    sanl_loader_free(NULL);
    sanl_dataset_free(d);
}

static void impossible_options_are_named(void **state)
{
    (void)state;
    static const char *const expected[] = {"no part is called 'dev'", "less than one batch of 12",
                                           "no category", "no picture belongs to part 'val'", "at least 1"};
    struct sanl_dataset *d = open_dataset();
    for (int i = 0; i < 5; i++) {
        struct sanl_loader_options o = options_for(true, 1);
        struct sanl_loader *l = NULL;
        o.part = i == 0 ? "dev" : i == 3 ? "val" : o.part;
        o.batch = i == 1 ? 12 : o.batch;
        o.categories = i == 2;
        o.workers = i == 4 ? 0 : 1;
        assert_int_not_equal(sanl_loader_create(&l, d, &o), SANL_OK);
        assert_null(l);
        assert_non_null(strstr(sanl_error_message(), expected[i]));
    }
    sanl_dataset_free(d);
}

static void take_speed(void *payload, const struct sanl_bench_loader_result *result)
{
    int *calls = payload;
    assert_int_equal(result->workers, ++*calls == 1 ? 1 : 3);
    assert_true(result->images >= 3 && result->images % 3 == 0);
    assert_true(result->seconds > 0 && result->core_seconds > 0);
}

static void speed_is_measured(void **state)
{
    (void)state;
    char text[64];
    int calls = 0;
    struct sanl_config config;
    const char *const overrides[] = {text, "train.batch=3", "data.workers=3", "data.max_megapixels=1"};
    const struct sanl_bench_loader_options options = {
        .config = &config, .seconds = 0.01, .done = take_speed, .payload = &calls};
    snprintf(text, sizeof text, "data.root=%s", root);
    assert_int_equal(sanl_config_load(&config, NULL, overrides, 4), SANL_OK);
    assert_int_equal(sanl_bench_loader(&options), SANL_OK);
    assert_int_equal(calls, 2);
    strcpy(config.data.root, "/nowhere");
    assert_int_not_equal(sanl_bench_loader(&options), SANL_OK);
    assert_int_equal(calls, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_do_not_change_batches),  cmocka_unit_test(seeds_change_batches),
        cmocka_unit_test(training_shuffles_and_drops),    cmocka_unit_test(evaluation_keeps_order_and_rest),
        cmocka_unit_test(labels_are_in_the_input_frame),  cmocka_unit_test(bad_pictures_stop_or_are_left_out),
        cmocka_unit_test(only_bad_pictures_are_an_error), cmocka_unit_test(loaders_stop_at_any_time),
        cmocka_unit_test(impossible_options_are_named),   cmocka_unit_test(speed_is_measured),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
