#include <sanlcl/text.h>

#include <string.h>

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
