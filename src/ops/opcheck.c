#include "ops/opcheck.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/random.h"
#include "ops/opslot.h"

enum kind { IN, OUT, PARAM, STATE, SAVED, DIN, DOUT, DPARAM, WORKSPACE, PREPARED };
static const char *const kind_names[] = {"in",  "out",  "param",  "state",     "saved",
                                         "din", "dout", "dparam", "workspace", "prepared"};

enum { SLOT_COUNT = 32, GRADIENT_SAMPLES = 40 };
static const double gradient_budget = 2e7; /* flops of reference forwards per tensor */

struct check {
    struct sanl_device *device;
    struct sanl_op_call call;
    struct sanl_op_host host;
    struct sanl_slot slots[SLOT_COUNT];
    int slot_count;
    double tolerance, gradient_tolerance;
    uint64_t key;
    struct sanl_opcheck_result *result;
};

static bool has(unsigned set, int i)
{
    return set >> i & 1;
}

/* ---- tensors ------------------------------------------------------------------------------------- */

static sanl_buffer *place(struct sanl_op_call *call, enum kind kind, int i)
{
    sanl_buffer *const places[] = {call->in,  call->out,  call->param,  call->state,      call->saved,
                                   call->din, call->dout, call->dparam, &call->workspace, call->prepared};
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
    struct sanl_slot *slot = &check->slots[check->slot_count++];
    SANL_TRY(sanl_slot_create(slot, check->device, kind_names[kind], index, shape));
    slot->kind = (int)kind;
    *place(&check->call, kind, index) = slot->part;
    if (kind < WORKSPACE)
        *host_place(&check->host, kind, index) = slot->host;
    return SANL_OK;
}

static enum sanl_status add_slots(struct check *check, enum kind kind, const struct sanl_shape *shapes,
                                  int count, unsigned mask)
{
    for (int i = 0; i < count; i++)
        if (has(mask, i))
            SANL_TRY(add_slot(check, kind, i, shapes[i]));
    return SANL_OK;
}

static enum sanl_status add_bytes(struct check *check, enum kind kind, int index, size_t bytes)
{
    if (bytes == 0)
        return SANL_OK;
    return add_slot(check, kind, index, (struct sanl_shape){1, 1, 1, (int)((bytes + 3) / 4)});
}

static bool has_backward(const struct check *check)
{
    return check->call.training && check->call.op->backward;
}

static enum sanl_status create_slots(struct check *check)
{
    struct sanl_op_call *call = &check->call;
    SANL_TRY(add_slots(check, IN, call->in_shape, call->in_count, ~0u));
    SANL_TRY(add_slots(check, OUT, call->out_shape, call->out_count, ~0u));
    SANL_TRY(add_slots(check, PARAM, call->param_shape, call->param_count, ~0u));
    SANL_TRY(add_slots(check, STATE, call->state_shape, call->state_count, ~0u));
    SANL_TRY(add_slots(check, SAVED, call->saved_shape, call->saved_count, ~0u));
    SANL_TRY(add_bytes(check, WORKSPACE, 0, call->workspace_bytes));
    for (int d = 0; d < 2; d++)
        SANL_TRY(add_bytes(check, PREPARED, d, call->prepared_bytes[d]));
    if (!has_backward(check))
        return SANL_OK;
    SANL_TRY(add_slots(check, DIN, call->in_shape, call->in_count, call->op->in_grad));
    SANL_TRY(add_slots(check, DOUT, call->out_shape, 1, ~0u));
    return add_slots(check, DPARAM, call->param_shape, call->no_param_grad ? 0 : call->param_count, ~0u);
}

static void free_slots(struct check *check)
{
    for (int i = 0; i < check->slot_count; i++)
        sanl_slot_free(&check->slots[i]);
}

/* Waits, then reads all tensors and checks their guards and that those of the kinds `fixed` are untouched. */
static enum sanl_status collect(struct check *check, unsigned fixed, const char *what)
{
    SANL_TRY(sanl_device_finish(check->device));
    for (int i = 0; i < check->slot_count; i++)
        SANL_TRY(sanl_slot_read(&check->slots[i], check->device, has(fixed, check->slots[i].kind), what));
    return SANL_OK;
}

static void keep_results(struct check *check, unsigned kinds)
{
    for (int i = 0; i < check->slot_count; i++)
        if (has(kinds, check->slots[i].kind))
            sanl_slot_keep(&check->slots[i]);
}

/* ---- forward ------------------------------------------------------------------------------------- */

static bool is_spent(const struct check *check, const struct sanl_slot *slot)
{
    return slot->kind == PARAM && has(check->call.spent_params, slot->index);
}

