/* Progress on the error stream: one live line on a terminal, plain lines now and then elsewhere. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__GNUC__)
#define SANL_CLI_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define SANL_CLI_PRINTF(at, first)
#endif

/* Replaces the live line, at most ten times a second; without a terminal prints a line every ten seconds
 * at most. Cheap enough to be called at every step. */
void sanl_progress_update(const char *format, ...) SANL_CLI_PRINTF(1, 2);

/* Prints a line that stays, above the live line. */
void sanl_progress_print(const char *format, ...) SANL_CLI_PRINTF(1, 2);

/* Takes the live line away; call it when the work ends, failed or not. */
void sanl_progress_end(void);

/* Seconds as "1:02:03", "2:03" or, when not known (negative or not finite), "?". */
void sanl_progress_time(char *out, size_t bytes, double seconds);

#endif
