#include "ops/work.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"

const char *const sanl_pass_names[] = {"prepare", "forward", "recompute", "data", "weight", "backward", NULL};

static bool has_matrix(const struct sanl_op_call *call)
{
    return call->param_count > 0 && sanl_shape_count(call->param_shape[0]) > (size_t)call->param_shape[0].c;
}

unsigned sanl_work_passes(const struct sanl_op_call *call, unsigned din)
{
    const bool params = call->param_count > 0 && !call->no_param_grad;
    unsigned passes = 1u << SANL_PASS_FORWARD;
    if (!call->training || !call->op->backward || (!din && !params))
        return passes;
    if (!has_matrix(call))
        return passes | 1u << SANL_PASS_BACKWARD;
    return passes | (din ? 1u << SANL_PASS_DATA : 0) | (params ? 1u << SANL_PASS_WEIGHT : 0);
}

static bool same_shapes(const struct sanl_op_call *a, const struct sanl_op_call *b)
{
    if (a->in_count != b->in_count)
        return false;
    for (int i = 0; i < a->in_count; i++) {
        const struct sanl_shape s = a->in_shape[i], t = b->in_shape[i];
        if (s.n != t.n || s.h != t.h || s.w != t.w || s.c != t.c)
            return false;
    }
    return true;
}

static bool same_attributes(const struct sanl_op_call *a, const struct sanl_op_call *b)
{
    for (int i = 0; i < SANL_OP_ATTR && a->op->attr[i].name; i++)
        if (a->attr[i] < b->attr[i] || a->attr[i] > b->attr[i])
            return false;
    return a->training == b->training && a->no_param_grad == b->no_param_grad;
}

static bool same_work(const struct sanl_work *a, const struct sanl_work *b)
{
    return a->call.op == b->call.op && a->pass == b->pass && a->din == b->din &&
           same_shapes(&a->call, &b->call) && same_attributes(&a->call, &b->call);
}

/* Buffers are their owner's business. */
static void forget_buffers(struct sanl_op_call *call)
{
    memset(call->in, 0, sizeof call->in);
    memset(call->out, 0, sizeof call->out);
    memset(call->param, 0, sizeof call->param);
    memset(call->state, 0, sizeof call->state);
    memset(call->saved, 0, sizeof call->saved);
    memset(call->din, 0, sizeof call->din);
    memset(call->din_add, 0, sizeof call->din_add);
    memset(call->dout, 0, sizeof call->dout);
    memset(call->dparam, 0, sizeof call->dparam);
    call->workspace = call->prepared[0] = call->prepared[1] = NULL;
}

static enum sanl_status add(struct sanl_work_list *list, const struct sanl_work *work)
{
    for (int i = 0; i < list->count; i++)
        if (same_work(&list->rows[i].work, work)) {
            list->rows[i].count++;
            return SANL_OK;
        }
    SANL_TRY(sanl_grow(&list->rows, &list->capacity, (size_t)list->count + 1, sizeof *list->rows));
    list->rows[list->count++] = (struct sanl_work_row){*work, 1};
    return SANL_OK;
}

enum sanl_status sanl_work_add(struct sanl_work_list *list, const struct sanl_op_call *call, unsigned passes,
                               unsigned din)
{
    for (int pass = 0; pass < SANL_PASS_COUNT; pass++) {
        if (!(passes >> pass & 1))
            continue;
        const bool back = pass == SANL_PASS_DATA || pass == SANL_PASS_BACKWARD;
        struct sanl_work work = {.call = *call, .pass = (enum sanl_pass)pass, .din = back ? din : 0};
        forget_buffers(&work.call);
        SANL_TRY(add(list, &work));
    }
    return SANL_OK;
}

void sanl_work_free(struct sanl_work_list *list)
{
    free(list->rows);
    *list = (struct sanl_work_list){0};
}

void sanl_work_text(char text[SANL_CASE_BYTES], const struct sanl_op_call *call)
{
    size_t used = 0;
    char number[32];
    text[0] = '\0';
    for (int i = 0; i < call->in_count && used < SANL_CASE_BYTES; i++) {
        const struct sanl_shape s = call->in_shape[i];
        used += (size_t)snprintf(text + used, SANL_CASE_BYTES - used, "%s%d,%d,%d,%d", i ? ";" : "in=", s.n,
                                 s.h, s.w, s.c);
    }
    for (int i = 0; i < SANL_OP_ATTR && call->op->attr[i].name && used < SANL_CASE_BYTES; i++) {
        const double preset = call->op->attr[i].value;
        if (!(call->attr[i] < preset || call->attr[i] > preset))
            continue;
        sanl_number_text(number, call->attr[i]);
        used +=
            (size_t)snprintf(text + used, SANL_CASE_BYTES - used, " %s=%s", call->op->attr[i].name, number);
    }
    if (!call->training && call->op->backward && used < SANL_CASE_BYTES)
        used += (size_t)snprintf(text + used, SANL_CASE_BYTES - used, " train=0");
    if (call->no_param_grad && call->param_count > 0 && call->training && used < SANL_CASE_BYTES)
        (void)snprintf(text + used, SANL_CASE_BYTES - used, " noparam=1");
}