/* Parameters that are not read once they are prepared become NaN, for good. */
static enum sanl_status hide_spent(struct check *check)
{
    for (int i = 0; i < check->slot_count; i++)
        if (is_spent(check, &check->slots[i]))
            SANL_TRY(sanl_slot_send(&check->slots[i], check->device, NULL));
    return SANL_OK;
}

static enum sanl_status run_forward(struct check *check, const char *what)
{
    const struct sanl_op *op = check->call.op;
    for (int i = 0; i < check->slot_count; i++) {
        struct sanl_slot *slot = &check->slots[i];
        bool given = slot->kind == IN || slot->kind == PARAM || slot->kind == STATE;
        SANL_TRY(sanl_slot_send(slot, check->device, given ? slot->first : NULL));
    }
    for (int d = SANL_FORWARD; op->prepare && d <= (int)SANL_BACKWARD; d++)
        if (d == SANL_FORWARD || check->call.training)
            SANL_TRY(op->prepare(&check->call, check->device, (enum sanl_direction)d));
    SANL_TRY(hide_spent(check));
    SANL_TRY(op->forward(&check->call, check->device));
    return collect(check, 1u << IN, what);
}

/* What is made once more has the same bits, and nothing else changes. */
static enum sanl_status check_recompute(struct check *check, unsigned results)
{
    const struct sanl_op *op = check->call.op;
    if (!op->recompute)
        return SANL_OK;
    for (int i = 0; i < check->slot_count; i++) {
        struct sanl_slot *slot = &check->slots[i];
        if (has(results, slot->kind) || slot->kind == WORKSPACE)
            SANL_TRY(sanl_slot_send(slot, check->device, NULL));
    }
    SANL_TRY(op->recompute(&check->call, check->device));
    SANL_TRY(
        collect(check, 1u << IN | 1u << PARAM | 1u << STATE | 1u << SAVED | 1u << PREPARED, "recomputation"));
    for (int i = 0; i < check->slot_count; i++)
        if (has(results, check->slots[i].kind))
            SANL_TRY(sanl_slot_compare_kept(&check->slots[i], "recomputation differs"));
    keep_results(check, results);
    return SANL_OK;
}

static enum sanl_status check_forward(struct check *check)
{
    const unsigned results = 1u << OUT | 1u << PARAM | 1u << STATE;
    SANL_TRY(run_forward(check, "forward"));
    for (int i = 0; i < check->slot_count; i++)
        if (has(results, check->slots[i].kind) && !is_spent(check, &check->slots[i]))
            SANL_TRY(sanl_slot_compare(&check->slots[i], "forward", false, check->tolerance,
                                       &check->result->forward_error));
    keep_results(check, results | 1u << SAVED | 1u << PREPARED);

    SANL_TRY(run_forward(check, "second forward"));
    for (int i = 0; i < check->slot_count; i++)
        if (has(results | 1u << SAVED, check->slots[i].kind))
            SANL_TRY(sanl_slot_compare_kept(&check->slots[i], "two forwards differ"));
    keep_results(check, results | 1u << SAVED | 1u << PREPARED);
    return check_recompute(check, 1u << OUT);
}

/* ---- backward ------------------------------------------------------------------------------------ */

struct variant {
    const char *what;
    unsigned din, dparam; /* bit i: wanted */
    bool add;
    bool hide; /* what backward does not declare to read is NaN */
};

static bool is_wanted(const struct sanl_slot *slot, const struct variant *variant)
{
    if (slot->kind == DIN)
        return has(variant->din, slot->index);
    return slot->kind == DPARAM && has(variant->dparam, slot->index);
}

static bool is_hidden(const struct check *check, const struct sanl_slot *slot)
{
    return (slot->kind == IN && !has(check->call.backward_in, slot->index)) ||
           (slot->kind == OUT && !has(check->call.backward_out, slot->index));
}

