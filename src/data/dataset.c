#include "data/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/index.h"

enum { SMALL = 10 }; /* a tenth of the published set */

enum sanl_status sanl_dataset_find_format(const struct sanl_dataset_format **out, const char *name)
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
    return sanl_fail(SANL_ERR_USAGE, "no data set format is called '%s'; known: %s", name, known);
}

static enum sanl_status list_part(struct sanl_dataset *dataset, int part)
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
    return SANL_OK;
}

static void limit_part(struct sanl_part *p, int limit)
{
    if (limit <= 0 || limit >= p->count)
        return;
    for (int i = 0; i < limit; i++)
        p->records[i] = p->records[(int64_t)i * p->count / limit];
    p->count = limit;
}

enum sanl_status sanl_dataset_keep(struct sanl_dataset *dataset, char *text)
{
    if (!text)
        return SANL_OK;
    const enum sanl_status status = sanl_grow(&dataset->texts, &dataset->text_room,
                                              (size_t)dataset->text_count + 1, sizeof *dataset->texts);
    if (status == SANL_OK)
        dataset->texts[dataset->text_count++] = text;
    else
        free(text);
    return status;
}

enum sanl_status sanl_dataset_add_category(struct sanl_dataset *dataset, const char *name)
{
    SANL_TRY(sanl_grow(&dataset->category_names, &dataset->category_room, (size_t)dataset->category_count + 1,
                       sizeof *dataset->category_names));
    dataset->category_names[dataset->category_count++] = name;
    return SANL_OK;
}

enum sanl_status sanl_dataset_dress(struct sanl_dataset *dataset, struct sanl_record *record, int clothes)
{
    const size_t count = (size_t)sanl_clothes_count(dataset->scheme, clothes), first = dataset->point_count;
    SANL_TRY(sanl_grow(&dataset->point_img, &dataset->point_room, first + count, sizeof *dataset->point_img));
    SANL_TRY(sanl_grow(&dataset->point_visibility, &dataset->visibility_room, first + count, 1));
    memset(dataset->point_img + first, 0, count * sizeof *dataset->point_img);
    memset(dataset->point_visibility + first, SANL_CUT_OFF, count);
    dataset->point_count += count;
    record->points = first;
    record->clothes = (unsigned char)clothes;
    return SANL_OK;
}

struct sanl_point sanl_dataset_point(const struct sanl_dataset *dataset, const struct sanl_record *record,
                                     int index)
{
    const size_t at = record->points + (size_t)index;
    const double *img = dataset->point_img[at];
    return (struct sanl_point){{img[0], img[1]}, dataset->point_visibility[at]};
}

void sanl_dataset_set_point(struct sanl_dataset *dataset, const struct sanl_record *record, int index,
                            const struct sanl_point *point)
{
    const size_t at = record->points + (size_t)index;
    memcpy(dataset->point_img[at], point->img, sizeof point->img);
    dataset->point_visibility[at] = point->visibility;
}

void sanl_dataset_landmarks(struct sanl_landmarks *out, const struct sanl_dataset *dataset,
                            const struct sanl_record *record)
{
    const int count = dataset->scheme ? sanl_clothes_count(dataset->scheme, record->clothes) : 0;
    memset(out->img, 0, sizeof out->img);
    memset(out->visibility, SANL_ABSENT, sizeof out->visibility);
    for (int i = 0; i < count; i++) {
        const struct sanl_point point = sanl_dataset_point(dataset, record, i);
        const int slot = sanl_clothes_slot(dataset->scheme, record->clothes, i);
        memcpy(out->img[slot], point.img, sizeof point.img);
        out->visibility[slot] = point.visibility;
    }
}

enum sanl_status sanl_dataset_check_landmarks(const struct sanl_dataset *dataset, int landmarks)
{
    const int has = dataset->scheme ? dataset->scheme->landmarks : 0;
    return has == landmarks
               ? SANL_OK
               : sanl_fail(SANL_ERR_USAGE, "%s: has %d landmarks, the network %d: set model.landmarks: %d",
                           dataset->root, has, landmarks, has);
}

