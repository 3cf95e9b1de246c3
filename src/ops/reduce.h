/* Sums on the device that are the same at every run and sound for any length. */
#ifndef OPS_REDUCE_H
#define OPS_REDUCE_H

#include "device/device.h"

/* Floats of workspace that sanl_reduce_sum uses. */
enum { SANL_REDUCE_FLOATS = 16384 + 128 + 1, SANL_REDUCE_RESULT = SANL_REDUCE_FLOATS - 1 };

/* workspace[SANL_REDUCE_RESULT] = the sum of the first `count` floats of `in`, or of their squares. Every
 * work-item sums a strided part with Kahan's compensation; the parts are summed in the same way. */
SANL_CHECKED enum sanl_status sanl_reduce_sum(struct sanl_device *device, cl_mem in, size_t count,
                                              bool square, cl_mem workspace);

/* The tail of sanl_reduce_sum for operators whose own kernel writes workspace[0 .. count), count at most
 * SANL_REDUCE_PARTS. */
enum { SANL_REDUCE_PARTS = 16384 };
SANL_CHECKED enum sanl_status sanl_reduce_parts(struct sanl_device *device, size_t count, cl_mem workspace);

#endif
