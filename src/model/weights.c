#include "model/weights.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/memory.h"

enum { LISTED = 12, TEXT_BYTES = 1024 };

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool is_counter(const char *name)
{
    static const char end[] = "num_batches_tracked";
    const size_t n = strlen(name), m = sizeof end - 1;
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* ---- saving -------------------------------------------------------------------------------------- */

enum { NAME_BYTES = 160, SECTIONS = 2 + SANL_PARAM_MOMENTS };

/* One run of tensors in a file: the values of all parameters, or a moment of the trained ones. */
struct section {
    struct sanl_params *params;
    char prefix[32];
    int moment; /* -1: values */
};

static bool is_member(const struct section *section, const struct sanl_param *param)
{
    return section->moment < 0 || param->trained;
}

struct sanl_named_tensor sanl_weights_tensor(const struct sanl_param *param, const char *name)
{
    struct sanl_named_tensor tensor = {.name = name};
    int dims[4];
    sanl_param_file_shape(param, dims, &tensor.rank);
    for (int k = 0; k < tensor.rank; k++)
        tensor.shape[k] = (size_t)dims[k];
    return tensor;
}

static size_t list_section(struct sanl_named_tensor *tensors, char (*names)[NAME_BYTES],
                           const struct section *section)
{
    size_t count = 0;
    for (int i = 0; i < section->params->count; i++) {
        const struct sanl_param *param = section->params->list[i];
        if (!is_member(section, param))
            continue;
        snprintf(names[count], sizeof *names, "%s%s", section->prefix, param->name);
        tensors[count] = sanl_weights_tensor(param, names[count]);
        count++;
    }
    return count;
}

static enum sanl_status write_section(struct sanl_safetensors_writer *writer, const struct section *section)
{
    struct sanl_params *params = section->params;
    for (int i = 0; i < params->count; i++) {
        const struct sanl_param *param = params->list[i];
        const size_t count = sanl_shape_count(param->shape);
        if (!is_member(section, param))
            continue;
        float *values = sanl_calloc(count, sizeof *values);
        if (!values)
            return SANL_ERR_MEMORY;
        enum sanl_status status = section->moment < 0
                                      ? sanl_param_read(params, param, values)
                                      : sanl_param_read_moment(params, param, section->moment, values);
        if (status == SANL_OK)
            status = sanl_safetensors_write(writer, values, count);
        free(values);
        SANL_TRY(status);
    }
    return SANL_OK;
}

static enum sanl_status write_file(const char *path, const struct section *sections, int section_count,
                                   const struct sanl_safetensor_text *texts, size_t text_count)
{
    size_t most = 0, count = 0;
    for (int i = 0; i < section_count; i++)
        most += (size_t)sections[i].params->count;
    struct sanl_safetensors_writer *writer = NULL;
    struct sanl_named_tensor *tensors = sanl_calloc(most, sizeof *tensors);
    char(*names)[NAME_BYTES] = sanl_calloc(most, sizeof *names);
    enum sanl_status status = tensors && names ? SANL_OK : SANL_ERR_MEMORY;
    if (status != SANL_OK)
        goto done;
    for (int i = 0; i < section_count; i++)
        count += list_section(tensors + count, names + count, &sections[i]);
    status = sanl_safetensors_create(&writer, path, tensors, count, texts, text_count);
    for (int i = 0; i < section_count && status == SANL_OK; i++)
        status = write_section(writer, &sections[i]);
    if (status == SANL_OK)
        status = sanl_safetensors_commit(writer);
done:
    sanl_safetensors_writer_free(writer);
    free(tensors);
    free(names);
    return status;
}

static char *json_list(const char *const *names, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        json_t *name = json_string(names[i]); /* NULL: no UTF-8 */
        json_array_append_new(list, name ? name : json_sprintf("category %d", i));
    }
    char *text = list ? json_dumps(list, JSON_COMPACT) : NULL;
    json_decref(list);
    return text;
}

static int list_sections(struct section sections[SECTIONS], struct sanl_params *params,
                         struct sanl_params *classifier, bool moments)
{
    int count = 0;
    sections[count++] = (struct section){params, "", -1};
    if (classifier)
        sections[count++] = (struct section){classifier, SANL_CLASSIFIER_PREFIX, -1};
    for (int m = 0; moments && m < params->training_count; m++) {
        sections[count] = (struct section){params, "", m};
        snprintf(sections[count].prefix, sizeof sections->prefix, SANL_OPTIMIZER_PREFIX "%d.", m);
        count++;
    }
    return count;
}

