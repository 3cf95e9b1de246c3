#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sanlcl/bench.h>
#include <sanlcl/table.h>
#include "cli/args.h"
#include "cli/bench_print.h"
#include "cli/memory.h"
#include "cli/profile.h"
#include "cli/progress.h"

enum { STAGES = 4, LOADERS = 2, LOADER_SECONDS = 3 };

static const struct sanl_arg args_table[] = {
    SANL_ARG_CONFIG_ROW,
    SANL_ARG_DEVICE_ROW,
    SANL_ARG_GEMM_ROW,
    {.name = "--peak", .help = "measure the device's peaks"},
    {.name = "--ops", .help = "time each distinct operator of the network alone"},
    {.name = "--network", .help = "time the whole network"},
    {.name = "--loader", .help = "time the loader on data.root or, without one, on drawn pictures"},
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
    {.name = "--inference", .help = "without training"},
    {.name = "--runs",
     .value = "COUNT",
     .type = SANL_ARG_INT,
     .preset = "5",
     .min = 1,
     .max = 100,
     .help = "timed runs of the network, after one that is not; turns of --vs-route"},
    {.name = "--op", .value = "NAME", .type = SANL_ARG_TEXT, .help = "time this operator alone"},
    {.name = "--shape",
     .value = "TEXT",
     .type = SANL_ARG_TEXT,
     .help = "with these shapes instead of the network's: 'in=4,56,56,64 kh=3 kw=3 pad=1 cout=64'"},
    {.name = "--least",
     .value = "SECONDS",
     .type = SANL_ARG_NUMBER,
     .preset = "0.1",
     .min = 0.0001,
     .max = 100,
     .help = "time each operator for so long; implies --ops"},
    {.name = "--vs-route",
     .value = "ROUTE",
     .type = SANL_ARG_TEXT,
     .choices = sanl_args_routes,
     .help = "time each operator by the kernels of this route, too, in turns; implies --ops"},
    {.name = "--memory", .help = "print what the network takes of the device's memory, without timing"},
    SANL_ARG_PROFILE_ROWS,
    {.name = "--json",
     .value = "FILE",
     .type = SANL_ARG_TEXT,
     .output = true,
     .help = "write everything as JSON, too"},
    {0},
};

/* What is asked for, and what came out. */
struct job {
    const struct sanl_args *args;
    struct sanl_config config;
    struct sanl_device *device, *other; /* other: of --vs-route */
    struct sanl_bench_peaks peaks;
    struct sanl_bench_op *ops;
    struct sanl_bench_stage stages[STAGES];
    struct sanl_bench_loader_result loaders[LOADERS];
    int batch, op_count, stage_count, loader_count;
    double process_bytes, device_bytes;
    bool peak, each, network, loader;
};

/* --backbone and its like become overrides in front of the user's own, behind the file. */
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
    enum sanl_status status = sanl_config_load(config, sanl_args_text(args, "--config"), overrides, count);
    if (status == SANL_OK && config->data.root[0])
        status = sanl_args_check_input(args, config->data.root);
    if (status == SANL_OK && config->task != SANL_TASK_LANDMARK)
        status = sanl_cli_fail(SANL_ERR_USAGE, "task: only landmark can be timed");
    free(overrides);
    return status;
}

static enum sanl_status check_shape(const struct job *job)
{
    static const char *const of_network[] = {"--config", "--backbone", "--block", "--size", "--batch"};
    const struct sanl_args *args = job->args;
    if (!sanl_args_given(args, "--shape"))
        return SANL_OK;
    if (!sanl_args_given(args, "--op"))
        return sanl_cli_fail(SANL_ERR_USAGE, "--shape needs --op NAME, the operator that has it");
    if (job->network || job->loader || sanl_args_flag(args, "--memory"))
        return SANL_OK;
    bool given = args->override_count > 0;
    for (size_t i = 0; i < sizeof of_network / sizeof *of_network; i++)
        given |= sanl_args_given(args, of_network[i]);
    return given ? sanl_cli_fail(SANL_ERR_USAGE,
                                 "--shape describes the operator completely: leave out --config, "
                                 "--backbone, --block, --size, --batch and KEY=VALUE")
                 : SANL_OK;
}

/* An option for operators asks for operators; without any question, all are asked. */
static enum sanl_status read_job(struct job *job)
{
    static const char *const of_ops[] = {"--op", "--shape", "--least", "--vs-route"};
    const struct sanl_args *args = job->args;
    job->peak = sanl_args_flag(args, "--peak");
    job->each = sanl_args_flag(args, "--ops");
    job->network = sanl_args_flag(args, "--network");
    job->loader = sanl_args_flag(args, "--loader");
    job->batch = sanl_args_int(args, "--batch");
    for (size_t i = 0; i < sizeof of_ops / sizeof *of_ops; i++)
        job->each |= sanl_args_given(args, of_ops[i]);
    if (!job->peak && !job->each && !job->network && !job->loader)
        job->peak = job->each = job->network = true;
    const enum sanl_status status = check_shape(job);
    if (status != SANL_OK)
        return status;
    if ((sanl_args_flag(args, "--profile") || sanl_args_given(args, "--trace")) &&
        (!job->network || job->peak || job->each))
        return sanl_cli_fail(SANL_ERR_USAGE, "--profile and --trace go with --network alone: a queue that "
                                             "measures slows the others");
    return read_config(args, &job->config);
}

