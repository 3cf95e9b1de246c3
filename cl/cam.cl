// Grad-CAM of one stage; definition in ops/cam.c, which also says what lies in the workspace `work`.

// A work-item for each (sample, chunk, 16 channels): the sums of g over the positions of the chunk
__kernel void cam_sums(__global const float *g, __global float *work, uint count, int positions, int c,
                       int chunks, int chunk)
{
    uint i = (uint)get_global_id(0), lanes = ((uint)c + 15) / 16;
    if (i >= count * lanes)
        return;
    uint part = i / lanes, n = part / (uint)chunks;
    int from = (int)(part - n * chunks) * chunk, to = min(from + chunk, positions);
    int first = (int)(i - part * lanes) * 16;
    __global const float *at = g + (size_t)n * positions * c + first;
    __global float *sums = work + (size_t)part * c + first;
    if (first + 16 <= c) {
        float16 sum = 0.0f;
        for (int p = from; p < to; p++)
            sum += vload16(0, at + (size_t)p * c);
        vstore16(sum, 0, sums);
        return;
    }
    for (int k = 0; first + k < c; k++) {
        float sum = 0.0f;
        for (int p = from; p < to; p++)
            sum += at[(size_t)p * c + k];
        sums[k] = sum;
    }
}

// A work-item for each (sample, channel): the mean of g over all positions
__kernel void cam_alpha(__global float *work, uint alpha, uint count, int positions, int c, int chunks)
{
    uint i = (uint)get_global_id(0);
    if (i >= count)
        return;
    uint n = i / (uint)c;
    __global const float *sums = work + (size_t)n * chunks * c + (i - n * c);
    float sum = 0.0f;
    for (int k = 0; k < chunks; k++)
        sum += sums[(size_t)k * c];
    work[alpha + i] = sum / (float)positions;
}

// A work-item for each pixel: relu(alpha . a)
__kernel void cam_map(__global const float *a, __global float *work, uint alpha, uint map, uint count,
                      int positions, int c)
{
    uint i = (uint)get_global_id(0);
    if (i >= count)
        return;
    __global const float *weight = work + alpha + (size_t)(i / (uint)positions) * c;
    __global const float *at = a + (size_t)i * c;
    float16 sum = 0.0f;
    for (int k = 0; k < c / 16; k++)
        sum += vload16(k, weight) * vload16(k, at);
    float8 s8 = sum.lo + sum.hi;
    float4 s4 = s8.lo + s8.hi;
    float2 s2 = s4.lo + s4.hi;
    float total = s2.x + s2.y;
    for (int k = c / 16 * 16; k < c; k++)
        total += weight[k] * at[k];
    work[map + i] = fmax(total, 0.0f);
}

// A work-item for each chunk of positions: minimum and maximum of the map
__kernel void cam_peaks(__global float *work, uint map, uint peaks, int count, int chunks, int positions,
                        int chunk)
{
    int i = (int)get_global_id(0);
    if (i >= count)
        return;
    int n = i / chunks, from = (i - n * chunks) * chunk, to = min(from + chunk, positions);
    __global const float *at = work + map + (size_t)n * positions;
    float low = at[from], peak = 0.0f;
    for (int p = from; p < to; p++) {
        low = fmin(low, at[p]);
        peak = fmax(peak, at[p]);
    }
    work[peaks + 2 * i] = low;
    work[peaks + 2 * i + 1] = peak;
}

// A work-item for each pixel; norm: 0 by the maximum, 1 by minimum and maximum, 2 as it is
__kernel void cam_scale(__global const float *work, __global float *out, uint map, uint peaks, uint count,
                        int positions, int chunks, int norm)
{
    uint i = (uint)get_global_id(0);
    if (i >= count)
        return;
    __global const float *at = work + peaks + (size_t)(i / (uint)positions) * chunks * 2;
    float low = at[0], peak = 0.0f, value = work[map + i];
    for (int k = 0; k < chunks; k++) {
        low = fmin(low, at[2 * k]);
        peak = fmax(peak, at[2 * k + 1]);
    }
    if (norm != 1)
        low = 0.0f;
    if (norm != 2)
        value = peak > low ? (value - low) / (peak - low) : 0.0f;
    out[i] = value;
}
