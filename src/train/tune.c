/* The tuner's parent: asks a child for one measurement after the other and replaces a child that crashes or
 * takes too long. It uses no OpenCL itself. */
#include "train/tune.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <sanlcl/clock.h>
#include <sanlcl/interrupt.h>
#include "base/memory.h"
#include "base/status.h"
#include "ops/op.h"
#include "ops/tuned.h"

static const double start_limit = 300, build_limit = 120; /* seconds for an answer */
static const double kill_limit = 10;                      /* and for an end */
static const double quick = 0.03, thorough = 0.2;         /* seconds of measuring */
static const double least_gain = 0.97; /* of the time, for another choice than the default */

struct tuner {
    const struct sanl_tune_options *options;
    pid_t child;
    int requests, replies; /* our ends */
    struct tune_shape *shapes;
    struct sanl_tune_row *rows;
    int count;
    double begun;
};

/* ---- the child ----------------------------------------------------------------------------------- */

/* A driver that hangs may keep even a killed child: one that does not end soon is left behind. */
static void stop_child(struct tuner *t)
{
    if (t->child <= 0)
        return;
    close(t->requests);
    close(t->replies);
    kill(t->child, SIGKILL);
    const double until = sanl_clock_seconds() + kill_limit;
    while (waitpid(t->child, NULL, WNOHANG) == 0 && sanl_clock_seconds() < until)
        poll(NULL, 0, 10);
    t->child = 0;
}

/* Drivers print to the error stream what is of no use here. */
static void be_child(const struct sanl_tune_options *options, int requests, int replies)
{
    const int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere >= 0) {
        (void)dup2(nowhere, STDOUT_FILENO);
        (void)dup2(nowhere, STDERR_FILENO);
    }
    sanl_tune_serve(requests, replies, options);
    _exit(0);
}

static enum sanl_status start_child(struct tuner *t)
{
    int down[2], up[2];
    if (pipe(down) != 0)
        return sanl_fail(SANL_ERR_IO, "no pipe to a child process: %s", strerror(errno));
    if (pipe(up) != 0) {
        close(down[0]);
        close(down[1]);
        return sanl_fail(SANL_ERR_IO, "no pipe to a child process: %s", strerror(errno));
    }
    fflush(NULL);
    t->child = fork();
    if (t->child == 0) {
        close(down[1]);
        close(up[0]);
        be_child(t->options, down[0], up[1]);
    }
    close(down[0]);
    close(up[1]);
    t->requests = down[1];
    t->replies = up[0];
    if (t->child > 0)
        return SANL_OK;
    close(down[1]);
    close(up[0]);
    return sanl_fail(SANL_ERR_IO, "no child process: %s", strerror(errno));
}

/* True when an answer begins within the time; false also when the child is gone, or when the user stops us
 * and it is not keeping a choice. */
static bool answers(const struct tuner *t, double limit, bool keeps)
{
    const double until = sanl_clock_seconds() + limit;
    while (sanl_clock_seconds() < until && (keeps || !sanl_interrupted())) {
        struct pollfd wait = {.fd = t->replies, .events = POLLIN};
        const int ready = poll(&wait, 1, 200);
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return false;
    }
    return false;
}

/* Sends a request and waits. A child that does not answer is stopped: SANL_ERR_DEVICE. */
static enum sanl_status ask(struct tune_reply *reply, struct tuner *t, const struct tune_request *request)
{
    const bool keeps = request->wish == TUNE_KEEP && t->child > 0;
    double limit = build_limit;
    if (t->child <= 0) {
        SANL_TRY(start_child(t));
        limit += start_limit;
    }
    const bool sent = sanl_tune_send(t->requests, request, sizeof *request),
               ready = sent && answers(t, limit, keeps);
    if (ready && sanl_tune_receive(t->replies, reply, sizeof *reply))
        return reply->status == SANL_OK ? SANL_OK : sanl_fail(reply->status, "%s", reply->message);
    stop_child(t);
    if (sanl_interrupted())
        return sanl_fail(SANL_ERR_INTERRUPTED, "stopped; what was tuned is kept");
    return sanl_fail(SANL_ERR_DEVICE, !sent || ready ? "crashed the driver" : "took more than %.0f s", limit);
}

