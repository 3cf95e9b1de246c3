/* Attention for CPUs: one work-item computes MR x SW register tiles, work-group size 1, no local memory.
 *
 *   s_ij = scale * q_i . k_j      p_ij = exp(s_ij - top_i) / sum_i      y_i = sum_j p_ij v_j
 *   ds_ij = scale * p_ij (do_i . v_j - sum_c do_ic y_ic)
 *   dq_i = sum_j ds_ij k_j        dk_j = sum_i ds_ij q_i        dv_j = sum_i p_ij do_i
 *
 * Two packed forms of an operand x[tokens][c], made by the pack kernels, feed every product:
 *   turned [ceil(tokens / SW)][c][SW]: the vector runs over tokens; tokens past the end are zero
 *   strips [ceil(tokens / KB)][ceil(c / SW)][KB, the last time what is left][SW]: the vector runs over
 *   channels; channels past the end are zero
 * Both are read from front to back. A block of CHUNK rows of SW floats stays in the nearest cache while the
 * register tiles of ROWS rows pass over it.
 * The forward pass keeps a running maximum and sum for each query and rescales y from one block of KB keys to
 * the next. The backward pass goes over blocks of KB queries: a work-item has keys of its own, leaves p and
 * ds of a block of them in a place of its own, adds to dk and dv, and makes its part of dq. */

#ifndef VW
#define VW 16 /* floats in a register */
#endif
#ifndef NV
#define NV 4 /* registers across the tile: SW = VW * NV keys or channels */
#endif
#ifndef MR
#define MR 6 /* rows of the tile */
#endif
#ifndef SUB
#define SUB 16 /* register tiles of rows that pass over a block of the other operand */
#endif
#ifndef KB
#define KB 192 /* keys, and in the backward pass queries, of a block; a multiple of SW and of MR */
#endif
#define SW    (VW * NV)
#define ROWS  (MR * SUB) /* a multiple of VW */
#define PITCH (KB / VW)  /* registers of a block of keys */

#define PASTE2(a, b) a##b
#define PASTE(a, b)  PASTE2(a, b)
#define vec          PASTE(float, VW)
#define as_ivec      PASTE(as_int, VW)
#define as_vec       PASTE(as_float, VW)

/* A register's floats at any float: PoCL makes several instructions of vloadN and vstoreN, on ARM a call. */
typedef vec __attribute__((aligned(4))) loose_vec;
#define AT_VEC(p) (*(__global loose_vec *)(p))

#define INLINE   static __attribute__((always_inline)) inline
#define SENTINEL (-1e30f) /* below every score, and finite */
#define CUTOFF   (-46.0f) /* exp: 1e-20 */

INLINE vec larger(vec a, vec b)
{
    return a > b ? a : b;
}

/* exp(max(x, CUTOFF)) for x <= 88 within 2 ulp: what is that small against the largest weight changes no bit
 * of a sum, and less leads to denormal numbers, which are slow. A NaN stays one. x = n ln 2 + r with n whole
 * (adding 1.5 * 2^23 rounds), exp(r) by a polynomial, 2^n by its bits. */
INLINE vec exponential(vec x)
{
    const float round = 12582912.0f + 127.0f;
    x = (vec)(CUTOFF) > x ? (vec)(CUTOFF) : x;
    vec t = x * 1.44269504088896341f + round;
    vec n = t - round;
    vec r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    vec rr = r * r;
    vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * rr + (r * 8.3334519073e-3f + 4.1665795894e-2f);
    p = p * rr + (r * 1.6666665459e-1f + 5.0000001201e-1f);
    p = p * rr + r + 1.0f;
    return p * as_vec(as_ivec(t) << 23);
}

INLINE float sum_lanes(vec x)
{
    UNROLL for (int width = VW; width > 1; width /= 2)
    {
        x.lo = x.even + x.odd;
        x.hi = x.lo;
    }
    return x.s0;
}

INLINE float largest_lane(vec x)
{
    UNROLL for (int width = VW; width > 1; width /= 2)
    {
        x.lo = x.even > x.odd ? x.even : x.odd;
        x.hi = x.lo;
    }
    return x.s0;
}

/* Terms added up in a row: CHUNK x SW floats of b stay in the nearest cache for ROWS rows. */
#define CHUNK 128

/* total + rest (+)= acc, the sum of the chunk at k0; without loss where `rest` is given: an error of a score
 * is one of the logarithm of a weight, and scores can be large. */
