/* Convolution for CPUs: one work-item computes register tiles of P output pixels x NV*16 channels, TILES of
 * them in step.
 *
 * conv2d_gather serves forward and data gradient. The pass's output pixel (oy, ox) reads input pixel
 *     (oy * step + y0 + ty * dy, ox * step + x0 + tx * dx)   for ty < taps_y, tx < taps_x
 * with weight tap (wy0 + ty * wdy) * kw + wx0 + tx * wdx, and stands at output pixel
 *     (oy * out_step + out_y, ox * out_step + out_x).
 * Forward is one pass; the data gradient of stride s is s * s passes, one for each residue of the output
 * pixel, none of which multiplies by a zero that the stride would insert. Pixels outside of the input read
 * `zero`.
 *
 * x (n, h, w, pitch): each tap reads `run` contiguous floats (pitch = run = channels, but run = kw * channels
 * where a whole row of taps is one run). Weights packed as [strip][tap][run][NV * 16], zero-filled. */
#ifndef P
#define P 6
#endif
#ifndef NV
#define NV 4
#endif
#define STRIP (NV * 16)
#define UNROLL _Pragma("unroll")

/* Products added up in a row before they join the total: rounding errors grow with the root of that, and the
 * gradient of a ReLU turns on them. The weights of a chunk stay in the nearest cache for TILES register
 * tiles. */
#define CHUNK 64
#define TILES 8

enum { HAS_NORM = 1, HAS_BIAS = 2, HAS_RESIDUAL = 4, HAS_RELU = 8, HAS_ADD = 16 };

/* y = relu((acc + bias) * scale + shift + residual) + old y, each part where its flag is set. */
static float epilogue(float v, int j, size_t at, int flags, global const float *bias,
                      global const float *norm, int cout, global const float *residual, global const float *y)
{
    if (flags & HAS_BIAS)
        v += bias[j];
    if (flags & HAS_NORM)
        v = fma(v, norm[j], norm[cout + j]);
    if (flags & HAS_RESIDUAL)
        v += residual[at];
    if (flags & HAS_RELU)
        v = fmax(v, 0.0f);
    if (flags & HAS_ADD)
        v += y[at];
    return v;
}

static float16 epilogue16(float16 v, int j, size_t at, int flags, global const float *bias,
                          global const float *norm, int cout, global const float *residual,
                          global const float *y)
{
    if (flags & HAS_BIAS)
        v += vload16(0, bias + j);
    if (flags & HAS_NORM)
        v = fma(v, vload16(0, norm + j), vload16(0, norm + cout + j));
    if (flags & HAS_RESIDUAL)
        v += vload16(0, residual + at);
    if (flags & HAS_RELU)
        v = fmax(v, (float16)(0.0f));
    if (flags & HAS_ADD)
        v += vload16(0, y + at);
    return v;
}

/* The channels of a strip at one pixel, `at` floats into y. */
static void put(const float16 *sum, int strip, size_t at, int flags, global const float *bias,
                global const float *norm, int cout, global const float *residual, global float *y)
{
    UNROLL for (int v = 0; v < NV; v++, at += 16)
    {
        const int j = strip + 16 * v;
        if (j + 16 <= cout) {
            vstore16(epilogue16(sum[v], j, at, flags, bias, norm, cout, residual, y), 0, y + at);
        } else if (j < cout) {
            float tail[16];
            vstore16(sum[v], 0, tail);
            for (int i = 0; i < cout - j; i++)
                y[at + i] = epilogue(tail[i], j + i, at + i, flags, bias, norm, cout, residual, y);
        }
    }
}

