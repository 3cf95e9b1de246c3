/* What a checkpoint says about itself. */
#include "model/weights.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

/* A classifier without blocks has none, whatever its configuration says: in older files that key has the
 * default of landmark networks. */
static bool has_blocks(const struct sanl_tensors *file)
{
    return sanl_tensors_find(file, "sanl.0.theta.weight") != NULL;
}

enum sanl_status sanl_weights_config(struct sanl_config *out, const char *path, const char *const *overrides,
                                     size_t count)
{
    struct sanl_tensors *file;
    SANL_TRY(sanl_tensors_open(&file, path));
    const char *text = sanl_tensors_text(file, "config"), *version = sanl_tensors_text(file, "version");
    enum sanl_status status;
    if (!text)
        status = sanl_fail(SANL_ERR_FORMAT,
                           "%s: it carries no configuration (metadata 'config'); expected a checkpoint of "
                           "'sanlcl train'",
                           path);
    else if (version && strtol(version, NULL, 10) > SANL_WEIGHTS_VERSION)
        status = sanl_fail(SANL_ERR_FORMAT,
                           "%s: a checkpoint of layout %s, but this program knows layouts up to %d; use a "
                           "newer one",
                           path, version, SANL_WEIGHTS_VERSION);
    else
        status = sanl_config_parse(out, text, strlen(text), path, overrides, count);
    if (status == SANL_OK && out->task == SANL_TASK_CLASSIFY && !has_blocks(file))
        out->model.block = SANL_BLOCK_NONE;
    sanl_tensors_free(file);
    return status;
}

enum sanl_status sanl_weights_text(char **out, const char *path, const char *key)
{
    struct sanl_tensors *file;
    *out = NULL;
    SANL_TRY(sanl_tensors_open(&file, path));
    const char *text = sanl_tensors_text(file, key);
    enum sanl_status status = SANL_OK;
    if (text && !(*out = sanl_strdup(text)))
        status = SANL_ERR_MEMORY;
    sanl_tensors_free(file);
    return status;
}

/* The pointers and, behind them, the names. */
static const char **copy_names(const json_t *list)
{
    const size_t count = json_array_size(list);
    size_t bytes = count * sizeof(char *);
    for (size_t i = 0; i < count; i++)
        bytes += json_string_length(json_array_get(list, i)) + 1;
    const char **names = sanl_calloc(bytes, 1);
    char *at = names ? (char *)(names + count) : NULL;
    for (size_t i = 0; names && i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        names[i] = at;
        strcpy(at, text ? text : "");
        at += strlen(at) + 1;
    }
    return names;
}

enum sanl_status sanl_weights_categories(const char ***out, int *count, const char *path)
{
    struct sanl_tensors *file;
    *out = NULL;
    *count = 0;
    SANL_TRY(sanl_tensors_open(&file, path));
    const char *text = sanl_tensors_text(file, "categories");
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    enum sanl_status status = SANL_OK;
    if (text && (!json_is_array(list) || json_array_size(list) > 1000000)) {
        status =
            sanl_fail(SANL_ERR_FORMAT, "%s: metadata 'categories': expected a JSON array of names", path);
    } else if (text && json_array_size(list) > 0) {
        *count = (int)json_array_size(list);
        *out = copy_names(list);
        status = *out ? SANL_OK : SANL_ERR_MEMORY;
    }
    json_decref(list);
    sanl_tensors_free(file);
    return status;
}
