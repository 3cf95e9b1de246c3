#include "ops/reduce.h"

enum { MIDDLE = 128 };

/* workspace[to .. to + items) = strided sums of in[from .. from + count) */
static enum sanl_status sum(struct sanl_device *device, cl_mem in, cl_mem workspace, size_t from,
                            size_t count, size_t to, size_t items, bool square)
{
    return sanl_launch_1d(device, "reduce", "reduce_sum", "", items, "bbuuuui", in, workspace, (unsigned)from,
                          (unsigned)count, (unsigned)to, (unsigned)items, square);
}

enum sanl_status sanl_reduce_parts(struct sanl_device *device, size_t count, cl_mem workspace)
{
    SANL_TRY(sum(device, workspace, workspace, 0, count, SANL_REDUCE_PARTS, MIDDLE, false));
    return sum(device, workspace, workspace, SANL_REDUCE_PARTS, MIDDLE, SANL_REDUCE_RESULT, 1, false);
}

enum sanl_status sanl_reduce_sum(struct sanl_device *device, cl_mem in, size_t count, bool square,
                                 cl_mem workspace)
{
    size_t items = count < SANL_REDUCE_PARTS ? count : SANL_REDUCE_PARTS;
    SANL_TRY(sum(device, in, workspace, 0, count, 0, items, square));
    return sanl_reduce_parts(device, items, workspace);
}
