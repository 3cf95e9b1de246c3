/* Text: UTF-8 and numbers. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdint.h>
#include <stdio.h>
#include <sanlcl/text.h>

#define SANL_UTF8_BAD UINT32_MAX

/* The code point at *text (not at the final zero), which is moved behind it. For a byte that starts none:
 * SANL_UTF8_BAD, and *text moves by that byte. */
uint32_t sanl_utf8_next(const char **text);

/* Writes `text` as a JSON string, quoted. Bytes that are not UTF-8, as in odd file names, become U+FFFD. */
void sanl_text_json(FILE *file, const char *text);

/* Writes `text` as a field of CSV (RFC 4180), quoted where it must be. */
void sanl_text_csv(FILE *file, const char *text);

/* A short decimal text that strtod reads back to the same double; whole numbers below 1e15 have no exponent.
 */
void sanl_number_text(char out[32], double value);

#endif
