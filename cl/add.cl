/* y = a + b, element by element. VEC: see ops/sweep.h. */

kernel void add_forward(long count, int span, global const VEC *a, global const VEC *b,
                        global VEC *restrict y)
{
    const long first = (long)get_global_id(0) * span, last = min(first + span, count);
    for (long i = first; i < last; i++)
        y[i] = a[i] + b[i];
}

/* dx (+)= dy, for a and for b alike. */
kernel void add_backward(long count, int span, int add, global const VEC *restrict dy,
                         global VEC *restrict dx)
{
    const long first = (long)get_global_id(0) * span, last = min(first + span, count);
    if (add)
        for (long i = first; i < last; i++)
            dx[i] += dy[i];
    else
        for (long i = first; i < last; i++)
            dx[i] = dy[i];
}
