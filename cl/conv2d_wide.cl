/* Convolution for CPUs: one work-item computes register tiles of P output pixels x NV*16 channels, TILES of
 * them in step.
 *
 * conv2d_gather serves forward and data gradient. The pass's output pixel (oy, ox) reads input pixel
 *     (oy * step + y0 + ty * dy, ox * step + x0 + tx * dx)   for ty < taps_y, tx < taps_x
 * with weight tap (wy0 + ty * wdy) * kw + wx0 + tx * wdx, and stands at output pixel
 *     (oy * out_step + out_y, ox * out_step + out_x).
 * Forward is one pass; the data gradient of stride s is s * s passes, one for each residue of the output
 * pixel, none of which multiplies by a zero that the stride would insert. Pixels outside of the input read
 * `zero`. The channels of a pixel of y stand y_pitch, strips of them y_strip floats apart. A batch of matrix
 * products is a pass whose global id 2 counts images and groups of weight taps.
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

/* Sixteen floats at any float: PoCL makes several instructions of vload16 and vstore16, on ARM a call. */
typedef float16 __attribute__((aligned(4))) loose16;
#define AT16(p) (*(global const loose16 *)(p))

/* Products added up in a row before they join the total: rounding errors grow with the root of that, and the
 * gradient of a ReLU turns on them. The weights of a chunk stay in the nearest cache for TILES register
 * tiles. */
#define CHUNK 64
#define TILES 8
#define LINES ((CHUNK * NV + TILES * P - 1) / (TILES * P)) /* of a chunk of weights to a part of a tile */

static float16 epilogue16(float16 v, int j, size_t at, int flags, global const float *bias,
                          global const float *norm, int cout, global const float *residual,
                          global const float *y)
{
    EPILOGUE(float16, v, flags, AT16(bias + j), AT16(norm + j), AT16(norm + cout + j), AT16(residual + at),
             AT16(y + at))
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
            *(global loose16 *)(y + at) = epilogue16(sum[v], j, at, flags, bias, norm, cout, residual, y);
        } else if (j < cout) {
            float tail[16];
            vstore16(sum[v], 0, tail);
            for (int i = 0; i < cout - j; i++)
                y[at + i] = epilogue(tail[i], j + i, at + i, flags, bias, norm, cout, residual, y);
        }
    }
}

/* total (+)= x * w over a chunk of `depth` terms from k0 on, for `count` pixels whose x begin at `source`;
 * `fresh`: total is new. Fetches the chunk of weights behind this one, of each pixel x at `ahead` (0: none)
 * and the vectors `from` to `to` of what will be written: between parts of the sums, for a core waits where
 * it asks for more lines than it can wait for. */
static void add_chunk(float16 (*total)[NV], bool fresh, global const float *const *source, int k0, int depth,
                      int count, global const float *chunk, int ahead, const size_t *at, int from, int to,
                      global const float *y, global const float *residual)
{
    for (int p0 = 0; p0 < count; p0 += P) {
        global const float *wk = chunk, *next = chunk + CHUNK * STRIP + p0 * LINES * 16;
        global const float *xk[P];
        float16 acc[P][NV];
        UNROLL for (int p = 0; p < P; p++)
        {
            xk[p] = source[p0 + p] + k0;
            UNROLL for (int v = 0; v < NV; v++) acc[p][v] = (float16)(0.0f);
        }
        for (int part = 0, k = 0; part < P; part++, next += LINES * 16) {
            if (ahead) {
                global const float *xa = source[p0 + part] + k0 + ahead;
                UNROLL for (int i = 0; i < CHUNK; i += 16) PREFETCH(xa + i);
            }
            for (int v = from; v < to; v++) {
                PREFETCH_TO_WRITE(y + at[p0 + part] + 16 * v);
                if (residual)
                    PREFETCH(residual + at[p0 + part] + 16 * v);
            }
            UNROLL for (int i = 0; i < LINES; i++) PREFETCH_NEAR(next + 16 * i);
            for (const int stop = depth * (part + 1) / P; k < stop; k++) {
                float16 wv[NV];
                UNROLL for (int v = 0; v < NV; v++) wv[v] = AT16(wk + 16 * v);
                wk += STRIP;
                UNROLL for (int p = 0; p < P; p++)
                {
                    const float16 xv = (float16)(xk[p][k]);
                    UNROLL for (int v = 0; v < NV; v++) acc[p][v] = FMA(xv, wv[v], acc[p][v]);
                }
            }
        }
        if (fresh)
            UNROLL for (int p = 0; p < P; p++) UNROLL for (int v = 0; v < NV; v++) total[p0 + p][v] =
                acc[p][v];
        else
            UNROLL for (int p = 0; p < P; p++) UNROLL for (int v = 0; v < NV; v++) total[p0 + p][v] +=
                acc[p][v];
    }
}