int sanl_work_direction(const struct sanl_work *work)
{
    if (!work->call.op->choice_name)
        return -1;
    return work->pass == SANL_PASS_FORWARD  ? 0
           : work->pass == SANL_PASS_DATA   ? 1
           : work->pass == SANL_PASS_WEIGHT ? 2
                                            : -1;
}

enum sanl_route sanl_work_route(const struct sanl_work *work, const struct sanl_device *device)
{
    return has_matrix(&work->call) ? sanl_device_route(device) : sanl_device_family(device);
}

static struct sanl_op_cost prepare_cost(const struct sanl_op_call *call)
{
    double bytes = (double)(call->prepared_bytes[SANL_FORWARD] + call->prepared_bytes[SANL_BACKWARD]);
    for (int i = 0; i < call->param_count; i++)
        bytes += 4 * (double)sanl_shape_count(call->param_shape[i]);
    return (struct sanl_op_cost){.bytes = bytes};
}

struct sanl_op_cost sanl_work_cost(const struct sanl_work *work)
{
    const struct sanl_op *op = work->call.op;
    if (work->pass == SANL_PASS_PREPARE)
        return prepare_cost(&work->call);
    if (!op->cost)
        return (struct sanl_op_cost){0};
    if (work->pass == SANL_PASS_FORWARD || work->pass == SANL_PASS_RECOMPUTE)
        return op->cost(&work->call, SANL_FORWARD);
    struct sanl_op_call data = work->call;
    data.no_param_grad = true;
    const struct sanl_op_cost all = op->cost(&work->call, SANL_BACKWARD);
    const struct sanl_op_cost inputs = op->cost(&data, SANL_BACKWARD);
    if (work->pass == SANL_PASS_DATA)
        return inputs;
    if (work->pass == SANL_PASS_WEIGHT)
        return (struct sanl_op_cost){all.flops - inputs.flops, all.bytes - inputs.bytes};
    return all;
}

/* ---- running under a name ------------------------------------------------------------------------ */

static struct sanl_op_cost backward_cost(const struct sanl_op_call *call)
{
    struct sanl_op_cost all = {0};
    unsigned din = 0;
    for (int i = 0; i < call->in_count; i++)
        din |= call->din[i] ? 1u << i : 0;
    for (int pass = SANL_PASS_DATA; pass < SANL_PASS_COUNT; pass++) {
        if (!(sanl_work_passes(call, din) >> pass & 1))
            continue;
        const struct sanl_op_cost one =
            sanl_work_cost(&(struct sanl_work){.call = *call, .pass = (enum sanl_pass)pass});
        all.flops += one.flops;
        all.bytes += one.bytes;
    }
    return all;
}

void sanl_work_enter(struct sanl_device *device, const struct sanl_op_call *call, enum sanl_pass pass,
                     const char *layer)
{
    char group[64], text[SANL_CASE_BYTES], detail[SANL_CASE_BYTES + 80];
    if (!sanl_device_profiles(device))
        return;
    struct sanl_op_cost cost = {0}; /* of prepare it is not known: one direction, or two */
    if (pass == SANL_PASS_BACKWARD)
        cost = backward_cost(call);
    else if (pass != SANL_PASS_PREPARE)
        cost = sanl_work_cost(&(struct sanl_work){.call = *call, .pass = pass});
    sanl_work_text(text, call);
    snprintf(group, sizeof group, "%s %s", call->op->name, sanl_pass_names[pass]);
    snprintf(detail, sizeof detail, "%.64s: %s", layer, text);
    sanl_device_enter(device, group, detail, cost.flops, cost.bytes);
}

enum sanl_status sanl_work_forward(struct sanl_op_call *call, struct sanl_device *device, const char *layer)
{
    sanl_work_enter(device, call, SANL_PASS_FORWARD, layer);
    const enum sanl_status status = call->op->forward(call, device);
    sanl_device_leave(device);
    return status;
}
