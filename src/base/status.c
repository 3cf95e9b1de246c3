#include "base/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char last_message[SANL_MESSAGE_BYTES];

const char *sanl_error_message(void)
{
    return last_message;
}

const char *sanl_status_name(enum sanl_status status)
{
    static const char *const names[] = {"ok",     "usage", "memory",  "io",          "format",  "limit",
                                        "device", "build", "numeric", "interrupted", "internal"};
    return (unsigned)status < sizeof names / sizeof *names ? names[status] : "unknown";
}

enum sanl_status sanl_fail(enum sanl_status status, const char *format, ...)
{
    char text[SANL_MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return sanl_fail_copy(status, text);
}

enum sanl_status sanl_fail_errno(enum sanl_status status, const char *format, ...)
{
    const int code = errno;
    char text[SANL_MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return sanl_fail(status, "%s: %s", text, strerror(code));
}

enum sanl_status sanl_fail_prefix(enum sanl_status status, const char *format, ...)
{
    char text[SANL_MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return sanl_fail(status, "%s: %s", text, last_message);
}

enum sanl_status sanl_fail_copy(enum sanl_status status, const char *message)
{
    const size_t length = strnlen(message, sizeof last_message - 1);
    memmove(last_message, message, length);
    last_message[length] = 0;
    for (char *c = last_message; *c; c++) /* quoted content of files must not break the line */
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
    return status;
}
