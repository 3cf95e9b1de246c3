#include "graph/place.h"

#include <math.h>
#include <stdlib.h>
#include "base/memory.h"

enum sanl_status sanl_layout_add(struct sanl_layout *layout, const struct sanl_demand *demand)
{
    if (demand->bytes == 0)
        return SANL_OK;
    SANL_TRY(sanl_grow(&layout->list, &layout->capacity, (size_t)layout->count + 1, sizeof *layout->list));
    layout->list[layout->count++] = *demand;
    return SANL_OK;
}

void sanl_layout_free(struct sanl_layout *layout)
{
    free(layout->list);
    free(layout->block_bytes);
}

size_t sanl_layout_bytes(const struct sanl_layout *layout)
{
    size_t bytes = 0;
    for (int i = 0; i < layout->block_count; i++)
        bytes += layout->block_bytes[i];
    return bytes;
}

/* The live set is largest when something begins to live. */
size_t sanl_layout_peak(const struct sanl_layout *layout, int *time)
{
    size_t peak = 0;
    for (int i = 0; i < layout->count; i++) {
        const int now = layout->list[i].first;
        size_t live = 0;
        for (int k = 0; k < layout->count; k++) {
            const struct sanl_demand *d = &layout->list[k];
            live += d->first <= now && now <= d->last ? d->bytes : 0;
        }
        if (live > peak) {
            peak = live;
            *time = now;
        }
    }
    return peak;
}

/* ---- placing ------------------------------------------------------------------------------------- */

/* A demand and how early it is placed. */
struct turn {
    struct sanl_demand *demand;
    double weight;
};

static int heavier_first(const void *a, const void *b)
{
    const struct turn *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight < y->weight ? 1 : -1;
    return x->demand < y->demand ? -1 : x->demand > y->demand;
}

/* The lowest offset in `block` that is free for all of d's lifetime; `placed` are those that stand already,
 * in the order of their offsets. */
static size_t lowest_offset(const struct sanl_demand *d, struct sanl_demand *const *placed, int count,
                            int block)
{
    size_t offset = 0;
    for (int i = 0; i < count; i++) {
        const struct sanl_demand *o = placed[i];
        if (o->block != block || o->first > d->last || d->first > o->last)
            continue;
        if (offset + d->bytes <= o->offset)
            break;
        if (o->offset + o->bytes > offset)
            offset = o->offset + o->bytes;
    }
    return offset;
}

static void insert(struct sanl_demand **placed, int count, struct sanl_demand *d)
{
    int at = count;
    for (; at > 0 && placed[at - 1]->offset > d->offset; at--)
        placed[at] = placed[at - 1];
    placed[at] = d;
}

static enum sanl_status choose(struct sanl_layout *layout, struct sanl_demand *d, struct sanl_demand **placed,
                               int count, size_t limit)
{
    if (d->bytes > limit)
        return sanl_fail(SANL_ERR_LIMIT,
                         "a tensor of %zu MiB is over the device's limit of %zu MiB for one "
                         "buffer; use a smaller batch or input size",
                         d->bytes >> 20, limit >> 20);
    for (d->block = 0; d->block < layout->block_count; d->block++) {
        d->offset = lowest_offset(d, placed, count, d->block);
        if (d->offset + d->bytes <= limit)
            break;
    }
    if (d->block == layout->block_count) {
        SANL_TRY(sanl_grow(&layout->block_bytes, &layout->block_capacity, (size_t)layout->block_count + 1,
                           sizeof *layout->block_bytes));
        layout->block_bytes[layout->block_count++] = 0;
        d->offset = 0;
    }
    if (layout->block_bytes[d->block] < d->offset + d->bytes)
        layout->block_bytes[d->block] = d->offset + d->bytes;
    insert(placed, count, d);
    return SANL_OK;
}

static enum sanl_status place_in_turn(struct sanl_layout *layout, double exponent, struct turn *turns,
                                      struct sanl_demand **placed, size_t limit)
{
    for (int i = 0; i < layout->count; i++) {
        struct sanl_demand *d = &layout->list[i];
        turns[i].demand = d;
        turns[i].weight = pow((double)d->bytes, exponent) * (d->last - d->first + 1);
    }
    qsort(turns, (size_t)layout->count, sizeof *turns, heavier_first);
    layout->block_count = 0;
    for (int i = 0; i < layout->count; i++)
        SANL_TRY(choose(layout, turns[i].demand, placed, i, limit));
    return SANL_OK;
}

