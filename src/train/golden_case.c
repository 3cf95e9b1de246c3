#include "train/golden_case.h"

#include <stdlib.h>
#include <string.h>

struct source {
    const struct sanl_tensors *file;
    const char *path;
};

static enum sanl_status read_number(const struct source *from, const char *key, long least, long most,
                                    long *out)
{
    const char *text = sanl_tensors_text(from->file, key);
    char *end = NULL;
    *out = text ? strtol(text, &end, 10) : 0;
    if (!text || end == text || *end || *out < least || *out > most)
        return sanl_fail(SANL_ERR_FORMAT, "%s: metadata '%s' is '%s', a number from %ld to %ld is expected",
                         from->path, key, text ? text : "missing", least, most);
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

enum sanl_status sanl_golden_case_read(struct sanl_golden_case *out, const struct sanl_tensors *file,
                                       const char *path)
{
    const struct source from = {file, path};
    struct sanl_model_config *m = &out->config.model;
    long landmarks, width, size, batch;
    sanl_config_defaults(&out->config);
    SANL_TRY(read_choice(&from, "backbone", "model.backbone", &m->backbone));
    SANL_TRY(read_choice(&from, "block", "model.block", &m->block));
    SANL_TRY(read_number(&from, "landmarks", 1, 1000, &landmarks));
    SANL_TRY(read_number(&from, "width", 2, 4096, &width));
    SANL_TRY(read_number(&from, "size", 32, 4096, &size));
    SANL_TRY(read_number(&from, "batch", 1, 1024, &batch));
    SANL_TRY(read_seed(&from, &out->seed));
    m->landmarks = (int)landmarks;
    m->width = (int)width;
    m->size = (int)size;
    m->fine = true;
    out->batch = (int)batch;
    return SANL_OK;
}
