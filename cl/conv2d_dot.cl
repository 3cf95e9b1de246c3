/* Convolution for CPUs to NV channels or fewer, with the arguments of conv2d_wide.cl. There a register of
 * sums holds 16 channels; here it holds every 16th term of one channel's sum, added up at the end, and in the
 * weights' gradient 16 rows of dw. A register tile is P pixels, or P registers of rows, x NV channels. `run`
 * is a multiple of 16. Weights are packed as [16 terms][tap][channel][term]; what lies behind the last
 * channel is multiplied, too, and left. */
#define P     3
#define NV    8
#define TILES 4 /* register tiles for ROW taps, whose weights the nearest cache holds beside x */
#define ROW   3 /* taps whose products are added up before they join the total, as in conv2d_wide.cl */

/* Sixteen floats at any float, and as many as channels. */
typedef float16 __attribute__((aligned(4))) loose16;
typedef float8 __attribute__((aligned(4))) loose8;
#define AT16(p) (*(global const loose16 *)(p))

/* The sums of each register: halves are added until one register holds all. */
static float8 add_up(const float16 *sum)
{
    float8 part[NV];
    UNROLL for (int v = 0; v < NV; v++) part[v] = sum[v].lo + sum[v].hi;
    UNROLL for (int n = NV / 2; n > 0; n /= 2) UNROLL for (int i = 0; i < n; i++) part[i] =
        (float8)(part[2 * i].even, part[2 * i + 1].even) + (float8)(part[2 * i].odd, part[2 * i + 1].odd);
    return part[0];
}

/* The pixel behind (ox, oy) of image im. */
static void next_pixel(int *ox, int *oy, int *im, int ow, int oh)
{
    if (++*ox < ow)
        return;
    *ox = 0;
    if (++*oy < oh)
        return;
    *oy = 0;
    ++*im;
}

/* Forward. A work-item: `group` register tiles. */
SINGLE(float16)
kernel void conv2d_gather(global const float *restrict x, global const float *restrict prepared, long zero_at,
                          global const float *restrict packed, long packed_at, global float *restrict y,
                          global const float *restrict bias, global const float *restrict residual, int flags,
                          int pixels, int group, int across, int h, int w, int pitch, int run, int cout,
                          int oh, int ow, int step, int y0, int x0, int dy, int dx, int taps_y, int taps_x,
                          int wy0, int wx0, int wdy, int wdx, int kw, int taps, int out_h, int out_w,
                          int out_step, int out_y, int out_x, int y_pitch, int y_strip)
{
    const int first = (int)get_global_id(0) * group * P, last = min(first + group * P, pixels);
    int ox = first % ow, oy = first / ow % oh, im = first / ow / oh;
    for (int q0 = first; q0 < last; q0 += TILES * P) {
        const int count = min(TILES * P, last - q0);
        int iy[TILES * P], ix[TILES * P];
        size_t image[TILES * P];
        float16 total[TILES * P][NV];
        for (int p = 0; p < TILES * P; p++) {
            iy[p] = oy * step + y0;
            ix[p] = ox * step + x0;
            image[p] = (size_t)im * h;
            UNROLL for (int v = 0; v < NV; v++) total[p][v] = (float16)(0.0f);
            if (p < count - 1) /* the last pixel fills up the last tile */
                next_pixel(&ox, &oy, &im, ow, oh);
        }
        next_pixel(&ox, &oy, &im, ow, oh);
        for (int t0 = 0; t0 < taps; t0 += ROW) {
            const int row = min(ROW, taps - t0);
            global const float *source[ROW][TILES * P];
            for (int t = 0; t < row; t++) {
                const int ty = (t0 + t) / kw, tx = t0 + t - ty * kw;
                for (int p = 0; p < TILES * P; p++) {
                    const int yy = iy[p] + ty, xx = ix[p] + tx;
                    source[t][p] = yy >= 0 && yy < h && xx >= 0 && xx < w
                                       ? x + ((image[p] + yy) * w + xx) * pitch
                                       : prepared + zero_at;
                }
            }
            for (int p0 = 0; p0 < count; p0 += P) {
                float16 acc[P][NV];
                UNROLL for (int p = 0; p < P; p++) UNROLL for (int v = 0; v < NV; v++)
                    acc[p][v] = (float16)(0.0f);
                for (int t = 0; t < row; t++) {
                    global const float *wk = packed + packed_at + (size_t)(t0 + t) * cout * 16,
                                       *const *xs = source[t] + p0;
                    for (int k = 0; k < run; k += 16, wk += (size_t)taps * cout * 16) {
                        float16 xv[P];
                        UNROLL for (int p = 0; p < P; p++) xv[p] = AT16(xs[p] + k);
                        UNROLL for (int v = 0; v < NV; v++)
                        {
                            const float16 wv = AT16(wk + 16 * v);
                            UNROLL for (int p = 0; p < P; p++) acc[p][v] = FMA(xv[p], wv, acc[p][v]);
                        }
                    }
                }
                UNROLL for (int p = 0; p < P; p++) UNROLL for (int v = 0; v < NV; v++)
                    total[p0 + p][v] += acc[p][v];
            }
        }
        for (int p = 0; p < count; p++) {
            float sums[NV];
            vstore8(add_up(total[p]), 0, sums);
            for (size_t j = 0, at = (size_t)(q0 + p) * cout; j < (size_t)cout; j++, at++)
                y[at] = epilogue(sums[j], (int)j, at, flags, bias, prepared, cout, residual, y);
        }
    }
}

