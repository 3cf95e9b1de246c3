/* Checks of an operator on a device, case by case:
 *  - the C reference's gradient against central differences of the reference's forward, in double;
 *  - the kernels' forward and backward against the reference;
 *  - nothing written outside a tensor, no element left unwritten, inputs untouched, gradients added where
 * that is asked for, nothing read that the operator does not declare, twice the same bits. */
#ifndef OPS_OPCHECK_H
#define OPS_OPCHECK_H

#include "ops/op.h"
#include "ops/opcase.h"

struct sanl_opcheck_result {
    const struct sanl_op *op;
    char text[SANL_CASE_BYTES]; /* the case */
    bool passed;
    double forward_error, backward_error; /* kernel against reference, of the largest value */
    double gradient_error;                /* reference against finite differences, of the largest value */
    char message[SANL_MESSAGE_BYTES];     /* what failed and how to repeat it; "" when passed */
};

/* Checks one case of one operator, which need not be in the table. */
void sanl_opcheck_case(struct sanl_opcheck_result *result, struct sanl_device *device,
                       const struct sanl_op *op, const char *text);

#endif
