/* Batch norm, with an optional residual and ReLU in the same pass:
 *     y = act(gamma * (x - mean) * invstd + beta [+ r])
 * In training and not frozen the statistics are the batch's (biased variance), and the running averages
 * follow with the unbiased one, as in PyTorch; otherwise the statistics are the running averages. */
#include "ops/sweep.h"

#include <math.h>
#include "base/random.h"

enum { RELU, EPS, MOMENTUM, FROZEN };
enum { MEAN, INVSTD };              /* saved */
enum { RUNNING_MEAN, RUNNING_VAR }; /* state */
enum { GAMMA, BETA };               /* parameters */
enum { X, R };                      /* inputs */

static bool uses_batch(const struct sanl_op_call *call)
{
    return call->training && call->attr[FROZEN] == 0;
}

/* Batch statistics and gamma's gradient make the backward pass read x. */
static bool needs_x(const struct sanl_op_call *call)
{
    return uses_batch(call) || !call->no_param_grad;
}

static bool has_relu(const struct sanl_op_call *call)
{
    return call->attr[RELU] != 0;
}

/* The backward pass tells from y what a ReLU let through, but without a residual from x if it reads that. */
static bool needs_y(const struct sanl_op_call *call)
{
    return has_relu(call) && (call->in_count > 1 || !needs_x(call));
}

/* dx of batch statistics is made of x, too, and without y the ReLU's mask. */
static bool dx_needs_x(const struct sanl_op_call *call)
{
    return uses_batch(call) || (has_relu(call) && !needs_y(call));
}

static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    SANL_OP_REQUIRE(call, call->in_count == 1 || call->in_count == 2, "expected 1 or 2 inputs, found %d",
                    call->in_count);
    const struct sanl_shape x = call->in_shape[X], r = call->in_shape[R];
    SANL_TRY(sanl_shape_check(call, x));
    SANL_OP_REQUIRE(call, call->in_count == 1 || sanl_shape_equal(x, r),
                    "expected a residual of (%d, %d, %d, %d), found (%d, %d, %d, %d)", x.n, x.h, x.w, x.c,
                    r.n, r.h, r.w, r.c);
    SANL_OP_REQUIRE(call, call->attr[EPS] > 0, "expected eps > 0, found %g", call->attr[EPS]);
    SANL_OP_REQUIRE(
        call, !uses_batch(call) || sanl_shape_rows(x) > 1,
        "batch statistics need more than one value per channel, found an input of (%d, %d, %d, %d): "
        "take a larger batch or picture, or freeze the norm",
        x.n, x.h, x.w, x.c);
    const struct sanl_shape channels = {1, 1, 1, x.c};
    call->out_count = 1;
    call->out_shape[0] = x;
    call->param_count = call->state_count = call->saved_count = 2;
    for (int i = 0; i < 2; i++)
        call->param_shape[i] = call->state_shape[i] = call->saved_shape[i] = channels;
    const struct sanl_pieces pieces = sanl_pieces_of(sanl_shape_rows(x), sanl_many_pieces(device));
    if (!needs_x(call))
        call->backward_in = 0;
    if (!needs_y(call))
        call->backward_out = 0;
    call->workspace_bytes = sizeof(float) * 2 * (size_t)pieces.count * (size_t)x.c;
    return SANL_OK;
}

/* ---- reference ----------------------------------------------------------------------------------- */

static void reference_statistics(const struct sanl_op_call *call, const struct sanl_op_host *host, size_t k)
{
    const size_t rows = sanl_shape_rows(call->in_shape[X]), c = (size_t)call->in_shape[X].c;
    double *running_mean = &host->state[RUNNING_MEAN][k], *running_var = &host->state[RUNNING_VAR][k];
    double mean = *running_mean, var = *running_var;
    if (uses_batch(call)) {
        double sum = 0, square = 0;
        for (size_t row = 0; row < rows; row++)
            sum += host->in[X][row * c + k];
        mean = sum / (double)rows;
        for (size_t row = 0; row < rows; row++)
            square += pow(host->in[X][row * c + k] - mean, 2);
        var = square / (double)rows;
        *running_mean += call->attr[MOMENTUM] * (mean - *running_mean);
        *running_var += call->attr[MOMENTUM] * (square / (double)(rows - 1) - *running_var);
    }
    host->saved[MEAN][k] = mean;
    host->saved[INVSTD][k] = 1 / sqrt(var + call->attr[EPS]);
}

