#include "ops/reduce.h"

enum { MIDDLE = 128 };

/* workspace[to .. to + items) = parts of the sum of in[from .. from + count). On a CPU a work-item reads a
 * run of memory by 16 floats, elsewhere neighbours read neighbouring quads. */
static enum sanl_status sum(struct sanl_device *device, sanl_buffer in, sanl_buffer workspace, size_t from,
                            size_t count, size_t to, size_t items, bool square)
{
    const bool runs = sanl_device_is_cpu(device);
    const size_t vectors = count / (runs ? 16 : 4);
    const unsigned share = (unsigned)((vectors + items - 1) / items);
    return sanl_launch_1d(device, "reduce", "reduce_sum",
                          runs ? "-DVEC=float16 -DLANES=16" : "-DVEC=float4 -DLANES=4", items, "bbuuuuiuuu",
                          in, workspace, (unsigned)from, (unsigned)count, (unsigned)to, (unsigned)items,
                          (int)square, share, runs ? share : 1u, runs ? 1u : (unsigned)items);
}

enum sanl_status sanl_reduce_parts(struct sanl_device *device, size_t count, sanl_buffer workspace)
{
    SANL_TRY(sum(device, workspace, workspace, 0, count, SANL_REDUCE_PARTS, MIDDLE, false));
    return sum(device, workspace, workspace, SANL_REDUCE_PARTS, MIDDLE, SANL_REDUCE_RESULT, 1, false);
}

enum sanl_status sanl_reduce_sum(struct sanl_device *device, sanl_buffer in, size_t count, bool square,
                                 sanl_buffer workspace)
{
    const size_t vectors = count / 16 + 1;
    const size_t items = vectors < SANL_REDUCE_PARTS ? vectors : SANL_REDUCE_PARTS;
    SANL_TRY(sum(device, in, workspace, 0, count, 0, items, square));
    return sanl_reduce_parts(device, items, workspace);
}
