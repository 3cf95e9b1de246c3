#include "ops/optime.h"

#include <stdlib.h>
#include <sanlcl/clock.h>
#include "base/memory.h"
#include "base/random.h"

enum {
    SAMPLES = 5,
    MOST_RUNS = 100000, /* in a sample */
    BLOCK = 65536       /* random values that a large tensor repeats */
};

struct sanl_optime {
    struct sanl_device *device;
    struct sanl_op_call call;
    enum sanl_pass pass;
};

/* ---- buffers ------------------------------------------------------------------------------------- */

static enum sanl_status make(sanl_buffer *buffer, struct sanl_device *device, struct sanl_shape shape)
{
    return sanl_buffer_create(buffer, device, sanl_shape_count(shape) * sizeof(float));
}

static enum sanl_status send(sanl_buffer buffer, struct sanl_device *device, const double *values,
                             size_t period, size_t count)
{
    float *floats = sanl_calloc(count, sizeof *floats);
    if (!floats)
        return SANL_ERR_MEMORY;
    for (size_t i = 0; i < count; i++)
        floats[i] = (float)values[i % period];
    const enum sanl_status status = sanl_buffer_write(device, buffer, 0, floats, count * sizeof *floats);
    free(floats);
    return status;
}

static enum sanl_status make_filled(sanl_buffer *buffer, struct sanl_optime *timer, enum sanl_fill kind,
                                    struct sanl_shape shape, uint64_t key)
{
    const size_t count = sanl_shape_count(shape), period = count < BLOCK ? count : BLOCK;
    SANL_TRY(make(buffer, timer->device, shape));
    if (count == 0 || kind == SANL_FILL_OWN)
        return SANL_OK; /* fill_own */
    double *values = sanl_calloc(period, sizeof *values);
    if (!values)
        return SANL_ERR_MEMORY;
    sanl_opcase_fill_tensor(&timer->call, kind, values, period, key);
    const enum sanl_status status = send(*buffer, timer->device, values, period, count);
    free(values);
    return status;
}

/* Inputs that only the operator itself can make. */
static enum sanl_status fill_own(struct sanl_optime *timer)
{
    const struct sanl_op_call *call = &timer->call;
    struct sanl_op_host host = {0};
    enum sanl_status status = SANL_OK;
    for (int i = 0; i < call->in_count && status == SANL_OK; i++)
        if (!(host.in[i] = sanl_calloc(sanl_shape_count(call->in_shape[i]), sizeof *host.in[i])))
            status = SANL_ERR_MEMORY;
    if (status == SANL_OK)
        call->op->fill(call, &host, 1);
    for (int i = 0; i < call->in_count && status == SANL_OK; i++) {
        const size_t count = sanl_shape_count(call->in_shape[i]);
        if (call->op->in_fill[i] == SANL_FILL_OWN)
            status = send(call->in[i], timer->device, host.in[i], count, count);
    }
    for (int i = 0; i < call->in_count; i++)
        free(host.in[i]);
    return status;
}

static enum sanl_status make_forward(struct sanl_optime *timer)
{
    struct sanl_op_call *call = &timer->call;
    uint64_t key = 0;
    for (int i = 0; i < call->in_count; i++)
        SANL_TRY(make_filled(&call->in[i], timer, call->op->in_fill[i], call->in_shape[i], ++key));
    for (int i = 0; i < call->param_count; i++)
        SANL_TRY(make_filled(&call->param[i], timer, call->op->param_fill[i], call->param_shape[i], ++key));
    for (int i = 0; i < call->state_count; i++)
        SANL_TRY(make_filled(&call->state[i], timer, call->op->state_fill[i], call->state_shape[i], ++key));
    for (int i = 0; i < call->out_count; i++)
        SANL_TRY(make(&call->out[i], timer->device, call->out_shape[i]));
    for (int i = 0; i < call->saved_count; i++)
        SANL_TRY(make(&call->saved[i], timer->device, call->saved_shape[i]));
    if (call->workspace_bytes)
        SANL_TRY(sanl_buffer_create(&call->workspace, timer->device, call->workspace_bytes));
    for (int d = 0; d < 2; d++)
        if (call->prepared_bytes[d])
            SANL_TRY(sanl_buffer_create(&call->prepared[d], timer->device, call->prepared_bytes[d]));
    return call->op->fill ? fill_own(timer) : SANL_OK;
}

static enum sanl_status make_backward(struct sanl_optime *timer, unsigned din)
{
    struct sanl_op_call *call = &timer->call;
    const bool params = timer->pass != SANL_PASS_DATA && !call->no_param_grad;
    SANL_TRY(make_filled(&call->dout[0], timer, SANL_FILL_NORMAL, call->out_shape[0], 1000));
    for (int i = 0; i < call->in_count; i++)
        if (din >> i & 1)
            SANL_TRY(make(&call->din[i], timer->device, call->in_shape[i]));
    for (int i = 0; i < call->param_count && params; i++)
        SANL_TRY(make(&call->dparam[i], timer->device, call->param_shape[i]));
    return SANL_OK;
}

