/* What kernels take. */
#ifndef CLI_PROFILE_H
#define CLI_PROFILE_H

#include <sanlcl/device.h>

/* A table of the kernels, longest first, since the last call; of a device opened with `profile`. */
SANL_CHECKED enum sanl_status sanl_cli_print_profile(struct sanl_device *device);

#endif
