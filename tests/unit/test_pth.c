/* model/pth: files of PyTorch, damaged ones, and a ResNet-18 that comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "pth.h"
#include "base/random.h"
#include "model/weights.h"
#include "train/network.h"

#define DATA TEST_DIR "/data/pth/"

enum { FILE_BYTES = 1 << 14 };

static void check_unreadable(struct sanl_tensors *file, const struct sanl_named_tensor *tensor)
{
    float value;
    assert_int_equal(sanl_tensors_read(file, tensor, &value), SANL_ERR_FORMAT);
    assert_non_null(strstr(sanl_error_message(), tensor->dtype));
    assert_non_null(strstr(sanl_error_message(), tensor->name));
}

/* ---- files of PyTorch ---------------------------------------------------------------------------- */

/* The six tensors of a convolution and a norm, in their order. */
static void state_dicts_are_read(void **state)
{
    (void)state;
    static const char *const files[] = {"zip",
                                        "zip_1",
                                        "zip_protocol4",
                                        "flat",
                                        "unchecked",
                                        "legacy",
                                        "legacy_1",
                                        "legacy_protocol4",
                                        "checkpoint",
                                        "checkpoint_legacy",
                                        "checkpoint_deep"};
    static const char *const names[] = {"conv1.weight",     "bn1.weight",      "bn1.bias",
                                        "bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked"};
    static const size_t conv[] = {2, 1, 3, 3};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char name[256];
        snprintf(name, sizeof name, DATA "%s.pth", files[i]);
        struct sanl_tensors *file = open_file(name);
        assert_int_equal(sanl_tensors_count(file), 6);
        for (size_t k = 0; k < 6; k++) {
            const struct sanl_named_tensor *t = sanl_tensors_at(file, k);
            assert_string_equal(t->name, names[k]);
            assert_ptr_equal(t, sanl_tensors_find(file, names[k]));
            if (k < 5)
                check_values(file, t, 0);
            else
                check_unreadable(file, t);
        }
        assert_int_equal(sanl_tensors_at(file, 0)->rank, 4);
        assert_memory_equal(sanl_tensors_at(file, 0)->shape, conv, sizeof conv);
        assert_int_equal(sanl_tensors_at(file, 5)->rank, 0);
        assert_null(sanl_tensors_text(file, "config"));
        sanl_tensors_free(file);
    }
}

static void every_type_is_known(void **state)
{
    (void)state;
    static const char *const files[] = {DATA "types.pth", DATA "types_legacy.pth"};
    for (size_t i = 0; i < 2; i++) {
        struct sanl_tensors *file = open_file(files[i]);
        assert_int_equal(sanl_tensors_count(file), 10);
        for (size_t k = 0; k < 10; k++) {
            const struct sanl_named_tensor *t = sanl_tensors_at(file, k);
            assert_string_equal(t->name, t->dtype);
            if (k < 4)
                check_values(file, t, 0);
            else
                check_unreadable(file, t);
        }
        sanl_tensors_free(file);
    }
}

/* Views of shared storages, by offsets and strides. */
static void views_are_followed(void **state)
{
    (void)state;
    static const char *const files[] = {DATA "views.pth", DATA "views_1.pth", DATA "views_legacy.pth",
                                        DATA "deflated.pth"};
    static const struct {
        const char *name;
        int rank;
        size_t shape[4], first;
    } tensors[] = {
        {"base", 1, {24}, 0},        {"tail", 1, {20}, 4},         {"middle", 2, {3, 4}, 6},
        {"half", 1, {16}, 8},        {"transposed", 2, {3, 5}, 0}, {"channels_last", 4, {2, 3, 2, 2}, 0},
        {"turned", 3, {2, 2, 3}, 0}, {"strided", 2, {3, 3}, 0},    {"scalar", 0, {0}, 0},
        {"empty", 2, {0, 3}, 0},     {"one", 4, {1, 1, 1, 1}, 0},  {"parameter", 2, {2, 2}, 0},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct sanl_tensors *file = open_file(files[i]);
        float repeated[4] = {1, 1, 1, 1};
        for (size_t k = 0; k < sizeof tensors / sizeof *tensors; k++) {
            const struct sanl_named_tensor *t = sanl_tensors_find(file, tensors[k].name);
            assert_non_null(t);
            assert_int_equal(t->rank, tensors[k].rank);
            assert_memory_equal(t->shape, tensors[k].shape, (size_t)t->rank * sizeof *t->shape);
            check_values(file, t, tensors[k].first);
        }
        const struct sanl_named_tensor *t = sanl_tensors_find(file, "expanded");
        assert_non_null(t);
        assert_int_equal(t->count, 4);
        assert_int_equal(sanl_tensors_read(file, t, repeated), SANL_OK);
        assert_true(repeated[0] == 0 && repeated[1] == 0 && repeated[2] == 0 && repeated[3] == 0);
        sanl_tensors_free(file);
    }
}

