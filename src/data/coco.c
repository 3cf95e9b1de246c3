#include "data/coco.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/deepfashion2.h"
#include "data/join.h"
#include "data/json_stream.h"
#include "data/layout.h"

enum { MAX_COORDINATE = 65536, FILE_BYTES = 64 };
static const size_t max_bytes = (size_t)2 << 30;

struct picture {
    json_int_t id;
    const char *name;
};

struct reader {
    struct sanl_join join;
    const char *path;
    struct picture *pictures; /* of the file at hand, by id */
    size_t picture_count, picture_room;
    unsigned char part;
    int clothes; /* that the file's name promises; 0: any */
    double base; /* of the first pixel */
};

/* annotations/fld_upper_train.json, or annotations/train.json for clothes 0. */
static void file_name(char out[FILE_BYTES], int clothes, const char *part)
{
    const char *kind = sanl_clothes_name(&sanl_scheme_fashion, clothes);
    if (kind)
        snprintf(out, FILE_BYTES, "annotations/fld_%s_%s.json", kind, part);
    else
        snprintf(out, FILE_BYTES, "annotations/%s.json", part);
}

/* ---- reading ------------------------------------------------------------------------------------- */

static enum sanl_status read_number(double *out, const json_t *value, const char *what, size_t index)
{
    *out = json_number_value(value);
    if (!json_is_number(value) || !(fabs(*out) <= MAX_COORDINATE))
        return sanl_fail(SANL_ERR_FORMAT, "%s[%zu]: expected a number of pixels", what, index);
    return SANL_OK;
}

static enum sanl_status read_picture(void *payload, const json_t *element)
{
    struct reader *r = payload;
    const json_t *id = json_object_get(element, "id");
    const char *name = json_string_value(json_object_get(element, "file_name"));
    const struct sanl_rows nowhere = {.path = r->path};
    if (!json_is_integer(id) || !name || !name[0])
        return sanl_fail(SANL_ERR_FORMAT, "expected an object with a whole 'id' and a 'file_name'");
    if (sanl_join_check_name(&nowhere, name) != SANL_OK)
        return sanl_fail(SANL_ERR_FORMAT, "file_name '%s': the name must not leave the folder", name);
    SANL_TRY(sanl_grow(&r->pictures, &r->picture_room, r->picture_count + 1, sizeof *r->pictures));
    char *copy = sanl_strdup(name);
    if (!copy)
        return SANL_ERR_MEMORY;
    SANL_TRY(sanl_dataset_keep(r->join.dataset, copy));
    r->pictures[r->picture_count++] = (struct picture){json_integer_value(id), copy};
    return SANL_OK;
}

static int compare_pictures(const void *a, const void *b)
{
    const struct picture *p = a, *q = b;
    return p->id < q->id ? -1 : p->id > q->id;
}

static enum sanl_status find_picture(const char **name, const struct reader *r, const json_t *id)
{
    const struct picture key = {json_integer_value(id), NULL};
    const struct picture *p = json_is_integer(id) && r->picture_count
                                  ? bsearch(&key, r->pictures, r->picture_count, sizeof key, compare_pictures)
                                  : NULL;
    if (!p)
        return sanl_fail(SANL_ERR_FORMAT, "'image_id': no image of the file has this id");
    *name = p->name;
    return SANL_OK;
}

static enum sanl_status read_box(struct sanl_box *out, const json_t *box, double base)
{
    double v[4];
    if (json_array_size(box) != 4)
        return sanl_fail(SANL_ERR_FORMAT, "'bbox': expected [x, y, width, height]");
    for (size_t i = 0; i < 4; i++)
        SANL_TRY(read_number(&v[i], json_array_get(box, i), "bbox", i));
    if (!(v[2] > 0 && v[3] > 0))
        return sanl_fail(SANL_ERR_FORMAT, "'bbox': expected a width and a height above 0");
    *out = (struct sanl_box){v[0] - base, v[1] - base, v[0] + v[2] - base, v[1] + v[3] - base};
    return SANL_OK;
}

