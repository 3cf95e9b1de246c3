/* One step of Adam, or with decoupled=1 of AdamW, PyTorch's formulas for step t = 1, 2, ...:
 *     g = scale * g;  Adam: g += weight_decay * p;  AdamW: p *= 1 - lr * weight_decay
 *     m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
 *     p -= lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)
 * in[0] gradient (1,1,1,count); in[1] as in sgd; state[0] parameters p, state[1] m, state[2] v, which are 0
 * before the first step. The attributes are read at every call; `step` is t. */
#include <math.h>
#include "ops/op.h"

enum { LR, BETA1, BETA2, EPSILON, WEIGHT_DECAY, DECOUPLED, STEP };

static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    (void)device;
    SANL_OP_REQUIRE(call, call->in_count == 2, "expected the inputs gradient and scale");
    size_t scales = sanl_shape_count(call->in_shape[1]);
    SANL_OP_REQUIRE(call, scales == 1 || scales == 2, "expected one or two values in input 1, found %zu",
                    scales);
    SANL_OP_REQUIRE(call, sanl_shape_count(call->in_shape[0]) > 0, "empty gradient");
    SANL_OP_REQUIRE(call, call->attr[STEP] >= 1, "steps count from 1, found %g", call->attr[STEP]);
    call->out_count = call->param_count = call->saved_count = 0;
    call->state_count = 3;
    for (int i = 0; i < 3; i++)
        call->state_shape[i] = call->in_shape[0];
    call->workspace_bytes = 0;
    return SANL_OK;
}

struct factors {
    double l2;   /* p's share in the gradient */
    double keep; /* factor of p */
    double step; /* lr / (1 - beta1^t) */
    double root; /* 1 / sqrt(1 - beta2^t) */
};

static struct factors factors_of(const struct sanl_op_call *call)
{
    const double *a = call->attr;
    bool decoupled = a[DECOUPLED] != 0;
    return (struct factors){
        .l2 = decoupled ? 0 : a[WEIGHT_DECAY],
        .keep = decoupled ? 1 - a[LR] * a[WEIGHT_DECAY] : 1,
        .step = a[LR] / (1 - pow(a[BETA1], a[STEP])),
        .root = 1 / sqrt(1 - pow(a[BETA2], a[STEP])),
    };
}

static void reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const struct factors f = factors_of(call);
    double scale = host->in[1][sanl_shape_count(call->in_shape[1]) - 1];
    double beta1 = call->attr[BETA1], beta2 = call->attr[BETA2];
    double *p = host->state[0], *m = host->state[1], *v = host->state[2];
    for (size_t i = 0; i < sanl_shape_count(call->in_shape[0]); i++) {
        double g = scale * host->in[0][i] + f.l2 * p[i];
        m[i] = beta1 * m[i] + (1 - beta1) * g;
        v[i] = beta2 * v[i] + (1 - beta2) * g * g;
        p[i] = f.keep * p[i] - f.step * m[i] / (sqrt(v[i]) * f.root + call->attr[EPSILON]);
    }
}

static enum sanl_status forward(struct sanl_op_call *call, struct sanl_device *device)
{
    const struct factors f = factors_of(call);
    const double *a = call->attr;
    size_t count = sanl_shape_count(call->in_shape[0]);
    return sanl_launch_1d(device, "adam", "adam", "", count, "bbbbbuufffffffff", call->in[0], call->in[1],
                          call->state[0], call->state[1], call->state[2], (unsigned)count,
                          (unsigned)sanl_shape_count(call->in_shape[1]) - 1, a[BETA1], 1 - a[BETA1], a[BETA2],
                          1 - a[BETA2], a[EPSILON], f.l2, f.keep, f.step, f.root);
}

static struct sanl_op_cost cost(const struct sanl_op_call *call, enum sanl_direction direction)
{
    double count = (double)sanl_shape_count(call->in_shape[0]);
    (void)direction;
    return (struct sanl_op_cost){.flops = 16 * count, .bytes = 28 * count};
}

const struct sanl_op sanl_op_adam = {
    .name = "adam",
    .attr = {{"lr", 0.001},
             {"beta1", 0.9},
             {"beta2", 0.999},
             {"epsilon", 1e-8},
             {"weight_decay", 0},
             {"decoupled", 0},
             {"step", 1}},
    .in_fill = {SANL_FILL_NORMAL, SANL_FILL_UNIT},
    .state_fill = {SANL_FILL_NORMAL, SANL_FILL_NORMAL, SANL_FILL_POSITIVE},
    .infer = infer,
    .reference_forward = reference_forward,
    .forward = forward,
    .cost = cost,
};
