// A part takes a VEC at a time, each lane with Kahan's compensation; `from` is a multiple of LANES.
//
// out[to + i] = the i-th part of the sum of in[from .. from + count), or of the squares, for i < items. A
// part is `share` VECs: i * first + k * next for k < share, as far as they exist; part 0 also takes the
// count % LANES floats at the end. in and out may be one buffer; what is read and what is written do not
// overlap.
__kernel void reduce_sum(__global const float *in, __global float *out, uint from, uint count, uint to,
                         uint items, int square, uint share, uint first, uint next)
{
    size_t i = get_global_id(0);
    if (i >= items)
        return;
    in += from;
    uint vectors = count / LANES;
    size_t v = i * first;
    VEC sum = 0.0f, lost = 0.0f;
    for (uint k = 0; k < share && v < vectors; k++, v += next) {
        VEC value = ((__global const VEC *)in)[v];
        VEC term = (square ? value * value : value) - lost;
        VEC more = sum + term;
        lost = (more - sum) - term;
        sum = more;
    }
    float total = sum_lanes(sum);
    for (uint k = vectors * LANES; i == 0 && k < count; k++)
        total += square ? in[k] * in[k] : in[k];
    out[to + i] = total;
}
