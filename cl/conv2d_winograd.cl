/* Winograd's minimal filtering F(M x M, 3 x 3) of a convolution of stride 1 (Lavin and Gray, "Fast Algorithms
 * for Convolutional Neural Networks", 2016): an A x A patch of x, A = M + 2, gives M x M results by A * A
 * products instead of 9 * M * M,
 *     y = C(M)' [ (S(3) w S(3)') . (B x B') ] C(M)
 * where S and C evaluate polynomials at, and B interpolates from, the points 0, +-p, +-q and infinity. For
 * F(4 x 4) p = 3/4, q = 3/2: exact in binary, and the error is half of that with the usual 1 and 2. The
 * weights' gradient is the same with the parts of y and w exchanged:
 *     dw = C(3)' [ (S(M) g S(M)') . (B x B') ] C(3)
 * The products over channels are A * A matrix products, done by the convolution's family of kernels.
 *
 * A tile t of an image is its M x M results from row (t / tiles_x) * M, column (t % tiles_x) * M; kernels
 * take the tiles `first` to `first + count` of the whole batch. VEC, WALK and span: see ops/sweep.h. */
#ifndef M
#define M 4
#endif
#ifndef VEC
#define VEC float
#define WALKS 1
#endif
#define A (M + 2)

#if M == 2
#define P2 1.0f /* p * p */
#else
#define P1 0.75f
#define Q1 1.5f
#define P2 0.5625f
#define Q2 2.25f
#endif

/* d = B d */
static void interpolate(VEC *d)
{
#if M == 2
    const VEC a = d[0], b = d[1], c = d[2];
    d[0] = c - a;
    d[1] = c + b;
    d[2] = c - b;
    d[3] -= b;
#else
    const VEC e1 = d[4] - Q2 * d[2], o1 = P1 * (d[3] - Q2 * d[1]);
    const VEC e2 = d[4] - P2 * d[2], o2 = Q1 * (d[3] - P2 * d[1]);
    d[0] = P2 * Q2 * d[0] - (P2 + Q2) * d[2] + d[4];
    d[5] = P2 * Q2 * d[1] - (P2 + Q2) * d[3] + d[5];
    d[1] = e1 + o1;
    d[2] = e1 - o1;
    d[3] = e2 + o2;
    d[4] = e2 - o2;
#endif
}

/* s (A) = S(count) w: values at the points, over the product of the distances to the other points. */
static void spread(VEC *s, const VEC *w, int count)
{
    const VEC zero = (VEC)(0.0f);
    const VEC w1 = count > 1 ? w[1] : zero, w2 = count > 2 ? w[2] : zero, w3 = count > 3 ? w[3] : zero;
#if M == 2
    s[0] = -w[0];
    s[1] = 0.5f * (w[0] + w2 + w1);
    s[2] = 0.5f * (w[0] + w2 - w1);
#else
    const VEC e1 = w[0] + P2 * w2, o1 = P1 * (w1 + P2 * w3), e2 = w[0] + Q2 * w2, o2 = Q1 * (w1 + Q2 * w3);
    s[0] = w[0] * (1.0f / (P2 * Q2));
    s[1] = (e1 + o1) * (1.0f / (2.0f * P2 * (P2 - Q2)));
    s[2] = (e1 - o1) * (1.0f / (2.0f * P2 * (P2 - Q2)));
    s[3] = (e2 + o2) * (1.0f / (2.0f * Q2 * (Q2 - P2)));
    s[4] = (e2 - o2) * (1.0f / (2.0f * Q2 * (Q2 - P2)));
#endif
    s[A - 1] = w[count - 1];
}

/* y (count) = C(count)' s */
static void collect(VEC *y, const VEC *s, int count)
{
    const VEC s1 = s[1] + s[2], d1 = s[1] - s[2];
#if M == 2
    y[0] = s[0] + s1;
    y[1] = d1;
    if (count > 2)
        y[2] = s1;
#else
    const VEC s2 = s[3] + s[4], d2 = s[3] - s[4];
    y[0] = s[0] + (s1 + s2);
    y[1] = P1 * d1 + Q1 * d2;
    if (count > 2)
        y[2] = P2 * s1 + Q2 * s2;
    if (count > 3)
        y[3] = P1 * P2 * d1 + Q1 * Q2 * d2;
#endif
    y[count - 1] += s[A - 1];
}

