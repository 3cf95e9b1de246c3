/* Softmax cross-entropy with label smoothing e: logits z (n,1,1,c), labels (n,1,1,1) as whole numbers ->
 * loss (1,1,1,1) = weight / max(1, counted) * sum over the counted samples of
 *     (1 - e) * (lse - z_label) + e * (lse - mean_k z_k),  lse = log sum_k exp z_k.
 * as PyTorch's CrossEntropyLoss(label_smoothing=e): the target has 1 - e + e / c at the label, e / c
 * elsewhere. Samples whose label is outside [0, c) are not counted. saved[0] (n,1,1,1): lse; saved[1]
 * (1,1,1,1): weight / max(1, counted). Gradients flow to the logits alone. */
#include <math.h>
#include "base/random.h"
#include "ops/op.h"

enum { SMOOTHING, WEIGHT };

static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    (void)device;
    SANL_OP_REQUIRE(call, call->in_count == 2, "expected the inputs logits and labels");
    struct sanl_shape z = call->in_shape[0];
    SANL_OP_REQUIRE(call, z.n > 0 && z.h == 1 && z.w == 1 && z.c > 0,
                    "expected logits (n,1,1,classes), found (%d,%d,%d,%d)", z.n, z.h, z.w, z.c);
    SANL_OP_REQUIRE(call, sanl_shape_count(call->in_shape[1]) == (size_t)z.n, "expected %d labels, found %zu",
                    z.n, sanl_shape_count(call->in_shape[1]));
    double smoothing = call->attr[SMOOTHING];
    SANL_OP_REQUIRE(call, smoothing >= 0 && smoothing <= 1, "label_smoothing must be in [0, 1], found %g",
                    smoothing);
    call->out_count = 1;
    call->out_shape[0] = (struct sanl_shape){1, 1, 1, 1};
    call->saved_count = 2;
    call->saved_shape[0] = (struct sanl_shape){z.n, 1, 1, 1};
    call->saved_shape[1] = (struct sanl_shape){1, 1, 1, 1};
    call->param_count = call->state_count = 0;
    call->workspace_bytes = (size_t)z.n * sizeof(float);
    return SANL_OK;
}

static bool is_counted(double label, int classes)
{
    return label >= 0 && label < classes;
}

static void reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const int n = call->in_shape[0].n, c = call->in_shape[0].c;
    const double smoothing = call->attr[SMOOTHING];
    double total = 0, counted = 0;
    for (int i = 0; i < n; i++) {
        const double *z = host->in[0] + (size_t)i * (size_t)c;
        double top = z[0], sum = 0, mean = 0, label = host->in[1][i];
        for (int k = 1; k < c; k++)
            top = fmax(top, z[k]);
        for (int k = 0; k < c; k++) {
            sum += exp(z[k] - top);
            mean += z[k] / c;
        }
        host->saved[0][i] = top + log(sum);
        if (!is_counted(label, c))
            continue;
        counted++;
        total += host->saved[0][i] - (1 - smoothing) * z[(int)label] - smoothing * mean;
    }
    host->saved[1][0] = call->attr[WEIGHT] / fmax(1, counted);
    host->out[0][0] = total * host->saved[1][0];
}

static void reference_backward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const int n = call->in_shape[0].n, c = call->in_shape[0].c;
    const double smoothing = call->attr[SMOOTHING], scale = host->dout[0][0] * host->saved[1][0];
    for (int i = 0; i < n; i++) {
        double label = host->in[1][i];
        for (int k = 0; k < c; k++) {
            size_t at = (size_t)i * (size_t)c + (size_t)k;
            double target = (k == (int)label ? 1 - smoothing : 0) + smoothing / c;
            double gradient = scale * (exp(host->in[0][at] - host->saved[0][i]) - target);
            host->din[0][at] = is_counted(label, c) ? gradient : 0;
        }
    }
}

static enum sanl_status forward(struct sanl_op_call *call, struct sanl_device *device)
{
    const int n = call->in_shape[0].n, c = call->in_shape[0].c;
    SANL_TRY(sanl_launch_1d(device, "cross_entropy", "cross_entropy_samples", "", (size_t)n, "bbbbiif",
                            call->in[0], call->in[1], call->saved[0], call->workspace, n, c,
                            call->attr[SMOOTHING]));
    return sanl_launch_1d(device, "cross_entropy", "cross_entropy_mean", "", 1, "bbbbiif", call->workspace,
                          call->in[1], call->saved[1], call->out[0], n, c, call->attr[WEIGHT]);
}

static enum sanl_status backward(struct sanl_op_call *call, struct sanl_device *device)
{
    const int n = call->in_shape[0].n, c = call->in_shape[0].c;
    if (!call->din[0])
        return SANL_OK;
    return sanl_launch_1d(device, "cross_entropy", "cross_entropy_backward", "", (size_t)n * (size_t)c,
                          "bbbbbbiifi", call->in[0], call->in[1], call->saved[0], call->saved[1],
                          call->dout[0], call->din[0], n, c, call->attr[SMOOTHING], (int)call->din_add[0]);
}

static struct sanl_op_cost cost(const struct sanl_op_call *call, enum sanl_direction direction)
{
    double count = (double)sanl_shape_count(call->in_shape[0]);
    return (struct sanl_op_cost){.flops = 5 * count, .bytes = (direction == SANL_FORWARD ? 4 : 8) * count};
}

/* Labels, some of them to be ignored. */
static void fill(const struct sanl_op_call *call, const struct sanl_op_host *host, uint64_t seed)
{
    for (int i = 0; i < call->in_shape[0].n; i++) {
        uint64_t label = sanl_random_below(seed, (uint64_t)i, (uint64_t)call->in_shape[0].c * 5 / 4 + 1);
        host->in[1][i] = label >= (uint64_t)call->in_shape[0].c ? -1 : (double)label;
    }
}

const struct sanl_op sanl_op_cross_entropy = {
    .name = "cross_entropy",
    .attr = {{"label_smoothing", 0}, {"weight", 1}},
    .in_fill = {SANL_FILL_NORMAL, SANL_FILL_OWN},
    .in_grad = 1,
    .backward_in = 3,
    .infer = infer,
    .reference_forward = reference_forward,
    .reference_backward = reference_backward,
    .forward = forward,
    .backward = backward,
    .cost = cost,
    .fill = fill,
};
