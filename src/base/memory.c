#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum sanl_status sanl_size_mul(size_t *out, size_t a, size_t b)
{
    if (b && a > SIZE_MAX / b)
        return sanl_fail(SANL_ERR_MEMORY, "a size of %zu x %zu bytes overflows", a, b);
    *out = a * b;
    return SANL_OK;
}

void *sanl_calloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p)
        (void)sanl_fail(SANL_ERR_MEMORY, "out of host memory for %zu x %zu bytes", count, size);
    return p;
}

enum sanl_status sanl_grow(void *array, size_t *capacity, size_t count, size_t size)
{
    void *p;
    memcpy(&p, array, sizeof p);
    if (count <= *capacity)
        return SANL_OK;
    size_t wanted = *capacity + *capacity / 2 + 16, bytes = 0;
    if (wanted < count)
        wanted = count;
    SANL_TRY(sanl_size_mul(&bytes, wanted, size));
    p = realloc(p, bytes);
    if (!p)
        return sanl_fail(SANL_ERR_MEMORY, "out of host memory for %zu bytes", bytes);
    memcpy(array, &p, sizeof p);
    *capacity = wanted;
    return SANL_OK;
}

char *sanl_strdup(const char *text)
{
    return sanl_format("%s", text);
}

char *sanl_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *p = length < 0 ? NULL : malloc((size_t)length + 1);
    if (!p) {
        (void)sanl_fail(SANL_ERR_MEMORY, "out of host memory for a text");
        return NULL;
    }
    va_start(args, format);
    vsnprintf(p, (size_t)length + 1, format, args);
    va_end(args);
    return p;
}
