#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

enum { NAME_BYTES = 128 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t sanl_text_distance(const char *a, const char *b)
{
    const size_t rows = strnlen(a, NAME_BYTES - 1), columns = strnlen(b, NAME_BYTES - 1);
    size_t store[3][NAME_BYTES], *older = store[0], *old = store[1], *now = store[2];
    for (size_t j = 0; j <= columns; j++)
        old[j] = j;
    for (size_t i = 1; i <= rows; i++) {
        now[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            now[j] = smaller(smaller(old[j], now[j - 1]) + 1, old[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = smaller(now[j], older[j - 2] + 1);
        }
        size_t *const spare = older;
        older = old;
        old = now;
        now = spare;
    }
    return old[columns];
}

uint32_t sanl_utf8_next(const char **text)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *s = (const unsigned char *)*text;
    ++*text;
    if (s[0] < 0x80)
        return s[0];
    if (s[0] < 0xC2 || s[0] > 0xF4)
        return SANL_UTF8_BAD;
    const int more = s[0] < 0xE0 ? 1 : s[0] < 0xF0 ? 2 : 3;
    uint32_t code = s[0] & (0x3Fu >> more);
    for (int i = 1; i <= more; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return SANL_UTF8_BAD;
        code = code << 6 | (s[i] & 0x3Fu);
    }
    if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        return SANL_UTF8_BAD;
    *text += more;
    return code;
}

void sanl_text_json(FILE *file, const char *text)
{
    fputc('"', file);
    while (*text) {
        const char *start = text;
        const uint32_t code = sanl_utf8_next(&text);
        if (code == SANL_UTF8_BAD)
            fputs("\\ufffd", file);
        else if (code < 0x20)
            fprintf(file, "\\u%04x", (unsigned)code);
        else
            fprintf(file, "%s%.*s", code == '"' || code == '\\' ? "\\" : "", (int)(text - start), start);
    }
    fputc('"', file);
}

void sanl_text_csv(FILE *file, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (; *text; text++)
        fprintf(file, *text == '"' ? "\"%c" : "%c", *text);
    fputc('"', file);
}

void sanl_number_text(char out[32], double value)
{
    if (fabs(value) < 1e15 && floor(value) == value) { /* 30 rather than 3e+01 */
        snprintf(out, 32, "%.0f", value);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(out, 32, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
}

void sanl_string_bytes(struct sanl_string *string, const char *bytes, size_t count)
{
    const size_t room = string->length + count + 1;
    if (string->failed || room <= count || sanl_grow(&string->text, &string->capacity, room, 1) != SANL_OK) {
        string->failed = true;
        return;
    }
    memcpy(string->text + string->length, bytes, count);
    string->length += count;
    string->text[string->length] = 0;
}

void sanl_string_add(struct sanl_string *string, const char *format, ...)
{
    char some[512], *text = some;
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int length = vsnprintf(some, sizeof some, format, args);
    if (length >= (int)sizeof some && (text = malloc((size_t)length + 1)))
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    if (length < 0 || !text)
        string->failed = true;
    else
        sanl_string_bytes(string, text, (size_t)length);
    if (text != some)
        free(text);
}

enum sanl_status sanl_string_take(char **out, struct sanl_string *string)
{
    sanl_string_bytes(string, "", 0);
    *out = string->failed ? NULL : string->text;
    const bool failed = string->failed;
    if (failed)
        free(string->text);
    *string = (struct sanl_string){NULL, 0, 0, false};
    return failed ? sanl_fail(SANL_ERR_MEMORY, "out of host memory for a text") : SANL_OK;
}
