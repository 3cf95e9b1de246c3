// Masked squared error between heatmaps p (n,h,w,L) and Gaussians G; formulas in ops/heatmap_loss.c.
// G = gx gy with the factors of both axes in axes (n, w + h, L): first those of x, then those of y.

// A work-item for each element of axes; width = 1 / (2 sigma^2).
__kernel void heatmap_loss_axes(__global const float *xy, __global float *axes, uint count, int h, int w,
                                int landmarks, float stride, float width)
{
    uint i = (uint)get_global_id(0);
    if (i >= count)
        return;
    uint row = i / (uint)landmarks, n = row / (uint)(w + h);
    int k = (int)(row - n * (uint)(w + h)), axis = k < w ? 0 : 1;
    size_t landmark = (size_t)n * landmarks + (i - row * landmarks);
    float d = (float)(k - axis * w) - (xy[2 * landmark + axis] - 0.5f * (stride - 1.0f)) / stride;
    axes[i] = exp(-d * d * width);
}

// parts[i] = the sum of m (P - G)^2 over the pixels [i * share, (i + 1) * share)
__kernel void heatmap_loss_parts(__global const float *p, __global const float *axes,
                                 __global const float *mask, __global float *parts, uint part_count,
                                 uint share, uint pixels, int h, int w, int landmarks)
{
    uint i = (uint)get_global_id(0);
    if (i >= part_count)
        return;
    float sum = 0.0f;
    for (uint pixel = i * share; pixel < min((i + 1) * share, pixels); pixel++) {
        uint row = pixel / (uint)w, n = row / (uint)h;
        __global const float *gx = axes + ((size_t)n * (w + h) + (pixel - row * w)) * landmarks;
        __global const float *gy = axes + ((size_t)n * (w + h) + w + (row - n * h)) * landmarks;
        __global const float *at = p + (size_t)pixel * landmarks, *m = mask + (size_t)n * landmarks;
        float8 sum8 = 0.0f;
        for (int l = 0; l < landmarks / 8; l++) {
            float8 r = vload8(l, at) - vload8(l, gx) * vload8(l, gy);
            sum8 += vload8(l, m) * r * r;
        }
        float4 sum4 = sum8.lo + sum8.hi;
        float2 sum2 = sum4.lo + sum4.hi;
        sum += sum2.x + sum2.y;
        for (int l = landmarks / 8 * 8; l < landmarks; l++) {
            float r = at[l] - gx[l] * gy[l];
            sum += m[l] * r * r;
        }
    }
    parts[i] = sum;
}

// One work-group along dimension 1; VEC is a float
__kernel void heatmap_loss_mean(__global const float *sums, __global const float *mask, __global float *scale,
                                __global float *out, uint at, int masks, int pixels, float weight,
                                __local float *scratch)
{
    float visible = 0.0f;
    for (int i = get_local_id(1); i < masks; i += get_local_size(1))
        visible += mask[i];
    visible = sum_parts(visible, scratch);
    if (get_local_id(1) > 0)
        return;
    float s = weight / ((float)pixels * fmax(1.0f, visible));
    scale[0] = s;
    out[0] = sums[at] * s;
}

// A work-item for each pixel of all samples
__kernel void heatmap_loss_backward(__global const float *p, __global const float *axes,
                                    __global const float *mask, __global const float *scale,
                                    __global const float *dout, __global float *dp, uint pixels, int h, int w,
                                    int landmarks, int add)
{
    uint pixel = (uint)get_global_id(0);
    if (pixel >= pixels)
        return;
    float factor = 2.0f * dout[0] * scale[0];
    uint row = pixel / (uint)w, n = row / (uint)h;
    __global const float *gx = axes + ((size_t)n * (w + h) + (pixel - row * w)) * landmarks;
    __global const float *gy = axes + ((size_t)n * (w + h) + w + (row - n * h)) * landmarks;
    __global const float *at = p + (size_t)pixel * landmarks, *m = mask + (size_t)n * landmarks;
    __global float *to = dp + (size_t)pixel * landmarks;
    for (int l = 0; l < landmarks / 8; l++) {
        float8 r = vload8(l, at) - vload8(l, gx) * vload8(l, gy);
        float8 gradient = factor * vload8(l, m) * r;
        vstore8(add ? vload8(l, to) + gradient : gradient, l, to);
    }
    for (int l = landmarks / 8 * 8; l < landmarks; l++) {
        float gradient = factor * m[l] * (at[l] - gx[l] * gy[l]);
        to[l] = add ? to[l] + gradient : gradient;
    }
}
