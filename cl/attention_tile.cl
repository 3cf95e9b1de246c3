/* Attention for GPUs: products of matrices in tiles staged through local memory, for blocks of query rows
 * whose scores fit a bounded workspace.
 *
 *   forward, for each block of rows i:    e_ij = exp(s_ij - max_j s_ij), s_ij = scale * q_i . k_j
 *                                         y_i = sum_j e_ij v_j / sum_j e_ij
 *   backward, for each block:             p_ij = exp(s_ij - top_i) / sum_i
 *                                         ds_ij = scale * p_ij (dy_i . v_j - dy_i . y_i)
 *                                         dq = ds k, dk += transposed ds q, dv += transposed p dy */

#ifndef SIDE
#define SIDE 16 /* a work-group is SIDE x SIDE work-items */
#endif
#ifndef REG
#define REG 4 /* a work-item computes REG x REG results, a multiple of 4 */
#endif
#ifndef DEPTH
#define DEPTH 16 /* terms of the sums staged at a time */
#endif
#define TILE  (SIDE * REG)
#define ITEMS (SIDE * SIDE)
#define QUADS (REG / 4)

/* What becomes of a sum; as in ops/attention_tile.c. */
#define STORE  0 /* out = scale * sum */
#define ADD    1 /* out += scale * sum */
#define DIVIDE 2 /* out = sum / per_row */
#define WEIGHT 3 /* out = exp(scale * sum - per_row[0]) / per_row[1] */
#define SLOPE  4 /* out = scale * weight * (sum - per_row); weight lies as out does */

/* What is stored for one sum; of_row is per_row[0] of its row, share per_row[1], old what stands there. */
static float finish(int step, float sum, float scale, float of_row, float share, float weight, float old)
{
    switch (step) {
    case DIVIDE:
        return sum / of_row;
    case WEIGHT:
        return exp(scale * sum - of_row) * share;
    case SLOPE:
        return scale * weight * (sum - of_row);
    default: /* STORE, ADD */
        return old + scale * sum;
    }
}

