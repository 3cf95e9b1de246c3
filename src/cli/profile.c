#include "cli/profile.h"

#include <stdlib.h>
#include <string.h>
#include <sanlcl/table.h>

enum { TABLE_WIDTH = 110 };

void sanl_cli_print_wrapped(FILE *file, const char *text, int indent)
{
    int column = indent;
    for (bool blank = false; *text;) {
        const size_t word = strcspn(text, " ;"), length = word + (text[word] == ';');
        if (column + blank + (int)length > TABLE_WIDTH && column > indent) {
            fprintf(file, "\n%*s", indent, "");
            column = indent;
            blank = false;
        }
        column += fprintf(file, "%s%.*s", blank ? " " : "", (int)length, text);
        text += length;
        blank = *text == ' ';
        text += blank;
    }
    putc('\n', file);
}

enum sanl_status sanl_cli_profile_options(struct sanl_device_options *options, const struct sanl_args *args)
{
    const char *path = sanl_args_text(args, "--trace");
    options->profile = sanl_args_flag(args, "--profile");
    options->trace = path != NULL;
    if ((options->profile || path) && sanl_args_choice(args, "--gemm") == SANL_ROUTE_CLBLAST)
        fprintf(stderr,
                "CLBlast's own launches are not seen: its operators take longer than the profile says\n");
    return path ? sanl_table_check_path(path) : SANL_OK;
}

static void print_rate(FILE *file, double work, double seconds)
{
    if (work > 0 && seconds > 0)
        fprintf(file, " %8.1f", work / seconds * 1e-9);
    else
        fprintf(file, " %8s", "-");
}

void sanl_cli_print_times(FILE *file, const struct sanl_device_time *times, int count,
                          enum sanl_device_times_of of)
{
    const bool rates = of == SANL_TIMES_OF_OPERATORS;
    double total = 0;
    for (int i = 0; i < count; i++)
        total += times[i].seconds;
    fprintf(file, "%10s %6s %8s", "ms", "share", rates ? "runs" : "launches");
    fprintf(file, rates ? " %8s %8s  operator\n" : "  kernel\n", "GFLOP/s", "GB/s");
    for (int i = 0; i < count; i++) {
        const struct sanl_device_time *t = &times[i];
        char runs[24] = "-";
        if (t->runs > 0)
            snprintf(runs, sizeof runs, "%ld", t->runs);
        int used = fprintf(file, "%10.2f %5.1f%% %8s", t->seconds * 1e3,
                           total > 0 ? 100 * t->seconds / total : 0, runs);
        if (rates) {
            print_rate(file, t->flops, t->seconds);
            print_rate(file, t->bytes, t->seconds);
            used += 18;
        }
        fputs("  ", file);
        sanl_cli_print_wrapped(file, t->name, used + 2);
    }
    fflush(file);
}

static enum sanl_status print_profile(struct sanl_device *device, FILE *file)
{
    static const enum sanl_device_times_of parts[] = {SANL_TIMES_OF_OPERATORS, SANL_TIMES_OF_KERNELS};
    for (int i = 0; i < 2; i++) {
        struct sanl_device_time *times;
        int count;
        const enum sanl_status status = sanl_device_times(&times, &count, device, parts[i]);
        if (status != SANL_OK)
            return status;
        sanl_cli_print_times(file, times, count, parts[i]);
        free(times);
    }
    return SANL_OK;
}

enum sanl_status sanl_cli_save_trace(struct sanl_device *device, const struct sanl_args *args)
{
    const char *path = sanl_args_text(args, "--trace");
    long saved = 0, left_out = 0;
    if (!path)
        return SANL_OK;
    const enum sanl_status status = sanl_device_save_trace(device, path, &saved, &left_out);
    if (status == SANL_OK && left_out)
        fprintf(stderr, "%s: the first %ld launches; the other %ld are left out\n", path, saved, left_out);
    return status;
}

enum sanl_status sanl_cli_end_profile(struct sanl_device *device, const struct sanl_args *args, FILE *file)
{
    const enum sanl_status status = sanl_args_flag(args, "--profile") ? print_profile(device, file) : SANL_OK;
    return status == SANL_OK ? sanl_cli_save_trace(device, args) : status;
}
