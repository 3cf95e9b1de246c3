#include "graph/params.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

/* Without training small ones, which can be freed one by one once their weights are packed. */
enum { BLOCK_BYTES = 16 << 20, FROZEN_BLOCK_BYTES = 1 << 20 };

enum sanl_status sanl_params_create(struct sanl_params **out, struct sanl_device *device)
{
    *out = sanl_calloc(1, sizeof **out);
    if (!*out)
        return SANL_ERR_MEMORY;
    (*out)->device = device;
    (*out)->training_count = -1;
    (*out)->version = 1;
    return SANL_OK;
}

static void free_blocks(struct sanl_param_block *blocks, int count)
{
    for (int i = 0; i < count; i++) {
        sanl_buffer_free(blocks[i].value);
        for (int m = 0; m < SANL_PARAM_MOMENTS; m++)
            sanl_buffer_free(blocks[i].moment[m]);
    }
    free(blocks);
}

void sanl_params_free(struct sanl_params *params)
{
    if (!params)
        return;
    for (int i = 0; i < params->count; i++) {
        sanl_buffer_free(params->list[i]->value);
        free(params->list[i]);
    }
    free(params->list);
    free_blocks(params->blocks, params->block_count);
    free_blocks(params->states, params->state_count);
    free(params);
}

struct sanl_param *sanl_params_find(const struct sanl_params *params, const char *name)
{
    for (int i = 0; i < params->count; i++)
        if (strcmp(params->list[i]->name, name) == 0)
            return params->list[i];
    return NULL;
}

enum sanl_status sanl_params_declare(struct sanl_param **out, struct sanl_params *params,
                                     const struct sanl_param *wanted)
{
    struct sanl_param *param = sanl_params_find(params, wanted->name);
    *out = param;
    if (param && memcmp(&param->shape, &wanted->shape, sizeof param->shape) != 0)
        return sanl_fail(SANL_ERR_USAGE, "parameter %s is declared with two shapes", wanted->name);
    if (param)
        return SANL_OK;
    if (params->laid_out)
        return sanl_fail(SANL_ERR_INTERNAL, "parameter %s is declared too late", wanted->name);
    SANL_TRY(sanl_grow(&params->list, &params->capacity, (size_t)params->count + 1, sizeof *params->list));
    if (!(param = sanl_calloc(1, sizeof *param)))
        return SANL_ERR_MEMORY;
    *param = *wanted;
    params->list[params->count++] = param;
    *out = param;
    return SANL_OK;
}

/* Kinds stand in blocks of their own. */
enum kind { WEIGHT, TRAINED_VECTOR, STATISTIC };

static enum kind kind_of(const struct sanl_param *param)
{
    return !param->trained ? STATISTIC : param->layout == SANL_PARAM_VECTOR ? TRAINED_VECTOR : WEIGHT;
}

/* Gives every parameter of one kind its block and offset, opening a block when the last is full: at a size at
 * which launches cost nothing, and gradients of the first layers need no memory yet when those of the last
 * have theirs. */
static enum sanl_status lay_out(struct sanl_params *params, enum kind kind, struct sanl_param_block **blocks,
                                int *count)
{
    const struct sanl_device_info *info = sanl_device_get_info(params->device);
    const int first = *count;
    const size_t full = params->training_count >= 0 ? BLOCK_BYTES : FROZEN_BLOCK_BYTES;
    size_t capacity = (size_t)first;
    for (int i = 0; i < params->count; i++) {
        struct sanl_param *p = params->list[i];
        if (kind_of(p) != kind)
            continue;
        const size_t align = info->base_align_bytes;
        const size_t bytes = (sanl_shape_count(p->shape) * sizeof(float) + align - 1) / align * align;
        const size_t held = *count > first ? (*blocks)[*count - 1].bytes : 0;
        if (*count == first || held >= full || held + bytes > info->max_alloc_bytes) {
            SANL_TRY(sanl_grow(blocks, &capacity, (size_t)*count + 1, sizeof **blocks));
            memset(&(*blocks)[(*count)++], 0, sizeof **blocks);
        }
        p->block = *count - 1;
        p->offset = (*blocks)[p->block].bytes;
        (*blocks)[p->block].bytes += bytes;
    }
    return SANL_OK;
}

enum sanl_status sanl_params_lay_out(struct sanl_params *params)
{
    if (params->laid_out)
        return SANL_OK;
    SANL_TRY(lay_out(params, WEIGHT, &params->blocks, &params->block_count));
    SANL_TRY(lay_out(params, TRAINED_VECTOR, &params->blocks, &params->block_count));
    SANL_TRY(lay_out(params, STATISTIC, &params->states, &params->state_count));
    params->laid_out = true;
    return SANL_OK;
}

static enum sanl_status zeroed(sanl_buffer *out, struct sanl_device *device, size_t bytes)
{
    SANL_TRY(sanl_buffer_create(out, device, bytes));
    return sanl_buffer_fill(device, *out, bytes / sizeof(float), 0.0f);
}

static enum sanl_status allocate_blocks(struct sanl_params *params, struct sanl_param_block *blocks,
                                        int count, int moments)
{
    for (int i = 0; i < count; i++) {
        SANL_TRY(zeroed(&blocks[i].value, params->device, blocks[i].bytes));
        for (int m = 0; m < moments; m++)
            SANL_TRY(zeroed(&blocks[i].moment[m], params->device, blocks[i].bytes));
    }
    return SANL_OK;
}

