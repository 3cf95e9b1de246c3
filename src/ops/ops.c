#include "ops/op.h"

#include <stdio.h>
#include <string.h>

/* Hand-written: an operator is its declaration and its row here. */
extern const struct sanl_op sanl_op_adam;
extern const struct sanl_op sanl_op_add;
extern const struct sanl_op sanl_op_attention;
extern const struct sanl_op sanl_op_batch_norm;
extern const struct sanl_op sanl_op_cam;
extern const struct sanl_op sanl_op_concat;
extern const struct sanl_op sanl_op_conv2d;
extern const struct sanl_op sanl_op_cross_entropy;
extern const struct sanl_op sanl_op_gate;
extern const struct sanl_op sanl_op_grad_norm;
extern const struct sanl_op sanl_op_heatmap_decode;
extern const struct sanl_op sanl_op_heatmap_loss;
extern const struct sanl_op sanl_op_linear;
extern const struct sanl_op sanl_op_pool2d;
extern const struct sanl_op sanl_op_relu;
extern const struct sanl_op sanl_op_sgd;
extern const struct sanl_op sanl_op_upsample;
extern const struct sanl_op sanl_op_warp;

/* clang-format off */
const struct sanl_op *const sanl_ops[] = {
    &sanl_op_adam,
    &sanl_op_add,
    &sanl_op_attention,
    &sanl_op_batch_norm,
    &sanl_op_cam,
    &sanl_op_concat,
    &sanl_op_conv2d,
    &sanl_op_cross_entropy,
    &sanl_op_gate,
    &sanl_op_grad_norm,
    &sanl_op_heatmap_decode,
    &sanl_op_heatmap_loss,
    &sanl_op_linear,
    &sanl_op_pool2d,
    &sanl_op_relu,
    &sanl_op_sgd,
    &sanl_op_upsample,
    &sanl_op_warp,
    NULL,
};
/* clang-format on */

const struct sanl_op *sanl_op_find(const char *name)
{
    for (const struct sanl_op *const *op = sanl_ops; *op; op++)
        if (strcmp((*op)->name, name) == 0)
            return *op;
    return NULL;
}

enum sanl_status sanl_op_unknown(const char *name)
{
    char names[512];
    size_t used = 0;
    for (const struct sanl_op *const *op = sanl_ops; *op && used < sizeof names; op++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", (*op)->name);
    return sanl_fail(SANL_ERR_USAGE, "there is no operator '%s'; expected one of: %s", name, names);
}

struct sanl_op_call sanl_op_call_of(const struct sanl_op *op)
{
    struct sanl_op_call call = {.op = op, .backward_in = op->backward_in, .backward_out = op->backward_out};
    for (int i = 0; i < SANL_OP_ATTR && op->attr[i].name; i++)
        call.attr[i] = op->attr[i].value;
    return call;
}

enum sanl_status sanl_op_refuse(const struct sanl_op_call *call, const char *format, ...)
{
    char text[SANL_MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return sanl_fail(SANL_ERR_USAGE, "%s: %s", call->op->name, text);
}
