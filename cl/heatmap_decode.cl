// Arg max of heatmaps (n,h,w,L) with quarter offsets; definition in ops/heatmap_decode.c.

// The maximum of each row: best[2 i], and its column best[2 i + 1], for i = (n * h + y) * L + l.
__kernel void heatmap_decode_rows(__global const float *heat, __global float *best, uint count, int w,
                                  int landmarks)
{
    size_t i = get_global_id(0);
    if (i >= count)
        return;
    size_t row = i / landmarks;
    __global const float *at = heat + row * w * landmarks + (i - row * landmarks);
    float top = at[0];
    int column = 0;
    for (int x = 1; x < w; x++) {
        float value = at[(size_t)x * landmarks];
        if (value > top) {
            top = value;
            column = x;
        }
    }
    best[2 * i] = top;
    best[2 * i + 1] = (float)column;
}

static float quarter(float before, float after)
{
    return after > before ? 0.25f : after < before ? -0.25f : 0.0f;
}

// A work-item for each landmark of each sample.
__kernel void heatmap_decode(__global const float *heat, __global const float *best, __global float *out,
                             uint count, int h, int w, int landmarks, float stride)
{
    size_t i = get_global_id(0);
    if (i >= count)
        return;
    size_t n = i / landmarks, l = i - n * landmarks;
    __global const float *rows = best + 2 * (n * h * landmarks + l);
    float top = rows[0];
    int y = 0;
    for (int row = 1; row < h; row++) {
        float value = rows[2 * (size_t)row * landmarks];
        if (value > top) {
            top = value;
            y = row;
        }
    }
    int x = (int)rows[2 * (size_t)y * landmarks + 1];
    __global const float *at = heat + (((n * h + y) * w + x) * landmarks + l);
    size_t right = landmarks, down = (size_t)w * landmarks;
    float dx = x > 0 && x + 1 < w ? quarter(*(at - right), at[right]) : 0.0f;
    float dy = y > 0 && y + 1 < h ? quarter(*(at - down), at[down]) : 0.0f;
    out[3 * i] = stride * ((float)x + dx) + 0.5f * (stride - 1.0f);
    out[3 * i + 1] = stride * ((float)y + dy) + 0.5f * (stride - 1.0f);
    out[3 * i + 2] = top;
}
