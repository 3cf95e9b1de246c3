#include "cli/progress.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <sanlcl/clock.h>

enum { LINE_BYTES = 1024 };

/* Guarded by the lock of stderr, since notices come from worker threads. */
static char live[LINE_BYTES]; /* the line on the terminal; "" for none */
static double last_time = -1e9;

static bool on_terminal(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
}

static int terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

/* Cuts UTF-8 text to `columns` characters. */
static void cut(char *text, int columns)
{
    for (; *text; text++)
        if (((unsigned char)*text & 0xC0) != 0x80 && columns-- == 0) {
            *text = 0;
            return;
        }
}

static void clear(void)
{
    if (live[0])
        fputs("\r\033[K", stderr);
}

void sanl_progress_update(const char *format, ...)
{
    flockfile(stderr);
    const bool terminal = on_terminal();
    const double t = sanl_clock_seconds();
    if (!terminal && last_time < 0)
        last_time = t; /* short work needs no line */
    if (t - last_time >= (terminal ? 0.1 : 10)) {
        last_time = t;
        va_list args;
        va_start(args, format);
        clear();
        vsnprintf(live, sizeof live, format, args);
        va_end(args);
        if (terminal) {
            cut(live, terminal_width() - 1);
            fputs(live, stderr);
        } else {
            fprintf(stderr, "%s\n", live);
            live[0] = 0;
        }
        fflush(stderr);
    }
    funlockfile(stderr);
}

void sanl_progress_print(const char *format, ...)
{
    flockfile(stderr);
    va_list args;
    va_start(args, format);
    clear();
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n%s", live);
    fflush(stderr);
    funlockfile(stderr);
}

void sanl_progress_end(void)
{
    flockfile(stderr);
    clear();
    live[0] = 0;
    last_time = -1e9;
    fflush(stderr);
    funlockfile(stderr);
}

void sanl_progress_time(char *out, size_t bytes, double seconds)
{
    if (!isfinite(seconds) || seconds < 0 || seconds > 1e9) {
        snprintf(out, bytes, "?");
        return;
    }
    const long whole = lround(seconds), hours = whole / 3600;
    if (hours)
        snprintf(out, bytes, "%ld:%02ld:%02ld", hours, whole / 60 % 60, whole % 60);
    else
        snprintf(out, bytes, "%ld:%02ld", whole / 60, whole % 60);
}