/* prepared: norm (2 * cout), from zero_at on a row of zeros, from weights_at on the packed weights. */
kernel void conv2d_gather(global const float *restrict x, global const float *restrict prepared, long zero_at,
                          long weights_at, global float *restrict y, global const float *restrict bias,
                          global const float *restrict residual, int flags, int pixels, int group, int h,
                          int w, int pitch, int run, int cout, int oh, int ow, int step, int y0, int x0,
                          int dy, int dx, int taps_y, int taps_x, int wy0, int wx0, int wdy, int wdx, int kw,
                          int taps, int out_h, int out_w, int out_step, int out_y, int out_x)
{
    const int strip = (int)get_global_id(1) * STRIP;
    const int tiles = (pixels + P - 1) / P;
    const int first = (int)get_global_id(0) * group, last = min(first + group, tiles);
    global const float *norm = prepared, *zero = prepared + zero_at;
    global const float *weights = prepared + weights_at + (size_t)get_global_id(1) * taps * run * STRIP;
    for (int t = first; t < last; t += TILES) {
        const int count = min(TILES, last - t) * P;
        int iy[TILES * P], ix[TILES * P];
        size_t image[TILES * P], at[TILES * P];
        global const float *source[TILES * P];
        float16 total[TILES * P][NV];
        for (int p = 0; p < count; p++) {
            const int q = min(t * P + p, pixels - 1), row = q / ow, ox = q - row * ow, im = row / oh,
                      oy = row - im * oh;
            iy[p] = oy * step + y0;
            ix[p] = ox * step + x0;
            image[p] = (size_t)im * h;
            at[p] =
                (((size_t)im * out_h + oy * out_step + out_y) * out_w + ox * out_step + out_x) * cout + strip;
            UNROLL for (int v = 0; v < NV; v++) total[p][v] = (float16)(0.0f);
        }
        for (int ty = 0; ty < taps_y; ty++)
            for (int tx = 0; tx < taps_x; tx++) {
                const int tap = (wy0 + ty * wdy) * kw + wx0 + tx * wdx;
                for (int p = 0; p < count; p++) {
                    const int yy = iy[p] + ty * dy, xx = ix[p] + tx * dx;
                    source[p] = yy >= 0 && yy < h && xx >= 0 && xx < w
                                    ? x + ((image[p] + yy) * w + xx) * pitch
                                    : zero;
                }
                for (int k0 = 0; k0 < run; k0 += CHUNK) {
                    const int depth = min(run - k0, CHUNK);
                    global const float *chunk = weights + ((size_t)tap * run + k0) * STRIP;
                    for (int p0 = 0; p0 < count; p0 += P) {
                        global const float *wk = chunk;
                        global const float *xk[P];
                        float16 acc[P][NV];
                        UNROLL for (int p = 0; p < P; p++)
                        {
                            xk[p] = source[p0 + p] + k0;
                            UNROLL for (int v = 0; v < NV; v++) acc[p][v] = (float16)(0.0f);
                        }
                        for (int k = 0; k < depth; k++) {
                            float16 wv[NV];
                            UNROLL for (int v = 0; v < NV; v++) wv[v] = vload16(v, wk);
                            wk += STRIP;
                            UNROLL for (int p = 0; p < P; p++)
                            {
                                const float16 xv = (float16)(xk[p][k]);
                                UNROLL for (int v = 0; v < NV; v++) acc[p][v] = fma(xv, wv[v], acc[p][v]);
                            }
                        }
                        UNROLL for (int p = 0; p < P; p++) UNROLL for (int v = 0; v < NV; v++)
                            total[p0 + p][v] += acc[p][v];
                    }
                }
            }
        for (int p = 0; p < count && t * P + p < pixels; p++)
            put(total[p], strip, at[p], flags, bias, norm, cout, residual, y);
    }
}

/* Weight gradient dw[tap][run][cout] = sum over output pixels of x * g. g [strip][pixel][NV * 16] is the
 * gradient of the output by strips, zero-filled, so that a strip's pixels are contiguous. A work-item owns
 * `block` rows (k = tap * run + r, never across a tap) x one strip and adds up chunks of `chunk` output rows
 * in order. */
kernel void conv2d_weight_gradient(global const float *restrict x, global const float *restrict g,
                                   global float *restrict dw, int n, int h, int w, int pitch, int run,
                                   int cout, int oh, int ow, int step, int pad_y, int pad_x,
                                   int kw, int block, int blocks, int chunk)
{
    const int strip = (int)get_global_id(1) * STRIP;
    const int tap = (int)get_global_id(0) / blocks, ty = tap / kw, tx = tap - ty * kw;
    const int r0 = ((int)get_global_id(0) - tap * blocks) * block, r1 = min(r0 + block, run);
    const int rows = n * oh;
    /* output columns whose input column lies inside */
    const int low = max(0, (pad_x - tx + step - 1) / step);
    const int high = w - 1 + pad_x - tx >= 0 ? min(ow, (w - 1 + pad_x - tx) / step + 1) : 0;
    for (int from = 0; from < rows; from += chunk) {
        const int to = min(from + chunk, rows);
        for (int r = r0; r < r1; r += P) {
            float16 acc[P][NV];
            int lane[P];
            UNROLL for (int p = 0; p < P; p++)
            {
                lane[p] = min(r + p, run - 1);
                UNROLL for (int v = 0; v < NV; v++) acc[p][v] = (float16)(0.0f);
            }
            for (int row = from; row < to; row++) {
                const int im = row / oh, yy = (row - im * oh) * step - pad_y + ty;
                if (yy < 0 || yy >= h)
                    continue;
                size_t at = (((size_t)im * h + yy) * w + (low * step - pad_x + tx)) * (size_t)pitch;
                global const float *gs =
                    g + ((size_t)get_global_id(1) * rows * ow + (size_t)row * ow + low) * STRIP;
                for (int ox = low; ox < high; ox++) {
                    float16 gv[NV];
                    UNROLL for (int v = 0; v < NV; v++) gv[v] = vload16(v, gs);
                    UNROLL for (int p = 0; p < P; p++)
                    {
                        const float16 xv = (float16)(x[at + lane[p]]);
                        UNROLL for (int v = 0; v < NV; v++) acc[p][v] = fma(xv, gv[v], acc[p][v]);
                    }
                    at += step * pitch;
                    gs += STRIP;
                }
            }
            UNROLL for (int p = 0; p < P; p++) if (r + p < r1)
            {
                global float *out = dw + ((size_t)tap * run + r + p) * cout + strip;
                UNROLL for (int v = 0; v < NV; v++)
                {
                    const int left = cout - strip - 16 * v;
                    if (left >= 16) {
                        vstore16(from ? acc[p][v] + vload16(v, out) : acc[p][v], v, out);
                    } else if (left > 0) {
                        float tail[16];
                        vstore16(acc[p][v], 0, tail);
                        for (int i = 0; i < left; i++)
                            out[16 * v + i] = from ? tail[i] + out[16 * v + i] : tail[i];
                    }
                }
            }
        }
    }
}