/* A work-item: `group` register tiles of pixels x `across` strips of channels, all strips of some tiles in
 * turn. prepared: norm (2 * cout), from zero_at on a row of zeros; packed: the weights, from packed_at on. */
SINGLE(float16)
kernel void conv2d_gather(global const float *restrict x, global const float *restrict prepared, long zero_at,
                          global const float *restrict packed, long packed_at, global float *restrict y,
                          global const float *restrict bias, global const float *restrict residual, int flags,
                          int pixels, int group, int across, int h, int w, int pitch, int run, int cout,
                          int oh, int ow, int step, int y0, int x0, int dy, int dx, int taps_y, int taps_x,
                          int wy0, int wx0, int wdy, int wdx, int kw, int taps, int out_h, int out_w,
                          int out_step, int out_y, int out_x, int y_pitch, int y_strip)
{
    const int strip0 = (int)get_global_id(1) * across,
              strip1 = min(strip0 + across, (cout + STRIP - 1) / STRIP);
    const int tiles = (pixels + P - 1) / P;
    const int first = (int)get_global_id(0) * group, last = min(first + group, tiles);
    global const float *norm = prepared, *zero = prepared + zero_at;
    const int batch = (int)get_global_id(2);
    const int chunks = taps_y * taps_x * ((run + CHUNK - 1) / CHUNK), spread = min(chunks, NV);
    int ox = first * P % ow, oy = first * P / ow % oh, im = first * P / ow / oh + batch;
    packed += packed_at + (size_t)batch * taps_y * taps_x * run * STRIP;
    for (int t = first; t < last; t += TILES) {
        const int count = min(TILES, last - t) * P;
        int iy[TILES * P], ix[TILES * P];
        size_t image[TILES * P], at[TILES * P];
        global const float *source[TILES * P];
        float16 total[TILES * P][NV];
        for (int p = 0; p < count; p++) {
            iy[p] = oy * step + y0;
            ix[p] = ox * step + x0;
            image[p] = (size_t)im * h;
            at[p] = (((size_t)im * out_h + oy * out_step + out_y) * out_w + ox * out_step + out_x) * y_pitch +
                    (size_t)strip0 * y_strip;
            if (t * P + p < pixels - 1 && ++ox == ow) { /* the last pixel fills up the last tile */
                ox = 0;
                if (++oy == oh) {
                    oy = 0;
                    im++;
                }
            }
        }
        for (int strip = strip0; strip < strip1; strip++) {
            int left = chunks; /* this one and those to come */
            for (int p = 0; p < count && chunks == 0; p++) /* no weight meets these pixels */
                UNROLL for (int v = 0; v < NV; v++) total[p][v] = (float16)(0.0f);
            for (int ty = 0; ty < taps_y; ty++)
                for (int tx = 0; tx < taps_x; tx++) {
                    const int tap = (wy0 + ty * wdy) * kw + wx0 + tx * wdx;
                    global const float *weights = packed + ((size_t)strip * taps + tap) * run * STRIP;
                    for (int p = 0; p < count; p++) {
                        const int yy = iy[p] + ty * dy, xx = ix[p] + tx * dx;
                        source[p] = yy >= 0 && yy < h && xx >= 0 && xx < w
                                        ? x + ((image[p] + yy) * w + xx) * pitch
                                        : zero;
                    }
                    for (int k0 = 0; k0 < run; k0 += CHUNK, left--) {
                        /* the next chunk of these pixels; behind the last one of a single tap, those after
                         * them, of which several strips leave time to fetch all */
                        const bool more = k0 + CHUNK < run, at_first = t == first && strip == strip0;
                        int ahead = more ? CHUNK : taps_y * taps_x == 1 ? TILES * P * step * pitch - k0 : 0;
                        if (taps_y * taps_x == 1 && across > 1)
                            ahead = strip == strip1 - 1 ? TILES * P * step * pitch
                                    : at_first && more  ? CHUNK
                                                        : 0;
                        const int part = spread - left; /* the last chunks fetch a share of y each */
                        add_chunk(total, left == chunks, source, k0, min(run - k0, CHUNK), count,
                                  weights + (size_t)k0 * STRIP, ahead, at, part < 0 ? NV : NV * part / spread,
                                  NV * (part + 1) / spread, y, flags & HAS_RESIDUAL ? residual : 0);
                    }
                }
            for (int p = 0; p < count; p++, at[p - 1] += y_strip)
                if (t * P + p < pixels)
                    put(total[p], strip * STRIP, at[p], flags, bias, norm, cout, residual, y);
        }
    }
}

