/* What the host knows of the tiles of cl/tile.cl. */
#ifndef OPS_TILE_H
#define OPS_TILE_H

#include <stddef.h>

enum { SANL_TILE_SLICE = 16 }; /* BK: terms of a sum that pass at a time */

/* Tiles of that side which cover `count`. */
static inline size_t sanl_tiles(int count, int side)
{
    return (size_t)((count + side - 1) / side);
}

/* Local memory of a work-group. */
static inline size_t sanl_tile_local_bytes(int rows, int columns)
{
    const size_t line = (size_t)(rows + columns + 8) * sizeof(float);
    return 2 * (SANL_TILE_SLICE * line + 4 * 4 * sizeof(float));
}

#endif
