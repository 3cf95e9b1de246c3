/* Choices that `sanlcl tune` measured for a device. */
#ifndef OPS_TUNED_H
#define OPS_TUNED_H

#include "ops/op.h"

/* The choice for a direction of a call, of which attributes and input shapes are set; 0: none is known, or
 * none that suits. */
int sanl_tuned_choice(const struct sanl_op_call *call, const struct sanl_device *device, int direction);

#endif
