#include "ops/sweep.h"

#include <limits.h>

enum {
    ITEM_FLOATS = 8192, /* of a tensor to a work-item in wide kernels: far more work than starting it costs */
    GROUP_ITEMS = 128,  /* work-items to a group in the tile family */
    TILE_SPAN = 4,      /* rows to a work-item in tile kernels: values of a channel are loaded once for all */
    BLOCK = 8,          /* rows that kernels take at once, as in their sources */
    SIDE_MAX = 16384    /* of a picture: index arithmetic of kernels multiplies two of them */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int power_of_two_from(int count, int most)
{
    int power = 1;
    while (power < count && power < most)
        power *= 2;
    return power;
}

static void choose_width(struct sanl_sweep *sweep, bool wide, size_t multiple)
{
    static const struct {
        int width;
        const char *wide, *tile;
    } table[] = {
        {16, "-DVEC=float16 -DLANES=16 -DWALKS=1", NULL},
        {8, "-DVEC=float8 -DLANES=8 -DWALKS=1", NULL},
        {4, "-DVEC=float4 -DLANES=4 -DWALKS=1", "-DVEC=float4 -DLANES=4 -DWALKS=0"},
        {1, "-DVEC=float -DLANES=1 -DWALKS=1", "-DVEC=float -DLANES=1 -DWALKS=0"},
    };
    int i = 0;
    while (multiple % (size_t)table[i].width != 0 || !(wide ? table[i].wide : table[i].tile))
        i++;
    sweep->width = table[i].width;
    sweep->options = wide ? table[i].wide : table[i].tile;
}

static int group_limit(struct sanl_device *device)
{
    const struct sanl_device_info *info = sanl_device_get_info(device);
    int items = GROUP_ITEMS;
    while ((uint64_t)items > info->max_work_group)
        items /= 2;
    return items;
}

struct sanl_sweep sanl_sweep_rows(struct sanl_device *device, size_t rows, int channels, int common)
{
    const bool wide = sanl_device_family(device) == SANL_ROUTE_WIDE;
    struct sanl_sweep sweep = {0};
    choose_width(&sweep, wide, (size_t)common);
    sweep.groups = channels / sweep.width;
    sweep.span = wide ? ITEM_FLOATS / (int)least((size_t)channels, ITEM_FLOATS) : TILE_SPAN;
    const size_t items = (rows + (size_t)sweep.span - 1) / (size_t)sweep.span;
    const int limit = group_limit(device), across = power_of_two_from(sweep.groups, limit);
    sweep.range = wide ? (struct sanl_range){{1, items, 0}, {1, 1, 0}}
                       : (struct sanl_range){{(size_t)sweep.groups, items, 0},
                                             {(size_t)across, (size_t)(limit / across), 0}};
    return sweep;
}

struct sanl_sweep sanl_sweep_flat(struct sanl_device *device, size_t count)
{
    const bool wide = sanl_device_family(device) == SANL_ROUTE_WIDE;
    struct sanl_sweep sweep = {0};
    choose_width(&sweep, wide, count);
    const size_t vecs = count / (size_t)sweep.width;
    sweep.span = wide ? ITEM_FLOATS / sweep.width : 1;
    const size_t items = (vecs + (size_t)sweep.span - 1) / (size_t)sweep.span;
    sweep.range = (struct sanl_range){{items, 0, 0}, {wide ? 1 : (size_t)group_limit(device), 0, 0}};
    return sweep;
}

struct sanl_sweep sanl_sweep_picture(struct sanl_device *device, struct sanl_shape shape)
{
    const bool wide = sanl_device_family(device) == SANL_ROUTE_WIDE;
    struct sanl_sweep sweep = {.span = 1};
    choose_width(&sweep, wide, (size_t)shape.c);
    sweep.groups = shape.c / sweep.width;
    const size_t lines = (size_t)shape.n * (size_t)shape.h;
    const int limit = group_limit(device), across = power_of_two_from(sweep.groups, limit);
    sweep.range = wide ? (struct sanl_range){{1, 1, lines}, {1, 1, 1}}
                       : (struct sanl_range){{(size_t)sweep.groups, (size_t)shape.w, lines},
                                             {(size_t)across, (size_t)(limit / across), 1}};
    return sweep;
}

bool sanl_many_pieces(const struct sanl_device *device)
{
    return device && sanl_device_family(device) == SANL_ROUTE_TILE;
}

struct sanl_pieces sanl_pieces_of(size_t rows, bool many)
{
    const size_t least = many ? BLOCK : 32, most = many ? 1024 : 256;
    size_t length = rows / most < least ? least : (rows + most - 1) / most;
    if (many)
        length = (length + BLOCK - 1) / BLOCK * BLOCK;
    return (struct sanl_pieces){(int)((rows + length - 1) / length), (int)length};
}

struct sanl_range sanl_sweep_pieces(const struct sanl_sweep *sweep, struct sanl_pieces pieces)
{
    struct sanl_range range = sweep->range;
    range.global[1] = (size_t)pieces.count;
    return range;
}

struct sanl_range sanl_sweep_channels(const struct sanl_sweep *sweep)
{
    return (struct sanl_range){{(size_t)sweep->groups, 0, 0}, {sweep->range.local[0], 0, 0}};
}

struct sanl_range sanl_sweep_parts(const struct sanl_sweep *sweep, struct sanl_device *device,
                                   const struct sanl_kernel *kernel, size_t *scratch_bytes)
{
    enum { ACROSS = 2, PARTS = 128 }; /* quads of channels: a sector of memory; few pieces to a work-item */
    const bool wide = sanl_device_family(device) == SANL_ROUTE_WIDE;
    const size_t limit = sanl_kernel_max_group(kernel);
    size_t across = wide ? 1 : (size_t)power_of_two_from(sweep->groups, ACROSS), parts = wide ? 1 : PARTS;
    while (across * parts > limit && parts > 1)
        parts /= 2;
    while (across > limit)
        across /= 2;
    *scratch_bytes = across * parts * (size_t)sweep->width * sizeof(float);
    return (struct sanl_range){{(size_t)sweep->groups, parts, 0}, {across, parts, 0}};
}

enum sanl_status sanl_shape_check(const struct sanl_op_call *call, struct sanl_shape s)
{
    SANL_OP_REQUIRE(call, s.n >= 1 && s.h >= 1 && s.w >= 1 && s.c >= 1,
                    "expected no empty dimension, found (%d, %d, %d, %d)", s.n, s.h, s.w, s.c);
    SANL_OP_REQUIRE(call, s.h <= SIDE_MAX && s.w <= SIDE_MAX && sanl_shape_rows(s) <= INT_MAX / 2,
                    "(%d, %d, %d, %d) is too large: at most %d pixels high or wide and %d in all", s.n, s.h,
                    s.w, s.c, SIDE_MAX, INT_MAX / 2);
    return SANL_OK;
}

bool sanl_attr_whole(double value, int low, int high)
{
    return value >= low && value <= high && value == (double)(int)value;
}
