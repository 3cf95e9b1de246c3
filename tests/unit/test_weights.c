/* model/weights.c on small networks: checkpoints, and starts from other files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/file.h"
#include "base/memory.h"
#include "model/safetensors.h"
#include "model/weights.h"
#include "small_config.h"
#include "train/network.h"

static struct sanl_device *device;
static char folder[] = "/tmp/sanlcl_weights_XXXXXX";

static char *file_in(const char *name)
{
    char *path = sanl_path_join(folder, name);
    assert_non_null(path);
    return path;
}

/* ---- checkpoints --------------------------------------------------------------------------------- */

static struct sanl_network *create(const struct sanl_config *config, uint64_t seed)
{
    struct sanl_network *network;
    assert_int_equal(sanl_network_create(&network, config, device, -1), SANL_OK);
    assert_int_equal(sanl_params_init_hashed(network->params, seed, 0), SANL_OK);
    return network;
}

static void save(const struct sanl_network *network, const char *path)
{
    static const char *const names[] = {"Tee", "Jeans \"5\"", "\xc3\xb6l"};
    const struct sanl_weights_info info = {
        .config = &network->config, .epoch = 3, .categories = names, .category_count = 3};
    assert_int_equal(sanl_weights_save(path, network->params, network->classifier, &info), SANL_OK);
}

static void assert_same_params(struct sanl_params *a, struct sanl_params *b)
{
    assert_int_equal(a->count, b->count);
    for (int i = 0; i < a->count; i++) {
        const size_t count = sanl_shape_count(a->list[i]->shape);
        float *x = sanl_calloc(count, sizeof *x), *y = sanl_calloc(count, sizeof *y);
        assert_true(x && y);
        assert_string_equal(a->list[i]->name, b->list[i]->name);
        assert_int_equal(sanl_param_read(a, a->list[i], x), SANL_OK);
        assert_int_equal(sanl_param_read(b, b->list[i], y), SANL_OK);
        assert_memory_equal(x, y, count * sizeof *x);
        free(x);
        free(y);
    }
}

static void checkpoints_come_back_bit_by_bit(void **state)
{
    (void)state;
    struct sanl_config landmark = small_config(SANL_TASK_LANDMARK, SANL_BLOCK_SANL), read;
    struct sanl_config classify = small_config(SANL_TASK_CLASSIFY, SANL_BLOCK_NONE);
    char *classifier_path = file_in("c.safetensors"), *path = file_in("l.safetensors");
    struct sanl_network *classifier = create(&classify, 1), *network, *back;
    const char **names;
    int count;
    save(classifier, classifier_path);
    landmark.cam.mode = SANL_CAM_STAGE;
    strcpy(landmark.cam.weights, classifier_path);
    network = create(&landmark, 2);
    assert_int_equal(network->classes, CLASSES);
    assert_same_params(network->classifier, classifier->params);
    save(network, path);
    assert_int_equal(unlink(classifier_path), 0); /* a landmark checkpoint is enough by itself */
    assert_int_equal(sanl_weights_config(&read, path, NULL, 0), SANL_OK);
    assert_memory_equal(&read, &landmark, sizeof read);
    assert_int_equal(sanl_network_open(&back, &read, device, -1, path), SANL_OK);
    assert_same_params(back->params, network->params);
    assert_same_params(back->classifier, network->classifier);
    assert_int_equal(sanl_weights_categories(&names, &count, path), SANL_OK);
    assert_int_equal(count, 3);
    assert_string_equal(names[1], "Jeans \"5\"");
    assert_string_equal(names[2], "\xc3\xb6l");
    free(names);
    sanl_network_free(back);
    sanl_network_free(network);
    sanl_network_free(classifier);
    free(path);
    free(classifier_path);
}

