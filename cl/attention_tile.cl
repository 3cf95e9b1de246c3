/* Attention for GPUs: products of matrices in tiles (cl/tile.cl), for blocks of query rows whose scores fit
 * a bounded workspace.
 *
 *   forward, for each block of rows i:    e_ij = exp(s_ij - max_j s_ij), s_ij = scale * q_i . k_j
 *                                         y_i = sum_j e_ij v_j / sum_j e_ij
 *   backward, for each block:             p_ij = exp(s_ij - top_i) / sum_i
 *                                         ds_ij = scale * p_ij (dy_i . v_j - dy_i . y_i)
 *                                         dq = ds k, dk += transposed ds q, dv += transposed p dy */

/* How the operands stand in memory: 1: the terms of a row of a (of a column of b) lie together; 0: its rows
 * (columns) do. */
#ifndef A_TERMS
#define A_TERMS 1
#endif
#ifndef B_TERMS
#define B_TERMS 0
#endif

/* What becomes of a sum; as in ops/attention_tile.c. */
#define STORE  0 /* out = scale * sum */
#define ADD    1 /* out += scale * sum */
#define DIVIDE 2 /* out = sum / per_row */
#define WEIGHT 3 /* out = exp(scale * sum - per_row[0]) / per_row[1] */
#define SLOPE  4 /* out = scale * weight * (sum - per_row); weight lies as out does */

/* out[rows][cols] of image get_global_id(2) from sum_k a[row][k] b[k][col], k < depth. Of a, an element
 * stands at at + image * stride_image + row * pitch + k with A_TERMS, else + k * pitch + row; of b likewise
 * with columns for rows. */
