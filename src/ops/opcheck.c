#include "ops/opcheck.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"

enum kind { IN, OUT, PARAM, STATE, SAVED, DIN, DOUT, DPARAM, WORKSPACE, PREPARED };
static const char *const kind_names[] = {"in",  "out",  "param",  "state",     "saved",
                                         "din", "dout", "dparam", "workspace", "prepared"};

enum { SLOT_COUNT = 32, GUARD_BYTES = 4096, GRADIENT_SAMPLES = 40 };
/* A signalling NaN: what is computed from it is NaN with other bits. */
static const uint32_t poison = 0x7fa5a5a5;
static const double gradient_budget = 1e8;                  /* flops of reference forwards per case */
static const double tiny_flops = 3e5, tiny_elements = 8192; /* what an interpreter of kernels can do */
static const double smallest_scale = 1e-7;                  /* tensors below are compared absolutely */

/* One tensor of the call on the host and, between two guard zones, on the device. */
struct slot {
    enum kind kind;
    int index;
    struct sanl_shape shape;
    size_t count;       /* floats, without guards */
    double *host;       /* the reference's; NULL for workspace and prepared */
    float *first;       /* contents before forward; of a din: what a gradient is added to */
    float *sent, *back; /* guard, contents, guard: as uploaded, as read after the launch */
    float *kept;        /* results of an earlier run */
    cl_mem parent, part;
};

struct check {
    struct sanl_device *device;
    struct sanl_op_call call;
    struct sanl_op_host host;
    struct slot slots[SLOT_COUNT];
    int slot_count;
    size_t guard; /* floats of a guard zone */
    double tolerance, gradient_tolerance;
    uint64_t key;
    struct sanl_opcheck_result *result;
};

/* ---- slots --------------------------------------------------------------------------------------- */

static cl_mem *place(struct sanl_op_call *call, enum kind kind, int i)
{
    cl_mem *const places[] = {call->in,  call->out,  call->param,  call->state,      call->saved,
                              call->din, call->dout, call->dparam, &call->workspace, &call->prepared};
    return places[kind] + i;
}

static double **host_place(struct sanl_op_host *host, enum kind kind, int i)
{
    double **const places[] = {host->in,    host->out, host->param, host->state,
                               host->saved, host->din, host->dout,  host->dparam};
    return places[kind] + i;
}

static enum sanl_status add_slot(struct check *check, enum kind kind, int index, struct sanl_shape shape)
{
    struct slot *slot = &check->slots[check->slot_count++];
    size_t count = sanl_shape_count(shape), whole = count + 2 * check->guard, unit = sizeof(float);
    *slot = (struct slot){.kind = kind, .index = index, .shape = shape, .count = count};
    slot->first = sanl_calloc(count, unit);
    slot->kept = sanl_calloc(count, unit);
    slot->sent = sanl_calloc(whole, unit);
    slot->back = sanl_calloc(whole, unit);
    if (kind < WORKSPACE)
        slot->host = sanl_calloc(count, sizeof(double));
    if (!slot->first || !slot->kept || !slot->sent || !slot->back || (kind < WORKSPACE && !slot->host))
        return SANL_ERR_MEMORY;
    SANL_TRY(sanl_buffer_create(&slot->parent, check->device, whole * unit));
    SANL_TRY(sanl_buffer_part(&slot->part, slot->parent, check->guard * unit, count * unit));
    *place(&check->call, kind, index) = slot->part;
    if (kind < WORKSPACE)
        *host_place(&check->host, kind, index) = slot->host;
    return SANL_OK;
}

static enum sanl_status add_slots(struct check *check, enum kind kind, const struct sanl_shape *shapes,
                                  int count, unsigned mask)
{
    for (int i = 0; i < count; i++) {
        if (!(mask >> i & 1))
            continue;
        if (sanl_shape_count(shapes[i]) == 0)
            return sanl_fail(SANL_ERR_INTERNAL, "infer() made %s[%d] empty", kind_names[kind], i);
        SANL_TRY(add_slot(check, kind, i, shapes[i]));
    }
    return SANL_OK;
}

static bool has_backward(const struct check *check)
{
    return check->call.training && check->call.op->backward;
}

static enum sanl_status add_bytes(struct check *check, enum kind kind, size_t bytes)
{
    if (bytes == 0)
        return SANL_OK;
    return add_slot(check, kind, 0, (struct sanl_shape){1, 1, 1, (int)((bytes + 3) / 4)});
}

