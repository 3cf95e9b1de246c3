/* Runs a fuzz program's function over every file of a folder, and over each file cut short in places. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"

enum { CUTS = 16, PATH_BYTES = 4096, FILE_BYTES = 1 << 20 };

static int replay(const char *path)
{
    static uint8_t room[FILE_BYTES];
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    const size_t count = fread(room, 1, sizeof room, file);
    fclose(file);
    for (size_t i = 1; i <= CUTS; i++) {
        const size_t used = count * i / CUTS;
        uint8_t *copy = malloc(used ? used : 1); /* of this size, so that reading on is found */
        if (!copy)
            return 1;
        memcpy(copy, room, used);
        LLVMFuzzerTestOneInput(copy, used);
        free(copy);
    }
    return 0;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    int files = 0, failed = 0;
    if (!folder) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[PATH_BYTES];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        failed |= replay(path);
        files++;
    }
    closedir(folder);
    printf("%d files\n", files);
    return failed || !files;
}
