/* What a device reaches at best. */

/* CHAINS (4, 8, 12 or 16) independent chains x = x a + b of VEC in registers, 4 * rounds long: enough chains
 * hide the latency of a multiply-add. With 0 < a < 1 they converge to b / (1 - a), far from zero, infinity
 * and denormals. */
#ifndef VEC
#define VEC float
#endif
#ifndef CHAINS
#define CHAINS 4
#endif
#define START(x, at) VEC x##0 = at, x##1 = at + 1, x##2 = at + 2, x##3 = at + 3
#define STEP(x)                                                                                              \
    x##0 = FMA(x##0, va, vb);                                                                                \
    x##1 = FMA(x##1, va, vb);                                                                                \
    x##2 = FMA(x##2, va, vb);                                                                                \
    x##3 = FMA(x##3, va, vb)
#define SUM(x) (x##0 + x##1 + x##2 + x##3)

#if CHAINS > 4
#define STEP_R STEP(r)
#else
#define STEP_R
#endif
#if CHAINS > 8
#define STEP_S STEP(s)
#else
#define STEP_S
#endif
#if CHAINS > 12
#define STEP_T STEP(t)
#else
#define STEP_T
#endif
#define ROUND                                                                                                \
    STEP(q);                                                                                                 \
    STEP_R;                                                                                                  \
    STEP_S;                                                                                                  \
    STEP_T;

kernel void peak_fma(global VEC *out, int rounds, float a, float b)
{
    const VEC va = a, vb = b, first = (float)get_global_id(0);
    START(q, first);
    START(r, first + 4);
    START(s, first + 8);
    START(t, first + 12);
    for (int i = 0; i < rounds; i++) {
        ROUND
        ROUND
        ROUND
        ROUND
    }
    out[get_global_id(0)] = SUM(q) + SUM(r) + SUM(s) + SUM(t);
}

/* How an item walks `count` VECs: `span` neighbours of its own, or with span 0 every get_global_size-th. */
#define COPY                                                                                                 \
    const long id = get_global_id(0), step = span ? 1 : (long)get_global_size(0);                            \
    const long first = span ? id * span : id, last = span ? min(first + span, count) : count

kernel void peak_copy(long count, int span, global const VEC *restrict x, global VEC *restrict y)
{
    COPY;
    for (long i = first; i < last; i += step)
        y[i] = x[i];
}

/* Four sums hide the latency of an addition. */
kernel void peak_read(long count, int span, global const VEC *restrict x, global VEC *restrict out)
{
    COPY;
    VEC sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    long i = first;
    for (; i + 3 * step < last; i += 4 * step) {
        sum0 += x[i];
        sum1 += x[i + step];
        sum2 += x[i + 2 * step];
        sum3 += x[i + 3 * step];
    }
    for (; i < last; i += step)
        sum0 += x[i];
    out[id] = sum0 + sum1 + sum2 + sum3;
}

kernel void peak_empty(int none)
{
}