__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void
attention_tile_product(const __global float *a, long a_at, long a_image, int a_pitch, const __global float *b,
                       long b_at, long b_image, int b_pitch, __global float *out, long out_at, long out_image,
                       int out_pitch, int rows, int cols, int depth, float scale, int step,
                       const __global float *per_row, long per_row_at, int per_row_image,
                       const __global float *weight, long weight_at)
{
    TILE_PLACE
    const int row0 = (int)get_global_id(1) * BM, col0 = (int)get_group_id(0) * BN, image = get_global_id(2);
    const int slices = (depth + BK - 1) / BK;
    int k0 = 0;
    a += a_at + (size_t)image * a_image;
    b += b_at + (size_t)image * b_image;

#define LOAD                                                                                                 \
    UNROLL for (int i = 0; i < A_QUADS; i++) a_next[i] =                                                     \
        A_TERMS ? load_quad(a + (size_t)(row0 + TERMS_ROW(i)) * a_pitch, k0 + TERMS_TERM, depth,             \
                            row0 + TERMS_ROW(i) >= rows)                                                     \
                : load_quad(a + (size_t)(k0 + ROWS_TERM(i, BM)) * a_pitch, row0 + ROWS_ROW(BM), rows,        \
                            k0 + ROWS_TERM(i, BM) >= depth);                                                 \
    UNROLL for (int i = 0; i < B_QUADS; i++) b_next[i] =                                                     \
        B_TERMS ? load_quad(b + (size_t)(col0 + TERMS_ROW(i)) * b_pitch, k0 + TERMS_TERM, depth,             \
                            col0 + TERMS_ROW(i) >= cols)                                                     \
                : load_quad(b + (size_t)(k0 + ROWS_TERM(i, BN)) * b_pitch, col0 + ROWS_ROW(BN), cols,        \
                            k0 + ROWS_TERM(i, BN) >= depth);                                                 \
    k0 += BK;

#define PUT(a_to, b_to)                                                                                      \
    UNROLL for (int i = 0; i < A_QUADS; i++) if (A_TERMS)                                                    \
        put_terms(a_to, A_LINE, TERMS_ROW(i), TERMS_TERM, a_next[i]);                                        \
    else put_rows(a_to, A_LINE, ROWS_ROW(BM), ROWS_TERM(i, BM), a_next[i]);                                  \
    UNROLL for (int i = 0; i < B_QUADS; i++) if (B_TERMS)                                                    \
        put_terms(b_to, B_LINE, TERMS_ROW(i), TERMS_TERM, b_next[i]);                                        \
    else put_rows(b_to, B_LINE, ROWS_ROW(BN), ROWS_TERM(i, BN), b_next[i]);

    SUM_SLICES(slices, LOAD, PUT)

    /* Each step is taken for all rows at once, for their loads to wait together. */
    float of_row[TM], share[TM]; /* per_row's value; 1 / the sum of exp in it */
    size_t at[TM];
    bool outside[TM];
    per_row += per_row_at + (size_t)image * per_row_image;
    UNROLL for (int i = 0; i < TM; i++)
    {
        const int row = row0 + TILE_ROW(i);
        outside[i] = row >= rows;
        at[i] = out_at + (size_t)image * out_image + (size_t)row * out_pitch;
        of_row[i] = step < DIVIDE || outside[i] ? 1.0f : per_row[step == WEIGHT ? 2 * row : row];
        share[i] = step != WEIGHT || outside[i] ? of_row[i] : per_row[2 * row + 1];
    }
    UNROLL for (int i = 0; i < TM; i++) share[i] = 1.0f / share[i];
    UNROLL for (int j = 0; j < QN; j++)
    {
        const int col = col0 + TILE_COL(j);
        if (step == STORE) {
            UNROLL for (int i = 0; i < TM; i++) acc[j][i] *= scale;
        } else if (step == ADD) {
            UNROLL for (int i = 0; i < TM; i++) acc[j][i] =
                load_quad(out + at[i], col, cols, outside[i]) + scale * acc[j][i];
        } else if (step == DIVIDE) {
            UNROLL for (int i = 0; i < TM; i++) acc[j][i] *= share[i];
        } else if (step == WEIGHT) {
            UNROLL for (int i = 0; i < TM; i++) acc[j][i] = exp(scale * acc[j][i] - of_row[i]) * share[i];
        } else { /* SLOPE */
            UNROLL for (int i = 0; i < TM; i++) acc[j][i] =
                scale * load_quad(weight + weight_at - out_at + at[i], col, cols, outside[i]) *
                (acc[j][i] - of_row[i]);
        }
        UNROLL for (int i = 0; i < TM; i++) if (!outside[i]) store_quad(out + at[i], col, cols, acc[j][i]);
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
    value = *(volatile __local float *)scratch; /* as in sum_parts of cl/common.cl */
    barrier(CLK_LOCAL_MEM_FENCE);
    return value;
}

/* A work-group: row get_group_id(0) of image get_global_id(1). Scores become e; sums and, unless norm is
 * NULL, the largest score and the sum are written; an image has norm_image rows in norm. */
__kernel void attention_tile_softmax(__global float *work, long s_image, int pitch, int keys, long sum_at,
                                     int sum_image, __global float *norm, int norm_image, long norm_at,
                                     __local float *scratch)
{
    const int item = get_local_id(0), items = get_local_size(0), row = get_group_id(0);
    const size_t image = get_global_id(1);
    __global float *s = work + image * s_image + (size_t)row * pitch;
    float top = -1e30f, sum = 0.0f; /* finite, and below every score */
    for (int j = item; j < keys; j += items)
        top = top > s[j] ? top : s[j];
    top = over_group(top, scratch, true);
    for (int j = item; j < keys; j += items) {
        float e = exp(s[j] - top);
        s[j] = e;
        sum += e;
    }
    sum = over_group(sum, scratch, false);
    if (item == 0) {
        work[sum_at + image * sum_image + row] = sum;
        if (norm) {
            norm[norm_at + 2 * (image * norm_image + row)] = top;
            norm[norm_at + 2 * (image * norm_image + row) + 1] = sum;
        }
    }
}

/* A work-group: out = dy . y of row get_group_id(0) of image get_global_id(1), both counted from where `at`
 * points in [image][queries][c]. */
__kernel void attention_tile_inner(const __global float *dy, const __global float *y, long at, int queries,
                                   int c, __global float *out, long out_at, int out_image,
                                   __local float *scratch)
{
    const int item = get_local_id(0), items = get_local_size(0), row = get_group_id(0);
    const size_t image = get_global_id(1), first = at + (image * queries + row) * c;
    float sum = 0.0f;
    for (int k = item; k < c; k += items)
        sum += dy[first + k] * y[first + k];
    sum = over_group(sum, scratch, false);
    if (item == 0)
        out[out_at + image * out_image + row] = sum;
}