/* A classifier with SANL blocks, too, has its maps' classifier within. */
static void a_guided_classifier_comes_back(void **state)
{
    (void)state;
    struct sanl_config plain = small_config(SANL_TASK_CLASSIFY, SANL_BLOCK_NONE), read;
    struct sanl_config guided = small_config(SANL_TASK_CLASSIFY, SANL_BLOCK_SANL);
    char *plain_path = file_in("c.safetensors"), *path = file_in("l.safetensors");
    struct sanl_network *classifier = create(&plain, 1), *network, *back;
    save(classifier, plain_path);
    guided.model.backbone = SANL_RESNET34;
    guided.cam.mode = SANL_CAM_STAGE;
    strcpy(guided.cam.weights, plain_path);
    network = create(&guided, 2);
    assert_same_params(network->classifier, classifier->params);
    assert_non_null(sanl_params_find(network->params, "sanl.3.bn.running_var"));
    assert_non_null(sanl_params_find(network->params, "layer3.5.conv2.weight"));
    save(network, path);
    assert_int_equal(unlink(plain_path), 0);
    assert_int_equal(sanl_weights_config(&read, path, NULL, 0), SANL_OK);
    assert_memory_equal(&read, &guided, sizeof read);
    assert_int_equal(sanl_network_open(&back, &read, device, -1, path), SANL_OK);
    assert_same_params(back->params, network->params);
    assert_same_params(back->classifier, network->classifier);
    sanl_network_free(back);
    sanl_network_free(network);
    sanl_network_free(classifier);
    free(path);
    free(plain_path);
}

/* What a classifier's file said before classifiers could have blocks. */
static void a_file_without_blocks_is_a_plain_classifier(void **state)
{
    (void)state;
    struct sanl_config config = small_config(SANL_TASK_CLASSIFY, SANL_BLOCK_NONE), read;
    char *path = file_in("c.safetensors");
    struct sanl_network *network = create(&config, 1), *back;
    network->config.model.block = SANL_BLOCK_SANL;
    network->config.cam.mode = SANL_CAM_STAGE;
    save(network, path);
    assert_int_equal(sanl_weights_config(&read, path, NULL, 0), SANL_OK);
    assert_int_equal(read.model.block, SANL_BLOCK_NONE);
    assert_int_equal(sanl_network_open(&back, &read, device, -1, path), SANL_OK);
    assert_null(back->classifier);
    assert_same_params(back->params, network->params);
    sanl_network_free(back);
    sanl_network_free(network);
    free(path);
}

static void a_backbone_starts_from_a_classifier(void **state)
{
    (void)state;
    struct sanl_config classify = small_config(SANL_TASK_CLASSIFY, SANL_BLOCK_NONE);
    struct sanl_config landmark = small_config(SANL_TASK_LANDMARK, SANL_BLOCK_NONE);
    char *path = file_in("b.safetensors");
    struct sanl_network *classifier = create(&classify, 1), *network;
    float a[64], b[64];
    save(classifier, path);
    strcpy(landmark.model.pretrained, path);
    assert_int_equal(sanl_network_create(&network, &landmark, device, -1), SANL_OK);
    struct sanl_param *from = sanl_params_find(classifier->params, "layer1.1.bn2.running_var");
    struct sanl_param *to = sanl_params_find(network->params, "backbone.layer1.1.bn2.running_var");
    assert_true(from && to);
    assert_int_equal(sanl_param_read(classifier->params, from, a), SANL_OK);
    assert_int_equal(sanl_param_read(network->params, to, b), SANL_OK);
    assert_memory_equal(a, b, sizeof a);
    sanl_network_free(classifier);
    sanl_network_free(network);
    free(path);
}

static void assert_message(const char *part)
{
    if (!strstr(sanl_error_message(), part))
        fail_msg("'%s' is not in '%s'", part, sanl_error_message());
}

/* A file with the one tensor `name` of (rows, 2), and no texts. */
static void write_one(const char *path, const char *name, size_t rows)
{
    struct sanl_safetensors_writer *writer;
    const struct sanl_named_tensor tensor = {.name = name, .rank = 2, .shape = {rows, 2}};
    float values[16] = {0};
    assert_int_equal(sanl_safetensors_create(&writer, path, &tensor, 1, NULL, 0), SANL_OK);
    assert_int_equal(sanl_safetensors_write(writer, values, 2 * rows), SANL_OK);
    assert_int_equal(sanl_safetensors_commit(writer), SANL_OK);
    sanl_safetensors_writer_free(writer);
}