INLINE void join(vec *total, vec *rest, int pitch, vec acc[MR][NV], int k0)
{
    if (k0 == 0) {
        UNROLL for (int i = 0; i < MR; i++) UNROLL for (int v = 0; v < NV; v++)
        {
            total[i * pitch + v] = acc[i][v];
            if (rest)
                rest[i * pitch + v] = (vec)(0.0f);
        }
        return;
    }
    UNROLL for (int i = 0; i < MR; i++) UNROLL for (int v = 0; v < NV; v++)
    {
        const vec old = total[i * pitch + v], sum = old + acc[i][v], part = sum - old;
        total[i * pitch + v] = sum;
        if (rest)
            rest[i * pitch + v] += (old - (sum - part)) + (acc[i][v] - part);
    }
}

/* acc[i] += a[i][k] * b[k]. */
#define TERM(K)                                                                                              \
    {                                                                                                        \
        vec lanes[NV];                                                                                       \
        UNROLL for (int v = 0; v < NV; v++) lanes[v] = AT_VEC(b + ((size_t)(K)*NV + v) * VW);                \
        UNROLL for (int i = 0; i < MR; i++)                                                                  \
        {                                                                                                    \
            const vec same = (vec)(x[i][(size_t)(K)*step]);                                                  \
            UNROLL for (int v = 0; v < NV; v++) acc[i][v] = FMA(same, lanes[v], acc[i][v]);                  \
        }                                                                                                    \
    }

/* total[i] = sum of a[i * row + k * step] * b[k] over k < depth, for i < count; total has rows of `pitch`
 * registers, b of SW floats. Where `rest` is given, total + rest is the sum. What comes after this chunk of b
 * is fetched ahead. For a in global and in private memory. */
#define PRODUCT(NAME, SPACE)                                                                                 \
    INLINE void NAME(vec *total, vec *rest, int pitch, const SPACE float *a, int row, int step, int count,   \
                     const __global float *b, int depth)                                                     \
    {                                                                                                        \
        for (int k0 = 0; k0 < depth; k0 += CHUNK, a += (size_t)CHUNK * step, b += CHUNK * SW)                \
            for (int r = 0; r < count; r += MR) {                                                            \
                const int terms = min(CHUNK, depth - k0);                                                    \
                const __global float *ahead = b + CHUNK * SW + r / MR * (CHUNK * SW / SUB);                  \
                const SPACE float *x[MR];                                                                    \
                vec acc[MR][NV];                                                                             \
                int k = 0;                                                                                   \
                UNROLL for (int i = 0; i < MR; i++)                                                          \
                {                                                                                            \
                    x[i] = a + (size_t)min(r + i, count - 1) * row;                                          \
                    UNROLL for (int v = 0; v < NV; v++) acc[i][v] = (vec)(0.0f);                             \
                }                                                                                            \
                for (; k + 4 <= terms; k += 4) {                                                             \
                    PREFETCH(ahead + k * SW / SUB);                                                          \
                    UNROLL for (int u = 0; u < 4; u++) TERM(k + u)                                           \
                }                                                                                            \
                for (; k < terms; k++)                                                                       \
                    TERM(k)                                                                                  \
                join(total + r * pitch, rest ? rest + r * pitch : 0, pitch, acc, k0);                        \
            }                                                                                                \
    }

PRODUCT(product, __global)
PRODUCT(product_private, __private)

/* The first `count` rows of x, c apart, `width` floats of each: x = after[i] * (before[i] * x + total[i]);
 * `fresh`: x = after[i] * total[i]. */
INLINE void put_rows(__global float *x, const vec *total, int c, int count, int width, int fresh,
                     const float *before, const float *after)
{
    for (int i = 0; i < count; i++, x += c, total += NV)
        UNROLL for (int v = 0; v < NV; v++)
        {
            const float *one = (const float *)total;
            if ((v + 1) * VW <= width) {
                vec sum = total[v];
                if (!fresh)
                    sum += AT_VEC(x + v * VW) * before[i];
                AT_VEC(x + v * VW) = sum * after[i];
                continue;
            }
            for (int j = v * VW; j < width; j++)
                x[j] = after[i] * (fresh ? one[j] : before[i] * x[j] + one[j]);
        }
}

/* Turns a matrix of VW x VW: rotating the bits of (row, lane) by one is an interleaving of rows i and
 * i + VW / 2; after log2(VW) of them rows and lanes have changed places. */
