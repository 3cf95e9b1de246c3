#include "data/deepfashion2.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/join.h"
#include "data/layout.h"

enum { MAX_COORDINATE = 65536 };
static const size_t max_bytes = (size_t)64 << 20;

/* Of the parts train and val. */
static const char *const folders[] = {"train", "validation", NULL};

enum sanl_status sanl_deepfashion2_classify(struct sanl_dataset *dataset, struct sanl_record *record,
                                            int clothes)
{
    while (dataset->category_count < SANL_CLOTHES)
        SANL_TRY(sanl_dataset_add_category(
            dataset, sanl_clothes_name(&sanl_scheme_deepfashion2, dataset->category_count + 1)));
    record->category = clothes - 1;
    return SANL_OK;
}

/* ---- reading ------------------------------------------------------------------------------------- */

static enum sanl_status read_numbers(double *out, size_t count, const json_t *item, const char *key)
{
    const json_t *list = json_object_get(item, key);
    if (json_array_size(list) != count)
        return sanl_fail(SANL_ERR_FORMAT, "'%s': expected %zu numbers, found %zu", key, count,
                         json_array_size(list));
    for (size_t i = 0; i < count; i++) {
        out[i] = json_number_value(json_array_get(list, i));
        if (!json_is_number(json_array_get(list, i)) || !(fabs(out[i]) <= MAX_COORDINATE))
            return sanl_fail(SANL_ERR_FORMAT, "%s[%zu]: expected a number of pixels", key, i);
    }
    return SANL_OK;
}

static enum sanl_status read_landmarks(struct sanl_dataset *d, const struct sanl_record *record,
                                       const json_t *item)
{
    const size_t count = (size_t)sanl_clothes_count(d->scheme, record->clothes);
    double v[3 * SANL_LANDMARKS];
    SANL_TRY(read_numbers(v, 3 * count, item, "landmarks"));
    for (size_t i = 0; i < count; i++) {
        const double seen = v[3 * i + 2];
        if (seen != 0 && seen != 1 && seen != 2)
            return sanl_fail(SANL_ERR_FORMAT,
                             "landmarks[%zu]: expected 2 (visible), 1 (occluded) or 0 (not labelled)",
                             3 * i + 2);
        const struct sanl_point point = sanl_layout_point(v[3 * i], v[3 * i + 1], seen, 0);
        sanl_dataset_set_point(d, record, (int)i, &point);
    }
    return SANL_OK;
}

static enum sanl_status read_item(struct sanl_join *join, const json_t *item, const char *image, int part)
{
    struct sanl_dataset *d = join->dataset;
    const json_t *id = json_object_get(item, "category_id");
    const json_int_t clothes = json_integer_value(id);
    struct sanl_record *record;
    double box[4];
    if (!json_is_integer(id) || clothes < 1 || clothes > SANL_CLOTHES)
        return sanl_fail(SANL_ERR_FORMAT, "'category_id': expected 1 to %d", SANL_CLOTHES);
    const char *category = json_string_value(json_object_get(item, "category_name"));
    if (category && strcmp(category, sanl_clothes_name(d->scheme, (int)clothes)) != 0)
        return sanl_fail(SANL_ERR_FORMAT, "'category_name': '%s', but category_id %d is '%s'", category,
                         (int)clothes, sanl_clothes_name(d->scheme, (int)clothes));
    SANL_TRY(read_numbers(box, 4, item, "bounding_box"));
    if (!(box[2] > box[0] && box[3] > box[1] && box[2] > 0 && box[3] > 0))
        return sanl_fail(SANL_ERR_FORMAT, "'bounding_box': it is empty, or outside the picture");
    SANL_TRY(sanl_join_append(&record, join));
    record->image = image;
    record->part = (unsigned char)part;
    record->box = (struct sanl_box){box[0], box[1], box[2], box[3]};
    SANL_TRY(sanl_deepfashion2_classify(d, record, (int)clothes));
    SANL_TRY(sanl_dataset_dress(d, record, (int)clothes));
    return read_landmarks(d, record, item);
}

/* The items in the order of their numbers. */
static enum sanl_status read_items(struct sanl_join *join, const json_t *root, const char *image, int part)
{
    char key[32];
    size_t found = 0, items = 0;
    const char *name;
    json_t *value;
    if (!json_is_object(root))
        return sanl_fail(SANL_ERR_FORMAT, "expected an object");
    json_object_foreach((json_t *)root, name, value) items += strncasecmp(name, "item", 4) == 0;
    for (; found < items; found++) {
        snprintf(key, sizeof key, "item%zu", found + 1);
        const json_t *item = json_object_get(root, key);
        if (!item)
            return sanl_fail(SANL_ERR_FORMAT, "has %zu items, but no '%s'", items, key);
        const enum sanl_status status = read_item(join, item, image, part);
        if (status != SANL_OK)
            return sanl_fail_prefix(status, "%s", key);
    }
    return SANL_OK;
}

static enum sanl_status read_text(struct sanl_join *join, const char *text, size_t length, const char *image,
                                  int part)
{
    json_error_t error;
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return sanl_fail(SANL_ERR_FORMAT, "byte %d: %s", error.position, error.text);
    const enum sanl_status status = read_items(join, root, image, part);
    json_decref(root);
    return status;
}

static enum sanl_status read_file(struct sanl_join *join, const char *folder, const char *name, int part)
{
    char *image = sanl_format("%s/image/%.*s.jpg", folders[part], (int)strlen(name) - 5, name), *text = NULL;
    char *path = sanl_path_join(folder, name);
    size_t length;
    enum sanl_status status = image && path ? SANL_OK : SANL_ERR_MEMORY;
    if (status == SANL_OK)
        status = sanl_dataset_keep(join->dataset, image);
    else
        free(image);
    if (status == SANL_OK)
        status = sanl_file_read(&text, &length, path, max_bytes);
    if (status == SANL_OK) {
        status = read_text(join, text, length, image, part);
        if (status != SANL_OK)
            status = sanl_fail_prefix(status, "%s", path);
    }
    free(text);
    free(path);
    return status;
}