static enum sanl_status create_slots(struct check *check)
{
    struct sanl_op_call *call = &check->call;
    size_t align = sanl_device_get_info(check->device)->base_align_bytes;
    check->guard = (GUARD_BYTES + align) / (align ? align : 1) * align / sizeof(float);
    if (check->guard == 0)
        check->guard = GUARD_BYTES / sizeof(float);

    SANL_TRY(add_slots(check, IN, call->in_shape, call->in_count, ~0u));
    SANL_TRY(add_slots(check, OUT, call->out_shape, call->out_count, ~0u));
    SANL_TRY(add_slots(check, PARAM, call->param_shape, call->param_count, ~0u));
    SANL_TRY(add_slots(check, STATE, call->state_shape, call->state_count, ~0u));
    SANL_TRY(add_slots(check, SAVED, call->saved_shape, call->saved_count, ~0u));
    SANL_TRY(add_bytes(check, WORKSPACE, call->workspace_bytes));
    SANL_TRY(add_bytes(check, PREPARED, call->prepared_bytes));
    if (!has_backward(check))
        return SANL_OK;
    SANL_TRY(add_slots(check, DIN, call->in_shape, call->in_count, call->op->in_grad));
    SANL_TRY(add_slots(check, DOUT, call->out_shape, 1, ~0u));
    return add_slots(check, DPARAM, call->param_shape, call->no_param_grad ? 0 : call->param_count, ~0u);
}

static void free_slots(struct check *check)
{
    for (int i = 0; i < check->slot_count; i++) {
        struct slot *slot = &check->slots[i];
        sanl_buffer_free(slot->part);
        sanl_buffer_free(slot->parent);
        free(slot->host);
        free(slot->first);
        free(slot->kept);
        free(slot->sent);
        free(slot->back);
    }
}

/* ---- messages ------------------------------------------------------------------------------------ */

static enum sanl_status fail_at(const struct slot *slot, size_t at, const char *what, double kernel,
                                double reference, double limit)
{
    int c = (int)(at % (size_t)slot->shape.c), w = (int)(at / (size_t)slot->shape.c % (size_t)slot->shape.w);
    size_t row = at / (size_t)slot->shape.c / (size_t)slot->shape.w;
    return sanl_fail(
        SANL_ERR_NUMERIC,
        "%s: %s[%d] at (%d,%d,%d,%d) of (%d,%d,%d,%d): %.9g, expected %.9g (allowed difference %.3g)", what,
        kind_names[slot->kind], slot->index, (int)(row / (size_t)slot->shape.h),
        (int)(row % (size_t)slot->shape.h), w, c, slot->shape.n, slot->shape.h, slot->shape.w, slot->shape.c,
        kernel, reference, limit);
}

static double largest(const double *values, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        if (!(fabs(values[i]) <= most)) /* true for NaN */
            most = fabs(values[i]);
    return most;
}

/* What was read back against the reference, plus `first` when the kernel had to add to it. */
static enum sanl_status compare(const struct check *check, const struct slot *slot, const char *what,
                                bool added, double *worst)
{
    const float *got = slot->back + check->guard;
    double scale = fmax(largest(slot->host, slot->count), smallest_scale), error = 0;
    size_t at = 0;
    if (!isfinite(scale))
        return sanl_fail(SANL_ERR_NUMERIC, "%s: the reference's %s[%d] is not finite", what,
                         kind_names[slot->kind], slot->index);
    for (size_t i = 0; i < slot->count; i++) {
        double difference = fabs(got[i] - slot->host[i] - (added ? slot->first[i] : 0));
        if (!(difference <= error)) {
            error = difference;
            at = i;
            if (isnan(difference))
                break;
        }
    }
    if (!(error <= check->tolerance * scale))
        return fail_at(slot, at, what, got[at], slot->host[at] + (added ? slot->first[at] : 0),
                       check->tolerance * scale);
    *worst = fmax(*worst, error / scale);
    return SANL_OK;
}

static enum sanl_status compare_kept(const struct check *check, const struct slot *slot, const char *what)
{
    const float *got = slot->back + check->guard;
    for (size_t i = 0; i < slot->count; i++)
        if (memcmp(&got[i], &slot->kept[i], sizeof *got) != 0)
            return fail_at(slot, i, what, got[i], slot->kept[i], 0);
    return SANL_OK;
}

/* ---- transfers ----------------------------------------------------------------------------------- */

