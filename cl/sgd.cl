// d = scale[scale_at] * g + weight_decay * p;  b = momentum * b + d;  p -= lr * b
__kernel void sgd(__global const float *g, __global const float *scale, __global float *p, __global float *b,
                  uint count, uint scale_at, float lr, float momentum, float weight_decay)
{
    size_t i = get_global_id(0);
    if (i >= count)
        return;
    float d = scale[scale_at] * g[i] + weight_decay * p[i];
    float v = momentum * b[i] + d;
    b[i] = v;
    p[i] -= lr * v;
}
