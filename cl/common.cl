/* Stands before every other source when it is built; tile.cl follows before those that end in _tile. */

#define UNROLL _Pragma("unroll")

/* a * b + c. fma() where the device has it (HAS_FMA: it says so; Intel's driver for CPUs does not, but has):
 * elsewhere software computes it, some twenty times as slowly for a convolution. On ARM, which has it, PoCL
 * says no, and both functions are calls, never inlined: there the compiler fuses the expression. */
#if defined(__ARM_FEATURE_FMA)
#define FMA(a, b, c) ((a) * (b) + (c))
#elif defined(HAS_FMA) || defined(__INTEL_LLVM_COMPILER)
#define FMA(a, b, c) fma(a, b, c)
#else
#define FMA(a, b, c) mad(a, b, c)
#endif

/* Of kernels whose work-items are groups of their own and compute in vectors of `type`. Without the hint
 * Intel's compiler makes a version of 16 work-items at once, and its vectoriser can crash on it. */
#define SINGLE(type) __attribute__((reqd_work_group_size(1, 1, 1), vec_type_hint(type)))

/* A loop of a sweep (src/ops/sweep.h): all turns where a work-item walks, WALKS 1, else at most the first. */
#define WALK(i, first, last) for (int i = (first), more = 1; more && i < (last); more = WALKS, i++)

#ifdef LANES
/* The sum of the values of the group's work-items along dimension 1, a power of two of them; scratch has a
 * place for each of the group. What they read in global memory before may be written to after it. */
static inline VEC sum_parts(VEC value, local VEC *scratch)
{
    const int width = get_local_size(0), part = get_local_id(1), at = part * width + get_local_id(0);
    scratch[at] = value;
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
    for (int step = get_local_size(1) / 2; step > 0; step /= 2) {
        if (part < step)
            scratch[at] += scratch[at + step * width];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    /* volatile: PoCL 7.1 reads it again behind later barriers, where it is another sum */
    const VEC sum = *(volatile local VEC *)(scratch + get_local_id(0));
    barrier(CLK_LOCAL_MEM_FENCE);
    return sum;
}

/* The sum of a VEC's lanes. */
static inline float sum_lanes(VEC v)
{
#if LANES == 16
    const float8 v8 = v.lo + v.hi;
#elif LANES == 8
    const float8 v8 = v;
#endif
#if LANES >= 8
    const float4 v4 = v8.lo + v8.hi;
#elif LANES == 4
    const float4 v4 = v;
#endif
#if LANES >= 4
    const float2 v2 = v4.lo + v4.hi;
    return v2.x + v2.y;
#else
    return v;
#endif
}
#endif

/* Asks for the cache line at p: into the nearest cache, into the next one, to be written. STREAM: *p = v past
 * the caches, for what is read again only after much else; its lines are not fetched before. By builtins of
 * compilers for processors, PoCL's and Intel's; others refuse them. The standard prefetch() does nothing in
 * the one and is a function call in the other. */
#if defined(__x86_64__) || defined(__aarch64__) || defined(__INTEL_LLVM_COMPILER)
#define FETCH(p, write, locality) __builtin_prefetch((const void *)(size_t)(p), write, locality)
#define STREAM(p, v)              __builtin_nontemporal_store(v, p)
#else
#define FETCH(p, write, locality) (void)(p)
#define STREAM(p, v)              *(p) = (v)
#endif
#define PREFETCH_NEAR(p)     FETCH(p, 0, 3)
#define PREFETCH(p)          FETCH(p, 0, 2)
#define PREFETCH_TO_WRITE(p) FETCH(p, 1, 2)

/* Parts of a convolution's epilogue, CONV2D_HAS_... of src/ops/conv2d.h. */
enum { HAS_NORM = 1, HAS_BIAS = 2, HAS_RESIDUAL = 4, HAS_RELU = 8, HAS_ADD = 16 };

/* v = relu((v + bias) * scale + shift + residual) + old, each part where its flag is set; what a part reads
 * is read only then. v and the parts are of `type`, float or a vector. */
#define EPILOGUE(type, v, flags, bias, scale, shift, residual, old)                                          \
    {                                                                                                        \
        if ((flags) & HAS_BIAS)                                                                              \
            v += bias;                                                                                       \
        if ((flags) & HAS_NORM)                                                                              \
            v = FMA(v, scale, shift);                                                                        \
        if ((flags) & HAS_RESIDUAL)                                                                          \
            v += residual;                                                                                   \
        if ((flags) & HAS_RELU)                                                                              \
            v = v < 0 ? (type)0 : v;                                                                         \
        if ((flags) & HAS_ADD)                                                                               \
            v += old;                                                                                        \
    }

/* That of channel j, `at` floats into y and residual; norm (2, cout). */
static inline float epilogue(float v, int j, size_t at, int flags, global const float *bias,
                             global const float *norm, int cout, global const float *residual,
                             global const float *y)
{
    EPILOGUE(float, v, flags, bias[j], norm[j], norm[cout + j], residual[at], y[at])
    return v;
}