/* Rows and columns of dw that a work-item owns, the columns in strips, pixels that it takes at a time, and
 * those between fetching x into the nearest cache and its use: few, for lines at a large pitch share few of
 * its sets. More strips read less x and are faster, but drivers have limits for private memory. */
#define BLOCK   256
#define COLUMNS 128
#define ACROSS  (COLUMNS / STRIP)
#define PIXELS  64
#define NEAR    4

/* total (+)= x * g over `count` pixels, for `rows` rows and a strip; `fresh`: total is new. Behind the pixels
 * of xs stand NEAR more, at the rows of the next register tile. Fetches, a line of each pixel in turn, g of
 * the next pixels, then lines of their x from next_x on, x_step apart, about. */
static void add_pixels(float16 (*total)[NV], bool fresh, global const float *const *xs, const float16 *gs,
                       int count, int rows, global const float *next_g, int g_pitch,
                       global const float *next_x, int x_step, int x_pitch)
{
    for (int r = 0; r < rows; r += P) {
        const int line = r / P, of_x = (line - NV) * x_step;
        global const float *next = line < NV ? next_g + 16 * line : next_x + of_x;
        const int next_pitch = line < NV ? g_pitch : of_x < rows ? x_pitch : 0;
        float16 acc[P][NV];
        int lane[P];
        UNROLL for (int p = 0; p < P; p++)
        {
            lane[p] = min(r + p, rows - 1);
            UNROLL for (int v = 0; v < NV; v++) acc[p][v] = (float16)(0.0f);
        }
        for (int q = 0; q < count; q++) {
            float16 gv[NV];
            PREFETCH_NEAR(xs[q + NEAR] + r + P - 1);
            PREFETCH_NEAR(xs[q] + r + 16); /* a tile ahead, where lines stay that long */
            PREFETCH(next + (size_t)q * next_pitch);
            UNROLL for (int v = 0; v < NV; v++) gv[v] = gs[q * NV + v];
            UNROLL for (int p = 0; p < P; p++)
            {
                const float16 xv = (float16)(xs[q][lane[p]]);
                UNROLL for (int v = 0; v < NV; v++) acc[p][v] = FMA(xv, gv[v], acc[p][v]);
            }
        }
        UNROLL for (int p = 0; p < P; p++) UNROLL for (int v = 0; v < NV; v++)
            total[r + p][v] = fresh ? acc[p][v] : total[r + p][v] + acc[p][v];
    }
}

/* Weight gradient dw[id 2][tap][run][cout] (+)= sum over output pixels of x * g, where `add` is set onto what
 * is there. A work-item owns BLOCK rows (never across a tap) x ACROSS strips of a split or of a product of a
 * batch: split s takes pixels s * split and on, and a second pass adds up the splits; product b takes image b
 * of x and of g. The channels of a pixel of g stand g_pitch, strips of them g_strip floats apart. `last`: dw
 * is the gradient itself, which an update reads much later. */
