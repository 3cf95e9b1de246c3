#include "data/fld.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/rows.h"

#define LANDMARKS_FILE "Anno/list_landmarks.txt"

enum {
    FIRST_ROW = 3, /* its line: the count and the column names come before */
    MAX_ROWS = 1 << 27,
    MAX_COORDINATE = 65536
};

static const char *const part_names[] = {"train", "val", "test", NULL};

struct reader {
    struct sanl_dataset *dataset;
    size_t capacity; /* of dataset->records */
    int *buckets;    /* hash table of image names: record index + 1, 0 for none */
    size_t mask;     /* number of buckets - 1, all ones in binary */
    int *line_of;    /* (count,): where the file being joined has each record's row; 0: not yet */
};

typedef enum sanl_status row_fn(struct reader *r, struct sanl_rows *rows);

/* Reads the two lines at the top of every file: the count and the column names. */
static enum sanl_status read_top(struct sanl_rows *rows, const char *first_column, long *count)
{
    if (!sanl_rows_next(rows))
        return sanl_fail(SANL_ERR_FORMAT, "%s: the file is empty", rows->path);
    if (rows->fields != 1 || !sanl_whole_parse(count, rows->field[0], 0, MAX_ROWS))
        return sanl_rows_fail(rows, "expected the number of rows alone");
    if (!sanl_rows_next(rows) || rows->fields < 2 || strcmp(rows->field[0], first_column) != 0)
        return sanl_rows_fail(rows, "expected the column names, beginning with '%s'", first_column);
    return SANL_OK;
}

/* Calls `row` for each row of `file`. When `kept` is given it gets the text, into which fields may point. */
static enum sanl_status read_file(struct reader *r, const char *file, const char *first_column, row_fn *row,
                                  char **kept)
{
    struct sanl_rows rows = {0};
    long announced = 0, found = 0;
    char *path = sanl_path_join(r->dataset->root, file);
    if (!path)
        return SANL_ERR_MEMORY;
    enum sanl_status status = sanl_rows_open(&rows, path);
    if (status == SANL_OK)
        status = read_top(&rows, first_column, &announced);
    for (; status == SANL_OK && sanl_rows_next(&rows); found++)
        status = row(r, &rows);
    if (status == SANL_OK && found != announced)
        status = sanl_fail(SANL_ERR_FORMAT, "%s: line 1 announces %ld rows, but the file has %ld", path,
                           announced, found);
    if (kept)
        *kept = sanl_rows_take_text(&rows);
    sanl_rows_free(&rows);
    free(path);
    return status;
}

static enum sanl_status expect_fields(const struct sanl_rows *rows, int count)
{
    if (rows->fields != count)
        return sanl_rows_fail(rows, "expected %d columns, found %d", count, rows->fields);
    return SANL_OK;
}

static enum sanl_status parse_coordinate(double *out, const struct sanl_rows *rows, int field)
{
    if (!sanl_number_parse(out, rows->field[field]) || *out > MAX_COORDINATE || *out < -MAX_COORDINATE)
        return sanl_rows_fail(rows, "column %d: '%s' is not a pixel coordinate", field + 1,
                              rows->field[field]);
    *out -= 1; /* the files count pixels from 1 */
    return SANL_OK;
}

/* Names are paths below the root: img/..., with no way out of it. */
static enum sanl_status check_name(const struct sanl_rows *rows, const char *name)
{
    if (strncmp(name, "img/", 4) != 0 && strncmp(name, "Img/", 4) != 0)
        return sanl_rows_fail(rows, "image '%s': expected a name that begins with img/", name);
    for (const char *p = strstr(name, ".."); p; p = strstr(p + 1, "..")) {
        if (p[-1] == '/' && (p[2] == '/' || p[2] == 0))
            return sanl_rows_fail(rows, "image '%s': the name must not leave the folder", name);
    }
    return SANL_OK;
}