static int is_annotation(const struct dirent *entry)
{
    const size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
}

static enum sanl_status read_part(struct sanl_join *join, int part, bool *found)
{
    char *folder = sanl_format("%s/%s/annos", join->dataset->root, folders[part]);
    struct dirent **list = NULL;
    enum sanl_status status = folder ? SANL_OK : SANL_ERR_MEMORY;
    int count = 0;
    if (status == SANL_OK && sanl_folder_exists(folder)) {
        *found = true;
        count = scandir(folder, &list, is_annotation, alphasort);
        if (count < 0)
            status = sanl_fail_errno(SANL_ERR_IO, "%s: cannot read", folder);
    }
    for (int i = 0; i < count; i++) {
        if (status == SANL_OK)
            status = read_file(join, folder, list[i]->d_name, part);
        free(list[i]);
    }
    free(list);
    free(folder);
    return status;
}

enum sanl_status sanl_deepfashion2_read(struct sanl_dataset *dataset)
{
    struct sanl_join join = {.dataset = dataset};
    enum sanl_status status = SANL_OK;
    bool found = false;
    for (int part = 0; folders[part] && status == SANL_OK; part++)
        status = read_part(&join, part, &found);
    if (status == SANL_OK && !found)
        status = sanl_fail(SANL_ERR_IO, "%s: has neither train/annos nor validation/annos", dataset->root);
    sanl_join_free(&join);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------- */

/* "000001" of "img/train/image/000001.jpg", in new memory. */
static char *stem_of(const struct sanl_record *record)
{
    const char *name = sanl_path_name(record->image), *dot = strrchr(name, '.');
    return sanl_format("%.*s", dot && dot > name ? (int)(dot - name) : (int)strlen(name), name);
}

char *sanl_deepfashion2_place(const struct sanl_dataset *dataset, const struct sanl_record *record)
{
    char *stem = stem_of(record);
    char *name = stem ? sanl_format("%s/image/%s.jpg", folders[record->part], stem) : NULL;
    (void)dataset;
    free(stem);
    return name;
}

static void write_number(FILE *file, const char *before, double value)
{
    char text[32];
    sanl_number_text(text, value);
    fprintf(file, "%s%s", before, text);
}

static void write_item(FILE *file, const struct sanl_dataset *d, const struct sanl_record *r, int number)
{
    const double box[] = {r->box.x1, r->box.y1, r->box.x2, r->box.y2};
    fprintf(file, "%s\n \"item%d\": {\"category_id\": %d, \"category_name\": \"%s\",\n  \"bounding_box\": [",
            number > 1 ? "," : "", number, r->clothes, sanl_clothes_name(d->scheme, r->clothes));
    for (int i = 0; i < 4; i++)
        write_number(file, i ? ", " : "", box[i]);
    fputs("],\n  \"landmarks\": [", file);
    for (int i = 0; i < sanl_clothes_count(d->scheme, r->clothes); i++) {
        const struct sanl_point p = sanl_dataset_point(d, r, i);
        const int v = sanl_layout_seen(&p);
        write_number(file, i ? ", " : "", v ? p.img[0] : 0);
        write_number(file, ", ", v ? p.img[1] : 0);
        fprintf(file, ", %d", v);
    }
    fputs("]}", file);
}

/* The records of one picture. */
static enum sanl_status write_file(const struct sanl_dataset *d, const char *folder, const int *records,
                                   int count)
{
    const struct sanl_record *first = &d->records[records[0]];
    struct sanl_output out = {0};
    char *stem = stem_of(first);
    char *path = stem ? sanl_format("%s/%s/annos/%s.json", folder, folders[first->part], stem) : NULL;
    enum sanl_status status = path ? sanl_folder_make_for(path) : SANL_ERR_MEMORY;
    if (status == SANL_OK)
        status = sanl_output_open(&out, path);
    if (status == SANL_OK) {
        fputc('{', out.file);
        for (int i = 0; i < count; i++)
            write_item(out.file, d, &d->records[records[i]], i + 1);
        fputs("\n}\n", out.file);
        status = sanl_output_commit(&out);
    }
    sanl_output_free(&out);
    free(path);
    free(stem);
    return status;
}

struct place {
    const char *image;
    int record;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *p = a, *q = b;
    const int order = strcmp(p->image, q->image);
    return order ? order : p->record - q->record;
}

enum sanl_status sanl_deepfashion2_write(const struct sanl_dataset *dataset, const char *folder)
{
    const size_t n = (size_t)dataset->count;
    struct place *places = sanl_calloc(n, sizeof *places);
    int *records = sanl_calloc(n, sizeof *records);
    enum sanl_status status = places && records ? SANL_OK : SANL_ERR_MEMORY;
    for (int i = 0; i < dataset->count && status == SANL_OK; i++)
        places[i] = (struct place){dataset->records[i].image, i};
    if (status == SANL_OK && n > 1)
        qsort(places, n, sizeof *places, compare_places);
    for (size_t i = 0; i < n && status == SANL_OK; i++)
        records[i] = places[i].record;
    for (size_t i = 0, end; i < n && status == SANL_OK; i = end) {
        for (end = i + 1; end < n && strcmp(places[end].image, places[i].image) == 0;)
            end++;
        status = write_file(dataset, folder, records + i, (int)(end - i));
    }
    free(records);
    free(places);
    return status;
}
