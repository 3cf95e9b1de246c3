#include "cli/args.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sanlcl/text.h>

const char *const sanl_args_layouts[] = {"fld",      "deepfashion_c", "deepfashion2", "coco",
                                         "info_csv", "cub200",        "foodnet",      NULL};
const char *const sanl_args_routes[] = {"auto", "wide", "tile", "clblast", NULL};

static char message[2048];

enum sanl_status sanl_cli_fail(enum sanl_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    for (char *c = message; *c; c++) /* quoted arguments must not break the line */
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
    return status;
}

const char *sanl_cli_message(void)
{
    return message;
}

static size_t row_count(const struct sanl_command *command)
{
    size_t count = 0;
    while (command->args && command->args[count].name)
        count++;
    return count;
}

static enum sanl_status fail_unknown(const struct sanl_command *command, const char *given, size_t length)
{
    const char *best = "--help";
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), given);
    size_t least = sanl_text_distance(name, best);
    for (size_t i = 0; i < row_count(command); i++) {
        const size_t distance = sanl_text_distance(name, command->args[i].name);
        if (distance < least) {
            least = distance;
            best = command->args[i].name;
        }
    }
    if (least > 1 + strlen(name) / 3)
        return sanl_cli_fail(SANL_ERR_USAGE, "unknown option '%s'", name);
    return sanl_cli_fail(SANL_ERR_USAGE, "unknown option '%s'; did you mean '%s'?", name, best);
}

static enum sanl_status check_value(const struct sanl_arg *row, const char *value)
{
    char *end;
    errno = 0;
    if (row->type == SANL_ARG_TEXT) {
        if (!row->choices)
            return *value ? SANL_OK
                          : sanl_cli_fail(SANL_ERR_USAGE, "%s: expected %s after it, found ''", row->name,
                                          row->value);
        char names[256] = "";
        for (const char *const *name = row->choices; *name; name++) {
            if (strcmp(*name, value) == 0)
                return SANL_OK;
            const size_t used = strlen(names);
            snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", *name);
        }
        return sanl_cli_fail(SANL_ERR_USAGE, "%s: expected one of %s, found '%s'", row->name, names, value);
    }
    if (row->type == SANL_ARG_INT) {
        const long number = strtol(value, &end, 10);
        if (end == value || *end || errno || (double)number < row->min || (double)number > row->max)
            return sanl_cli_fail(SANL_ERR_USAGE, "%s: expected a whole number from %.0f to %.0f, found '%s'",
                                 row->name, row->min, row->max, value);
    } else {
        const double number = strtod(value, &end);
        if (end == value || *end || !isfinite(number) || number < row->min || number > row->max)
            return sanl_cli_fail(SANL_ERR_USAGE, "%s: expected a number from %g to %g, found '%s'", row->name,
                                 row->min, row->max, value);
    }
    return SANL_OK;
}

/* Reads the option at argv[*at] and moves *at to its last argument. */
static enum sanl_status read_option(struct sanl_args *out, int argc, char **argv, int *at)
{
    const char *given = argv[*at], *equals = strchr(given, '=');
    const size_t length = equals ? (size_t)(equals - given) : strlen(given), count = row_count(out->command);
    const struct sanl_arg *const rows = out->command->args;
    size_t i = 0;
    while (i < count && (strlen(rows[i].name) != length || strncmp(rows[i].name, given, length) != 0))
        i++;
    if (i == count)
        return fail_unknown(out->command, given, length);
    if (out->values[i])
        return sanl_cli_fail(SANL_ERR_USAGE, "%s is given twice", rows[i].name);
    if (rows[i].type == SANL_ARG_FLAG) {
        out->values[i] = given;
        return equals ? sanl_cli_fail(SANL_ERR_USAGE, "%s takes no value", rows[i].name) : SANL_OK;
    }
    if (!equals && *at + 1 == argc)
        return sanl_cli_fail(SANL_ERR_USAGE, "%s: expected %s after it", rows[i].name, rows[i].value);
    out->values[i] = equals ? equals + 1 : argv[++*at];
    if (rows[i].output && strcmp(out->values[i], "-") == 0)
        out->values[i] = "/dev/stdout";
    return check_value(&rows[i], out->values[i]);
}

