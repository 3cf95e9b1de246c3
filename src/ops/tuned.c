#include "ops/tuned.h"

int sanl_tuned_choice(const struct sanl_op_call *call, const struct sanl_device *device, int direction)
{
    (void)call;
    (void)device;
    (void)direction;
    return 0;
}
