/* Resizing of (n, h, w, groups of VEC) to (n, oh, ow, groups), with pixel centres at half-integers (PyTorch's
 * align_corners=False). Positions are whole multiples of 1 / (2 * out), so that they are exact. Loops and
 * VEC: see ops/sweep.h. */

/* Output pixel `o` of `out` stands at input position i0 + l1; i1 is the pixel behind i0, at the border i0. */
static void source(int o, int in, int out, int *i0, int *i1, float *l1)
{
    const int position = max((2 * o + 1) * in - out, 0); /* in units of 1 / (2 * out) */
    *i0 = position / (2 * out);
    *i1 = min(*i0 + 1, in - 1);
    *l1 = (float)(position - *i0 * 2 * out) / (2 * out);
}

/* The weight of input pixel i in output pixel o; unit: 1 / (2 * out). */
static float weight(int i, int o, int in, int out, float unit)
{
    const int position = clamp((2 * o + 1) * in - out, 0, (in - 1) * 2 * out);
    return max(1 - abs(position - i * 2 * out) * unit, 0.0f);
}

/* All output pixels in which input pixel i has a weight lie within first and last. */
static void targets(int i, int in, int out, int *first, int *last)
{
    *first = i == 0 ? 0 : ((2 * i - 1) * out / in + 1) / 2;
    *last = i == in - 1 ? out - 1 : min(((2 * i + 3) * out + in - 1) / in / 2, out - 1);
}

/* y (+)= x at the output pixels of `line`, a row of a picture. */
static void nearest(global const VEC *x, int h, int w, int line, int groups, int oh, int ow, bool add,
                    global VEC *y)
{
    global const VEC *row = x + ((size_t)(line / oh) * h + line % oh * h / oh) * w * groups;
    WALK(ox, get_global_id(1), ow) {
        global const VEC *from = row + (size_t)(ox * w / ow) * groups;
        global VEC *to = y + ((size_t)line * ow + ox) * groups;
        WALK(g, get_global_id(0), groups)
            to[g] = add ? to[g] + from[g] : from[g];
    }
}

static void bilinear(global const VEC *x, int h, int w, int line, int groups, int oh, int ow, bool add,
                     global VEC *y)
{
    int y0, y1;
    float v1;
    source(line % oh, h, oh, &y0, &y1, &v1);
    global const VEC *picture = x + (size_t)(line / oh) * h * w * groups;
    global const VEC *row0 = picture + (size_t)y0 * w * groups, *row1 = picture + (size_t)y1 * w * groups;
    WALK(ox, get_global_id(1), ow) {
        int x0, x1;
        float u1;
        source(ox, w, ow, &x0, &x1, &u1);
        const size_t left = (size_t)x0 * groups, right = (size_t)x1 * groups;
        const float u0 = 1 - u1, v0 = 1 - v1;
        global VEC *to = y + ((size_t)line * ow + ox) * groups;
        WALK(g, get_global_id(0), groups) {
            const VEC value = v0 * (u0 * row0[left + g] + u1 * row0[right + g]) +
                              v1 * (u0 * row1[left + g] + u1 * row1[right + g]);
            to[g] = add ? to[g] + value : value;
        }
    }
}

static void resize(bool smooth, global const VEC *x, int h, int w, int line, int groups, int oh, int ow,
                   bool add, global VEC *y)
{
    if (smooth)
        bilinear(x, h, w, line, groups, oh, ow, add, y);
    else
        nearest(x, h, w, line, groups, oh, ow, add, y);
}

/* y = the sum of up to four inputs, of which the first `count` are there, each resized bilinearly (smooth) or
 * by the nearest pixel. A line stays in the cache between them. */
kernel void upsample_forward(int smooth, int lines, int groups, int oh, int ow, int count, int h0, int w0,
                             int h1, int w1, int h2, int w2, int h3, int w3, global const VEC *restrict x0,
                             global const VEC *restrict x1, global const VEC *restrict x2,
                             global const VEC *restrict x3, global VEC *restrict y)
{
    const int line = get_global_id(2);
    if (line >= lines)
        return;
    resize(smooth, x0, h0, w0, line, groups, oh, ow, false, y);
    if (count > 1)
        resize(smooth, x1, h1, w1, line, groups, oh, ow, true, y);
    if (count > 2)
        resize(smooth, x2, h2, w2, line, groups, oh, ow, true, y);
    if (count > 3)
        resize(smooth, x3, h3, w3, line, groups, oh, ow, true, y);
}

/* dx (+)= sum of dy over the output pixels that copy a pixel. */
kernel void upsample_nearest_backward(int lines, int h, int w, int groups, int oh, int ow, int add,
                                      global const VEC *restrict dy, global VEC *restrict dx)
{
    const int line = get_global_id(2);
    if (line >= lines)
        return;
    const int iy = line % h, y_first = (iy * oh + h - 1) / h, y_end = ((iy + 1) * oh + h - 1) / h;
    global const VEC *picture = dy + (size_t)(line / h) * oh * ow * groups;
    WALK(ix, get_global_id(1), w) {
        const int x_first = (ix * ow + w - 1) / w, x_end = ((ix + 1) * ow + w - 1) / w;
        const size_t in = ((size_t)line * w + ix) * groups;
        WALK(g, get_global_id(0), groups) {
            VEC sum = 0;
            for (int oy = y_first; oy < y_end; oy++)
                for (int ox = x_first; ox < x_end; ox++)
                    sum += picture[((size_t)oy * ow + ox) * groups + g];
            dx[in + g] = add ? dx[in + g] + sum : sum;
        }
    }
}

/* No pixel contributes to more than TAPS output pixels in a row, for no side grows by more than FACTOR_MAX of
 * ops/upsample.c. */
#define TAPS 130

/* dx (+)= sum of weight * dy over the output pixels that a pixel contributes to. */
kernel void upsample_bilinear_backward(int lines, int h, int w, int groups, int oh, int ow, int add,
                                       global const VEC *restrict dy, global VEC *restrict dx)
{
    const int line = get_global_id(2);
    if (line >= lines)
        return;
    const int iy = line % h;
    const float unit_y = 1.0f / (2 * oh), unit_x = 1.0f / (2 * ow);
    int y_first, y_last;
    targets(iy, h, oh, &y_first, &y_last);
    global const VEC *picture = dy + (size_t)(line / h) * oh * ow * groups;
    WALK(ix, get_global_id(1), w) {
        int x_first, x_last;
        targets(ix, w, ow, &x_first, &x_last);
        const int count = min(x_last - x_first + 1, TAPS);
#if WALKS /* for all channels of the pixel */
        float taps[TAPS];
        for (int k = 0; k < count; k++)
            taps[k] = weight(ix, x_first + k, w, ow, unit_x);
#define TAP(k) taps[k]
#else
#define TAP(k) weight(ix, x_first + (k), w, ow, unit_x)
#endif
        const size_t in = ((size_t)line * w + ix) * groups;
        WALK(g, get_global_id(0), groups) {
            VEC sum = 0;
            for (int oy = y_first; oy <= y_last; oy++) {
                global const VEC *from = picture + ((size_t)oy * ow + x_first) * groups + g;
                VEC across = 0;
                for (int k = 0; k < count; k++)
                    across += TAP(k) * from[(size_t)k * groups];
                sum += weight(iy, oy, h, oh, unit_y) * across;
            }
            dx[in + g] = add ? dx[in + g] + sum : sum;
        }
    }
}