INLINE void turn(vec m[VW])
{
UNROLL
    for (int width = 1; width < VW; width *= 2) {
        vec out[VW];
UNROLL
        for (int i = 0; i < VW / 2; i++) {
            out[2 * i].even = m[i].lo;
            out[2 * i].odd = m[i + VW / 2].lo;
            out[2 * i + 1].even = m[i].hi;
            out[2 * i + 1].odd = m[i + VW / 2].hi;
        }
UNROLL
        for (int i = 0; i < VW; i++)
            m[i] = out[i];
    }
}

/* A work-item: SW tokens x SW channels of image get_global_id(2), from `image` on, to the turned form. */
SINGLE(vec)
__kernel void attention_wide_turn(const __global float *restrict x, int tokens, int c, int image,
                                  __global float *restrict out, long out_at)
{
    int block = get_global_id(0), blocks = (tokens + SW - 1) / SW, first = block * SW;
    int k0 = get_global_id(1) * SW, k1 = min(k0 + SW, c);
    x += ((size_t)(image + get_global_id(2)) * tokens + first) * c;
    out += out_at + ((size_t)get_global_id(2) * blocks + block) * c * SW;
    for (int k = k0; k < k1; k += VW)
        for (int t = 0; t < SW; t += VW) {
            if (k + VW <= c && first + t + VW <= tokens) {
                vec m[VW];
UNROLL
                for (int i = 0; i < VW; i++)
                    m[i] = AT_VEC(x + (size_t)(t + i) * c + k);
                turn(m);
UNROLL
                for (int i = 0; i < VW; i++)
                    AT_VEC(out + (size_t)(k + i) * SW + t) = m[i];
                continue;
            }
            for (int i = k; i < min(k + VW, c); i++)
                for (int j = t; j < t + VW; j++)
                    out[(size_t)i * SW + j] = first + j < tokens ? x[(size_t)j * c + i] : 0.0f;
        }
}

/* Where the row of a token begins in the strips of an image. */
INLINE size_t strip_at(int token, int strip, int tokens, int c)
{
    int key = token / KB * KB, strips = (c + SW - 1) / SW;
    return ((size_t)key * strips + (size_t)strip * min(KB, tokens - key) + (token - key)) * SW;
}

/* A work-item: SW tokens x SW channels of image get_global_id(2), counted from `image`, to the strips. */
SINGLE(vec)
__kernel void attention_wide_strip(const __global float *restrict x, int tokens, int c, int image,
                                   __global float *restrict out, long out_at)
{
    int first = get_global_id(0) * SW, strip = get_global_id(1), strips = (c + SW - 1) / SW;
    int width = min(SW, c - strip * SW);
    x += (size_t)(image + get_global_id(2)) * tokens * c + strip * SW;
    out += out_at + (size_t)get_global_id(2) * strips * tokens * SW + strip_at(first, strip, tokens, c);
    for (int t = first; t < min(first + SW, tokens); t++) {
        if (width == SW) {
UNROLL
            for (int v = 0; v < NV; v++)
                AT_VEC(out + (t - first) * SW + v * VW) = AT_VEC(x + (size_t)t * c + v * VW);
            continue;
        }
        for (int k = 0; k < SW; k++)
            out[(t - first) * SW + k] = k < width ? x[(size_t)t * c + k] : 0.0f;
    }
}

/* The first of `rows` rows of a work-item: all have as many register tiles, or one more. */
INLINE int first_row(int item, int rows)
{
    int tiles = (rows + MR - 1) / MR;
    return min((int)((long)tiles * item / (long)get_global_size(0)) * MR, rows);
}

/* exp(scale * (hi + *lo) - top); lo may be NULL. */
INLINE vec weight_of(vec hi, const vec *lo, float scale, float top)
{
    vec x = FMA(hi, (vec)(scale), (vec)(-top));
    if (lo)
        x += *lo * scale;
    return exponential(x);
}

