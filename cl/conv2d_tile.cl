/* Convolution for GPUs: implicit products of matrices in tiles (cl/tile.cl). The geometry of the gather is
 * that of conv2d_wide.cl. */

#ifndef TURNED
#define TURNED 0 /* weight (tap, k, j) stands at tap * w_tap + k * w_pitch + j; 1: + j * w_pitch + k */
#endif

/* Channels c to c + 4, where they are below `cout`, of the `count` pixels at y + at[i], where they are not
 * outside: v[i] and the epilogue. Each of its steps is taken for all pixels at once, for their loads to wait
 * together. A macro, so that every compiler keeps v in registers. */
#define FINISH(y, count, at, outside, c, v, flags)                                                           \
    if ((flags) & HAS_BIAS) {                                                                                \
        const float4 of_bias = load_quad(bias, c, cout, false);                                              \
        UNROLL for (int i = 0; i < count; i++) (v)[i] += of_bias;                                            \
    }                                                                                                        \
    if ((flags) & HAS_NORM) {                                                                                \
        const float4 scale = load_quad(norm, c, cout, false),                                                \
                     shift = load_quad(norm + cout, c, cout, false);                                         \
        UNROLL for (int i = 0; i < count; i++) (v)[i] = FMA((v)[i], scale, shift);                           \
    }                                                                                                        \
    if ((flags) & HAS_RESIDUAL) {                                                                            \
        UNROLL for (int i = 0; i < count; i++) (v)[i] += load_quad(residual + at[i], c, cout, outside[i]);   \
    }                                                                                                        \
    if ((flags) & HAS_RELU) {                                                                                \
        UNROLL for (int i = 0; i < count; i++) (v)[i] = (v)[i] < 0 ? (float4)0 : (v)[i];                     \
    }                                                                                                        \
    FINISH_PLAIN(y, count, at, outside, c, v, flags)

/* The same without what the weights' gradient has not. */
#define FINISH_PLAIN(y, count, at, outside, c, v, flags)                                                     \
    if ((flags) & HAS_ADD) {                                                                                 \
        UNROLL for (int i = 0; i < count; i++) (v)[i] += load_quad((y) + at[i], c, cout, outside[i]);        \
    }                                                                                                        \
    UNROLL for (int i = 0; i < count; i++) if (!outside[i]) store_quad((y) + at[i], c, cout, (v)[i]);

/* Where pixel q of a pass stands in y. */
static size_t place_of(int q, int cout, int oh, int ow, int out_h, int out_w, int out_step, int out_y,
                       int out_x)
{
    if (out_step == 1 && oh == out_h && ow == out_w)
        return (size_t)q * cout;
    const int row = q / ow, ox = q - row * ow, im = row / oh, oy = row - im * oh;
    return (((size_t)im * out_h + oy * out_step + out_y) * out_w + ox * out_step + out_x) * cout;
}

/* Group id 2 is batch * splits + split: a batch of matrix products has images and taps of its own; a split
 * sums `length` of the slices. With more than one split y takes their sums, [split][pixels][cout], and
 * conv2d_join makes the rest. */
kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void
conv2d_gather(global const float *restrict x, global const float *restrict weights, global float *restrict y,
              global const float *restrict bias, global const float *restrict norm,
              global const float *restrict residual, int flags, long w_at, int w_tap, int w_pitch, int splits,
              int length, int pixels, int h, int w, int pitch, int run, int cout, int oh, int ow, int step,
              int y0, int x0, int dy, int dx, int taps_y, int taps_x, int wy0, int wx0, int wdy, int wdx,
              int kw, int out_h, int out_w, int out_step, int out_y, int out_x)
{
    TILE_PLACE
    const int m0 = (int)get_global_id(1) * BM, n0 = (int)get_group_id(0) * BN;
    const int batch = (int)get_global_id(2) / splits, split = (int)get_global_id(2) - batch * splits;
    const int of_tap = (run + BK - 1) / BK, first = split * length,
              slices = min(length, taps_y * taps_x * of_tap - first);
    int tap = first / of_tap, k0 = (first - tap * of_tap) * BK;
    weights += w_at + (size_t)batch * w_tap;
    x += (size_t)batch * h * w * pitch;

    /* of each row of a that this work-item brings: its pixel at tap 0, and where it is at the present one */
    int image[A_QUADS], top[A_QUADS], left[A_QUADS];
    global const float *from[A_QUADS];
    bool outside[A_QUADS];
    UNROLL for (int i = 0; i < A_QUADS; i++)
    {
        const int q = m0 + TERMS_ROW(i), row = q / ow;
        image[i] = row / oh;
        top[i] = q < pixels ? (row - image[i] * oh) * step + y0 : -h - taps_y * abs(dy);
        left[i] = (q - row * ow) * step + x0;
    }
    bool fresh = true;
    global const float *of_weights = weights;
    const size_t apart = (size_t)(TURNED ? THREADS / (BK / 4) : THREADS / (BN / 4)) * w_pitch;

#define LOAD                                                                                                 \
    if (fresh || k0 >= run) {                                                                                \
        tap += fresh ? 0 : 1;                                                                                \
        k0 = fresh ? k0 : 0;                                                                                 \
        fresh = false;                                                                                       \
        const int ty = tap / taps_x, tx = tap - ty * taps_x;                                                 \
        of_weights = weights + (size_t)((wy0 + ty * wdy) * kw + wx0 + tx * wdx) * w_tap +                    \
                     (size_t)(TURNED ? n0 + TERMS_ROW(0) : k0 + ROWS_TERM(0, BN)) * w_pitch;                 \
        UNROLL for (int i = 0; i < A_QUADS; i++)                                                             \
        {                                                                                                    \
            const int yy = top[i] + ty * dy, xx = left[i] + tx * dx;                                         \
            outside[i] = yy < 0 || yy >= h || xx < 0 || xx >= w;                                             \
            from[i] = x + (((size_t)image[i] * h + yy) * w + xx) * pitch;                                    \
        }                                                                                                    \
    }                                                                                                        \
    UNROLL for (int i = 0; i < A_QUADS; i++) a_next[i] =                                                     \
        load_quad(from[i], k0 + TERMS_TERM, run, outside[i]);                                                \
    UNROLL for (int i = 0; i < B_QUADS; i++) b_next[i] =                                                     \
        TURNED ? load_quad(of_weights + i * apart, k0 + TERMS_TERM, run, n0 + TERMS_ROW(i) >= cout)          \
               : load_quad(of_weights + i * apart, n0 + ROWS_ROW(BN), cout, k0 + ROWS_TERM(i, BN) >= run);   \
    of_weights += TURNED ? 0 : (size_t)BK * w_pitch;                                                         \
    k0 += BK;

#define PUT(a, b)                                                                                            \
    UNROLL for (int i = 0; i < A_QUADS; i++) put_terms(a, A_LINE, TERMS_ROW(i), TERMS_TERM, a_next[i]);      \
    UNROLL for (int i = 0; i < B_QUADS; i++) if (TURNED)                                                     \
        put_terms(b, B_LINE, TERMS_ROW(i), TERMS_TERM, b_next[i]);                                           \
    else put_rows(b, B_LINE, ROWS_ROW(BN), ROWS_TERM(i, BN), b_next[i]);

    SUM_SLICES(slices, LOAD, PUT)
#undef LOAD
#undef PUT

    size_t at[TM];
    bool beyond[TM];
    y += splits > 1 ? (size_t)split * pixels * cout : (size_t)batch * out_h * out_w * cout;
    UNROLL for (int i = 0; i < TM; i++)
    {
        const int q = m0 + TILE_ROW(i);
        beyond[i] = q >= pixels;
        at[i] = splits > 1 ? (size_t)q * cout
                           : place_of(q, cout, oh, ow, out_h, out_w, out_step, out_y, out_x);
    }
    UNROLL for (int j = 0; j < QN; j++)
    {
        const int c = n0 + TILE_COL(j);
        FINISH(y, TM, at, beyond, c, acc[j], splits > 1 ? 0 : flags)
    }
}

/* y = the epilogue of the sum of the splits, in order. Dimension 0: quads of channels, 1: pixels. */
kernel void conv2d_join(global const float *restrict partial, global float *restrict y,
                        global const float *restrict bias, global const float *restrict norm,
                        global const float *restrict residual, int flags, int splits, int pixels, int cout,
                        int oh, int ow, int out_h, int out_w, int out_step, int out_y, int out_x)
{
    const int c = (int)get_global_id(0) * 4, q = (int)get_global_id(1);
    if (c >= cout || q >= pixels)
        return;
    float4 sum[1] = {0.0f};
    for (int split = 0; split < splits; split++)
        sum[0] += load_quad(partial + ((size_t)split * pixels + q) * cout, c, cout, false);
    const size_t at[1] = {place_of(q, cout, oh, ow, out_h, out_w, out_step, out_y, out_x)};
    const bool outside[1] = {false};
    FINISH(y, 1, at, outside, c, sum, flags)
}

/* Values of a quad that are found apart, and setting them. */
#if VEC
#define LANES 1
#define SET_LANES(quad, l, at) quad = *(global const float4 *)(at);
#else
#define LANES 4
#define SET_LANES(quad, l, at)                                                                               \
    {                                                                                                        \
        const float one = *(at);                                                                             \
        quad = l == 0   ? (float4)(one, quad.yzw)                                                            \
               : l == 1 ? (float4)(quad.x, one, quad.zw)                                                     \
               : l == 2 ? (float4)(quad.xy, one, quad.w)                                                     \
                        : (float4)(quad.xyz, one);                                                           \
    }
#endif