/* t (A, A) = S(count) w S(count)', w (count, count) */
static void spread_square(VEC *t, const VEC *w, int count)
{
    VEC rows[4 * A];
    for (int i = 0; i < count; i++)
        spread(rows + i * A, w + i * count, count);
    UNROLL for (int j = 0; j < A; j++)
    {
        VEC column[4], all[A];
        for (int i = 0; i < count; i++)
            column[i] = rows[i * A + j];
        spread(all, column, count);
        UNROLL for (int i = 0; i < A; i++) t[i * A + j] = all[i];
    }
}

/* y (count, count) = C(count)' t C(count), t (A, A) */
static void collect_square(VEC *y, const VEC *t, int count)
{
    VEC rows[A * 4];
    UNROLL for (int i = 0; i < A; i++) collect(rows + i * count, t + i * A, count);
    for (int j = 0; j < count; j++)
    {
        VEC column[A], all[4];
        UNROLL for (int i = 0; i < A; i++) column[i] = rows[i * count + j];
        collect(all, column, count);
        for (int i = 0; i < count; i++)
            y[i * count + j] = all[i];
    }
}

/* v[A * A][strip][count][lanes] = B x B' of the tiles' patches, which begin `pad` pixels before the tile;
 * zero outside of x (n, h, w, groups). lanes: VECs of a strip, which divide groups. The A * A places to write
 * are too far apart for a processor to foresee: the next tile's are fetched. */
kernel void winograd_input(global const VEC *restrict x, global VEC *restrict v, int first, int count,
                           int span, int groups, int lanes, int h, int w, int pad, int tiles_y, int tiles_x)
{
    const int from = (int)get_global_id(1) * span, to = min(from + span, count);
    WALK(i, from, to) {
        const int row = (first + i) / tiles_x, y0 = row % tiles_y * M - pad,
                  x0 = (first + i - row * tiles_x) * M - pad;
        const size_t image = (size_t)(row / tiles_y) * h;
        WALK(g, get_global_id(0), groups) {
            VEC d[A * A];
            UNROLL for (int ky = 0; ky < A; ky++)
            {
                const bool inside = y0 + ky >= 0 && y0 + ky < h;
                global const VEC *line = x + ((image + y0 + ky) * w + x0) * groups + g;
                UNROLL for (int kx = 0; kx < A; kx++) d[ky * A + kx] =
                    inside && x0 + kx >= 0 && x0 + kx < w ? line[kx * groups] : (VEC)(0.0f);
                interpolate(d + ky * A);
            }
            const int strip = g / lanes;
            const size_t point = (size_t)groups * count,
                         at = ((size_t)strip * count + i) * lanes + g - strip * lanes;
            global VEC *out = v + at, *next = i + 1 < to ? out + lanes : out;
            UNROLL for (int kx = 0; kx < A; kx++)
            {
                VEC column[A];
                UNROLL for (int ky = 0; ky < A; ky++) column[ky] = d[ky * A + kx];
                interpolate(column);
                UNROLL for (int ky = 0; ky < A; ky++)
                {
                    out[(ky * A + kx) * point] = column[ky];
                    PREFETCH_TO_WRITE(next + (ky * A + kx) * point);
                }
            }
        }
    }
}

/* y (n, h, w, groups) = epilogue(C(M)' m C(M)), m[A * A][strip][count][lanes]; the epilogue is that of
 * conv2d_wide.cl. Where a work-item walks, strip by strip, so that it reads m at A * A places at a time. */
