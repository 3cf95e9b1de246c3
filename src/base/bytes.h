/* Numbers in files: little-endian, on any machine. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A number of `count` bytes, at most 8. */
static inline uint64_t sanl_little_endian(const unsigned char *bytes, size_t count)
{
    uint64_t number = 0;
    for (size_t i = count; i-- > 0;)
        number = number << 8 | bytes[i];
    return number;
}

static inline void sanl_put_little_endian(unsigned char *bytes, uint64_t number, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)(number >> 8 * i & 255);
}

/* False, with errno set, when not all of them could be written. */
bool sanl_write_floats(FILE *file, const float *values, size_t count);

#endif
