#include <limits.h>
#include <stdlib.h>
#include <sanlcl/golden.h>
#include <sanlcl/selftest.h>
#include "cli/args.h"

static const struct sanl_arg args_table[] = {
    SANL_ARG_DEVICE_ROW,
    {.name = "--op", .value = "NAME", .type = SANL_ARG_TEXT, .help = "check this operator alone"},
    {.name = "--case",
     .value = "TEXT",
     .type = SANL_ARG_TEXT,
     .help = "check this case of it, as in tests/cases/NAME.txt: 'in=2,7,9,5 kh=3 kw=3 cout=4'"},
    {.name = "--golden", .help = "check the whole network against each golden FILE instead"},
    {.name = "--tiny", .help = "only small cases, for interpreters of kernels such as Oclgrind"},
    SANL_ARG_GEMM_ROW,
    {0},
};

static void print_failure(void *payload, const char *message)
{
    (void)payload;
    fprintf(stderr, "%s\n", message);
}

static void print_error(double error)
{
    if (error > 0)
        printf(" %10.1e", error);
    else
        printf(" %10s", "-");
}

static void print_row(void *payload, const struct sanl_selftest_row *row)
{
    bool *headed = payload;
    if (!*headed)
        printf("worst error, relative to the largest value\n%-16s %6s %10s %10s %10s  result\n", "operator",
               "cases", "forward", "backward", "gradient");
    *headed = true;
    printf("%-16s %6d", row->op, row->cases);
    print_error(row->forward_error);
    print_error(row->backward_error);
    print_error(row->gradient_error);
    if (row->failed == 0)
        puts("  passed");
    else
        printf("  %d FAILED\n", row->failed);
    fflush(stdout);
}

static enum sanl_status check_golden(struct sanl_device *device, const char *path)
{
    struct sanl_golden golden;
    const enum sanl_status status = sanl_golden_check(&golden, device, path);
    if (status != SANL_OK && status != SANL_ERR_NUMERIC)
        return status;
    printf("%s: %d tensors", path, golden.tensors);
    if (golden.runs > 1)
        printf("; run %d, from weights moved by a unit in the last place", golden.runs);
    printf("\n%-10s %10s %10s  %-6s  largest at\n", "figure", "deviation", "bound", "result");
    for (int i = 0; i < SANL_GOLDEN_COUNT; i++) {
        const struct sanl_golden_figure *f = &golden.figure[i];
        if (!f->worst[0])
            continue;
        printf("%-10s %10.1e %10.1e  %-6s  %s\n", f->name, f->deviation, f->bound,
               f->deviation <= f->bound ? "passed" : "FAILED", f->worst);
    }
    fflush(stdout);
    return status;
}

/* Goes on behind a file whose figures fail, and fails in the end. */
static enum sanl_status check_goldens(const struct sanl_args *args, struct sanl_device *device)
{
    size_t failed = 0;
    for (size_t i = 0; i < args->positional_count; i++) {
        const enum sanl_status status = check_golden(device, args->positional[i]);
        if (status != SANL_OK && status != SANL_ERR_NUMERIC)
            return status;
        failed += status != SANL_OK;
    }
    if (failed != 0)
        return sanl_cli_fail(SANL_ERR_NUMERIC,
                             "%zu of %zu golden files: the network deviates by more than the bound", failed,
                             args->positional_count);
    return SANL_OK;
}

static enum sanl_status run(const struct sanl_args *args)
{
    const bool golden = sanl_args_flag(args, "--golden");
    if (golden != (args->positional_count != 0))
        return sanl_cli_fail(
            SANL_ERR_USAGE,
            golden ? "--golden expects at least one FILE, as tests/reference/make_golden.py writes it"
                   : "'%s': files are checked with --golden",
            golden ? "" : args->positional[0]);
    if (golden &&
        (sanl_args_given(args, "--op") || sanl_args_given(args, "--case") || sanl_args_flag(args, "--tiny")))
        return sanl_cli_fail(SANL_ERR_USAGE, "--golden checks whole networks: without --op, --case, --tiny");
    struct sanl_selftest_row *rows = NULL;
    struct sanl_device *device = NULL;
    int count = 0;
    bool headed = false;
    const struct sanl_selftest_options options = {
        .op = sanl_args_text(args, "--op"),
        .case_text = sanl_args_text(args, "--case"),
        .tiny = sanl_args_flag(args, "--tiny"),
        .failure = print_failure,
        .done = print_row,
        .payload = &headed,
    };
    enum sanl_status status = sanl_args_device(args, &device, NULL);
    if (status != SANL_OK)
        return status;
    status = golden ? check_goldens(args, device) : sanl_selftest_run(&rows, &count, device, &options);
    free(rows);
    sanl_device_free(device);
    return status;
}

const struct sanl_command sanl_cmd_selftest = {
    .name = "selftest",
    .summary = "check every operator on the device against its reference",
    .details =
        "Columns: the kernels' forward and backward passes against plain C in double precision, and the\n"
        "gradients of that C code against finite differences. Exits with 1 when a case fails.\n"
        "With --golden: Grad-CAM, inference and three training steps of the network that each FILE names,\n"
        "against the values of tests/reference/make_golden.py.\n",
    .args = args_table,
    .positional = "FILE...",
    .most = INT_MAX,
    .run = run,
};