/* One {visibility x y} of list_landmarks.txt; `field` is where it begins. */
static enum sanl_status parse_landmark(struct sanl_record *record, const struct sanl_rows *rows, int field,
                                       int slot)
{
    long visibility = 0;
    if (!sanl_whole_parse(&visibility, rows->field[field], SANL_VISIBLE, SANL_CUT_OFF))
        return sanl_rows_fail(
            rows, "column %d: visibility '%s' of %s: expected 0 (visible), 1 (occluded) or 2 (cut off)",
            field + 1, rows->field[field], sanl_landmark_name(slot));
    record->visibility[slot] = (unsigned char)visibility;
    SANL_TRY(parse_coordinate(&record->landmark_img[slot][0], rows, field + 1));
    return parse_coordinate(&record->landmark_img[slot][1], rows, field + 2);
}

/* Rows may be padded with triplets of zeros up to eight landmarks; the type of clothes alone says how many
 * count. */
static enum sanl_status check_padding(const struct sanl_rows *rows, int used)
{
    double value = 0;
    if (rows->fields < used || (rows->fields - used) % 3 != 0 || rows->fields > 3 + 3 * SANL_LANDMARKS)
        return sanl_rows_fail(rows, "expected %d columns for clothes type %s, found %d", used, rows->field[1],
                              rows->fields);
    for (int i = used; i < rows->fields; i++) {
        if (!sanl_number_parse(&value, rows->field[i]) || value != 0)
            return sanl_rows_fail(rows, "column %d: '%s' where clothes type %s has no landmark: expected 0",
                                  i + 1, rows->field[i], rows->field[1]);
    }
    return SANL_OK;
}

static enum sanl_status read_landmarks_row(struct reader *r, struct sanl_rows *rows)
{
    struct sanl_dataset *d = r->dataset;
    long clothes = 0, variation = 0;
    int count = 0;
    if (rows->fields < 3)
        return sanl_rows_fail(
            rows, "expected image_name clothes_type variation_type and landmarks, found %d columns",
            rows->fields);
    SANL_TRY(check_name(rows, rows->field[0]));
    if (!sanl_whole_parse(&clothes, rows->field[1], SANL_CLOTHES_UPPER, SANL_CLOTHES_FULL))
        return sanl_rows_fail(rows, "clothes type '%s': expected 1 (upper), 2 (lower) or 3 (full)",
                              rows->field[1]);
    if (!sanl_whole_parse(&variation, rows->field[2], 0, UINT8_MAX))
        return sanl_rows_fail(rows, "variation type '%s': expected a small whole number", rows->field[2]);
    const int *slots = sanl_clothes_slots((int)clothes, &count);
    SANL_TRY(check_padding(rows, 3 + 3 * count));
    SANL_TRY(sanl_grow(&d->records, &r->capacity, (size_t)d->count + 1, sizeof *d->records));
    struct sanl_record *record = &d->records[d->count];
    memset(record, 0, sizeof *record);
    record->image = rows->field[0];
    record->clothes = (unsigned char)clothes;
    record->variation = (unsigned char)variation;
    record->category = -1;
    memset(record->visibility, SANL_ABSENT, sizeof record->visibility);
    for (int i = 0; i < count; i++)
        SANL_TRY(parse_landmark(record, rows, 3 + 3 * i, slots[i]));
    d->count++;
    return SANL_OK;
}

/* The bucket that holds `name`, or the empty one where it belongs. */
static int *find_bucket(const struct reader *r, const char *name)
{
    for (size_t i = (size_t)sanl_mix64(sanl_hash_text(name)) & r->mask;; i = (i + 1) & r->mask) {
        const int at = r->buckets[i];
        if (!at || strcmp(r->dataset->records[at - 1].image, name) == 0)
            return &r->buckets[i];
    }
}

