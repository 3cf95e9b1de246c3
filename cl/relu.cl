/* y = max(x, 0), element by element; NaN stays NaN. VEC: see ops/sweep.h. */

kernel void relu_forward(long count, int span, global const VEC *restrict x, global VEC *restrict y)
{
    const long first = (long)get_global_id(0) * span, last = min(first + span, count);
    for (long i = first; i < last; i++) {
        const VEC v = x[i];
        y[i] = v < 0 ? (VEC)0 : v;
    }
}

/* dx (+)= dy where y > 0. */
kernel void relu_backward(long count, int span, int add, global const VEC *restrict y,
                          global const VEC *restrict dy, global VEC *restrict dx)
{
    const long first = (long)get_global_id(0) * span, last = min(first + span, count);
    if (add)
        for (long i = first; i < last; i++)
            dx[i] += y[i] <= 0 ? (VEC)0 : dy[i];
    else
        for (long i = first; i < last; i++)
            dx[i] = y[i] <= 0 ? (VEC)0 : dy[i];
}
