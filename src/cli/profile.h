/* The options --profile and --trace: what kernels take. */
#ifndef CLI_PROFILE_H
#define CLI_PROFILE_H

#include <stdio.h>
#include "cli/args.h"

/* Two rows for a command's table. */
#define SANL_ARG_PROFILE_ROWS                                                                                \
    {.name = "--profile", .help = "measure every kernel (a little slower) and list them at the end"},        \
    {                                                                                                        \
        .name = "--trace", .value = "FILE", .type = SANL_ARG_TEXT, .output = true,                           \
        .help = "write the first 200000 launches for chrome://tracing or Perfetto"                           \
    }

/* What the options ask of a device; fails when the trace cannot be written. */
SANL_CHECKED enum sanl_status sanl_cli_profile_options(struct sanl_device_options *options,
                                                       const struct sanl_args *args);

/* One of the two tables of a profile: operators with rates, or kernels. */
void sanl_cli_print_times(FILE *file, const struct sanl_device_time *times, int count,
                          enum sanl_device_times_of of);

/* Writes the trace where --trace asks for one. */
SANL_CHECKED enum sanl_status sanl_cli_save_trace(struct sanl_device *device, const struct sanl_args *args);

/* At the end of the work: prints the tables to `file` and writes the trace, as the options ask. */
SANL_CHECKED enum sanl_status sanl_cli_end_profile(struct sanl_device *device, const struct sanl_args *args,
                                                   FILE *file);

/* `text` from column `indent` on, where the line stands, broken at blanks and behind semicolons before column
 * 110; then a new line. */
void sanl_cli_print_wrapped(FILE *file, const char *text, int indent);

#endif
