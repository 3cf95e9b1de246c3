#include "cli/bench_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/profile.h"

static void print_rate(const char *label, double rate, const char *unit, const char *note)
{
    if (rate > 0)
        printf("%-28s %10.*f %-8s %s\n", label, rate < 100e9 ? 2 : 1, rate * 1e-9, unit, note);
}

void sanl_bench_print_peaks(const struct sanl_bench_peaks *peaks)
{
    char note[96];
    snprintf(note, sizeof note, "%s in flight to a work-item", peaks->flops_shape);
    print_rate("multiply-add", peaks->flops, "GFLOP/s", note);
    snprintf(note, sizeof note, "kernel, read and written, buffers of %llu MiB",
             (unsigned long long)(peaks->bytes >> 20));
    print_rate("memory, copy", peaks->copy, "GB/s", note);
    print_rate("memory, read", peaks->read, "GB/s", "kernel, sum of a buffer");
    print_rate("memory, driver's copy", peaks->driver_copy, "GB/s", "read and written");
    print_rate("upload", peaks->upload, "GB/s", "host to device");
    print_rate("download", peaks->download, "GB/s", "device to host");
    printf("%-28s %10.2f %-8s %s\n", "launch", peaks->launch * 1e6, "us",
           "an empty kernel, one of many enqueued");
    printf("%-28s %10.2f %-8s %s\n", "launch and wait", peaks->round_trip * 1e6, "us",
           "an empty kernel and its end");
    fflush(stdout);
}

/* ---- operators ----------------------------------------------------------------------------------- */

static void print_head(const char *other)
{
    char title[32] = "";
    if (other)
        snprintf(title, sizeof title, " %7.7s ms  ratio", other);
    printf("%6s %4s %8s%s %7s %6s %5s %-7s %-20s work\n", "share", "runs", "ms", title, "GFLOP/s", "GB/s",
           "roof", "limit", "kernels");
}

static void print_op(const struct sanl_bench_op *op, double total, bool compared)
{
    static const char *const limits[] = {"compute", "memory", "launch"};
    char text[512];
    int used = printf("%5.1f%% %4d %8.3f", total > 0 ? 100 * op->count * op->seconds / total : 0, op->count,
                      op->seconds * 1e3);
    if (compared && op->other_seconds > 0)
        used += printf(" %10.3f %6.2f", op->other_seconds * 1e3, op->other_seconds / op->seconds);
    else if (compared)
        used += printf(" %10s %6s", "-", "-");
    used += printf(" %7.1f %6.1f %4.0f%% %-7s %-20s ", op->flops / op->seconds * 1e-9,
                   op->bytes / op->seconds * 1e-9, 100 * op->roof, limits[op->limit],
                   op->kernels[0] ? op->kernels : sanl_args_routes[op->route]);
    snprintf(text, sizeof text, "%s %s %s", op->op, op->pass, op->shape);
    sanl_cli_print_wrapped(stdout, text, used);
}

/* What rows come to. */
struct sum {
    const char *op, *pass;
    double seconds, others, flops, bytes, bound;
    int runs;
};

static void add_op(struct sum *sum, const struct sanl_bench_op *op)
{
    sum->seconds += op->count * op->seconds;
    sum->others += op->count * (op->other_seconds > 0 ? op->other_seconds : op->seconds);
    sum->flops += op->count * op->flops;
    sum->bytes += op->count * op->bytes;
    sum->bound += op->count * op->roof * op->seconds;
    sum->runs += op->count;
}

static void print_sum(const struct sum *sum, double total, bool compared)
{
    const double s = sum->seconds;
    printf("%5.1f%% %4d %8.1f", 100 * s / total, sum->runs, s * 1e3);
    if (compared)
        printf(" %10.1f %6.2f", sum->others * 1e3, sum->others / s);
    printf(" %7.1f %6.1f %4.0f%%               %s%s%s\n", sum->flops / s * 1e-9, sum->bytes / s * 1e-9,
           100 * sum->bound / s, sum->op, sum->pass[0] ? " " : "", sum->pass);
}

static int by_seconds(const void *a, const void *b)
{
    const struct sum *x = a, *y = b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

/* The sums of each operator's passes, then of all. */
static void print_sums(const struct sanl_bench_op *ops, int count, bool compared)
{
    struct sum sums[64], all = {.op = "all", .pass = ""};
    int used = 0;
    for (int i = 0; i < count; i++) {
        int at = 0;
        add_op(&all, &ops[i]);
        while (at < used && (strcmp(sums[at].op, ops[i].op) != 0 || strcmp(sums[at].pass, ops[i].pass) != 0))
            at++;
        if (at == (int)(sizeof sums / sizeof *sums))
            continue;
        if (at == used)
            sums[used++] = (struct sum){.op = ops[i].op, .pass = ops[i].pass};
        add_op(&sums[at], &ops[i]);
    }
    qsort(sums, (size_t)used, sizeof *sums, by_seconds);
    for (int i = 0; i < used && used < count; i++)
        print_sum(&sums[i], all.seconds, compared);
    print_sum(&all, all.seconds, compared);
}

void sanl_bench_print_ops(const struct sanl_bench_op *ops, int count, const struct sanl_bench_peaks *peaks,
                          const char *other)
{
    double seconds = 0;
    for (int i = 0; i < count; i++)
        seconds += ops[i].count * ops[i].seconds;
    print_head(other);
    for (int i = 0; i < count; i++)
        print_op(&ops[i], seconds, other != NULL);
    if (seconds <= 0)
        return;
    printf("in all\n");
    print_sums(ops, count, other != NULL);
    printf("peaks: %.1f GFLOP/s, copy %.1f GB/s, launch %.2f us\n", peaks->flops * 1e-9, peaks->copy * 1e-9,
           peaks->launch * 1e6);
    fflush(stdout);
}

/* ---- networks ------------------------------------------------------------------------------------ */

void sanl_bench_print_stage(const struct sanl_bench_stage *stage, int batch)
{
    const double s = stage->seconds;
    printf("%-10s %9.1f ms %9.3f images/s %9.1f GFLOP/s\n", stage->name, s * 1e3, s > 0 ? batch / s : 0,
           s > 0 ? stage->flops / s * 1e-9 : 0);
    fflush(stdout);
}

/* ---- the loader ---------------------------------------------------------------------------------- */

void sanl_bench_print_loader(const struct sanl_bench_loader_result *r)
{
    printf("loader, %d worker%s %9.1f images/s, %.1f a core\n", r->workers, r->workers > 1 ? "s" : " ",
           (double)r->images / r->seconds, (double)r->images / r->core_seconds);
    fflush(stdout);
}
