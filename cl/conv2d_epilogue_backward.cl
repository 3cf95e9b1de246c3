/* The backward pass of a convolution's epilogue. Loops and VEC: see ops/sweep.h. */

/* With m = dy where relu let pass, else 0: g = m * scale, and the residual's gradient = m, or += m. Either
 * result may be absent. All are (rows, groups). */
kernel void conv2d_epilogue_backward(int rows, int groups, int span, int has_g, int add, int flags,
                                     global const VEC *restrict dy, global const VEC *restrict y,
                                     global const VEC *restrict norm, global VEC *restrict g,
                                     global VEC *restrict dres)
{
    const int first = (int)get_global_id(1) * span, last = min(first + span, rows);
    for (int row = first; row < last; row++)
        WALK(k, get_global_id(0), groups) {
            const size_t at = (size_t)row * groups + k;
            const VEC all = dy[at], m = flags & HAS_RELU ? (y[at] <= 0 ? (VEC)0 : all) : all;
            if (flags & HAS_RESIDUAL)
                dres[at] = add ? dres[at] + m : m;
            if (has_g)
                g[at] = flags & HAS_NORM ? m * norm[k] : m;
        }
}

/* The bias, first pass: partial[piece] = sum of g (rows, groups) over the rows of the piece. Rows are taken
 * in blocks, so that memory is read in order and a sum is loaded once for all of a block. */
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
        WALK(k, get_global_id(0), groups) {
            const int stop = min(start + BLOCK, last);
            VEC sum = start > first ? sums[k] : 0;
            for (int row = start; row < stop; row++)
                sum += g[(size_t)row * groups + k];
            sums[k] = sum;
        }
}

/* Second pass: out = the sum of the pieces. */
kernel void conv2d_bias_sum(int groups, int pieces, global const VEC *restrict partial,
                            global VEC *restrict out, local VEC *scratch)
{
    const int k = get_global_id(0), first = get_local_id(1), parts = get_local_size(1);
    const int last = k < groups ? pieces : 0;
    VEC sum = 0;
    for (int piece = first; piece < last; piece += parts)
        sum += partial[(size_t)piece * groups + k];
    sum = sum_parts(sum, scratch);
    if (k < groups && first == 0)
        out[k] = sum;
}
