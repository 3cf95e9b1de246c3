#include "base/random.h"

#include <math.h>
#include <string.h>

#define GOLDEN 0x9E3779B97F4A7C15u

uint64_t sanl_mix64(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint64_t sanl_hash_more(uint64_t hash, const void *bytes, size_t count)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ b[i]) * 0x100000001B3u;
    return hash;
}

uint64_t sanl_hash_bytes(const void *bytes, size_t count)
{
    return sanl_hash_more(SANL_HASH_START, bytes, count);
}

uint64_t sanl_hash_text(const char *text)
{
    return sanl_hash_bytes(text, strlen(text));
}

uint64_t sanl_random_key(uint64_t seed, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t key = sanl_mix64(seed + GOLDEN);
    key = sanl_mix64(key ^ (a + GOLDEN));
    key = sanl_mix64(key ^ (b + 2 * GOLDEN));
    return sanl_mix64(key ^ (c + 3 * GOLDEN));
}

uint64_t sanl_random_bits(uint64_t key, uint64_t index)
{
    return sanl_mix64(key + (index + 1) * GOLDEN);
}

double sanl_random_uniform(uint64_t key, uint64_t index)
{
    return (double)(sanl_random_bits(key, index) >> 40) / 16777216.0;
}

double sanl_random_normal(uint64_t key, uint64_t index)
{
    const double u = 1.0 - sanl_random_uniform(key, 2 * index);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * sanl_random_uniform(key, 2 * index + 1));
}

uint64_t sanl_random_below(uint64_t key, uint64_t index, uint64_t count)
{
    return sanl_random_bits(key, index) % count;
}