/* Of an annotation in FLD's order, by their number. */
static int clothes_of(size_t keypoints)
{
    int clothes = sanl_scheme_fashion.clothes;
    while (clothes && (size_t)sanl_clothes_count(&sanl_scheme_fashion, clothes) != keypoints)
        clothes--;
    return clothes;
}

/* What a garment of an annotation is. */
static enum sanl_status find_clothes(const struct sanl_scheme **scheme, int *clothes, const struct reader *r,
                                     const json_t *element)
{
    const struct sanl_dataset *d = r->join.dataset;
    const size_t numbers = json_array_size(json_object_get(element, "keypoints"));
    const json_t *category = json_object_get(element, "category_id");
    const bool all = !r->clothes && numbers == 3 * (size_t)SANL_LANDMARKS;
    *scheme = all ? &sanl_scheme_deepfashion2 : &sanl_scheme_fashion;
    *clothes = all ? 0 : numbers % 3 ? 0 : clothes_of(numbers / 3);
    if (all && json_is_integer(category) && json_integer_value(category) >= 1 &&
        json_integer_value(category) <= SANL_CLOTHES)
        *clothes = (int)json_integer_value(category);
    if (all && *clothes < 1)
        return sanl_fail(SANL_ERR_FORMAT, "'category_id': expected 1 to %d", SANL_CLOTHES);
    if (!*clothes || (r->clothes && *clothes != r->clothes))
        return sanl_fail(SANL_ERR_FORMAT, "'keypoints': expected %s numbers, found %zu",
                         r->clothes == SANL_CLOTHES_UPPER   ? "18"
                         : r->clothes == SANL_CLOTHES_LOWER ? "12"
                         : r->clothes == SANL_CLOTHES_FULL  ? "24"
                                                            : "12, 18, 24 or 882",
                         numbers);
    if (d->count && d->scheme != *scheme)
        return sanl_fail(SANL_ERR_FORMAT,
                         "'keypoints': %zu numbers, but the garments before have those of %s", numbers,
                         d->scheme->name);
    return SANL_OK;
}

static enum sanl_status read_keypoint(struct sanl_point *out, const struct reader *r, const json_t *keypoints,
                                      size_t at)
{
    double v[3];
    for (size_t j = 0; j < 3; j++)
        SANL_TRY(read_number(&v[j], json_array_get(keypoints, at + j), "keypoints", at + j));
    if (v[2] != 0 && v[2] != 1 && v[2] != 2)
        return sanl_fail(SANL_ERR_FORMAT, "keypoints[%zu]: expected 2 (visible), 1 (occluded) or 0 (cut off)",
                         at + 2);
    *out = sanl_layout_point(v[0], v[1], v[2], r->base);
    return SANL_OK;
}

/* Of all slots those that the garment has not are not labelled. */
static enum sanl_status check_others(const json_t *keypoints, int clothes)
{
    const int count = sanl_clothes_count(&sanl_scheme_deepfashion2, clothes);
    const int before = sanl_clothes_slot(&sanl_scheme_deepfashion2, clothes, 0);
    for (int k = 0; k < SANL_LANDMARKS; k++)
        for (size_t at = 3 * (size_t)k; (k < before || k >= before + count) && at < 3 * (size_t)k + 3; at++) {
            const json_t *number = json_array_get(keypoints, at);
            if (!json_is_number(number) || json_number_value(number) != 0)
                return sanl_fail(SANL_ERR_FORMAT,
                                 "keypoints[%zu]: expected 0, as category_id %d (%s) has no %s", at, clothes,
                                 sanl_clothes_name(&sanl_scheme_deepfashion2, clothes),
                                 sanl_landmark_name(&sanl_scheme_deepfashion2, k));
        }
    return SANL_OK;
}

