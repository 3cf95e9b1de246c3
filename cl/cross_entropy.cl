// Softmax cross-entropy; formulas in ops/cross_entropy.c.

static bool is_counted(float label, int classes)
{
    return label >= 0.0f && label < (float)classes;
}

// A work-item for each sample: lse[i], and losses[i], which is 0 where the label is not counted. Those behind
// the last compute it again: Mesa warns about log() inside a branch.
__kernel void cross_entropy_samples(__global const float *logits, __global const float *labels,
                                    __global float *lse, __global float *losses, int n, int classes,
                                    float smoothing)
{
    int i = min((int)get_global_id(0), n - 1);
    __global const float *z = logits + (size_t)i * classes;
    float top = z[0];
    for (int k = 1; k < classes; k++)
        top = fmax(top, z[k]);
    float sum = 0.0f, mean = 0.0f; // mean of z - top: no cancellation of large logits
    for (int k = 0; k < classes; k++) {
        sum += exp(z[k] - top);
        mean += z[k] - top;
    }
    mean /= (float)classes;
    float rest = log(sum), label = labels[i];
    if (get_global_id(0) >= (size_t)n)
        return;
    lse[i] = top + rest;
    losses[i] = is_counted(label, classes)
                    ? rest - (1.0f - smoothing) * (z[(int)label] - top) - smoothing * mean
                    : 0.0f;
}

__kernel void cross_entropy_mean(__global const float *losses, __global const float *labels,
                                 __global float *scale, __global float *out, int n, int classes, float weight)
{
    if (get_global_id(0) > 0)
        return;
    float sum = 0.0f, lost = 0.0f; // Kahan's compensation
    int counted = 0;
    for (int i = 0; i < n; i++) {
        float term = losses[i] - lost;
        float next = sum + term;
        lost = (next - sum) - term;
        sum = next;
        counted += is_counted(labels[i], classes) ? 1 : 0;
    }
    float s = weight / (float)max(1, counted);
    scale[0] = s;
    out[0] = sum * s;
}

__kernel void cross_entropy_backward(__global const float *logits, __global const float *labels,
                                     __global const float *lse, __global const float *scale,
                                     __global const float *dout, __global float *din, int n, int classes,
                                     float smoothing, int add)
{
    size_t at = get_global_id(0);
    if (at >= (size_t)n * classes)
        return;
    size_t i = at / classes;
    int k = (int)(at - i * classes);
    float label = labels[i];
    float target = (k == (int)label ? 1.0f - smoothing : 0.0f) + smoothing / (float)classes;
    float gradient = dout[0] * scale[0] * (exp(logits[at] - lse[i]) - target);
    gradient = is_counted(label, classes) ? gradient : 0.0f;
    din[at] = add ? din[at] + gradient : gradient;
}
