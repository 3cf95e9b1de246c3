/* Attention for CPUs: one work-item computes MR x SW register tiles, work-group size 1, no local memory.
 *
 *   s_ij = scale * q_i . k_j      p_ij = exp(s_ij - top_i) / sum_i      y_i = sum_j p_ij v_j
 *   ds_ij = scale * p_ij (do_i . v_j - sum_c do_ic y_ic)
 *   dq_i = sum_j ds_ij k_j        dk_j = sum_i ds_ij q_i        dv_j = sum_i p_ij do_i
 *
 * Two packed forms of an operand x[tokens][c], made by the pack kernels, feed every product:
 *   turned [ceil(tokens / SW)][c][SW]: the vector runs over tokens; tokens past the end are zero
 *   strips [ceil(c / SW)][tokens][SW]: the vector runs over channels; channels past the end are zero
 * The forward pass keeps a running maximum and sum for each query and rescales y from one block of KB keys to
 * the next. The backward pass goes over blocks of query rows: attention_wide_scores leaves p and ds of the
 * block in the workspace and makes dq; attention_wide_keys adds to dk, dv. Both weights are laid out as
 * [image][ceil(tokens / KB)][room][KB], `room` rows for an image: what a work-item reads is then close
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
#ifndef QC
#define QC 64 /* query rows summed in registers before dk and dv are written */
#endif
#define SW   (VW * NV)
#define ROWS (MR * SUB) /* queries, or keys, of a work-item */

#define PASTE2(a, b) a##b
#define PASTE(a, b)  PASTE2(a, b)
#define vec          PASTE(float, VW)
#define ivec         PASTE(int, VW)
#define load_vec     PASTE(vload, VW)
#define store_vec    PASTE(vstore, VW)
#define as_ivec      PASTE(as_int, VW)
#define as_vec       PASTE(as_float, VW)

#define INLINE   static __attribute__((always_inline)) inline
#define SINGLE   __attribute__((reqd_work_group_size(1, 1, 1)))
#define SENTINEL (-1e30f) /* below every score, and finite */
#define CUTOFF   (-46.0f) /* exp: 1e-20 */

INLINE vec larger(vec a, vec b)
{
    return a > b ? a : b;
}

/* exp(x) for x <= 88 within 2 ulp, but 0 below CUTOFF: what is that small against the largest weight changes
 * no bit of a sum, and leads to denormal numbers, which are slow. A NaN stays one. x = n ln 2 + r with n
 * whole (adding 1.5 * 2^23 rounds), exp(r) by a polynomial, 2^n by its bits. */
INLINE vec exponential(vec x)
{
    const float round = 12582912.0f + 127.0f;
    x = x > (vec)(88.0f) ? (vec)(88.0f) : x;
    vec t = x * 1.44269504088896341f + round;
    vec n = t - round;
    vec r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    p = p * as_vec(as_ivec(t) << 23);
    return x < (vec)(CUTOFF) ? (vec)(0.0f) : p;
}

INLINE float sum_lanes(vec x)
{
    float lane[VW], sum = 0.0f;
    store_vec(x, 0, lane);
    for (int i = 0; i < VW; i++)
        sum += lane[i];
    return sum;
}

