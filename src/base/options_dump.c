#include "base/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

bool sanl_option_is_null(const char *text)
{
    return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 ||
           strcmp(text, "NULL") == 0;
}

void sanl_option_describe(char *out, size_t bytes, const struct sanl_option *row)
{
    switch (row->type) {
    case SANL_OPTION_BOOL:
        snprintf(out, bytes, "true or false");
        break;
    case SANL_OPTION_INT:
        snprintf(out, bytes, "a whole number from %.0f to %.0f", row->min, row->max);
        break;
    case SANL_OPTION_DOUBLE:
        snprintf(out, bytes, "a number from %g to %g", row->min, row->max);
        break;
    case SANL_OPTION_TEXT:
        snprintf(out, bytes, "a text of at most %zu printable UTF-8 bytes", row->room - 1);
        break;
    case SANL_OPTION_LIST:
        snprintf(out, bytes, "a list of at most %zu numbers from %g to %g", row->room, row->min, row->max);
        break;
    case SANL_OPTION_ENUM:
        snprintf(out, bytes, "one of");
        for (const char *const *name = row->choices; *name; name++) {
            const size_t used = strlen(out);
            snprintf(out + used, bytes - used, "%s %s", name == row->choices ? "" : ",", *name);
        }
        break;
    }
}

static void write_double(struct sanl_string *to, double value)
{
    char text[32];
    sanl_number_text(text, value);
    sanl_string_add(to, "%s", text);
}

/* Without quotes where YAML cannot take the text for anything else. */
static void write_text(struct sanl_string *to, const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/.-";
    if (*text != '-' && !text[strspn(text, safe)] && !sanl_option_is_null(text)) {
        sanl_string_add(to, "%s", text);
        return;
    }
    sanl_string_add(to, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            sanl_string_add(to, "\\");
        sanl_string_bytes(to, text, 1);
    }
    sanl_string_add(to, "\"");
}

static void write_value(struct sanl_string *to, const struct sanl_option *row, const void *values)
{
    const void *const at = (const char *)values + row->offset;
    switch (row->type) {
    case SANL_OPTION_BOOL:
        sanl_string_add(to, "%s", *(const bool *)at ? "true" : "false");
        break;
    case SANL_OPTION_INT:
        sanl_string_add(to, "%d", *(const int *)at);
        break;
    case SANL_OPTION_DOUBLE:
        write_double(to, *(const double *)at);
        break;
    case SANL_OPTION_TEXT:
        write_text(to, at);
        break;
    case SANL_OPTION_ENUM:
        sanl_string_add(to, "%s", row->choices[*(const int *)at]);
        break;
    case SANL_OPTION_LIST:
        sanl_string_add(to, "[");
        for (int i = 0; i < *(const int *)(const void *)((const char *)values + row->length_offset); i++) {
            sanl_string_add(to, "%s", i ? ", " : "");
            write_double(to, ((const double *)at)[i]);
        }
        sanl_string_add(to, "]");
        break;
    }
}

/* Writes the headers of the sections of `key` that `before`, the previous key, was not in; returns the depth
 * of the key. */
static int write_sections(struct sanl_string *to, const char *key, const char *before)
{
    int depth = 0;
    const char *start = key;
    for (const char *dot = strchr(key, '.'); dot; dot = strchr(start, '.')) {
        const size_t length = (size_t)(dot - key) + 1;
        if (strncmp(key, before, length) != 0)
            sanl_string_add(to, "%s%*s%.*s:\n", depth == 0 && *before ? "\n" : "", 2 * depth, "",
                            (int)(dot - start), start);
        start = dot + 1;
        depth++;
    }
    return depth;
}

static void write_help(struct sanl_string *to, const struct sanl_option *row, int depth)
{
    char expected[256];
    sanl_option_describe(expected, sizeof expected, row);
    const bool list = row->type == SANL_OPTION_LIST;
    sanl_string_add(to, "%*s# %s\n%*s#   %s; default ", 2 * depth, "", row->help, 2 * depth, "", expected);
    if (row->type == SANL_OPTION_TEXT)
        write_text(to, row->preset);
    else
        sanl_string_add(to, "%s%s%s", list ? "[" : "", row->preset, list ? "]" : "");
    sanl_string_add(to, "\n");
}

enum sanl_status sanl_options_dump(char **out, const struct sanl_options *options, const void *values,
                                   bool help)
{
    struct sanl_string string = {0}, *to = &string;
    const char *before = "";
    for (size_t i = 0; i < options->count; i++) {
        const struct sanl_option *row = &options->rows[i];
        const int depth = write_sections(to, row->key, before);
        if (help)
            write_help(to, row, depth);
        sanl_string_add(to, "%*s%s: ", 2 * depth, "",
                        strrchr(row->key, '.') ? strrchr(row->key, '.') + 1 : row->key);
        write_value(to, row, values);
        sanl_string_add(to, "\n");
        before = row->key;
    }
    return sanl_string_take(out, to);
}

static enum sanl_status value_text(char **out, const struct sanl_option *row, const void *values)
{
    struct sanl_string string = {0};
    write_value(&string, row, values);
    return sanl_string_take(out, &string);
}

enum sanl_status sanl_options_changes(char **out, const struct sanl_options *options, const void *before,
                                      const void *now)
{
    enum sanl_status status = SANL_OK;
    struct sanl_string string = {0}, *to = &string;
    const char *comma = "";
    for (size_t i = 0; i < options->count && status == SANL_OK; i++) {
        const struct sanl_option *row = &options->rows[i];
        char *old = NULL, *new = NULL;
        status = value_text(&old, row, before);
        if (status == SANL_OK)
            status = value_text(&new, row, now);
        if (status == SANL_OK && strcmp(old, new) != 0) {
            sanl_string_add(to, "%s%s: %s instead of %s", comma, row->key, new, old);
            comma = ", ";
        }
        free(old);
        free(new);
    }
    const enum sanl_status finished = sanl_string_take(out, to);
    if (status == SANL_OK)
        return finished;
    free(*out);
    *out = NULL;
    return status;
}