static void files_of_2017_are_read(void **state)
{
    (void)state;
    struct sanl_tensors *file = open_file(DATA "old.pth");
    assert_int_equal(sanl_tensors_count(file), 2);
    for (size_t i = 0; i < 2; i++)
        check_values(file, sanl_tensors_at(file, i), 0);
    assert_int_equal(sanl_tensors_find(file, "conv1.weight")->shape[1], 3);
    sanl_tensors_free(file);
}

/* ---- files that lie ------------------------------------------------------------------------------ */

static void other_zips_are_refused(void **state)
{
    (void)state;
    expect_refusal(DATA "big_endian.pth", "byteorder: expected little");
    expect_refusal(DATA "bzip2.pth", "compressed by method 12");
    expect_refusal(DATA "short_storage.pth",
                   "tensor 'conv1.weight': storage '0': 4 bytes for 18 values of F32");
}

/* ---- damage -------------------------------------------------------------------------------------- */

/* Opens whatever is there and, when it opens, reads every tensor that is not absurdly large. */
static void try_everything(void)
{
    struct sanl_tensors *file;
    if (sanl_tensors_open(&file, path) != SANL_OK) {
        assert_null(file);
        assert_int_equal(strncmp(sanl_error_message(), path, strlen(path)), 0);
        return;
    }
    for (size_t i = 0; i < sanl_tensors_count(file); i++) {
        const struct sanl_named_tensor *t = sanl_tensors_at(file, i);
        float *values = t->count < FILE_BYTES ? sanl_calloc(t->count, sizeof *values) : NULL;
        if (values && sanl_tensors_read(file, t, values) != SANL_OK)
            assert_non_null(strstr(sanl_error_message(), path));
        free(values);
    }
    sanl_tensors_free(file);
}

static const char *const damaged[] = {DATA "zip_1.pth", DATA "deflated.pth", DATA "legacy.pth",
                                      DATA "old.pth"};

static void truncation_is_reported(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof damaged / sizeof *damaged; k++) {
        char *bytes;
        size_t length;
        assert_int_equal(sanl_file_read(&bytes, &length, damaged[k], FILE_BYTES), SANL_OK);
        for (size_t i = 0; i < length; i++) {
            assert_int_equal(sanl_file_write(path, bytes, i), SANL_OK);
            expect_refusal(path, "");
        }
        free(bytes);
    }
}

static void damage_is_survived(void **state)
{
    (void)state;
    const uint64_t key = sanl_random_key(1, 2, 3, 4);
    for (size_t k = 0; k < sizeof damaged / sizeof *damaged; k++) {
        char *bytes, *copy;
        size_t length;
        assert_int_equal(sanl_file_read(&bytes, &length, damaged[k], FILE_BYTES), SANL_OK);
        assert_non_null(copy = sanl_calloc(length, 1));
        for (uint64_t round = 0; round < 1000; round++) {
            memcpy(copy, bytes, length);
            for (uint64_t i = 0; i <= round % 3; i++) {
                const uint64_t at = 4 * (4 * round + i);
                copy[sanl_random_below(key, at, length)] = (char)sanl_random_below(key, at + 1, 256);
            }
            assert_int_equal(sanl_file_write(path, copy, length), SANL_OK);
            try_everything();
        }
        free(copy);
        free(bytes);
    }
}

/* A value that changed on the way: the zip's checksum tells. */
static void checksums_are_compared(void **state)
{
    (void)state;
    static const float values[] = {0, 0.125f, 0.25f, 0.375f, 0.5f};
    char *bytes;
    size_t length, at = 0;
    float room[18];
    assert_int_equal(sanl_file_read(&bytes, &length, DATA "zip_1.pth", FILE_BYTES), SANL_OK);
    while (at + sizeof values < length && memcmp(bytes + at, values, sizeof values) != 0)
        at++;
    bytes[at]++;
    assert_int_equal(sanl_file_write(path, bytes, length), SANL_OK);
    struct sanl_tensors *file = open_file(path);
    assert_int_equal(sanl_tensors_read(file, sanl_tensors_at(file, 0), room), SANL_ERR_FORMAT);
    assert_non_null(strstr(sanl_error_message(), "tensor 'conv1.weight': cannot read the zip's entry"));
    sanl_tensors_free(file);
    free(bytes);
}

/* A file that shrinks after it was opened. (libzip may have a whole small one in its buffer.) */
static void late_damage_is_reported(void **state)
{
    (void)state;
    for (size_t k = 2; k < sizeof damaged / sizeof *damaged; k++) {
        char *bytes;
        size_t length;
        float values[32];
        assert_int_equal(sanl_file_read(&bytes, &length, damaged[k], FILE_BYTES), SANL_OK);
        assert_int_equal(sanl_file_write(path, bytes, length), SANL_OK);
        struct sanl_tensors *file = open_file(path);
        assert_int_equal(truncate(path, 200), 0);
        assert_int_not_equal(sanl_tensors_read(file, sanl_tensors_at(file, 0), values), SANL_OK);
        assert_non_null(strstr(sanl_error_message(), sanl_tensors_at(file, 0)->name));
        sanl_tensors_free(file);
        free(bytes);
    }
}