/* Large ones first, and of these the long-lived: which of the two counts how much depends on the network, so
 * that some exponents are tried. */
enum sanl_status sanl_layout_place(struct sanl_layout *layout, size_t align, size_t limit)
{
    static const double exponents[] = {3, 6, 16};
    const size_t count = (size_t)layout->count + 1;
    struct turn *turns = sanl_calloc(count, sizeof *turns);
    struct sanl_demand **placed = sanl_calloc(count, sizeof *placed);
    enum sanl_status status = turns && placed ? SANL_OK : SANL_ERR_MEMORY;
    double best = 0;
    size_t least = SIZE_MAX;
    for (int i = 0; i < layout->count; i++)
        layout->list[i].bytes = (layout->list[i].bytes + align - 1) / align * align;
    for (size_t k = 0; k < sizeof exponents / sizeof *exponents && status == SANL_OK; k++) {
        status = place_in_turn(layout, exponents[k], turns, placed, limit);
        if (sanl_layout_bytes(layout) < least) {
            least = sanl_layout_bytes(layout);
            best = exponents[k];
        }
    }
    if (status == SANL_OK)
        status = place_in_turn(layout, best, turns, placed, limit);
    free(turns);
    free(placed);
    return status;
}

/* ---- the arena ----------------------------------------------------------------------------------- */

struct block {
    sanl_buffer buffer; /* NULL: not made yet */
    size_t bytes, wanted;
};

struct sanl_arena {
    struct sanl_device *device;
    struct block *blocks;
    int count;
    size_t capacity;
};

enum sanl_status sanl_arena_create(struct sanl_arena **out, struct sanl_device *device)
{
    *out = sanl_calloc(1, sizeof **out);
    if (!*out)
        return SANL_ERR_MEMORY;
    (*out)->device = device;
    return SANL_OK;
}

void sanl_arena_free(struct sanl_arena *arena)
{
    if (!arena)
        return;
    for (int i = 0; i < arena->count; i++)
        sanl_buffer_free(arena->blocks[i].buffer);
    free(arena->blocks);
    free(arena);
}

enum sanl_status sanl_arena_expect(struct sanl_arena *arena, const struct sanl_layout *layout)
{
    const struct block none = {0};
    SANL_TRY(sanl_grow(&arena->blocks, &arena->capacity, (size_t)layout->block_count, sizeof *arena->blocks));
    while (arena->count < layout->block_count)
        arena->blocks[arena->count++] = none;
    for (int i = 0; i < layout->block_count; i++)
        if (arena->blocks[i].wanted < layout->block_bytes[i])
            arena->blocks[i].wanted = layout->block_bytes[i];
    return SANL_OK;
}

size_t sanl_arena_bytes(const struct sanl_arena *arena)
{
    size_t bytes = 0;
    for (int i = 0; i < arena->count; i++)
        bytes += arena->blocks[i].wanted;
    return bytes;
}

static enum sanl_status make_block(struct sanl_device *device, struct block *block)
{
    if (block->wanted <= block->bytes)
        return SANL_OK;
    sanl_buffer_free(block->buffer);
    block->bytes = 0;
    const enum sanl_status status = sanl_buffer_create(&block->buffer, device, block->wanted);
    if (status == SANL_OK)
        block->bytes = block->wanted;
    else
        block->wanted = 0; /* a smaller layout may have more luck */
    return status;
}

enum sanl_status sanl_arena_allocate(struct sanl_arena *arena, const struct sanl_layout *layout)
{
    SANL_TRY(sanl_arena_expect(arena, layout));
    for (int i = 0; i < layout->block_count; i++)
        SANL_TRY(make_block(arena->device, &arena->blocks[i]));
    for (int i = 0; i < layout->count; i++) {
        const struct sanl_demand *d = &layout->list[i];
        SANL_TRY(sanl_buffer_part(d->out, arena->blocks[d->block].buffer, d->offset, d->bytes));
    }
    return SANL_OK;
}
