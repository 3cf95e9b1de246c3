/* Tables: one set of columns, written as aligned text, CSV or JSON. */
#ifndef SANLCL_TABLE_H
#define SANLCL_TABLE_H

#include <stdbool.h>
#include <stdio.h>
#include <sanlcl/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sanl_table;

struct sanl_column {
    const char *key;   /* name in CSV and JSON, e.g. "ne_peer" */
    const char *title; /* head in aligned text; NULL: the key */
    int decimals;      /* of numbers in aligned text; CSV and JSON have every digit */
};

enum sanl_table_format {
    SANL_TABLE_TEXT,  /* aligned with blanks, texts to the left, numbers to the right */
    SANL_TABLE_CSV,   /* RFC 4180 with a head line; numbers that are not finite are empty */
    SANL_TABLE_LATEX, /* a tabular environment, texts and numbers as in aligned text */
    SANL_TABLE_HTML,  /* a table element, texts and numbers as in aligned text */
    SANL_TABLE_JSON,  /* an array of objects; numbers that are not finite are null */
    SANL_TABLE_JSONL  /* JSON lines: an object a line, without the array */
};

/* An empty table; the columns are copied, their texts are not. */
SANL_CHECKED enum sanl_status sanl_table_create(struct sanl_table **out, const struct sanl_column *columns,
                                                int count);
void sanl_table_free(struct sanl_table *table); /* takes NULL */

/* The next cell, row by row from the left; texts are copied, NULL is a cell without a value, and so is a
 * number that is not finite. A failure is kept and comes out of sanl_table_write. */
void sanl_table_text(struct sanl_table *table, const char *text);
void sanl_table_int(struct sanl_table *table, long long value);
void sanl_table_bool(struct sanl_table *table, bool value); /* "yes" and "no" in aligned text and CSV */
void sanl_table_number(struct sanl_table *table, double value);

/* Writes the whole rows. Failed writes are left in the state of `file`. */
SANL_CHECKED enum sanl_status sanl_table_write(const struct sanl_table *table, FILE *file,
                                               enum sanl_table_format format);

/* The format by the end of a file's name: .csv, .json, .jsonl, .tex; else `otherwise`. */
enum sanl_table_format sanl_table_format_of(const char *path, enum sanl_table_format otherwise);

/* Writes a file whole or not at all; its format by the end of its name, or text. */
SANL_CHECKED enum sanl_status sanl_table_save(const struct sanl_table *table, const char *path);
SANL_CHECKED enum sanl_status sanl_table_save_as(const struct sanl_table *table, const char *path,
                                                 enum sanl_table_format format);

/* Fails when no file can be written at `path`, and leaves nothing there: to find that before the work. */
SANL_CHECKED enum sanl_status sanl_table_check_path(const char *path);

#ifdef __cplusplus
}
#endif
#endif
