/* Counter-based random numbers: a value depends on (key, index) alone, so that results do not depend on
 * the number of threads or the order of calls. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* splitmix64's finaliser: a bijection of 64-bit words. */
uint64_t sanl_mix64(uint64_t z);

/* FNV-1a of the bytes of `text`; of `count` bytes; and of bytes that follow others, whose hash begins with
 * SANL_HASH_START. */
#define SANL_HASH_START 0xCBF29CE484222325u
uint64_t sanl_hash_text(const char *text);
uint64_t sanl_hash_bytes(const void *bytes, size_t count);
uint64_t sanl_hash_more(uint64_t hash, const void *bytes, size_t count);

/* A key from a seed and up to three more words, e.g. (seed, epoch, record). */
uint64_t sanl_random_key(uint64_t seed, uint64_t a, uint64_t b, uint64_t c);

/* The index-th value of the stream `key`: r = mix64(key + (index + 1) * 0x9E3779B97F4A7C15). */
uint64_t sanl_random_bits(uint64_t key, uint64_t index);

/* The same as a float32-exact multiple of 2^-24 in [0, 1). */
double sanl_random_uniform(uint64_t key, uint64_t index);

/* Standard normal from two uniforms (Box-Muller); uses indices 2 * index and 2 * index + 1. */
double sanl_random_normal(uint64_t key, uint64_t index);

/* Uniform integer in [0, count), count >= 1. */
uint64_t sanl_random_below(uint64_t key, uint64_t index, uint64_t count);

#endif
