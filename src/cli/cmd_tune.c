#include <stdio.h>
#include <string.h>
#include <sanlcl/tune.h>
#include "cli/args.h"
#include "cli/progress.h"

static const struct sanl_arg args_table[] = {
    SANL_ARG_CONFIG_ROW,
    SANL_ARG_DEVICE_ROW,
    SANL_ARG_GEMM_ROW,
    {.name = "--batch",
     .value = "COUNT",
     .type = SANL_ARG_INT,
     .preset = "4",
     .min = 1,
     .max = 4096,
     .help = "images of a run; other batches take what was found for the nearest one"},
    {.name = "--quick", .help = "only the kernels of the route that the device's class takes (the default)"},
    {.name = "--full", .help = "every kernel of every route, CLBlast's too"},
    {.name = "--budget",
     .value = "MIN",
     .type = SANL_ARG_NUMBER,
     .preset = "0",
     .min = 0,
     .max = 100000,
     .help = "begin no new shape after so many minutes, but tune at least one; 0: no limit"},
    {.name = "--again", .help = "tune shapes again that are tuned already"},
    {0},
};

static void print_row(void *payload, const struct sanl_tune_row *row, int index, int count)
{
    (void)payload;
    sanl_progress_end();
    const double gain = row->seconds > 0 ? row->preset_seconds / row->seconds : 1;
    printf("%4d/%d %9.3f ms %8.2f x  %-24s %s\n", index + 1, count, row->seconds * 1e3, gain, row->choice,
           row->key);
    fflush(stdout);
}

static void name_device(void *payload, const struct sanl_device_info *device)
{
    (void)payload;
    sanl_args_name_device(device);
    printf("%9s %12s %10s  %-24s %s\n", "shape", "time", "gain", "kernels", "of");
    fflush(stdout);
}

static void show_progress(void *payload, const char *kernels, const char *key, int index, int count)
{
    (void)payload;
    if (strcmp(kernels, "default") == 0)
        sanl_progress_update("measuring the present kernels, %d of %d: %s", index + 1, count, key);
    else
        sanl_progress_update("trying %s for %s", kernels, key);
}

static void print_failure(void *payload, const char *message)
{
    (void)payload;
    sanl_progress_print("not used: %s", message);
}

static void print_result(const struct sanl_tune_result *result, bool again)
{
    printf("%d of %d shapes tuned", result->kept + result->tuned, result->shapes);
    if (result->kept)
        printf(", %d of them in this run", result->tuned);
    if (result->left)
        printf(", %d left%s", result->left, again ? " as they were" : ": run it again to go on");
    printf("\nconvolutions of a training step and an inference: %.1f ms by default, %.1f ms tuned (%.2f x)\n",
           result->preset_seconds * 1e3, result->seconds * 1e3,
           result->seconds > 0 ? result->preset_seconds / result->seconds : 1);
    printf("kept in %s\n", result->path);
}

static enum sanl_status run(const struct sanl_args *args)
{
    struct sanl_config config;
    struct sanl_tune_result result;
    enum sanl_status status = sanl_args_config(args, &config);
    if (status != SANL_OK)
        return status;
    if (sanl_args_flag(args, "--quick") && sanl_args_flag(args, "--full"))
        return sanl_cli_fail(SANL_ERR_USAGE, "--quick and --full exclude each other");
    if (config.task != SANL_TASK_LANDMARK)
        return sanl_cli_fail(SANL_ERR_USAGE, "task: only landmark can be tuned");
    const struct sanl_tune_options options = {.config = &config,
                                              .batch = sanl_args_int(args, "--batch"),
                                              .select = sanl_args_text(args, "--device"),
                                              .route = (enum sanl_route)sanl_args_choice(args, "--gemm"),
                                              .full = sanl_args_flag(args, "--full"),
                                              .again = sanl_args_flag(args, "--again"),
                                              .budget_seconds = 60 * sanl_args_number(args, "--budget"),
                                              .began = name_device,
                                              .progress = show_progress,
                                              .done = print_row,
                                              .failed = print_failure};
    status = sanl_tune_run(&result, &options);
    sanl_progress_end();
    if (status == SANL_OK)
        print_result(&result, options.again);
    return status;
}

const struct sanl_command sanl_cmd_tune = {
    .name = "tune",
    .summary = "find the fastest kernels for a network on a device",
    .details =
        "Measures, for each convolution of the network and each direction (forward, gradients of inputs,\n"
        "of weights), the kernels that could compute it, the longest-running ones first, and keeps the\n"
        "fastest in the cache folder, where every later command finds it. Each candidate's numbers are\n"
        "compared with the default's, and it runs in a child process, so that one that crashes or hangs\n"
        "the driver is only left out. A run that is stopped goes on when it is started again. Nothing\n"
        "else should run on the device meanwhile.\n",
    .args = args_table,
    .overrides = true,
    .run = run,
};