static enum sanl_status read_keypoints(struct sanl_record *record, const struct reader *r,
                                       const json_t *element)
{
    struct sanl_dataset *d = r->join.dataset;
    const json_t *keypoints = json_object_get(element, "keypoints");
    const struct sanl_scheme *scheme;
    int clothes;
    SANL_TRY(find_clothes(&scheme, &clothes, r, element));
    const bool all = scheme == &sanl_scheme_deepfashion2; /* slots, not landmarks of the garment, follow */
    d->scheme = scheme;
    if (all) {
        SANL_TRY(check_others(keypoints, clothes));
        SANL_TRY(sanl_deepfashion2_classify(d, record, clothes));
    }
    SANL_TRY(sanl_dataset_dress(d, record, clothes));
    for (int i = 0; i < sanl_clothes_count(scheme, clothes); i++) {
        const int k = all ? sanl_clothes_slot(scheme, clothes, i) : i;
        struct sanl_point point;
        SANL_TRY(read_keypoint(&point, r, keypoints, 3 * (size_t)k));
        sanl_dataset_set_point(d, record, i, &point);
    }
    return SANL_OK;
}

static enum sanl_status read_annotation(void *payload, const json_t *element)
{
    struct reader *r = payload;
    struct sanl_record record = {.category = -1, .part = r->part}, *appended;
    SANL_TRY(find_picture(&record.image, r, json_object_get(element, "image_id")));
    SANL_TRY(read_box(&record.box, json_object_get(element, "bbox"), r->base));
    SANL_TRY(read_keypoints(&record, r, element));
    SANL_TRY(sanl_join_append(&appended, &r->join));
    *appended = record;
    return SANL_OK;
}

static enum sanl_status check_ids(const struct reader *r)
{
    for (size_t i = 1; i < r->picture_count; i++) {
        if (r->pictures[i].id == r->pictures[i - 1].id)
            return sanl_fail(SANL_ERR_FORMAT, "%s: two images have the id %lld", r->path,
                             (long long)r->pictures[i].id);
    }
    return SANL_OK;
}

static enum sanl_status read_file(struct reader *r, const char *path)
{
    char *text;
    size_t length;
    SANL_TRY(sanl_file_read(&text, &length, path, max_bytes));
    r->path = path;
    r->picture_count = 0;
    enum sanl_status status = sanl_json_list(text, length, path, "images", "annotations", read_picture, r);
    if (status == SANL_OK && r->picture_count > 1)
        qsort(r->pictures, r->picture_count, sizeof *r->pictures, compare_pictures);
    if (status == SANL_OK)
        status = check_ids(r);
    if (status == SANL_OK)
        status = sanl_json_list(text, length, path, "annotations", "images", read_annotation, r);
    free(text);
    return status;
}

static enum sanl_status read_if_there(struct reader *r, bool *found)
{
    char name[FILE_BYTES];
    file_name(name, r->clothes, sanl_part_names[r->part]);
    char *path = sanl_path_join(r->join.dataset->root, name);
    if (!path)
        return SANL_ERR_MEMORY;
    const bool there = sanl_file_exists(path);
    *found = *found || there;
    const enum sanl_status status = there ? read_file(r, path) : SANL_OK;
    free(path);
    return status;
}

/* mmpose's files are FLD, those with all slots DeepFashion2. */
static enum sanl_status settle_set(struct sanl_dataset *d)
{
    char name[FILE_BYTES];
    d->published = d->scheme == &sanl_scheme_deepfashion2 ? &sanl_published_deepfashion2 : NULL;
    for (int clothes = 1; clothes <= SANL_CLOTHES_FULL && !d->published; clothes++)
        for (int part = 0; sanl_part_names[part] && !d->published; part++) {
            file_name(name, clothes, sanl_part_names[part]);
            char *path = sanl_path_join(d->root, name);
            if (!path)
                return SANL_ERR_MEMORY;
            d->published = sanl_file_exists(path) ? &sanl_published_fld : NULL;
            free(path);
        }
    return SANL_OK;
}

/* Names are relative to the root or to img, as the first picture that is found says; else as they look. */
enum sanl_status sanl_coco_settle(struct sanl_dataset *d)
{
    enum { TRIES = 1000 };
    SANL_TRY(settle_set(d));
    if (d->count == 0)
        return SANL_OK;
    d->image_folder = strncmp(d->records[0].image, "img/", 4) == 0 ? NULL : "img";
    for (int i = 0; i < d->count && i < TRIES; i++) {
        char *plain = sanl_path_join(d->root, d->records[i].image),
             *inner = sanl_format("%s/img/%s", d->root, d->records[i].image);
        const bool here = plain && sanl_file_exists(plain), there = inner && sanl_file_exists(inner),
                   failed = !plain || !inner;
        free(plain);
        free(inner);
        if (failed)
            return SANL_ERR_MEMORY;
        if (here || there) {
            d->image_folder = here ? NULL : "img";
            break;
        }
    }
    return SANL_OK;
}