/* Taps and rows of dw that a work-item owns, and pixels that it takes at a time. A few channels are soon done
 * with x, so all taps take it in turn. */
#define TAPS   9
#define BLOCK  256
#define PIXELS 64

SINGLE(float16)
kernel void conv2d_weight_gradient(global const float *restrict x, global const float *restrict g,
                                   global float *restrict dw, int pixels, int split, int splits, int h,
                                   int w, int pitch, int run, int cout, int oh, int ow, int step, int pad_y,
                                   int pad_x, int kw, int taps, int blocks, int g_pitch, int g_strip, int add,
                                   int last)
{
    const int tap0 = (int)get_global_id(0) / blocks * TAPS, mine = min(TAPS, taps - tap0);
    const int r0 = (int)get_global_id(0) % blocks * BLOCK, rows = min(BLOCK, run - r0);
    const int from = (int)get_global_id(2) * split, to = min(from + split, pixels);
    int ox = from % ow, oy = from / ow % oh, im = from / ow / oh;
    float16 total[TAPS][BLOCK / 16 + P][NV];
    for (int t = 0; t < mine; t++)
        for (int r = 0; r < BLOCK / 16 + P; r++)
            UNROLL for (int v = 0; v < NV; v++) total[t][r][v] = (float16)(0.0f);
    for (int q0 = from; q0 < to; q0 += PIXELS) {
        const int pixels_here = min(PIXELS, to - q0);
        int iy[PIXELS], ix[PIXELS];
        size_t image[PIXELS];
        float8 gs[PIXELS];
        for (int q = 0; q < pixels_here; q++) {
            global const float *from_g = g + (size_t)(q0 + q) * g_pitch;
            iy[q] = oy * step - pad_y;
            ix[q] = ox * step - pad_x;
            image[q] = (size_t)im * h;
            if (cout == NV)
                gs[q] = *(global const loose8 *)from_g;
            for (int j = 0; j < NV && cout < NV; j++)
                ((float *)gs)[q * NV + j] = j < cout ? from_g[j] : 0.0f;
            next_pixel(&ox, &oy, &im, ow, oh);
        }
        for (int t = 0; t < mine; t++) {
            const int ty = (tap0 + t) / kw, tx = tap0 + t - ty * kw;
            global const float *xs[PIXELS];
            const float *of[PIXELS]; /* their g */
            int count = 0; /* of the pixels whose x lies inside */
            for (int q = 0; q < pixels_here; q++) {
                const int yy = iy[q] + ty, xx = ix[q] + tx;
                if (yy >= 0 && yy < h && xx >= 0 && xx < w) {
                    xs[count] = x + ((image[q] + yy) * w + xx) * pitch + r0;
                    of[count++] = (const float *)(gs + q);
                }
            }
            for (int r = 0; r < rows; r += 16 * P) {
                float16 acc[P][NV];
                int lane[P];
                UNROLL for (int p = 0; p < P; p++)
                {
                    lane[p] = min(r + 16 * p, rows - 16);
                    UNROLL for (int v = 0; v < NV; v++) acc[p][v] = (float16)(0.0f);
                }
                for (int q = 0; q < count; q++) {
                    float16 xv[P];
                    UNROLL for (int p = 0; p < P; p++) xv[p] = AT16(xs[q] + lane[p]);
                    UNROLL for (int v = 0; v < NV; v++)
                    {
                        const float16 gv = (float16)(of[q][v]);
                        UNROLL for (int p = 0; p < P; p++) acc[p][v] = FMA(xv[p], gv, acc[p][v]);
                    }
                }
                UNROLL for (int p = 0; p < P; p++) UNROLL for (int v = 0; v < NV; v++)
                    total[t][r / 16 + p][v] += acc[p][v];
            }
        }
    }
    dw += (((size_t)get_global_id(2) * taps + tap0) * run + r0) * cout;
    for (int t = 0; t < mine; t++)
        for (int r = 0; r < rows; r++)
            for (int j = 0; j < cout; j++)
                dw[((size_t)t * run + r) * cout + j] = ((const float *)&total[t][r / 16][j])[r % 16];
}