enum sanl_status sanl_weights_save(const char *path, struct sanl_params *params,
                                   struct sanl_params *classifier, const struct sanl_weights_info *info)
{
    char *yaml = NULL, *categories = NULL, epoch[16], version[16];
    struct section sections[SECTIONS];
    const int section_count = list_sections(sections, params, classifier, info->progress);
    SANL_TRY(sanl_config_dump(&yaml, info->config, false));
    snprintf(version, sizeof version, "%d", SANL_WEIGHTS_VERSION);
    snprintf(epoch, sizeof epoch, "%d", info->epoch);
    enum sanl_status status = SANL_OK;
    if (info->category_count > 0 && !(categories = json_list(info->categories, info->category_count)))
        status = sanl_fail(SANL_ERR_MEMORY, "out of host memory");
    struct sanl_safetensor_text texts[6] = {
        {"version", version},
        {"kind", sanl_config_choices("task")[info->config->task]},
        {"config", yaml},
        {"epoch", epoch},
    };
    size_t text_count = 4;
    if (categories)
        texts[text_count++] = (struct sanl_safetensor_text){"categories", categories};
    if (info->progress)
        texts[text_count++] = (struct sanl_safetensor_text){"progress", info->progress};
    if (status == SANL_OK)
        status = write_file(path, sections, section_count, texts, text_count);
    free(yaml);
    free(categories);
    return status;
}

/* ---- strict loading ------------------------------------------------------------------------------ */

/* What is wrong, the first names in full. */
struct list {
    int count;
    char text[TEXT_BYTES];
};

static void add_name(struct list *list, const char *name, const char *detail)
{
    const size_t at = strlen(list->text);
    if (list->count++ < LISTED)
        snprintf(list->text + at, sizeof list->text - at, "%s%s%s", at ? ", " : "", name, detail);
    else if (list->count == LISTED + 1)
        snprintf(list->text + at, sizeof list->text - at, ", ...");
}

static void shape_text(char *out, size_t bytes, const size_t *dims, int rank)
{
    size_t at = 0;
    out[0] = 0;
    for (int i = 0; i < rank && at < bytes; i++)
        at += (size_t)snprintf(out + at, bytes - at, "%s%zu", i ? "x" : "", dims[i]);
}

static bool fits(const struct sanl_param *param, const struct sanl_named_tensor *tensor, char *detail,
                 size_t bytes)
{
    char found[96], expected[96];
    const struct sanl_named_tensor wanted = sanl_weights_tensor(param, NULL);
    const bool same = wanted.rank == tensor->rank &&
                      memcmp(wanted.shape, tensor->shape, (size_t)wanted.rank * sizeof *wanted.shape) == 0;
    if (!same && detail) {
        shape_text(found, sizeof found, tensor->shape, tensor->rank);
        shape_text(expected, sizeof expected, wanted.shape, wanted.rank);
        snprintf(detail, bytes, " (%s, expected %s)", found, expected);
    }
    return same;
}

static bool is_expected(const struct sanl_params *params, const char *name, const char *prefix)
{
    if (is_counter(name) || !starts_with(name, prefix) ||
        (!prefix[0] &&
         (starts_with(name, SANL_CLASSIFIER_PREFIX) || starts_with(name, SANL_OPTIMIZER_PREFIX))))
        return true;
    return sanl_params_find(params, name + strlen(prefix)) != NULL;
}

enum sanl_status sanl_weights_check(const struct sanl_params *params, const struct sanl_tensors *file,
                                    const char *path, const char *prefix)
{
    struct list missing = {0}, unexpected = {0}, shaped = {0};
    char name[NAME_BYTES], detail[256];
    for (int i = 0; i < params->count; i++) {
        snprintf(name, sizeof name, "%s%s", prefix, params->list[i]->name);
        const struct sanl_named_tensor *tensor = sanl_tensors_find(file, name);
        if (!tensor)
            add_name(&missing, name, "");
        else if (!fits(params->list[i], tensor, detail, sizeof detail))
            add_name(&shaped, name, detail);
    }
    for (size_t i = 0; i < sanl_tensors_count(file); i++) {
        const char *found = sanl_tensors_at(file, i)->name;
        if (!is_expected(params, found, prefix))
            add_name(&unexpected, found, "");
    }
    if (missing.count + unexpected.count + shaped.count == 0)
        return SANL_OK;
    char text[3][TEXT_BYTES + 64] = {"", "", ""};
    if (missing.count)
        snprintf(text[0], sizeof *text, "; %d missing: %s", missing.count, missing.text);
    if (shaped.count)
        snprintf(text[1], sizeof *text, "; %d of another shape: %s", shaped.count, shaped.text);
    if (unexpected.count)
        snprintf(text[2], sizeof *text, "; %d unexpected: %s", unexpected.count, unexpected.text);
    return sanl_fail(SANL_ERR_FORMAT, "%s: the tensors do not fit the configured network%s%s%s", path,
                     text[0], text[1], text[2]);
}

