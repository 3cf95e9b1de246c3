/* What a network takes of a device's memory, as text. */
#ifndef CLI_MEMORY_H
#define CLI_MEMORY_H

#include <sanlcl/memory.h>

/* A table of the plan of `use`. */
SANL_CHECKED enum sanl_status sanl_cli_print_memory(const struct sanl_memory_use *use,
                                                    struct sanl_device *device);

#endif
