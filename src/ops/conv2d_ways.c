/* The ways to compute a convolution: register or work-group tiles of the families, each direct or by
 * Winograd's filtering. The default follows the device's class and the shape; `sanlcl tune` measures. */
#include <stdio.h>
#include <string.h>
#include "ops/conv2d.h"
#include "ops/tile.h"
#include "ops/tuned.h"

/* Rows of the output by lanes of channels. */
static const struct conv2d_kernel kernels[] = {
    {"wide-6x64", &sanl_conv2d_wide, "-DP=6 -DNV=4", 6, 64, 0, 0},    /* 32 registers of 16 floats */
    {"wide-12x32", &sanl_conv2d_wide, "-DP=12 -DNV=2", 12, 32, 0, 0}, /* the same, fewer channels */
    {"wide-12x16", &sanl_conv2d_wide, "-DP=12 -DNV=1", 12, 16, 0, 0},
    {"wide-3x8", &sanl_conv2d_wide, "", 3, 8, 0, 0},               /* few channels: registers of terms */
    {"wide-6x16", &sanl_conv2d_wide, "-DP=6 -DNV=1", 6, 16, 0, 0}, /* 16 registers of 8 floats; 32 of 4 */
    {"tile-128x128", &sanl_conv2d_tile, "-DBM=128 -DBN=128 -DTM=8 -DTN=8", 128, 128, 16, 16},
    {"tile-128x64", &sanl_conv2d_tile, "-DBM=128 -DBN=64 -DTM=8 -DTN=8", 128, 64, 16, 8},
    {"tile-64x64", &sanl_conv2d_tile, "-DBM=64 -DBN=64 -DTM=8 -DTN=4", 64, 64, 8, 16},
    {"tile-64x64-8", &sanl_conv2d_tile, "-DBM=64 -DBN=64 -DTM=8 -DTN=8", 64, 64, 8, 8},
    {"tile-64x64-4", &sanl_conv2d_tile, "-DBM=64 -DBN=64 -DTM=4 -DTN=4", 64, 64, 16, 16},
    {"tile-64x32", &sanl_conv2d_tile, "-DBM=64 -DBN=32 -DTM=8 -DTN=4", 64, 32, 8, 8},
    {"tile-32x64", &sanl_conv2d_tile, "-DBM=32 -DBN=64 -DTM=4 -DTN=8", 32, 64, 8, 8},
    {"tile-32x32", &sanl_conv2d_tile, "-DBM=32 -DBN=32 -DTM=4 -DTN=4", 32, 32, 8, 8},
    {"tile-64x16", &sanl_conv2d_tile, "-DBM=64 -DBN=16 -DTM=4 -DTN=4", 64, 16, 16, 4},
    {"tile-16x16", &sanl_conv2d_tile, "-DBM=16 -DBN=16 -DTM=4 -DTN=4", 16, 16, 4, 4},
    {"clblast", &sanl_conv2d_clblast, "", 0, 0, 0, 0}, /* --gemm clblast: with its own parameters */
    {"clblast-32x32", &sanl_conv2d_clblast, "", 32, 32, 8, 8},
    {"clblast-64x64", &sanl_conv2d_clblast, "", 64, 64, 8, 8},
    {"clblast-128x64", &sanl_conv2d_clblast, "", 128, 64, 16, 8},
};

enum { KERNELS = sizeof kernels / sizeof *kernels, SIDES = 3 /* Winograd's tile: none, 2, 4 */ };

static const struct conv2d_kernel *kernel_named(const char *name)
{
    for (int i = 0; i < KERNELS; i++)
        if (strcmp(kernels[i].name, name) == 0)
            return &kernels[i];
    return NULL;
}

/* Whether the device can run it: a work-group's items and its local memory. */
static bool runs_on(const struct conv2d_kernel *kernel, const struct sanl_device *device)
{
    enum { CLBLAST_GROUP = 128 }; /* of the copies around its products */
    const struct sanl_device_info *info = device ? sanl_device_get_info(device) : NULL;
    if (info && kernel->route == &sanl_conv2d_clblast)
        return info->max_work_group >= CLBLAST_GROUP;
    return !info || kernel->route != &sanl_conv2d_tile ||
           (info->max_work_group >= (uint64_t)(kernel->group_rows * kernel->group_lanes) &&
            info->local_bytes >= sanl_tile_local_bytes(kernel->rows, kernel->lanes));
}

static int channels_out(const struct conv2d_sizes *s, enum conv2d_direction direction)
{
    return direction == CONV2D_DATA ? s->cin : s->cout;
}

/* Whether cl/conv2d_dot.cl computes it. */
static bool dot_fits(const struct conv2d_sizes *s, enum conv2d_direction direction, bool winograd)
{
    return direction != CONV2D_DATA && !winograd && s->cin % 16 == 0 && s->cout <= 8;
}