int *sanl_dataset_first(const struct sanl_dataset *dataset)
{
    const size_t n = (size_t)dataset->count;
    size_t buckets = 64;
    while (buckets < 2 * n)
        buckets *= 2;
    int *first = sanl_calloc(n, sizeof *first), *table = sanl_calloc(buckets, sizeof *table);
    for (size_t i = 0; i < n && first && table; i++) {
        const char *image = dataset->records[i].image;
        if (i && image == dataset->records[i - 1].image) {
            first[i] = first[i - 1];
            continue;
        }
        size_t at = (size_t)sanl_mix64(sanl_hash_text(image)) & (buckets - 1);
        while (table[at] && strcmp(dataset->records[table[at] - 1].image, image) != 0)
            at = (at + 1) & (buckets - 1);
        if (!table[at])
            table[at] = (int)i + 1;
        first[i] = table[at] - 1;
    }
    if (!table) {
        free(first);
        first = NULL;
    }
    free(table);
    return first;
}

enum sanl_status sanl_dataset_count_pictures(int counts[SANL_DATASET_PARTS],
                                             const struct sanl_dataset *dataset)
{
    int *first = dataset->format->several ? sanl_dataset_first(dataset) : NULL;
    memset(counts, 0, SANL_DATASET_PARTS * sizeof *counts);
    if (dataset->format->several && !first)
        return SANL_ERR_MEMORY;
    for (int i = 0; i < dataset->count; i++)
        counts[dataset->records[i].part] += !first || first[i] == i;
    free(first);
    return SANL_OK;
}

/* Says how many pictures the parts have: as a warning where they are not those of the published set, and no
 * small set of one's own; else, with `always`, as information. */
static enum sanl_status tell_parts(const struct sanl_dataset *d, bool always)
{
    static const int none[SANL_DATASET_PARTS];
    const int *published = d->published ? d->published->pictures : none;
    int counts[SANL_DATASET_PARTS];
    char found[128] = "", expected[128] = "";
    size_t at = 0, at_expected = 0;
    long total = 0, all = 0;
    bool same = true;
    SANL_TRY(sanl_dataset_count_pictures(counts, d));
    for (int i = 0; i < SANL_DATASET_PARTS && d->format->part_names[i]; i++) {
        at += (size_t)snprintf(found + at, sizeof found - at, "%s%s %d", i ? ", " : "",
                               d->format->part_names[i], counts[i]);
        at_expected += (size_t)snprintf(expected + at_expected, sizeof expected - at_expected, "%s%d",
                                        i ? ", " : "", published[i]);
        total += published[i];
        same = same && counts[i] == published[i];
        all += counts[i];
    }
    if (total && !same && all > total / SMALL)
        sanl_log(SANL_LOG_WARNING, "%s: pictures %s; the published %s has %s", d->root, found,
                 d->published->name, expected);
    else if (always)
        sanl_log(SANL_LOG_INFO, "%s: pictures %s%s", d->root, found, total && same ? ", as published" : "");
    return SANL_OK;
}

enum sanl_status sanl_dataset_check_unique(const struct sanl_dataset *dataset)
{
    int *first = sanl_dataset_first(dataset);
    enum sanl_status status = first ? SANL_OK : SANL_ERR_MEMORY;
    for (int i = 0; i < dataset->count && status == SANL_OK; i++)
        if (first[i] != i)
            status = sanl_fail(
                SANL_ERR_FORMAT,
                "%s: records %d and %d are of one picture, '%s', but the layout %s has one for each: "
                "remove one",
                dataset->root, first[i] + 1, i + 1, dataset->records[i].image, dataset->format->name);
    free(first);
    return status;
}

enum sanl_status sanl_data_check_parts(const struct sanl_data_config *config)
{
    if (strcmp(config->train, config->test) == 0)
        return sanl_fail(SANL_ERR_USAGE,
                         "data.train: '%s' is data.test: a network is not tested by what it learns from",
                         config->train);
    if (!config->val[0] || strcmp(config->val, config->test) != 0)
        return SANL_OK;
    return sanl_fail(
        SANL_ERR_USAGE,
        "data.val: '%s' is data.test: a checkpoint that is chosen there is not tested by it; choose "
        "another part, or none (data.val: \"\") and report last.safetensors",
        config->val);
}

static enum sanl_status read_or_load(struct sanl_dataset *d)
{
    const struct sanl_dataset_format *format = d->format;
    uint64_t fingerprint = 0;
    if (format->index_folders)
        SANL_TRY(sanl_index_fingerprint(&fingerprint, d));
    if (!format->index_folders || !sanl_index_load(d, fingerprint)) {
        SANL_TRY(format->read(d));
        if (format->index_folders)
            sanl_index_store(d, fingerprint);
    }
    return format->settle ? format->settle(d) : SANL_OK;
}