/* True for "key=value" with a key of letters, digits, '_' and '.'. A file of such a name is written ./a=b. */
static bool is_override(const char *text)
{
    const size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
    return length > 0 && text[0] != '.' && text[length] == '=';
}

static enum sanl_status check_counts(const struct sanl_args *args)
{
    const struct sanl_command *command = args->command;
    if (args->positional_count < (size_t)command->least)
        return sanl_cli_fail(SANL_ERR_USAGE, "expected %s", command->positional);
    if (args->positional_count > (size_t)command->most)
        return sanl_cli_fail(SANL_ERR_USAGE, "unexpected argument '%s'", args->positional[command->most]);
    return SANL_OK;
}

/* One file, or one that will be, whatever its name is spelt like. */
static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    const bool there = stat(a, &x) == 0;
    if (strcmp(a, b) == 0)
        return true;
    if (there != (stat(b, &y) == 0) || (there && !S_ISREG(x.st_mode)))
        return false;
    if (there)
        return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
    const char *name_a = strrchr(a, '/'), *name_b = strrchr(b, '/');
    if (strcmp(name_a ? name_a + 1 : a, name_b ? name_b + 1 : b) != 0)
        return false;
    char folder_a[4096], folder_b[4096];
    snprintf(folder_a, sizeof folder_a, "%.*s.", name_a ? (int)(name_a + 1 - a) : 0, a);
    snprintf(folder_b, sizeof folder_b, "%.*s.", name_b ? (int)(name_b + 1 - b) : 0, b);
    return stat(folder_a, &x) == 0 && stat(folder_b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Overrides of the keys whose values are files to read. */
static bool names_file(const char *override)
{
    return strncmp(override, "cam.weights=", 12) == 0 || strncmp(override, "model.pretrained=", 17) == 0;
}

/* Nothing is written over what is read, nor by two options into one file. */
static enum sanl_status check_output(const struct sanl_args *args, size_t row)
{
    const struct sanl_arg *rows = args->command->args;
    const char *out = args->values[row], *name = rows[row].name;
    for (size_t k = 0; k < row_count(args->command); k++) {
        const bool file = rows[k].value && strcmp(rows[k].value, "FILE") == 0;
        if (k == row || !file || !args->values[k] || !same_file(out, args->values[k]))
            continue;
        if (rows[k].output)
            return sanl_cli_fail(SANL_ERR_USAGE, "%s and %s: both would write '%s'", name, rows[k].name, out);
        return sanl_cli_fail(SANL_ERR_USAGE, "%s: '%s' is the file of %s", name, out, rows[k].name);
    }
    for (size_t k = 0; k < args->positional_count; k++)
        if (same_file(out, args->positional[k]))
            return sanl_cli_fail(SANL_ERR_USAGE, "%s: '%s' is to be read", name, out);
    for (size_t k = 0; k < args->override_count; k++)
        if (names_file(args->overrides[k]) && same_file(out, strchr(args->overrides[k], '=') + 1))
            return sanl_cli_fail(SANL_ERR_USAGE, "%s: '%s' is the file of %s", name, out, args->overrides[k]);
    return SANL_OK;
}

/* A file that there is and that a data set in `root` may have: a list beside its folders, or anything below
 * one that has such a name. */
static bool belongs_to(const char *file, const char *root)
{
    static const char *const folders[] = {
        "",      "Anno",   "Eval", "img",   "Img",   "annotations", "annos",
        "image", "images", "val",  "parts", "train", "test",        "validation",
    };
    enum { MOST_PARENTS = 16 };
    struct stat info, at;
    char place[4096], known[4096];
    const char *slash = strrchr(file, '/'), *dot = strrchr(file, '.');
    if (stat(root, &info) != 0 || !S_ISDIR(info.st_mode) || stat(file, &info) != 0 || !S_ISREG(info.st_mode))
        return false;
    int length = snprintf(place, sizeof place, "%.*s.", slash ? (int)(slash + 1 - file) : 0, file);
    for (int i = 0; i < MOST_PARENTS && length + 4 < (int)sizeof place && stat(place, &at) == 0; i++) {
        for (size_t k = 0; k < sizeof folders / sizeof *folders; k++) {
            snprintf(known, sizeof known, "%s/%s", root, folders[k]);
            const bool listed = k > 0 || (i == 0 && dot && strcmp(dot, ".txt") == 0);
            if (listed && stat(known, &info) == 0 && at.st_dev == info.st_dev && at.st_ino == info.st_ino)
                return true;
        }
        length += snprintf(place + length, sizeof place - (size_t)length, "/..");
    }
    return false;
}

enum sanl_status sanl_args_check_input(const struct sanl_args *args, const char *path)
{
    const struct sanl_arg *rows = args->command->args;
    for (size_t i = 0; i < row_count(args->command); i++) {
        const char *out = args->values[i];
        if (!rows[i].output || !out)
            continue;
        if (same_file(out, path))
            return sanl_cli_fail(SANL_ERR_USAGE, "%s: '%s' is to be read", rows[i].name, out);
        if (belongs_to(out, path))
            return sanl_cli_fail(SANL_ERR_USAGE,
                                 "%s: '%s' may belong to the data set '%s', which is to be read: choose "
                                 "another place, or remove it first",
                                 rows[i].name, out, path);
    }
    return SANL_OK;
}

/* What stands in a folder of pictures is read; what is written there would be the next time. */
static enum sanl_status check_folder(const struct sanl_args *args, size_t row)
{
    struct stat x, y;
    for (size_t k = 0; k < args->positional_count; k++)
        if (stat(args->values[row], &x) == 0 && stat(args->positional[k], &y) == 0 && x.st_dev == y.st_dev &&
            x.st_ino == y.st_ino && S_ISDIR(x.st_mode))
            return sanl_cli_fail(SANL_ERR_USAGE, "%s: '%s' is the folder of the pictures",
                                 args->command->args[row].name, args->values[row]);
    return SANL_OK;
}

static enum sanl_status check_outputs(const struct sanl_args *args)
{
    enum sanl_status status = SANL_OK;
    for (size_t i = 0; i < row_count(args->command) && status == SANL_OK; i++) {
        const struct sanl_arg *row = &args->command->args[i];
        if (row->output && args->values[i])
            status = check_output(args, i);
        else if (row->value && strcmp(row->value, "DIR") == 0 && args->values[i])
            status = check_folder(args, i);
    }
    return status;
}

enum sanl_status sanl_args_parse(struct sanl_args *out, const struct sanl_command *command, int argc,
                                 char **argv)
{
    memset(out, 0, sizeof *out);
    out->command = command;
    out->values = calloc(row_count(command) + 1, sizeof *out->values);
    out->positional = calloc((size_t)argc + 1, sizeof *out->positional);
    out->overrides = calloc((size_t)argc + 1, sizeof *out->overrides);
    if (!out->values || !out->positional || !out->overrides) {
        sanl_args_free(out);
        return sanl_cli_fail(SANL_ERR_MEMORY, "out of host memory");
    }
    enum sanl_status status = SANL_OK;
    bool options = true;
    for (int i = 0; i < argc && status == SANL_OK && !out->help; i++) {
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (options && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0))
            out->help = true;
        else if (options && argv[i][0] == '-' && argv[i][1])
            status = read_option(out, argc, argv, &i);
        else if (options && command->overrides && is_override(argv[i]))
            out->overrides[out->override_count++] = argv[i];
        else
            out->positional[out->positional_count++] = argv[i];
    }
    if (status == SANL_OK && !out->help)
        status = check_counts(out);
    if (status == SANL_OK && !out->help)
        status = check_outputs(out);
    if (status != SANL_OK)
        sanl_args_free(out);
    return status;
}

