/* The values that a model starts with. */
#include "graph/params.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"

static double fresh_value(const struct sanl_param *p, uint64_t key, size_t i)
{
    const double fan_out = (double)p->shape.n * p->shape.h * p->shape.c;
    switch (p->init) {
    case SANL_INIT_ONE:
        return 1;
    case SANL_INIT_HE:
        return sqrt(2 / fan_out) * sanl_random_normal(key, i);
    case SANL_INIT_SMALL:
        return 0.001 * sanl_random_normal(key, i);
    case SANL_INIT_FAN_IN:
        return (2 * sanl_random_uniform(key, i) - 1) / sqrt(p->fan_in);
    default:
        return 0;
    }
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static double hashed_value(const struct sanl_param *p, uint64_t key, size_t i)
{
    const double u = sanl_random_uniform(key, i), v = 2 * u - 1;
    if (ends_with(p->name, "running_mean"))
        return 0.05 * v;
    if (ends_with(p->name, "running_var"))
        return 0.5 + u;
    if (p->layout == SANL_PARAM_VECTOR)
        return ends_with(p->name, "weight") ? 1 + 0.3 * v : 0.03 * v;
    const double weight = v * sqrt(3.0 / ((double)p->shape.n * p->shape.h * p->shape.w));
    return strstr(p->name, ".theta.") || strstr(p->name, ".phi.") ? 0.1 * weight : weight;
}

/* The next number up, down, or x itself. */
static float nudged(float x, uint64_t key, size_t i)
{
    const int side = (int)(3 * sanl_random_uniform(key, i)) - 1;
    return side ? nextafterf(x, side < 0 ? -INFINITY : INFINITY) : x;
}

static enum sanl_status fill(struct sanl_params *params, uint64_t seed, bool hashed, uint64_t nudge)
{
    for (int k = 0; k < params->count; k++) {
        struct sanl_param *p = params->list[k];
        const size_t count = sanl_shape_count(p->shape);
        const uint64_t hash = sanl_hash_text(p->name),
                       key = hashed ? hash + seed : sanl_random_key(seed, hash, 0, 0),
                       nudge_key = sanl_random_key(seed, hash, nudge, 0);
        float *values = sanl_calloc(count, sizeof *values);
        if (!values)
            return SANL_ERR_MEMORY;
        for (size_t i = 0; i < count; i++)
            values[i] = (float)(hashed ? hashed_value(p, key, i) : fresh_value(p, key, i));
        for (size_t i = 0; nudge && i < count; i++)
            values[i] = nudged(values[i], nudge_key, i);
        const enum sanl_status status = sanl_param_write(params, p, values);
        free(values);
        SANL_TRY(status);
    }
    return SANL_OK;
}

enum sanl_status sanl_params_init(struct sanl_params *params, uint64_t seed)
{
    return fill(params, seed, false, 0);
}

enum sanl_status sanl_params_init_hashed(struct sanl_params *params, uint64_t seed, uint64_t nudge)
{
    return fill(params, seed, true, nudge);
}