static const struct conv2d_kernel *default_kernel(const struct conv2d_sizes *s,
                                                  enum conv2d_direction direction,
                                                  const struct sanl_device *device, bool winograd)
{
    const int channels = channels_out(s, direction);
    const char *const tiles[] = {channels <= 16                                    ? "tile-64x16"
                                 : device && sanl_device_has_few_registers(device) ? "tile-64x64-4"
                                                                                   : "tile-64x64",
                                 "tile-32x32", "tile-16x16"};
    switch (device ? sanl_device_route(device) : SANL_ROUTE_WIDE) {
    case SANL_ROUTE_CLBLAST:
        return kernel_named("clblast");
    case SANL_ROUTE_TILE:
        for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++)
            if (runs_on(kernel_named(tiles[i]), device))
                return kernel_named(tiles[i]);
        return kernel_named("tile-16x16");
    default:
        if (device && sanl_device_get_info(device)->float_width < 16)
            return kernel_named("wide-6x16");
        if (dot_fits(s, direction, winograd))
            return kernel_named("wide-3x8");
        return kernel_named(channels > 32 ? "wide-6x64" : channels > 16 ? "wide-12x32" : "wide-12x16");
    }
}

/* Choices count from 1: kernel * SIDES + side + 1. */
bool sanl_conv2d_choice_name(char name[SANL_CHOICE_BYTES], int choice)
{
    if (choice < 1 || choice > KERNELS * SIDES)
        return false;
    const int side = (choice - 1) % SIDES * 2;
    const char *kernel = kernels[(choice - 1) / SIDES].name;
    if (side)
        snprintf(name, SANL_CHOICE_BYTES, "%s-winograd%d", kernel, side);
    else
        snprintf(name, SANL_CHOICE_BYTES, "%s", kernel);
    return true;
}

/* fixed: the weights are packed once, not for each run. */
void sanl_conv2d_choice_key(char *text, size_t bytes, const struct sanl_op_call *call)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    snprintf(text, bytes, "kh=%d kw=%d stride=%d pad=%d h=%d w=%d cin=%d cout=%d fixed=%d%s", s.kh, s.kw,
             s.stride, s.pad, s.h, s.w, s.cin, s.cout, !call->training || call->no_param_grad,
             call->attr[CONV2D_WINOGRAD] == 0 ? " winograd=0" : "");
}

bool sanl_conv2d_choice_fits(const struct sanl_op_call *call, const struct sanl_device *device, int direction,
                             int choice)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const struct conv2d_kernel *kernel = &kernels[(choice - 1) / SIDES];
    const bool winograd = (choice - 1) % SIDES > 0;
    if (winograd && (!sanl_winograd_fits(&s) || call->attr[CONV2D_WINOGRAD] == 0))
        return false;
    const bool given = device && sanl_device_route_is_given(device);
    if (given && kernel->route != default_kernel(&s, CONV2D_FORWARD, device, winograd)->route)
        return false;
    if (kernel->route == &sanl_conv2d_clblast && given != (kernel->rows == 0))
        return false; /* its parameters stay in force: either all name theirs or none does */
    if (sanl_conv2d_is_dot(kernel) && !dot_fits(&s, (enum conv2d_direction)direction, winograd))
        return false;
    /* Far wider than the channels: the rest would be zeros. */
    const int channels = channels_out(&s, (enum conv2d_direction)direction);
    if (kernel->lanes > 16 && kernel->lanes >= 2 * channels)
        return false;
    return runs_on(kernel, device);
}

static int default_choice(const struct sanl_op_call *call, const struct sanl_device *device,
                          enum conv2d_direction direction)
{
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const int wanted = (int)call->attr[CONV2D_WINOGRAD];
    const struct conv2d_kernel *kernel = default_kernel(&s, direction, device, wanted > 0);
    const bool fixed = !call->training || call->no_param_grad;
    const int side = wanted >= 0 ? wanted : sanl_winograd_choose(&s, kernel, direction, fixed);
    return (int)(kernel - kernels) * SIDES + side / 2 + 1;
}

void sanl_conv2d_choose(struct sanl_op_call *call, const struct sanl_device *device)
{
    for (int i = 0; i < SANL_OP_CHOICES; i++) {
        int *chosen = &call->chosen[i];
        const int wish = call->choice[i];
        *chosen = wish && sanl_conv2d_choice_fits(call, device, i, wish) ? wish : 0;
        if (!*chosen && call->attr[CONV2D_WINOGRAD] <= 0)
            *chosen = sanl_tuned_choice(call, device, i);
        if (!*chosen)
            *chosen = default_choice(call, device, (enum conv2d_direction)i);
    }
}

struct conv2d_way sanl_conv2d_way_of(const struct sanl_op_call *call, enum conv2d_direction direction)
{
    const int choice = call->chosen[direction] - 1;
    return (struct conv2d_way){&kernels[choice / SIDES], choice % SIDES * 2};
}