static void reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const size_t rows = sanl_shape_rows(call->in_shape[X]), c = (size_t)call->in_shape[X].c;
    for (size_t k = 0; k < c; k++)
        reference_statistics(call, host, k);
    for (size_t i = 0; i < rows * c; i++) {
        const size_t k = i % c;
        double y = host->param[GAMMA][k] * (host->in[X][i] - host->saved[MEAN][k]) * host->saved[INVSTD][k] +
                   host->param[BETA][k];
        if (call->in_count > 1)
            y += host->in[R][i];
        host->out[0][i] = has_relu(call) && y < 0 ? 0 : y;
    }
}

/* The gradient behind the ReLU. */
static double masked(const struct sanl_op_call *call, const struct sanl_op_host *host, size_t i)
{
    return has_relu(call) && host->out[0][i] <= 0 ? 0 : host->dout[0][i];
}

static void reference_backward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const size_t rows = sanl_shape_rows(call->in_shape[X]), c = (size_t)call->in_shape[X].c;
    for (size_t k = 0; k < c; k++) {
        const double mean = host->saved[MEAN][k], invstd = host->saved[INVSTD][k];
        double sum = 0, product = 0; /* of dy, and of dy with the normalised x */
        for (size_t i = k; i < rows * c; i += c) {
            sum += masked(call, host, i);
            product += masked(call, host, i) * (host->in[X][i] - mean) * invstd;
        }
        if (host->dparam[GAMMA])
            host->dparam[GAMMA][k] = product;
        if (host->dparam[BETA])
            host->dparam[BETA][k] = sum;
        const double share = uses_batch(call) ? 1 / (double)rows : 0;
        for (size_t i = k; i < rows * c; i += c) {
            const double dy = masked(call, host, i), xhat = (host->in[X][i] - mean) * invstd;
            if (call->in_count > 1 && host->din[R])
                host->din[R][i] = dy;
            if (host->din[X])
                host->din[X][i] = host->param[GAMMA][k] * invstd * (dy - share * (sum + xhat * product));
        }
    }
}

/* ---- device -------------------------------------------------------------------------------------- */

static enum sanl_status statistics(struct sanl_op_call *call, struct sanl_device *device, size_t rows)
{
    const int c = call->in_shape[X].c;
    const struct sanl_pieces pieces = sanl_pieces_of(rows, sanl_many_pieces(device));
    size_t scratch;
    struct sanl_sweep sweep = sanl_sweep_rows(device, rows, c, c);
    struct sanl_kernel *kernel;
    if (!uses_batch(call)) {
        SANL_TRY(sanl_kernel_get(&kernel, device, "batch_norm", "batch_norm_frozen", sweep.options));
        return sanl_launch(device, kernel, sanl_sweep_channels(&sweep), "ifbbbb", sweep.groups,
                           call->attr[EPS], call->state[RUNNING_MEAN], call->state[RUNNING_VAR],
                           call->saved[MEAN], call->saved[INVSTD]);
    }
    SANL_TRY(sanl_kernel_get(&kernel, device, "batch_norm", "batch_norm_moments", sweep.options));
    SANL_TRY(sanl_launch(device, kernel, sanl_sweep_pieces(&sweep, pieces), "iiiibb", (int)rows, sweep.groups,
                         pieces.count, pieces.length, call->in[X], call->workspace));
    SANL_TRY(sanl_kernel_get(&kernel, device, "batch_norm", "batch_norm_statistics", sweep.options));
    const struct sanl_range range = sanl_sweep_parts(&sweep, device, kernel, &scratch);
    return sanl_launch(device, kernel, range, "iiiiffbbbbbs", (int)rows, sweep.groups, pieces.count,
                       pieces.length, call->attr[EPS], call->attr[MOMENTUM], call->workspace,
                       call->saved[MEAN], call->saved[INVSTD], call->state[RUNNING_MEAN],
                       call->state[RUNNING_VAR], scratch);
}

