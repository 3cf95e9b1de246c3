/* train/cam_cache.c: maps that are kept against those that are computed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <unistd.h>
#include <sanlcl/train.h>
#include "base/file.h"
#include "base/random.h"
#include "data/loader.h"
#include "fixture.h"
#include "train/cam_cache.h"

enum { SIDE = FIXTURE_SIZE / 4, BATCH = 2 };

struct bench {
    struct sanl_config config;
    struct sanl_dataset *dataset;
    struct sanl_network *network;
    struct sanl_engine *engine;
    struct sanl_cam_cache *cache;
};

static void set_up(struct bench *b, const char *folder)
{
    memset(b, 0, sizeof *b);
    fixture_config(&b->config, SANL_TASK_LANDMARK);
    snprintf(b->config.cam.cache, sizeof b->config.cam.cache, "%s/%s", fixture.root, folder);
    assert_int_equal(sanl_dataset_open(&b->dataset, &b->config.data), SANL_OK);
    assert_int_equal(sanl_network_create(&b->network, &b->config, fixture.device, 1), SANL_OK);
    assert_int_equal(sanl_engine_create(&b->engine, b->network, BATCH, true), SANL_OK);
    assert_int_equal(sanl_cam_cache_open(&b->cache, &b->config, b->network->classifier, b->dataset), SANL_OK);
    if (sanl_cam_cache_fill(b->cache, b->engine, "train") != SANL_OK)
        fail_msg("%s", sanl_error_message());
}

static void tear_down(struct bench *b)
{
    sanl_cam_cache_free(b->cache);
    sanl_engine_free(b->engine);
    sanl_network_free(b->network);
    sanl_dataset_free(b->dataset);
}

/* The training part's first batch with this augmentation. */
static struct sanl_loader *load(const struct sanl_batch **batch, const struct bench *b,
                                const struct sanl_augment_config *augment)
{
    struct sanl_loader_options options;
    struct sanl_loader *loader;
    sanl_loader_configure(&options, &b->config);
    options.part = "train";
    options.batch = BATCH;
    options.training = true;
    options.augment = *augment;
    assert_int_equal(sanl_loader_create(&loader, b->dataset, &options), SANL_OK);
    sanl_loader_start_epoch(loader, 0);
    assert_int_equal(sanl_loader_next(loader, batch), SANL_OK);
    return loader;
}

/* The finest maps in the engine's input. */
static void read_maps(float maps[BATCH][SIDE][SIDE], const struct bench *b)
{
    assert_int_equal(sanl_tensor_read(b->engine->cam[0], (float *)maps), SANL_OK);
}

static void plain_pictures_have_their_own_maps(void **state)
{
    (void)state;
    static const struct sanl_augment_config none;
    struct bench b;
    const struct sanl_batch *batch;
    float kept[BATCH][SIDE][SIDE], made[BATCH][SIDE][SIDE];
    double largest = 0;
    set_up(&b, "plain");
    struct sanl_loader *loader = load(&batch, &b, &none);
    b.engine->cache = b.cache;
    assert_int_equal(sanl_engine_load(b.engine, batch), SANL_OK);
    read_maps(kept, &b);
    b.engine->cache = NULL;
    assert_int_equal(sanl_engine_load(b.engine, batch), SANL_OK);
    read_maps(made, &b);
    for (int i = 0; i < BATCH; i++)
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                assert_true(fabsf(kept[i][y][x] - made[i][y][x]) < 1e-5F);
                largest = fmax(largest, (double)made[i][y][x]);
            }
    assert_true(largest > 0.9);
    sanl_loader_free(loader);
    tear_down(&b);
}

static void mirrored_pictures_have_mirrored_maps(void **state)
{
    (void)state;
    static const struct sanl_augment_config none, flip = {.flip = 1};
    struct bench b;
    const struct sanl_batch *batch;
    float plain[BATCH][SIDE][SIDE], mirrored[BATCH][SIDE][SIDE];
    set_up(&b, "mirrored");
    b.engine->cache = b.cache;
    struct sanl_loader *loader = load(&batch, &b, &none);
    assert_int_equal(sanl_engine_load(b.engine, batch), SANL_OK);
    read_maps(plain, &b);
    sanl_loader_free(loader);
    loader = load(&batch, &b, &flip);
    assert_int_equal(sanl_engine_load(b.engine, batch), SANL_OK);
    read_maps(mirrored, &b);
    sanl_loader_free(loader);
    for (int i = 0; i < BATCH; i++)
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                assert_true(fabsf(plain[i][y][x] - mirrored[i][y][SIDE - 1 - x]) < 1e-5F);
    tear_down(&b);
}

