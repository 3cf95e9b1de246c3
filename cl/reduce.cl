// out[to + i] = sum of in[from + i + k * items], or of the squares, for i < items, with Kahan's compensation.
// in and out may be one buffer; the parts read and written do not overlap.
__kernel void reduce_sum(__global const float *in, __global float *out, uint from, uint count, uint to,
                         uint items, int square)
{
    size_t i = get_global_id(0);
    if (i >= items)
        return;
    float sum = 0.0f, lost = 0.0f;
    for (size_t k = i; k < count; k += items) {
        float value = in[from + k];
        float term = (square ? value * value : value) - lost;
        float next = sum + term;
        lost = (next - sum) - term;
        sum = next;
    }
    out[to + i] = sum;
}