static enum sanl_status run_backward(struct check *check, const struct variant *variant)
{
    struct sanl_op_call *call = &check->call;
    for (int i = 0; i < check->slot_count; i++) {
        struct sanl_slot *slot = &check->slots[i];
        if (slot->kind == DIN || slot->kind == DPARAM) {
            bool add = variant->add && slot->kind == DIN;
            SANL_TRY(sanl_slot_send(slot, check->device, add ? slot->first : NULL));
            *place(call, (enum kind)slot->kind, slot->index) = is_wanted(slot, variant) ? slot->part : NULL;
            if (slot->kind == DIN)
                call->din_add[slot->index] = add;
        } else if (slot->kind == DOUT) {
            SANL_TRY(sanl_slot_send(slot, check->device, slot->first));
        } else if (slot->kind == WORKSPACE || (variant->hide && is_hidden(check, slot))) {
            SANL_TRY(sanl_slot_send(slot, check->device, NULL));
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
        struct sanl_slot *slot = &check->slots[i];
        if (!is_wanted(slot, variant))
            continue;
        if (variant->hide)
            SANL_TRY(sanl_slot_compare_kept(slot, variant->what));
        else
            SANL_TRY(sanl_slot_compare(slot, variant->what, variant->add && slot->kind == DIN,
                                       check->tolerance, &check->result->backward_error));
    }
    return SANL_OK;
}

static enum sanl_status check_backward(struct check *check)
{
    unsigned din = 0, dparam = 0;
    for (int i = 0; i < check->slot_count; i++) {
        const struct sanl_slot *slot = &check->slots[i];
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

/* The central difference of project() at one coordinate, and what rounding may have changed in it. */
static double difference_at(struct check *check, double *x, double step, double *rounding)
{
    double at = *x, magnitude, h = step * fmax(1, fabs(at));
    *x = at + h;
    double right = project(check, &magnitude), width = *x;
    *x = at - h;
    double left = project(check, &magnitude);
    width -= *x;
    *x = at;
    *rounding = 8e-16 * magnitude / width;
    return (right - left) / width;
}

static enum sanl_status check_gradient_of(struct check *check, const struct sanl_slot *slot, double *x,
                                          size_t samples)
{
    static const double steps[] = {1e-5, 1e-8}; /* the second for a kink within the first */
    double scale = sanl_slot_scale(slot), allowed = check->gradient_tolerance * scale;
    uint64_t key = sanl_random_key(check->key, 6, (uint64_t)slot->kind, (uint64_t)slot->index);
    for (size_t s = 0; s < samples; s++) {
        size_t at = samples == slot->count ? s : (size_t)sanl_random_below(key, s, slot->count);
        double rounding, difference, error;
        int trial = 0;
        do {
            difference = difference_at(check, &x[at], steps[trial], &rounding);
            error = fabs(slot->host[at] - difference);
        } while (!(error <= allowed + rounding) && ++trial < 2);
        if (!(error <= allowed + rounding))
            return sanl_slot_fail(slot, at, "reference backward against finite differences", slot->host[at],
                                  difference, allowed + rounding);
        if (trial == 0)
            check->result->gradient_error = fmax(check->result->gradient_error, error / scale);
    }
    return SANL_OK;
}

/* What the reference has to overwrite is NaN before. */
static void spoil_host(struct check *check, unsigned kinds)
{
    for (int i = 0; i < check->slot_count; i++)
        if (has(kinds, check->slots[i].kind))
            sanl_slot_spoil(&check->slots[i]);
}

static void run_reference_backward(struct check *check)
{
    spoil_host(check, 1u << DIN | 1u << DPARAM);
    for (int i = 0; i < check->slot_count; i++) {
        struct sanl_slot *slot = &check->slots[i];
        if (slot->kind != DOUT)
            continue;
        sanl_opcase_fill_normal(slot->host, slot->count, sanl_random_key(check->key, 5, 0, 0));
        sanl_slot_start(slot);
    }
    check->call.op->reference_backward(&check->call, &check->host);
}

/* Backward of the reference, then its check; overwrites host->out and host->saved. */
static enum sanl_status check_reference(struct check *check)
{
    struct sanl_slot *slots = check->slots;
    if (!check->call.op->reference_backward)
        return sanl_fail(SANL_ERR_INTERNAL, "has a backward but no reference_backward");
    run_reference_backward(check);

    double affordable = gradient_budget / (2 * sanl_opcase_flops(&check->call));
    for (int i = 0; i < check->slot_count; i++) {
        struct sanl_slot *slot = &slots[i];
        if (slot->kind != DIN && slot->kind != DPARAM)
            continue;
        double scale = sanl_slot_scale(slot);
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
            sanl_slot_start(&check->slots[i]);
    spoil_host(check, 1u << OUT | 1u << SAVED);
    check->call.op->reference_forward(&check->call, &check->host);
    SANL_TRY(check_forward(check));
    if (!has_backward(check))
        return SANL_OK;
    SANL_TRY(check_reference(check));
    return check_backward(check);
}

/* Of the repeating command; "" for the route that the device has by default. */
static const char *route_option(const struct sanl_device *device)
{
    bool cpu = sanl_device_is_cpu(device);
    switch (sanl_device_route(device)) {
    case SANL_ROUTE_CLBLAST:
        return " --gemm clblast";
    case SANL_ROUTE_TILE:
        return cpu ? " --gemm tile" : "";
    case SANL_ROUTE_WIDE:
        return cpu ? "" : " --gemm wide";
    default:
        return "";
    }
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
                 "%s: %.1400s; repeat it with: sanlcl selftest%s --op %s --case '%s'", op->name,
                 sanl_error_message(), route_option(device), op->name, result->text);
}