INLINE float largest_lane(vec x)
{
    float lane[VW];
    store_vec(x, 0, lane);
    for (int width = VW / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            lane[i] = lane[i] > lane[i + width] ? lane[i] : lane[i + width];
    return lane[0];
}

/* acc[i] += sum_k a[i][k * step] * b[k], for k < depth; b has rows of SW floats. For a in global and in
 * private memory. */
#define PRODUCT(NAME, SPACE)                                                                                 \
    INLINE void NAME(vec acc[MR][NV], const SPACE float *const a[MR], int step, const __global float *b,     \
                     int depth)                                                                              \
    {                                                                                                        \
        for (int k = 0; k < depth; k++) {                                                                    \
            vec row[NV];                                                                                     \
            _Pragma("unroll") for (int v = 0; v < NV; v++) row[v] = load_vec((size_t)k * NV + v, b);         \
            _Pragma("unroll") for (int i = 0; i < MR; i++)                                                   \
            {                                                                                                \
                vec x = (vec)(a[i][(size_t)k * step]);                                                       \
                _Pragma("unroll") for (int v = 0; v < NV; v++) acc[i][v] += x * row[v];                      \
            }                                                                                                \
        }                                                                                                    \
    }
PRODUCT(product, __global)
PRODUCT(product_private, __private)

/* Terms of a score added up in a row. */
#define CHUNK 64

INLINE void clear(vec acc[MR][NV])
{
#pragma unroll
    for (int i = 0; i < MR; i++)
#pragma unroll
        for (int v = 0; v < NV; v++)
            acc[i][v] = (vec)(0.0f);
}

/* hi + lo = scale * a[i] . b over `depth` terms. Sums of chunks are added without loss: an error of a score
 * is one of the logarithm of a weight, and scores can be large. */
INLINE void product_exact(vec hi[MR][NV], vec lo[MR][NV], const __global float *const a[MR],
                          const __global float *b, int depth, float scale)
{
    clear(hi);
    clear(lo);
    product(hi, a, 1, b, min(CHUNK, depth));
    for (int k = CHUNK; k < depth; k += CHUNK) {
        const __global float *row[MR];
        vec acc[MR][NV];
#pragma unroll
        for (int i = 0; i < MR; i++)
            row[i] = a[i] + k;
        clear(acc);
        product(acc, row, 1, b + (size_t)k * SW, min(CHUNK, depth - k));
#pragma unroll
        for (int i = 0; i < MR; i++)
#pragma unroll
            for (int v = 0; v < NV; v++) {
                vec sum = hi[i][v] + acc[i][v], part = sum - hi[i][v];
                lo[i][v] += (hi[i][v] - (sum - part)) + (acc[i][v] - part);
                hi[i][v] = sum;
            }
    }
#pragma unroll
    for (int i = 0; i < MR; i++)
#pragma unroll
        for (int v = 0; v < NV; v++) {
            vec scaled = hi[i][v] * scale;
            lo[i][v] = fma(hi[i][v], (vec)(scale), -scaled) + lo[i][v] * scale;
            hi[i][v] = scaled;
        }
}

/* The first `count` rows of x, c apart, `width` floats of each: x = after[i] * (before[i] * x + acc[i]);
 * `fresh`: x = after[i] * acc[i]. Sums over all rows thus are sums of block sums. */
INLINE void put_rows(__global float *x, vec acc[MR][NV], int c, int count, int width, int fresh,
                     const float before[MR], const float after[MR])
{
    if (count == MR && width == SW) {
#pragma unroll
        for (int i = 0; i < MR; i++)
#pragma unroll
            for (int v = 0; v < NV; v++) {
                __global float *at = x + (size_t)i * c;
                vec sum = acc[i][v];
                if (!fresh)
                    sum += load_vec(v, at) * before[i];
                store_vec(sum * after[i], v, at);
            }
        return;
    }
    float row[MR * SW];
#pragma unroll
    for (int i = 0; i < MR; i++)
#pragma unroll
        for (int v = 0; v < NV; v++)
            store_vec(acc[i][v], i * NV + v, row);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < width; k++) {
            __global float *at = x + (size_t)i * c + k;
            *at = after[i] * (fresh ? row[i * SW + k] : before[i] * *at + row[i * SW + k]);
        }
}

/* Turns a matrix of VW x VW: rotating the bits of (row, lane) by one is an interleaving of rows i and
 * i + VW / 2; after log2(VW) of them rows and lanes have changed places. */
INLINE void turn(vec m[VW])
{
#pragma unroll
    for (int width = 1; width < VW; width *= 2) {
        vec out[VW];
#pragma unroll
        for (int i = 0; i < VW / 2; i++) {
            out[2 * i].even = m[i].lo;
            out[2 * i].odd = m[i + VW / 2].lo;
            out[2 * i + 1].even = m[i].hi;
            out[2 * i + 1].odd = m[i + VW / 2].hi;
        }
#pragma unroll
        for (int i = 0; i < VW; i++)
            m[i] = out[i];
    }
}

