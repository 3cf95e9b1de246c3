/* Annotation files: lines of fields separated by runs of blanks. Windows line ends, blank-padded rows and a
 * byte order mark are accepted, and so are empty lines at the end. */
#ifndef DATA_ROWS_H
#define DATA_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/status.h"

enum { SANL_ROW_FIELDS = 64 };

struct sanl_rows {
    const char *path; /* borrowed */
    char *text;       /* the file; the fields point into it */
    char *next;
    int line;                     /* of the row at hand, from 1; 0 before the first */
    int fields;                   /* of the row at hand; beyond SANL_ROW_FIELDS they are counted only */
    char *field[SANL_ROW_FIELDS]; /* zero-ended */
};

/* `path` is kept by reference. */
SANL_CHECKED enum sanl_status sanl_rows_open(struct sanl_rows *out, const char *path);
void sanl_rows_free(struct sanl_rows *rows); /* takes a zeroed or freed object */

/* Hands the text over, so that fields outlive `rows`; free() it. */
char *sanl_rows_take_text(struct sanl_rows *rows);

/* Splits the next line; false at the end of the file. */
bool sanl_rows_next(struct sanl_rows *rows);

/* Makes the first field an image's name, which may hold blanks: it reaches to the first field that ends in
 * .jpg, .jpeg or .png, if there is one. */
void sanl_rows_take_name(struct sanl_rows *rows);

/* The rest of the row from `field` on, blanks and all. */
char *sanl_rows_rest(struct sanl_rows *rows, int field);

/* Fails with SANL_ERR_FORMAT: "PATH: line LINE: " and the message. */
enum sanl_status sanl_rows_fail(const struct sanl_rows *rows, const char *format, ...) SANL_PRINTF(2, 3);

/* A decimal number such as 072, -3 or 12.5, and a whole number in [low, high]; false when it is not one. */
bool sanl_number_parse(double *out, const char *text);
bool sanl_whole_parse(long *out, const char *text, long low, long high);

#endif