/* ---- parts --------------------------------------------------------------------------------------- */

static enum sanl_status run_peaks(struct job *job)
{
    sanl_progress_update("measuring the device's peaks");
    const enum sanl_status status = sanl_bench_measure_peaks(&job->peaks, job->device);
    sanl_progress_end();
    if (status == SANL_OK)
        sanl_bench_print_peaks(&job->peaks);
    return status;
}

static void show_progress(void *payload, int done, int count, const char *op)
{
    (void)payload;
    sanl_progress_update("operator %d of %d: %s", done + 1, count, op);
}

static enum sanl_status open_other(struct job *job)
{
    const int route = sanl_args_choice(job->args, "--vs-route");
    if (route < 0)
        return SANL_OK;
    const struct sanl_device_options options = {.select = sanl_args_text(job->args, "--device"),
                                                .route = (enum sanl_route)route};
    const enum sanl_status status = sanl_device_open(&job->other, &options);
    if (status == SANL_OK && sanl_device_route(job->other) == sanl_device_route(job->device))
        return sanl_cli_fail(SANL_ERR_USAGE, "--vs-route: the route is %s already",
                             sanl_args_routes[sanl_device_route(job->other)]);
    return status;
}

static enum sanl_status run_ops(struct job *job)
{
    const struct sanl_bench_op_options options = {.config = &job->config,
                                                  .batch = job->batch,
                                                  .training = !sanl_args_flag(job->args, "--inference"),
                                                  .op = sanl_args_text(job->args, "--op"),
                                                  .shape = sanl_args_text(job->args, "--shape"),
                                                  .least = sanl_args_number(job->args, "--least"),
                                                  .rounds = sanl_args_int(job->args, "--runs"),
                                                  .other = job->other,
                                                  .peaks = &job->peaks,
                                                  .progress = show_progress};
    const enum sanl_status status = sanl_bench_ops(&job->ops, &job->op_count, job->device, &options);
    sanl_progress_end();
    if (job->op_count > 0)
        sanl_bench_print_ops(job->ops, job->op_count, &job->peaks,
                             job->other ? sanl_args_routes[sanl_device_route(job->other)] : NULL);
    return status;
}

static enum sanl_status take_stage(void *payload, const struct sanl_bench_stage *stage)
{
    struct job *job = payload;
    struct sanl_bench_stage *s = &job->stages[job->stage_count++];
    *s = *stage;
    sanl_bench_print_stage(s, job->batch);
    const bool whole = strcmp(s->name, "inference") == 0 || strcmp(s->name, "train") == 0;
    if (!whole || !sanl_args_flag(job->args, "--profile"))
        return SANL_OK;
    enum sanl_status status =
        sanl_device_times(&s->operators, &s->operator_count, job->device, SANL_TIMES_OF_OPERATORS);
    if (status == SANL_OK)
        status = sanl_device_times(&s->kernels, &s->kernel_count, job->device, SANL_TIMES_OF_KERNELS);
    printf("%s, all %d runs:\n", s->name, sanl_args_int(job->args, "--runs"));
    sanl_cli_print_times(stdout, s->operators, s->operator_count, SANL_TIMES_OF_OPERATORS);
    sanl_cli_print_times(stdout, s->kernels, s->kernel_count, SANL_TIMES_OF_KERNELS);
    return status;
}

static enum sanl_status run_network(struct job *job)
{
    const struct sanl_bench_options options = {.config = &job->config,
                                               .batch = job->batch,
                                               .runs = sanl_args_int(job->args, "--runs"),
                                               .training = !sanl_args_flag(job->args, "--inference"),
                                               .done = take_stage,
                                               .payload = job};
    struct rusage usage;
    const enum sanl_status status = sanl_bench_network(job->device, &options);
    if (status != SANL_OK)
        return status;
    getrusage(RUSAGE_SELF, &usage);
    job->process_bytes = 1024 * (double)usage.ru_maxrss;
    job->device_bytes = (double)sanl_device_most_allocated(job->device);
    if (strcmp(sanl_device_get_info(job->device)->type, "CPU") != 0)
        printf("peak memory %.2f GiB (device)\n", job->device_bytes / (1 << 30));
    else
        printf("peak memory %.2f GiB (process)\n", job->process_bytes / (1 << 30));
    return SANL_OK;
}

static void take_loader(void *payload, const struct sanl_bench_loader_result *result)
{
    struct job *job = payload;
    job->loaders[job->loader_count++] = *result;
    sanl_bench_print_loader(result);
}

static enum sanl_status run_loader(struct job *job)
{
    const struct sanl_bench_loader_options options = {
        .config = &job->config, .seconds = LOADER_SECONDS, .done = take_loader, .payload = job};
    return sanl_bench_loader(&options);
}

