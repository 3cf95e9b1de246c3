/* Data and training of the demonstration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sanlcl/synth.h>
#include "cli/demo.h"
#include "cli/progress.h"
#include "cli/training.h"

enum { PARTS = 10 }; /* points of the loss curve in an epoch */

/* Garments as they are worn and laid out, few of them covered or cut off: much is learnt in a few minutes. */
const struct sanl_demo_drawing sanl_demo_drawing = {.variety = 0.4, .val_share = 0.07, .test_share = 0.15};

/* ---- data ---------------------------------------------------------------------------------------- */

static void show_drawing(void *payload, int done, int count)
{
    (void)payload;
    sanl_progress_update("picture %d of %d", done, count);
}

enum sanl_status sanl_demo_synth(struct sanl_demo *demo)
{
    struct sanl_synth_options options;
    sanl_demo_path folder;
    sanl_synth_defaults(&options);
    options.count = demo->count;
    options.seed = (uint64_t)sanl_args_int(demo->args, "--seed");
    options.variety = sanl_demo_drawing.variety;
    options.val_share = sanl_demo_drawing.val_share;
    options.test_share = sanl_demo_drawing.test_share;
    options.progress = show_drawing;
    sanl_demo_place(folder, demo, "data");
    return sanl_synth_write(&options, folder);
}

/* ---- training ------------------------------------------------------------------------------------ */

static bool create_curve(struct sanl_demo_curve *curve, size_t room)
{
    curve->x = calloc(room, sizeof *curve->x);
    curve->y = calloc(room, sizeof *curve->y);
    return curve->x && curve->y;
}

static void add_point(struct sanl_demo_curve *curve, double x, double y)
{
    curve->x[curve->count] = x;
    curve->y[curve->count++] = y;
}

static void show_training(void *payload, const struct sanl_train_progress *p)
{
    struct sanl_demo_training *t = payload;
    sanl_training_show(t->metric, p);
    if (p->validated) {
        add_point(&t->error, p->epoch, p->error);
        t->images_per_second = p->images_per_second;
        return;
    }
    t->part_sum += p->loss;
    t->part_steps++;
    if (p->step * PARTS / p->steps == (p->step - 1) * PARTS / p->steps)
        return;
    add_point(&t->loss, p->epoch - 1 + (double)p->step / p->steps, t->part_sum / t->part_steps);
    t->part_sum = 0;
    t->part_steps = 0;
}

/* The experiment configs/NAME.yaml with the options of the command line; its run goes to OUT/FOLDER. */
static enum sanl_status configure(struct sanl_demo_training *training, const struct sanl_demo *demo,
                                  const char *name, const char *folder)
{
    char epochs[64], seed[64];
    const char *const overrides[] = {seed, epochs};
    const size_t count = sanl_args_given(demo->args, "--epochs") ? 2 : 1;
    size_t length;
    const char *text = sanl_config_builtin(name, &length);
    struct sanl_config *config = &training->config;
    snprintf(seed, sizeof seed, "seed=%d", sanl_args_int(demo->args, "--seed"));
    snprintf(epochs, sizeof epochs, "train.epochs=%d", sanl_args_int(demo->args, "--epochs"));
    const enum sanl_status status = sanl_config_parse(config, text, length, name, overrides, count);
    sanl_demo_place(config->data.root, demo, "data");
    sanl_demo_place(config->out, demo, folder);
    return status;
}

static enum sanl_status train(struct sanl_demo_training *training, const struct sanl_demo *demo)
{
    const struct sanl_train_options options = {.progress = show_training, .payload = training};
    const size_t epochs = (size_t)training->config.train.epochs;
    training->metric = sanl_training_metric(&training->config);
    if (!create_curve(&training->loss, epochs * PARTS) || !create_curve(&training->error, epochs))
        return sanl_cli_fail(SANL_ERR_MEMORY, "out of host memory");
    return sanl_train(&training->result, &training->config, demo->device, &options);
}

enum sanl_status sanl_demo_classifier(struct sanl_demo *demo)
{
    const enum sanl_status status = configure(&demo->classifier, demo, "synth_classifier", "classifier");
    return status == SANL_OK ? train(&demo->classifier, demo) : status;
}

enum sanl_status sanl_demo_landmark(struct sanl_demo *demo)
{
    struct sanl_config *config = &demo->landmark.config;
    const enum sanl_status status = configure(&demo->landmark, demo, "synth_landmark", "landmark");
    if (status != SANL_OK)
        return status;
    sanl_demo_place(config->model.pretrained, demo, "classifier/best.safetensors");
    sanl_demo_place(config->cam.weights, demo, "classifier/best.safetensors");
    return train(&demo->landmark, demo);
}
