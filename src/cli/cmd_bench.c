#include <stdlib.h>
#include <sys/resource.h>
#include <sanlcl/bench.h>
#include "cli/args.h"
#include "cli/memory.h"
#include "cli/profile.h"

static const struct sanl_arg args_table[] = {
    SANL_ARG_DEVICE_ROW,
    SANL_ARG_GEMM_ROW,
    {.name = "--network",
     .help = "time a whole network; key=value arguments change it, as model.backbone=resnet50"},
    {.name = "--backbone", .value = "NAME", .type = SANL_ARG_TEXT, .help = "short for model.backbone=NAME"},
    {.name = "--block", .value = "NAME", .type = SANL_ARG_TEXT, .help = "short for model.block=NAME"},
    {.name = "--size", .value = "PIXELS", .type = SANL_ARG_TEXT, .help = "short for model.size=PIXELS"},
    {.name = "--batch",
     .value = "COUNT",
     .type = SANL_ARG_INT,
     .preset = "4",
     .min = 1,
     .max = 4096,
     .help = "images of a run"},
    {.name = "--runs",
     .value = "COUNT",
     .type = SANL_ARG_INT,
     .preset = "3",
     .min = 1,
     .max = 1000,
     .help = "timed runs, after one that is not; the median counts"},
    {.name = "--inference", .help = "without training"},
    {.name = "--memory", .help = "print what it takes of the device's memory, without timing"},
    {.name = "--profile", .help = "print what each kernel takes; slows the whole a little"},
    {0},
};

static void print_stage(void *payload, const char *stage, double seconds)
{
    const int *batch = payload;
    printf("%-10s %9.1f ms %9.3f images/s\n", stage, seconds * 1e3, seconds > 0 ? *batch / seconds : 0);
    fflush(stdout);
}

/* --backbone and its like become overrides in front of the user's own. */
static enum sanl_status read_config(const struct sanl_args *args, struct sanl_config *config)
{
    static const char *const keys[][2] = {
        {"--backbone", "model.backbone"}, {"--block", "model.block"}, {"--size", "model.size"}};
    char text[3][256];
    size_t count = 0;
    const char **overrides = calloc(args->override_count + 3, sizeof *overrides);
    if (!overrides)
        return sanl_cli_fail(SANL_ERR_MEMORY, "no memory for %zu arguments", args->override_count);
    for (size_t i = 0; i < 3; i++)
        if (sanl_args_given(args, keys[i][0])) {
            snprintf(text[i], sizeof text[i], "%s=%s", keys[i][1], sanl_args_text(args, keys[i][0]));
            overrides[count++] = text[i];
        }
    for (size_t i = 0; i < args->override_count; i++)
        overrides[count++] = args->overrides[i];
    enum sanl_status status = sanl_config_load(config, NULL, overrides, count);
    if (status == SANL_OK && config->task != SANL_TASK_LANDMARK)
        status = sanl_cli_fail(SANL_ERR_USAGE, "task: only landmark can be timed");
    free(overrides);
    return status;
}

static enum sanl_status print_memory(const struct sanl_bench_options *options, struct sanl_device *device)
{
    const struct sanl_memory_use infer = {options->config, 0, options->batch},
                                 train = {options->config, options->batch, 0};
    const enum sanl_status status = sanl_cli_print_memory(&infer, device);
    return status == SANL_OK && options->training ? sanl_cli_print_memory(&train, device) : status;
}

static enum sanl_status run(const struct sanl_args *args)
{
    struct sanl_config config;
    struct sanl_device *device = NULL;
    if (!sanl_args_flag(args, "--network"))
        return sanl_cli_fail(SANL_ERR_USAGE, "expected what to time: --network");
    enum sanl_status status = read_config(args, &config);
    if (status != SANL_OK)
        return status;
    const bool profile = sanl_args_flag(args, "--profile");
    int batch = sanl_args_int(args, "--batch");
    const struct sanl_bench_options options = {.config = &config,
                                               .batch = batch,
                                               .runs = sanl_args_int(args, "--runs"),
                                               .training = !sanl_args_flag(args, "--inference"),
                                               .done = print_stage,
                                               .payload = &batch};
    status = sanl_args_device(args, &device, &(struct sanl_device_options){.profile = profile});
    if (status == SANL_OK && sanl_args_flag(args, "--memory")) {
        status = print_memory(&options, device);
        sanl_device_free(device);
        return status;
    }
    if (status == SANL_OK) {
        printf("%s %s %dpx batch %d on %s\n", sanl_config_choices("model.backbone")[config.model.backbone],
               sanl_config_choices("model.block")[config.model.block], config.model.size, batch,
               sanl_device_get_info(device)->name);
        fflush(stdout);
        status = sanl_bench_network(device, &options);
    }
    if (status == SANL_OK) {
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        printf("peak memory %.2f GiB (process)\n", (double)usage.ru_maxrss / (1 << 20));
    }
    if (status == SANL_OK && profile)
        status = sanl_cli_print_profile(device);
    sanl_device_free(device);
    return status;
}

const struct sanl_command sanl_cmd_bench = {
    .name = "bench",
    .summary = "measure the device's throughput",
    .details =
        "Times Grad-CAM, the network, inference (both) and a step of training, with random weights and\n"
        "input: the default is ResNet-101 with SANL blocks at 224 pixels.\n",
    .args = args_table,
    .overrides = true,
    .run = run,
};