/* A work-item: SW tokens x SW channels of image get_global_id(2), from `image` on, to the turned form. */
SINGLE __kernel void attention_wide_turn(const __global float *restrict x, int tokens, int c, int image,
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
#pragma unroll
                for (int i = 0; i < VW; i++)
                    m[i] = load_vec(0, x + (size_t)(t + i) * c + k);
                turn(m);
#pragma unroll
                for (int i = 0; i < VW; i++)
                    store_vec(m[i], 0, out + (size_t)(k + i) * SW + t);
                continue;
            }
            for (int i = k; i < min(k + VW, c); i++)
                for (int j = t; j < t + VW; j++)
                    out[(size_t)i * SW + j] = first + j < tokens ? x[(size_t)j * c + i] : 0.0f;
        }
}

/* A work-item: SW tokens x SW channels of image get_global_id(2), counted from `image`, to the strips. */
SINGLE __kernel void attention_wide_strip(const __global float *restrict x, int tokens, int c, int image,
                                          __global float *restrict out, long out_at)
{
    int first = get_global_id(0) * SW, strip = get_global_id(1), strips = (c + SW - 1) / SW;
    int width = min(SW, c - strip * SW);
    x += (size_t)(image + get_global_id(2)) * tokens * c + strip * SW;
    out += out_at + ((size_t)get_global_id(2) * strips + strip) * tokens * SW;
    for (int t = first; t < min(first + SW, tokens); t++) {
        if (width == SW) {
#pragma unroll
            for (int v = 0; v < NV; v++)
                store_vec(load_vec(v, x + (size_t)t * c), v, out + (size_t)t * SW);
            continue;
        }
        for (int k = 0; k < SW; k++)
            out[(size_t)t * SW + k] = k < width ? x[(size_t)t * c + k] : 0.0f;
    }
}

/* p + rest = scale * q . k, both [ROWS][KB], for `blocks` blocks of SW keys; rows from `count` on repeat the
 * last one. */
INLINE void score(float *p, float *rest, const __global float *q, const __global float *kt, int c, int count,
                  int blocks, float scale)
{
    for (int b = 0; b < blocks; b++)
        for (int s = 0; s * MR < count; s++) {
            const __global float *row[MR];
            vec hi[MR][NV], lo[MR][NV];
#pragma unroll
            for (int i = 0; i < MR; i++)
                row[i] = q + (size_t)min(s * MR + i, count - 1) * c;
            product_exact(hi, lo, row, kt + (size_t)b * c * SW, c, scale);
#pragma unroll
            for (int i = 0; i < MR; i++)
#pragma unroll
                for (int v = 0; v < NV; v++) {
                    store_vec(hi[i][v], b * NV + v, p + (s * MR + i) * KB);
                    store_vec(lo[i][v], b * NV + v, rest + (s * MR + i) * KB);
                }
        }
}

