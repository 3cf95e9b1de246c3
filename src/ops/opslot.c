#include "ops/opslot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

enum { GUARD_BYTES = 4096 };
/* A signalling NaN: what is computed from it is NaN with other bits. */
static const uint32_t poison = 0x7fa5a5a5;
static const double smallest_scale = 1e-7; /* tensors below are compared absolutely */

enum sanl_status sanl_slot_create(struct sanl_slot *slot, struct sanl_device *device, const char *kind,
                                  int index, struct sanl_shape shape)
{
    const size_t unit = sizeof(float);
    size_t align = sanl_device_get_info(device)->base_align_bytes;
    align = align > unit ? align : unit;
    *slot = (struct sanl_slot){.index = index, .shape = shape, .count = sanl_shape_count(shape)};
    snprintf(slot->name, sizeof slot->name, "%s[%d]", kind, index);
    if (slot->count == 0)
        return sanl_fail(SANL_ERR_INTERNAL, "infer() made %s empty", slot->name);
    slot->guard = (GUARD_BYTES + align - 1) / align * align / unit;
    size_t whole = slot->count + 2 * slot->guard;
    slot->host = sanl_calloc(slot->count, sizeof *slot->host);
    slot->first = sanl_calloc(slot->count, unit);
    slot->kept = sanl_calloc(slot->count, unit);
    slot->sent = sanl_calloc(whole, unit);
    slot->back = sanl_calloc(whole, unit);
    if (!slot->host || !slot->first || !slot->kept || !slot->sent || !slot->back)
        return SANL_ERR_MEMORY;
    SANL_TRY(sanl_buffer_create(&slot->parent, device, whole * unit));
    return sanl_buffer_part(&slot->part, slot->parent, slot->guard * unit, slot->count * unit);
}

void sanl_slot_free(struct sanl_slot *slot)
{
    sanl_buffer_free(slot->part);
    sanl_buffer_free(slot->parent);
    free(slot->host);
    free(slot->first);
    free(slot->kept);
    free(slot->sent);
    free(slot->back);
}

void sanl_slot_spoil(struct sanl_slot *slot)
{
    for (size_t i = 0; i < slot->count; i++)
        slot->host[i] = NAN;
}

void sanl_slot_start(struct sanl_slot *slot)
{
    for (size_t i = 0; i < slot->count; i++)
        slot->first[i] = (float)slot->host[i];
}

enum sanl_status sanl_slot_send(struct sanl_slot *slot, struct sanl_device *device, const float *values)
{
    size_t whole = slot->count + 2 * slot->guard;
    for (size_t i = 0; i < whole; i++)
        memcpy(&slot->sent[i], &poison, sizeof poison);
    if (values)
        memcpy(slot->sent + slot->guard, values, slot->count * sizeof *values);
    return sanl_buffer_write(device, slot->parent, 0, slot->sent, whole * sizeof *slot->sent);
}

enum sanl_status sanl_slot_read(struct sanl_slot *slot, struct sanl_device *device, bool fixed,
                                const char *what)
{
    size_t whole = slot->count + 2 * slot->guard;
    SANL_TRY(sanl_buffer_read(device, slot->parent, 0, slot->back, whole * sizeof *slot->back));
    for (size_t i = 0; i < whole; i++) {
        bool inside = i >= slot->guard && i < slot->guard + slot->count;
        if ((inside && !fixed) || memcmp(&slot->sent[i], &slot->back[i], sizeof *slot->sent) == 0)
            continue;
        if (inside)
            return sanl_slot_fail(slot, i - slot->guard, what, slot->back[i], slot->sent[i], 0);
        return sanl_fail(SANL_ERR_NUMERIC, "%s: written outside %s: element %ld of %zu became %.9g", what,
                         slot->name, (long)i - (long)slot->guard, slot->count, slot->back[i]);
    }
    return SANL_OK;
}

void sanl_slot_keep(struct sanl_slot *slot)
{
    memcpy(slot->kept, slot->back + slot->guard, slot->count * sizeof *slot->kept);
    memcpy(slot->sent, slot->back, (slot->count + 2 * slot->guard) * sizeof *slot->sent);
}

enum sanl_status sanl_slot_fail(const struct sanl_slot *slot, size_t at, const char *what, double found,
                                double expected, double allowed)
{
    size_t c = (size_t)slot->shape.c, w = (size_t)slot->shape.w, h = (size_t)slot->shape.h;
    return sanl_fail(
        SANL_ERR_NUMERIC,
        "%s: %s at (%zu,%zu,%zu,%zu) of (%d,%d,%d,%d): %.9g, expected %.9g (allowed difference %.3g)", what,
        slot->name, at / c / w / h, at / c / w % h, at / c % w, at % c, slot->shape.n, slot->shape.h,
        slot->shape.w, slot->shape.c, found, expected, allowed);
}

double sanl_slot_scale(const struct sanl_slot *slot)
{
    double scale = smallest_scale;
    for (size_t i = 0; i < slot->count; i++) {
        if (isnan(slot->host[i]))
            return NAN;
        scale = fmax(scale, fabs(slot->host[i]));
    }
    return scale;
}

enum sanl_status sanl_slot_compare(const struct sanl_slot *slot, const char *what, bool added,
                                   double tolerance, double *worst)
{
    const float *got = slot->back + slot->guard;
    double scale = sanl_slot_scale(slot), error = 0;
    size_t at = 0;
    if (!isfinite(scale))
        return sanl_fail(SANL_ERR_NUMERIC, "%s: the reference's %s is not finite", what, slot->name);
    for (size_t i = 0; i < slot->count; i++) {
        double difference = fabs(got[i] - slot->host[i] - (added ? slot->first[i] : 0));
        if (!(difference <= error)) {
            error = difference;
            at = i;
            if (isnan(difference))
                break;
        }
    }
    if (!(error <= tolerance * scale))
        return sanl_slot_fail(slot, at, what, got[at], slot->host[at] + (added ? slot->first[at] : 0),
                              tolerance * scale);
    *worst = fmax(*worst, error / scale);
    return SANL_OK;
}

enum sanl_status sanl_slot_compare_kept(const struct sanl_slot *slot, const char *what)
{
    const float *got = slot->back + slot->guard;
    for (size_t i = 0; i < slot->count; i++)
        if (memcmp(&got[i], &slot->kept[i], sizeof *got) != 0)
            return sanl_slot_fail(slot, i, what, got[i], slot->kept[i], 0);
    return SANL_OK;
}