/* From the statistics in saved[]. */
static enum sanl_status normalise(struct sanl_op_call *call, struct sanl_device *device)
{
    const size_t rows = sanl_shape_rows(call->in_shape[X]);
    const int c = call->in_shape[X].c;
    const struct sanl_sweep sweep = sanl_sweep_rows(device, rows, c, c);
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "batch_norm", "batch_norm_forward", sweep.options));
    return sanl_launch(device, kernel, sweep.range, "iiiibbbbbbb", (int)rows, sweep.groups, sweep.span,
                       has_relu(call), call->saved[MEAN], call->saved[INVSTD], call->param[GAMMA],
                       call->param[BETA], call->in[X], call->in_count > 1 ? call->in[R] : NULL, call->out[0]);
}

/* A launch in which a work-group takes all rows of its channels. On a GPU it replaces three, as long as few
 * rows fall to a work-item. */
struct columns {
    struct sanl_kernel *kernel;
    struct sanl_range range;
    int rows, groups;
    size_t scratch;
    bool suits;
};

static enum sanl_status plan_columns(struct columns *out, const struct sanl_op_call *call,
                                     struct sanl_device *device, const char *name)
{
    enum { ITEM_ROWS = 32 };
    const size_t rows = sanl_shape_rows(call->in_shape[X]);
    const int c = call->in_shape[X].c;
    const struct sanl_sweep sweep = sanl_sweep_rows(device, rows, c, c);
    *out = (struct columns){.rows = (int)rows, .groups = sweep.groups};
    if (!uses_batch(call) || !sanl_many_pieces(device))
        return SANL_OK;
    SANL_TRY(sanl_kernel_get(&out->kernel, device, "batch_norm", name, sweep.options));
    out->range = sanl_sweep_parts(&sweep, device, out->kernel, &out->scratch);
    out->suits = rows <= ITEM_ROWS * out->range.local[1];
    return SANL_OK;
}

static enum sanl_status forward(struct sanl_op_call *call, struct sanl_device *device)
{
    struct columns by;
    SANL_TRY(plan_columns(&by, call, device, "batch_norm_columns_forward"));
    if (by.suits)
        return sanl_launch(device, by.kernel, by.range, "iiiffbbbbbbbbbs", by.rows, by.groups, has_relu(call),
                           call->attr[EPS], call->attr[MOMENTUM], call->param[GAMMA], call->param[BETA],
                           call->in[X], call->in_count > 1 ? call->in[R] : NULL, call->out[0],
                           call->saved[MEAN], call->saved[INVSTD], call->state[RUNNING_MEAN],
                           call->state[RUNNING_VAR], by.scratch);
    SANL_TRY(statistics(call, device, sanl_shape_rows(call->in_shape[X])));
    return normalise(call, device);
}

/* Reduces to dgamma, dbeta and the coefficients of dx, which end up at the start of the workspace. */
static enum sanl_status reduce(struct sanl_op_call *call, struct sanl_device *device, size_t rows)
{
    const int c = call->in_shape[X].c;
    const struct sanl_pieces pieces = sanl_pieces_of(rows, sanl_many_pieces(device));
    size_t scratch;
    const struct sanl_sweep sweep = sanl_sweep_rows(device, rows, c, c);
    const bool wanted = !call->no_param_grad;
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "batch_norm", "batch_norm_sums", sweep.options));
    SANL_TRY(sanl_launch(device, kernel, sanl_sweep_pieces(&sweep, pieces), "iiiiibbbbbbbb", (int)rows,
                         sweep.groups, pieces.count, pieces.length, has_relu(call), call->saved[MEAN],
                         call->saved[INVSTD], call->param[GAMMA], call->param[BETA], call->in[X],
                         needs_y(call) ? call->out[0] : NULL, call->dout[0], call->workspace));
    SANL_TRY(sanl_kernel_get(&kernel, device, "batch_norm", "batch_norm_gradients", sweep.options));
    const struct sanl_range range = sanl_sweep_parts(&sweep, device, kernel, &scratch);
    return sanl_launch(device, kernel, range, "iiibbbbs", (int)rows, sweep.groups, pieces.count,
                       call->workspace, call->saved[INVSTD], wanted ? call->dparam[GAMMA] : NULL,
                       wanted ? call->dparam[BETA] : NULL, scratch);
}

