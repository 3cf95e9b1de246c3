/* A folder with a small synthetic data set and checkpoints of tiny networks with fresh weights, for tests of
 * what runs trained networks. Include after cmocka. */
#ifndef TESTS_FIXTURE_H
#define TESTS_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sanlcl/synth.h>
#include "base/file.h"
#include "model/weights.h"
#include "train/network.h"

enum { FIXTURE_COUNT = 12, FIXTURE_SIZE = 64, FIXTURE_CLASSES = 17 };

struct fixture {
    char root[64], data[96], classifier[96], landmark[96]; /* folders and checkpoints */
    struct sanl_device *device;
};

static struct fixture fixture;

static void fixture_config(struct sanl_config *config, enum sanl_task task)
{
    char root[200], weights[200];
    snprintf(root, sizeof root, "data.root=%s", fixture.data);
    snprintf(weights, sizeof weights, "cam.weights=%s", task == SANL_TASK_LANDMARK ? fixture.classifier : "");
    const char *const overrides[] = {
        root,
        weights,
        task == SANL_TASK_LANDMARK ? "task=landmark" : "task=classify",
        "model.backbone=resnet18",
        "model.width=8",
        "model.size=64",
        "model.classes=17",
        "eval.batch=4",
    };
    assert_int_equal(sanl_config_load(config, NULL, overrides, sizeof overrides / sizeof *overrides),
                     SANL_OK);
}

static int fixture_save(enum sanl_task task, const char *path)
{
    static const char *const names[FIXTURE_CLASSES] = {
        "Blouse", "Button-Down", "Cardigan", "Hoodie", "Jacket", "Sweater", "Tank",     "Tee",   "Culottes",
        "Jeans",  "Leggings",    "Shorts",   "Skirt",  "Coat",   "Dress",   "Jumpsuit", "Romper"};
    struct sanl_config config;
    struct sanl_network *network;
    fixture_config(&config, task);
    const struct sanl_weights_info info = {
        .config = &config, .epoch = 1, .categories = names, .category_count = FIXTURE_CLASSES};
    if (sanl_network_create(&network, &config, fixture.device, -1) != SANL_OK)
        return -1;
    const enum sanl_status status = sanl_weights_save(path, network->params, network->classifier, &info);
    sanl_network_free(network);
    return status == SANL_OK ? 0 : -1;
}

static int fixture_set_up(void **state)
{
    struct sanl_synth_options options;
    (void)state;
    strcpy(fixture.root, "/tmp/sanlcl_test_XXXXXX");
    if (!mkdtemp(fixture.root))
        return -1;
    snprintf(fixture.data, sizeof fixture.data, "%s/data", fixture.root);
    snprintf(fixture.classifier, sizeof fixture.classifier, "%s/classifier.safetensors", fixture.root);
    snprintf(fixture.landmark, sizeof fixture.landmark, "%s/landmark.safetensors", fixture.root);
    sanl_synth_defaults(&options);
    options.count = FIXTURE_COUNT;
    options.size = 96;
    options.val_share = options.test_share = 0.4;
    if (sanl_synth_write(&options, fixture.data) != SANL_OK ||
        sanl_device_open(&fixture.device, NULL) != SANL_OK ||
        fixture_save(SANL_TASK_CLASSIFY, fixture.classifier) ||
        fixture_save(SANL_TASK_LANDMARK, fixture.landmark)) {
        fprintf(stderr, "%s\n", sanl_error_message());
        return -1;
    }
    return 0;
}

static int fixture_tear_down(void **state)
{
    char command[128];
    (void)state;
    sanl_device_free(fixture.device);
    snprintf(command, sizeof command, "rm -rf '%s'", fixture.root);
    return system(command);
}

#endif
