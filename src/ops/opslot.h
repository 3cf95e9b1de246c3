/* A tensor under test: the reference's values on the host and, on the device, the kernels' between two guard
 * zones. */
#ifndef OPS_OPSLOT_H
#define OPS_OPSLOT_H

#include "ops/op.h"

struct sanl_slot {
    int kind, index; /* the owner's */
    char name[16];   /* for messages: "din[1]" */
    struct sanl_shape shape;
    size_t count;       /* floats, without guards */
    size_t guard;       /* floats of a guard zone */
    double *host;       /* the reference's values */
    float *first;       /* contents before forward; of a gradient: what it is added to */
    float *sent, *back; /* guard, contents, guard: as uploaded, as read back */
    float *kept;        /* results of an earlier run */
    sanl_buffer parent, part;
};

SANL_CHECKED enum sanl_status sanl_slot_create(struct sanl_slot *slot, struct sanl_device *device,
                                               const char *kind, int index, struct sanl_shape shape);
void sanl_slot_free(struct sanl_slot *slot);

void sanl_slot_spoil(struct sanl_slot *slot); /* host = NaN */
void sanl_slot_start(struct sanl_slot *slot); /* first = host */

/* Uploads `values` (NULL: NaN in every element) between guards of NaN. */
SANL_CHECKED enum sanl_status sanl_slot_send(struct sanl_slot *slot, struct sanl_device *device,
                                             const float *values);

/* Reads back and checks the guards and, of a `fixed` slot, that the contents are those sent. */
SANL_CHECKED enum sanl_status sanl_slot_read(struct sanl_slot *slot, struct sanl_device *device, bool fixed,
                                             const char *what);

/* What was read back is kept, and stands as sent. */
void sanl_slot_keep(struct sanl_slot *slot);

/* What was read back against the reference, plus `first` when the kernel had to add to it; *worst grows to
 * the largest difference as a share of the reference's scale. */
SANL_CHECKED enum sanl_status sanl_slot_compare(const struct sanl_slot *slot, const char *what, bool added,
                                                double tolerance, double *worst);

/* What was read back against what was kept, bit by bit. */
SANL_CHECKED enum sanl_status sanl_slot_compare_kept(const struct sanl_slot *slot, const char *what);

/* The largest magnitude of the reference's values, at least 1e-7; NaN when one is NaN. */
double sanl_slot_scale(const struct sanl_slot *slot);

/* SANL_ERR_NUMERIC with a message that names the element. */
enum sanl_status sanl_slot_fail(const struct sanl_slot *slot, size_t at, const char *what, double found,
                                double expected, double allowed);

#endif
