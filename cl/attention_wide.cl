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
 * register tiles of all rows of a work-item pass over it.
 * The forward pass keeps a running maximum and sum for each query and rescales y from one block of KB keys to
 * the next. The backward pass goes over blocks of query rows: attention_wide_scores leaves p and ds of the
 * block in the workspace and makes dq; attention_wide_keys adds to dk, dv. Both weights are laid out as
 * [image][ceil(keys / KB)][room][KB], `room` rows for an image: what a work-item reads is then close
 * together, whichever of the two kernels it runs. */

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
#define SUB 16 /* register tiles of rows in a work-item */
#endif
#ifndef KB
#define KB 192 /* keys between two rescalings, a multiple of SW and of MR */
#endif
#define SW    (VW * NV)
#define ROWS  (MR * SUB) /* queries, or keys, of a work-item */
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

/* Terms added up in a row: CHUNK x SW floats of b stay in the nearest cache for all rows of a work-item. */
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

/* total[i] = sum of a[i * row + k * step] * b[k] over k < depth, for i < count; total has rows of `pitch`
 * registers, b of SW floats. Where `rest` is given, total + rest is the sum. What comes after this chunk of b
 * and, where a is read by columns, of a is fetched ahead. For a in global and in private memory. */
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
                UNROLL for (int i = 0; i < MR; i++)                                                          \
                {                                                                                            \
                    x[i] = a + (size_t)min(r + i, count - 1) * row;                                          \
                    UNROLL for (int v = 0; v < NV; v++) acc[i][v] = (vec)(0.0f);                             \
                }                                                                                            \
                for (int k = 0; k < terms; k++) {                                                            \
                    vec lanes[NV];                                                                           \
                    PREFETCH(ahead + k * SW / SUB);                                                          \
                    if (step > 1)                                                                            \
                        PREFETCH(x[0] + (size_t)(k + CHUNK) * step);                                         \
                    UNROLL for (int v = 0; v < NV; v++) lanes[v] = AT_VEC(b + ((size_t)k * NV + v) * VW);    \
                    UNROLL for (int i = 0; i < MR; i++)                                                      \
                    {                                                                                        \
                        const vec same = (vec)(x[i][(size_t)k * step]);                                      \
                        UNROLL for (int v = 0; v < NV; v++) acc[i][v] = FMA(same, lanes[v], acc[i][v]);      \
                    }                                                                                        \
                }                                                                                            \
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
    for (int i = 0; i < count; i++, x += c, total += NV) {
        const float *one = (const float *)total;
        for (int k = 0; k < width; k += VW) {
            if (k + VW <= width) {
                vec sum = total[k / VW];
                if (!fresh)
                    sum += AT_VEC(x + k) * before[i];
                AT_VEC(x + k) = sum * after[i];
                continue;
            }
            for (int j = k; j < width; j++)
                x[j] = after[i] * (fresh ? one[j] : before[i] * x[j] + one[j]);
        }
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

/* exp(scale * (hi + lo) - top). */
INLINE vec weight_of(vec hi, vec lo, float scale, float top)
{
    return exponential(FMA(hi, (vec)(scale), (vec)(-top)) + lo * scale);
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
            product(p + b * NV, rest + b * NV, PITCH, q, c, 1, count,
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
                row[k] = weight_of(row[k], rest[i * PITCH + k], scale, top[i]);
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

/* A work-item: its share, at most ROWS, of the `rows` queries from `row0` on of one image. Writes p and
 * ds of the block, with `room` rows for an image, and dq unless it is NULL. */
SINGLE(vec)
__kernel void attention_wide_scores(const __global float *restrict q, const __global float *restrict y,
                                    const __global float *restrict dy, const __global float *restrict norm,
                                    __global float *restrict dq, int add, __global float *restrict work,
                                    long vt_at, long ks_at, long p_at, long ds_at, int queries, int keys,
                                    int c, int image, int row0, int rows, int room, float scale)
{
    int first = first_row(get_global_id(0), rows), slot = get_global_id(1);
    int count = first_row(get_global_id(0) + 1, rows) - first;
    int blocks = (keys + SW - 1) / SW, strips = (c + SW - 1) / SW;
    size_t at = (size_t)(image + slot) * queries + row0 + first;
    const __global float *kt = work + (size_t)slot * blocks * c * SW;
    const __global float *vt = work + vt_at + (size_t)slot * blocks * c * SW;
    const __global float *ks = work + ks_at + (size_t)slot * strips * keys * SW;
    size_t skip = ((size_t)slot * ((keys + KB - 1) / KB) * room + first) * KB;
    __global vec *p = (__global vec *)(work + p_at + skip), *ds = (__global vec *)(work + ds_at + skip);
    float inner[ROWS], top[ROWS], share[ROWS], one[ROWS];
    vec hi[ROWS * NV], lo[ROWS * NV], dp[ROWS * NV];

    q += at * c;
    dy += at * c;
    for (int i = 0; i < ROWS; i++) {
        int row = min(i, count - 1);
        inner[i] = inner_product(dy + (size_t)row * c, y + (at + row) * c, c);
        top[i] = norm[2 * (at + row)];
        share[i] = 1.0f / norm[2 * (at + row) + 1];
        one[i] = 1.0f;
    }
    for (int key = 0; key < keys; key += KB, p += (size_t)room * PITCH, ds += (size_t)room * PITCH) {
        int here = min(KB, keys - key), part = (here + SW - 1) / SW;
        for (int b = 0; b < part; b++) {
            product(hi, lo, NV, q, c, 1, count, kt + (size_t)(key + b * SW) * c, c);
            product(dp, 0, NV, dy, c, 1, count, vt + (size_t)(key + b * SW) * c, c);
            for (int i = 0; i < count; i++) /* past the last key anything, which nothing reads */
                for (int v = 0; v < NV; v++) {
                    const int from = i * NV + v, to = i * PITCH + b * NV + v;
                    const vec weight = weight_of(hi[from], lo[from], scale, top[i]) * share[i];
                    p[to] = weight;
                    ds[to] = weight * (dp[from] - inner[i]) * scale;
                }
        }
        const __global float *weight = (const __global float *)ds;
        for (int strip = 0; strip < strips && dq; strip++) {
            product(hi, 0, NV, weight, KB, 1, count, ks + strip_at(key, strip, keys, c), here);
            put_rows(dq + at * c + strip * SW, hi, c, count, min(SW, c - strip * SW), key == 0 && !add,
                     one, one);
        }
    }
}

/* out[keys of the work-item] (+)= sum over the block's rows of weight[row][key] * strips[row]. row0 is a
 * multiple of KB; KB rows of weights stay in a near cache for all channels. */
INLINE void gather(__global float *out, int add, const __global float *weight, const __global float *strip_of,
                   int queries, int c, int count, int row0, int rows)
{
    vec total[ROWS * NV];
    float one[ROWS];
    for (int i = 0; i < ROWS; i++)
        one[i] = 1.0f;
    for (int from = 0; from < rows; from += KB)
        for (int strip = 0; strip * SW < c; strip++) {
            product(total, 0, NV, weight + (size_t)from * KB, 1, KB, count,
                    strip_of + strip_at(row0 + from, strip, queries, c), min(KB, rows - from));
            put_rows(out + strip * SW, total, c, count, min(SW, c - strip * SW), from == 0 && !add, one,
                     one);
        }
}

/* A work-item: its share of the keys, at most ROWS, of one image; adds the block of query rows to dk and dv
 * (each may be NULL). */
SINGLE(vec)
__kernel void attention_wide_keys(const __global float *restrict work, long qs_at, long dys_at, long p_at,
                                  long ds_at, __global float *dk, int dk_add, __global float *dv, int dv_add,
                                  int queries, int keys, int c, int image, int row0, int rows, int room)
{
    int end = first_row(get_global_id(0) + 1, keys), slot = get_global_id(1);
    int strips = (c + SW - 1) / SW, blocks = (keys + KB - 1) / KB;
    const __global float *strip_of = work + (size_t)slot * strips * queries * SW;

    for (int key = first_row(get_global_id(0), keys), stop; key < end; key = stop) { /* of one block */
        stop = min(end, key / KB * KB + KB);
        size_t out = ((size_t)(image + slot) * keys + key) * c;
        size_t weight = ((size_t)slot * blocks + key / KB) * room * KB + key % KB;
        if (dv)
            gather(dv + out, dv_add, work + weight + p_at, strip_of + dys_at, queries, c, stop - key, row0,
                   rows);
        if (dk)
            gather(dk + out, dk_add, work + weight + ds_at, strip_of + qs_at, queries, c, stop - key, row0,
                   rows);
    }
}