static enum sanl_status index_names(struct reader *r)
{
    const struct sanl_dataset *d = r->dataset;
    size_t buckets = 64;
    while (buckets < 2 * (size_t)d->count)
        buckets *= 2;
    r->buckets = sanl_calloc(buckets, sizeof *r->buckets);
    r->line_of = sanl_calloc((size_t)d->count, sizeof *r->line_of);
    if (!r->buckets || !r->line_of)
        return SANL_ERR_MEMORY;
    r->mask = buckets - 1;
    for (int i = 0; i < d->count; i++) {
        int *bucket = find_bucket(r, d->records[i].image);
        if (*bucket)
            return sanl_fail(SANL_ERR_FORMAT,
                             "%s/" LANDMARKS_FILE ": line %d: a second row for '%s' (the first is line %d)",
                             d->root, i + FIRST_ROW, d->records[i].image, *bucket - 1 + FIRST_ROW);
        *bucket = i + 1;
    }
    return SANL_OK;
}

/* The record of the image that a row of another file names. */
static enum sanl_status join(struct sanl_record **out, struct reader *r, const struct sanl_rows *rows)
{
    const char *name = rows->field[0];
    const int at = *find_bucket(r, name) - 1;
    if (at < 0)
        return sanl_rows_fail(rows, "image '%s' is not in " LANDMARKS_FILE, name);
    if (r->line_of[at])
        return sanl_rows_fail(rows, "a second row for '%s' (the first is line %d)", name, r->line_of[at]);
    r->line_of[at] = rows->line;
    *out = &r->dataset->records[at];
    return SANL_OK;
}

/* Reads a file that must have one row for each record. */
static enum sanl_status read_joined(struct reader *r, const char *file, row_fn *row)
{
    const struct sanl_dataset *d = r->dataset;
    memset(r->line_of, 0, (size_t)d->count * sizeof *r->line_of);
    SANL_TRY(read_file(r, file, "image_name", row, NULL));
    for (int i = 0; i < d->count; i++) {
        if (!r->line_of[i])
            return sanl_fail(SANL_ERR_FORMAT, "%s/%s: no row for '%s', which is line %d of " LANDMARKS_FILE,
                             d->root, file, d->records[i].image, i + FIRST_ROW);
    }
    return SANL_OK;
}

static enum sanl_status read_box_row(struct reader *r, struct sanl_rows *rows)
{
    struct sanl_record *record = NULL;
    struct sanl_box box;
    SANL_TRY(expect_fields(rows, 5));
    SANL_TRY(join(&record, r, rows));
    double *const corner[] = {&box.x1, &box.y1, &box.x2, &box.y2};
    for (int i = 0; i < 4; i++)
        SANL_TRY(parse_coordinate(corner[i], rows, 1 + i));
    if (box.x2 <= box.x1 || box.y2 <= box.y1)
        return sanl_rows_fail(rows, "the box %s %s %s %s is empty: x_2 must exceed x_1 and y_2 exceed y_1",
                              rows->field[1], rows->field[2], rows->field[3], rows->field[4]);
    if (box.x2 <= 0 || box.y2 <= 0)
        return sanl_rows_fail(rows, "the box %s %s %s %s lies outside the picture", rows->field[1],
                              rows->field[2], rows->field[3], rows->field[4]);
    record->box = box;
    return SANL_OK;
}

static enum sanl_status read_part_row(struct reader *r, struct sanl_rows *rows)
{
    struct sanl_record *record = NULL;
    SANL_TRY(expect_fields(rows, 2));
    SANL_TRY(join(&record, r, rows));
    for (unsigned char part = 0; part_names[part]; part++) {
        if (strcmp(part_names[part], rows->field[1]) == 0) {
            record->part = part;
            return SANL_OK;
        }
    }
    return sanl_rows_fail(rows, "part '%s': expected train, val or test", rows->field[1]);
}

