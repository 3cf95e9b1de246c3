#include "train/golden_values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/memory.h"

enum sanl_status sanl_golden_read(const struct sanl_golden_values *g, const char *name, size_t count,
                                  float **out)
{
    const struct sanl_named_tensor *t = sanl_tensors_find(g->file, name);
    *out = NULL;
    if (!t || t->count != count)
        return sanl_fail(SANL_ERR_FORMAT, "%s: tensor '%s' with %zu values expected, %s", g->path, name,
                         count, t ? "found with another number" : "not found");
    if (!(*out = sanl_calloc(count, sizeof **out)))
        return SANL_ERR_MEMORY;
    const enum sanl_status status = sanl_tensors_read(g->file, t, *out);
    if (status != SANL_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}

void sanl_golden_note(struct sanl_golden_values *g, int figure, double deviation, const char *name)
{
    struct sanl_golden_figure *f = &g->out->figure[figure];
    if (deviation <= f->deviation && f->worst[0])
        return;
    f->deviation = deviation == deviation ? fmax(f->deviation, deviation) : INFINITY;
    snprintf(f->worst, sizeof f->worst, "%s", name);
}

enum sanl_status sanl_golden_compare(struct sanl_golden_values *g, int figure, const char *name,
                                     const float *values, struct sanl_shape s)
{
    float *expected;
    double difference = 0, largest = 0;
    SANL_TRY(sanl_golden_read(g, name, sanl_shape_count(s), &expected));
    g->out->tensors++;
    for (size_t i = 0; i < sanl_shape_count(s); i++) {
        const size_t c = (size_t)s.c, hw = (size_t)s.h * (size_t)s.w, n = i / (c * hw), k = i / hw % c,
                     p = i % hw;
        const double d = fabs((double)values[(n * hw + p) * c + k] - expected[i]);
        difference = d == d ? fmax(difference, d) : INFINITY;
        largest = fmax(largest, fabs((double)expected[i]));
    }
    free(expected);
    sanl_golden_note(g, figure, figure == SANL_GOLDEN_CAMS ? difference : difference / fmax(largest, 1e-30),
                     name);
    return SANL_OK;
}

enum sanl_status sanl_golden_compare_tensor(struct sanl_golden_values *g, int figure, const char *name,
                                            const struct sanl_tensor *t)
{
    float *values = sanl_calloc(sanl_shape_count(t->shape), sizeof *values);
    if (!values)
        return SANL_ERR_MEMORY;
    enum sanl_status status = sanl_tensor_read(t, values);
    if (status == SANL_OK)
        status = sanl_golden_compare(g, figure, name, values, t->shape);
    free(values);
    return status;
}

void sanl_golden_fingerprint(const float *v, const float *base, size_t n, double out[SANL_FINGERPRINT])
{
    double square = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = (double)v[i] - (base ? (double)base[i] : 0);
        square += d * d;
        sum += d;
    }
    out[0] = sqrt(square);
    out[1] = sum;
    for (size_t i = 0; i < 8; i++) {
        const size_t at = i * (n - 1) / 7;
        out[2 + i] = (double)v[at] - (base ? (double)base[at] : 0);
    }
}

enum sanl_status sanl_golden_compare_fingerprints(struct sanl_golden_values *g,
                                                  const struct sanl_params *params, int figure,
                                                  const char *prefix, bool states,
                                                  double (*actual)[SANL_FINGERPRINT])
{
    const int count = params->count;
    double floor = 0;
    float **expected = sanl_calloc((size_t)count, sizeof *expected);
    enum sanl_status status = expected ? SANL_OK : SANL_ERR_MEMORY;
    char name[192];
    for (int i = 0; i < count && status == SANL_OK; i++) {
        if (!states && !params->list[i]->trained)
            continue;
        snprintf(name, sizeof name, "%s%s", prefix, params->list[i]->name);
        status = sanl_golden_read(g, name, SANL_FINGERPRINT, &expected[i]);
        if (status == SANL_OK)
            floor = fmax(floor, 1e-3 * (double)expected[i][0]);
    }
    for (int i = 0; i < count && status == SANL_OK; i++) {
        if (!expected[i])
            continue;
        const double scale = expected[i][0] + floor, n = (double)sanl_shape_count(params->list[i]->shape);
        snprintf(name, sizeof name, "%s%s", prefix, params->list[i]->name);
        g->out->tensors++;
        for (int k = 0; k < SANL_FINGERPRINT; k++)
            sanl_golden_note(g, figure,
                             fabs(actual[i][k] - (double)expected[i][k]) / (k == 1 ? scale * sqrt(n) : scale),
                             name);
    }
    for (int i = 0; expected && i < count; i++)
        free(expected[i]);
    free(expected);
    return status;
}
