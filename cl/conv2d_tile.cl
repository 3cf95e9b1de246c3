/* Convolution for GPUs: implicit GEMM by work-groups of (BN/TN) x (BM/TM) items, a BM x BN tile of (pixels x
 * channels), staged through local memory in slices of BK. The geometry of the gather is that of
 * conv2d_wide.cl; weight (tap, k, j) stands at w_at + tap * w_tap + k * w_k + j * w_j. Group id 2 counts the
 * images and taps of a batch of matrix products. */
#ifndef BM
#define BM 64
#endif
#ifndef BN
#define BN 64
#endif
#ifndef BK
#define BK 16
#endif
#ifndef TM
#define TM 4
#endif
#ifndef TN
#define TN 4
#endif
#define GM (BM / TM)
#define GN (BN / TN)
#define THREADS (GM * GN)
#define UNROLL _Pragma("unroll")

/* Products added up in a row before they join the total; see conv2d_wide.cl. */
#define CHUNK 32

enum { HAS_NORM = 1, HAS_BIAS = 2, HAS_RESIDUAL = 4, HAS_RELU = 8, HAS_ADD = 16 };

/* One slice: acc[TM][TN] += a[BK][BM]^T b[BK][BN]. */
#define MULTIPLY_SLICE(acc, a, b, tm, tn)                                                                   \
    for (int kk = 0; kk < BK; kk++) {                                                                       \
        float av[TM], bv[TN];                                                                               \
        UNROLL for (int i = 0; i < TM; i++) av[i] = a[kk][tm + i * GM];                                     \
        UNROLL for (int j = 0; j < TN; j++) bv[j] = b[kk][tn + j * GN];                                     \
        UNROLL for (int i = 0; i < TM; i++) UNROLL for (int j = 0; j < TN; j++)                             \
            acc[i][j] = fma(av[i], bv[j], acc[i][j]);                                                       \
    }

#define ADD_TO_TOTAL                                                                                        \
    depth += BK;                                                                                            \
    if (depth >= CHUNK) {                                                                                   \
        depth = 0;                                                                                          \
        UNROLL for (int i = 0; i < TM; i++) UNROLL for (int j = 0; j < TN; j++)                             \
        {                                                                                                   \
            total[i][j] += acc[i][j];                                                                       \
            acc[i][j] = 0.0f;                                                                               \
        }                                                                                                   \
    }

kernel __attribute__((reqd_work_group_size(GN, GM, 1))) void
conv2d_gather(global const float *restrict x, global const float *restrict weights, global float *restrict y,
              global const float *restrict bias, global const float *restrict norm,
              global const float *restrict residual, int flags, long w_at, int w_tap, int w_k, int w_j,
              int pixels,
              int h, int w, int pitch, int run, int cout, int oh, int ow, int step, int y0, int x0, int dy,
              int dx, int taps_y, int taps_x, int wy0, int wx0, int wdy, int wdx, int kw, int out_h,
              int out_w, int out_step, int out_y, int out_x)
{
    local float a[BK][BM + 1], b[BK][BN + 1];
    const int tn = (int)get_local_id(0), tm = (int)get_local_id(1), me = tm * GN + tn;
    const int m0 = (int)get_group_id(1) * BM, n0 = (int)get_group_id(0) * BN;
    const int batch = (int)get_group_id(2);
    float acc[TM][TN], total[TM][TN];
    int depth = 0;
    UNROLL for (int i = 0; i < TM; i++) UNROLL for (int j = 0; j < TN; j++) acc[i][j] = total[i][j] = 0.0f;
    weights += w_at + (size_t)batch * w_tap;
    x += (size_t)batch * h * w * pitch;
    y += (size_t)batch * out_h * out_w * cout;
    for (int ty = 0; ty < taps_y; ty++)
        for (int tx = 0; tx < taps_x; tx++) {
            const size_t tap = (size_t)((wy0 + ty * wdy) * kw + wx0 + tx * wdx) * w_tap;
            for (int k0 = 0; k0 < run; k0 += BK) {
                for (int e = me; e < BM * BK; e += THREADS) {
                    const int k = e % BK, m = e / BK, q = m0 + m;
                    float v = 0.0f;
                    if (q < pixels && k0 + k < run) {
                        const int row = q / ow, im = row / oh;
                        const int yy = (row - im * oh) * step + y0 + ty * dy;
                        const int xx = (q - row * ow) * step + x0 + tx * dx;
                        if (yy >= 0 && yy < h && xx >= 0 && xx < w)
                            v = x[(((size_t)im * h + yy) * w + xx) * pitch + k0 + k];
                    }
                    a[k][m] = v;
                }
                for (int e = me; e < BN * BK; e += THREADS) {
                    const int j = w_j == 1 ? e % BN : e / BK, k = w_j == 1 ? e / BN : e % BK;
                    b[k][j] = n0 + j < cout && k0 + k < run
                                  ? weights[tap + (size_t)(k0 + k) * w_k + (size_t)(n0 + j) * w_j]
                                  : 0.0f;
                }
                barrier(CLK_LOCAL_MEM_FENCE);
                MULTIPLY_SLICE(acc, a, b, tm, tn)
                ADD_TO_TOTAL
                barrier(CLK_LOCAL_MEM_FENCE);
            }
        }
    UNROLL for (int i = 0; i < TM; i++)
    {
        const int q = m0 + tm + i * GM;
        if (q < pixels) {
            const int row = q / ow, ox = q - row * ow, im = row / oh, oy = row - im * oh;
            const size_t base =
                (((size_t)im * out_h + oy * out_step + out_y) * out_w + ox * out_step + out_x) * cout;
            UNROLL for (int j = 0; j < TN; j++)
            {
                const int c = n0 + tn + j * GN;
                if (c < cout) {
                    float v = acc[i][j] + total[i][j];
                    if (flags & HAS_BIAS)
                        v += bias[c];
                    if (flags & HAS_NORM)
                        v = fma(v, norm[c], norm[cout + c]);
                    if (flags & HAS_RESIDUAL)
                        v += residual[base + c];
                    if (flags & HAS_RELU)
                        v = fmax(v, 0.0f);
                    if (flags & HAS_ADD)
                        v += y[base + c];
                    y[base + c] = v;
                }
            }
        }
    }
}

