#include "data/dataset.h"

#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"

static enum sanl_status find_format(const struct sanl_dataset_format **out, const char *name)
{
    char known[256] = "";
    for (const struct sanl_dataset_format *f = sanl_dataset_formats; f->name; f++) {
        if (strcmp(f->name, name) == 0) {
            *out = f;
            return SANL_OK;
        }
        strncat(known, known[0] ? ", " : "", sizeof known - 1 - strlen(known));
        strncat(known, f->name, sizeof known - 1 - strlen(known));
    }
    return sanl_fail(SANL_ERR_USAGE, "data.format: no data set format is called '%s'; known: %s", name,
                     known);
}

/* Lists the records of one part, at most `limit` of them when that is above 0. */
static enum sanl_status list_part(struct sanl_dataset *dataset, int part, int limit)
{
    struct sanl_part *p = &dataset->parts[part];
    for (int i = 0; i < dataset->count; i++)
        p->count += dataset->records[i].part == part;
    p->records = sanl_calloc((size_t)p->count, sizeof *p->records);
    if (!p->records)
        return SANL_ERR_MEMORY;
    for (int i = 0, n = 0; i < dataset->count; i++) {
        if (dataset->records[i].part == part)
            p->records[n++] = i;
    }
    if (limit > 0 && limit < p->count) {
        for (int i = 0; i < limit; i++)
            p->records[i] = p->records[(int64_t)i * p->count / limit];
        p->count = limit;
    }
    return SANL_OK;
}

enum sanl_status sanl_dataset_open(struct sanl_dataset **out, const struct sanl_data_config *config)
{
    *out = NULL;
    const struct sanl_dataset_format *format = NULL;
    SANL_TRY(find_format(&format, config->format));
    if (!config->root[0])
        return sanl_fail(SANL_ERR_USAGE, "data.root is not set: give the folder of the data set");
    if (!sanl_folder_exists(config->root))
        return sanl_fail(SANL_ERR_IO, "%s: no such folder (data.root)", config->root);
    enum sanl_status status = SANL_ERR_MEMORY;
    struct sanl_dataset *dataset = sanl_calloc(1, sizeof *dataset);
    if (!dataset)
        goto done;
    dataset->root = sanl_strdup(config->root);
    if (!dataset->root)
        goto done;
    status = format->read(dataset);
    for (int part = 0; status == SANL_OK && dataset->part_names[part]; part++)
        status = list_part(dataset, part, config->limit);
    if (status != SANL_OK)
        goto done;
    *out = dataset;
    dataset = NULL;
done:
    sanl_dataset_free(dataset);
    return status;
}

void sanl_dataset_free(struct sanl_dataset *dataset)
{
    if (!dataset)
        return;
    for (int i = 0; i < SANL_DATASET_PARTS; i++)
        free(dataset->parts[i].records);
    for (int i = 0; i < SANL_DATASET_TEXTS; i++)
        free(dataset->texts[i]);
    free(dataset->category_names);
    free(dataset->records);
    free(dataset->root);
    free(dataset);
}

enum sanl_status sanl_dataset_find_part(const struct sanl_part **out, const struct sanl_dataset *dataset,
                                        const char *name)
{
    char known[256] = "";
    for (int i = 0; dataset->part_names[i]; i++) {
        if (strcmp(dataset->part_names[i], name) == 0) {
            *out = &dataset->parts[i];
            return (*out)->count ? SANL_OK
                                 : sanl_fail(SANL_ERR_USAGE, "%s: no picture belongs to part '%s'",
                                             dataset->root, name);
        }
        strncat(known, known[0] ? ", " : "", sizeof known - 1 - strlen(known));
        strncat(known, dataset->part_names[i], sizeof known - 1 - strlen(known));
    }
    return sanl_fail(SANL_ERR_USAGE, "%s: no part is called '%s'; known: %s", dataset->root, name, known);
}

char *sanl_dataset_image_path(const struct sanl_dataset *dataset, const struct sanl_record *record)
{
    return sanl_path_join(dataset->root, record->image);
}