enum sanl_status sanl_params_allocate(struct sanl_params *params, int moments)
{
    params->training_count = moments;
    SANL_TRY(sanl_params_lay_out(params));
    SANL_TRY(allocate_blocks(params, params->blocks, params->block_count, moments));
    SANL_TRY(allocate_blocks(params, params->states, params->state_count, -1));
    for (int i = 0; i < params->count; i++) {
        struct sanl_param *p = params->list[i];
        const struct sanl_param_block *b = p->trained ? &params->blocks[p->block] : &params->states[p->block];
        const size_t bytes = sanl_shape_count(p->shape) * sizeof(float);
        SANL_TRY(sanl_buffer_part(&p->value, b->value, p->offset, bytes));
    }
    return SANL_OK;
}

static bool is_spent(const struct sanl_params *params, int block)
{
    for (int i = 0; i < params->count; i++) {
        const struct sanl_param *p = params->list[i];
        if (p->trained && p->block == block && !p->spent)
            return false;
    }
    return true;
}

void sanl_params_drop(struct sanl_params *params)
{
    for (int b = 0; b < params->block_count; b++) {
        if (!params->blocks[b].value || !is_spent(params, b))
            continue;
        for (int i = 0; i < params->count; i++) {
            struct sanl_param *p = params->list[i];
            if (!p->trained || p->block != b)
                continue;
            sanl_buffer_free(p->value);
            p->value = NULL;
        }
        sanl_buffer_free(params->blocks[b].value);
        params->blocks[b].value = NULL;
    }
}

void sanl_params_touch(struct sanl_params *params)
{
    params->version++;
}

void sanl_param_file_shape(const struct sanl_param *param, int dims[4], int *rank)
{
    const struct sanl_shape s = param->shape;
    const int conv[4] = {s.c, s.w, s.n, s.h};
    *rank = param->layout == SANL_PARAM_CONV ? 4 : param->layout == SANL_PARAM_LINEAR ? 2 : 1;
    for (int i = 0; i < 4; i++)
        dims[i] = conv[i];
    if (*rank == 1)
        dims[0] = s.c;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Between the file's order and the device's, OIHW and HWIO: transposed by squares whose lines stay in the
 * nearest cache. */
static void reorder(const struct sanl_param *p, float *to, const float *from, bool to_device)
{
    enum { SQUARE = 16 };
    const size_t out = (size_t)p->shape.c, in = (size_t)p->shape.w,
                 taps = (size_t)p->shape.n * (size_t)p->shape.h;
    const size_t file[3] = {in * taps, taps, 1}, device[3] = {1, out, in * out}; /* steps of o, k and t */
    const size_t *f = to_device ? file : device, *d = to_device ? device : file;
    if (p->layout == SANL_PARAM_VECTOR) {
        memcpy(to, from, sanl_shape_count(p->shape) * sizeof *to);
        return;
    }
    for (size_t o0 = 0; o0 < out; o0 += SQUARE)
        for (size_t k0 = 0; k0 < in; k0 += SQUARE)
            for (size_t t = 0; t < taps; t++)
                for (size_t k = k0; k < min_size(k0 + SQUARE, in); k++)
                    for (size_t o = o0; o < min_size(o0 + SQUARE, out); o++)
                        to[o * d[0] + k * d[1] + t * d[2]] = from[o * f[0] + k * f[1] + t * f[2]];
}

static enum sanl_status to_device(struct sanl_params *params, const struct sanl_param *p, sanl_buffer buffer,
                                  size_t at, const float *values)
{
    const size_t count = sanl_shape_count(p->shape);
    float *copy = sanl_calloc(count, sizeof *copy);
    if (!copy)
        return SANL_ERR_MEMORY;
    reorder(p, copy, values, true);
    const enum sanl_status status = sanl_buffer_write(params->device, buffer, at, copy, count * sizeof *copy);
    free(copy);
    return status;
}

enum sanl_status sanl_param_read_from(struct sanl_params *params, const struct sanl_param *p,
                                      sanl_buffer buffer, size_t at, float *values)
{
    const size_t count = sanl_shape_count(p->shape);
    float *copy = sanl_calloc(count, sizeof *copy);
    if (!copy)
        return SANL_ERR_MEMORY;
    const enum sanl_status status = sanl_buffer_read(params->device, buffer, at, copy, count * sizeof *copy);
    reorder(p, values, copy, false);
    free(copy);
    return status;
}

enum sanl_status sanl_param_write(struct sanl_params *params, struct sanl_param *param, const float *values)
{
    if (!param->value)
        return sanl_fail(SANL_ERR_INTERNAL, "parameter %s is not there any more", param->name);
    sanl_params_touch(params);
    return to_device(params, param, param->value, 0, values);
}

enum sanl_status sanl_param_read(struct sanl_params *params, const struct sanl_param *param, float *values)
{
    if (!param->value)
        return sanl_fail(SANL_ERR_INTERNAL, "parameter %s is not there any more", param->name);
    return sanl_param_read_from(params, param, param->value, 0, values);
}

enum sanl_status sanl_param_read_moment(struct sanl_params *params, const struct sanl_param *param, int index,
                                        float *values)
{
    return sanl_param_read_from(params, param, params->blocks[param->block].moment[index], param->offset,
                                values);
}

enum sanl_status sanl_param_write_moment(struct sanl_params *params, struct sanl_param *param, int index,
                                         const float *values)
{
    return to_device(params, param, params->blocks[param->block].moment[index], param->offset, values);
}
