// Grad-CAM of one stage; definition in ops/cam.c, which also says what lies in the workspace `work`.

// A work-item for each (sample, chunk, VEC of channels): the sums of g over the positions of the chunk
__kernel void cam_sums(__global const VEC *g, __global VEC *work, uint count, int positions, int groups,
                       int chunks, int chunk)
{
    uint i = (uint)get_global_id(0);
    if (i >= count * groups)
        return;
    uint part = i / groups, n = part / (uint)chunks;
    int from = (int)(part - n * chunks) * chunk, to = min(from + chunk, positions);
    __global const VEC *at = g + (size_t)n * positions * groups + (i - part * groups);
    VEC sum = 0.0f;
    for (int p = from; p < to; p++)
        sum += at[(size_t)p * groups];
    work[i] = sum;
}

// A VEC of channels along dimension 0, a sample along 2: the mean of g over all positions; the chunks are
// shared along dimension 1
__kernel void cam_alpha(__global VEC *work, uint alpha, int positions, int groups, int chunks,
                        __local VEC *scratch)
{
    int g = get_global_id(0), n = get_global_id(2), part = get_local_id(1), parts = get_local_size(1);
    __global const VEC *sums = work + (size_t)n * chunks * groups + g;
    VEC sum = 0.0f;
    for (int k = part; k < (g < groups ? chunks : 0); k += parts)
        sum += sums[(size_t)k * groups];
    sum = sum_parts(sum, scratch);
    if (g < groups && part == 0)
        work[alpha / LANES + n * groups + g] = sum / (float)positions;
}

// A pixel along dimension 0: relu(alpha . a); its channels are shared along dimension 1
__kernel void cam_map(__global const VEC *a, __global float *work, uint alpha, uint map, int count,
                      int positions, int groups, __local VEC *scratch)
{
    int i = get_global_id(0), part = get_local_id(1), parts = get_local_size(1);
    __global const VEC *weight = (__global const VEC *)(work + alpha) + (size_t)(i / positions) * groups;
    __global const VEC *at = a + (size_t)i * groups;
    VEC sum = 0.0f;
    for (int k = part; k < (i < count ? groups : 0); k += parts)
        sum += weight[k] * at[k];
    sum = sum_parts(sum, scratch);
    if (i < count && part == 0)
        work[map + i] = fmax(sum_lanes(sum), 0.0f);
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
    float low = at[0], peak = 0.0f;
    for (int k = 0; k < chunks; k++) {
        low = fmin(low, at[2 * k]);
        peak = fmax(peak, at[2 * k + 1]);
    }
    const float value = work[map + i], zero = norm == 1 ? low : 0.0f;
    out[i] = norm == 2 ? value : peak > zero ? (value - zero) / (peak - zero) : 0.0f;
}
