/* What every route of the convolution shares: repacking, epilogues on their own, im2col and col2im. */

/* prepared[at ...] as [strip][tap][k][lane] = w[tap * tap_stride + k * k_stride + j * j_stride], j = strip *
 * width + lane, zero for j >= count; width is a multiple of PACK_ROWS, and k_stride or j_stride is 1. A
 * work-item takes PACK_ROWS rows of one tap, each from end to end: w is read in the order of memory. */
enum { PACK_ROWS = 16 };

/* The transpose of 16 x 16 floats: each pass turns the 8 bits of an element's index by one. */
static void transpose16(float16 *v)
{
    for (int pass = 0; pass < 4; pass++) {
        float16 t[16];
        _Pragma("unroll") for (int i = 0; i < 8; i++)
        {
            t[i] = (float16)(v[2 * i].even, v[2 * i + 1].even);
            t[i + 8] = (float16)(v[2 * i].odd, v[2 * i + 1].odd);
        }
        _Pragma("unroll") for (int i = 0; i < 16; i++) v[i] = t[i];
    }
}

kernel void conv2d_pack(global const float *restrict w, global float *restrict prepared, long at, int width,
                        int strips, int taps, int run, int count, int tap_stride, int k_stride, int j_stride)
{
    const int row0 = (int)get_global_id(0) * PACK_ROWS, tap = (int)get_global_id(1);
    const size_t strip_size = (size_t)taps * run * width;
    w += (size_t)tap * tap_stride;
    prepared += at + (size_t)tap * run * width;
    if (j_stride == 1) { /* a row is a k */
        for (int k = row0; k < min(row0 + PACK_ROWS, run); k++)
            for (int strip = 0; strip < strips; strip++)
                for (int lane = 0; lane < width; lane += 16) {
                    const int j = strip * width + lane;
                    global const float *from = w + (size_t)k * k_stride + j;
                    global float *to = prepared + strip * strip_size + (size_t)k * width + lane;
                    if (j + 16 <= count)
                        vstore16(vload16(0, from), 0, to);
                    for (int i = 0; i < 16 && j + 16 > count; i++)
                        to[i] = j + i < count ? from[i] : 0.0f;
                }
        return;
    }
    prepared += row0 / width * strip_size + row0 % width; /* a row is a j */
    for (int k0 = 0; k0 < run; k0 += 16) {
        float16 v[16];
        if (k0 + 16 <= run && row0 + 16 <= count) {
            for (int i = 0; i < 16; i++) {
                global const float *from = w + (size_t)(row0 + i) * j_stride + k0;
                v[i] = vload16(0, from);
                PREFETCH(from + (size_t)PACK_ROWS * j_stride);
            }
            transpose16(v);
            for (int i = 0; i < 16; i++)
                vstore16(v[i], 0, prepared + (size_t)(k0 + i) * width);
            continue;
        }
        for (int k = k0; k < min(k0 + 16, run); k++)
            for (int i = 0; i < 16; i++)
                prepared[(size_t)k * width + i] =
                    row0 + i < count ? w[(size_t)(row0 + i) * j_stride + k] : 0.0f;
    }
}

/* norm[0..c) = gamma / sqrt(var + eps), norm[c..2c) = beta - mean * that, or 0 without `shift`. */
kernel void conv2d_fold(global const float *gamma, global const float *beta, global const float *mean,
                        global const float *var, global float *norm, int c, int shift, float eps)
{
    const int i = (int)get_global_id(0);
    if (i >= c)
        return;
    const float scale = gamma[i] / sqrt(var[i] + eps);
    norm[i] = scale;
    norm[c + i] = shift ? beta[i] - mean[i] * scale : 0.0f;
}

/* out (n, h + 2 pad_y, w + 2 pad_x, c) = x with a zero frame. */
kernel void conv2d_frame(global const float *restrict x, global float *restrict out, int n, int h, int w,
                         int c, int pad)
{
    const int i = (int)get_global_id(0), row = (int)get_global_id(1);
    const int fw = w + 2 * pad, fh = h + 2 * pad;
    if (i >= fw * c || row >= n * fh)
        return;
    const int im = row / fh, y = row - im * fh - pad, xc = i - pad * c;
    out[(size_t)row * fw * c + i] =
        y >= 0 && y < h && xc >= 0 && xc < w * c ? x[((size_t)im * h + y) * w * c + xc] : 0.0f;
}

/* y = relu((y + bias) * scale + shift + residual) in place, by flags. */
kernel void conv2d_epilogue(global float *restrict y, global const float *restrict bias,
                            global const float *restrict norm, global const float *restrict residual,
                            int flags, int pixels, int c)
{
    const int j = (int)get_global_id(0), pixel = (int)get_global_id(1);
    if (j >= c || pixel >= pixels)
        return;
    const size_t at = (size_t)pixel * c + j;
    y[at] = epilogue(y[at], j, at, flags, bias, norm, c, residual, y);
}

/* out[i] = sum of partial[chunk][i] over the chunks, in order. */
kernel void conv2d_sum_chunks(global const float *restrict partial, global float *restrict out, int count,
                              int chunks)
{
    const int j = (int)get_global_id(0);
    if (j >= count)
        return;
    float sum = 0.0f;
    for (int i = 0; i < chunks; i++)
        sum += partial[(size_t)i * count + j];
    out[j] = sum;
}

/* col (oh * ow, kh * kw * c) of image `im` of x (n, h, w, c). */
kernel void conv2d_im2col(global const float *restrict x, global float *restrict col, int im, int h, int w,
                          int c, int oh, int ow, int kh, int kw, int stride, int pad)
{
    const int i = (int)get_global_id(0), row = (int)get_global_id(1);
    if (i >= kh * kw * c || row >= oh * ow)
        return;
    const int tap = i / c, k = i - tap * c, ty = tap / kw, tx = tap - ty * kw, oy = row / ow,
              ox = row - oy * ow;
    const int y = oy * stride - pad + ty, xx = ox * stride - pad + tx;
    col[(size_t)row * kh * kw * c + i] =
        y >= 0 && y < h && xx >= 0 && xx < w ? x[(((size_t)im * h + y) * w + xx) * c + k] : 0.0f;
}

/* dx (n, h, w, c) of image `im` = the sum of the col entries that came from each pixel; a gather, so that no
 * two work-items write one place. */
kernel void conv2d_col2im(global const float *restrict col, global float *restrict dx, int im, int h, int w,
                          int c, int oh, int ow, int kh, int kw, int stride, int pad, int add)
{
    const int k = (int)get_global_id(0), pixel = (int)get_global_id(1);
    if (k >= c || pixel >= h * w)
        return;
    const int y = pixel / w, x = pixel - y * w;
    float sum = 0.0f;
    for (int ty = 0; ty < kh; ty++) {
        const int sy = y + pad - ty;
        if (sy < 0 || sy % stride || sy / stride >= oh)
            continue;
        for (int tx = 0; tx < kw; tx++) {
            const int sx = x + pad - tx;
            if (sx < 0 || sx % stride || sx / stride >= ow)
                continue;
            sum += col[((size_t)(sy / stride) * ow + sx / stride) * kh * kw * c + (ty * kw + tx) * c + k];
        }
    }
    global float *out = dx + ((size_t)im * h * w + pixel) * c + k;
    *out = add ? *out + sum : sum;
}