static enum sanl_status read_category_name_row(struct reader *r, struct sanl_rows *rows)
{
    struct sanl_dataset *d = r->dataset;
    long clothes = 0;
    SANL_TRY(expect_fields(rows, 2));
    if (!sanl_whole_parse(&clothes, rows->field[1], SANL_CLOTHES_UPPER, SANL_CLOTHES_FULL))
        return sanl_rows_fail(rows, "category type '%s': expected 1 (upper), 2 (lower) or 3 (full)",
                              rows->field[1]);
    SANL_TRY(sanl_grow(&d->category_names, &r->capacity, (size_t)d->category_count + 1,
                       sizeof *d->category_names));
    d->category_names[d->category_count++] = rows->field[0];
    return SANL_OK;
}

static enum sanl_status read_category_row(struct reader *r, struct sanl_rows *rows)
{
    struct sanl_record *record = NULL;
    long label = 0;
    SANL_TRY(expect_fields(rows, 2));
    SANL_TRY(join(&record, r, rows));
    if (!sanl_whole_parse(&label, rows->field[1], 1, r->dataset->category_count))
        return sanl_rows_fail(rows, "category '%s': expected 1 to %d, the rows of list_category_cloth.txt",
                              rows->field[1], r->dataset->category_count);
    record->category = (int)label - 1;
    return SANL_OK;
}

static enum sanl_status read_categories(struct reader *r)
{
    static const char *const files[] = {"Anno/list_category_cloth.txt", "Anno/list_category_img.txt"};
    bool there[2];
    for (int i = 0; i < 2; i++) {
        char *path = sanl_path_join(r->dataset->root, files[i]);
        if (!path)
            return SANL_ERR_MEMORY;
        there[i] = sanl_file_exists(path);
        free(path);
    }
    if (!there[0] && !there[1])
        return SANL_OK;
    if (!there[0] || !there[1])
        return sanl_fail(SANL_ERR_IO, "%s: has %s but not %s: the two belong together", r->dataset->root,
                         files[there[1]], files[there[0]]);
    r->capacity = 0;
    SANL_TRY(read_file(r, files[0], "category_name", read_category_name_row, &r->dataset->texts[1]));
    return read_joined(r, files[1], read_category_row);
}

static enum sanl_status has_folder(bool *out, const char *root, const char *folder)
{
    char *path = sanl_path_join(root, folder);
    if (!path)
        return SANL_ERR_MEMORY;
    *out = sanl_folder_exists(path);
    free(path);
    return SANL_OK;
}

/* Both img/ and Img/ are about: names follow the folder that is there. */
static enum sanl_status settle_image_folder(struct sanl_dataset *d)
{
    bool lower = false, upper = false;
    SANL_TRY(has_folder(&lower, d->root, "img"));
    SANL_TRY(has_folder(&upper, d->root, "Img"));
    if (!lower && !upper)
        return sanl_fail(SANL_ERR_IO, "%s: has neither the folder img nor Img", d->root);
    for (int i = 0; i < d->count && lower != upper; i++) {
        char *name = d->texts[0] + (d->records[i].image - d->texts[0]);
        name[0] = lower ? 'i' : 'I';
    }
    return SANL_OK;
}

enum sanl_status sanl_fld_read(struct sanl_dataset *dataset)
{
    struct reader r = {.dataset = dataset};
    dataset->part_names = part_names;
    enum sanl_status status =
        read_file(&r, LANDMARKS_FILE, "image_name", read_landmarks_row, &dataset->texts[0]);
    if (status == SANL_OK)
        status = index_names(&r);
    if (status == SANL_OK)
        status = read_joined(&r, "Anno/list_bbox.txt", read_box_row);
    if (status == SANL_OK)
        status = read_joined(&r, "Eval/list_eval_partition.txt", read_part_row);
    if (status == SANL_OK)
        status = read_categories(&r);
    if (status == SANL_OK)
        status = settle_image_folder(dataset);
    free(r.buckets);
    free(r.line_of);
    return status;
}
