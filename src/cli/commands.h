/* The commands of the program. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/args.h"

/* In the order of 'sanlcl help', NULL-ended. */
extern const struct sanl_command *const sanl_commands[];

#endif
