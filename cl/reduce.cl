// out[to + i] = the i-th part of the sum of in[from .. from + count), or of the squares, for i < items. A
// part is `share` vectors of 16 floats: i * first + k * next for k < share, as far as they exist; part 0 also
// takes the count % 16 floats at the end. Each lane has Kahan's compensation. in and out may be one buffer;
// what is read and what is written do not overlap.
__kernel void reduce_sum(__global const float *in, __global float *out, uint from, uint count, uint to,
                         uint items, int square, uint share, uint first, uint next)
{
    size_t i = get_global_id(0);
    if (i >= items)
        return;
    in += from;
    uint vectors = count / 16;
    size_t v = i * first;
    float16 sum = 0.0f, lost = 0.0f;
    for (uint k = 0; k < share && v < vectors; k++, v += next) {
        float16 value = vload16(v, in);
        float16 term = (square ? value * value : value) - lost;
        float16 more = sum + term;
        lost = (more - sum) - term;
        sum = more;
    }
    float8 s8 = sum.lo + sum.hi;
    float4 s4 = s8.lo + s8.hi;
    float2 s2 = s4.lo + s4.hi;
    float total = s2.x + s2.y;
    for (uint k = vectors * 16; i == 0 && k < count; k++)
        total += square ? in[k] * in[k] : in[k];
    out[to + i] = total;
}