static void bad_weights_are_explained(void **state)
{
    (void)state;
    struct sanl_config classify = small_config(SANL_TASK_CLASSIFY, SANL_BLOCK_NONE), read;
    struct sanl_config landmark = small_config(SANL_TASK_LANDMARK, SANL_BLOCK_SANL);
    struct sanl_network *network = create(&classify, 1), *none = NULL;
    char *path = file_in("bad.safetensors");
    save(network, path);
    sanl_network_free(network);
    classify.model.classes = CLASSES + 1;
    network = create(&classify, 2);
    assert_int_equal(sanl_weights_load(network->params, path, ""), SANL_ERR_FORMAT);
    assert_message("2 of another shape: fc.weight (5x512, expected 6x512), fc.bias (5, expected 6)");
    assert_message(path);
    sanl_network_free(network);
    classify.model.classes = CLASSES;
    network = create(&classify, 1);
    struct sanl_param *bias = sanl_params_find(network->params, "fc.bias");
    assert_non_null(bias);
    const float values[CLASSES] = {0, 0, NAN};
    assert_int_equal(sanl_param_write(network->params, bias, values), SANL_OK);
    save(network, path);
    assert_int_equal(sanl_weights_load(network->params, path, ""), SANL_ERR_FORMAT);
    assert_message("tensor fc.bias: value 2 is not finite");
    write_one(path, "odd", 2);
    assert_int_equal(sanl_weights_load(network->params, path, ""), SANL_ERR_FORMAT);
    assert_message("missing: conv1.weight");
    assert_message(", ...");
    assert_message("1 unexpected: odd");
    assert_int_equal(sanl_weights_load_backbone(network->params, path), SANL_ERR_FORMAT);
    assert_message("no tensor fits the backbone: expected conv1.weight");
    assert_message("the file has odd");
    assert_int_equal(sanl_weights_config(&read, path, NULL, 0), SANL_ERR_FORMAT);
    assert_message("no configuration");
    landmark.cam.mode = SANL_CAM_TOP;
    assert_int_equal(sanl_network_create(&none, &landmark, device, -1), SANL_ERR_USAGE);
    assert_message("cam.weights: block sanl needs");
    strcpy(landmark.cam.weights, path);
    assert_int_equal(sanl_network_create(&none, &landmark, device, -1), SANL_ERR_FORMAT);
    assert_message("cam.weights");
    assert_message("no classifier");
    assert_null(none);
    assert_int_equal(sanl_params_init_hashed(network->params, 1, 0), SANL_OK);
    save(network, path);
    classify.model.block = SANL_BLOCK_SANL;
    classify.cam.mode = SANL_CAM_STAGE;
    assert_int_equal(sanl_network_create(&none, &classify, device, -1), SANL_ERR_USAGE);
    assert_message("cam.weights: block sanl needs");
    strcpy(classify.cam.weights, path);
    classify.model.classes = CLASSES + 2;
    assert_int_equal(sanl_network_create(&none, &classify, device, -1), SANL_ERR_USAGE);
    assert_message("a classifier of 5 classes, expected one of the same 7 as the network (model.classes)");
    assert_null(none);
    sanl_network_free(network);
    free(path);
}

static int open_device(void **state)
{
    (void)state;
    return !mkdtemp(folder) || sanl_device_open(&device, NULL) != SANL_OK;
}

static int close_device(void **state)
{
    static const char *const names[] = {"c.safetensors", "l.safetensors", "b.safetensors", "bad.safetensors"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = file_in(names[i]);
        unlink(path);
        free(path);
    }
    sanl_device_free(device);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoints_come_back_bit_by_bit),
        cmocka_unit_test(a_guided_classifier_comes_back),
        cmocka_unit_test(a_file_without_blocks_is_a_plain_classifier),
        cmocka_unit_test(a_backbone_starts_from_a_classifier),
        cmocka_unit_test(bad_weights_are_explained),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
