#include <stdlib.h>
#include <string.h>
#include <sanlcl/clock.h>
#include "cli/demo.h"
#include "cli/progress.h"

static const struct sanl_arg args_table[] = {
    {.name = "--out", .value = "DIR", .type = SANL_ARG_TEXT, .help = "folder for everything; needed"},
    {.name = "--seed",
     .value = "N",
     .type = SANL_ARG_INT,
     .preset = "1",
     .max = 2147483647,
     .help = "of the pictures and the trainings"},
    {.name = "--count",
     .value = "N",
     .type = SANL_ARG_INT,
     .preset = "1400",
     .min = 30,
     .max = 1000000,
     .help = "pictures to draw"},
    {.name = "--epochs",
     .value = "N",
     .type = SANL_ARG_INT,
     .min = 1,
     .max = 100000,
     .help = "passes over the training pictures, of both trainings (default: those of the experiments)"},
    SANL_ARG_DEVICE_ROW,
    SANL_ARG_GEMM_ROW,
    {0},
};

static const struct step {
    const char *heading;
    enum sanl_status (*run)(struct sanl_demo *demo);
} steps[] = {
    {"draw garments with their landmarks", sanl_demo_synth},
    {"train the garment classifier that the attention maps come from", sanl_demo_classifier},
    {"train the landmark network with its attention blocks", sanl_demo_landmark},
    {"evaluate on the test part, beside the mean-landmark baseline", sanl_demo_evaluate},
    {"predict pictures of the test part", sanl_demo_predict},
    {"write curves, tables and the page", sanl_demo_report},
};

enum { STEPS = sizeof steps / sizeof *steps };

static enum sanl_status run_steps(struct sanl_demo *demo)
{
    for (int i = 0; i < STEPS; i++) {
        char time[32];
        demo->seconds = sanl_clock_seconds() - demo->start;
        sanl_progress_time(time, sizeof time, demo->seconds);
        sanl_progress_print("[%d/%d  %s]  %s", i + 1, STEPS, time, steps[i].heading);
        const enum sanl_status status = steps[i].run(demo);
        sanl_progress_end();
        if (status == SANL_ERR_INTERRUPTED)
            return sanl_cli_fail(status, "in step %d of %d; the same command starts over", i + 1, STEPS);
        if (status != SANL_OK)
            return status;
    }
    return SANL_OK;
}

static enum sanl_status run(const struct sanl_args *args)
{
    struct sanl_demo demo = {
        .args = args, .out = sanl_args_text(args, "--out"), .start = sanl_clock_seconds()};
    if (!demo.out || !*demo.out)
        return sanl_cli_fail(SANL_ERR_USAGE, "expected --out DIR");
    demo.count = sanl_args_int(args, "--count");
    enum sanl_status status = sanl_args_device(args, &demo.device, NULL);
    if (status == SANL_OK)
        status = sanl_demo_prepare(&demo);
    if (status == SANL_OK)
        status = run_steps(&demo);
    sanl_demo_free(&demo);
    return status;
}

static void free_training(struct sanl_demo_training *training)
{
    free(training->loss.x);
    free(training->loss.y);
    free(training->error.x);
    free(training->error.y);
}

void sanl_demo_free(struct sanl_demo *demo)
{
    free_training(&demo->classifier);
    free_training(&demo->landmark);
    sanl_evaluation_free(&demo->evaluation);
    for (size_t i = 0; i < demo->picture_count; i++)
        free(demo->pictures[i].image);
    free(demo->pictures);
    sanl_inputs_free(&demo->inputs);
    sanl_device_free(demo->device);
}

const struct sanl_command sanl_cmd_demo = {
    .name = "demo",
    .summary = "show everything: draw data, train, evaluate, predict, and write a page about it",
    .details =
        "Writes a data set, two trained networks, pictures and curves into the folder DIR, and a page about\n"
        "them, DIR/index.html. The settings are those of configs/synth_classifier.yaml and\n"
        "configs/synth_landmark.yaml. Takes some minutes on two processor cores. DIR is new or empty, or an\n"
        "earlier demonstration's, whose files are then replaced.\n",
    .args = args_table,
    .run = run,
};
