/* Sums on the device that are the same at every run and sound for any length. */
#ifndef OPS_REDUCE_H
#define OPS_REDUCE_H

#include "device/device.h"

enum {
    SANL_REDUCE_PARTS = 16384,
    SANL_REDUCE_FLOATS = SANL_REDUCE_PARTS + 128 + 1, /* of workspace */
    SANL_REDUCE_RESULT = SANL_REDUCE_FLOATS - 1       /* where the sum stands in it */
};

/* workspace[SANL_REDUCE_RESULT] = the sum of the first `count` floats of `in`, or of their squares, in parts
 * of 16 lanes (on other devices than CPUs of 4) with Kahan's compensation, and the parts summed in the same
 * way. */
SANL_CHECKED enum sanl_status sanl_reduce_sum(struct sanl_device *device, sanl_buffer in, size_t count,
                                              bool square, sanl_buffer workspace);

/* The same of workspace[0 .. count), which the operator's own kernel has written; count is at most
 * SANL_REDUCE_PARTS. */
SANL_CHECKED enum sanl_status sanl_reduce_parts(struct sanl_device *device, size_t count,
                                                sanl_buffer workspace);

#endif
