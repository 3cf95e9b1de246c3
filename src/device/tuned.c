/* What was tuned for a device: lines "key = value" of
 *     $XDG_CACHE_HOME/sanlcl/tuned-HASH.txt
 * HASH being of the device, its driver and platform. A line "kernels = HASH" stands for the kernels' source;
 * a file of other kernels is not used. Lines that make no sense are skipped.
 *
 * Such a file in configs/tuned/ is shipped: embedded, and used for the device and platform that it names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "device/internal.h"
#include "device/source.h"

enum { FILE_MAX = 16 << 20 };

static uint64_t hash_device(const struct sanl_device_info *info)
{
    const char *const texts[] = {info->name,    info->vendor,   info->driver,
                                 info->version, info->platform, info->platform_version};
    uint64_t h = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        h = sanl_mix64(h ^ sanl_hash_text(texts[i]));
    return h;
}

static uint64_t hash_kernels(void)
{
    uint64_t h = 0;
    for (const struct sanl_source *s = sanl_sources; s->name; s++)
        if (strncmp(s->name, "conv2d", 6) == 0 || strcmp(s->name, "tile") == 0)
            h = sanl_mix64(h ^ sanl_hash_text(s->text));
    return h;
}

char *sanl_device_tuned_path(const struct sanl_device *device)
{
    char name[64];
    snprintf(name, sizeof name, "tuned-%016llx.txt", (unsigned long long)hash_device(&device->info));
    return device->cache ? sanl_path_join(device->cache, name) : NULL;
}

static bool entry_at(const struct sanl_tuned_list *list, int index, const char **key, const char **value)
{
    if (index >= list->count)
        return false;
    *key = list->entries[index].key;
    *value = list->entries[index].value;
    return true;
}

bool sanl_device_tuned_at(const struct sanl_device *device, int index, const char **key, const char **value)
{
    return entry_at(&device->tuned, index, key, value);
}

bool sanl_device_shipped_at(const struct sanl_device *device, int index, const char **key, const char **value)
{
    return entry_at(&device->shipped, index, key, value);
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct sanl_tuned *)a)->key, ((const struct sanl_tuned *)b)->key);
}

static enum sanl_status set(struct sanl_tuned_list *list, const char *key, const char *value)
{
    char *own_value = sanl_strdup(value), *own_key = NULL;
    if (!own_value)
        return SANL_ERR_MEMORY;
    for (int i = 0; i < list->count; i++)
        if (strcmp(list->entries[i].key, key) == 0) {
            free(list->entries[i].value);
            list->entries[i].value = own_value;
            return SANL_OK;
        }
    if (!(own_key = sanl_strdup(key)) || sanl_grow(&list->entries, &list->capacity, (size_t)list->count + 1,
                                                   sizeof *list->entries) != SANL_OK) {
        free(own_key);
        free(own_value);
        return SANL_ERR_MEMORY;
    }
    list->entries[list->count++] = (struct sanl_tuned){own_key, own_value};
    qsort(list->entries, (size_t)list->count, sizeof *list->entries, compare);
    return SANL_OK;
}

enum sanl_status sanl_device_set_tuned(struct sanl_device *device, const char *key, const char *value)
{
    return set(&device->tuned, key, value);
}

enum sanl_status sanl_device_save_tuned(const struct sanl_device *device)
{
    struct sanl_output out = {0};
    char *path = sanl_device_tuned_path(device);
    if (!path)
        return sanl_fail(SANL_ERR_IO, "there is no place for what was tuned: set XDG_CACHE_HOME or HOME");
    enum sanl_status status = sanl_folder_make(device->cache);
    if (status == SANL_OK)
        status = sanl_output_open(&out, path);
    if (status == SANL_OK) {
        fprintf(out.file, "# The fastest kernels on %s (%s, driver %s), by 'sanlcl tune'.\n",
                device->info.name, device->info.platform, device->info.driver);
        fprintf(out.file, "kernels = %016llx\ndevice = %s\nplatform = %s\n",
                (unsigned long long)hash_kernels(), device->info.name, device->info.platform);
        for (int i = 0; i < device->tuned.count; i++)
            fprintf(out.file, "%s = %s\n", device->tuned.entries[i].key, device->tuned.entries[i].value);
        status = sanl_output_commit(&out);
    }
    sanl_output_free(&out);
    free(path);
    return status;
}

static void forget(struct sanl_tuned_list *list)
{
    for (int i = 0; i < list->count; i++) {
        free(list->entries[i].key);
        free(list->entries[i].value);
    }
    free(list->entries);
    *list = (struct sanl_tuned_list){0};
}

void sanl_device_forget_tuned(struct sanl_device *device)
{
    forget(&device->tuned);
}

void sanl_device_forget_shipped(struct sanl_device *device)
{
    forget(&device->shipped);
}

/* Whether there is a line "key = value". */
static bool says(const char *text, const char *key, const char *value)
{
    const size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *found = line + length + 3;
        if (strncmp(line, key, length) == 0 && strncmp(line + length, " = ", 3) == 0 &&
            strncmp(found, value, strlen(value)) == 0 && strchr("\n", found[strlen(value)]))
            return true;
    }
    return false;
}

/* Keys are of several words; what has one is about the file. Changes the text. */
static void read_entries(struct sanl_tuned_list *list, char *text)
{
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *at = strstr(line, " = ");
        if (!at || line[0] == '#' || memchr(line, ' ', (size_t)(at - line)) == NULL || !at[3])
            continue;
        *at = '\0';
        if (set(list, line, at + 3) != SANL_OK)
            break;
    }
}

void sanl_device_load_tuned(struct sanl_device *device)
{
    char kernels[32], *path = sanl_device_tuned_path(device), *text = NULL;
    size_t length;
    snprintf(kernels, sizeof kernels, "%016llx", (unsigned long long)hash_kernels());
    if (path && sanl_file_exists(path) && sanl_file_read(&text, &length, path, FILE_MAX) == SANL_OK) {
        if (says(text, "kernels", kernels))
            read_entries(&device->tuned, text);
        else
            sanl_log(SANL_LOG_INFO, "%s: tuned with other kernels, not used; run 'sanlcl tune'", path);
    }
    free(text);
    free(path);
}

void sanl_device_load_shipped(struct sanl_device *device)
{
    for (const struct sanl_source *s = sanl_tuned_files; s->name; s++) {
        char *text =
            says(s->text, "device", device->info.name) && says(s->text, "platform", device->info.platform)
                ? sanl_strdup(s->text)
                : NULL;
        if (text)
            read_entries(&device->shipped, text);
        free(text);
    }
}
