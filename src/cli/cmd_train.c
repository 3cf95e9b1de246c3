#include <stdlib.h>
#include <sanlcl/train.h>
#include "cli/args.h"
#include "cli/memory.h"
#include "cli/profile.h"
#include "cli/progress.h"
#include "cli/training.h"

static const struct sanl_arg args_table[] = {
    SANL_ARG_CONFIG_ROW,
    SANL_ARG_DEVICE_ROW,
    SANL_ARG_GEMM_ROW,
    {.name = "--resume", .help = "go on with the run in the folder 'out'"},
    {.name = "--overwrite", .help = "replace the run in the folder 'out'"},
    {.name = "--memory", .help = "print what the training takes of the device's memory, and stop"},
    SANL_ARG_PROFILE_ROWS,
    {0},
};

static void show_progress(void *payload, const struct sanl_train_progress *progress)
{
    const char *const *metric = payload;
    sanl_training_show(*metric, progress);
}

static void print_result(const struct sanl_config *config, const char *metric,
                         const struct sanl_train_result *result)
{
    char seconds[32];
    sanl_progress_time(seconds, sizeof seconds, result->seconds);
    const char *plural = result->epochs == 1 ? "" : "s";
    if (result->steps)
        printf("%d epoch%s in %s; ", result->epochs, plural, seconds);
    else
        printf("nothing is left to train: the run has %d epoch%s, train.epochs is %d; ", result->epochs,
               plural, config->train.epochs);
    if (result->best_epoch)
        printf("%s %.4f in epoch %d\n", metric, result->best_error, result->best_epoch);
    else
        printf("%s is a number in no epoch of this configuration\n", metric);
    printf("  %s/best.safetensors   the best checkpoint\n", config->out);
    printf("  %s/last.safetensors   the last one\n", config->out);
    printf("  %s/epochs.csv         losses and errors of each epoch; log.jsonl: of steps\n", config->out);
}

static enum sanl_status run(const struct sanl_args *args)
{
    struct sanl_config config;
    struct sanl_device *device;
    struct sanl_train_result result;
    struct sanl_train_options options = {.progress = show_progress};
    if (sanl_args_flag(args, "--resume") && sanl_args_flag(args, "--overwrite"))
        return sanl_cli_fail(SANL_ERR_USAGE, "--resume and --overwrite exclude each other");
    if (sanl_args_flag(args, "--resume"))
        options.mode = SANL_TRAIN_RESUME;
    else if (sanl_args_flag(args, "--overwrite"))
        options.mode = SANL_TRAIN_OVERWRITE;
    enum sanl_status status = sanl_args_config(args, &config);
    struct sanl_device_options wanted = {0};
    if (status == SANL_OK)
        status = sanl_cli_profile_options(&wanted, args);
    if (status == SANL_OK)
        status = sanl_args_device(args, &device, &wanted);
    if (status != SANL_OK)
        return status;
    if (sanl_args_flag(args, "--memory")) {
        const struct sanl_memory_use use = {&config, config.train.batch,
                                            config.data.val[0] ? config.eval.batch : 0};
        status = sanl_cli_print_memory(&use, device);
        sanl_device_free(device);
        return status;
    }
    const char *metric = sanl_training_metric(&config);
    options.payload = &metric;
    status = sanl_train(&result, &config, device, &options);
    sanl_progress_end();
    if (status == SANL_OK)
        print_result(&config, metric, &result);
    if (status == SANL_ERR_INTERRUPTED)
        status = sanl_cli_fail(status, "%s", sanl_error_message()); /* stays, whatever comes */
    if (status == SANL_OK || status == SANL_ERR_INTERRUPTED) {
        const enum sanl_status ended = sanl_cli_end_profile(device, args, stdout);
        if (status == SANL_OK)
            status = ended;
        else if (ended != SANL_OK)
            fprintf(stderr, "sanlcl: %s\n", sanl_error_message());
    }
    sanl_device_free(device);
    return status;
}

const struct sanl_command sanl_cmd_train = {
    .name = "train",
    .summary = "train a landmark network or a classifier",
    .details = "Writes checkpoints, the configuration and logs into the folder of the key 'out'. Ctrl-C "
               "stops after\n"
               "the step under way; --resume goes on from there as if nothing had happened.\n",
    .args = args_table,
    .overrides = true,
    .run = run,
};