/* A work-item: `per` queries, at most ROWS, of one image. norm (2 for a query) may be NULL. */
SINGLE __kernel void attention_wide_forward(const __global float *restrict q,
                                            const __global float *restrict kt,
                                            const __global float *restrict vs, long vs_at,
                                            __global float *restrict y, __global float *restrict norm,
                                            int tokens, int c, int image, int per, float scale)
{
    int first = get_global_id(0) * per, count = min(per, tokens - first);
    int blocks = (tokens + SW - 1) / SW, strips = (c + SW - 1) / SW;
    size_t at = (size_t)(image + get_global_id(1)) * tokens + first;
    float p[ROWS * KB], rest[ROWS * KB], top[ROWS];
    float before[ROWS], after[ROWS]; /* factors of y before and after a block */
    vec sum[ROWS];

    q += at * c;
    y += at * c;
    kt += (size_t)get_global_id(1) * blocks * c * SW;
    vs += vs_at + (size_t)get_global_id(1) * strips * tokens * SW;
    for (int i = 0; i < ROWS; i++) {
        top[i] = SENTINEL;
        sum[i] = (vec)(0.0f);
    }
    for (int key = 0; key < tokens; key += KB) {
        int keys = min(KB, tokens - key), part = (keys + SW - 1) / SW;
        int last = key + KB >= tokens;
        score(p, rest, q, kt + (size_t)key * c, c, count, part, scale);
        for (int i = 0; i < count; i++) {
            float *row = p + i * KB;
            for (int k = keys; k < part * SW; k++)
                row[k] = SENTINEL;
            vec most = load_vec(0, row), total = (vec)(0.0f);
            for (int k = 1; k < part * NV; k++)
                most = larger(most, load_vec(k, row));
            float old = top[i], now = largest_lane(most);
            now = now > old ? now : old;
            for (int k = 0; k < part * NV; k++) {
                vec e = exponential(load_vec(k, row) - now + load_vec(k, rest + i * KB));
                store_vec(e, k, row);
                total += e;
            }
            top[i] = now;
            before[i] = old - now < CUTOFF ? 0.0f : exp(old - now);
            sum[i] = sum[i] * before[i] + total;
            after[i] = last ? 1.0f / sum_lanes(sum[i]) : 1.0f;
        }
        for (int strip = 0; strip < strips; strip++)
            for (int s = 0; s * MR < count; s++) {
                int rows = min(MR, count - s * MR), width = min(SW, c - strip * SW);
                __global float *out = y + (size_t)s * MR * c + strip * SW;
                const float *row[MR];
                vec acc[MR][NV];
#pragma unroll
                for (int i = 0; i < MR; i++)
                    row[i] = p + (s * MR + i) * KB;
                clear(acc);
                product_private(acc, row, 1, vs + ((size_t)strip * tokens + key) * SW, keys);
                put_rows(out, acc, c, rows, width, key == 0, before + s * MR, after + s * MR);
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
        lanes += load_vec(0, a + k) * load_vec(0, b + k);
    for (; k < c; k++)
        rest += a[k] * b[k];
    return sum_lanes(lanes) + rest;
}

/* A work-item: `per` queries, at most ROWS, of the `rows` queries from `row0` on of one image. Writes p and
 * ds of the block, with `room` rows for an image, and dq unless it is NULL. */
SINGLE __kernel void attention_wide_scores(const __global float *restrict q, const __global float *restrict y,
                                           const __global float *restrict dy,
                                           const __global float *restrict norm, __global float *restrict dq,
                                           int add, __global float *restrict work, long vt_at, long ks_at,
                                           long p_at, long ds_at, int tokens, int c, int image, int row0,
                                           int rows, int room, int per, float scale)
{
    int first = get_global_id(0) * per, count = min(per, rows - first), slot = get_global_id(1);
    int blocks = (tokens + SW - 1) / SW, strips = (c + SW - 1) / SW;
    size_t at = (size_t)(image + slot) * tokens + row0 + first;
    const __global float *kt = work + (size_t)slot * blocks * c * SW;
    const __global float *vt = work + vt_at + (size_t)slot * blocks * c * SW;
    const __global float *ks = work + ks_at + (size_t)slot * strips * tokens * SW;
    size_t weight = ((size_t)slot * ((tokens + KB - 1) / KB) * room + first) * KB;
    __global float *p = work + p_at + weight, *ds = work + ds_at + weight;
    float inner[ROWS], top[ROWS], share[ROWS], one[MR];

    q += at * c;
    dy += at * c;
    for (int i = 0; i < ROWS; i++) {
        int row = min(i, count - 1);
        inner[i] = inner_product(dy + (size_t)row * c, y + (at + row) * c, c);
        top[i] = norm[2 * (at + row)];
        share[i] = 1.0f / norm[2 * (at + row) + 1];
    }
    for (int i = 0; i < MR; i++)
        one[i] = 1.0f;
    for (int key = 0; key < tokens; key += KB, p += (size_t)room * KB, ds += (size_t)room * KB) {
        int keys = min(KB, tokens - key), part = (keys + SW - 1) / SW;
        for (int b = 0; b < part; b++) {
            for (int s = 0; s * MR < count; s++) {
                const __global float *row[MR], *of_dy[MR];
                vec hi[MR][NV], lo[MR][NV];
#pragma unroll
                for (int i = 0; i < MR; i++) {
                    const size_t from = (size_t)min(s * MR + i, count - 1) * c;
                    row[i] = q + from;
                    of_dy[i] = dy + from;
                }
                product_exact(hi, lo, row, kt + (size_t)(key + b * SW) * c, c, scale);
#pragma unroll
                for (int i = 0; i < MR; i++)
#pragma unroll
                    for (int v = 0; v < NV; v++)
                        hi[i][v] = exponential(hi[i][v] - top[s * MR + i] + lo[i][v]) * share[s * MR + i];
                clear(lo);
                product(lo, of_dy, 1, vt + (size_t)(key + b * SW) * c, c);
#pragma unroll
                for (int i = 0; i < MR; i++) {
                    const int to = (s * MR + i) * KB + b * SW;
#pragma unroll
                    for (int v = 0; v < NV; v++) {
                        store_vec(hi[i][v], v, p + to);
                        store_vec(hi[i][v] * (lo[i][v] - inner[s * MR + i]) * scale, v, ds + to);
                    }
                }
            }
        }
        if (!dq)
            continue;
        for (int strip = 0; strip < strips; strip++)
            for (int s = 0; s * MR < count; s++) {
                int height = min(MR, count - s * MR), width = min(SW, c - strip * SW);
                __global float *out = dq + (at + s * MR) * c + strip * SW;
                const __global float *row[MR];
                vec acc[MR][NV];
#pragma unroll
                for (int i = 0; i < MR; i++)
                    row[i] = ds + (s * MR + i) * KB;
                clear(acc);
                product(acc, row, 1, ks + ((size_t)strip * tokens + key) * SW, keys);
                put_rows(out, acc, c, height, width, key == 0 && !add, one, one);
            }
    }
}

/* out[keys of the work-item] (+)= sum over the block's rows of weight[row][key] * strips[row]. */
INLINE void gather(__global float *out, int add, const __global float *weight, const __global float *strip_of,
                   int tokens, int c, int count, int rows)
{
    int strips = (c + SW - 1) / SW;
    float one[MR];
    for (int i = 0; i < MR; i++)
        one[i] = 1.0f;
    for (int from = 0; from < rows; from += QC)
        for (int strip = 0; strip < strips; strip++)
            for (int s = 0; s * MR < count; s++) {
                int height = min(MR, count - s * MR), width = min(SW, c - strip * SW);
                __global float *to = out + (size_t)s * MR * c + strip * SW;
                const __global float *row[MR];
                vec acc[MR][NV];
#pragma unroll
                for (int i = 0; i < MR; i++)
                    row[i] = weight + (size_t)from * KB + s * MR + i;
                clear(acc);
                product(acc, row, KB, strip_of + ((size_t)strip * tokens + from) * SW, min(QC, rows - from));
                put_rows(to, acc, c, height, width, from == 0 && !add, one, one);
            }
}

/* A work-item: `per` keys, a divisor of KB, of one image; adds the block of query rows to dk and dv (each may
 * be NULL). */
SINGLE __kernel void attention_wide_keys(const __global float *restrict work, long qs_at, long dys_at,
                                         long p_at, long ds_at, __global float *dk, int dk_add,
                                         __global float *dv, int dv_add, int tokens, int c, int image,
                                         int row0, int rows, int room, int per)
{
    int first = get_global_id(0) * per, count = min(per, tokens - first), slot = get_global_id(1);
    int strips = (c + SW - 1) / SW, blocks = (tokens + KB - 1) / KB;
    size_t out = ((size_t)(image + slot) * tokens + first) * c;
    size_t weight = ((size_t)slot * blocks + first / KB) * room * KB + first % KB;
    size_t strip_of = ((size_t)slot * strips * tokens + row0) * SW;

    if (dv)
        gather(dv + out, dv_add, work + p_at + weight, work + dys_at + strip_of, tokens, c, count, rows);
    if (dk)
        gather(dk + out, dk_add, work + ds_at + weight, work + qs_at + strip_of, tokens, c, count, rows);
}
