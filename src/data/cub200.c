#include "data/cub200.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"
#include "data/join.h"
#include "data/layout.h"

enum { MAX_IMAGES = 1 << 24, MAX_CLASSES = 1000000, MAX_COORDINATE = 65536 };

/* Rows are numbered from 1 on; what follows the number and a blank may hold blanks itself. */
static enum sanl_status expect_number(const struct sanl_rows *rows, int next)
{
    long id = 0;
    if (rows->fields < 2 || !sanl_whole_parse(&id, rows->field[0], next, next))
        return sanl_rows_fail(rows, "expected the number %d and a name", next);
    return SANL_OK;
}

static enum sanl_status read_image_row(struct sanl_join *join, struct sanl_rows *rows)
{
    struct sanl_record *record;
    SANL_TRY(expect_number(rows, join->dataset->count + 1));
    if (join->dataset->count == MAX_IMAGES)
        return sanl_rows_fail(rows, "more than %d images", MAX_IMAGES);
    char *const name = sanl_rows_rest(rows, 1);
    SANL_TRY(sanl_join_check_name(rows, name));
    SANL_TRY(sanl_join_append(&record, join));
    record->image = name;
    return SANL_OK;
}

static enum sanl_status read_class_row(struct sanl_join *join, struct sanl_rows *rows)
{
    SANL_TRY(expect_number(rows, join->dataset->category_count + 1));
    return sanl_dataset_add_category(join->dataset, sanl_rows_rest(rows, 1));
}

/* The record of the id in the first column. */
static enum sanl_status find(struct sanl_record **out, struct sanl_join *join, const struct sanl_rows *rows,
                             int fields)
{
    long id = 0;
    SANL_TRY(sanl_join_expect(rows, fields));
    if (!sanl_whole_parse(&id, rows->field[0], 1, join->dataset->count))
        return sanl_rows_fail(rows, "image '%s': expected a number of images.txt, 1 to %d", rows->field[0],
                              join->dataset->count);
    return sanl_join_at(out, join, rows, (int)id - 1, rows->field[0]);
}

static enum sanl_status read_label_row(struct sanl_join *join, struct sanl_rows *rows)
{
    struct sanl_record *record;
    long label = 0;
    SANL_TRY(find(&record, join, rows, 2));
    if (!sanl_whole_parse(&label, rows->field[1], 1, join->dataset->category_count))
        return sanl_rows_fail(rows, "class '%s': expected 1 to %d, the rows of classes.txt", rows->field[1],
                              join->dataset->category_count);
    record->category = (int)label - 1;
    return SANL_OK;
}

static enum sanl_status read_split_row(struct sanl_join *join, struct sanl_rows *rows)
{
    struct sanl_record *record;
    long train = 0;
    SANL_TRY(find(&record, join, rows, 2));
    if (!sanl_whole_parse(&train, rows->field[1], 0, 1))
        return sanl_rows_fail(rows, "'%s': expected 1 (train) or 0 (test)", rows->field[1]);
    record->part = train ? 0 : 1;
    return SANL_OK;
}

static enum sanl_status read_box_row(struct sanl_join *join, struct sanl_rows *rows)
{
    struct sanl_record *record;
    double v[4];
    SANL_TRY(find(&record, join, rows, 5));
    for (int i = 0; i < 4; i++) {
        if (!sanl_number_parse(&v[i], rows->field[1 + i]) || v[i] > MAX_COORDINATE || v[i] < -MAX_COORDINATE)
            return sanl_rows_fail(rows, "column %d: '%s' is not a number of pixels", i + 2,
                                  rows->field[1 + i]);
    }
    if (!(v[2] > 0 && v[3] > 0 && v[0] + v[2] > 0 && v[1] + v[3] > 0))
        return sanl_rows_fail(rows, "the box %s %s %s %s is empty or outside the picture", rows->field[1],
                              rows->field[2], rows->field[3], rows->field[4]);
    record->box = (struct sanl_box){v[0], v[1], v[0] + v[2], v[1] + v[3]};
    return SANL_OK;
}

