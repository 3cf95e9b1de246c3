/* train/trainer.c on a few synthetic garments: both tasks, equal bytes, resuming, stopping, failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <jansson.h>
#include <sanlcl/interrupt.h>
#include <sanlcl/synth.h>
#include <sanlcl/train.h>
#include "base/file.h"
#include "model/safetensors.h"
#include "model/weights.h"
#include "train/network.h"

enum { PICTURES = 16, SIZE = 32, BATCH = 4, STEPS = 2 }; /* 10 pictures of the training part: 2 steps */

static struct sanl_device *device;
static char root[] = "/tmp/sanlcl_train_XXXXXX";
static char data[64];

static char *in_root(const char *name)
{
    char *path = sanl_path_join(root, name);
    assert_non_null(path);
    return path;
}

static void remove_tree(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        char *inner = sanl_path_join(path, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && unlink(inner) != 0)
            remove_tree(inner);
        free(inner);
    }
    if (folder)
        closedir(folder);
    rmdir(path);
}

static struct sanl_config config_for(enum sanl_task task, const char *out)
{
    struct sanl_config config;
    sanl_config_defaults(&config);
    config.task = (int)task;
    config.seed = 3;
    char *path = in_root(out);
    strcpy(config.out, path);
    free(path);
    strcpy(config.data.root, data);
    strcpy(config.data.test, "never-read"); /* checkpoints are chosen on data.val */
    config.model.backbone = SANL_RESNET18;
    config.model.block = SANL_BLOCK_NONE;
    config.model.width = 16;
    config.model.size = SIZE;
    config.train.epochs = 2;
    config.train.batch = BATCH;
    config.train.optimizer = SANL_ADAM;
    config.train.lr = 1e-3;
    config.train.log_every = 1;
    config.eval.batch = 2;
    return config;
}

static void assert_message(const char *part)
{
    if (!strstr(sanl_error_message(), part))
        fail_msg("'%s' is not in '%s'", part, sanl_error_message());
}

