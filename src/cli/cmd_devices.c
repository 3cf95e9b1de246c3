#include <stdlib.h>
#include <sanlcl/table.h>
#include "cli/args.h"

static const struct sanl_arg args_table[] = {
    {.name = "--json", .help = "write every property as JSON"},
    {0},
};

static const struct sanl_column columns[] = {
    {"index", NULL, 0},
    {"type", NULL, 0},
    {"name", NULL, 0},
    {"platform", NULL, 0},
    {"vendor", NULL, 0},
    {"driver", NULL, 0},
    {"version", NULL, 0},
    {"platform_version", NULL, 0},
    {"compute_units", NULL, 0},
    {"clock_mhz", NULL, 0},
    {"memory_bytes", NULL, 0},
    {"max_alloc_bytes", NULL, 0},
    {"local_bytes", NULL, 0},
    {"constant_bytes", NULL, 0},
    {"cache_bytes", NULL, 0},
    {"max_work_group", NULL, 0},
    {"base_align_bytes", NULL, 0},
    {"float_width", NULL, 0},
    {"fma", NULL, 0},
    {"fp16", NULL, 0},
    {"fp64", NULL, 0},
    {"subgroups", NULL, 0},
    {"images", NULL, 0},
    {"unified_memory", NULL, 0},
    {"unusable", NULL, 0},
};

static void add_device(struct sanl_table *table, const struct sanl_device_info *info)
{
    const char *const texts[] = {info->type,   info->name,    info->platform,        info->vendor,
                                 info->driver, info->version, info->platform_version};
    const unsigned long long numbers[] = {info->compute_units,   info->clock_mhz,      info->memory_bytes,
                                          info->max_alloc_bytes, info->local_bytes,    info->constant_bytes,
                                          info->cache_bytes,     info->max_work_group, info->base_align_bytes,
                                          info->float_width};
    const bool flags[] = {info->fma,       info->fp16,   info->fp64,
                          info->subgroups, info->images, info->unified_memory};
    sanl_table_int(table, info->index);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        sanl_table_text(table, texts[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sanl_table_int(table, (long long)numbers[i]);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        sanl_table_bool(table, flags[i]);
    sanl_table_text(table, info->unusable[0] ? info->unusable : NULL);
}

static enum sanl_status write_json(const struct sanl_device_info *infos, int count)
{
    struct sanl_table *table;
    enum sanl_status status = sanl_table_create(&table, columns, (int)(sizeof columns / sizeof *columns));
    if (status != SANL_OK)
        return status;
    for (int i = 0; i < count; i++)
        add_device(table, &infos[i]);
    status = sanl_table_write(table, stdout, SANL_TABLE_JSON);
    sanl_table_free(table);
    return status;
}

/* Bytes as "31.2 GiB" or "512 KiB". */
static void print_bytes(const char *label, uint64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024 && unit < 4; unit++)
        value /= 1024;
    printf("%s %.*f %s", label, value < 10 && unit ? 1 : 0, value, units[unit]);
}

static void print_device(const struct sanl_device_info *info)
{
    printf("%2d  %s  %s\n", info->index, info->type, info->name);
    printf("    platform  %s, %s\n", info->platform, info->platform_version);
    printf("    vendor    %s, driver %s, %s\n", info->vendor, info->driver, info->version);
    printf("    units     %u", info->compute_units);
    if (info->clock_mhz) /* 0: the driver does not know */
        printf(" at %u MHz", info->clock_mhz);
    printf(", work-group up to %llu, float vectors of %u\n", (unsigned long long)info->max_work_group,
           info->float_width);
    print_bytes("    memory   ", info->memory_bytes);
    print_bytes(", one buffer up to", info->max_alloc_bytes);
    print_bytes(", local", info->local_bytes);
    print_bytes(", constant", info->constant_bytes);
    print_bytes(", cache", info->cache_bytes);
    printf("\n    abilities%s%s%s%s%s%s\n", info->fma ? " fma" : "", info->fp16 ? " fp16" : "",
           info->fp64 ? " fp64" : "", info->subgroups ? " sub-groups" : "", info->images ? " images" : "",
           info->unified_memory ? " unified memory" : "");
    if (info->unusable[0])
        printf("    unusable  %s\n", info->unusable);
}

static enum sanl_status run(const struct sanl_args *args)
{
    struct sanl_device_info *infos;
    int count;
    enum sanl_status status = sanl_device_list(&infos, &count);
    if (status != SANL_OK)
        return status;
    if (sanl_args_flag(args, "--json"))
        status = write_json(infos, count);
    else
        for (int i = 0; i < count; i++)
            print_device(&infos[i]);
    free(infos);
    return status;
}

const struct sanl_command sanl_cmd_devices = {
    .name = "devices",
    .summary = "list the OpenCL devices in the order of --device",
    .args = args_table,
    .run = run,
};
