/* Timing of works on a device: buffers of its own with random values, then the pass again and again, back to
 * back. So small tensors stay in the caches, where in a network they may have left them, and the time
 * between launches is hidden where the device is slower than the host.
 *
 * Two timers, of one device or of two, can be measured in turns: that is how routes are compared. */
#ifndef OPS_OPTIME_H
#define OPS_OPTIME_H

#include "ops/work.h"

struct sanl_optime;

/* Infers the work's call for the device, makes and fills its buffers, prepares, and runs forward once.
 * SANL_ERR_USAGE when the call is refused or has no such pass. */
SANL_CHECKED enum sanl_status sanl_optime_create(struct sanl_optime **out, struct sanl_device *device,
                                                 const struct sanl_work *work);
void sanl_optime_free(struct sanl_optime *timer); /* takes NULL */

/* The call with its buffers: in, param, state hold random values of the operator's kind; out what forward
 * made of them. */
struct sanl_op_call *sanl_optime_call(struct sanl_optime *timer);

/* Runs the pass for at least `least` seconds in all, after one run that is not timed, and returns the median
 * time of a run. */
SANL_CHECKED enum sanl_status sanl_optime_measure(double *seconds, struct sanl_optime *timer, double least);

/* Create, measure, free. */
SANL_CHECKED enum sanl_status sanl_optime_once(double *seconds, struct sanl_device *device,
                                               const struct sanl_work *work, double least);

#endif
