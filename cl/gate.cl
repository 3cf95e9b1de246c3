/* y = x * (1 + a), x of (rows, channels), a of (rows, 1). Loops and VEC: see ops/sweep.h. */

kernel void gate_forward(int rows, int groups, int span, global const VEC *restrict x,
                         global const float *restrict a, global VEC *restrict y)
{
    const int first = (int)get_global_id(1) * span, last = min(first + span, rows);
    for (int row = first; row < last; row++) {
        const float factor = 1.0f + a[row];
        const size_t at = (size_t)row * groups;
        WALK(g, get_global_id(0), groups)
            y[at + g] = x[at + g] * factor;
    }
}

/* dx (+)= dy * (1 + a) */
kernel void gate_backward(int rows, int groups, int span, int add, global const float *restrict a,
                          global const VEC *restrict dy, global VEC *restrict dx)
{
    const int first = (int)get_global_id(1) * span, last = min(first + span, rows);
    for (int row = first; row < last; row++) {
        const float factor = 1.0f + a[row];
        const size_t at = (size_t)row * groups;
        if (add)
            WALK(g, get_global_id(0), groups)
                dx[at + g] += dy[at + g] * factor;
        else
            WALK(g, get_global_id(0), groups)
                dx[at + g] = dy[at + g] * factor;
    }
}