static void free_buffers(struct sanl_op_call *call)
{
    for (int i = 0; i < SANL_OP_IN; i++) {
        sanl_buffer_free(call->in[i]);
        sanl_buffer_free(call->din[i]);
    }
    for (int i = 0; i < SANL_OP_OUT; i++) {
        sanl_buffer_free(call->out[i]);
        sanl_buffer_free(call->dout[i]);
    }
    for (int i = 0; i < SANL_OP_PARAM; i++) {
        sanl_buffer_free(call->param[i]);
        sanl_buffer_free(call->dparam[i]);
    }
    for (int i = 0; i < SANL_OP_STATE; i++)
        sanl_buffer_free(call->state[i]);
    for (int i = 0; i < SANL_OP_SAVED; i++)
        sanl_buffer_free(call->saved[i]);
    sanl_buffer_free(call->workspace);
    sanl_buffer_free(call->prepared[SANL_FORWARD]);
    sanl_buffer_free(call->prepared[SANL_BACKWARD]);
}

static enum sanl_status prepare(struct sanl_op_call *call, struct sanl_device *device)
{
    if (!call->op->prepare)
        return SANL_OK;
    SANL_TRY(call->op->prepare(call, device, SANL_FORWARD));
    return call->training ? call->op->prepare(call, device, SANL_BACKWARD) : SANL_OK;
}

/* ---- a timer ------------------------------------------------------------------------------------- */

static enum sanl_status set_up(struct sanl_optime *timer, const struct sanl_work *work)
{
    struct sanl_op_call *call = &timer->call;
    SANL_TRY(call->op->infer(call, timer->device));
    const unsigned passes = sanl_work_passes(call, work->din) | 1u << SANL_PASS_RECOMPUTE |
                            (call->op->prepare ? 1u << SANL_PASS_PREPARE : 0);
    if (!(passes >> work->pass & 1))
        return sanl_op_refuse(call, "this call has no pass '%s'", sanl_pass_names[work->pass]);
    SANL_TRY(make_forward(timer));
    if (work->pass > SANL_PASS_RECOMPUTE)
        SANL_TRY(make_backward(timer, work->din));
    SANL_TRY(prepare(call, timer->device));
    SANL_TRY(call->op->forward(call, timer->device));
    return sanl_device_finish(timer->device);
}

enum sanl_status sanl_optime_create(struct sanl_optime **out, struct sanl_device *device,
                                    const struct sanl_work *work)
{
    struct sanl_optime *timer = sanl_calloc(1, sizeof *timer);
    *out = NULL;
    if (!timer)
        return SANL_ERR_MEMORY;
    timer->device = device;
    timer->call = work->call;
    timer->pass = work->pass;
    const enum sanl_status status = set_up(timer, work);
    if (status == SANL_OK)
        *out = timer;
    else
        sanl_optime_free(timer);
    return status;
}

void sanl_optime_free(struct sanl_optime *timer)
{
    if (!timer)
        return;
    free_buffers(&timer->call);
    free(timer);
}

struct sanl_op_call *sanl_optime_call(struct sanl_optime *timer)
{
    return &timer->call;
}

static enum sanl_status run_times(double *seconds, struct sanl_optime *timer, int runs)
{
    const struct sanl_op *op = timer->call.op;
    enum sanl_status (*const passes[])(struct sanl_op_call *, struct sanl_device *) = {
        [SANL_PASS_PREPARE] = prepare,
        [SANL_PASS_FORWARD] = op->forward,
        [SANL_PASS_RECOMPUTE] = op->recompute ? op->recompute : op->forward,
        [SANL_PASS_DATA] = op->backward,
        [SANL_PASS_WEIGHT] = op->backward,
        [SANL_PASS_BACKWARD] = op->backward};
    const double start = sanl_clock_seconds();
    for (int i = 0; i < runs; i++)
        SANL_TRY(passes[timer->pass](&timer->call, timer->device));
    SANL_TRY(sanl_device_finish(timer->device));
    *seconds = sanl_clock_seconds() - start;
    return SANL_OK;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum sanl_status sanl_optime_measure(double *seconds, struct sanl_optime *timer, double least)
{
    double samples[SAMPLES], one, total = 0;
    int count = 0, runs = 1;
    SANL_TRY(run_times(&one, timer, 1));
    SANL_TRY(run_times(&one, timer, 1));
    if (one > 0 && least / SAMPLES > one)
        runs = least / SAMPLES / one < MOST_RUNS ? (int)(least / SAMPLES / one) + 1 : MOST_RUNS;
    /* A pass far longer than `least` is not repeated as often. */
    while (count < SAMPLES && (count == 0 || total < 4 * least)) {
        SANL_TRY(run_times(&samples[count], timer, runs));
        total += samples[count];
        samples[count++] /= runs;
    }
    qsort(samples, (size_t)count, sizeof *samples, compare);
    *seconds = samples[count / 2];
    return SANL_OK;
}

enum sanl_status sanl_optime_once(double *seconds, struct sanl_device *device, const struct sanl_work *work,
                                  double least)
{
    struct sanl_optime *timer;
    SANL_TRY(sanl_optime_create(&timer, device, work));
    const enum sanl_status status = sanl_optime_measure(seconds, timer, least);
    sanl_optime_free(timer);
    return status;
}