/* ---- a network ----------------------------------------------------------------------------------- */

/* Runs tests/reference/make_pth.py with a Python that has PyTorch; false when there is none. */
static bool convert(const char *from, const char *zip, const char *legacy)
{
    static const char *const pythons[] = {"${PYTHON:-python3}", "/usr/bin/python3"};
    for (size_t i = 0; i < sizeof pythons / sizeof *pythons; i++) {
        char *probe = sanl_format("%s -c 'import torch' 2>/dev/null", pythons[i]);
        char *command = sanl_format("%s '" TEST_DIR "/reference/make_pth.py' --convert '%s' '%s' '%s'",
                                    pythons[i], from, zip, legacy);
        const bool has = system(probe) == 0;
        if (has)
            assert_int_equal(system(command), 0);
        free(probe);
        free(command);
        if (has)
            return true;
    }
    return false;
}

static void assert_same_tensors(struct sanl_tensors *a, struct sanl_tensors *b)
{
    for (size_t i = 0; i < sanl_tensors_count(a); i++) {
        const struct sanl_named_tensor *x = sanl_tensors_at(a, i), *y = sanl_tensors_find(b, x->name);
        assert_non_null(y);
        assert_int_equal(x->rank, y->rank);
        assert_memory_equal(x->shape, y->shape, sizeof x->shape);
        float *u = sanl_calloc(x->count, sizeof *u), *v = sanl_calloc(x->count, sizeof *v);
        assert_int_equal(sanl_tensors_read(a, x, u), SANL_OK);
        assert_int_equal(sanl_tensors_read(b, y, v), SANL_OK);
        assert_memory_equal(u, v, x->count * sizeof *u);
        free(u);
        free(v);
    }
}

/* A ResNet-18 by way of PyTorch: the same tensors, the same network, a start of another one's backbone. */
static void a_network_comes_back(void **state)
{
    (void)state;
    static const char *const overrides[] = {"task=classify", "model.backbone=resnet18", "model.size=32",
                                            "model.classes=7"};
    char *own = sanl_path_join(folder, "own.safetensors"), *paths[2];
    paths[0] = sanl_path_join(folder, "zip.pth");
    paths[1] = sanl_path_join(folder, "legacy.pth");
    struct sanl_device *device;
    struct sanl_config config;
    struct sanl_network *network, *back;
    assert_int_equal(sanl_config_load(&config, NULL, overrides, 4), SANL_OK);
    assert_int_equal(sanl_device_open(&device, NULL), SANL_OK);
    assert_int_equal(sanl_network_create(&network, &config, device, -1), SANL_OK);
    const struct sanl_weights_info info = {.config = &config};
    assert_int_equal(sanl_weights_save(own, network->params, NULL, &info), SANL_OK);
    sanl_network_free(network);
    const bool has_python = convert(own, paths[0], paths[1]);
    for (int i = 0; i < 2 && has_python; i++) {
        struct sanl_tensors *a = open_file(own), *b = open_file(paths[i]);
        assert_same_tensors(a, b);
        sanl_tensors_free(a);
        sanl_tensors_free(b);
        int classes;
        const char *prefix;
        assert_int_equal(sanl_weights_find_classifier(&classes, &prefix, paths[i]), SANL_OK);
        assert_int_equal(classes, 7);
        if (sanl_network_open(&back, &config, device, -1, paths[i]) != SANL_OK)
            fail_msg("%s", sanl_error_message());
        sanl_network_free(back);
        snprintf(config.model.pretrained, sizeof config.model.pretrained, "%s", paths[i]);
        assert_int_equal(sanl_network_create(&back, &config, device, -1), SANL_OK);
        sanl_network_free(back);
        config.model.pretrained[0] = 0;
    }
    sanl_device_free(device);
    for (int i = 0; i < 2; i++) {
        remove(paths[i]);
        free(paths[i]);
    }
    remove(own);
    free(own);
    if (!has_python)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_dicts_are_read),   cmocka_unit_test(every_type_is_known),
        cmocka_unit_test(views_are_followed),     cmocka_unit_test(files_of_2017_are_read),
        cmocka_unit_test(other_zips_are_refused),

        cmocka_unit_test(truncation_is_reported), cmocka_unit_test(damage_is_survived),
        cmocka_unit_test(checksums_are_compared), cmocka_unit_test(late_damage_is_reported),
        cmocka_unit_test(a_network_comes_back),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
