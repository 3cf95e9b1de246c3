// out = [norm, factor that brings the norm down to clip], from the sum of squares at sums[at]
__kernel void grad_norm(__global const float *sums, __global float *out, uint at, float clip)
{
    if (get_global_id(0) > 0)
        return;
    float norm = sqrt(sums[at]);
    out[0] = norm;
    out[1] = clip > 0.0f ? fmin(1.0f, clip / (norm + 1e-6f)) : 1.0f;
}