/* The first value that is not finite, or `count`. Most lines have none, which compilers make fast. */
static size_t find_infinite(const float *values, size_t count)
{
    enum { LINE = 64 };
    size_t at = 0;
    for (; at + LINE <= count; at += LINE) {
        uint32_t bits[LINE], infinite = 0;
        memcpy(bits, values + at, sizeof bits);
        for (int i = 0; i < LINE; i++)
            infinite |= (bits[i] & 0x7F800000u) == 0x7F800000u;
        if (infinite)
            break;
    }
    while (at < count && isfinite(values[at]))
        at++;
    return at;
}

enum sanl_status sanl_weights_read(float **out, struct sanl_tensors *file,
                                   const struct sanl_named_tensor *tensor, const char *path)
{
    float *values = sanl_calloc(tensor->count, sizeof *values);
    *out = NULL;
    if (!values)
        return SANL_ERR_MEMORY;
    enum sanl_status status = sanl_tensors_read(file, tensor, values);
    const size_t bad = status == SANL_OK ? find_infinite(values, tensor->count) : tensor->count;
    if (bad < tensor->count)
        status =
            sanl_fail(SANL_ERR_FORMAT, "%s: tensor %s: value %zu is not finite", path, tensor->name, bad);
    if (status == SANL_OK)
        *out = values;
    else
        free(values);
    return status;
}

static enum sanl_status copy_tensor(struct sanl_params *params, struct sanl_param *param, const char *path,
                                    struct sanl_tensors *file, const struct sanl_named_tensor *tensor)
{
    float *values;
    SANL_TRY(sanl_weights_read(&values, file, tensor, path));
    const enum sanl_status status = sanl_param_write(params, param, values);
    free(values);
    return status;
}

enum sanl_status sanl_weights_load(struct sanl_params *params, const char *path, const char *prefix)
{
    struct sanl_tensors *file;
    char name[NAME_BYTES];
    SANL_TRY(sanl_tensors_open(&file, path));
    enum sanl_status status = sanl_weights_check(params, file, path, prefix);
    for (int i = 0; i < params->count && status == SANL_OK; i++) {
        snprintf(name, sizeof name, "%s%s", prefix, params->list[i]->name);
        status = copy_tensor(params, params->list[i], path, file, sanl_tensors_find(file, name));
    }
    sanl_tensors_free(file);
    return status;
}

static enum sanl_status load_moment(struct sanl_params *params, struct sanl_param *param, int moment,
                                    struct sanl_tensors *file, const char *path)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, SANL_OPTIMIZER_PREFIX "%d.%s", moment, param->name);
    const struct sanl_named_tensor *tensor = sanl_tensors_find(file, name);
    if (!tensor || !fits(param, tensor, NULL, 0))
        return sanl_fail(SANL_ERR_FORMAT,
                         "%s: no tensor %s of the parameter's shape: written with another optimiser?", path,
                         name);
    float *values = sanl_calloc(tensor->count, sizeof *values);
    if (!values)
        return SANL_ERR_MEMORY;
    enum sanl_status status = sanl_tensors_read(file, tensor, values);
    if (status == SANL_OK)
        status = sanl_param_write_moment(params, param, moment, values);
    free(values);
    return status;
}

enum sanl_status sanl_weights_load_moments(struct sanl_params *params, const char *path)
{
    struct sanl_tensors *file;
    SANL_TRY(sanl_tensors_open(&file, path));
    enum sanl_status status = SANL_OK;
    for (int m = 0; m < params->training_count; m++)
        for (int i = 0; i < params->count && status == SANL_OK; i++)
            if (params->list[i]->trained)
                status = load_moment(params, params->list[i], m, file, path);
    sanl_tensors_free(file);
    return status;
}

/* ---- a start from another model ------------------------------------------------------------------ */

static const char *without_backbone(const char *name)
{
    static const char backbone[] = "backbone.";
    return starts_with(name, backbone) ? name + sizeof backbone - 1 : name;
}

static bool is_backbone(const char *name)
{
    const char *n = without_backbone(name);
    return starts_with(n, "conv1.") || starts_with(n, "bn1.") || starts_with(n, "layer");
}

