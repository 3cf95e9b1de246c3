#include "ops/reduce.h"

enum { MIDDLE = 128 };

/* How `items` work-items share a sum: on a CPU each reads a run of memory by 16 floats, elsewhere neighbours
 * read neighbouring quads. */
struct share {
    const char *options;
    unsigned vectors, first, next;
};

static struct share share_of(const struct sanl_device *device, size_t count, size_t items)
{
    const bool runs = sanl_device_is_cpu(device);
    const size_t vectors = count / (runs ? 16 : 4);
    const unsigned share = (unsigned)((vectors + items - 1) / items);
    return (struct share){runs ? "-DVEC=float16 -DLANES=16" : "-DVEC=float4 -DLANES=4", share,
                          runs ? share : 1u, runs ? 1u : (unsigned)items};
}

enum sanl_status sanl_reduce_parts(struct sanl_device *device, size_t count, sanl_buffer workspace)
{
    const struct share share = share_of(device, count, MIDDLE);
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "reduce", "reduce_parts", share.options));
    const size_t most = sanl_kernel_max_group(kernel), group = most < MIDDLE ? most : MIDDLE;
    return sanl_launch(device, kernel, (struct sanl_range){{group, 0, 0}, {group, 0, 0}}, "buuuuuuu",
                       workspace, (unsigned)count, (unsigned)SANL_REDUCE_PARTS, (unsigned)MIDDLE,
                       (unsigned)SANL_REDUCE_RESULT, share.vectors, share.first, share.next);
}

enum sanl_status sanl_reduce_sum(struct sanl_device *device, sanl_buffer in, size_t count, bool square,
                                 sanl_buffer workspace)
{
    const size_t vectors = count / 16 + 1;
    const size_t items = vectors < SANL_REDUCE_PARTS ? vectors : SANL_REDUCE_PARTS;
    const struct share share = share_of(device, count, items);
    SANL_TRY(sanl_launch_1d(device, "reduce", "reduce_sum", share.options, items, "bbuuiuuu", in, workspace,
                            (unsigned)count, (unsigned)items, (int)square, share.vectors, share.first,
                            share.next));
    return sanl_reduce_parts(device, items, workspace);
}
