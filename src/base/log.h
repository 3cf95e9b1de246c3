/* Messages for the user that are no failures. Nothing below cli/ prints: the program sets the sink. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <sanlcl/log.h>
#include "base/status.h"

void sanl_log(enum sanl_log_level level, const char *format, ...) SANL_PRINTF(2, 3);

#endif
