#include <stdlib.h>
#include <sanlcl/selftest.h>
#include "cli/args.h"

static const struct sanl_arg args_table[] = {
    SANL_ARG_DEVICE_ROW,
    {.name = "--op", .value = "NAME", .type = SANL_ARG_TEXT, .help = "check this operator alone"},
    {.name = "--case",
     .value = "TEXT",
     .type = SANL_ARG_TEXT,
     .help = "check this case of it, as in tests/cases/NAME.txt: 'in=2,7,9,5 kernel=3'"},
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

static enum sanl_status run(const struct sanl_args *args)
{
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
    status = sanl_selftest_run(&rows, &count, device, &options);
    free(rows);
    sanl_device_free(device);
    return status;
}

const struct sanl_command sanl_cmd_selftest = {
    .name = "selftest",
    .summary = "check every operator on the device against its reference",
    .details =
        "Columns: the kernels' forward and backward passes against plain C in double precision, and the\n"
        "gradients of that C code against finite differences. Exits with 1 when a case fails.\n",
    .args = args_table,
    .run = run,
};
