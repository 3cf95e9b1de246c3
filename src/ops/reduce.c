#include "ops/reduce.h"

enum { MIDDLE = 128, LANES = 16 };

/* workspace[to .. to + items) = parts of the sum of in[from .. from + count). On a CPU a work-item reads a
 * run of memory, elsewhere neighbours read neighbouring vectors. */
static enum sanl_status sum(struct sanl_device *device, sanl_buffer in, sanl_buffer workspace, size_t from,
                            size_t count, size_t to, size_t items, bool square)
{
    unsigned share = (unsigned)((count / LANES + items - 1) / items);
    bool runs = sanl_device_is_cpu(device);
    return sanl_launch_1d(device, "reduce", "reduce_sum", "", items, "bbuuuuiuuu", in, workspace,
                          (unsigned)from, (unsigned)count, (unsigned)to, (unsigned)items, (int)square, share,
                          runs ? share : 1u, runs ? 1u : (unsigned)items);
}

enum sanl_status sanl_reduce_parts(struct sanl_device *device, size_t count, sanl_buffer workspace)
{
    SANL_TRY(sum(device, workspace, workspace, 0, count, SANL_REDUCE_PARTS, MIDDLE, false));
    return sum(device, workspace, workspace, SANL_REDUCE_PARTS, MIDDLE, SANL_REDUCE_RESULT, 1, false);
}

enum sanl_status sanl_reduce_sum(struct sanl_device *device, sanl_buffer in, size_t count, bool square,
                                 sanl_buffer workspace)
{
    size_t vectors = count / LANES + 1;
    size_t items = vectors < SANL_REDUCE_PARTS ? vectors : SANL_REDUCE_PARTS;
    SANL_TRY(sum(device, in, workspace, 0, count, 0, items, square));
    return sanl_reduce_parts(device, items, workspace);
}