/* Uploads `values` (NULL: NaN in every element) between guards of NaN. */
static enum sanl_status send(const struct check *check, struct slot *slot, const float *values)
{
    size_t whole = slot->count + 2 * check->guard;
    for (size_t i = 0; i < whole; i++)
        memcpy(&slot->sent[i], &poison, sizeof poison);
    if (values)
        memcpy(slot->sent + check->guard, values, slot->count * sizeof *values);
    return sanl_buffer_write(check->device, slot->parent, 0, slot->sent, whole * sizeof *slot->sent);
}

static enum sanl_status check_guard(const struct check *check, const struct slot *slot, size_t from)
{
    for (size_t i = from; i < from + check->guard; i++)
        if (memcmp(&slot->sent[i], &slot->back[i], sizeof *slot->sent) != 0)
            return sanl_fail(SANL_ERR_NUMERIC, "written outside %s[%d]: element %ld of %zu became %.9g",
                             kind_names[slot->kind], slot->index, (long)i - (long)check->guard, slot->count,
                             slot->back[i]);
    return SANL_OK;
}

/* Waits, reads all tensors, and checks their guards and, of those in the set `fixed`, their contents. */
static enum sanl_status collect(struct check *check, unsigned fixed, const char *what)
{
    SANL_TRY(sanl_device_finish(check->device));
    for (int i = 0; i < check->slot_count; i++) {
        struct slot *slot = &check->slots[i];
        size_t whole = slot->count + 2 * check->guard;
        SANL_TRY(sanl_buffer_read(check->device, slot->parent, 0, slot->back, whole * sizeof *slot->back));
        enum sanl_status status = check_guard(check, slot, 0);
        if (status == SANL_OK)
            status = check_guard(check, slot, check->guard + slot->count);
        if (status != SANL_OK)
            return sanl_fail_prefix(status, "%s", what);
        if (!(fixed >> slot->kind & 1))
            continue;
        for (size_t k = 0; k < slot->count; k++)
            if (memcmp(&slot->sent[check->guard + k], &slot->back[check->guard + k], sizeof *slot->sent) != 0)
                return sanl_fail(SANL_ERR_NUMERIC,
                                 "%s: writes to %s[%d], which it may only read (element %zu)", what,
                                 kind_names[slot->kind], slot->index, k);
    }
    return SANL_OK;
}

/* What was read back is what the next launch starts from. */
static void keep_results(struct check *check, unsigned kinds)
{
    for (int i = 0; i < check->slot_count; i++) {
        struct slot *slot = &check->slots[i];
        if (!(kinds >> slot->kind & 1))
            continue;
        memcpy(slot->kept, slot->back + check->guard, slot->count * sizeof *slot->kept);
        memcpy(slot->sent, slot->back, (slot->count + 2 * check->guard) * sizeof *slot->sent);
    }
}

/* ---- forward ------------------------------------------------------------------------------------- */

static enum sanl_status run_forward(struct check *check, const char *what)
{
    const struct sanl_op *op = check->call.op;
    for (int i = 0; i < check->slot_count; i++) {
        struct slot *slot = &check->slots[i];
        bool given = slot->kind == IN || slot->kind == PARAM || slot->kind == STATE;
        SANL_TRY(send(check, slot, given ? slot->first : NULL));
    }
    if (op->prepare)
        SANL_TRY(op->prepare(&check->call, check->device));
    SANL_TRY(op->forward(&check->call, check->device));
    return collect(check, 1u << IN, what);
}

static enum sanl_status check_forward(struct check *check)
{
    const unsigned results = 1u << OUT | 1u << PARAM | 1u << STATE;
    SANL_TRY(run_forward(check, "forward"));
    for (int i = 0; i < check->slot_count; i++)
        if (results >> check->slots[i].kind & 1)
            SANL_TRY(compare(check, &check->slots[i], "forward", false, &check->result->forward_error));
    keep_results(check, results | 1u << SAVED | 1u << PREPARED);

    SANL_TRY(run_forward(check, "second forward"));
    for (int i = 0; i < check->slot_count; i++)
        if ((results | 1u << SAVED) >> check->slots[i].kind & 1)
            SANL_TRY(compare_kept(check, &check->slots[i], "two forwards differ"));
    keep_results(check, results | 1u << SAVED | 1u << PREPARED);
    return SANL_OK;
}

/* ---- backward ------------------------------------------------------------------------------------ */

struct variant {
    const char *what;
    unsigned din, dparam; /* bit i: wanted */
    bool add;
    bool hide; /* what backward does not declare to read is NaN */
};

