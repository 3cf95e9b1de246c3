/* What was tuned for a device: lines "key = value" of
 *     $XDG_CACHE_HOME/sanlcl/tuned-HASH.txt
 * HASH being of the device, its driver and platform. A line "kernels = HASH" stands for the kernels' source;
 * a file of other kernels is not used. Lines of another form are skipped, with a warning, kernels that do not
 * exist without one. */
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
        if (strncmp(s->name, "conv2d", 6) == 0 || strcmp(s->name, "tile") == 0 ||
            strcmp(s->name, "common") == 0)
            h = sanl_mix64(h ^ sanl_hash_text(s->text));
    return h;
}

char *sanl_device_tuned_path(const struct sanl_device *device)
{
    char name[64];
    snprintf(name, sizeof name, "tuned-%016llx.txt", (unsigned long long)hash_device(&device->info));
    return device->cache ? sanl_path_join(device->cache, name) : NULL;
}

bool sanl_device_tuned_at(const struct sanl_device *device, int index, const char **key, const char **value)
{
    if (index >= device->tuned_count)
        return false;
    *key = device->tuned[index].key;
    *value = device->tuned[index].value;
    return true;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct sanl_tuned *)a)->key, ((const struct sanl_tuned *)b)->key);
}

enum sanl_status sanl_device_set_tuned(struct sanl_device *device, const char *key, const char *value)
{
    char *own_value = sanl_strdup(value), *own_key = NULL;
    if (!own_value)
        return SANL_ERR_MEMORY;
    for (int i = 0; i < device->tuned_count; i++)
        if (strcmp(device->tuned[i].key, key) == 0) {
            free(device->tuned[i].value);
            device->tuned[i].value = own_value;
            return SANL_OK;
        }
    if (!(own_key = sanl_strdup(key)) ||
        sanl_grow(&device->tuned, &device->tuned_capacity, (size_t)device->tuned_count + 1,
                  sizeof *device->tuned) != SANL_OK) {
        free(own_key);
        free(own_value);
        return SANL_ERR_MEMORY;
    }
    device->tuned[device->tuned_count++] = (struct sanl_tuned){own_key, own_value};
    qsort(device->tuned, (size_t)device->tuned_count, sizeof *device->tuned, compare);
    return SANL_OK;
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
        fprintf(out.file, "kernels = %016llx\n", (unsigned long long)hash_kernels());
        for (int i = 0; i < device->tuned_count; i++)
            fprintf(out.file, "%s = %s\n", device->tuned[i].key, device->tuned[i].value);
        status = sanl_output_commit(&out);
    }
    sanl_output_free(&out);
    free(path);
    return status;
}

void sanl_device_forget_tuned(struct sanl_device *device)
{
    for (int i = 0; i < device->tuned_count; i++) {
        free(device->tuned[i].key);
        free(device->tuned[i].value);
    }
    free(device->tuned);
    device->tuned = NULL;
    device->tuned_count = 0;
    device->tuned_capacity = 0;
}

/* Splits "key = value" in place. */
static bool split(char *line, char **value)
{
    char *at = strstr(line, " = ");
    if (!at || at == line)
        return false;
    *at = '\0';
    *value = at + 3;
    return **value != '\0';
}

void sanl_device_load_tuned(struct sanl_device *device)
{
    char kernels[32], *path = sanl_device_tuned_path(device), *text = NULL, *value, *rest = NULL;
    size_t length;
    bool current = false, found = false, warned = false;
    snprintf(kernels, sizeof kernels, "%016llx", (unsigned long long)hash_kernels());
    if (path && sanl_file_exists(path) && sanl_file_read(&text, &length, path, FILE_MAX) == SANL_OK)
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            if (line[0] == '#')
                continue;
            if (!split(line, &value)) {
                if (!warned)
                    sanl_log(SANL_LOG_WARNING, "%s: '%.60s' is no line SHAPE = KERNELS; such are skipped",
                             path, line);
                warned = true;
                continue;
            }
            if (strcmp(line, "kernels") == 0) {
                found = true;
                current = strcmp(value, kernels) == 0;
            } else if (current && sanl_device_set_tuned(device, line, value) != SANL_OK)
                break;
        }
    if (text && !current)
        sanl_log(SANL_LOG_INFO, "%s: %s, not used; run 'sanlcl tune'", path,
                 found ? "tuned with other kernels" : "there is no line 'kernels = HASH'");
    free(text);
    free(path);
}
