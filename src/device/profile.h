/* Measuring what a device does. A profiling queue stamps the times of its commands; events are kept and read
 * in bunches, for waiting at each launch would distort what is measured. */
#ifndef DEVICE_PROFILE_H
#define DEVICE_PROFILE_H

#include "device/device.h"

struct sanl_profile;

enum sanl_transfer { SANL_UPLOAD, SANL_DOWNLOAD, SANL_COPY, SANL_FILL, SANL_TRANSFERS };

SANL_CHECKED enum sanl_status sanl_profile_create(struct sanl_profile **out, bool trace);
void sanl_profile_free(struct sanl_profile *profile); /* takes NULL */

/* Takes the event of a kernel's launch, or of a transfer. */
SANL_CHECKED enum sanl_status sanl_profile_launch(struct sanl_device *device, struct sanl_kernel *kernel,
                                                  cl_event event);
SANL_CHECKED enum sanl_status sanl_profile_transfer(struct sanl_device *device, enum sanl_transfer transfer,
                                                    cl_event event);

#endif
