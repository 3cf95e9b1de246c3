/* Softmax attention over the positions of an image: q and y are (n, h, w, c), k and v (n, h', w', c); the
 * h * w queries and h' * w' keys of an image are rows of c channels:
 *   y_i = sum_j softmax_j(scale * q_i . k_j) v_j        saved[0] (n, h, w, 2): the largest score, and
 * the sum of exp(score - largest)
 * Backward computes the probabilities anew from saved[0]. */
#include "ops/attention.h"

#include <limits.h>
#include <math.h>

static enum sanl_status infer(struct sanl_op_call *call, struct sanl_device *device)
{
    SANL_OP_REQUIRE(call, call->in_count == 3, "expected three inputs: queries, keys, values; found %d",
                    call->in_count);
    const struct sanl_shape q = call->in_shape[0], k = call->in_shape[1], v = call->in_shape[2];
    SANL_OP_REQUIRE(call, k.n == v.n && k.h == v.h && k.w == v.w && k.c == v.c,
                    "keys and values differ in shape: (%d,%d,%d,%d) and (%d,%d,%d,%d)", k.n, k.h, k.w, k.c,
                    v.n, v.h, v.w, v.c);
    SANL_OP_REQUIRE(call, k.n == q.n && k.c == q.c,
                    "%d images of %d channels as queries, but %d of %d as keys", q.n, q.c, k.n, k.c);
    for (int i = 0; i < 2; i++) {
        const struct sanl_shape s = call->in_shape[i];
        SANL_OP_REQUIRE(call, s.n > 0 && s.h > 0 && s.w > 0 && s.c > 0, "empty input");
        SANL_OP_REQUIRE(call, (double)s.h * s.w * s.c <= INT_MAX / 4 && s.n <= INT_MAX / 4,
                        "an image of %d x %d tokens of %d channels is too large", s.h, s.w, s.c);
    }
    SANL_OP_REQUIRE(call, isfinite(call->attr[SANL_ATTENTION_SCALE]), "scale must be finite");

    call->out_count = 1;
    call->out_shape[0] = q;
    call->param_count = call->state_count = 0;
    call->saved_count = call->training ? 1 : 0;
    call->saved_shape[0] = (struct sanl_shape){q.n, q.h, q.w, 2};
    call->workspace_bytes = 0;
    if (device)
        call->workspace_bytes = sanl_device_family(device) == SANL_ROUTE_WIDE
                                    ? sanl_attention_wide_bytes(call, device)
                                    : sanl_attention_tile_bytes(call, device);
    return SANL_OK;
}

static double dot(const double *a, const double *b, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

static void reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const int c = call->in_shape[0].c, keys = sanl_attention_keys(call);
    const size_t queries = (size_t)sanl_attention_queries(call), rows = (size_t)call->in_shape[0].n * queries;
    const double scale = call->attr[SANL_ATTENTION_SCALE];
    for (size_t i = 0; i < rows; i++) {
        const size_t image = i / queries * (size_t)keys * (size_t)c;
        const double *q = host->in[0] + i * (size_t)c;
        const double *k = host->in[1] + image, *v = host->in[2] + image;
        double *y = host->out[0] + i * (size_t)c, top = -INFINITY, sum = 0;
        for (int j = 0; j < keys; j++)
            top = fmax(top, scale * dot(q, k + (size_t)j * (size_t)c, c));
        for (int l = 0; l < c; l++)
            y[l] = 0;
        for (int j = 0; j < keys; j++) {
            const double p = exp(scale * dot(q, k + (size_t)j * (size_t)c, c) - top);
            sum += p;
            for (int l = 0; l < c; l++)
                y[l] += p * v[(size_t)j * (size_t)c + (size_t)l];
        }
        for (int l = 0; l < c; l++)
            y[l] /= sum;
        if (call->saved_count) {
            host->saved[0][2 * i] = top;
            host->saved[0][2 * i + 1] = sum;
        }
    }
}

/* dst += factor * src, unless dst is NULL. */
static void add_row(double *dst, size_t at, double factor, const double *src, int count)
{
    for (int i = 0; dst && i < count; i++)
        dst[at + (size_t)i] += factor * src[i];
}

static void reference_backward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const int c = call->in_shape[0].c;
    const size_t keys = (size_t)sanl_attention_keys(call), queries = (size_t)sanl_attention_queries(call);
    const size_t rows = (size_t)call->in_shape[0].n * queries;
    const double scale = call->attr[SANL_ATTENTION_SCALE];
    for (int input = 0; input < 3; input++)
        for (size_t i = 0; host->din[input] && i < sanl_shape_count(call->in_shape[input]); i++)
            host->din[input][i] = 0;
    for (size_t i = 0; i < rows; i++) {
        const size_t first = i / queries * keys, row = i * (size_t)c;
        const double *q = host->in[0] + row, *dy = host->dout[0] + row;
        const double inner = dot(dy, host->out[0] + row, c);
        for (size_t j = first * (size_t)c; j < (first + keys) * (size_t)c; j += (size_t)c) {
            const double *k = host->in[1] + j, *v = host->in[2] + j;
            const double p = exp(scale * dot(q, k, c) - host->saved[0][2 * i]) / host->saved[0][2 * i + 1];
            const double ds = scale * p * (dot(dy, v, c) - inner);
            add_row(host->din[0], row, ds, k, c);
            add_row(host->din[1], j, ds, q, c);
            add_row(host->din[2], j, p, dy, c);
        }
    }
}

static enum sanl_status forward(struct sanl_op_call *call, struct sanl_device *device)
{
    if (sanl_device_family(device) == SANL_ROUTE_WIDE)
        return sanl_attention_wide_forward(call, device);
    return sanl_attention_tile_forward(call, device);
}

static enum sanl_status backward(struct sanl_op_call *call, struct sanl_device *device)
{
    if (sanl_device_family(device) == SANL_ROUTE_WIDE)
        return sanl_attention_wide_backward(call, device);
    return sanl_attention_tile_backward(call, device);
}

/* Forward: two products of queries x keys x c; backward: five. */
static struct sanl_op_cost cost(const struct sanl_op_call *call, enum sanl_direction direction)
{
    const double queries = (double)sanl_shape_count(call->in_shape[0]);
    const double both = queries + (double)sanl_shape_count(call->in_shape[1]);
    const double product = 2 * queries * sanl_attention_keys(call);
    if (direction == SANL_FORWARD)
        return (struct sanl_op_cost){.flops = 2 * product, .bytes = 8 * both};
    return (struct sanl_op_cost){.flops = 5 * product, .bytes = 16 * both};
}

const struct sanl_op sanl_op_attention = {
    .name = "attention",
    .attr = {{"scale", 1}},
    .in_grad = 7,
    .backward_in = 7,
    .backward_out = 1,
    .infer = infer,
    .reference_forward = reference_forward,
    .reference_backward = reference_backward,
    .forward = forward,
    .backward = backward,
    .cost = cost,
};
