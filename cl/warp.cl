// Packed RGB bytes to normalised network input; the table's columns are those of ops/warp.c.
__kernel void warp(__global const uchar *pixels, __global const float *tables, __global float *out, int size,
                   float mean0, float mean1, float mean2, float scale0, float scale1, float scale2)
{
    size_t column = get_global_id(0), row = get_global_id(1), n = get_global_id(2);
    if (column >= size)
        return;
    size_t i = (n * size + row) * size + column;
    float px = (float)column, py = (float)row;
    __global const float *table = tables + 12 * n;
    __global const uchar *picture = pixels + ((__global const uint *)table)[0];
    int w = (int)table[1], h = (int)table[2];
    if (w < 1 || h < 1) { // no picture
        vstore3((float3)(0.0f), i, out);
        return;
    }

    // fmin and fmax also bring NaN into the picture
    float x = fmin(fmax(table[3] * px + table[4] * py + table[5], 0.0f), (float)(w - 1));
    float y = fmin(fmax(table[6] * px + table[7] * py + table[8], 0.0f), (float)(h - 1));
    int x0 = (int)x, y0 = (int)y, x1 = min(x0 + 1, w - 1), y1 = min(y0 + 1, h - 1);
    float u = x - (float)x0, v = y - (float)y0;
    size_t p00 = 3 * ((size_t)y0 * w + x0), p01 = 3 * ((size_t)y0 * w + x1);
    size_t p10 = 3 * ((size_t)y1 * w + x0), p11 = 3 * ((size_t)y1 * w + x1);

    float3 top =
        (1.0f - u) * convert_float3(vload3(0, picture + p00)) + u * convert_float3(vload3(0, picture + p01));
    float3 bottom =
        (1.0f - u) * convert_float3(vload3(0, picture + p10)) + u * convert_float3(vload3(0, picture + p11));
    float3 value = ((1.0f - v) * top + v * bottom) * (table[9] / 255.0f) + table[10];
    value = clamp(value, 0.0f, 1.0f);
    value = (value - (float3)(mean0, mean1, mean2)) * (float3)(scale0, scale1, scale2);
    vstore3(value, i, out);
}
