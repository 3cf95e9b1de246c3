/* Text: UTF-8 and numbers. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sanlcl/text.h>
#include "base/status.h"

#define SANL_UTF8_BAD UINT32_MAX

/* The code point at *text (not at the final zero), which is moved behind it. For a byte that starts none:
 * SANL_UTF8_BAD, and *text moves by that byte. */
uint32_t sanl_utf8_next(const char **text);

/* Writes `text` as a JSON string, quoted. Bytes that are not UTF-8, as in odd file names, become U+FFFD. */
void sanl_text_json(FILE *file, const char *text);

/* Writes `text` as a field of CSV (RFC 4180), quoted where it must be. */
void sanl_text_csv(FILE *file, const char *text);

/* A text that grows. Begins zeroed; `text` is to be freed, NULL while it is empty. What is added after memory
 * ran out is lost, and sanl_string_take says so. */
struct sanl_string {
    char *text;
    size_t length, capacity;
    bool failed;
};

void sanl_string_add(struct sanl_string *string, const char *format, ...) SANL_PRINTF(2, 3);
void sanl_string_bytes(struct sanl_string *string, const char *bytes, size_t count);

/* The text, ended by a zero, in new memory: free() it. The string is empty then. */
SANL_CHECKED enum sanl_status sanl_string_take(char **out, struct sanl_string *string);

/* A short decimal text that strtod reads back to the same double; whole numbers below 1e15 have no exponent.
 */
void sanl_number_text(char out[32], double value);

#endif
