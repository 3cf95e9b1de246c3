#define AHEAD 4 /* VECs on their way at once */

// One more value, with Kahan's compensation of each lane.
static VEC add_up(VEC sum, VEC *lost, VEC value, int square)
{
    const VEC term = (square ? value * value : value) - *lost, more = sum + term;
    *lost = (more - sum) - term;
    return more;
}

// A part takes a VEC at a time, each lane with Kahan's compensation: the i-th part of the sum of
// in[0 .. count), or of the squares. It is `share` VECs: i * first + k * next for k < share, as far as they
// exist; part 0 also takes the count % LANES floats at the end.
static float sum_part(__global const float *in, uint count, size_t i, int square, uint share, uint first,
                      uint next)
{
    const uint vectors = count / LANES;
    size_t v = i * first;
    uint left = v < vectors ? min(share, ((uint)(vectors - v) + next - 1) / next) : 0;
    VEC sum = 0.0f, lost = 0.0f;
    for (; left >= AHEAD; left -= AHEAD) {
        VEC values[AHEAD];
        UNROLL for (int j = 0; j < AHEAD; j++, v += next) values[j] = ((__global const VEC *)in)[v];
        UNROLL for (int j = 0; j < AHEAD; j++) sum = add_up(sum, &lost, values[j], square);
    }
    for (; left > 0; left--, v += next)
        sum = add_up(sum, &lost, ((__global const VEC *)in)[v], square);
    float total = sum_lanes(sum);
    for (uint k = vectors * LANES; i == 0 && k < count; k++)
        total += square ? in[k] * in[k] : in[k];
    return total;
}

// out[i] = part i, for i < items
__kernel void reduce_sum(__global const float *in, __global float *out, uint count, uint items, int square,
                         uint share, uint first, uint next)
{
    size_t i = get_global_id(0);
    if (i < items)
        out[i] = sum_part(in, count, i, square, share, first, next);
}

// One work-group: work[result] = the sum of work[0 .. count), in `items` parts that stand from work[to] on.
__kernel void reduce_parts(__global float *work, uint count, uint to, uint items, uint result, uint share,
                           uint first, uint next)
{
    for (uint i = get_local_id(0); i < items; i += get_local_size(0))
        work[to + i] = sum_part(work, count, i, 0, share, first, next);
    barrier(CLK_GLOBAL_MEM_FENCE);
    if (get_local_id(0) == 0)
        work[result] = sum_part(work + to, items, 0, 0, items, 0, 1);
}
