/* Copies `groups` VECs of each row between rows of different lengths: one input's share of a concatenation
 * along channels, to the output (forward) or from its gradient (backward). Lengths and offsets in VECs;
 * loops and VEC: see ops/sweep.h. */
kernel void concat_copy(int rows, int groups, int span, int add, int from_length, int from_offset,
                        int to_length, int to_offset, global const VEC *restrict from,
                        global VEC *restrict to)
{
    const int first = (int)get_global_id(1) * span, last = min(first + span, rows);
    for (int row = first; row < last; row++) {
        const size_t from_at = (size_t)row * from_length + from_offset;
        const size_t to_at = (size_t)row * to_length + to_offset;
        if (add)
            WALK(g, get_global_id(0), groups)
                to[to_at + g] += from[from_at + g];
        else
            WALK(g, get_global_id(0), groups)
                to[to_at + g] = from[from_at + g];
    }
}
