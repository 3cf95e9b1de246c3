/* Pooling of (n, h, w, groups of VEC) to (n, oh, ow, groups). Window (oy, ox) covers the rows from
 * oy * stride - pad, kh of them, and the columns likewise; what is outside the picture counts as nothing in a
 * maximum and as zero in an average. Loops and VEC: see ops/sweep.h. */

/* The first maximum in row-major order; NaN is larger than any number. `index` (may be NULL) takes its place
 * in the window, ky * kw + kx. */
kernel void pool2d_max_forward(int lines, int h, int w, int groups, int oh, int ow, int kh, int kw,
                               int stride, int pad, global const VEC *restrict x, global VEC *restrict y,
                               global VEC *restrict index)
{
    const int line = get_global_id(2);
    if (line >= lines)
        return;
    const int top = line % oh * stride - pad, y_first = max(top, 0), y_last = min(top + kh, h);
    global const VEC *picture = x + (size_t)(line / oh) * h * w * groups;
    WALK(ox, get_global_id(1), ow) {
        const int left = ox * stride - pad, x_first = max(left, 0), x_last = min(left + kw, w);
        const size_t out = ((size_t)line * ow + ox) * groups;
        WALK(g, get_global_id(0), groups) {
            VEC best = picture[((size_t)y_first * w + x_first) * groups + g];
            VEC place = (y_first - top) * kw + x_first - left;
            for (int iy = y_first; iy < y_last; iy++)
                for (int ix = x_first; ix < x_last; ix++) {
                    const VEC v = picture[((size_t)iy * w + ix) * groups + g];
                    const VEC here = (iy - top) * kw + ix - left;
                    place = v > best || (v != v && best == best) ? here : place;
                    best = v > best || v != v ? v : best;
                }
            y[out + g] = best;
            if (index)
                index[out + g] = place;
        }
    }
}

/* dx (+)= dy of those windows over a pixel whose maximum it was. */
kernel void pool2d_max_backward(int lines, int h, int w, int groups, int oh, int ow, int kh, int kw,
                                int stride, int pad, int add, global const VEC *restrict index,
                                global const VEC *restrict dy, global VEC *restrict dx)
{
    const int line = get_global_id(2);
    if (line >= lines)
        return;
    const int iy = line % h + pad; /* in the padded picture, as ix */
    const int y_first = iy < kh ? 0 : (iy - kh) / stride + 1, y_last = min(iy / stride, oh - 1);
    const size_t picture = (size_t)(line / h) * oh;
    WALK(ix, (int)get_global_id(1) + pad, w + pad) {
        const int x_first = ix < kw ? 0 : (ix - kw) / stride + 1, x_last = min(ix / stride, ow - 1);
        const size_t in = ((size_t)line * w + ix - pad) * groups;
        WALK(g, get_global_id(0), groups) {
            VEC sum = 0;
            for (int oy = y_first; oy <= y_last; oy++)
                for (int ox = x_first; ox <= x_last; ox++) {
                    const size_t out = ((picture + oy) * ow + ox) * groups + g;
                    const VEC here = (iy - oy * stride) * kw + ix - ox * stride;
                    sum += index[out] == here ? dy[out] : (VEC)0;
                }
            dx[in + g] = add ? dx[in + g] + sum : sum;
        }
    }
}

/* scale: 1 / (kh * kw) */
kernel void pool2d_average_forward(int lines, int h, int w, int groups, int oh, int ow, int kh, int kw,
                                   int stride, int pad, float scale, global const VEC *restrict x,
                                   global VEC *restrict y)
{
    const int line = get_global_id(2);
    if (line >= lines)
        return;
    const int top = line % oh * stride - pad, y_first = max(top, 0), y_last = min(top + kh, h);
    global const VEC *picture = x + (size_t)(line / oh) * h * w * groups;
    WALK(ox, get_global_id(1), ow) {
        const int left = ox * stride - pad, x_first = max(left, 0), x_last = min(left + kw, w);
        const size_t out = ((size_t)line * ow + ox) * groups;
        WALK(g, get_global_id(0), groups) {
            VEC sum = 0;
            for (int iy = y_first; iy < y_last; iy++)
                for (int ix = x_first; ix < x_last; ix++)
                    sum += picture[((size_t)iy * w + ix) * groups + g];
            y[out + g] = sum * scale;
        }
    }
}

/* dx (+)= sum of dy of the windows over a pixel, times scale. */
kernel void pool2d_average_backward(int lines, int h, int w, int groups, int oh, int ow, int kh, int kw,
                                    int stride, int pad, float scale, int add, global const VEC *restrict dy,
                                    global VEC *restrict dx)
{
    const int line = get_global_id(2);
    if (line >= lines)
        return;
    const int iy = line % h + pad; /* in the padded picture, as ix */
    const int y_first = iy < kh ? 0 : (iy - kh) / stride + 1, y_last = min(iy / stride, oh - 1);
    const size_t picture = (size_t)(line / h) * oh;
    WALK(ix, (int)get_global_id(1) + pad, w + pad) {
        const int x_first = ix < kw ? 0 : (ix - kw) / stride + 1, x_last = min(ix / stride, ow - 1);
        const size_t in = ((size_t)line * w + ix - pad) * groups;
        WALK(g, get_global_id(0), groups) {
            VEC sum = 0;
            for (int oy = y_first; oy <= y_last; oy++)
                for (int ox = x_first; ox <= x_last; ox++)
                    sum += dy[((picture + oy) * ow + ox) * groups + g];
            sum *= scale;
            dx[in + g] = add ? dx[in + g] + sum : sum;
        }
    }
}
