/* Sources as written take pointers, kernels as built a pointer and an offset in bytes for each:
 *
 *     kernel void f(global float *x, int n) { ...
 *     kernel void f(global float *x, ulong x_from, int n) { x = (global void *)((global char *)x + x_from);
 * ...
 *
 * so that any part of a buffer is one (device/buffer.c). Lines stay as they are counted. */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "device/internal.h"

struct rewriter {
    const char *at, *end;
    struct sanl_string out;
};

static void copy_to(struct rewriter *r, const char *to)
{
    sanl_string_bytes(&r->out, r->at, (size_t)(to - r->at));
    r->at = to;
}

static bool in_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Behind a comment that begins at `p`; `p` when none does. */
static const char *behind_comment(const char *p, const char *end)
{
    if (end - p < 2 || p[0] != '/' || (p[1] != '/' && p[1] != '*'))
        return p;
    const bool line = p[1] == '/';
    for (p += 2; p < end; p++) {
        if (line && *p == '\n')
            return p;
        if (!line && p[-1] == '*' && *p == '/')
            return p + 1;
    }
    return end;
}

/* Behind the parenthesis that closes the one at `p`. */
static const char *behind_parentheses(const char *p, const char *end)
{
    int depth = 0;
    for (; p < end; p++) {
        depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
        if (depth == 0)
            return p + 1;
    }
    return end;
}

static bool has_word(const char *from, const char *to, const char *word)
{
    const size_t length = strlen(word);
    for (const char *p = from; p + length <= to; p++)
        if (strncmp(p, word, length) == 0 && (p == from || !in_name(p[-1])) &&
            (p + length == to || !in_name(p[length])))
            return true;
    return false;
}

/* The name of a parameter if it points to global memory, else its length is 0. */
static const char *pointer_name(const char *from, const char *to, int *length)
{
    const char *stop = to;
    *length = 0;
    if (!memchr(from, '*', (size_t)(to - from)) ||
        (!has_word(from, to, "global") && !has_word(from, to, "__global")))
        return from;
    while (stop > from && !in_name(stop[-1]))
        stop--;
    const char *name = stop;
    while (name > from && in_name(name[-1]))
        name--;
    *length = (int)(stop - name);
    return name;
}

/* From behind the word `kernel` to behind the brace of the body. */
static void rewrite_kernel(struct rewriter *r)
{
    const char *open = memchr(r->at, '(', (size_t)(r->end - r->at));
    while (open && has_word(r->at, open, "__attribute__")) {
        copy_to(r, behind_parentheses(open, r->end));
        open = memchr(r->at, '(', (size_t)(r->end - r->at));
    }
    if (!open)
        return;
    const char *close = behind_parentheses(open, r->end) - 1;
    struct sanl_string places = {0};
    copy_to(r, open + 1);
    while (r->at < close) {
        const char *comma = memchr(r->at, ',', (size_t)(close - r->at));
        int length;
        const char *stop = comma ? comma : close, *name = pointer_name(r->at, stop, &length);
        copy_to(r, stop);
        if (length) {
            sanl_string_add(&r->out, ", ulong %.*s_from", length, name);
            sanl_string_add(&places, " %.*s = (global void *)((global char *)%.*s + %.*s_from);", length,
                            name, length, name, length, name);
        }
        if (comma)
            copy_to(r, comma + 1);
    }
    const char *brace = memchr(r->at, '{', (size_t)(r->end - r->at));
    copy_to(r, brace ? brace + 1 : r->end);
    r->out.failed |= places.failed;
    if (places.text)
        sanl_string_bytes(&r->out, places.text, places.length);
    free(places.text);
}

char *sanl_source_with_offsets(const char *text, size_t length)
{
    char *result;
    struct rewriter r = {.at = text, .end = text + length};
    while (r.at < r.end && !r.out.failed) {
        const char *p = behind_comment(r.at, r.end);
        if (p == r.at) {
            p++;
            while (in_name(p[-1]) && p < r.end && in_name(*p))
                p++;
        }
        const bool kernel = has_word(r.at, p, "kernel") || has_word(r.at, p, "__kernel");
        const bool comment = *r.at == '/';
        copy_to(&r, p);
        if (kernel && !comment)
            rewrite_kernel(&r);
    }
    return sanl_string_take(&result, &r.out) == SANL_OK ? result : NULL;
}