enum sanl_status sanl_cub200_read(struct sanl_dataset *dataset)
{
    struct sanl_join join = {.dataset = dataset};
    dataset->image_folder = "images";
    enum sanl_status status = sanl_join_make(&join, "images.txt", NULL, read_image_row);
    if (status == SANL_OK)
        status = sanl_join_read(&join, "classes.txt", NULL, read_class_row, true);
    if (status == SANL_OK)
        status = sanl_join_add(&join, "image_class_labels.txt", NULL, read_label_row);
    if (status == SANL_OK)
        status = sanl_join_add(&join, "train_test_split.txt", NULL, read_split_row);
    if (status == SANL_OK)
        status = sanl_join_add(&join, "bounding_boxes.txt", NULL, read_box_row);
    sanl_join_free(&join);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------- */

static bool is_numbered(const char *name)
{
    return isdigit((unsigned char)name[0]) && isdigit((unsigned char)name[1]) &&
           isdigit((unsigned char)name[2]) && name[3] == '.';
}

/* "001.Name"; NULL with the message set on failure. */
static char *class_name(const struct sanl_dataset *d, int category)
{
    const char *name = d->category_names[category];
    char *out = is_numbered(name) ? sanl_strdup(name) : sanl_format("%03d.%s", category + 1, name);
    for (char *p = out; p && *p; p++)
        if (*p == ' ' || *p == '/')
            *p = '_';
    return out;
}

char *sanl_cub200_place(const struct sanl_dataset *dataset, const struct sanl_record *record)
{
    char *folder = class_name(dataset, record->category), *flat = sanl_layout_flat_name(record);
    char *out = folder && flat ? sanl_format("images/%s/%s", folder, flat) : NULL;
    free(folder);
    free(flat);
    return out;
}

static void write_image(FILE *file, const struct sanl_dataset *d, int index)
{
    fprintf(file, "%d %s\n", index + 1, d->records[index].image + strlen("images/"));
}

static void write_class(FILE *file, const struct sanl_dataset *d, int index)
{
    char *name = class_name(d, index);
    fprintf(file, "%d %s\n", index + 1, name ? name : "");
    free(name);
}

static void write_label(FILE *file, const struct sanl_dataset *d, int index)
{
    fprintf(file, "%d %d\n", index + 1, d->records[index].category + 1);
}

static void write_split(FILE *file, const struct sanl_dataset *d, int index)
{
    fprintf(file, "%d %d\n", index + 1, d->records[index].part == 0);
}

static void write_box(FILE *file, const struct sanl_dataset *d, int index)
{
    struct sanl_box b = d->records[index].box;
    int width = 1, height = 1;
    if (!sanl_box_is_set(&b) &&
        sanl_layout_picture_size(&width, &height, d, index) == SANL_OK) /* checked before */
        b = (struct sanl_box){0, 0, width, height};
    const double v[4] = {b.x1, b.y1, b.x2 - b.x1, b.y2 - b.y1};
    char text[32];
    fprintf(file, "%d", index + 1);
    for (int i = 0; i < 4; i++) { /* the set has a decimal everywhere */
        sanl_number_text(text, v[i]);
        fprintf(file, " %s%s", text, strpbrk(text, ".e") ? "" : ".0");
    }
    fputc('\n', file);
}

static enum sanl_status check_pictures(const struct sanl_dataset *d)
{
    int width, height;
    for (int i = 0; i < d->count; i++)
        if (!sanl_box_is_set(&d->records[i].box))
            SANL_TRY(sanl_layout_picture_size(&width, &height, d, i));
    return SANL_OK;
}

enum sanl_status sanl_cub200_write(const struct sanl_dataset *dataset, const char *folder)
{
    const int n = dataset->count;
    SANL_TRY(check_pictures(dataset));
    SANL_TRY(sanl_layout_list(dataset, folder, "images.txt", NULL, n, write_image));
    SANL_TRY(sanl_layout_list(dataset, folder, "classes.txt", NULL, dataset->category_count, write_class));
    SANL_TRY(sanl_layout_list(dataset, folder, "image_class_labels.txt", NULL, n, write_label));
    SANL_TRY(sanl_layout_list(dataset, folder, "bounding_boxes.txt", NULL, n, write_box));
    return sanl_layout_list(dataset, folder, "train_test_split.txt", NULL, n, write_split);
}
