/* Where the library's notices go. */
#ifndef SANLCL_LOG_H
#define SANLCL_LOG_H

#ifdef __cplusplus
extern "C" {
#endif

enum sanl_log_level { SANL_LOG_DEBUG, SANL_LOG_INFO, SANL_LOG_WARNING };

typedef void sanl_log_fn(void *payload, enum sanl_log_level level, const char *line);

/* Sets the receiver of notices (one line each, no newline); NULL, the default, drops them. The function
 * may be called from worker threads, never from two at once. Set it before other threads start. */
void sanl_log_set(sanl_log_fn *sink, void *payload);

#ifdef __cplusplus
}
#endif
#endif