/* A work-item: its share of the queries, at most ROWS, of one image. norm (2 for a query) may be NULL. */
SINGLE(vec)
__kernel void attention_wide_forward(const __global float *restrict q, const __global float *restrict kt,
                                     const __global float *restrict vs, long vs_at,
                                     __global float *restrict y, __global float *restrict norm, int queries,
                                     int keys, int c, int image, float scale)
{
    int first = first_row(get_global_id(0), queries);
    int count = first_row(get_global_id(0) + 1, queries) - first;
    int blocks = (keys + SW - 1) / SW, strips = (c + SW - 1) / SW;
    size_t at = (size_t)(image + get_global_id(1)) * queries + first;
    const bool exact = c <= CHUNK; /* scores are sums of one chunk, which leaves no rest */
    vec p[ROWS * PITCH], rest[ROWS * PITCH], total[ROWS * NV], sum[ROWS];
    vec factors[ROWS / VW];
    float top[ROWS], *before = (float *)factors, after[ROWS]; /* factors of y before and after a block */

    q += at * c;
    y += at * c;
    kt += (size_t)get_global_id(1) * blocks * c * SW;
    vs += vs_at + (size_t)get_global_id(1) * strips * keys * SW;
    for (int i = 0; i < ROWS; i++) {
        top[i] = SENTINEL;
        before[i] = 0;
        sum[i] = (vec)(0.0f);
    }
    for (int key = 0; key < keys; key += KB) {
        int here = min(KB, keys - key), part = (here + SW - 1) / SW;
        int last = key + KB >= keys;
        for (int b = 0; b < part; b++)
            product(p + b * NV, exact ? 0 : rest + b * NV, PITCH, q, c, 1, count,
                    kt + (size_t)(key + b * SW) * c, c);
        for (int i = 0; i < count; i++) /* no key is past the end: the first one stands there */
            for (int k = here; k < part * SW; k++)
                ((float *)(p + i * PITCH))[k] = ((float *)(p + i * PITCH))[0];
        for (int i = 0; i < count; i++) {
            const vec *row = p + i * PITCH;
            vec most = (vec)(SENTINEL);
            for (int k = 0; k < part * NV; k++)
                most = larger(most, row[k] * scale);
            const float old = top[i], now = largest_lane(most);
            top[i] = now > old ? now : old;
            before[i] = old - top[i];
        }
        for (int i = 0; i < ROWS / VW; i++)
            factors[i] = exponential(factors[i]);
        for (int i = 0; i < count; i++) {
            vec *row = p + i * PITCH, share = (vec)(0.0f);
            for (int k = 0; k < part * NV; k++) {
                row[k] = weight_of(row[k], exact ? 0 : rest + i * PITCH + k, scale, top[i]);
                for (int j = max(here - k * VW, 0); j < VW; j++) /* past the end */
                    ((float *)(row + k))[j] = 0;
                share += row[k];
            }
            sum[i] = sum[i] * before[i] + share;
            after[i] = last ? 1.0f / sum_lanes(sum[i]) : 1.0f;
        }
        for (int strip = 0; strip < strips; strip++) {
            product_private(total, 0, NV, (const float *)p, KB, 1, count,
                            vs + strip_at(key, strip, keys, c), here);
            put_rows(y + strip * SW, total, c, count, min(SW, c - strip * SW), key == 0, before, after);
        }
    }
    if (norm)
        for (int i = 0; i < count; i++) {
            norm[2 * (at + i)] = top[i];
            norm[2 * (at + i) + 1] = sum_lanes(sum[i]);
        }
}

/* a . b over c floats. */
INLINE float inner_product(const __global float *a, const __global float *b, int c)
{
    vec lanes = (vec)(0.0f);
    float rest = 0.0f;
    int k = 0;
    for (; k + VW <= c; k += VW)
        lanes += AT_VEC(a + k) * AT_VEC(b + k);
    for (; k < c; k++)
        rest += a[k] * b[k];
    return sum_lanes(lanes) + rest;
}

/* p and ds of `rows` queries and SW keys; rows stand PITCH registers apart. Past the last key they are
 * anything, which nothing reads. lo may be NULL. */
INLINE void weigh(__global vec *p, __global vec *ds, const vec *hi, const vec *lo, const vec *dp, int rows,
                  const float *inner, const float *top, const float *share, float scale)
{
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < NV; v++) {
            const int at = i * NV + v;
            const vec weight = weight_of(hi[at], lo ? lo + at : 0, scale, top[i]) * share[i];
            p[i * PITCH + v] = weight;
            ds[i * PITCH + v] = weight * (dp[at] - inner[i]) * scale;
        }
}

/* A work-item: its share of the keys of one image, a multiple of `unit`, and the queries from row0 on, at
 * most KB. Adds to dk and dv of its keys, and makes of them its part of dq: these parts stand dq_part, images
 * in them dq_image floats apart. dq, dk and dv may be NULL. p and ds of KB queries and KB keys stay in a near
 * cache for what is made of them. */