/* Twice as large: the middle of the plain map, every second of its pixels between two of them. */
static void enlarged_pictures_have_enlarged_maps(void **state)
{
    (void)state;
    struct bench b;
    const struct sanl_batch *batch;
    static const struct sanl_augment_config none;
    const struct sanl_affine half = {{0.5, 0, (FIXTURE_SIZE - 1) / 4.0, 0, 0.5, (FIXTURE_SIZE - 1) / 4.0}};
    float plain[BATCH][SIDE][SIDE], large[BATCH][SIDE][SIDE];
    set_up(&b, "enlarged");
    b.engine->cache = b.cache;
    struct sanl_loader *loader = load(&batch, &b, &none);
    assert_int_equal(sanl_engine_load(b.engine, batch), SANL_OK);
    read_maps(plain, &b);
    for (int i = 0; i < BATCH; i++)
        sanl_affine_compose(&batch->in_to_img[i], &batch->in_to_img[i], &half);
    assert_int_equal(sanl_cam_cache_load(b.cache, b.engine, batch), SANL_OK);
    read_maps(large, &b);
    for (int i = 0; i < BATCH; i++)
        for (int x = 0; x < SIDE; x++) {
            const double at = x / 2.0 + (SIDE - 1) / 4.0, row = (SIDE / 2) / 2.0 + (SIDE - 1) / 4.0;
            const int x0 = (int)at, y0 = (int)row;
            const double u = at - x0, v = row - y0;
            const double expected =
                (1 - v) * ((1 - u) * (double)plain[i][y0][x0] + u * (double)plain[i][y0][x0 + 1]) +
                v * ((1 - u) * (double)plain[i][y0 + 1][x0] + u * (double)plain[i][y0 + 1][x0 + 1]);
            assert_true(fabs((double)large[i][SIDE / 2][x] - expected) < 1e-5);
        }
    sanl_loader_free(loader);
    tear_down(&b);
}

/* Calls `visit`, unless NULL, with each kept file, and counts them. */
static int each_file(const char *folder, void (*visit)(const char *path))
{
    char command[SANL_TEXT_BYTES + 32], *path = NULL;
    size_t room = 0;
    int files = 0;
    snprintf(command, sizeof command, "find '%s' -name '*.cam'", folder);
    FILE *list = popen(command, "r");
    for (; getline(&path, &room, list) > 0; files++) {
        path[strcspn(path, "\n")] = 0;
        if (visit)
            visit(path);
    }
    pclose(list);
    free(path);
    return files;
}

static long damage_at;

static void damage(const char *path)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, damage_at, SEEK_SET);
    const int byte = fgetc(file);
    fseek(file, damage_at, SEEK_SET);
    fputc(byte ^ 0x20, file);
    fclose(file);
}

static void cut(const char *path)
{
    assert_int_equal(truncate(path, 100), 0);
}

static void take_away(const char *path)
{
    assert_int_equal(unlink(path), 0);
}

static void assert_message(const char *part)
{
    if (!strstr(sanl_error_message(), part))
        fail_msg("'%s' is not in '%s'", part, sanl_error_message());
}

/* What is wrong with a file is said, and what helps. */
static void kept_maps_are_checked(void **state)
{
    (void)state;
    struct bench b;
    static const struct sanl_augment_config none;
    const struct sanl_batch *batch;
    set_up(&b, "checked");
    struct sanl_loader *loader = load(&batch, &b, &none);
    static const long places[] = {2, 9, 18, 300}; /* the magic, the hash, maps */
    for (int i = 0; i < 4; i++) {
        damage_at = places[i];
        assert_int_equal(each_file(b.config.cam.cache, damage), b.dataset->parts[0].count);
        assert_int_equal(sanl_cam_cache_load(b.cache, b.engine, batch), SANL_ERR_FORMAT);
        assert_message("damaged: these are not the maps");
        assert_message("remove the file");
        each_file(b.config.cam.cache, damage);
        assert_int_equal(sanl_cam_cache_load(b.cache, b.engine, batch), SANL_OK);
    }
    each_file(b.config.cam.cache, cut);
    assert_int_equal(sanl_cam_cache_load(b.cache, b.engine, batch), SANL_ERR_FORMAT);
    assert_message("cut short; start the training again");
    each_file(b.config.cam.cache, take_away);
    assert_int_equal(sanl_cam_cache_load(b.cache, b.engine, batch), SANL_ERR_IO);
    assert_message("start the training again");
    assert_message(strerror(ENOENT));
    sanl_loader_free(loader);
    tear_down(&b);
}

/* Maps that are gone are made again, and no others. */
static void missing_maps_are_made_again(void **state)
{
    (void)state;
    struct bench b;
    char command[SANL_TEXT_BYTES + 160];
    set_up(&b, "missing");
    snprintf(
        command, sizeof command,
        "cd '%s' && touch -d '2001-01-01' */*.cam && ls */*.cam | sort >list && rm \"$(head -n 1 list)\"",
        b.config.cam.cache);
    assert_int_equal(system(command), 0);
    assert_int_equal(sanl_cam_cache_fill(b.cache, b.engine, "train"), SANL_OK);
    snprintf(command, sizeof command,
             "cd '%s' && ls */*.cam | sort | cmp - list && test $(find . -name '*.cam' -newer list | wc -l) "
             "-le %d "
             "&& test -s \"$(head -n 1 list)\"",
             b.config.cam.cache, BATCH);
    assert_int_equal(system(command), 0);
    tear_down(&b);
}

