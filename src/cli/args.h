/* A command's arguments: declared in a table, which gives the parser, the help and the usage errors. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sanlcl/config.h>
#include <sanlcl/device.h>
#include <sanlcl/status.h>

enum sanl_arg_type { SANL_ARG_FLAG, SANL_ARG_TEXT, SANL_ARG_INT, SANL_ARG_NUMBER };

/* One option, "--name" or "--name VALUE". A table of them ends with a row without a name. */
struct sanl_arg {
    const char *name;  /* with its dashes */
    const char *value; /* what stands for the value in the help, e.g. "N"; NULL for a flag */
    const char *help;
    enum sanl_arg_type type;
    const char *preset;         /* the default, shown in the help; NULL: none */
    double min, max;            /* inclusive, of an int or number */
    const char *const *choices; /* of a text, NULL-ended; NULL: any */
    bool output;                /* a file to write: no two options may name the same */
};

/* The options that most commands share, as rows for their tables. */
#define SANL_ARG_CONFIG_ROW                                                                                  \
    {                                                                                                        \
        .name = "--config", .value = "FILE", .type = SANL_ARG_TEXT,                                          \
        .help = "the experiment, a YAML file; without it every key has its default"                          \
    }
#define SANL_ARG_DEVICE_ROW                                                                                  \
    {                                                                                                        \
        .name = "--device", .value = "N", .type = SANL_ARG_TEXT,                                             \
        .help = "OpenCL device: its index in 'sanlcl devices', or a part of its name"                        \
    }

/* sanl_args_device obeys it. */
#define SANL_ARG_GEMM_ROW                                                                                    \
    {                                                                                                        \
        .name = "--gemm", .value = "ROUTE", .type = SANL_ARG_TEXT, .preset = "auto",                         \
        .choices = sanl_args_routes, .help = "kernels of convolutions and matrix products"                   \
    }

extern const char *const sanl_args_routes[];  /* names of enum sanl_route, NULL-ended */
extern const char *const sanl_args_layouts[]; /* of data sets, NULL-ended */

struct sanl_args;

struct sanl_command {
    const char *name;
    const char *summary;         /* one line for 'sanlcl help' */
    const char *details;         /* more lines for --help, each ended by a newline; NULL: none */
    const struct sanl_arg *args; /* NULL: no options */
    const char *positional;      /* e.g. "OUT" or "IMAGE..."; NULL: none */
    int least, most;             /* how many positional arguments */
    bool overrides;              /* takes key=value arguments */
    enum sanl_status (*run)(const struct sanl_args *args);
};

/* What was given; its texts belong to argv. */
struct sanl_args {
    const struct sanl_command *command;
    const char **values;     /* of each row of command->args; NULL: not given */
    const char **positional; /* positional_count of them */
    const char **overrides;  /* override_count texts "key=value" */
    size_t positional_count, override_count;
    bool help; /* --help was given; the rest is not complete */
};

/* Reads the arguments behind the command's name. An argument is an override when the command takes them and
 * it starts like a key and '='; "--" ends options and overrides. On SANL_ERR_USAGE, sanl_cli_message says
 * what is wrong. */
SANL_CHECKED enum sanl_status sanl_args_parse(struct sanl_args *out, const struct sanl_command *command,
                                              int argc, char **argv);
void sanl_args_free(struct sanl_args *args); /* takes a zeroed object */

/* Writes the help of a command, made of its table. */
void sanl_args_help(const struct sanl_command *command, FILE *file);

/* The value of an option of the command's table: as given, else its preset. */
bool sanl_args_flag(const struct sanl_args *args, const char *name);
const char *sanl_args_text(const struct sanl_args *args, const char *name); /* NULL: neither */
int sanl_args_int(const struct sanl_args *args, const char *name);          /* 0: neither */
double sanl_args_number(const struct sanl_args *args, const char *name);
int sanl_args_choice(const struct sanl_args *args,
                     const char *name); /* index in the row's choices; -1: neither */

/* True when the option stands on the command line. */
bool sanl_args_given(const struct sanl_args *args, const char *name);

/* The configuration of --config and the overrides, whose data set no output option writes over. */
SANL_CHECKED enum sanl_status sanl_args_config(const struct sanl_args *args, struct sanl_config *config);

/* SANL_ERR_USAGE when an output option would write over `path`, which is read: over the file, or over what
 * may belong to the data set in the folder. For what the arguments do not name themselves; sanl_args_parse
 * sees to those. */
SANL_CHECKED enum sanl_status sanl_args_check_input(const struct sanl_args *args, const char *path);

/* Says on the error stream which device is used. */
void sanl_args_name_device(const struct sanl_device_info *info);

/* Opens the device of --device, with the kernels of --gemm where the command has that, and says on the error
 * stream which one it is. `options` may be NULL; its `select` is not used. */
SANL_CHECKED enum sanl_status sanl_args_device(const struct sanl_args *args, struct sanl_device **device,
                                               const struct sanl_device_options *options);

/* A failure found by the program itself: sets its message and returns `status`. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
enum sanl_status
sanl_cli_fail(enum sanl_status status, const char *format, ...);

/* The message of sanl_cli_fail, or "" when there was none. */
const char *sanl_cli_message(void);

#endif
