/* Host memory with checked sizes. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include "base/status.h"

/* *out = a * b, or SANL_ERR_MEMORY when that overflows. */
SANL_CHECKED enum sanl_status sanl_size_mul(size_t *out, size_t a, size_t b);

/* Zeroed memory for count elements of `size` bytes; NULL with the message set on failure. free() it. */
void *sanl_calloc(size_t count, size_t size);

/* *array = room for at least `count` elements of `size` bytes, growing geometrically; new room is not
 * cleared. *capacity is in elements. On failure the array stays as it was. */
SANL_CHECKED enum sanl_status sanl_grow(void *array, size_t *capacity, size_t count, size_t size);

/* A copy of `text`; NULL with the message set on failure. free() it. */
char *sanl_strdup(const char *text);

/* printf into new memory; NULL with the message set on failure. free() it. */
char *sanl_format(const char *format, ...) SANL_PRINTF(1, 2);

#endif
