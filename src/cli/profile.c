#include "cli/profile.h"

#include <stdio.h>
#include <stdlib.h>

enum sanl_status sanl_cli_print_profile(struct sanl_device *device)
{
    struct sanl_device_time *times;
    int count;
    double total = 0;
    const enum sanl_status status = sanl_device_times(&times, &count, device);
    if (status != SANL_OK)
        return status;
    for (int i = 0; i < count; i++)
        total += times[i].seconds;
    printf("%10s %6s %9s  kernel\n", "ms", "share", "launches");
    for (int i = 0; i < count; i++)
        printf("%10.2f %5.1f%% %9ld  %s\n", times[i].seconds * 1e3, 100 * times[i].seconds / total,
               times[i].launches, times[i].kernel);
    free(times);
    return SANL_OK;
}
