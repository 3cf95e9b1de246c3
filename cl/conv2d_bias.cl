/* The gradient of a convolution's bias, first pass: partial[piece] = sum of g (rows, channels) over the rows
 * of the piece; see ops/sweep.h. Rows are taken in blocks, so that memory is read in order and a sum is
 * loaded once for all of a block. */

#define BLOCK 8

kernel void conv2d_bias_partial(int rows, int groups, int pieces, int length, global const VEC *restrict g,
                                global VEC *restrict partial)
{
    const int piece = get_global_id(1);
    if (piece >= pieces)
        return;
    const int first = piece * length, last = min(first + length, rows);
    global VEC *sums = partial + (size_t)piece * groups;
    for (int start = first; start < last; start += BLOCK)
        for (int k = get_global_id(0); k < groups; k += STEP) {
            const int stop = min(start + BLOCK, last);
            VEC sum = start > first ? sums[k] : 0;
            for (int row = start; row < stop; row++)
                sum += g[(size_t)row * groups + k];
            sums[k] = sum;
        }
}
