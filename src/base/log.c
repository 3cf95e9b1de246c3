#include "base/log.h"

#include <pthread.h>
#include <stdio.h>

static sanl_log_fn *log_sink;
static void *log_payload;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

void sanl_log_set(sanl_log_fn *sink, void *payload)
{
    log_sink = sink;
    log_payload = payload;
}

void sanl_log(enum sanl_log_level level, const char *format, ...)
{
    if (!log_sink)
        return;
    char line[SANL_MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    pthread_mutex_lock(&log_lock);
    log_sink(log_payload, level, line);
    pthread_mutex_unlock(&log_lock);
}