static const struct sanl_named_tensor *find_backbone(const struct sanl_tensors *file, const char *name)
{
    char other[NAME_BYTES];
    const char *plain = without_backbone(name);
    const struct sanl_named_tensor *tensor = sanl_tensors_find(file, plain);
    snprintf(other, sizeof other, "backbone.%s", plain);
    return tensor ? tensor : sanl_tensors_find(file, other);
}

/* Names, a dozen to a line; those beyond the last line are only counted. */
enum { LINES = 100 };
struct lines {
    int count;
    struct list list[LINES];
};

static void add_line(struct lines *lines, const char *name, const char *detail)
{
    const int at = lines->count++ / LISTED;
    if (at < LINES)
        add_name(&lines->list[at], name, detail);
}

static void log_lines(enum sanl_log_level level, const char *path, const char *what,
                      const struct lines *lines)
{
    for (int i = 0; i < LINES && lines->list[i].count; i++)
        sanl_log(level, "%s: %s: %s", path, what, lines->list[i].text);
}

/* Lists what a file has besides the backbone and a last layer; true when layers of a ResNet are among it, as
 * those of a deeper one are. */
static bool list_others(struct lines *others, const struct sanl_params *params,
                        const struct sanl_tensors *file)
{
    char other[NAME_BYTES];
    bool deeper = false;
    for (size_t i = 0; i < sanl_tensors_count(file); i++) {
        const char *name = sanl_tensors_at(file, i)->name, *plain = without_backbone(name);
        snprintf(other, sizeof other, "backbone.%s", plain);
        if (is_counter(name) || starts_with(plain, "fc.") ||
            (is_backbone(name) && (sanl_params_find(params, plain) || sanl_params_find(params, other))))
            continue;
        add_line(others, name, "");
        deeper = deeper || is_backbone(name);
    }
    return deeper;
}

static enum sanl_status load_backbone(struct lines *left, int *matched, struct sanl_params *params,
                                      struct sanl_tensors *file, const char *path)
{
    char detail[256];
    for (int i = 0; i < params->count; i++) {
        struct sanl_param *param = params->list[i];
        if (!is_backbone(param->name))
            continue;
        const struct sanl_named_tensor *tensor = find_backbone(file, param->name);
        if (!tensor) {
            add_line(left, param->name, " (missing)");
        } else if (!fits(param, tensor, detail, sizeof detail)) {
            add_line(left, param->name, detail);
        } else {
            SANL_TRY(copy_tensor(params, param, path, file, tensor));
            ++*matched;
        }
    }
    return SANL_OK;
}

enum sanl_status sanl_weights_load_backbone(struct sanl_params *params, const char *path)
{
    struct sanl_tensors *file;
    struct lines left = {0}, others = {0};
    int matched = 0;
    SANL_TRY(sanl_tensors_open(&file, path));
    const enum sanl_status status = load_backbone(&left, &matched, params, file, path);
    const bool deeper = list_others(&others, params, file);
    sanl_tensors_free(file);
    SANL_TRY(status);
    if (matched == 0)
        return sanl_fail(SANL_ERR_FORMAT, "%s: no tensor fits the backbone: expected %s; the file has %s",
                         path, left.list[0].text, others.count ? others.list[0].text : "nothing else");
    char more[64] = "";
    if (others.count)
        snprintf(more, sizeof more, "; %d others in the file", others.count);
    sanl_log(left.count || deeper ? SANL_LOG_WARNING : SANL_LOG_INFO, "%s: %d of the backbone's %d tensors%s",
             path, matched, matched + left.count, more);
    log_lines(SANL_LOG_WARNING, path, "left as they were", &left);
    log_lines(deeper ? SANL_LOG_WARNING : SANL_LOG_INFO, path, "not the backbone's", &others);
    return SANL_OK;
}

enum sanl_status sanl_weights_find_classifier(int *classes, const char **prefix, const char *path)
{
    struct sanl_tensors *file;
    SANL_TRY(sanl_tensors_open(&file, path));
    const struct sanl_named_tensor *last = sanl_tensors_find(file, SANL_CLASSIFIER_PREFIX "fc.weight");
    *prefix = last ? SANL_CLASSIFIER_PREFIX : "";
    if (!last)
        last = sanl_tensors_find(file, "fc.weight");
    const bool sound = last && last->rank == 2 && last->shape[0] >= 1 && last->shape[0] <= 1000000;
    *classes = sound ? (int)last->shape[0] : 0;
    sanl_tensors_free(file);
    if (sound)
        return SANL_OK;
    return sanl_fail(SANL_ERR_FORMAT, "%s: no classifier: expected a tensor fc.weight of (classes, 512)",
                     path);
}
