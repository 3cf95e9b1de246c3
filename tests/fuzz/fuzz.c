#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "data/dataset.h"
#include "model/tensors.h"

enum { MOST_VALUES = 1 << 16 };

static char path[64];

static void remove_file(void)
{
    remove(path);
}

static char folder[64];

static void remove_folder(void)
{
    sanl_folder_clear(folder);
    rmdir(folder);
}

/* Writes parts of the bytes, between form feeds, to the files of the folder. */
static void write_files(const char *const *files, const uint8_t *bytes, size_t length)
{
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/sanlcl_fuzz_%ld", (long)getpid());
        atexit(remove_folder);
    }
    for (; *files; files++) {
        char at[256];
        const uint8_t *end = bytes ? memchr(bytes, '\f', length) : NULL;
        const size_t part = end ? (size_t)(end - bytes) : length;
        snprintf(at, sizeof at, "%s/%s", folder, *files);
        remove(at);
        if (!bytes)
            continue;
        char *slash = strrchr(at, '/');
        *slash = 0;
        if (sanl_folder_make(at) != SANL_OK)
            abort();
        *slash = '/';
        FILE *file = fopen(at, "wb");
        if (!file || fwrite(bytes, 1, part, file) != part || fclose(file) != 0)
            abort();
        bytes = end ? end + 1 : NULL;
        length = end ? length - part - 1 : 0;
    }
}

void fuzz_dataset(const char *format, const char *const *files, const uint8_t *bytes, size_t length)
{
    struct sanl_data_config config = {.limit = 0};
    struct sanl_dataset *set;
    write_files(files, bytes, length);
    snprintf(config.format, sizeof config.format, "%s", format);
    snprintf(config.root, sizeof config.root, "%s", folder);
    if (sanl_dataset_open(&set, &config) != SANL_OK)
        return;
    for (int i = 0; i < set->count; i++) {
        struct sanl_landmarks landmarks;
        sanl_dataset_landmarks(&landmarks, set, &set->records[i]);
    }
    sanl_dataset_free(set);
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

void fuzz_tensors(const uint8_t *bytes, size_t count)
{
    struct sanl_tensors *file;
    if (sanl_tensors_open(&file, fuzz_file(bytes, count)) != SANL_OK)
        return;
    for (size_t i = 0; i < sanl_tensors_count(file); i++) {
        const struct sanl_named_tensor *tensor = sanl_tensors_at(file, i);
        float *values = tensor->count <= MOST_VALUES ? calloc(tensor->count + 1, sizeof *values) : NULL;
        if (values && sanl_tensors_read(file, tensor, values) == SANL_OK && values[tensor->count] != 0)
            abort();
        free(values);
    }
    sanl_tensors_free(file);
}
