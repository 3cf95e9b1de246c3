/* The convolution's reference. */
#ifndef OPS_CONV2D_REF_H
#define OPS_CONV2D_REF_H

#include "ops/conv2d.h"

void sanl_conv2d_reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host);
void sanl_conv2d_reference_backward(const struct sanl_op_call *call, const struct sanl_op_host *host);

#endif