/* out[rows][cols] of image get_global_id(1) from sum_k a[row][k] b[k][col], k < depth. An element (i, j) of a
 * matrix stands at at + image * stride_image + i * stride_i + j * stride_j; one of a's and of b's last two
 * is 1. A work-group: TILE x TILE of out; a work-item: rows 4 y + {0..3} of each of QUADS bands of 4 SIDE,
 * columns likewise, so that neighbours read neighbouring words of local memory. */
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void
attention_tile_product(const __global float *a, long a_at, long a_image, int a_row, int a_k,
                       const __global float *b, long b_at, long b_image, int b_k, int b_col,
                       __global float *out, long out_at, long out_image, int out_row, int rows, int cols,
                       int depth, float scale, int step, const __global float *per_row, long per_row_at,
                       int per_row_image, const __global float *weight, long weight_at)
{
    __local float4 a_tile[DEPTH * (TILE / 4 + 1)], b_tile[DEPTH * (TILE / 4 + 1)];
    __local float *a_one = (__local float *)a_tile, *b_one = (__local float *)b_tile;
    const int item = get_local_id(0), x = item % SIDE, y = item / SIDE;
    const int tiles = (cols + TILE - 1) / TILE, image = get_global_id(1);
    const int row0 = get_group_id(0) / tiles * TILE, col0 = get_group_id(0) % tiles * TILE;
    float4 acc[REG][QUADS];

    a += a_at + (size_t)image * a_image;
    b += b_at + (size_t)image * b_image;
    for (int i = 0; i < REG; i++)
        for (int j = 0; j < QUADS; j++)
            acc[i][j] = (float4)(0.0f);

    for (int k0 = 0; k0 < depth; k0 += DEPTH) {
        for (int e = item; e < TILE * DEPTH; e += ITEMS) {
            int k = a_k == 1 ? e % DEPTH : e / TILE, i = a_k == 1 ? e / DEPTH : e % TILE;
            bool inside = row0 + i < rows && k0 + k < depth;
            a_one[k * (TILE + 4) + i] =
                inside ? a[(size_t)(row0 + i) * a_row + (size_t)(k0 + k) * a_k] : 0.0f;
            k = b_col == 1 ? e / TILE : e % DEPTH;
            i = b_col == 1 ? e % TILE : e / DEPTH;
            inside = col0 + i < cols && k0 + k < depth;
            b_one[k * (TILE + 4) + i] =
                inside ? b[(size_t)(k0 + k) * b_k + (size_t)(col0 + i) * b_col] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int k = 0; k < DEPTH; k++) {
            float4 av[QUADS], bv[QUADS];
            for (int j = 0; j < QUADS; j++) {
                av[j] = a_tile[k * (TILE / 4 + 1) + j * SIDE + y];
                bv[j] = b_tile[k * (TILE / 4 + 1) + j * SIDE + x];
            }
            for (int i = 0; i < QUADS; i++)
                for (int j = 0; j < QUADS; j++) {
                    acc[4 * i][j] += av[i].x * bv[j];
                    acc[4 * i + 1][j] += av[i].y * bv[j];
                    acc[4 * i + 2][j] += av[i].z * bv[j];
                    acc[4 * i + 3][j] += av[i].w * bv[j];
                }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    for (int i = 0; i < REG; i++) {
        int row = row0 + i / 4 * 4 * SIDE + 4 * y + i % 4;
        if (row >= rows)
            continue;
        float of_row = 0.0f, share = 0.0f;
        if (step == WEIGHT) {
            const size_t at = per_row_at + (size_t)image * per_row_image + 2 * row;
            of_row = per_row[at];
            share = 1.0f / per_row[at + 1];
        } else if (step >= DIVIDE) {
            of_row = per_row[per_row_at + (size_t)image * per_row_image + row];
        }
        for (int j = 0; j < QUADS; j++) {
            float sums[4];
            vstore4(acc[i][j], 0, sums);
            for (int l = 0; l < 4; l++) {
                int col = col0 + j * 4 * SIDE + 4 * x + l;
                size_t at = (size_t)image * out_image + (size_t)row * out_row + col;
                if (col >= cols)
                    continue;
                const float w = step == SLOPE ? weight[weight_at + at] : 1.0f;
                const float old = step == ADD ? out[out_at + at] : 0.0f;
                out[out_at + at] = finish(step, sums[l], scale, of_row, share, w, old);
            }
        }
    }
}

/* The sum, or the largest, of one value of each work-item; the group's size is a power of two. */
static float over_group(float value, __local float *scratch, bool largest)
{
    const int item = get_local_id(0);
    scratch[item] = value;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int half_size = get_local_size(0) / 2; half_size > 0; half_size /= 2) {
        if (item < half_size) {
            float a = scratch[item], b = scratch[item + half_size];
            scratch[item] = largest ? (a > b ? a : b) : a + b;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    value = scratch[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return value;
}

/* A work-group: row get_group_id(0) of image get_group_id(1). Scores become e; sums and, unless norm is NULL,
 * the largest score and the sum are written. */
__kernel void attention_tile_softmax(__global float *work, long s_image, int pitch, int tokens, long sum_at,
                                     int sum_image, __global float *norm, long norm_at,
                                     __local float *scratch)
{
    const int item = get_local_id(0), items = get_local_size(0), row = get_group_id(0);
    const size_t image = get_group_id(1);
    __global float *s = work + image * s_image + (size_t)row * pitch;
    float top = -1e30f, sum = 0.0f; /* finite, and below every score */
    for (int j = item; j < tokens; j += items)
        top = top > s[j] ? top : s[j];
    top = over_group(top, scratch, true);
    for (int j = item; j < tokens; j += items) {
        float e = exp(s[j] - top);
        s[j] = e;
        sum += e;
    }
    sum = over_group(sum, scratch, false);
    if (item == 0) {
        work[sum_at + image * sum_image + row] = sum;
        if (norm) {
            norm[norm_at + 2 * (image * tokens + row)] = top;
            norm[norm_at + 2 * (image * tokens + row) + 1] = sum;
        }
    }
}

/* A work-group: out = dy . y of row get_group_id(0) of image get_group_id(1), both counted from where `at`
 * points in [image][tokens][c]. */
__kernel void attention_tile_inner(const __global float *dy, const __global float *y, long at, int tokens,
                                   int c, __global float *out, long out_at, int out_image,
                                   __local float *scratch)
{
    const int item = get_local_id(0), items = get_local_size(0), row = get_group_id(0);
    const size_t image = get_group_id(1), first = at + (image * tokens + row) * c;
    float sum = 0.0f;
    for (int k = item; k < c; k += items)
        sum += dy[first + k] * y[first + k];
    sum = over_group(sum, scratch, false);
    if (item == 0)
        out[out_at + image * out_image + row] = sum;
}
