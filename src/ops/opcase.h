/* Cases of operators: one line of tests/cases/OP.txt is one call with its shapes and attributes,
 *     in=2,7,9,5;2,7,9,1 kernel=3 stride=2 train=0
 * in=      shapes n,h,w,c of the inputs, separated by ';'
 * NAME=    an attribute of the operator; those not named keep their defaults
 * train=   1 (default): a training call, forward and backward; 0: forward alone
 * noparam= 1: gradients of the inputs alone; default 0
 * choice=  a way to compute it, of those that the operator has, e.g. wide-6x64-winograd4
 * choices= 1: the self-test takes it by every choice that suits the device; default 0
 * refuse=  1: the operator must refuse these shapes and attributes; default 0
 * Empty lines and what follows a '#' are comments. The files travel inside the library. */
#ifndef OPS_OPCASE_H
#define OPS_OPCASE_H

#include "ops/op.h"

enum { SANL_CASE_BYTES = 256 };

struct sanl_opcase {
    struct sanl_op_call call; /* op, attr, in_count, in_shape, training, no_param_grad; not inferred */
    bool refuse, choices;
};

SANL_CHECKED enum sanl_status sanl_opcase_parse(struct sanl_opcase *out, const struct sanl_op *op,
                                                const char *text);

/* The embedded case file of an operator; NULL when it has none. */
const char *sanl_opcase_file(const struct sanl_op *op);

/* Copies the next case at *cursor to `text`, without comment and outer blanks, and moves *cursor behind
 * it; false at the end. */
bool sanl_opcase_next(char text[SANL_CASE_BYTES], const char **cursor);

/* Flops of one forward of an inferred call, at least the elements of its largest tensor. */
double sanl_opcase_flops(const struct sanl_op_call *call);

/* True when an interpreter of kernels can do the case in seconds. */
bool sanl_opcase_is_tiny(const struct sanl_op *op, const char *text);

/* Fills inputs, parameters and states of an inferred call with float32-exact values that depend on (op, key)
 * alone. The inputs' arrays must be there. */
void sanl_opcase_fill(const struct sanl_op_call *call, const struct sanl_op_host *host, uint64_t key);

/* `count` float32-exact values of a kind; nothing for SANL_FILL_OWN. */
void sanl_opcase_fill_tensor(const struct sanl_op_call *call, enum sanl_fill kind, double *values,
                             size_t count, uint64_t key);

/* count standard normal, float32-exact values. */
void sanl_opcase_fill_normal(double *values, size_t count, uint64_t key);

#endif