static void train_ok(const struct sanl_config *config, enum sanl_train_mode mode)
{
    struct sanl_train_result result;
    const struct sanl_train_options options = {.mode = mode};
    if (sanl_train(&result, config, device, &options) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    assert_int_equal(result.epochs, config->train.epochs);
    assert_true(result.best_epoch >= 1 && result.best_epoch <= config->train.epochs);
}

static char *content(const char *folder, const char *name, size_t *length)
{
    char *path = sanl_path_join(folder, name), *text;
    if (sanl_file_read(&text, length, path, 1 << 30) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    free(path);
    return text;
}

static void assert_same_file(const char *a, const char *b, const char *name)
{
    size_t n, m;
    char *x = content(a, name, &n), *y = content(b, name, &m);
    assert_int_equal(n, m);
    if (memcmp(x, y, n) != 0)
        fail_msg("%s differs between %s and %s", name, a, b);
    free(x);
    free(y);
}

/* Frees `before`. */
static void assert_kept(const char *folder, const char *name, char *before, size_t length)
{
    size_t found;
    char *after = content(folder, name, &found);
    assert_int_equal(length, found);
    assert_memory_equal(before, after, length);
    free(before);
    free(after);
}

static int lines_of(const char *folder, const char *name)
{
    size_t length;
    char *text = content(folder, name, &length);
    int lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    free(text);
    return lines;
}

static void a_landmark_run_is_the_same_whatever_the_workers(void **state)
{
    (void)state;
    struct sanl_config a = config_for(SANL_TASK_LANDMARK, "a"), b = config_for(SANL_TASK_LANDMARK, "b");
    b.data.workers = 5;
    b.data.ring = 3;
    train_ok(&a, SANL_TRAIN_NEW);
    train_ok(&b, SANL_TRAIN_NEW);
    assert_same_file(a.out, b.out, "last.safetensors");
    assert_same_file(a.out, b.out, "best.safetensors");
    assert_same_file(a.out, b.out, "state.safetensors");
    assert_int_equal(lines_of(a.out, "log.jsonl"), 2 * STEPS);
    assert_int_equal(lines_of(a.out, "epochs.csv"), 1 + 2);
    size_t length;
    char *log = content(a.out, "log.jsonl", &length);
    *strchr(log, '\n') = 0;
    json_t *line = json_loads(log, 0, NULL);
    assert_non_null(line);
    assert_int_equal(json_integer_value(json_object_get(line, "step")), 1);
    assert_true(json_number_value(json_object_get(line, "gradient_norm")) > 0);
    double sum = json_number_value(json_object_get(line, "loss_fine"));
    for (size_t i = 0; i < 4; i++)
        sum += json_number_value(json_array_get(json_object_get(line, "loss_coarse"), i));
    assert_true(fabs(sum - json_number_value(json_object_get(line, "loss"))) < 1e-6 * sum);
    json_decref(line);
    free(log);
}

/* Asks for a stop after a step. */
static void stop_at(void *payload, const struct sanl_train_progress *progress)
{
    const int *where = payload;
    if (progress->epoch == where[0] && progress->step == where[1])
        sanl_interrupt_request();
}

static void a_stopped_run_goes_on_as_if_it_had_not(void **state)
{
    (void)state;
    struct sanl_config whole = config_for(SANL_TASK_LANDMARK, "a"),
                       parts = config_for(SANL_TASK_LANDMARK, "c");
    int where[2] = {1, 1};
    struct sanl_train_options options = {.progress = stop_at, .payload = where};
    assert_int_equal(sanl_train(NULL, &parts, device, &options), SANL_ERR_INTERRUPTED);
    assert_message("stopped after step 1");
    sanl_interrupt_clear();
    where[1] = STEPS; /* before the validation */
    options.mode = SANL_TRAIN_RESUME;
    assert_int_equal(sanl_train(NULL, &parts, device, &options), SANL_ERR_INTERRUPTED);
    sanl_interrupt_clear();
    where[0] = 2;
    where[1] = 1;
    assert_int_equal(sanl_train(NULL, &parts, device, &options), SANL_ERR_INTERRUPTED);
    sanl_interrupt_clear();
    train_ok(&parts, SANL_TRAIN_RESUME);
    assert_same_file(whole.out, parts.out, "last.safetensors");
    assert_same_file(whole.out, parts.out, "best.safetensors");
    assert_same_file(whole.out, parts.out, "state.safetensors");
    assert_int_equal(lines_of(parts.out, "log.jsonl"), 2 * STEPS);
    assert_int_equal(lines_of(parts.out, "epochs.csv"), 1 + 2);
}

/* Neither the classifier of the attention maps that it began with, nor its names: checkpoints hold them. */
static void a_resumed_run_needs_no_files_of_its_start(void **state)
{
    (void)state;
    struct sanl_config classifier = config_for(SANL_TASK_CLASSIFY, "start"),
                       whole = config_for(SANL_TASK_LANDMARK, "guided"),
                       parts = config_for(SANL_TASK_LANDMARK, "moved");
    classifier.train.epochs = 1;
    train_ok(&classifier, SANL_TRAIN_NEW);
    char *weights = sanl_path_join(classifier.out, "best.safetensors");
    whole.model.block = parts.model.block = SANL_BLOCK_SANL;
    strcpy(whole.cam.weights, weights);
    strcpy(parts.cam.weights, weights);
    train_ok(&whole, SANL_TRAIN_NEW);
    int where[2] = {1, 1};
    const struct sanl_train_options options = {.progress = stop_at, .payload = where};
    assert_int_equal(sanl_train(NULL, &parts, device, &options), SANL_ERR_INTERRUPTED);
    sanl_interrupt_clear();
    assert_int_equal(remove(weights), 0);
    train_ok(&parts, SANL_TRAIN_RESUME);
    assert_same_file(whole.out, parts.out, "last.safetensors");
    assert_same_file(whole.out, parts.out, "state.safetensors");
    free(weights);
}

static void a_run_is_not_lost_by_mistake(void **state)
{
    (void)state;
    struct sanl_config config = config_for(SANL_TASK_LANDMARK, "b");
    size_t before;
    char *last = content(config.out, "last.safetensors", &before);
    config.train.lr = 1e30;
    assert_int_equal(
        sanl_train(NULL, &config, device, &(struct sanl_train_options){.mode = SANL_TRAIN_OVERWRITE}),
        SANL_ERR_NUMERIC);
    assert_message("the checkpoints stay as they were");
    assert_kept(config.out, "last.safetensors", last, before);
    config.train.lr = 1e-3;
    config.train.epochs = 1;
    train_ok(&config, SANL_TRAIN_OVERWRITE);
    assert_int_equal(lines_of(config.out, "epochs.csv"), 1 + 1);
    config = config_for(SANL_TASK_LANDMARK, "a");
    assert_int_equal(sanl_train(NULL, &config, device, NULL), SANL_ERR_USAGE);
    assert_message("--overwrite");
    config = config_for(SANL_TASK_LANDMARK, "nothing");
    assert_int_equal(
        sanl_train(NULL, &config, device, &(struct sanl_train_options){.mode = SANL_TRAIN_RESUME}),
        SANL_ERR_USAGE);
    assert_message("no run to resume");
    assert_false(sanl_folder_exists(config.out));
}

static int resume(const struct sanl_config *config)
{
    return (int)sanl_train(NULL, config, device, &(struct sanl_train_options){.mode = SANL_TRAIN_RESUME});
}

/* Of run "r", which has two epochs of two steps. */
static void a_run_can_go_on_otherwise(void **state)
{
    (void)state;
    struct sanl_config config = config_for(SANL_TASK_LANDMARK, "r");
    size_t length, then;
    train_ok(&config, SANL_TRAIN_NEW);
    char *yaml = content(config.out, "config.yaml", &length), *text;
    config.train.lr = 0.5; /* nothing is left to train, which leaves everything as it is */
    train_ok(&config, SANL_TRAIN_RESUME);
    assert_kept(config.out, "config.yaml", yaml, length);
    config.train.lr = 1e-3;

    config.train.optimizer = SANL_SGD;
    assert_int_equal(resume(&config), SANL_ERR_USAGE);
    assert_message("train.optimizer");
    config.train.optimizer = SANL_ADAM;

    const int lock = open(config.out, O_RDONLY);
    assert_true(lock >= 0 && flock(lock, LOCK_EX) == 0);
    assert_int_equal(resume(&config), SANL_ERR_USAGE);
    assert_message("another process is training here");
    close(lock);

    config.train.epochs = 3;
    config.train.batch = 2 * BATCH; /* an epoch of one step: no line of the log is lost */
    train_ok(&config, SANL_TRAIN_RESUME);
    assert_int_equal(lines_of(config.out, "log.jsonl"), 2 * STEPS + 1);
    text = content(config.out, "epochs.csv", &then);
    assert_non_null(strstr(text, "\n3,5,"));
    free(text);
    text = content(config.out, "config.yaml", &then);
    assert_non_null(strstr(text, "epochs: 3"));
    free(text);

    config.train.epochs = 4;
    config.data.val[0] = 0; /* losses are no errors of validation */
    struct sanl_train_result result;
    assert_int_equal(
        sanl_train(&result, &config, device, &(struct sanl_train_options){.mode = SANL_TRAIN_RESUME}),
        SANL_OK);
    assert_int_equal(result.best_epoch, 4);
    remove_tree(config.out); /* checkpoints are large */
}

/* Stopped behind two of two steps, it has as many pictures behind it with half of the batch. */
static void a_batch_changes_within_an_epoch(void **state)
{
    (void)state;
    struct sanl_config config = config_for(SANL_TASK_LANDMARK, "half");
    int where[2] = {1, STEPS};
    const struct sanl_train_options options = {.progress = stop_at, .payload = where};
    config.train.epochs = 1;
    assert_int_equal(sanl_train(NULL, &config, device, &options), SANL_ERR_INTERRUPTED);
    sanl_interrupt_clear();
    config.train.batch = BATCH / 2;
    train_ok(&config, SANL_TRAIN_RESUME);
    assert_int_equal(lines_of(config.out, "log.jsonl"), STEPS + 1); /* the last two of ten pictures */
    remove_tree(config.out);
}

static void checkpoints_are_not_chosen_on_the_test_part(void **state)
{
    (void)state;
    struct sanl_config config = config_for(SANL_TASK_LANDMARK, "t");
    strcpy(config.data.test, config.data.val);
    assert_int_equal(sanl_train(NULL, &config, device, &(struct sanl_train_options){.mode = SANL_TRAIN_NEW}),
                     SANL_ERR_USAGE);
    assert_message("data.val: 'val' is data.test");
    strcpy(config.data.test, config.data.train);
    assert_int_equal(sanl_train(NULL, &config, device, NULL), SANL_ERR_USAGE);
    assert_message("data.train: 'train' is data.test");
    assert_false(sanl_folder_exists(config.out));
}

static void without_validation_there_are_no_errors_in_the_log(void **state)
{
    (void)state;
    struct sanl_config config = config_for(SANL_TASK_LANDMARK, "v");
    config.data.val[0] = 0;
    config.train.epochs = 1;
    train_ok(&config, SANL_TRAIN_NEW);
    size_t length;
    char *text = content(config.out, "epochs.csv", &length), *line = strchr(text, '\n');
    assert_non_null(strstr(text, "lr,ne_peer,ne,error"));
    for (int i = 0; i < 4; i++) /* behind the rate: two empty fields */
        assert_non_null(line = strchr(line + 1, ','));
    assert_memory_equal(line, ",,,", 3);
    free(text);
}

/* `config` trained with the maps of the classifier at `weights`. */
static void train_guided(struct sanl_config *config, const char *weights)
{
    config->train.epochs = 1;
    config->model.block = SANL_BLOCK_SANL;
    strcpy(config->cam.weights, weights);
    strcpy(config->model.pretrained, weights);
    train_ok(config, SANL_TRAIN_NEW);
}

/* The run's checkpoint is enough by itself. */
static void expect_whole(const struct sanl_config *config)
{
    struct sanl_config carried;
    struct sanl_network *network;
    const char **names;
    int count;
    char *last = sanl_path_join(config->out, "last.safetensors");
    assert_int_equal(sanl_weights_config(&carried, last, NULL, 0), SANL_OK);
    assert_int_equal(carried.model.block, SANL_BLOCK_SANL);
    assert_int_equal(sanl_network_open(&network, &carried, device, -1, last), SANL_OK);
    assert_int_equal(network->classes, config->model.classes);
    sanl_network_free(network);
    assert_int_equal(sanl_weights_categories(&names, &count, last), SANL_OK);
    assert_true(count >= 10);
    free(names);
    free(last);
}

static void a_classifier_guides_other_networks(void **state)
{
    (void)state;
    struct sanl_config plain = config_for(SANL_TASK_CLASSIFY, "k");
    struct sanl_config landmark = config_for(SANL_TASK_LANDMARK, "s");
    struct sanl_config classify = config_for(SANL_TASK_CLASSIFY, "g");
    plain.train.optimizer = SANL_SGD;
    plain.train.epochs = 1;
    train_ok(&plain, SANL_TRAIN_NEW);
    classify.loss.label_smoothing = 0.1;
    classify.data.augment.crop_scale = 0.3;
    classify.data.center_crop = 0.875;
    char *best = sanl_path_join(plain.out, "best.safetensors");
    train_guided(&landmark, best);
    train_guided(&classify, best);
    assert_int_equal(unlink(best), 0);
    free(best);
    expect_whole(&landmark);
    expect_whole(&classify);
}

/* Pictures that are seen whole and alike each time are learnt by heart. */
static void a_guided_classifier_learns(void **state)
{
    (void)state;
    struct sanl_config config = config_for(SANL_TASK_CLASSIFY, "h");
    double first, last;
    config.model.block = SANL_BLOCK_SANL;
    config.cam.mode = SANL_CAM_UNIFORM;
    config.data.augment = (struct sanl_augment_config){.crop_scale = 1};
    config.train.epochs = 8;
    train_ok(&config, SANL_TRAIN_NEW);
    size_t length;
    char *log = content(config.out, "log.jsonl", &length);
    char *loss = strstr(log, "\"loss\"");
    assert_non_null(loss);
    first = strtod(strchr(loss, ':') + 1, NULL);
    for (char *next; (next = strstr(loss + 1, "\"loss\""));)
        loss = next;
    last = strtod(strchr(loss, ':') + 1, NULL);
    if (!(first > 1 && last < 0.6 * first))
        fail_msg("the loss went from %g to %g", first, last);
    free(log);
}

static void stop_at_each(void *payload, const struct sanl_train_progress *progress)
{
    (void)payload;
    (void)progress;
    sanl_interrupt_request();
}

/* Also one that the user stops after each step: no checkpoint is made of what such a step left. */
static void a_loss_that_is_not_finite_stops_the_run(void **state)
{
    (void)state;
    struct sanl_config config = config_for(SANL_TASK_CLASSIFY, "n");
    config.train.optimizer = SANL_SGD;
    config.train.epochs = 1;
    train_ok(&config, SANL_TRAIN_NEW);
    size_t before;
    char *best = content(config.out, "best.safetensors", &before);
    config.train.epochs = 50;
    config.train.schedule = SANL_SCHEDULE_CONSTANT;
    config.train.lr = 1000;
    config.train.weight_decay = 10; /* each step multiplies every weight by -9999 */
    enum sanl_status status;
    do {
        status =
            sanl_train(NULL, &config, device,
                       &(struct sanl_train_options){.mode = SANL_TRAIN_RESUME, .progress = stop_at_each});
        sanl_interrupt_clear();
    } while (status == SANL_ERR_INTERRUPTED);
    assert_int_equal(status, SANL_ERR_NUMERIC);
    assert_message("gradient's norm is ");
    assert_int_equal(
        sanl_train(NULL, &config, device, &(struct sanl_train_options){.mode = SANL_TRAIN_RESUME}),
        SANL_ERR_NUMERIC);
    assert_message("step ");
    assert_message("largest gradients");
    assert_kept(config.out, "best.safetensors", best, before);
}

static int open_all(void **state)
{
    (void)state;
    struct sanl_synth_options options;
    if (!mkdtemp(root) || sanl_device_open(&device, NULL) != SANL_OK)
        return 1;
    snprintf(data, sizeof data, "%s/data", root);
    sanl_synth_defaults(&options);
    options.count = PICTURES;
    options.size = 64;
    options.val_share = options.test_share = 0.2;
    return sanl_synth_write(&options, data) != SANL_OK;
}

static int close_all(void **state)
{
    (void)state;
    sanl_device_free(device);
    remove_tree(root);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_landmark_run_is_the_same_whatever_the_workers),
        cmocka_unit_test(a_stopped_run_goes_on_as_if_it_had_not),
        cmocka_unit_test(a_resumed_run_needs_no_files_of_its_start),
        cmocka_unit_test(a_run_is_not_lost_by_mistake),
        cmocka_unit_test(a_run_can_go_on_otherwise),
        cmocka_unit_test(a_batch_changes_within_an_epoch),
        cmocka_unit_test(checkpoints_are_not_chosen_on_the_test_part),
        cmocka_unit_test(without_validation_there_are_no_errors_in_the_log),
        cmocka_unit_test(a_classifier_guides_other_networks),
        cmocka_unit_test(a_guided_classifier_learns),
        cmocka_unit_test(a_loss_that_is_not_finite_stops_the_run),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