SINGLE(vec)
__kernel void attention_wide_backward(const __global float *restrict q, const __global float *restrict y,
                                      const __global float *restrict dy, const __global float *restrict norm,
                                      __global float *restrict work, long vt_at, long ks_at, long qs_at,
                                      long dys_at, long p_at, __global float *restrict dq, long dq_at,
                                      long dq_part, long dq_image, int dq_add, __global float *restrict dk,
                                      int dk_add, __global float *restrict dv, int dv_add, int queries,
                                      int keys, int c, int image, int row0, int unit, float scale)
{
    int part = get_global_id(0), parts = get_global_size(0), slot = get_global_id(1);
    int units = (keys + unit - 1) / unit, rows = min(KB, queries - row0);
    int from = (int)((long)units * part / parts) * unit, end = (int)((long)units * (part + 1) / parts) * unit;
    int blocks = (keys + SW - 1) / SW, strips = (c + SW - 1) / SW;
    size_t at = (size_t)(image + slot) * queries + row0;
    const __global float *kt = work + (size_t)slot * blocks * c * SW;
    const __global float *vt = work + vt_at + (size_t)slot * blocks * c * SW;
    const __global float *ks = work + ks_at + (size_t)slot * strips * keys * SW;
    const __global float *qs = work + qs_at + (size_t)slot * strips * queries * SW;
    const __global float *dys = work + dys_at + (size_t)slot * strips * queries * SW;
    __global float *p = work + p_at + ((size_t)slot * parts + part) * 2 * KB * KB, *ds = p + KB * KB;
    const bool exact = c <= CHUNK;
    float inner[KB], top[KB], share[KB], one[ROWS];
    vec hi[ROWS * NV], lo[ROWS * NV], dp[ROWS * NV];

    q += at * c;
    dy += at * c;
    dq += dq ? dq_at + part * dq_part + slot * dq_image : 0;
    dk += dk ? (size_t)(image + slot) * keys * c : 0;
    dv += dv ? (size_t)(image + slot) * keys * c : 0;
    end = min(end, keys);
    for (int i = 0; i < rows; i++) {
        inner[i] = inner_product(dy + (size_t)i * c, y + (at + i) * c, c);
        top[i] = norm[2 * (at + i)];
        share[i] = 1.0f / norm[2 * (at + i) + 1];
    }
    for (int i = 0; i < ROWS; i++)
        one[i] = 1.0f;
    for (int key = from, stop; key < end; key = stop) { /* of one block of the strips */
        stop = min(end, key / KB * KB + KB);
        for (int b = key; b < stop; b += SW)
            for (int r = 0; r < rows; r += ROWS) {
                const int count = min(ROWS, rows - r), to = r * KB + b - key;
                product(hi, exact ? 0 : lo, NV, q + (size_t)r * c, c, 1, count, kt + (size_t)b * c, c);
                product(dp, 0, NV, dy + (size_t)r * c, c, 1, count, vt + (size_t)b * c, c);
                weigh((__global vec *)(p + to), (__global vec *)(ds + to), hi, exact ? 0 : lo, dp, count,
                      inner + r, top + r, share + r, scale);
            }
        for (int strip = 0; strip < strips; strip++) {
            const int width = min(SW, c - strip * SW);
            for (int r = 0; r < rows && dq; r += ROWS) {
                const int count = min(ROWS, rows - r);
                product(hi, 0, NV, ds + r * KB, KB, 1, count, ks + strip_at(key, strip, keys, c), stop - key);
                put_rows(dq + (size_t)r * c + strip * SW, hi, c, count, width, key == from && !dq_add, one,
                         one);
            }
            for (int k = key; k < stop; k += ROWS) {
                const int count = min(ROWS, stop - k);
                if (dv) {
                    product(hi, 0, NV, p + k - key, 1, KB, count, dys + strip_at(row0, strip, queries, c),
                            rows);
                    put_rows(dv + (size_t)k * c + strip * SW, hi, c, count, width, !dv_add, one, one);
                }
                if (dk) {
                    product(hi, 0, NV, ds + k - key, 1, KB, count, qs + strip_at(row0, strip, queries, c),
                            rows);
                    put_rows(dk + (size_t)k * c + strip * SW, hi, c, count, width, !dk_add, one, one);
                }
            }
        }
    }
}

/* dq (+)= its parts, of (images, rows, c), in order; id 1 counts images, id 2 rows. */
__kernel void attention_wide_join(const __global float *restrict work, long parts_at, long pitch, int parts,
                                  __global float *restrict dq, int add, int queries, int c, int image,
                                  int row0, int rows)
{
    const int k = get_global_id(0), slot = get_global_id(1), row = get_global_id(2);
    if (k >= c)
        return;
    const __global float *at = work + parts_at + ((size_t)slot * rows + row) * c + k;
    __global float *out = dq + ((size_t)(image + slot) * queries + row0 + row) * c + k;
    float sum = at[0];
    for (int part = 1; part < parts; part++)
        sum += at[part * pitch];
    *out = add ? *out + sum : sum;
}
