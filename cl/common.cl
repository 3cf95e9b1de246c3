/* Stands before every other source when it is built; tile.cl follows before those that end in _tile. */

#define UNROLL _Pragma("unroll")

/* Asks for the cache line at p: into the nearest cache, into the next one, to be written. The standard
 * prefetch() does nothing in PoCL. */
#ifdef BUILTIN_PREFETCH
#define PREFETCH_NEAR(p)     __builtin_prefetch((const void *)(size_t)(p), 0, 3)
#define PREFETCH(p)          __builtin_prefetch((const void *)(size_t)(p), 0, 2)
#define PREFETCH_TO_WRITE(p) __builtin_prefetch((const void *)(size_t)(p), 1, 2)
#else
#define PREFETCH_NEAR(p)     prefetch((const __global float *)(size_t)(p), 16)
#define PREFETCH(p)          prefetch((const __global float *)(size_t)(p), 16)
#define PREFETCH_TO_WRITE(p) (void)(p)
#endif

/* Parts of a convolution's epilogue, CONV2D_HAS_... of src/ops/conv2d.h. */
enum { HAS_NORM = 1, HAS_BIAS = 2, HAS_RESIDUAL = 4, HAS_RELU = 8, HAS_ADD = 16 };