/* Weight gradient: rows k = tap * run + r, columns cout, summed over the pixels of split s into
 * partial[s][rows][cout]; conv2d_sum_chunks adds the splits in order. In a batch (groups > 0 of them along
 * the rows of one), images of x, images of g and blocks of rows of the sum go together, and `add` adds to
 * what is there. */
kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void
conv2d_weight_gradient(global const float *restrict x, global const float *restrict g,
                       global float *restrict partial, int rows, int pixels, int split, int h, int w,
                       int pitch, int run, int cout, int oh, int ow, int step, int pad_y, int pad_x, int kw,
                       int groups, int add)
{
    TILE_PLACE
    const int batch = (int)get_global_id(1) / groups;
    const int m0 = ((int)get_global_id(1) - batch * groups) * BM, n0 = (int)get_group_id(0) * BN;
    const int start = (int)get_global_id(2) * split, end = min(start + split, pixels),
              slices = (end - start + BK - 1) / BK;
    x += (size_t)batch * h * w * pitch;
    g += (size_t)batch * pixels * cout;
    partial += ((size_t)get_global_id(2) + batch) * rows * cout; /* one of them is 0 */

    /* of this work-item's quads of a: the places in the window, of one value for each or for all four, */
    int ty[LANES], tx[LANES], channel[LANES];
    UNROLL for (int l = 0; l < LANES; l++)
    {
        const int r = m0 + ROWS_ROW(BM) + l, tap = r / run;
        ty[l] = tap / kw;
        tx[l] = r < rows ? tap - ty[l] * kw : w + pad_x; /* outside */
        channel[l] = r - tap * run;
    }
    /* and the windows, of pixels that walk through the images */
    int pixel = start + ROWS_TERM(0, BM), image[A_QUADS], top[A_QUADS], left[A_QUADS];
    const int bottom = oh * step - pad_y, right = ow * step - pad_x;
    UNROLL for (int i = 0; i < A_QUADS; i++)
    {
        const int q = start + ROWS_TERM(i, BM), row = q / ow;
        image[i] = row / oh;
        top[i] = (row - image[i] * oh) * step - pad_y;
        left[i] = (q - row * ow) * step - pad_x;
    }
    int of_g = start + ROWS_TERM(0, BN);
    global const float *from_g = g + (size_t)of_g * cout;

#define LOAD                                                                                                 \
    UNROLL for (int i = 0; i < A_QUADS; i++)                                                                 \
    {                                                                                                        \
        const bool some = pixel + ROWS_TERM(i, BM) - ROWS_TERM(0, BM) < end;                                 \
        a_next[i] = 0.0f;                                                                                    \
        UNROLL for (int l = 0; l < LANES; l++)                                                               \
        {                                                                                                    \
            const int yy = top[i] + ty[l], xx = left[i] + tx[l];                                             \
            if (some && yy >= 0 && yy < h && xx >= 0 && xx < w)                                              \
                SET_LANES(a_next[i], l,                                                                      \
                          x + (((size_t)image[i] * h + yy) * w + xx) * pitch + channel[l])                   \
        }                                                                                                    \
        for (left[i] += BK * step; left[i] >= right; left[i] -= ow * step) {                                 \
            top[i] += step;                                                                                  \
            if (top[i] >= bottom) {                                                                          \
                top[i] -= oh * step;                                                                         \
                image[i]++;                                                                                  \
            }                                                                                                \
        }                                                                                                    \
    }                                                                                                        \
    UNROLL for (int i = 0; i < B_QUADS; i++) b_next[i] =                                                     \
        load_quad(from_g + (size_t)(ROWS_TERM(i, BN) - ROWS_TERM(0, BN)) * cout, n0 + ROWS_ROW(BN), cout,    \
                  of_g + ROWS_TERM(i, BN) - ROWS_TERM(0, BN) >= end);                                        \
    pixel += BK;                                                                                             \
    of_g += BK;                                                                                              \
    from_g += (size_t)BK * cout;

#define PUT(a, b)                                                                                            \
    UNROLL for (int i = 0; i < A_QUADS; i++)                                                                 \
        put_rows(a, A_LINE, ROWS_ROW(BM), ROWS_TERM(i, BM), a_next[i]);                                      \
    UNROLL for (int i = 0; i < B_QUADS; i++)                                                                 \
        put_rows(b, B_LINE, ROWS_ROW(BN), ROWS_TERM(i, BN), b_next[i]);

    SUM_SLICES(slices, LOAD, PUT)

    size_t at[TM];
    bool beyond[TM];
    UNROLL for (int i = 0; i < TM; i++)
    {
        at[i] = (size_t)(m0 + TILE_ROW(i)) * cout;
        beyond[i] = m0 + TILE_ROW(i) >= rows;
    }
    UNROLL for (int j = 0; j < QN; j++)
    {
        const int c = n0 + TILE_COL(j);
        FINISH_PLAIN(partial, TM, at, beyond, c, acc[j], add ? HAS_ADD : 0)
    }
}
