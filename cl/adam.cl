// One step of Adam; rest1 = 1 - beta1, rest2 = 1 - beta2, l2, keep, step and root as in ops/adam.c.
__kernel void adam(__global const float *g, __global const float *scale, __global float *p, __global float *m,
                   __global float *v, uint count, uint scale_at, float beta1, float rest1, float beta2,
                   float rest2, float epsilon, float l2, float keep, float step, float root)
{
    size_t i = get_global_id(0);
    if (i >= count)
        return;
    float gi = scale[scale_at] * g[i] + l2 * p[i];
    float mi = beta1 * m[i] + rest1 * gi;
    float vi = beta2 * v[i] + rest2 * gi * gi;
    m[i] = mi;
    v[i] = vi;
    p[i] = keep * p[i] - step * mi / (sqrt(vi) * root + epsilon);
}