kernel void winograd_output(global const VEC *restrict m, global VEC *restrict y,
                            global const VEC *restrict bias, global const VEC *restrict norm,
                            global const VEC *restrict residual, int flags, int first, int count, int span,
                            int groups, int lanes, int strips, int h, int w, int tiles_y, int tiles_x)
{
    const int from = (int)get_global_id(1) * span, to = min(from + span, count);
    WALK(strip, 0, strips)
        WALK(i, from, to) {
            const int row = (first + i) / tiles_x, y0 = row % tiles_y * M,
                      x0 = (first + i - row * tiles_x) * M;
            const size_t image = (size_t)(row / tiles_y) * h;
            WALK(g, strip * lanes + get_global_id(0), WALKS ? min((strip + 1) * lanes, groups) : groups) {
                const int of = WALKS ? strip : g / lanes;
                VEC t[A * A], out[M * M];
                const size_t point = (size_t)strips * count * lanes,
                             from_at = ((size_t)of * count + i) * lanes + g - of * lanes;
                UNROLL for (int k = 0; k < A * A; k++) t[k] = m[k * point + from_at];
                collect_square(out, t, M);
                UNROLL for (int ky = 0; ky < M; ky++) UNROLL for (int kx = 0; kx < M; kx++) {
                        if (y0 + ky >= h || x0 + kx >= w)
                            continue;
                        const size_t at = ((image + y0 + ky) * w + x0 + kx) * groups + g;
                        VEC value = out[ky * M + kx];
                        EPILOGUE(VEC, value, flags, bias[g], norm[g], norm[groups + g], residual[at], y[at])
                        y[at] = value;
                    }
            }
        }
}

/* u[strip][A * A][row][lanes] = S(3) w S(3)', where w stands strip_pitch, tap_pitch and row_pitch VECs from
 * strip to strip, tap to tap and row to row; a row is an input channel. flip: of the filter turned by half a
 * turn. */
kernel void winograd_weights(global const VEC *restrict w, global VEC *restrict u, long at, int rows,
                             int lanes, int strip_pitch, int tap_pitch, int row_pitch, int span, int flip)
{
    const int from = (int)get_global_id(1) * span, to = min(from + span, rows);
    w += (size_t)get_global_id(2) * strip_pitch;
    u += at + (size_t)get_global_id(2) * A * A * rows * lanes;
    WALK(row, from, to)
        WALK(g, get_global_id(0), lanes) {
            VEC taps[9], t[A * A];
            UNROLL for (int k = 0; k < 9; k++) taps[k] =
                w[(size_t)(flip ? 8 - k : k) * tap_pitch + (size_t)row * row_pitch + g];
            spread_square(t, taps, 3);
            UNROLL for (int k = 0; k < A * A; k++) u[((size_t)k * rows + row) * lanes + g] = t[k];
        }
}

/* s[A * A][strip][count][lanes] = S(M) g S(M)' of the tiles of g (n, h, w, c), zero outside and for channels
 * from c on. lanes: VECs of a strip. */
kernel void winograd_gradient(global const VEC *restrict g, global VEC *restrict s, int first, int count,
                              int span, int groups, int lanes, int strips, int h, int w, int tiles_y,
                              int tiles_x)
{
    const int from = (int)get_global_id(1) * span, to = min(from + span, count);
    WALK(i, from, to) {
        const int row = (first + i) / tiles_x, y0 = row % tiles_y * M, x0 = (first + i - row * tiles_x) * M;
        const size_t image = (size_t)(row / tiles_y) * h;
        WALK(c, get_global_id(0), lanes * strips) {
            VEC tile[M * M], t[A * A];
            UNROLL for (int ky = 0; ky < M; ky++) UNROLL for (int kx = 0; kx < M; kx++) tile[ky * M + kx] =
                c < groups && y0 + ky < h && x0 + kx < w
                    ? g[((image + y0 + ky) * w + x0 + kx) * groups + c]
                    : (VEC)(0.0f);
            spread_square(t, tile, M);
            const int strip = c / lanes;
            UNROLL for (int k = 0; k < A * A; k++)
                s[(((size_t)k * strips + strip) * count + i) * lanes + c - strip * lanes] = t[k];
        }
    }
}

/* dw[9][group] = C(3)' u C(3), u[A * A][group]. */
kernel void winograd_weight_gradient(global const VEC *restrict u, global VEC *restrict dw, int groups,
                                     int span)
{
    const int last = min(groups, (int)(get_global_id(0) + 1) * span);
    for (int g = (int)get_global_id(0) * span; g < last; g++) {
        VEC t[A * A], out[9];
        UNROLL for (int k = 0; k < A * A; k++) t[k] = u[(size_t)k * groups + g];
        collect_square(out, t, 3);
        UNROLL for (int k = 0; k < 9; k++) STREAM(&dw[(size_t)k * groups + g], out[k]);
    }
}
