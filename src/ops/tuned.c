#include "ops/tuned.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const sanl_direction_names[SANL_OP_CHOICES] = {"forward", "data", "weight"};

void sanl_tuned_key(char key[SANL_TUNED_KEY_BYTES], const struct sanl_op_call *call,
                    const struct sanl_device *device, int direction)
{
    char shape[SANL_TUNED_KEY_BYTES / 2];
    const bool given = sanl_device_route_is_given(device);
    call->op->choice_key(shape, sizeof shape, call);
    snprintf(key, SANL_TUNED_KEY_BYTES, "%s %s%s%s %s n=%d", call->op->name, sanl_direction_names[direction],
             given ? " gemm=" : "", given ? sanl_route_names[sanl_device_route(device)] : "", shape,
             call->in_shape[0].n);
}

int sanl_choice_named(const struct sanl_op *op, const char *name)
{
    char found[SANL_CHOICE_BYTES];
    for (int i = 1; op->choice_name(found, i); i++)
        if (strcmp(found, name) == 0)
            return i;
    return 0;
}

/* Length up to the batch, which stands last. */
static size_t stem(const char *key)
{
    const char *at = strrchr(key, ' ');
    return at && strncmp(at, " n=", 3) == 0 ? (size_t)(at - key) : 0;
}

int sanl_tuned_choice(const struct sanl_op_call *call, const struct sanl_device *device, int direction)
{
    char wanted[SANL_TUNED_KEY_BYTES];
    const char *key, *value, *best = NULL;
    double nearest = INFINITY;
    if (!device || !call->op->choice_key || !sanl_device_tuned_at(device, 0, &key, &value))
        return 0;
    sanl_tuned_key(wanted, call, device, direction);
    const size_t length = stem(wanted);
    for (int i = 0; sanl_device_tuned_at(device, i, &key, &value); i++) {
        if (stem(key) != length || strncmp(key, wanted, length) != 0)
            continue;
        const double far = fabs(log2(fmax(1, strtod(key + length + 3, NULL)) / call->in_shape[0].n));
        if (far < nearest) {
            nearest = far;
            best = value;
        }
    }
    const int choice = best ? sanl_choice_named(call->op, best) : 0;
    return choice && call->op->choice_fits(call, device, direction, choice) ? choice : 0;
}
