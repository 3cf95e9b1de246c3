/* Placing buffers with lifetimes into few blocks of device memory. */
#ifndef GRAPH_PLACE_H
#define GRAPH_PLACE_H

#include <sanlcl/memory.h>
#include "device/device.h"

/* Something that needs memory from time `first` to `last`. */
struct sanl_demand {
    enum sanl_memory_kind kind;
    size_t bytes;
    int first, last;
    sanl_buffer *out; /* what becomes its buffer */
    int block;        /* sanl_layout_place sets these */
    size_t offset;
};

struct sanl_layout {
    struct sanl_demand *list;
    int count;
    size_t capacity;
    size_t *block_bytes;
    int block_count;
    size_t block_capacity;
};

/* Adds a copy; a demand of 0 bytes is dropped. */
SANL_CHECKED enum sanl_status sanl_layout_add(struct sanl_layout *layout, const struct sanl_demand *demand);

/* Gives every demand a block and an offset, a multiple of `align`, so that no two share memory whose
 * lifetimes touch; no block is over `limit` bytes. */
SANL_CHECKED enum sanl_status sanl_layout_place(struct sanl_layout *layout, size_t align, size_t limit);

/* The largest sum of the bytes that live at one time, which it returns in *time. */
size_t sanl_layout_peak(const struct sanl_layout *layout, int *time);

size_t sanl_layout_bytes(const struct sanl_layout *layout); /* of all blocks */
void sanl_layout_free(struct sanl_layout *layout);          /* what it holds */

/* Device memory for the layouts of graphs that never run at the same time, which share its blocks. */
struct sanl_arena;
SANL_CHECKED enum sanl_status sanl_arena_create(struct sanl_arena **out, struct sanl_device *device);
void sanl_arena_free(struct sanl_arena *arena); /* what graphs use of it stays with them */

/* Announces a layout: blocks made from here on are large enough for it. */
SANL_CHECKED enum sanl_status sanl_arena_expect(struct sanl_arena *arena, const struct sanl_layout *layout);
size_t sanl_arena_bytes(const struct sanl_arena *arena); /* of all blocks, for all layouts announced */

/* Makes every demand's buffer. A block made before a larger layout was announced gives way to a new one, and
 * stays with the layouts that have it: so all should be announced first. */
SANL_CHECKED enum sanl_status sanl_arena_allocate(struct sanl_arena *arena, const struct sanl_layout *layout);

#endif