static enum sanl_status list_shapes(struct tuner *t, struct sanl_tune_result *result)
{
    struct tune_reply reply;
    SANL_TRY(ask(&reply, t, &(struct tune_request){.wish = TUNE_LIST}));
    snprintf(result->path, sizeof result->path, "%s", reply.path);
    if (t->options->began)
        t->options->began(t->options->payload, &reply.device);
    t->shapes = sanl_calloc((size_t)reply.shape, sizeof *t->shapes);
    t->rows = sanl_calloc((size_t)reply.shape, sizeof *t->rows);
    if (!t->shapes || !t->rows)
        return SANL_ERR_MEMORY;
    for (int i = 0; i < reply.shape; i++) {
        if (!sanl_tune_receive(t->replies, &t->shapes[i], sizeof *t->shapes))
            return sanl_fail(SANL_ERR_DEVICE, "the child process ended while it listed the network's shapes");
        memcpy(t->rows[i].key, t->shapes[i].key, sizeof t->rows[i].key);
        t->rows[i].count = t->shapes[i].count;
        t->count++;
    }
    return SANL_OK;
}

static enum sanl_status measure(double *seconds, char name[48], bool *fits, struct tuner *t, int shape,
                                int choice, double least)
{
    struct tune_reply reply;
    SANL_TRY(ask(&reply, t, &(struct tune_request){TUNE_MEASURE, shape, choice, least}));
    *seconds = reply.seconds;
    *fits = reply.fits;
    memcpy(name, reply.name, sizeof reply.name);
    return SANL_OK;
}

/* ---- choosing ------------------------------------------------------------------------------------ */

/* "wide" of "wide-6x64". */
static bool same_route(const char *a, const char *b)
{
    const size_t length = strcspn(a, "-");
    return length == strcspn(b, "-") && strncmp(a, b, length) == 0;
}

static void report_failure(struct tuner *t, struct sanl_tune_row *row, const char *name)
{
    char message[1024];
    row->failed++;
    snprintf(message, sizeof message, "%s: %s: %s", row->key, name, sanl_error_message());
    if (t->options->failed)
        t->options->failed(t->options->payload, message);
}

static void show_progress(const struct tuner *t, const char *name, int shape)
{
    if (t->options->progress)
        t->options->progress(t->options->payload, name, t->rows[shape].key, shape, t->count);
}

static bool is_tuned(const struct tuner *t, int shape)
{
    return t->shapes[shape].tuned && !t->options->again;
}

/* The choice that is fastest at first sight; 0: the default. */
static enum sanl_status try_choices(int *best, struct tuner *t, int shape)
{
    struct sanl_tune_row *row = &t->rows[shape];
    const struct sanl_op *op = sanl_op_find(t->shapes[shape].op);
    char name[SANL_CHOICE_BYTES], found[48];
    *best = 0;
    double least = row->preset_seconds;
    for (int choice = 1; op->choice_name(name, choice); choice++) {
        double seconds;
        bool fits = false;
        if (strcmp(name, row->preset) == 0 || (!t->options->full && !same_route(name, row->preset)))
            continue;
        show_progress(t, name, shape);
        const enum sanl_status status = measure(&seconds, found, &fits, t, shape, choice, quick);
        if (status == SANL_ERR_INTERRUPTED)
            return status;
        if (status != SANL_OK) {
            report_failure(t, row, name);
            continue;
        }
        row->tried += fits;
        if (fits && seconds < least) {
            least = seconds;
            *best = choice;
        }
    }
    return SANL_OK;
}

/* A choice that fails now, though it did not before, takes infinitely long. */
static enum sanl_status measure_again(double *seconds, char name[48], struct tuner *t, int shape, int choice)
{
    struct sanl_tune_row *row = &t->rows[shape];
    bool fits;
    const enum sanl_status status = measure(seconds, name, &fits, t, shape, choice, thorough / 2);
    if (status == SANL_OK || status == SANL_ERR_INTERRUPTED)
        return status;
    (void)sanl_op_find(t->shapes[shape].op)->choice_name(name, choice);
    report_failure(t, row, name);
    *seconds = INFINITY;
    return SANL_OK;
}