void sanl_args_free(struct sanl_args *args)
{
    free(args->values);
    free(args->positional);
    free(args->overrides);
    memset(args, 0, sizeof *args);
}

static void help_row(FILE *file, const struct sanl_arg *row)
{
    char left[64];
    snprintf(left, sizeof left, "%s%s%s", row->name, row->value ? " " : "", row->value ? row->value : "");
    fprintf(file, "  %-20s %s", left, row->help);
    if (row->choices)
        for (const char *const *name = row->choices; *name; name++)
            fprintf(file, "%s%s", name == row->choices ? ": " : ", ", *name);
    if (row->preset)
        fprintf(file, " (default %s)", row->preset);
    fputc('\n', file);
}

void sanl_args_help(const struct sanl_command *command, FILE *file)
{
    fprintf(file, "usage: sanlcl %s [OPTION...]%s", command->name,
            command->overrides ? " [KEY=VALUE...]" : "");
    if (command->positional)
        fprintf(file, command->least ? " %s" : " [%s]", command->positional);
    fprintf(file, "\n\n%s.\n", command->summary);
    if (command->details)
        fprintf(file, "\n%s", command->details);
    fputs("\noptions:\n", file);
    for (size_t i = 0; i < row_count(command); i++)
        help_row(file, &command->args[i]);
    help_row(file, &(struct sanl_arg){.name = "--help", .help = "show this"});
    if (command->overrides)
        fputs("\nKEY=VALUE sets a key of the configuration after the file, e.g. train.lr=0.01;\n"
              "'sanlcl config --dump --help-comments' explains every key.\n",
              file);
}

