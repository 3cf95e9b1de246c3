/* train/config: the experiment's options and the files of configs/. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sanlcl/config.h>

static enum sanl_status parse(struct sanl_config *config, const char *text)
{
    return sanl_config_parse(config, text, strlen(text), "f.yaml", NULL, 0);
}

static void defaults_are_the_published_network(void **state)
{
    (void)state;
    struct sanl_config c;
    sanl_config_defaults(&c);
    assert_int_equal(c.task, SANL_TASK_LANDMARK);
    assert_int_equal(c.model.backbone, SANL_RESNET101);
    assert_int_equal(c.model.block, SANL_BLOCK_SANL);
    assert_true(c.model.landmarks == 8 && c.model.width == 256 && c.model.size == 224 && c.model.fine);
    assert_int_equal(c.cam.mode, SANL_CAM_STAGE);
    assert_int_equal(c.cam.norm, SANL_CAM_MAX);
    assert_true(c.model.sanl.gate == SANL_GATE_ALL && c.model.sanl.map == SANL_MAP_GATE);
    assert_true(!c.model.sanl.scale && !c.model.sanl.pool && c.model.sanl.ratio == 2);
    assert_int_equal(c.model.sanl.place, SANL_PLACE_BACKBONE);
    assert_true(c.loss.sigma_coarse == 3.0 && c.loss.sigma_fine == 1.5 && c.loss.visible_only);
    assert_true(c.train.optimizer == SANL_SGD && c.train.momentum == 0.9 && c.train.weight_decay == 1e-4);
    assert_string_equal(c.data.format, "fld");
    assert_true(c.data.on_bad == SANL_ON_BAD_ERROR && c.data.max_megapixels == 100 && c.data.margin == 0);
}

static void a_dump_reads_back(void **state)
{
    (void)state;
    static const char *const overrides[] = {"train.lr=0.012345678901234567",
                                            "train.milestones=[30,50.5]",
                                            "data.root=a folder/\xC3\xBC \"x\"",
                                            "model.block=nonlocal",
                                            "cam.mode=top",
                                            "cam.norm=minmax",
                                            "model.sanl.gate=value",
                                            "model.sanl.scale=true",
                                            "task=classify",
                                            "data.augment.rotate=1e-300"};
    for (int help = 0; help < 2; help++) {
        struct sanl_config a, b;
        memset(&b, 1, sizeof b);
        char *text;
        assert_int_equal(sanl_config_load(&a, NULL, overrides, sizeof overrides / sizeof *overrides),
                         SANL_OK);
        assert_int_equal(sanl_config_dump(&text, &a, help), SANL_OK);
        assert_int_equal(parse(&b, text), SANL_OK);
        assert_memory_equal(&a, &b, sizeof a);
        free(text);
    }
}

static void overrides_come_after_the_file(void **state)
{
    (void)state;
    static const char *const overrides[] = {"train.batch=4", "train.batch=5"};
    static const char text[] = "train:\n  batch: 3\n  epochs: 7\n";
    struct sanl_config c;
    assert_int_equal(sanl_config_parse(&c, text, strlen(text), "f.yaml", overrides, 2), SANL_OK);
    assert_true(c.train.batch == 5 && c.train.epochs == 7);
    static const char *const wrong[] = {"train.bacth=4"};
    assert_int_equal(sanl_config_load(&c, NULL, wrong, 1), SANL_ERR_USAGE);
    assert_string_equal(sanl_error_message(),
                        "'train.bacth=4': unknown key 'train.bacth'; did you mean 'train.batch'?");
}

static void keys_are_checked_together(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"model: {size: 100}", "f.yaml: model.size: expected a multiple of 32, found 100"},
        {"model: {width: 33}", "f.yaml: model.width: expected an even number, found 33"},
        {"model: {size: 32, sanl: {pool: true}}", "f.yaml: model.sanl.pool: a model.size of at least 64 is "
                                                  "expected, found 32: nothing is left of the smallest map"},
        {"task: classify\nmodel: {block: sanl, sanl: {place: pyramid}}",
         "f.yaml: model.sanl.place: a classifier (task: classify) has no pyramid"},
        {"loss: {sigma_coarse: 1}",
         "f.yaml: loss.sigma_coarse: expected at least loss.sigma_fine = 1.5, found 1"},
        {"train: {milestones: [5, 5]}",
         "f.yaml: train.milestones: expected ascending epochs, found 5 after 5"},
        {"train: {warmup: 31}", "f.yaml: train.warmup: expected at most train.epochs = 30, found 31"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sanl_config c;
        assert_int_equal(parse(&c, cases[i].text), SANL_ERR_FORMAT);
        assert_string_equal(sanl_error_message(), cases[i].message);
    }
}

static void the_block_follows_the_task(void **state)
{
    static const struct {
        const char *text;
        enum sanl_block block;
    } cases[] = {
        {"seed: 1", SANL_BLOCK_SANL},
        {"task: classify", SANL_BLOCK_NONE},
        {"task: classify\nmodel: {block: auto}", SANL_BLOCK_NONE},
        {"task: classify\nmodel: {block: sanl}", SANL_BLOCK_SANL},
        {"model: {block: none}", SANL_BLOCK_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sanl_config c;
        assert_int_equal(parse(&c, cases[i].text), SANL_OK);
        assert_int_equal(c.model.block, cases[i].block);
    }
}

static void files_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    struct sanl_config c;
    assert_int_equal(sanl_config_load(&c, TEST_DIR "/no.yaml", NULL, 0), SANL_ERR_IO);
    assert_non_null(strstr(sanl_error_message(), TEST_DIR "/no.yaml: "));
    assert_int_equal(sanl_config_load(&c, TEST_DIR, NULL, 0), SANL_ERR_IO);
    assert_int_equal(sanl_config_load(&c, "/dev/zero", NULL, 0), SANL_ERR_LIMIT);
}

static void choices_are_named(void **state)
{
    (void)state;
    assert_string_equal(sanl_config_choices("model.backbone")[SANL_RESNET50], "resnet50");
    assert_string_equal(sanl_config_choices("model.block")[SANL_BLOCK_NONLOCAL], "nonlocal");
    assert_string_equal(sanl_config_choices("cam.mode")[SANL_CAM_UNIFORM], "uniform");
    assert_string_equal(sanl_config_choices("cam.norm")[SANL_CAM_NONE], "none");
    assert_string_equal(sanl_config_choices("model.sanl.gate")[SANL_GATE_VALUE], "value");
    assert_string_equal(sanl_config_choices("model.sanl.map")[SANL_MAP_CONCAT], "concat");
    assert_string_equal(sanl_config_choices("model.sanl.place")[SANL_PLACE_PYRAMID], "pyramid");
    assert_string_equal(sanl_config_choices("train.optimizer")[SANL_ADAMW], "adamw");
    assert_string_equal(sanl_config_choices("train.schedule")[SANL_SCHEDULE_COSINE], "cosine");
    assert_string_equal(sanl_config_choices("data.on_bad")[SANL_ON_BAD_SKIP], "skip");
    assert_string_equal(sanl_config_choices("task")[SANL_TASK_CLASSIFY], "classify");
    assert_null(sanl_config_choices("task")[2]);
    assert_null(sanl_config_choices("seed"));
    assert_null(sanl_config_choices("nothing"));
}

static void every_file_of_configs_loads(void **state)
{
    (void)state;
    DIR *folder = opendir(TEST_DIR "/../configs");
    assert_non_null(folder);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (!strstr(entry->d_name, ".yaml"))
            continue;
        char path[1024];
        struct sanl_config c;
        snprintf(path, sizeof path, "%s/../configs/%s", TEST_DIR, entry->d_name);
        if (sanl_config_load(&c, path, NULL, 0) != SANL_OK)
            fail_msg("%s", sanl_error_message());
        count++;
    }
    closedir(folder);
    assert_true(count >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_published_network),  cmocka_unit_test(a_dump_reads_back),
        cmocka_unit_test(overrides_come_after_the_file),       cmocka_unit_test(keys_are_checked_together),
        cmocka_unit_test(files_that_cannot_be_read_are_named), cmocka_unit_test(choices_are_named),
        cmocka_unit_test(every_file_of_configs_loads),         cmocka_unit_test(the_block_follows_the_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