/* The default and the best one in turns, longer; keeps the faster. */
static enum sanl_status decide(struct tuner *t, int shape, int best)
{
    struct sanl_tune_row *row = &t->rows[shape];
    const struct sanl_op *op = sanl_op_find(t->shapes[shape].op);
    bool fits;
    memcpy(row->choice, row->preset, sizeof row->choice);
    row->seconds = row->preset_seconds;
    if (best) {
        double preset[2], other[2];
        char name[48], preset_name[48];
        for (int i = 0; i < 2; i++) {
            SANL_TRY(measure(&preset[i], preset_name, &fits, t, shape, 0, thorough / 2));
            SANL_TRY(measure_again(&other[i], name, t, shape, best));
        }
        row->preset_seconds = preset[0] < preset[1] ? preset[0] : preset[1];
        row->seconds = row->preset_seconds;
        const double seconds = fmin(other[0], other[1]);
        if (fmax(other[0], other[1]) < INFINITY && seconds < least_gain * row->preset_seconds) {
            memcpy(row->choice, name, sizeof row->choice);
            row->seconds = seconds;
        }
    }
    struct tune_reply reply;
    return ask(&reply, t,
               &(struct tune_request){
                   .wish = TUNE_KEEP, .shape = shape, .choice = sanl_choice_named(op, row->choice)});
}

/* The defaults, and what an earlier run kept. A shape whose default cannot be measured is left alone. */
static enum sanl_status measure_present(struct tuner *t)
{
    for (int i = 0; i < t->count; i++) {
        bool fits;
        struct sanl_tune_row *row = &t->rows[i];
        show_progress(t, "default", i);
        enum sanl_status status = measure(&row->preset_seconds, row->preset, &fits, t, i, 0, quick);
        if (status == SANL_ERR_INTERRUPTED || (status != SANL_OK && i == 0))
            return status;
        if (status != SANL_OK)
            report_failure(t, row, "default");
        row->seconds = row->preset_seconds;
        if (status != SANL_OK || !is_tuned(t, i))
            continue;
        status = measure(&row->seconds, row->choice, &fits, t, i, t->shapes[i].tuned, quick);
        if (status == SANL_ERR_INTERRUPTED)
            return status;
        if (status != SANL_OK)
            t->shapes[i].tuned = 0; /* once more, then */
    }
    return SANL_OK;
}

static int next_shape(const struct tuner *t, const bool *finished)
{
    int next = -1;
    for (int i = 0; i < t->count; i++)
        if (!finished[i] && (next < 0 || t->rows[i].preset_seconds * t->rows[i].count >
                                             t->rows[next].preset_seconds * t->rows[next].count))
            next = i;
    return next;
}

static enum sanl_status tune_shapes(struct tuner *t, struct sanl_tune_result *result, bool *finished)
{
    int done = 0;
    for (int i = 0; i < t->count; i++) {
        finished[i] = t->rows[i].preset_seconds <= 0 || is_tuned(t, i);
        done += finished[i];
        result->kept += is_tuned(t, i);
    }
    for (int shape; (shape = next_shape(t, finished)) >= 0; finished[shape] = true) {
        if (result->tuned > 0 && t->options->budget_seconds > 0 &&
            sanl_clock_seconds() - t->begun > t->options->budget_seconds)
            break;
        int best;
        SANL_TRY(try_choices(&best, t, shape));
        const enum sanl_status status = decide(t, shape, best);
        if (status == SANL_ERR_INTERRUPTED || status == SANL_ERR_IO)
            return status;
        if (status != SANL_OK)
            report_failure(t, &t->rows[shape], "the last measurement");
        result->tuned += status == SANL_OK;
        if (t->options->done)
            t->options->done(t->options->payload, &t->rows[shape], done, t->count);
        done++;
    }
    result->left = t->count - done;
    return SANL_OK;
}

enum sanl_status sanl_tune_run(struct sanl_tune_result *result, const struct sanl_tune_options *options)
{
    struct tuner t = {.options = options, .begun = sanl_clock_seconds()};
    bool *finished = NULL;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    *result = (struct sanl_tune_result){0};
    sigaction(SIGPIPE, &ignore, &before); /* of a child that is gone */
    enum sanl_status status = list_shapes(&t, result);
    if (status == SANL_OK)
        status = measure_present(&t);
    if (status == SANL_OK && !(finished = sanl_calloc((size_t)t.count, sizeof *finished)))
        status = SANL_ERR_MEMORY;
    if (status == SANL_OK)
        status = tune_shapes(&t, result, finished);
    for (int i = 0; i < t.count; i++) {
        result->preset_seconds += t.rows[i].preset_seconds * t.rows[i].count;
        result->seconds += t.rows[i].seconds * t.rows[i].count;
    }
    result->shapes = t.count;
    stop_child(&t);
    sigaction(SIGPIPE, &before, NULL);
    free(finished);
    free(t.rows);
    free(t.shapes);
    return status;
}