static bool is_wanted(const struct slot *slot, const struct variant *variant)
{
    if (slot->kind == DIN)
        return variant->din >> slot->index & 1;
    return slot->kind == DPARAM && (variant->dparam >> slot->index & 1);
}

static bool is_hidden(const struct check *check, const struct slot *slot)
{
    const struct sanl_op *op = check->call.op;
    return (slot->kind == IN && !(op->backward_in >> slot->index & 1)) ||
           (slot->kind == OUT && !(op->backward_out >> slot->index & 1));
}

static enum sanl_status run_backward(struct check *check, const struct variant *variant)
{
    struct sanl_op_call *call = &check->call;
    for (int i = 0; i < check->slot_count; i++) {
        struct slot *slot = &check->slots[i];
        if (slot->kind == DIN || slot->kind == DPARAM) {
            bool add = variant->add && slot->kind == DIN;
            SANL_TRY(send(check, slot, add ? slot->first : NULL));
            *place(call, slot->kind, slot->index) = is_wanted(slot, variant) ? slot->part : NULL;
            if (slot->kind == DIN)
                call->din_add[slot->index] = add;
        } else if (slot->kind == DOUT) {
            SANL_TRY(send(check, slot, slot->first));
        } else if (slot->kind == WORKSPACE || (variant->hide && is_hidden(check, slot))) {
            SANL_TRY(send(check, slot, NULL));
        }
    }
    SANL_TRY(call->op->backward(call, check->device));
    return collect(check, 1u << IN | 1u << OUT | 1u << PARAM | 1u << STATE | 1u << SAVED | 1u << DOUT,
                   variant->what);
}

static enum sanl_status check_variant(struct check *check, const struct variant *variant)
{
    SANL_TRY(run_backward(check, variant));
    for (int i = 0; i < check->slot_count; i++) {
        struct slot *slot = &check->slots[i];
        if (!is_wanted(slot, variant))
            continue;
        if (variant->hide)
            SANL_TRY(compare_kept(check, slot, variant->what));
        else
            SANL_TRY(compare(check, slot, variant->what, variant->add && slot->kind == DIN,
                             &check->result->backward_error));
    }
    return SANL_OK;
}

static enum sanl_status check_backward(struct check *check)
{
    unsigned din = 0, dparam = 0;
    for (int i = 0; i < check->slot_count; i++) {
        const struct slot *slot = &check->slots[i];
        if (slot->kind == DIN)
            din |= 1u << slot->index;
        else if (slot->kind == DPARAM)
            dparam |= 1u << slot->index;
    }
    if (din && dparam)
        SANL_TRY(check_variant(
            check, &(struct variant){"backward of the parameters alone", 0, dparam, false, false}));
    for (unsigned bit = 1; bit <= din; bit <<= 1)
        if ((din & bit) && (din != bit || dparam))
            SANL_TRY(check_variant(check, &(struct variant){"backward of one input", bit, 0, false, false}));
    if (din)
        SANL_TRY(
            check_variant(check, &(struct variant){"backward, gradients added", din, dparam, true, false}));
    SANL_TRY(check_variant(check, &(struct variant){"backward", din, dparam, false, false}));
    keep_results(check, 1u << DIN | 1u << DPARAM);
    return check_variant(check, &(struct variant){"second backward with undeclared tensors NaN differs", din,
                                                  dparam, false, true});
}

/* ---- the reference's gradient -------------------------------------------------------------------- */

/* sum of dout * out[0] after a reference forward from the first states; *magnitude = sum of |dout * out[0]|.
 */
static double project(struct check *check, double *magnitude)
{
    for (int i = 0; i < check->slot_count; i++)
        if (check->slots[i].kind == STATE)
            for (size_t k = 0; k < check->slots[i].count; k++)
                check->slots[i].host[k] = check->slots[i].first[k];
    check->call.op->reference_forward(&check->call, &check->host);
    double sum = 0;
    *magnitude = 0;
    for (size_t k = 0; k < sanl_shape_count(check->call.out_shape[0]); k++) {
        double term = check->host.dout[0][k] * check->host.out[0][k];
        sum += term;
        *magnitude += fabs(term);
    }
    return sum;
}

/* |gradient - central difference| at one coordinate, less the rounding error of the difference. */
static double difference_error(struct check *check, double *x, double gradient, double step,
                               double *difference)
{
    double at = *x, magnitude, h = step * fmax(1, fabs(at));
    *x = at + h;
    double right = project(check, &magnitude), width = *x;
    *x = at - h;
    double left = project(check, &magnitude);
    width -= *x;
    *x = at;
    *difference = (right - left) / width;
    return fmax(0, fabs(gradient - *difference) - 8e-16 * magnitude / width);
}