static enum sanl_status save(const struct job *job)
{
    const char *path = sanl_args_text(job->args, "--json");
    if (!path)
        return SANL_OK;
    const struct sanl_bench_report report = {.config = &job->config,
                                             .batch = job->batch,
                                             .runs = sanl_args_int(job->args, "--runs"),
                                             .process_bytes = job->process_bytes,
                                             .device_bytes = job->device_bytes,
                                             .peaks = job->peaks.flops > 0 ? &job->peaks : NULL,
                                             .ops = job->ops,
                                             .op_count = job->op_count,
                                             .stages = job->stages,
                                             .stage_count = job->stage_count,
                                             .loader = job->loaders,
                                             .loader_count = job->loader_count};
    return sanl_bench_save(&report, job->device, path);
}

static void print_title(const struct job *job)
{
    const struct sanl_config *config = &job->config;
    if (!job->network && (!job->each || sanl_args_given(job->args, "--shape")))
        return;
    printf("%s %s %dpx batch %d on %s\n", sanl_config_choices("model.backbone")[config->model.backbone],
           sanl_config_choices("model.block")[config->model.block], config->model.size, job->batch,
           sanl_device_get_info(job->device)->name);
    fflush(stdout);
}

static enum sanl_status print_memory(const struct job *job)
{
    const struct sanl_memory_use infer = {&job->config, 0, job->batch}, train = {&job->config, job->batch, 0};
    const enum sanl_status status = sanl_cli_print_memory(&infer, job->device);
    return status == SANL_OK && !sanl_args_flag(job->args, "--inference")
               ? sanl_cli_print_memory(&train, job->device)
               : status;
}

static enum sanl_status run_parts(struct job *job)
{
    enum sanl_status status = SANL_OK;
    print_title(job);
    if (job->peak)
        status = run_peaks(job);
    if (status == SANL_OK && job->each)
        status = run_ops(job);
    if (status == SANL_OK && job->network)
        status = run_network(job);
    if (status == SANL_OK && job->loader)
        status = run_loader(job);
    if (status != SANL_OK)
        return status;
    status = save(job);
    if (status != SANL_OK)
        status = sanl_cli_fail(status, "%s", sanl_error_message());
    const enum sanl_status traced = sanl_cli_save_trace(job->device, job->args);
    if (status != SANL_OK && traced != SANL_OK)
        fprintf(stderr, "sanlcl: %s\n", sanl_error_message());
    return status == SANL_OK ? traced : status;
}

static enum sanl_status run(const struct sanl_args *args)
{
    struct job job = {.args = args};
    struct sanl_device_options options = {0};
    const char *path = sanl_args_text(args, "--json");
    enum sanl_status status = read_job(&job);
    if (status == SANL_OK)
        status = sanl_cli_profile_options(&options, args);
    if (status == SANL_OK && path)
        status = sanl_table_check_path(path);
    if (status == SANL_OK && path && sanl_args_flag(args, "--memory"))
        status = sanl_cli_fail(SANL_ERR_USAGE, "--memory prints a plan and measures nothing: without --json");
    const bool memory = sanl_args_flag(args, "--memory"),
               device = memory || job.peak || job.each || job.network;
    if (status == SANL_OK && device)
        status = sanl_args_device(args, &job.device, &options);
    if (status == SANL_OK && device)
        status = open_other(&job);
    if (status == SANL_OK)
        status = memory ? print_memory(&job) : run_parts(&job);
    for (int i = 0; i < job.stage_count; i++) {
        free(job.stages[i].operators);
        free(job.stages[i].kernels);
    }
    free(job.ops);
    sanl_device_free(job.other);
    sanl_device_free(job.device);
    return status;
}

const struct sanl_command sanl_cmd_bench = {
    .name = "bench",
    .summary = "measure the device's peaks, every operator, and the whole network",
    .details =
        "Without --peak, --ops, --network or --loader: the first three. The network is that of --config\n"
        "and key=value arguments, ResNet-101 with SANL blocks at 224 pixels without them; weights and input\n"
        "are random. Figures are medians.\n"
        "\n"
        "--peak: multiply-adds in registers, bandwidths, the time of an empty kernel.\n"
        "--ops: every distinct operator and shape of a training step (or --inference), forward and backward\n"
        "apart, each alone on buffers of its own, again and again; small tensors so stay in the caches,\n"
        "which they may have left in the network. Columns: share of the time of all; runs in the network;\n"
        "time of one; GFLOP/s and GB/s of what it must compute and move at least; roof, its share of\n"
        "what the peaks allow (above 100% in the caches) and which of them limits; the kernels; and\n"
        "the operator, the pass and the case for --op and --shape. Passes: forward; data and weight, a\n"
        "convolution's gradients; backward; prepare, once after each update.\n"
        "--network: Grad-CAM, the network, inference (both) and a step of training.\n"
        "--loader: pictures decoded and augmented for training, with one worker and with data.workers; a\n"
        "core's are those of a second in which one thread runs.\n",
    .args = args_table,
    .overrides = true,
    .run = run,
};