/* The index of an option in the command's table; the number of rows when it is not there. */
static size_t find_row(const struct sanl_command *command, const char *name)
{
    const size_t count = row_count(command);
    size_t i = 0;
    while (i < count && strcmp(command->args[i].name, name) != 0)
        i++;
    return i;
}

static size_t row_index(const struct sanl_args *args, const char *name)
{
    const size_t i = find_row(args->command, name);
    assert(i < row_count(args->command) && "an option that is not in the command's table");
    return i;
}

bool sanl_args_given(const struct sanl_args *args, const char *name)
{
    return args->values[row_index(args, name)] != NULL;
}

bool sanl_args_flag(const struct sanl_args *args, const char *name)
{
    return sanl_args_given(args, name);
}

const char *sanl_args_text(const struct sanl_args *args, const char *name)
{
    const size_t i = row_index(args, name);
    return args->values[i] ? args->values[i] : args->command->args[i].preset;
}

int sanl_args_int(const struct sanl_args *args, const char *name)
{
    const char *text = sanl_args_text(args, name);
    return text ? (int)strtol(text, NULL, 10) : 0;
}

double sanl_args_number(const struct sanl_args *args, const char *name)
{
    const char *text = sanl_args_text(args, name);
    return text ? strtod(text, NULL) : 0;
}

int sanl_args_choice(const struct sanl_args *args, const char *name)
{
    const char *text = sanl_args_text(args, name);
    const char *const *choices = args->command->args[row_index(args, name)].choices;
    for (int i = 0; text && choices[i]; i++)
        if (strcmp(choices[i], text) == 0)
            return i;
    return -1;
}

enum sanl_status sanl_args_config(const struct sanl_args *args, struct sanl_config *config)
{
    const enum sanl_status status =
        sanl_config_load(config, sanl_args_text(args, "--config"), args->overrides, args->override_count);
    return status == SANL_OK && config->data.root[0] ? sanl_args_check_input(args, config->data.root)
                                                     : status;
}

void sanl_args_name_device(const struct sanl_device_info *info)
{
    fprintf(stderr, "device %d: %s (%s)\n", info->index, info->name, info->platform);
}

enum sanl_status sanl_args_device(const struct sanl_args *args, struct sanl_device **device,
                                  const struct sanl_device_options *options)
{
    struct sanl_device_options wanted = {0};
    if (options)
        wanted = *options;
    wanted.select = sanl_args_text(args, "--device");
    if (find_row(args->command, "--gemm") < row_count(args->command))
        wanted.route = (enum sanl_route)sanl_args_choice(args, "--gemm");
    const enum sanl_status status = sanl_device_open(device, &wanted);
    if (status == SANL_OK)
        sanl_args_name_device(sanl_device_get_info(*device));
    return status;
}
