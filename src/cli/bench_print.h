/* The benchmark's tables on standard output, at most 110 columns wide. */
#ifndef CLI_BENCH_PRINT_H
#define CLI_BENCH_PRINT_H

#include <sanlcl/bench.h>

void sanl_bench_print_peaks(const struct sanl_bench_peaks *peaks);

/* `other` is the name of the route compared with, or NULL. */
void sanl_bench_print_ops(const struct sanl_bench_op *ops, int count, const struct sanl_bench_peaks *peaks,
                          const char *other);

/* One line: "train 1234.5 ms 3.24 images/s 310.2 GFLOP/s". */
void sanl_bench_print_stage(const struct sanl_bench_stage *stage, int batch);

/* One line: "loader, 2 workers 4600.0 images/s, 2300.0 a core". */
void sanl_bench_print_loader(const struct sanl_bench_loader_result *result);

#endif
