/* How the memory-bound kernels walk a tensor.
 *
 * Their type VEC is a few neighbouring floats; a row (the channels of one pixel) is `groups` of them. In the
 * wide family (CPUs) a work-item walks whole rows, so that it reads memory in order and the loop over a row
 * is tight; in the tile family (GPUs) neighbouring work-items take neighbouring VECs. A kernel covers both
 * by the two loops
 *     for (row = get_global_id(1) * span; row < min(that + span, rows); row++)
 *         WALK(g, get_global_id(0), groups)
 * VEC, its LANES and WALKS, of which WALK is made (cl/common.cl), come from the build options. Tensors are
 * aligned to a VEC: a buffer and its parts start at multiples of base_align_bytes, and rows at multiples of
 * VEC by the choice of its width. (Weights may not: a convolution can have a part of them.) */
#ifndef OPS_SWEEP_H
#define OPS_SWEEP_H

#include "ops/op.h"

struct sanl_sweep {
    const char *options; /* -DVEC=float16 -DLANES=16 -DWALKS=1 */
    int width;           /* floats in a VEC */
    int groups;          /* VECs in a row */
    int span;            /* rows, or VECs of a flat tensor, to a work-item */
    struct sanl_range range;
};

/* Over `rows` rows of `channels` floats. `common`: a divisor of the number of channels of each tensor and
 * of each offset into rows; the width of VEC divides it. */
struct sanl_sweep sanl_sweep_rows(struct sanl_device *device, size_t rows, int channels, int common);

/* Over `count` floats without structure; dimension 0 alone:
 *     for (i = get_global_id(0) * span; i < min(that + span, count / width); i++) */
struct sanl_sweep sanl_sweep_flat(struct sanl_device *device, size_t count);

/* Over pictures: dimension 2 is a row of pixels (image times height), 1 the pixel, 0 the VEC:
 *     WALK(x, get_global_id(1), w) WALK(g, get_global_id(0), groups) */
struct sanl_sweep sanl_sweep_picture(struct sanl_device *device, struct sanl_shape shape);

/* A (rows, channels) tensor in `count` pieces of `length` rows each, the last maybe shorter: the first pass
 * of a reduction over rows. `many`: more than one work-item can take in turn, for sanl_sweep_parts. It
 * depends on the shape and the family alone. */
struct sanl_pieces {
    int count, length;
};
struct sanl_pieces sanl_pieces_of(size_t rows, bool many);
bool sanl_many_pieces(const struct sanl_device *device); /* in the tile family; `device` may be NULL */

/* A sweep over rows made one over pieces (dimension 1 is the piece), or over channels alone (dimension 0 is
 * the VEC, whatever the device). */
struct sanl_range sanl_sweep_pieces(const struct sanl_sweep *sweep, struct sanl_pieces pieces);
struct sanl_range sanl_sweep_channels(const struct sanl_sweep *sweep);
/* Over channels, of which a work-group of `kernel` shares the pieces (or rows): each work-item along
 * dimension 1, a power of two, takes some, and sum_parts of cl/common.cl adds up. One in the wide family.
 * *scratch_bytes: a VEC of local memory for each work-item. */
struct sanl_range sanl_sweep_parts(const struct sanl_sweep *sweep, struct sanl_device *device,
                                   const struct sanl_kernel *kernel, size_t *scratch_bytes);

/* Whether a tensor is of a size that kernels can index: SANL_ERR_USAGE otherwise. */
SANL_CHECKED enum sanl_status sanl_shape_check(const struct sanl_op_call *call, struct sanl_shape shape);

/* n * h * w */
static inline size_t sanl_shape_rows(struct sanl_shape s)
{
    return (size_t)s.n * (size_t)s.h * (size_t)s.w;
}

static inline bool sanl_shape_equal(struct sanl_shape a, struct sanl_shape b)
{
    return a.n == b.n && a.h == b.h && a.w == b.w && a.c == b.c;
}

/* Whether attribute `value` is a whole number within [low, high]. */
bool sanl_attr_whole(double value, int low, int high);

#endif
