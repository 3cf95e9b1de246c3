/* The tuner's child: opens the device and measures what it is asked to. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/memory.h"
#include "base/status.h"
#include "ops/optime.h"
#include "ops/tuned.h"
#include "train/bench.h"
#include "train/tune.h"

struct worker {
    const struct sanl_tune_options *options;
    struct sanl_device *device;
    struct sanl_work_list list; /* one work for each key */
    float *expected;            /* the default's output for shape `expected_of` */
    size_t expected_count;
    int expected_of;
};

bool sanl_tune_send(int pipe, const void *record, size_t bytes)
{
    const char *at = record;
    while (bytes) {
        const ssize_t done = write(pipe, at, bytes);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        at += done;
        bytes -= (size_t)done;
    }
    return true;
}

bool sanl_tune_receive(int pipe, void *record, size_t bytes)
{
    char *at = record;
    while (bytes) {
        const ssize_t done = read(pipe, at, bytes);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        at += done;
        bytes -= (size_t)done;
    }
    return true;
}

/* Works that differ in what does not count for the speed, as in their epilogues, are one. */
static enum sanl_status merge(struct sanl_work_list *list, const struct sanl_device *device)
{
    int kept = 0;
    char key[SANL_TUNED_KEY_BYTES], other[SANL_TUNED_KEY_BYTES];
    for (int i = 0; i < list->count; i++) {
        const int direction = sanl_work_direction(&list->rows[i].work);
        int same = 0;
        if (direction < 0)
            continue;
        sanl_tuned_key(key, &list->rows[i].work.call, device, direction);
        for (; same < kept; same++) {
            sanl_tuned_key(other, &list->rows[same].work.call, device,
                           sanl_work_direction(&list->rows[same].work));
            if (strcmp(key, other) == 0)
                break;
        }
        if (same < kept)
            list->rows[same].count += list->rows[i].count;
        else
            list->rows[kept++] = list->rows[i];
    }
    list->count = kept;
    return kept ? SANL_OK : sanl_fail(SANL_ERR_INTERNAL, "the network has nothing to tune");
}

static enum sanl_status open_worker(struct worker *w)
{
    const struct sanl_tune_options *o = w->options;
    const struct sanl_device_options options = {.select = o->select, .route = o->route, .no_tuned = true};
    SANL_TRY(sanl_device_open(&w->device, &options));
    sanl_device_load_tuned(w->device); /* whether the file can be written shows before all measuring */
    const enum sanl_status status = sanl_device_save_tuned(w->device);
    sanl_device_forget_tuned(w->device);
    if (status != SANL_OK)
        return status;
    SANL_TRY(sanl_bench_list_work(&w->list, o->config, w->device, o->batch, true));
    SANL_TRY(sanl_bench_list_work(&w->list, o->config, w->device, o->batch, false));
    return merge(&w->list, w->device);
}

/* The choice that is kept for a key, if it suits; else 0. */
static int kept_choice(const struct sanl_device *device, const struct sanl_work *work, const char *key)
{
    const char *found, *value;
    const struct sanl_op *op = work->call.op;
    for (int i = 0; sanl_device_tuned_at(device, i, &found, &value); i++) {
        const int choice = strcmp(found, key) == 0 ? sanl_choice_named(op, value) : 0;
        if (choice && op->choice_fits(&work->call, device, sanl_work_direction(work), choice))
            return choice;
    }
    return 0;
}

static bool send_list(struct worker *w, int replies)
{
    struct tune_reply reply = {.shape = w->list.count, .device = *sanl_device_get_info(w->device)};
    char *path = sanl_device_tuned_path(w->device);
    snprintf(reply.path, sizeof reply.path, "%s", path ? path : "");
    free(path);
    bool sent = sanl_tune_send(replies, &reply, sizeof reply);
    sanl_device_load_tuned(w->device);
    for (int i = 0; i < w->list.count && sent; i++) {
        const struct sanl_work_row *row = &w->list.rows[i];
        struct tune_shape shape = {.count = row->count};
        sanl_tuned_key(shape.key, &row->work.call, w->device, sanl_work_direction(&row->work));
        snprintf(shape.op, sizeof shape.op, "%s", row->work.call.op->name);
        shape.tuned = kept_choice(w->device, &row->work, shape.key);
        sent = sanl_tune_send(replies, &shape, sizeof shape);
    }
    sanl_device_forget_tuned(w->device);
    return sent;
}

/* ---- measuring ----------------------------------------------------------------------------------- */

static enum sanl_status read_output(float **out, size_t *count, struct sanl_device *device,
                                    const struct sanl_work *work, const struct sanl_op_call *call)
{
    int input = 0;
    while (input + 1 < SANL_OP_IN && !(work->din >> input & 1))
        input++;
    const sanl_buffer buffer = work->pass == SANL_PASS_FORWARD ? call->out[0]
                               : work->pass == SANL_PASS_DATA  ? call->din[input]
                                                               : call->dparam[0];
    const struct sanl_shape shape = work->pass == SANL_PASS_FORWARD ? call->out_shape[0]
                                    : work->pass == SANL_PASS_DATA  ? call->in_shape[input]
                                                                    : call->param_shape[0];
    *count = sanl_shape_count(shape);
    *out = sanl_calloc(*count, sizeof **out);
    if (!*out)
        return SANL_ERR_MEMORY;
    return sanl_buffer_read(device, buffer, 0, *out, *count * sizeof **out);
}