static enum sanl_status check_gradient_of(struct check *check, const struct slot *slot, double *x,
                                          size_t samples)
{
    double scale = fmax(largest(slot->host, slot->count), smallest_scale);
    for (size_t s = 0; s < samples; s++) {
        size_t at =
            samples == slot->count
                ? s
                : (size_t)sanl_random_below(sanl_random_key(check->key, 6, slot->kind, (uint64_t)slot->index),
                                            s, slot->count);
        double difference, error = difference_error(check, &x[at], slot->host[at], 1e-5, &difference);
        if (!(error <= check->gradient_tolerance * scale)) /* a kink within the step? */
            error = difference_error(check, &x[at], slot->host[at], 1e-8, &difference);
        if (!(error <= check->gradient_tolerance * scale))
            return fail_at(slot, at, "reference backward against finite differences", slot->host[at],
                           difference, check->gradient_tolerance * scale);
        check->result->gradient_error = fmax(check->result->gradient_error, error / scale);
    }
    return SANL_OK;
}

static double forward_flops(const struct sanl_op_call *call)
{
    double flops = call->op->cost ? call->op->cost(call, SANL_FORWARD).flops : 0;
    for (int i = 0; i < call->in_count; i++)
        flops = fmax(flops, (double)sanl_shape_count(call->in_shape[i]));
    for (int i = 0; i < call->out_count; i++)
        flops = fmax(flops, (double)sanl_shape_count(call->out_shape[i]));
    return flops;
}

/* Backward of the reference, then its check; spoils host->out and host->saved. */
static enum sanl_status check_reference(struct check *check)
{
    struct slot *slots = check->slots;
    if (!check->call.op->reference_backward)
        return sanl_fail(SANL_ERR_INTERNAL, "has a backward but no reference_backward");
    for (int i = 0; i < check->slot_count; i++)
        if (slots[i].kind == DOUT) {
            sanl_opcase_fill_normal(slots[i].host, slots[i].count, sanl_random_key(check->key, 5, 0, 0));
            for (size_t k = 0; k < slots[i].count; k++)
                slots[i].first[k] = (float)slots[i].host[k];
        }
    check->call.op->reference_backward(&check->call, &check->host);

    double affordable = gradient_budget / (2 * forward_flops(&check->call));
    for (int i = 0; i < check->slot_count; i++) {
        struct slot *slot = &slots[i];
        if (slot->kind != DIN && slot->kind != DPARAM)
            continue;
        double scale = largest(slot->host, slot->count);
        for (size_t k = 0; k < slot->count; k++)
            slot->first[k] =
                (float)(scale * sanl_random_normal(sanl_random_key(check->key, 7, (uint64_t)i, 0), k));
        size_t samples = slot->count < GRADIENT_SAMPLES ? slot->count : GRADIENT_SAMPLES;
        if (affordable < 4)
            continue;
        if ((double)samples > affordable)
            samples = (size_t)affordable;
        double *x = slot->kind == DIN ? check->host.in[slot->index] : check->host.param[slot->index];
        SANL_TRY(check_gradient_of(check, slot, x, samples));
    }
    return SANL_OK;
}

/* ---- cases --------------------------------------------------------------------------------------- */

/* Shapes must not depend on the device. */
static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    struct sanl_op_call bare = *call;
    SANL_TRY(call->op->infer(&bare, NULL));
    SANL_TRY(call->op->infer(call, device));
    if (memcmp(bare.out_shape, call->out_shape, sizeof bare.out_shape) != 0 ||
        memcmp(bare.param_shape, call->param_shape, sizeof bare.param_shape) != 0)
        return sanl_fail(SANL_ERR_INTERNAL, "infer() gives other shapes without a device");
    return SANL_OK;
}

static enum sanl_status check_refusal(struct sanl_op_call *call)
{
    if (call->op->infer(call, NULL) == SANL_ERR_USAGE)
        return SANL_OK;
    return sanl_fail(SANL_ERR_NUMERIC, "infer() accepts what it must refuse");
}

