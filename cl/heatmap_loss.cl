// Masked squared error between heatmaps p (n,h,w,L) and Gaussians; formulas in ops/heatmap_loss.c.
// width = 1 / (2 sigma^2).

// P - G at one element of p, and the mask's place
static float residual(__global const float *p, __global const float *xy, size_t at, int h, int w,
                      int landmarks, float stride, float width, size_t *place)
{
    size_t pixel = at / landmarks, row = pixel / w, n = row / h;
    size_t landmark = n * landmarks + (at - pixel * landmarks);
    float corner = 0.5f * (stride - 1.0f);
    float dx = (float)(pixel - row * w) - (xy[2 * landmark] - corner) / stride;
    float dy = (float)(row - n * h) - (xy[2 * landmark + 1] - corner) / stride;
    *place = landmark;
    return p[at] - exp(-(dx * dx + dy * dy) * width);
}

__kernel void heatmap_loss_parts(__global const float *p, __global const float *xy,
                                 __global const float *mask, __global float *parts, uint part_count,
                                 uint count, int h, int w, int landmarks, float stride, float width)
{
    size_t i = get_global_id(0);
    if (i >= part_count)
        return;
    float sum = 0.0f, lost = 0.0f; // Kahan's compensation
    for (size_t at = i; at < count; at += part_count) {
        size_t place;
        float r = residual(p, xy, at, h, w, landmarks, stride, width, &place);
        float term = mask[place] * r * r - lost;
        float next = sum + term;
        lost = (next - sum) - term;
        sum = next;
    }
    parts[i] = sum;
}

__kernel void heatmap_loss_mean(__global const float *sums, __global const float *mask, __global float *scale,
                                __global float *out, uint at, int masks, int pixels, float weight)
{
    if (get_global_id(0) > 0)
        return;
    float visible = 0.0f;
    for (int i = 0; i < masks; i++)
        visible += mask[i];
    float s = weight / ((float)pixels * fmax(1.0f, visible));
    scale[0] = s;
    out[0] = sums[at] * s;
}

__kernel void heatmap_loss_backward(__global const float *p, __global const float *xy,
                                    __global const float *mask, __global const float *scale,
                                    __global const float *dout, __global float *dp, uint count, int h, int w,
                                    int landmarks, float stride, float width, int add)
{
    size_t at = get_global_id(0), place;
    if (at >= count)
        return;
    float r = residual(p, xy, at, h, w, landmarks, stride, width, &place);
    float gradient = dout[0] * scale[0] * 2.0f * mask[place] * r;
    dp[at] = add ? dp[at] + gradient : gradient;
}