SINGLE(float16)
kernel void conv2d_weight_gradient(global const float *restrict x, global const float *restrict g,
                                   global float *restrict dw, int pixels, int split, int splits, int h,
                                   int w, int pitch, int run, int cout, int oh, int ow, int step, int pad_y,
                                   int pad_x, int kw, int taps, int blocks, int g_pitch, int g_strip, int add,
                                   int last)
{
    const int strips = (cout + STRIP - 1) / STRIP, strip0 = (int)get_global_id(1) * ACROSS,
              across = min(ACROSS, strips - strip0);
    const int tap = (int)get_global_id(0) / blocks, ty = tap / kw, tx = tap - ty * kw;
    const int r0 = ((int)get_global_id(0) - tap * blocks) * BLOCK, rows = min(BLOCK, run - r0);
    const int batch = (int)get_global_id(2) / splits,
              from = ((int)get_global_id(2) - batch * splits) * split, to = min(from + split, pixels);
    int ox = from % ow, oy = from / ow % oh, im = from / ow / oh + batch;
    g += ((size_t)batch * strips + strip0) * g_strip;
    dw += ((size_t)get_global_id(2) * taps * run + (size_t)tap * run + r0) * cout + strip0 * STRIP;
    float16 total[ACROSS][BLOCK + P][NV];
    for (int q0 = from; q0 < to; q0 += PIXELS) {
        global const float *xs[PIXELS + NEAR];
        int pixel[PIXELS];
        float16 gs[PIXELS * NV];
        int count = 0; /* of the pixels whose x lies inside */
        for (int q = q0; q < min(q0 + PIXELS, to); q++) {
            const int yy = oy * step - pad_y + ty, xx = ox * step - pad_x + tx;
            if (yy >= 0 && yy < h && xx >= 0 && xx < w) {
                xs[count] = x + (((size_t)im * h + yy) * w + xx) * pitch + r0;
                pixel[count++] = q;
            }
            if (++ox == ow) {
                ox = 0;
                if (++oy == oh) {
                    oy = 0;
                    im++;
                }
            }
        }
        for (int i = 0; i < NEAR && count > 0; i++) /* the first of the next register tile */
            xs[count + i] = xs[i % count] + P;
        global const float *next_x = count ? xs[0] + (size_t)PIXELS * step * pitch : x;
        for (int s = 0; s < across; s++) {
            const int lanes = min(STRIP, cout - (strip0 + s) * STRIP);
            for (int q = 0; q < count; q++) {
                global const float *from_g = g + (size_t)pixel[q] * g_pitch + (size_t)s * g_strip;
                float *to_g = (float *)(gs + q * NV);
                for (int v = 0; v < NV && lanes == STRIP; v++)
                    gs[q * NV + v] = AT16(from_g + 16 * v);
                for (int i = 0; i < STRIP && lanes < STRIP; i++)
                    to_g[i] = i < lanes ? from_g[i] : 0.0f;
            }
            global const float *next_g = g + (size_t)(q0 + PIXELS) * g_pitch + (size_t)s * g_strip;
            add_pixels(total[s], q0 == from, xs, gs, count, rows, next_g, g_pitch, next_x + 16 * s,
                       16 * across, step * pitch);
        }
    }
    for (int r = 0; r < rows; r++, dw += cout)
        for (int v = 0; v < across * NV; v++) {
            const int lanes = min(16, cout - strip0 * STRIP - 16 * v);
            const float16 sum = total[v / NV][r][v % NV];
            global float *out = dw + 16 * v;
            if (lanes == 16 && last && (size_t)out % sizeof(float16) == 0) {
                STREAM((global float16 *)out, sum);
            } else if (lanes == 16) {
                *(global loose16 *)out = add ? sum + AT16(out) : sum;
            } else {
                float tail[16];
                vstore16(sum, 0, tail);
                for (int i = 0; i < lanes; i++)
                    out[i] = add ? tail[i] + out[i] : tail[i];
            }
        }
}
