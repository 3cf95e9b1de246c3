#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[64];

static void remove_file(void)
{
    remove(path);
}

const char *fuzz_file(const uint8_t *bytes, size_t count)
{
    if (!path[0]) {
        snprintf(path, sizeof path, "/tmp/sanlcl_fuzz_%ld", (long)getpid());
        atexit(remove_file);
    }
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, count, file) != count || fclose(file) != 0) {
        perror(path);
        abort();
    }
    return path;
}
