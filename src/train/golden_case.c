#include "train/golden_case.h"

#include <stdlib.h>
#include <string.h>

struct source {
    const struct sanl_tensors *file;
    const char *path;
};

static enum sanl_status read_number(const struct source *from, const char *key, long least, long most,
                                    int *out)
{
    const char *text = sanl_tensors_text(from->file, key);
    char *end = NULL;
    const long value = text ? strtol(text, &end, 10) : 0;
    if (!text || end == text || *end || value < least || value > most)
        return sanl_fail(SANL_ERR_FORMAT, "%s: metadata '%s' is '%s', a number from %ld to %ld is expected",
                         from->path, key, text ? text : "missing", least, most);
    *out = (int)value;
    return SANL_OK;
}

static enum sanl_status read_share(const struct source *from, const char *key, double *out)
{
    const char *text = sanl_tensors_text(from->file, key);
    char *end = NULL;
    *out = text ? strtod(text, &end) : 0;
    if (!text || end == text || *end || !(*out >= 0 && *out <= 1))
        return sanl_fail(SANL_ERR_FORMAT, "%s: metadata '%s' is '%s', a number from 0 to 1 is expected",
                         from->path, key, text ? text : "missing");
    return SANL_OK;
}

/* Any whole number: seeds count modulo 2^64. */
static enum sanl_status read_seed(const struct source *from, uint64_t *out)
{
    const char *text = sanl_tensors_text(from->file, "seed");
    const size_t sign = text && text[0] == '-', digits = text ? strspn(text + sign, "0123456789") : 0;
    if (digits == 0 || text[sign + digits])
        return sanl_fail(SANL_ERR_FORMAT, "%s: metadata 'seed' is '%s', a whole number is expected",
                         from->path, text ? text : "missing");
    *out = 0;
    for (size_t i = sign; text[i]; i++)
        *out = 10 * *out + (uint64_t)(text[i] - '0');
    if (sign)
        *out = 0 - *out;
    return SANL_OK;
}

static enum sanl_status read_choice(const struct source *from, const char *key, const char *option, int *out)
{
    const char *text = sanl_tensors_text(from->file, key);
    const char *const *names = sanl_config_choices(option);
    for (*out = 0; text && names[*out]; ++*out)
        if (strcmp(names[*out], text) == 0)
            return SANL_OK;
    return sanl_fail(SANL_ERR_FORMAT, "%s: metadata '%s' is '%s', which is no %s", from->path, key,
                     text ? text : "missing", option);
}

static bool is_true(const struct source *from, const char *key)
{
    const char *text = sanl_tensors_text(from->file, key);
    return text && strcmp(text, "true") == 0;
}

/* Readings of the publication other than the default, under the names of make_golden.py. */
static enum sanl_status read_switches(const struct source *from, struct sanl_config *config)
{
    struct sanl_block_config *block = &config->model.sanl;
    const struct {
        const char *key, *option;
        int *out;
    } choices[] = {
        {"gate", "model.sanl.gate", &block->gate},
        {"map", "model.sanl.map", &block->map},
        {"place", "model.sanl.place", &block->place},
        {"cam_norm", "cam.norm", &config->cam.norm},
    };
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if (sanl_tensors_text(from->file, choices[i].key))
            SANL_TRY(read_choice(from, choices[i].key, choices[i].option, choices[i].out));
    if (sanl_tensors_text(from->file, "ratio"))
        SANL_TRY(read_number(from, "ratio", 1, 4096, &block->ratio));
    block->scale = is_true(from, "scale");
    block->pool = is_true(from, "pool");
    return SANL_OK;
}

enum sanl_status sanl_golden_case_read(struct sanl_golden_case *out, const struct sanl_tensors *file,
                                       const char *path)
{
    const struct source from = {file, path};
    struct sanl_model_config *m = &out->config.model;
    sanl_config_defaults(&out->config);
    if (sanl_tensors_text(file, "task"))
        SANL_TRY(read_choice(&from, "task", "task", &out->config.task));
    SANL_TRY(read_choice(&from, "backbone", "model.backbone", &m->backbone));
    SANL_TRY(read_choice(&from, "block", "model.block", &m->block));
    if (out->config.task == SANL_TASK_LANDMARK) {
        SANL_TRY(read_number(&from, "landmarks", 1, 1000, &m->landmarks));
        SANL_TRY(read_number(&from, "width", 2, 4096, &m->width));
    } else {
        SANL_TRY(read_share(&from, "label_smoothing", &out->config.loss.label_smoothing));
    }
    SANL_TRY(read_number(&from, "size", 32, 4096, &m->size));
    SANL_TRY(read_number(&from, "batch", 1, 1024, &out->batch));
    SANL_TRY(read_seed(&from, &out->seed));
    SANL_TRY(read_switches(&from, &out->config));
    m->fine = true;
    m->classes = SANL_GOLDEN_CLASSES;
    return SANL_OK;
}
