#include "base/bytes.h"

#include <string.h>

enum { CHUNK_VALUES = 8192 };

bool sanl_write_floats(FILE *file, const float *values, size_t count)
{
    unsigned char bytes[CHUNK_VALUES * 4];
    for (size_t done = 0; done < count;) {
        const size_t left = count - done, n = left < CHUNK_VALUES ? left : CHUNK_VALUES;
        for (size_t i = 0; i < n; i++) {
            uint32_t bits;
            memcpy(&bits, &values[done + i], sizeof bits);
            sanl_put_little_endian(bytes + 4 * i, bits, 4);
        }
        if (fwrite(bytes, 4, n, file) != n)
            return false;
        done += n;
    }
    return true;
}
