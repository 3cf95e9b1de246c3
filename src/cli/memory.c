#include "cli/memory.h"

#include <stdio.h>

static void print_row(const char *name, double bytes, const char *note)
{
    printf("  %-22s %10.1f%s%s\n", name, bytes / (1 << 20), note[0] ? "  " : "", note);
}

enum sanl_status sanl_cli_print_memory(const struct sanl_memory_use *use, struct sanl_device *device)
{
    struct sanl_memory memory;
    char note[128];
    const enum sanl_status status = sanl_memory_plan(&memory, use, device);
    if (status != SANL_OK)
        return status == SANL_ERR_LIMIT ? sanl_memory_check(use, device, 0) : status;
    printf("device memory in MiB for");
    if (use->train_batch)
        printf(" training at batch %d", use->train_batch);
    printf(use->train_batch && use->eval_batch ? " and" : "");
    if (use->eval_batch)
        printf(" inference at batch %d", use->eval_batch);
    printf(":\n");
    snprintf(note, sizeof note, "%.1f of them freed once packed", memory.spent / (1 << 20));
    for (int k = 0; k < SANL_MEMORY_ACTIVATIONS; k++)
        print_row(sanl_memory_kind_name((enum sanl_memory_kind)k), memory.bytes[k],
                  k == SANL_MEMORY_PARAMETERS && memory.spent > 0 ? note : "");
    printf("  used again and again; at the peak, in %s:\n", memory.peak);
    for (int k = SANL_MEMORY_ACTIVATIONS; k < SANL_MEMORY_KINDS; k++)
        print_row(sanl_memory_kind_name((enum sanl_memory_kind)k), memory.bytes[k], "");
    snprintf(note, sizeof note, "%.1f%% over the %.1f that live at the peak",
             100 * (memory.placed / memory.live - 1), memory.live / (1 << 20));
    print_row("placed", memory.placed, note);
    snprintf(note, sizeof note, "of the device's %.1f",
             (double)sanl_device_get_info(device)->memory_bytes / (1 << 20));
    print_row("total", memory.total, note);
    fflush(stdout);
    return sanl_memory_check(use, device, 0);
}
