/* Choices that `sanlcl tune` measured for a device (device/device.h keeps them). */
#ifndef OPS_TUNED_H
#define OPS_TUNED_H

#include "ops/op.h"

enum { SANL_TUNED_KEY_BYTES = 256 };

/* Names of the directions that choices are for: forward, data, weight. */
extern const char *const sanl_direction_names[SANL_OP_CHOICES];

/* The key of a direction of a call whose attributes and input shapes are set, batch last:
 * "conv2d forward kh=3 ... n=4"; "conv2d forward gemm=tile ..." where the device is held to a route. */
void sanl_tuned_key(char key[SANL_TUNED_KEY_BYTES], const struct sanl_op_call *call,
                    const struct sanl_device *device, int direction);

/* The choice of that name; 0: there is none. */
int sanl_choice_named(const struct sanl_op *op, const char *name);

/* The choice for a direction of a call: what was tuned for its shape, with the nearest batch; 0: nothing, or
 * what does not suit. */
int sanl_tuned_choice(const struct sanl_op_call *call, const struct sanl_device *device, int direction);

#endif