static enum sanl_status backward(struct sanl_op_call *call, struct sanl_device *device)
{
    const size_t rows = sanl_shape_rows(call->in_shape[X]);
    const int c = call->in_shape[X].c;
    const bool batch = uses_batch(call), wanted = !call->no_param_grad;
    const sanl_buffer dr = call->in_count > 1 ? call->din[R] : NULL;
    if ((batch && call->din[X]) || (wanted && (call->dparam[GAMMA] || call->dparam[BETA]))) {
        struct columns by;
        SANL_TRY(plan_columns(&by, call, device, "batch_norm_columns_backward"));
        if (by.suits)
            return sanl_launch(device, by.kernel, by.range, "iiiiibbbbbbbbbbbs", by.rows, by.groups,
                               has_relu(call), call->din_add[X], call->din_add[R], call->saved[MEAN],
                               call->saved[INVSTD], call->param[GAMMA], call->param[BETA], call->in[X],
                               needs_y(call) ? call->out[0] : NULL, call->dout[0], call->din[X], dr,
                               wanted ? call->dparam[GAMMA] : NULL, wanted ? call->dparam[BETA] : NULL,
                               by.scratch);
        SANL_TRY(reduce(call, device, rows));
    }
    if (!call->din[X] && !dr)
        return SANL_OK;
    const struct sanl_sweep sweep = sanl_sweep_rows(device, rows, c, c);
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "batch_norm", "batch_norm_backward", sweep.options));
    return sanl_launch(device, kernel, sweep.range, "iiiiiibbbbbbbbbb", (int)rows, sweep.groups, sweep.span,
                       has_relu(call), call->din_add[X], call->din_add[R], call->saved[MEAN],
                       call->saved[INVSTD], call->param[GAMMA], call->param[BETA],
                       batch ? call->workspace : NULL, dx_needs_x(call) ? call->in[X] : NULL,
                       needs_y(call) ? call->out[0] : NULL, call->dout[0], call->din[X], dr);
}

/* Batch statistics read x once more, and the sums of backward x, dy and, where it is needed, y. */
static struct sanl_op_cost cost(const struct sanl_op_call *call, enum sanl_direction direction)
{
    const double count = (double)sanl_shape_count(call->in_shape[X]);
    const double residual = call->in_count > 1, relu = has_relu(call), batch = uses_batch(call);
    if (direction == SANL_FORWARD)
        return (struct sanl_op_cost){(2 + 3 * batch + residual + relu) * count,
                                     4 * (2 + batch + residual) * count};
    const double sums = needs_x(call), y = needs_y(call), x = dx_needs_x(call);
    return (struct sanl_op_cost){(2 + 4 * sums + 4 * batch) * count,
                                 4 * (sums * (2 + y) + 2 + y + x + residual) * count};
}

/* Channel k stands around 50 * (k mod 3): statistics must hold for means far above the deviation. */
static void fill(const struct sanl_op_call *call, const struct sanl_op_host *host, uint64_t seed)
{
    const size_t count = sanl_shape_count(call->in_shape[X]), c = (size_t)call->in_shape[X].c;
    for (size_t i = 0; i < count; i++)
        host->in[X][i] = (float)(sanl_random_normal(seed, i) + 50.0 * (double)(i % c % 3));
}

const struct sanl_op sanl_op_batch_norm = {
    .name = "batch_norm",
    .attr = {{"relu", 0}, {"eps", 1e-5}, {"momentum", 0.1}, {"frozen", 0}},
    .in_fill = {SANL_FILL_OWN},
    .state_fill = {SANL_FILL_NORMAL, SANL_FILL_POSITIVE},
    .in_grad = 3,
    .backward_in = 1,
    .backward_out = 1,
    .cheap = true,
    .infer = infer,
    .reference_forward = reference_forward,
    .reference_backward = reference_backward,
    .forward = forward,
    .recompute = normalise,
    .backward = backward,
    .cost = cost,
    .fill = fill,
};
