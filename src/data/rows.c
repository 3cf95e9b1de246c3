#include "data/rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/file.h"

enum { MAX_DIGITS = 15 }; /* whole numbers of so many digits are exact in a double */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

enum sanl_status sanl_rows_open(struct sanl_rows *out, const char *path)
{
    const size_t limit = (size_t)1 << 30;
    size_t length = 0;
    memset(out, 0, sizeof *out);
    SANL_TRY(sanl_file_read(&out->text, &length, path, limit));
    out->path = path;
    out->next = out->text;
    if (memchr(out->text, 0, length)) {
        sanl_rows_free(out);
        return sanl_fail(SANL_ERR_FORMAT, "%s: not a text file: it has a zero byte", path);
    }
    if (length >= 3 && memcmp(out->text, "\xEF\xBB\xBF", 3) == 0)
        out->next += 3;
    char *end = out->text + length;
    while (end > out->next && (is_blank(end[-1]) || end[-1] == '\n'))
        end--;
    *end = 0;
    return SANL_OK;
}

void sanl_rows_free(struct sanl_rows *rows)
{
    free(rows->text);
    memset(rows, 0, sizeof *rows);
}

char *sanl_rows_take_text(struct sanl_rows *rows)
{
    char *text = rows->text;
    rows->text = NULL;
    return text;
}

bool sanl_rows_next(struct sanl_rows *rows)
{
    char *p = rows->next;
    if (!*p)
        return false;
    rows->line++;
    rows->fields = 0;
    while (*p && *p != '\n') {
        if (is_blank(*p)) {
            *p++ = 0;
            continue;
        }
        if (rows->fields < SANL_ROW_FIELDS)
            rows->field[rows->fields] = p;
        rows->fields++;
        while (*p && *p != '\n' && !is_blank(*p))
            p++;
    }
    if (*p)
        *p++ = 0;
    rows->next = p;
    return true;
}

static bool is_image_name(const char *text)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png"};
    const size_t length = strlen(text);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t ending = strlen(endings[i]);
        if (length >= ending && strcasecmp(text + length - ending, endings[i]) == 0)
            return true;
    }
    return false;
}

/* Puts back the blanks between two fields of the row. */
static void join_fields(struct sanl_rows *rows, int first, int last)
{
    char *const end = rows->field[last] + strlen(rows->field[last]);
    for (char *p = rows->field[first]; p < end; p++) {
        if (!*p)
            *p = ' ';
    }
}

char *sanl_rows_rest(struct sanl_rows *rows, int field)
{
    join_fields(rows, field, (rows->fields < SANL_ROW_FIELDS ? rows->fields : SANL_ROW_FIELDS) - 1);
    return rows->field[field];
}

void sanl_rows_take_name(struct sanl_rows *rows)
{
    int last = 0;
    while (last < rows->fields && last < SANL_ROW_FIELDS && !is_image_name(rows->field[last]))
        last++;
    if (last == 0 || last >= rows->fields || rows->fields > SANL_ROW_FIELDS)
        return;
    join_fields(rows, 0, last);
    rows->fields -= last;
    for (int i = 1; i < rows->fields; i++)
        rows->field[i] = rows->field[i + last];
}

enum sanl_status sanl_rows_fail(const struct sanl_rows *rows, const char *format, ...)
{
    char text[SANL_MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return sanl_fail(SANL_ERR_FORMAT, "%s: line %d: %s", rows->path, rows->line, text);
}

bool sanl_number_parse(double *out, const char *text)
{
    const bool negative = *text == '-';
    const char *p = text + negative;
    double value = 0, unit = 1;
    int digits = 0;
    for (; *p >= '0' && *p <= '9'; p++, digits++)
        value = value * 10 + (*p - '0');
    if (*p == '.') {
        for (p++; *p >= '0' && *p <= '9'; p++, digits++) {
            value = value * 10 + (*p - '0');
            unit *= 10;
        }
    }
    *out = (negative ? -value : value) / unit;
    if (digits > MAX_DIGITS)
        *out = strtod(text, NULL);
    return !*p && digits > 0 && isfinite(*out);
}

bool sanl_whole_parse(long *out, const char *text, long low, long high)
{
    double value = 0;
    if (strchr(text, '.') || !sanl_number_parse(&value, text) || value < (double)low || value > (double)high)
        return false;
    *out = (long)value;
    return true;
}
