// Grad-CAM of one stage; definition in ops/cam.c. The workspace holds alpha (n,c), then the map before its
// scaling (n,positions), then maxima (n,chunks).

// A work-item for each (sample, channel): the mean of g over positions, with Kahan's compensation.
__kernel void cam_alpha(__global const float *g, __global float *work, uint channels, int positions, int c)
{
    size_t i = get_global_id(0);
    if (i >= channels)
        return;
    size_t n = i / c;
    __global const float *at = g + n * positions * c + (i - n * c);
    float sum = 0.0f, lost = 0.0f;
    for (int p = 0; p < positions; p++) {
        float term = at[(size_t)p * c] - lost;
        float next = sum + term;
        lost = (next - sum) - term;
        sum = next;
    }
    work[i] = sum / (float)positions;
}

// A work-item for each pixel: relu(alpha . a)
__kernel void cam_map(__global const float *a, __global float *work, uint channels, uint pixels,
                      int positions, int c)
{
    size_t i = get_global_id(0);
    if (i >= pixels)
        return;
    __global const float *alpha = work + i / positions * c, *at = a + i * c;
    float sum = 0.0f, lost = 0.0f;
    for (int k = 0; k < c; k++) {
        float term = alpha[k] * at[k] - lost;
        float next = sum + term;
        lost = (next - sum) - term;
        sum = next;
    }
    work[channels + i] = fmax(sum, 0.0f);
}

// A work-item for each chunk of positions: its maximum
__kernel void cam_peaks(__global float *work, uint channels, uint pixels, int count, int chunks,
                        int positions, int chunk)
{
    int i = (int)get_global_id(0);
    if (i >= count)
        return;
    int n = i / chunks, from = (i - n * chunks) * chunk;
    __global const float *map = work + channels + (size_t)n * positions;
    float peak = 0.0f;
    for (int p = from; p < min(from + chunk, positions); p++)
        peak = fmax(peak, map[p]);
    work[channels + pixels + i] = peak;
}

__kernel void cam_scale(__global const float *work, __global float *out, uint channels, uint pixels,
                        int positions, int chunks)
{
    size_t i = get_global_id(0);
    if (i >= pixels)
        return;
    __global const float *peaks = work + channels + pixels + i / positions * chunks;
    float peak = 0.0f, value = work[channels + i];
    for (int k = 0; k < chunks; k++)
        peak = fmax(peak, peaks[k]);
    out[i] = peak > 0.0f ? value / peak : value;
}