static enum sanl_status check_all(struct check *check)
{
    SANL_TRY(create_slots(check));
    sanl_opcase_fill(&check->call, &check->host, check->key);
    for (int i = 0; i < check->slot_count; i++)
        if (check->slots[i].kind <= STATE)
            for (size_t k = 0; k < check->slots[i].count; k++)
                check->slots[i].first[k] = (float)check->slots[i].host[k];
    check->call.op->reference_forward(&check->call, &check->host);
    SANL_TRY(check_forward(check));
    if (!has_backward(check))
        return SANL_OK;
    SANL_TRY(check_reference(check));
    return check_backward(check);
}

void sanl_opcheck_case(struct sanl_opcheck_result *result, struct sanl_device *device,
                       const struct sanl_op *op, const char *text)
{
    struct sanl_opcase parsed;
    struct check check = {.device = device, .result = result};
    *result = (struct sanl_opcheck_result){.op = op};
    strncat(result->text, text, sizeof result->text - 1);

    enum sanl_status status = sanl_opcase_parse(&parsed, op, text);
    if (status == SANL_OK) {
        check.call = parsed.call;
        check.tolerance = op->tolerance > 0 ? op->tolerance : 1e-5;
        check.gradient_tolerance = op->gradient_tolerance > 0 ? op->gradient_tolerance : 1e-6;
        check.key = sanl_random_key(sanl_hash_text(op->name), sanl_hash_text(text), 0, 0);
        if (parsed.refuse) {
            status = check_refusal(&check.call);
        } else {
            status = infer(&check.call, device);
            if (status == SANL_OK)
                status = check_all(&check);
        }
    }
    free_slots(&check);
    result->passed = status == SANL_OK;
    if (!result->passed)
        snprintf(result->message, sizeof result->message,
                 "%s: %.1400s; repeat it with: sanlcl selftest --op %s --case '%s'", op->name,
                 sanl_error_message(), op->name, result->text);
}

static bool is_tiny(const struct sanl_op *op, const char *text)
{
    struct sanl_opcase parsed;
    if (sanl_opcase_parse(&parsed, op, text) != SANL_OK || parsed.refuse ||
        op->infer(&parsed.call, NULL) != SANL_OK)
        return true; /* costs nothing */
    double elements = 0;
    for (int i = 0; i < parsed.call.in_count; i++)
        elements += (double)sanl_shape_count(parsed.call.in_shape[i]);
    for (int i = 0; i < parsed.call.out_count; i++)
        elements += (double)sanl_shape_count(parsed.call.out_shape[i]);
    return elements <= tiny_elements && forward_flops(&parsed.call) <= tiny_flops;
}

static void tell(struct sanl_opcheck_summary *summary, const struct sanl_opcheck_result *result,
                 sanl_opcheck_fn *report, void *payload)
{
    summary->cases++;
    summary->failed += !result->passed;
    if (report)
        report(payload, result);
}

static void run_file(struct sanl_opcheck_summary *summary, struct sanl_device *device,
                     const struct sanl_op *op, bool tiny, sanl_opcheck_fn *report, void *payload)
{
    struct sanl_opcheck_result result;
    const char *cursor = sanl_opcase_file(op);
    char text[SANL_CASE_BYTES];
    int before = summary->cases;
    while (cursor && sanl_opcase_next(text, &cursor)) {
        if (tiny && !is_tiny(op, text))
            continue;
        sanl_opcheck_case(&result, device, op, text);
        tell(summary, &result, report, payload);
    }
    if (summary->cases > before)
        return;
    result = (struct sanl_opcheck_result){.op = op};
    snprintf(result.message, sizeof result.message, "%s: no %scase in tests/cases/%s.txt", op->name,
             tiny ? "small " : "", op->name);
    tell(summary, &result, report, payload);
}

enum sanl_status sanl_opcheck_run(struct sanl_opcheck_summary *summary, struct sanl_device *device,
                                  const struct sanl_opcheck_options *options, sanl_opcheck_fn *report,
                                  void *payload)
{
    *summary = (struct sanl_opcheck_summary){0};
    if (options->case_text && !options->op)
        return sanl_fail(SANL_ERR_USAGE, "a case needs the name of its operator");
    if (options->op && !sanl_op_find(options->op))
        return sanl_fail(SANL_ERR_USAGE, "there is no operator '%s'", options->op);
    for (const struct sanl_op *const *op = sanl_ops; *op; op++) {
        if (options->op && strcmp((*op)->name, options->op) != 0)
            continue;
        if (options->case_text) {
            struct sanl_opcheck_result result;
            sanl_opcheck_case(&result, device, *op, options->case_text);
            tell(summary, &result, report, payload);
        } else {
            run_file(summary, device, *op, options->tiny, report, payload);
        }
    }
    return SANL_OK;
}