/* Weight gradient: rows k = tap * run + r, columns cout, summed over the pixels of split s into
 * partial[s][rows][cout]; conv2d_sum_chunks adds the splits in order. In a batch (groups > 0 of them along
 * the rows of one), images of x, images of g and blocks of rows of the sum go together, and `add` adds to
 * what is there. */
kernel __attribute__((reqd_work_group_size(GN, GM, 1))) void
conv2d_weight_gradient(global const float *restrict x, global const float *restrict g,
                       global float *restrict partial, int rows, int pixels, int split, int h, int w,
                       int pitch, int run, int cout, int oh, int ow, int step, int pad_y,
                       int pad_x, int kw, int groups, int add)
{
    local float a[BK][BM + 1], b[BK][BN + 1];
    const int tn = (int)get_local_id(0), tm = (int)get_local_id(1), me = tm * GN + tn;
    const int batch = (int)get_group_id(1) / groups;
    const int m0 = ((int)get_group_id(1) - batch * groups) * BM, n0 = (int)get_group_id(0) * BN;
    const int from = (int)get_group_id(2) * split, to = min(from + split, pixels);
    float acc[TM][TN], total[TM][TN];
    int depth = 0;
    UNROLL for (int i = 0; i < TM; i++) UNROLL for (int j = 0; j < TN; j++) acc[i][j] = total[i][j] = 0.0f;
    x += (size_t)batch * h * w * pitch;
    g += (size_t)batch * pixels * cout;
    partial += (size_t)batch * rows * cout;
    for (int q0 = from; q0 < to; q0 += BK) {
        for (int e = me; e < BM * BK; e += THREADS) {
            const int m = e % BM, k = e / BM, q = q0 + k, r = m0 + m;
            float v = 0.0f;
            if (q < to && r < rows) {
                const int tap = r / run, ty = tap / kw, tx = tap - ty * kw, row = q / ow, im = row / oh;
                const int yy = (row - im * oh) * step - pad_y + ty, xx = (q - row * ow) * step - pad_x + tx;
                if (yy >= 0 && yy < h && xx >= 0 && xx < w)
                    v = x[(((size_t)im * h + yy) * w + xx) * pitch + r - tap * run];
            }
            a[k][m] = v;
        }
        for (int e = me; e < BN * BK; e += THREADS) {
            const int j = e % BN, k = e / BN;
            b[k][j] = q0 + k < to && n0 + j < cout ? g[(size_t)(q0 + k) * cout + n0 + j] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        MULTIPLY_SLICE(acc, a, b, tm, tn)
        ADD_TO_TOTAL
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    UNROLL for (int i = 0; i < TM; i++) UNROLL for (int j = 0; j < TN; j++)
    {
        const int r = m0 + tm + i * GM, c = n0 + tn + j * GN;
        if (r < rows && c < cout) {
            global float *out = partial + ((size_t)get_group_id(2) * rows + r) * cout + c;
            *out = add ? *out + (acc[i][j] + total[i][j]) : acc[i][j] + total[i][j];
        }
    }
}
