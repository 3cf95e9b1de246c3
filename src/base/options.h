/* Options as a table: one row for each key gives the YAML reader, the overrides, the dump and the help. */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/status.h"

enum sanl_option_type {
    SANL_OPTION_BOOL,   /* bool */
    SANL_OPTION_INT,    /* int */
    SANL_OPTION_DOUBLE, /* double */
    SANL_OPTION_TEXT,   /* char[room], printable UTF-8 on one line */
    SANL_OPTION_ENUM,   /* int, an index of choices */
    SANL_OPTION_LIST    /* double[room] and an int, its length */
};

struct sanl_option {
    const char *key; /* dotted path; rows of one section stand together */
    enum sanl_option_type type;
    size_t offset;      /* in the structure of values */
    const char *preset; /* the default, as it would be written in the file; a list without brackets */
    const char *help;
    double min, max;            /* inclusive: of an int, a double, each element of a list */
    const char *const *choices; /* names of an enum, NULL-ended */
    size_t room;                /* bytes of a text, elements of a list */
    size_t length_offset;       /* of a list */
};

struct sanl_options {
    const struct sanl_option *rows;
    size_t count;
};

/* Every key at its default. */
void sanl_options_preset(const struct sanl_options *options, void *values);

/* Reads YAML text (one document, nested mappings; anchors and aliases may be used, merge keys not). Every
 * message starts with "NAME: line N: ". */
SANL_CHECKED enum sanl_status sanl_options_parse(const struct sanl_options *options, void *values,
                                                 const char *text, size_t length, const char *name);

/* Sets one key from "key=value"; a list is written [1, 2] or 1,2. Fails with SANL_ERR_USAGE. */
SANL_CHECKED enum sanl_status sanl_options_override(const struct sanl_options *options, void *values,
                                                    const char *assignment);

/* The values as YAML that reads back to the same bits; with `help`, help, range and default as comments.
 * free() it. */
SANL_CHECKED enum sanl_status sanl_options_dump(char **out, const struct sanl_options *options,
                                                const void *values, bool help);

/* The keys that differ: "train.lr: 0.5 instead of 0.002, ..."; empty when none does. free() it. */
SANL_CHECKED enum sanl_status sanl_options_changes(char **out, const struct sanl_options *options,
                                                   const void *before, const void *now);

/* The row of a key, or NULL. */
const struct sanl_option *sanl_options_find(const struct sanl_options *options, const char *key);

/* True for the plain YAML texts that stand for no value: nothing, ~, null. */
bool sanl_option_is_null(const char *text);

/* What a row takes, in words, such as "a whole number from 1 to 8". */
void sanl_option_describe(char *out, size_t bytes, const struct sanl_option *row);

#endif
