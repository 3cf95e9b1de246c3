/* The convolution in plain C: y = relu(norm(x * w + bias) + residual), and its gradients. */
#include "ops/conv2d_ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Calls `visit` for every (output element, input element, weight element) that multiply. */
typedef void visit_fn(void *payload, size_t y, size_t x, size_t w);

static void visit_products(const struct conv2d_sizes *s, visit_fn *visit, void *payload)
{
    for (int q = 0; q < s->pixels; q++) {
        const int im = q / (s->oh * s->ow), oy = q / s->ow % s->oh, ox = q % s->ow;
        for (int tap = 0; tap < s->kh * s->kw; tap++) {
            const int yy = oy * s->stride - s->pad + tap / s->kw, xx = ox * s->stride - s->pad + tap % s->kw;
            if (yy < 0 || yy >= s->h || xx < 0 || xx >= s->w)
                continue;
            const size_t x0 =
                (((size_t)im * (size_t)s->h + (size_t)yy) * (size_t)s->w + (size_t)xx) * (size_t)s->cin;
            for (int k = 0; k < s->cin; k++)
                for (int j = 0; j < s->cout; j++)
                    visit(payload, (size_t)q * (size_t)s->cout + (size_t)j, x0 + (size_t)k,
                          ((size_t)tap * (size_t)s->cin + (size_t)k) * (size_t)s->cout + (size_t)j);
        }
    }
}

struct tensors {
    double *y, *x, *w;
};

static void add_y(void *payload, size_t y, size_t x, size_t w)
{
    const struct tensors *t = payload;
    t->y[y] += t->x[x] * t->w[w];
}

static void add_x(void *payload, size_t y, size_t x, size_t w)
{
    const struct tensors *t = payload;
    t->x[x] += t->y[y] * t->w[w];
}

static void add_w(void *payload, size_t y, size_t x, size_t w)
{
    const struct tensors *t = payload;
    t->w[w] += t->y[y] * t->x[x];
}

void sanl_conv2d_reference_forward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const size_t count = (size_t)s.pixels * (size_t)s.cout, c = (size_t)s.cout;
    double *y = host->out[0];
    struct tensors t = {y, host->in[0], host->param[0]};
    memset(y, 0, count * sizeof *y);
    visit_products(&s, add_y, &t);
    for (size_t i = 0; i < count; i++) {
        const size_t j = i % c;
        if (s.flags & CONV2D_HAS_BIAS)
            y[i] += host->param[1][j];
        if (s.flags & CONV2D_HAS_NORM) {
            const double shift = call->attr[CONV2D_NORM] == 1 ? 1 : 0;
            y[i] = host->state[0][j] * (y[i] - shift * host->state[2][j]) /
                       sqrt(host->state[3][j] + call->attr[CONV2D_EPS]) +
                   shift * host->state[1][j];
        }
        if (s.flags & CONV2D_HAS_RESIDUAL)
            y[i] += host->in[1][i];
        if ((s.flags & CONV2D_HAS_RELU) && y[i] < 0)
            y[i] = 0;
    }
}

void sanl_conv2d_reference_backward(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const size_t count = (size_t)s.pixels * (size_t)s.cout, c = (size_t)s.cout;
    double *g = malloc(count * sizeof *g);
    if (!g)
        return;
    for (size_t i = 0; i < count; i++) {
        g[i] = (s.flags & CONV2D_HAS_RELU) && host->out[0][i] <= 0 ? 0 : host->dout[0][i];
        if ((s.flags & CONV2D_HAS_RESIDUAL) && host->din[1])
            host->din[1][i] = g[i];
        if (s.flags & CONV2D_HAS_NORM)
            g[i] *= host->state[0][i % c] / sqrt(host->state[3][i % c] + call->attr[CONV2D_EPS]);
    }
    if (host->din[0]) {
        struct tensors t = {g, host->din[0], host->param[0]};
        memset(t.x, 0, sanl_shape_count(call->in_shape[0]) * sizeof *t.x);
        visit_products(&s, add_x, &t);
    }
    if (host->dparam[0]) {
        struct tensors t = {g, host->in[0], host->dparam[0]};
        memset(t.w, 0, sanl_shape_count(call->param_shape[0]) * sizeof *t.w);
        visit_products(&s, add_w, &t);
    }
    if ((s.flags & CONV2D_HAS_BIAS) && host->dparam[1]) {
        memset(host->dparam[1], 0, c * sizeof *g);
        for (size_t i = 0; i < count; i++)
            host->dparam[1][i % c] += g[i];
    }
    free(g);
}