/* Runs `change` with the path of the training part's first picture, and counts the kept files once a cache
 * that is opened after that is full. */
static int files_after(struct bench *b, const char *change)
{
    const struct sanl_record *record = &b->dataset->records[b->dataset->parts[0].records[0]];
    char *path = sanl_dataset_image_path(b->dataset, record), command[2 * SANL_TEXT_BYTES];
    snprintf(command, sizeof command, "f='%s' && %s", path, change);
    assert_int_equal(system(command), 0);
    free(path);
    sanl_cam_cache_free(b->cache);
    assert_int_equal(sanl_cam_cache_open(&b->cache, &b->config, b->network->classifier, b->dataset), SANL_OK);
    assert_int_equal(sanl_cam_cache_fill(b->cache, b->engine, "train"), SANL_OK);
    return each_file(b->config.cam.cache, NULL);
}

/* Another picture of the same name has maps of its own. */
static void changed_pictures_have_other_maps(void **state)
{
    (void)state;
    struct bench b;
    set_up(&b, "changed");
    const int count = b.dataset->parts[0].count;
    assert_int_equal(files_after(&b, "true"), count);
    assert_int_equal(files_after(&b, "touch -d '2001-01-01 00:00:00.000000001' \"$f\""), count + 1);
    assert_int_equal(files_after(&b, "touch -d '2001-01-01 00:00:00.000000002' \"$f\""), count + 2);
    assert_int_equal(files_after(&b, "touch -d '2001-01-01 00:00:00.000000001' \"$f\""), count + 2);
    assert_int_equal(files_after(&b, "echo >>\"$f\" && touch -d '2001-01-01 00:00:00.000000001' \"$f\""),
                     count + 3);
    tear_down(&b);
}

/* Other maps in a sound file: zeros. */
static void blank(const char *path)
{
    size_t length;
    char *bytes;
    uint64_t sealed;
    assert_int_equal(sanl_file_read(&bytes, &length, path, 1 << 20), SANL_OK);
    memcpy(&sealed, bytes + 8, sizeof sealed);
    sealed ^= sanl_hash_bytes(bytes + 16, length - 16);
    memset(bytes + 16, 0, length - 16);
    sealed ^= sanl_hash_bytes(bytes + 16, length - 16);
    memcpy(bytes + 8, &sealed, sizeof sealed);
    FILE *file = fopen(path, "r+b"); /* in its place: a new file of the same time */
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, length, 1, file), 1);
    fclose(file);
    free(bytes);
}

/* The newest checkpoint of a training in a folder of that name, with maps that all of these share; free() it.
 */
static char *train(size_t *length, const char *folder, struct sanl_config *config)
{
    char *path = sanl_path_join(fixture.root, folder), *checkpoint;
    fixture_config(config, SANL_TASK_LANDMARK);
    config->train.epochs = 1;
    config->train.batch = BATCH;
    snprintf(config->cam.cache, sizeof config->cam.cache, "%s/train", fixture.root);
    snprintf(config->out, sizeof config->out, "%s", path);
    free(path);
    if (sanl_train(NULL, config, fixture.device, NULL) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    path = sanl_path_join(config->out, "last.safetensors");
    assert_int_equal(sanl_file_read(&checkpoint, length, path, 1 << 30), SANL_OK);
    free(path);
    return checkpoint;
}

static bool are_equal(const char *a, size_t a_length, const char *b, size_t b_length)
{
    return a_length == b_length && memcmp(a, b, a_length) == 0;
}

/* Equal maps give equal checkpoints, and others give others. */
static void training_uses_them(void **state)
{
    (void)state;
    struct sanl_config config;
    size_t lengths[3];
    char *first = train(&lengths[0], "run1", &config);
    assert_true(each_file(config.cam.cache, NULL) >= BATCH);
    char *second = train(&lengths[1], "run2", &config);
    assert_true(are_equal(first, lengths[0], second, lengths[1]));
    each_file(config.cam.cache, blank);
    char *third = train(&lengths[2], "run3", &config);
    assert_false(are_equal(first, lengths[0], third, lengths[2]));
    free(first);
    free(second);
    free(third);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_pictures_have_their_own_maps),
        cmocka_unit_test(mirrored_pictures_have_mirrored_maps),
        cmocka_unit_test(enlarged_pictures_have_enlarged_maps),
        cmocka_unit_test(kept_maps_are_checked),
        cmocka_unit_test(missing_maps_are_made_again),
        cmocka_unit_test(changed_pictures_have_other_maps),
        cmocka_unit_test(training_uses_them),
    };
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
