/* Status codes and the message of the last failure. */
#ifndef SANLCL_STATUS_H
#define SANLCL_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

enum sanl_status {
    SANL_OK = 0,
    SANL_ERR_USAGE,       /* the caller asked for something that does not exist or makes no sense */
    SANL_ERR_MEMORY,      /* host memory ran out, or a size overflows */
    SANL_ERR_IO,          /* a file or folder could not be read or written */
    SANL_ERR_FORMAT,      /* the content of a file is not what it must be */
    SANL_ERR_LIMIT,       /* valid, but larger than a configured or device limit */
    SANL_ERR_DEVICE,      /* no platform or device, or the driver failed */
    SANL_ERR_BUILD,       /* a kernel did not build */
    SANL_ERR_NUMERIC,     /* a result is not finite, or a check failed */
    SANL_ERR_INTERRUPTED, /* the user asked to stop */
    SANL_ERR_INTERNAL     /* a mistake of this library */
};

/* The message of this thread's last failure: one line, no newline, never NULL. Valid until the next
 * failure in this thread. */
const char *sanl_error_message(void);

/* A short name for a status, such as "format". */
const char *sanl_status_name(enum sanl_status status);

#if defined(__GNUC__)
#define SANL_CHECKED __attribute__((warn_unused_result))
#else
#define SANL_CHECKED
#endif

#ifdef __cplusplus
}
#endif
#endif
