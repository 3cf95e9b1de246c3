/* Failing: every fallible function returns enum sanl_status and leaves one message. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <stdarg.h>
#include <sanlcl/status.h>

#if defined(__GNUC__)
#define SANL_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define SANL_PRINTF(at, first)
#endif

/* Sets this thread's message and returns `status`:
 *     return sanl_fail(SANL_ERR_FORMAT, "%s: line %d: expected 5 columns, found %d", path, line, n);
 * Messages name the file, the line or record, what was expected, and what to do; no newline. */
enum sanl_status sanl_fail(enum sanl_status status, const char *format, ...) SANL_PRINTF(2, 3);

/* As sanl_fail, and appends ": " and the text of errno. */
enum sanl_status sanl_fail_errno(enum sanl_status status, const char *format, ...) SANL_PRINTF(2, 3);

/* Puts "FORMAT: " before the message at hand and returns `status` unchanged; for upper layers that know
 * which file, record or layer was being worked on. */
enum sanl_status sanl_fail_prefix(enum sanl_status status, const char *format, ...) SANL_PRINTF(2, 3);

/* Sets the message to a copy of `message`, to carry a failure over from another thread. */
enum sanl_status sanl_fail_copy(enum sanl_status status, const char *message);

/* Returns from the calling function when `call` fails. With something held, use `goto done` instead. */
#define SANL_TRY(call)                                                                                       \
    do {                                                                                                     \
        enum sanl_status try_status = (call);                                                                \
        if (try_status != SANL_OK)                                                                           \
            return try_status;                                                                               \
    } while (0)

enum { SANL_MESSAGE_BYTES = 2048 };

#endif
