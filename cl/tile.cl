/* Matrix products in tiles, shared by the kernels for GPUs; it stands before sources whose name ends in
 * _tile.
 *
 * A work-group of (BN / TN) x (BM / TM) items sums a BM x BN tile of a b, in slices of BK terms that pass
 * through local memory: while one is multiplied, the next is on its way into registers. A work-item sums
 * TM x TN results: rows 4 (i * GM + tm) + {0..3} for i < QM, columns 4 (j * GN + tn) + {0..3} for j < QN, so
 * that neighbours read neighbouring quads (float4). */
#ifndef BM
#define BM 64
#endif
#ifndef BN
#define BN 64
#endif
#ifndef BK
#define BK 16 /* as in ops/tile.h */
#endif
#ifndef TM
#define TM 4
#endif
#ifndef TN
#define TN 4
#endif
#ifndef VEC
#define VEC 0 /* 1: sizes, pitches and places in memory are multiples of a quad */
#endif
#define GM (BM / TM)
#define GN (BN / TN)
#define QM (TM / 4)
#define QN (TN / 4)
#define THREADS (GM * GN)

/* Terms of a slice that the compiler sees at once: all for NVIDIA's, which fetches one ahead of those that it
 * multiplies; few for others, of which LLVM for AMD fetches all that it sees, until registers spill. */
#ifdef __NV_CL_C_VERSION
#define UNROLL_TERMS UNROLL
#else
#define UNROLL_TERMS _Pragma("unroll 4")
#endif

/* A slice in local memory: BK lines of quads, each with one more, and two more before the lines of its second
 * half, so that writing down a column of lines meets no bank twice. */
#define A_LINE (BM / 4 + 1)
#define B_LINE (BN / 4 + 1)
#define LINE_AT(line, term) ((term) * (line) + (term) / (BK / 2) * 2)
#define SLICE_QUADS(line)   (BK * (line) + 2)
/* Quads that a work-item brings of it. */
#define A_QUADS (BM * BK / 4 / THREADS)
#define B_QUADS (BN * BK / 4 / THREADS)

/* Where quad i of work-item `me` stands in a slice. _TERMS: four terms of one row, which lie together in
 * memory; _ROWS: one term of four rows (columns of b likewise). */
#define TERMS_ROW(i)        (me / (BK / 4) + (i) * (THREADS / (BK / 4)))
#define TERMS_TERM          (me % (BK / 4) * 4)
#define ROWS_TERM(i, side)  (me / ((side) / 4) + (i) * (THREADS / ((side) / 4)))
#define ROWS_ROW(side)      (me % ((side) / 4) * 4)

/* The quad at p[at], of which the part before `end` exists; outside: zeros. */
static float4 load_quad(global const float *p, int at, int end, bool outside)
{
    float4 quad = 0.0f;
    if (outside || at >= end)
        return quad;
#if VEC
    return *(global const float4 *)(p + at);
#else
    quad.x = p[at];
    if (at + 1 < end)
        quad.y = p[at + 1];
    if (at + 2 < end)
        quad.z = p[at + 2];
    if (at + 3 < end)
        quad.w = p[at + 3];
    return quad;
#endif
}

/* p[at .. at + 4), up to `end`, = quad. */
static void store_quad(global float *p, int at, int end, float4 quad)
{
    if (at >= end)
        return;
#if VEC
    *(global float4 *)(p + at) = quad;
#else
    p[at] = quad.x;
    if (at + 1 < end)
        p[at + 1] = quad.y;
    if (at + 2 < end)
        p[at + 2] = quad.z;
    if (at + 3 < end)
        p[at + 3] = quad.w;
#endif
}

/* `line`: A_LINE or B_LINE. */
static void put_terms(local float4 *slice, int line, int row, int term, float4 quad)
{
    local float *one = (local float *)(slice + LINE_AT(line, term)) + row;
    one[0] = quad.x;
    one[4 * line] = quad.y;
    one[8 * line] = quad.z;
    one[12 * line] = quad.w;
}

static void put_rows(local float4 *slice, int line, int row, int term, float4 quad)
{
    slice[LINE_AT(line, term) + row / 4] = quad;
}

/* acc[QN][TM] += the slice's products. */
#define MULTIPLY(a, b)                                                                                       \
    UNROLL_TERMS for (int k = 0; k < BK; k++)                                                                \
    {                                                                                                        \
        float4 av[QM], bv[QN];                                                                               \
        UNROLL for (int i = 0; i < QM; i++) av[i] = (a)[LINE_AT(A_LINE, k) + i * GM + tm];                   \
        UNROLL for (int j = 0; j < QN; j++) bv[j] = (b)[LINE_AT(B_LINE, k) + j * GN + tn];                   \
        UNROLL for (int i = 0; i < QM; i++) UNROLL for (int j = 0; j < QN; j++)                              \
        {                                                                                                    \
            acc[j][4 * i] = FMA((float4)(av[i].x), bv[j], acc[j][4 * i]);                                    \
            acc[j][4 * i + 1] = FMA((float4)(av[i].y), bv[j], acc[j][4 * i + 1]);                            \
            acc[j][4 * i + 2] = FMA((float4)(av[i].z), bv[j], acc[j][4 * i + 2]);                            \
            acc[j][4 * i + 3] = FMA((float4)(av[i].w), bv[j], acc[j][4 * i + 3]);                            \
        }                                                                                                    \
    }

/* acc[QN][TM] = the sum over `slices` of them. LOAD: the next slice's quads to a_next[A_QUADS] and
 * b_next[B_QUADS]; PUT(a, b): those to local memory. Wants `me`, tm and tn. */
#define SUM_SLICES(slices, LOAD, PUT)                                                                        \
    local float4 a_slice[2][SLICE_QUADS(A_LINE)], b_slice[2][SLICE_QUADS(B_LINE)];                           \
    float4 acc[QN][TM], a_next[A_QUADS], b_next[B_QUADS];                                                    \
    UNROLL for (int j = 0; j < QN; j++) UNROLL for (int i = 0; i < TM; i++) acc[j][i] = 0.0f;                \
    if ((slices) > 0) {                                                                                      \
        LOAD                                                                                                 \
        PUT(a_slice[0], b_slice[0])                                                                          \
    }                                                                                                        \
    barrier(CLK_LOCAL_MEM_FENCE);                                                                            \
    for (int s = 1; s <= (slices); s++) {                                                                    \
        if (s < (slices)) {                                                                                  \
            LOAD                                                                                             \
        }                                                                                                    \
        MULTIPLY(a_slice[(s + 1) % 2], b_slice[(s + 1) % 2])                                                 \
        if (s < (slices)) {                                                                                  \
            PUT(a_slice[s % 2], b_slice[s % 2])                                                              \
        }                                                                                                    \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                        \
    }

/* The work-item's place in the tile: in blocks of 4 x 4 work-items, the lowest bit of `me` is one of the
 * column, the next one of the row, and so on. NVIDIA's local memory serves a sub-group's load of quads in
 * half the time where neighbours, or neighbours but one, read the same. */
#define TILE_PLACE                                                                                           \
    const int me = (int)get_local_id(0), block = me / 16;                                                    \
    const int tn = block % (GN / 4) * 4 + me / 4 % 2 * 2 + me % 2;                                           \
    const int tm = block / (GN / 4) * 4 + me / 8 % 2 * 2 + me / 2 % 2;

/* Row and column, within the tile, of acc[j][i]'s first value. */
#define TILE_ROW(i) (((i) / 4 * GM + tm) * 4 + (i) % 4)
#define TILE_COL(j) (((j) * GN + tn) * 4)