enum sanl_status sanl_coco_read(struct sanl_dataset *dataset)
{
    struct reader r = {.join = {.dataset = dataset}};
    enum sanl_status status = SANL_OK;
    bool found = false;
    for (r.part = 0; sanl_part_names[r.part] && status == SANL_OK; r.part++)
        for (r.clothes = 0; r.clothes <= SANL_CLOTHES_FULL && status == SANL_OK; r.clothes++) {
            r.base = r.clothes ? 1 : 0;
            status = read_if_there(&r, &found);
        }
    if (status == SANL_OK && !found)
        status = sanl_fail(SANL_ERR_IO,
                           "%s: has none of annotations/fld_{upper,lower,full}_{train,val,test}.json and "
                           "annotations/{train,val,test}.json",
                           dataset->root);
    free(r.pictures);
    sanl_join_free(&r.join);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------- */

/* Pictures and annotations of one file. The id of an annotation is the index of its record + 1, that of an
 * image the one of its first record. */
struct writer {
    FILE *file;
    const struct sanl_dataset *dataset;
    int *first;    /* (records,): sanl_dataset_first */
    bool *written; /* (records,): images of the file at hand, by their first record */
    unsigned char part;
    int clothes; /* 0: a file for all, with a keypoint for each slot */
    double base; /* of the first pixel */
};

static bool is_wanted(const struct writer *w, const struct sanl_record *record)
{
    return record->part == w->part && (!w->clothes || record->clothes == w->clothes);
}

static void write_number(FILE *file, double value)
{
    char text[32];
    sanl_number_text(text, value);
    fputs(text, file);
}

static enum sanl_status write_images(const struct writer *w)
{
    const char *separator = "\n";
    memset(w->written, 0, (size_t)w->dataset->count * sizeof *w->written);
    fputs("{\"images\": [", w->file);
    for (int i = 0; i < w->dataset->count; i++) {
        const struct sanl_record *r = &w->dataset->records[i];
        int width, height;
        if (!is_wanted(w, r) || w->written[w->first[i]])
            continue;
        w->written[w->first[i]] = true;
        SANL_TRY(sanl_layout_picture_size(&width, &height, w->dataset, i));
        fprintf(w->file, "%s{\"id\": %d, \"file_name\": ", separator, w->first[i] + 1);
        sanl_text_json(w->file, r->image);
        fprintf(w->file, ", \"height\": %d, \"width\": %d}", height, width);
        separator = ",\n";
    }
    fputs("\n],\n", w->file);
    return SANL_OK;
}

/* Returns how many are labelled. */
static int write_keypoints(const struct writer *w, const struct sanl_record *r)
{
    const struct sanl_scheme *scheme = w->dataset->scheme;
    const int count = sanl_clothes_count(scheme, r->clothes);
    const int before = w->clothes ? 0 : sanl_clothes_slot(scheme, r->clothes, 0);
    const int keypoints = w->clothes ? count : scheme->landmarks;
    int seen = 0;
    for (int k = 0; k < keypoints; k++) {
        const int i = k - before;
        const struct sanl_point p = i >= 0 && i < count ? sanl_dataset_point(w->dataset, r, i)
                                                        : (struct sanl_point){{0}, SANL_ABSENT};
        const int v = sanl_layout_seen(&p);
        for (int axis = 0; axis < 2; axis++) {
            write_number(w->file, v ? p.img[axis] + w->base : 0);
            fputs(", ", w->file);
        }
        fprintf(w->file, "%d%s", v, k + 1 < keypoints ? ", " : "");
        seen += v > 0;
    }
    return seen;
}

static void write_annotation(const struct writer *w, int index)
{
    const struct sanl_record *r = &w->dataset->records[index];
    const double sides[] = {r->box.x1 + w->base, r->box.y1 + w->base, r->box.x2 - r->box.x1,
                            r->box.y2 - r->box.y1};
    fprintf(w->file, "{\"id\": %d, \"image_id\": %d, \"category_id\": %d, \"keypoints\": [", index + 1,
            w->first[index] + 1, w->clothes ? 1 : r->clothes);
    const int seen = write_keypoints(w, r);
    fprintf(w->file, "], \"num_keypoints\": %d, \"bbox\": [", seen);
    for (int i = 0; i < 4; i++) {
        write_number(w->file, sides[i]);
        fputs(i < 3 ? ", " : "], \"area\": ", w->file);
    }
    write_number(w->file, sides[2] * sides[3]);
    fputs(", \"iscrowd\": 0}", w->file);
}

static void write_category(const struct writer *w, int clothes)
{
    const struct sanl_scheme *scheme = w->dataset->scheme;
    const int keypoints = w->clothes ? sanl_clothes_count(scheme, clothes) : scheme->landmarks;
    fprintf(w->file, "{\"id\": %d, \"name\": \"%s\", \"keypoints\": [", w->clothes ? 1 : clothes,
            sanl_clothes_name(scheme, clothes));
    for (int k = 0; k < keypoints; k++)
        fprintf(w->file, "%s\"%s\"", k ? ", " : "",
                sanl_landmark_name(scheme, w->clothes ? sanl_clothes_slot(scheme, clothes, k) : k));
    fputs("], \"skeleton\": []}", w->file);
}

static void write_annotations(const struct writer *w)
{
    const char *separator = "\n";
    fputs("\"annotations\": [", w->file);
    for (int i = 0; i < w->dataset->count; i++) {
        if (!is_wanted(w, &w->dataset->records[i]))
            continue;
        fputs(separator, w->file);
        write_annotation(w, i);
        separator = ",\n";
    }
    fputs("\n],\n\"categories\": [", w->file);
    for (int clothes = 1; clothes <= w->dataset->scheme->clothes; clothes++)
        if (!w->clothes || clothes == w->clothes) {
            fputs(!w->clothes && clothes > 1 ? ",\n" : "", w->file);
            write_category(w, clothes);
        }
    fputs("]}\n", w->file);
}

static enum sanl_status write_file(struct writer *w, const char *folder)
{
    struct sanl_output out = {0};
    char name[FILE_BYTES];
    file_name(name, w->clothes, sanl_part_names[w->part]);
    char *path = sanl_path_join(folder, name);
    enum sanl_status status = path ? sanl_output_open(&out, path) : SANL_ERR_MEMORY;
    if (status == SANL_OK) {
        w->file = out.file;
        status = write_images(w);
    }
    if (status == SANL_OK) {
        write_annotations(w);
        status = sanl_output_commit(&out);
    }
    sanl_output_free(&out);
    free(path);
    return status;
}

enum sanl_status sanl_coco_write(const struct sanl_dataset *dataset, const char *folder)
{
    const bool all = dataset->scheme == &sanl_scheme_deepfashion2;
    struct writer w = {.dataset = dataset, .base = all ? 0 : 1};
    char *annotations = sanl_path_join(folder, "annotations");
    enum sanl_status status = annotations ? sanl_folder_make(annotations) : SANL_ERR_MEMORY;
    free(annotations);
    w.first = sanl_dataset_first(dataset);
    w.written = sanl_calloc((size_t)dataset->count, sizeof *w.written);
    if (status == SANL_OK && (!w.first || !w.written))
        status = SANL_ERR_MEMORY;
    for (w.part = 0; sanl_part_names[w.part] && status == SANL_OK; w.part++)
        for (w.clothes = !all; w.clothes <= (all ? 0 : SANL_CLOTHES_FULL) && status == SANL_OK; w.clothes++) {
            bool any = false;
            for (int i = 0; i < dataset->count && !any; i++)
                any = is_wanted(&w, &dataset->records[i]);
            if (any)
                status = write_file(&w, folder);
        }
    free(w.first);
    free(w.written);
    return status;
}