enum sanl_status sanl_dataset_read(struct sanl_dataset **out, const char *root,
                                   const struct sanl_dataset_format *format)
{
    const bool is_file = format->file_root && sanl_file_exists(root);
    struct sanl_dataset *d = sanl_calloc(1, sizeof *d);
    enum sanl_status status = SANL_ERR_MEMORY;
    *out = NULL;
    if (!d)
        return status;
    d->format = format;
    d->scheme = format->scheme;
    d->published = format->published;
    d->root = sanl_strdup(root);
    d->file = is_file ? sanl_strdup(root) : NULL;
    if (d->root && (d->file || !is_file))
        status = read_or_load(d);
    if (status == SANL_OK)
        *out = d;
    else
        sanl_dataset_free(d);
    return status;
}

static enum sanl_status open_set(struct sanl_dataset **out, const struct sanl_data_config *config, bool tell)
{
    *out = NULL;
    const struct sanl_dataset_format *format = NULL;
    struct sanl_dataset *d;
    SANL_TRY(sanl_dataset_find_format(&format, config->format));
    if (!config->root[0])
        return sanl_fail(SANL_ERR_USAGE, "data.root is not set: give the folder of the data set");
    if (!(format->file_root && sanl_file_exists(config->root)) && !sanl_folder_exists(config->root))
        return sanl_fail(SANL_ERR_IO, "%s: no such folder (data.root)", config->root);
    SANL_TRY(sanl_dataset_read(&d, config->root, format));
    enum sanl_status status = SANL_OK;
    for (int part = 0; status == SANL_OK && format->part_names[part]; part++)
        status = list_part(d, part);
    if (status == SANL_OK)
        status = tell_parts(d, tell);
    if (status != SANL_OK) {
        sanl_dataset_free(d);
        return status;
    }
    for (int part = 0; format->part_names[part]; part++)
        limit_part(&d->parts[part], config->limit);
    *out = d;
    return SANL_OK;
}

enum sanl_status sanl_dataset_open(struct sanl_dataset **out, const struct sanl_data_config *config)
{
    return open_set(out, config, false);
}

enum sanl_status sanl_dataset_open_told(struct sanl_dataset **out, const struct sanl_data_config *config)
{
    return open_set(out, config, true);
}

void sanl_dataset_empty(struct sanl_dataset *dataset)
{
    const struct sanl_dataset empty = {.root = dataset->root,
                                       .file = dataset->file,
                                       .format = dataset->format,
                                       .scheme = dataset->format->scheme,
                                       .published = dataset->format->published};
    for (int i = 0; i < SANL_DATASET_PARTS; i++)
        free(dataset->parts[i].records);
    for (int i = 0; i < dataset->text_count; i++)
        free(dataset->texts[i]);
    free(dataset->texts);
    free(dataset->category_names);
    free(dataset->records);
    free(dataset->point_img);
    free(dataset->point_visibility);
    *dataset = empty;
}

void sanl_dataset_free(struct sanl_dataset *dataset)
{
    if (!dataset)
        return;
    sanl_dataset_empty(dataset);
    free(dataset->root);
    free(dataset->file);
    free(dataset);
}

enum sanl_status sanl_dataset_find_part(const struct sanl_part **out, const struct sanl_dataset *dataset,
                                        const char *name)
{
    char known[256] = "";
    for (int i = 0; dataset->format->part_names[i]; i++) {
        if (strcmp(dataset->format->part_names[i], name) == 0) {
            *out = &dataset->parts[i];
            return (*out)->count ? SANL_OK
                                 : sanl_fail(SANL_ERR_USAGE, "%s: no picture belongs to part '%s'",
                                             dataset->root, name);
        }
        strncat(known, known[0] ? ", " : "", sizeof known - 1 - strlen(known));
        strncat(known, dataset->format->part_names[i], sizeof known - 1 - strlen(known));
    }
    if (!name[0])
        return sanl_fail(SANL_ERR_USAGE, "%s: expected the name of a part, one of %s", dataset->root, known);
    return sanl_fail(SANL_ERR_USAGE, "%s: no part is called '%s'; known: %s", dataset->root, name, known);
}

char *sanl_dataset_image_path(const struct sanl_dataset *dataset, const struct sanl_record *record)
{
    const char *folder = dataset->image_folder;
    return folder ? sanl_format("%s/%s/%s", dataset->root, folder, record->image)
                  : sanl_path_join(dataset->root, record->image);
}
