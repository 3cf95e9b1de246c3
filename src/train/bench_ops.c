/* Timing operators one by one. */
#include "train/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sanlcl/interrupt.h>
#include "base/memory.h"
#include "ops/optime.h"

enum { MOST_ROUNDS = 100 };
static const double nothing = 0.5e-6; /* seconds: less than any launch takes, so there was none */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

/* On both devices in turns, so that a change of the machine's speed meets both. */
static enum sanl_status compare_devices(struct sanl_bench_op *row, struct sanl_device *device,
                                        const struct sanl_work *work,
                                        const struct sanl_bench_op_options *options)
{
    const int rounds = options->rounds < MOST_ROUNDS ? options->rounds : MOST_ROUNDS;
    double ours[MOST_ROUNDS] = {0}, theirs[MOST_ROUNDS] = {0};
    struct sanl_optime *timer = NULL, *other = NULL;
    enum sanl_status status = sanl_optime_create(&timer, device, work);
    if (status == SANL_OK)
        status = sanl_optime_create(&other, options->other, work);
    for (int i = 0; i < rounds && status == SANL_OK; i++) {
        status = sanl_optime_measure(&ours[i], timer, options->least / rounds);
        if (status == SANL_OK)
            status = sanl_optime_measure(&theirs[i], other, options->least / rounds);
    }
    sanl_optime_free(timer);
    sanl_optime_free(other);
    row->seconds = median(ours, rounds);
    row->other_seconds = median(theirs, rounds);
    if (row->other_seconds < nothing)
        row->other_seconds = 0;
    return status;
}

static void set_roof(struct sanl_bench_op *row, const struct sanl_bench_peaks *peaks)
{
    const double bounds[] = {[SANL_LIMIT_COMPUTE] = row->flops / peaks->flops,
                             [SANL_LIMIT_MEMORY] = row->bytes / peaks->copy,
                             [SANL_LIMIT_LAUNCH] = peaks->launch};
    row->limit = SANL_LIMIT_COMPUTE;
    for (int i = 1; i < 3; i++)
        if (bounds[i] > bounds[row->limit])
            row->limit = (enum sanl_bench_limit)i;
    row->roof = bounds[row->limit] / row->seconds;
}

static enum sanl_status time_row(struct sanl_bench_op *row, struct sanl_device *device,
                                 const struct sanl_work_row *from,
                                 const struct sanl_bench_op_options *options)
{
    const struct sanl_work *work = &from->work;
    const struct sanl_op_cost cost = sanl_work_cost(work);
    *row = (struct sanl_bench_op){.count = from->count, .flops = cost.flops, .bytes = cost.bytes};
    snprintf(row->op, sizeof row->op, "%s", work->call.op->name);
    snprintf(row->pass, sizeof row->pass, "%s", sanl_pass_names[work->pass]);
    sanl_work_text(row->shape, &work->call);
    row->route = sanl_work_route(work, device);
    const int direction = sanl_work_direction(work);
    if (direction >= 0)
        (void)work->call.op->choice_name(row->kernels, work->call.chosen[direction]);
    if (options->other && sanl_work_route(work, options->other) != row->route)
        SANL_TRY(compare_devices(row, device, work, options));
    else
        SANL_TRY(sanl_optime_once(&row->seconds, device, work, options->least));
    set_roof(row, options->peaks);
    return SANL_OK;
}

/* ---- what to time -------------------------------------------------------------------------------- */

static enum sanl_status list_case(struct sanl_work_list *list, const struct sanl_op *op,
                                  const struct sanl_bench_op_options *options, struct sanl_device *device)
{
    const char *text = options->shape;
    struct sanl_opcase parsed;
    SANL_TRY(sanl_opcase_parse(&parsed, op, text));
    parsed.call.training &= options->training;
    bool empty = false, fits = false, wish = false;
    for (int i = 0; i < parsed.call.in_count; i++)
        empty |= sanl_shape_count(parsed.call.in_shape[i]) == 0;
    if (empty)
        return sanl_fail(SANL_ERR_USAGE, "%s: '%s' has no elements to compute with", op->name, text);
    SANL_TRY(op->infer(&parsed.call, device));
    for (int i = 0; i < SANL_OP_CHOICES && (i == 0 || parsed.call.training); i++) {
        wish |= parsed.call.choice[i] != 0;
        fits |= parsed.call.choice[i] != 0 && parsed.call.chosen[i] == parsed.call.choice[i];
    }
    if (wish && !fits)
        return sanl_fail(SANL_ERR_USAGE, "%s: '%s': these kernels suit neither this shape nor this route",
                         op->name, text);
    const unsigned din = op->in_grad & ((1u << parsed.call.in_count) - 1);
    return sanl_work_add(list, &parsed.call, sanl_work_passes(&parsed.call, din), din);
}

static void keep_op(struct sanl_work_list *list, const struct sanl_op *op)
{
    int kept = 0;
    for (int i = 0; i < list->count; i++)
        if (list->rows[i].work.call.op == op)
            list->rows[kept++] = list->rows[i];
    list->count = kept;
}

static enum sanl_status list_work(struct sanl_work_list *list, struct sanl_device *device,
                                  const struct sanl_bench_op_options *options)
{
    const struct sanl_op *op = options->op ? sanl_op_find(options->op) : NULL;
    if (options->shape && !options->op)
        return sanl_fail(SANL_ERR_USAGE, "a shape needs the name of its operator");
    if (options->op && !op)
        return sanl_op_unknown(options->op);
    if (options->shape)
        return list_case(list, op, options, device);
    SANL_TRY(sanl_bench_list_work(list, options->config, device, options->batch, options->training));
    if (op)
        keep_op(list, op);
    if (list->count == 0)
        return sanl_fail(SANL_ERR_USAGE, "the network has no operator '%s'; give a shape to time it",
                         options->op);
    return SANL_OK;
}

static int by_time(const void *a, const void *b)
{
    const struct sanl_bench_op *x = a, *y = b;
    const double s = x->count * x->seconds, t = y->count * y->seconds;
    return (s < t) - (s > t);
}

enum sanl_status sanl_bench_ops(struct sanl_bench_op **out, int *count, struct sanl_device *device,
                                const struct sanl_bench_op_options *options)
{
    struct sanl_work_list list = {0};
    *out = NULL;
    *count = 0;
    enum sanl_status status = list_work(&list, device, options);
    if (status == SANL_OK && !(*out = sanl_calloc((size_t)list.count, sizeof **out)))
        status = SANL_ERR_MEMORY;
    if (status == SANL_OK && options->peaks->flops <= 0)
        status = sanl_bench_measure_peaks(options->peaks, device);
    for (int i = 0; i < list.count && status == SANL_OK; i++) {
        if (options->progress)
            options->progress(options->payload, i, list.count, list.rows[i].work.call.op->name);
        status = sanl_interrupted()
                     ? sanl_fail(SANL_ERR_INTERRUPTED, "stopped after %d of %d rows", i, list.count)
                     : time_row(&(*out)[i], device, &list.rows[i], options);
        *count += status == SANL_OK;
    }
    sanl_work_free(&list);
    if (*count > 0 && (status == SANL_OK || status == SANL_ERR_INTERRUPTED)) {
        qsort(*out, (size_t)*count, sizeof **out, by_time);
        return status;
    }
    free(*out);
    *out = NULL;
    *count = 0;
    return status;
}