/* The largest difference as a share of the largest value; infinite for what is not a number. */
static double difference(const float *found, const float *expected, size_t count)
{
    double worst = 0, scale = 1e-30;
    for (size_t i = 0; i < count; i++) {
        const double d = fabs((double)found[i] - (double)expected[i]);
        if (!(d < INFINITY))
            return INFINITY;
        worst = fmax(worst, d);
        scale = fmax(scale, fabs((double)expected[i]));
    }
    return worst / scale;
}

static enum sanl_status check_output(struct worker *w, const struct sanl_work *work,
                                     const struct sanl_op_call *call, int shape, int choice)
{
    float *values = NULL;
    size_t count = 0;
    enum sanl_status status = read_output(&values, &count, w->device, work, call);
    if (status == SANL_OK && choice == 0) {
        free(w->expected);
        w->expected = values;
        w->expected_count = count;
        w->expected_of = shape;
        return SANL_OK;
    }
    const double allowed = call->op->tolerance > 0 ? call->op->tolerance : 1e-5;
    if (status == SANL_OK && w->expected_of == shape && count == w->expected_count) {
        const double found = difference(values, w->expected, count);
        if (!(found <= allowed))
            status =
                sanl_fail(SANL_ERR_NUMERIC, "differs from the default by %.1e of the largest value", found);
    }
    free(values);
    return status;
}

static enum sanl_status measure(struct tune_reply *reply, struct worker *w,
                                const struct tune_request *request)
{
    struct sanl_work work = w->list.rows[request->shape].work;
    const int direction = sanl_work_direction(&work);
    struct sanl_optime *timer;
    if (request->choice && !work.call.op->choice_fits(&work.call, w->device, direction, request->choice))
        return SANL_OK;
    reply->fits = true;
    work.call.choice[direction] = request->choice;
    if (request->choice && w->expected_of != request->shape) {
        const struct tune_request preset = {.wish = TUNE_MEASURE, .shape = request->shape};
        SANL_TRY(measure(&(struct tune_reply){0}, w, &preset));
    }
    SANL_TRY(sanl_optime_create(&timer, w->device, &work));
    const struct sanl_op_call *call = sanl_optime_call(timer);
    const bool repacks = call->prepare_at_use || (call->training && !call->no_param_grad);
    (void)call->op->choice_name(reply->name, call->chosen[direction]);
    enum sanl_status status = sanl_optime_measure(&reply->seconds, timer, request->least);
    if (status == SANL_OK)
        status = check_output(w, &work, call, request->shape, request->choice);
    sanl_optime_free(timer);
    if (status == SANL_OK && repacks && work.pass != SANL_PASS_WEIGHT) {
        double prepare;
        work.pass = SANL_PASS_PREPARE;
        status = sanl_optime_once(&prepare, w->device, &work, request->least / 4);
        reply->seconds += status == SANL_OK ? prepare : 0;
    }
    return status;
}

/* The file may have grown in the meantime, by another run. */
static enum sanl_status keep(struct worker *w, const struct tune_request *request)
{
    const struct sanl_work *work = &w->list.rows[request->shape].work;
    char key[SANL_TUNED_KEY_BYTES], name[SANL_CHOICE_BYTES] = "";
    sanl_tuned_key(key, &work->call, w->device, sanl_work_direction(work));
    (void)work->call.op->choice_name(name, request->choice);
    sanl_device_load_tuned(w->device);
    enum sanl_status status = sanl_device_set_tuned(w->device, key, name);
    if (status == SANL_OK)
        status = sanl_device_save_tuned(w->device);
    sanl_device_forget_tuned(w->device);
    return status;
}

void sanl_tune_serve(int requests, int replies, const struct sanl_tune_options *options)
{
    struct worker w = {.options = options, .expected_of = -1};
    struct tune_request request;
    const enum sanl_status opened = open_worker(&w);
    while (sanl_tune_receive(requests, &request, sizeof request)) {
        struct tune_reply reply = {.status = opened, .shape = request.shape};
        if (opened == SANL_OK && request.wish == TUNE_LIST) {
            if (!send_list(&w, replies))
                break;
            continue;
        }
        if (opened == SANL_OK)
            reply.status = request.wish == TUNE_MEASURE ? measure(&reply, &w, &request) : keep(&w, &request);
        if (reply.status != SANL_OK)
            snprintf(reply.message, sizeof reply.message, "%s", sanl_error_message());
        if (!sanl_tune_send(replies, &reply, sizeof reply))
            break;
    }
    free(w.expected);
    sanl_work_free(&w.list);
    sanl_device_free(w.device);
}
