#include "data/deepfashion.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "data/join.h"
#include "data/layout.h"

enum { MAX_COORDINATE = 65536, MAX_VARIATION = 5 };

/* What the two layouts differ in; the context of their rows. */
struct layout {
    const char *other; /* the layout that has a column more or less */
    int landmarks_at;  /* the column of the first landmark in list_landmarks.txt: behind image_name,
                        * clothes_type and, in FLD, variation_type */
};
static const struct layout fld = {"deepfashion_c", 3}, deepfashion_c = {"fld", 2};

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
    return sanl_join_check_name(rows, name);
}

/* One {visibility x y} of list_landmarks.txt; `field` is where it begins. */
static enum sanl_status parse_landmark(struct sanl_point *out, const struct sanl_rows *rows, int field,
                                       int slot)
{
    long visibility = 0;
    if (!sanl_whole_parse(&visibility, rows->field[field], SANL_VISIBLE, SANL_CUT_OFF))
        return sanl_rows_fail(
            rows, "column %d: visibility '%s' of %s: expected 0 (visible), 1 (occluded) or 2 (cut off)",
            field + 1, rows->field[field], sanl_landmark_name(&sanl_scheme_fashion, slot));
    SANL_TRY(parse_coordinate(&out->img[0], rows, field + 1));
    SANL_TRY(parse_coordinate(&out->img[1], rows, field + 2));
    const bool nowhere = out->img[0] == -1 && out->img[1] == -1; /* 0 0 on disk, where no pixel is */
    out->visibility = nowhere ? SANL_CUT_OFF : (unsigned char)visibility;
    return SANL_OK;
}

/* Rows may be padded with triplets of zeros up to eight landmarks; the type of clothes alone says how many
 * count. */
static enum sanl_status check_padding(const struct sanl_rows *rows, const struct layout *layout, int count)
{
    const int used = layout->landmarks_at + 3 * count, rest = rows->fields - used;
    double value = 0;
    if (rest == (layout == &fld ? -1 : 1))
        return sanl_rows_fail(rows,
                              "expected %d columns for clothes type %s, found %d: this looks like the "
                              "layout %s",
                              used, rows->field[1], rows->fields, layout->other);
    if (rest < 0 || rest % 3 != 0 || rows->fields > layout->landmarks_at + 3 * SANL_FASHION_LANDMARKS)
        return sanl_rows_fail(rows, "expected %d columns for clothes type %s, found %d", used, rows->field[1],
                              rows->fields);
    for (int i = used; i < rows->fields; i++) {
        if (!sanl_number_parse(&value, rows->field[i]) || value != 0)
            return sanl_rows_fail(rows, "column %d: '%s' where clothes type %s has no landmark: expected 0",
                                  i + 1, rows->field[i], rows->field[1]);
    }
    return SANL_OK;
}

static enum sanl_status read_landmarks_row(struct sanl_join *join, struct sanl_rows *rows)
{
    const struct layout *layout = join->context;
    struct sanl_record *record;
    long clothes = 0, variation = 0;
    sanl_rows_take_name(rows);
    if (rows->fields < layout->landmarks_at)
        return sanl_rows_fail(rows, "expected image_name clothes_type%s and landmarks, found %d columns",
                              layout == &fld ? " variation_type" : "", rows->fields);
    SANL_TRY(check_name(rows, rows->field[0]));
    if (!sanl_whole_parse(&clothes, rows->field[1], SANL_CLOTHES_UPPER, SANL_CLOTHES_FULL))
        return sanl_rows_fail(rows, "clothes type '%s': expected 1 (upper), 2 (lower) or 3 (full)",
                              rows->field[1]);
    const int count = sanl_clothes_count(&sanl_scheme_fashion, (int)clothes);
    SANL_TRY(check_padding(rows, layout, count));
    if (layout == &fld && !sanl_whole_parse(&variation, rows->field[2], 0, MAX_VARIATION))
        return sanl_rows_fail(rows, "variation type '%s': expected 1 to %d, or 0 for none", rows->field[2],
                              MAX_VARIATION);
    SANL_TRY(sanl_join_append(&record, join));
    record->image = rows->field[0];
    record->variation = (unsigned char)variation;
    SANL_TRY(sanl_dataset_dress(join->dataset, record, (int)clothes));
    for (int i = 0; i < count; i++) {
        struct sanl_point point;
        SANL_TRY(parse_landmark(&point, rows, layout->landmarks_at + 3 * i,
                                sanl_clothes_slot(&sanl_scheme_fashion, (int)clothes, i)));
        sanl_dataset_set_point(join->dataset, record, i, &point);
    }
    return SANL_OK;
}

static enum sanl_status read_box_row(struct sanl_join *join, struct sanl_rows *rows)
{
    struct sanl_record *record = NULL;
    struct sanl_box box;
    sanl_rows_take_name(rows);
    SANL_TRY(sanl_join_expect(rows, 5));
    SANL_TRY(sanl_join_find(&record, join, rows, rows->field[0]));
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

static enum sanl_status read_part_row(struct sanl_join *join, struct sanl_rows *rows)
{
    struct sanl_record *record = NULL;
    sanl_rows_take_name(rows);
    SANL_TRY(sanl_join_expect(rows, 2));
    SANL_TRY(sanl_join_find(&record, join, rows, rows->field[0]));
    for (unsigned char part = 0; sanl_part_names[part]; part++) {
        if (strcmp(sanl_part_names[part], rows->field[1]) == 0) {
            record->part = part;
            return SANL_OK;
        }
    }
    return sanl_rows_fail(rows, "part '%s': expected train, val or test", rows->field[1]);
}

static enum sanl_status read_category_name_row(struct sanl_join *join, struct sanl_rows *rows)
{
    struct sanl_dataset *d = join->dataset;
    long clothes = 0;
    SANL_TRY(sanl_join_expect(rows, 2));
    if (!sanl_whole_parse(&clothes, rows->field[1], SANL_CLOTHES_UPPER, SANL_CLOTHES_FULL))
        return sanl_rows_fail(rows, "category type '%s': expected 1 (upper), 2 (lower) or 3 (full)",
                              rows->field[1]);
    return sanl_dataset_add_category(d, rows->field[0]);
}

static enum sanl_status read_category_row(struct sanl_join *join, struct sanl_rows *rows)
{
    struct sanl_record *record = NULL;
    long label = 0;
    sanl_rows_take_name(rows);
    SANL_TRY(sanl_join_expect(rows, 2));
    SANL_TRY(sanl_join_find(&record, join, rows, rows->field[0]));
    if (!sanl_whole_parse(&label, rows->field[1], 1, join->dataset->category_count))
        return sanl_rows_fail(rows, "category '%s': expected 1 to %d, the rows of list_category_cloth.txt",
                              rows->field[1], join->dataset->category_count);
    record->category = (int)label - 1;
    return SANL_OK;
}

/* ---- folders ------------------------------------------------------------------------------------- */

static enum sanl_status has_file(bool *out, const char *root, const char *file)
{
    char *path = sanl_path_join(root, file);
    if (!path)
        return SANL_ERR_MEMORY;
    *out = sanl_file_exists(path) || sanl_folder_exists(path);
    free(path);
    return SANL_OK;
}

/* Paths of the annotation files; later releases of DeepFashion have Anno_coarse for Anno. */
enum { LANDMARKS, BOXES, CATEGORY_NAMES, CATEGORIES, FILES };
static const char *const files[][FILES] = {
    {"Anno/list_landmarks.txt", "Anno/list_bbox.txt", "Anno/list_category_cloth.txt",
     "Anno/list_category_img.txt"},
    {"Anno_coarse/list_landmarks.txt", "Anno_coarse/list_bbox.txt", "Anno_coarse/list_category_cloth.txt",
     "Anno_coarse/list_category_img.txt"},
};

static enum sanl_status find_files(const char *const **out, const char *root)
{
    bool first = false, second = false;
    SANL_TRY(has_file(&first, root, files[0][LANDMARKS]));
    SANL_TRY(has_file(&second, root, files[1][LANDMARKS]));
    *out = files[second && !first];
    return SANL_OK;
}

/* Pictures lie in img/, Img/ or Img/img/, whichever the names say: they follow the folder that is there. */
static enum sanl_status settle_image_folder(struct sanl_dataset *d)
{
    bool lower = false, upper = false, nested = false;
    SANL_TRY(has_file(&lower, d->root, "img"));
    SANL_TRY(has_file(&upper, d->root, "Img"));
    SANL_TRY(has_file(&nested, d->root, "Img/img"));
    if (!lower && !upper)
        return sanl_fail(SANL_ERR_IO, "%s: has neither the folder img nor Img", d->root);
    if (!lower && nested)
        d->image_folder = "Img";
    for (int i = 0; i < d->count && (lower != upper || nested); i++) {
        char *name = d->texts[0] + (d->records[i].image - d->texts[0]);
        name[0] = lower || nested ? 'i' : 'I';
    }
    return SANL_OK;
}

static enum sanl_status read_categories(struct sanl_join *join, const char *const *file)
{
    const char *root = join->dataset->root;
    bool names = false, labels = false;
    SANL_TRY(has_file(&names, root, file[CATEGORY_NAMES]));
    SANL_TRY(has_file(&labels, root, file[CATEGORIES]));
    if (!names && !labels)
        return SANL_OK;
    if (!names || !labels)
        return sanl_fail(SANL_ERR_IO, "%s: has %s but not %s: the two belong together", root,
                         file[names ? CATEGORY_NAMES : CATEGORIES],
                         file[names ? CATEGORIES : CATEGORY_NAMES]);
    SANL_TRY(sanl_join_read(join, file[CATEGORY_NAMES], "category_name", read_category_name_row, true));
    return sanl_join_add(join, file[CATEGORIES], "image_name", read_category_row);
}

static enum sanl_status read_set(struct sanl_dataset *dataset, const struct layout *layout)
{
    struct sanl_join join = {.dataset = dataset, .context = layout};
    const char *const *file;
    SANL_TRY(find_files(&file, dataset->root));
    enum sanl_status status = sanl_join_make(&join, file[LANDMARKS], "image_name", read_landmarks_row);
    if (status == SANL_OK)
        status = sanl_join_add(&join, file[BOXES], "image_name", read_box_row);
    if (status == SANL_OK)
        status = sanl_join_add(&join, "Eval/list_eval_partition.txt", "image_name", read_part_row);
    if (status == SANL_OK)
        status = read_categories(&join, file);
    if (status == SANL_OK)
        status = settle_image_folder(dataset);
    sanl_join_free(&join);
    return status;
}

enum sanl_status sanl_fld_read(struct sanl_dataset *dataset)
{
    return read_set(dataset, &fld);
}

enum sanl_status sanl_deepfashion_c_read(struct sanl_dataset *dataset)
{
    return read_set(dataset, &deepfashion_c);
}

/* ---- writing ------------------------------------------------------------------------------------- */

char *sanl_deepfashion_place(const struct sanl_dataset *dataset, const struct sanl_record *record)
{
    (void)dataset;
    const bool below = strncmp(record->image, "img/", 4) == 0 || strncmp(record->image, "Img/", 4) == 0;
    return sanl_format("img/%s", below ? record->image + 4 : record->image);
}

static void write_name(FILE *file, const struct sanl_record *record)
{
    fprintf(file, "%-32s", record->image);
}

static void write_landmarks(FILE *file, const struct sanl_dataset *d, int index)
{
    const struct sanl_record *r = &d->records[index];
    const int count = sanl_clothes_count(d->scheme, r->clothes);
    write_name(file, r);
    fprintf(file, "  %d", r->clothes);
    if (d->format->read == sanl_fld_read)
        fprintf(file, "  %d", r->variation);
    for (int i = 0; i < count; i++) {
        const struct sanl_point p = sanl_dataset_point(d, r, i);
        const bool known = p.visibility == SANL_VISIBLE || p.visibility == SANL_OCCLUDED;
        fprintf(file, "  %d ", known ? p.visibility : SANL_CUT_OFF);
        sanl_layout_pixels(file, known ? p.img[0] + 1 : 0);
        fputc(' ', file);
        sanl_layout_pixels(file, known ? p.img[1] + 1 : 0);
    }
    fputs(" \n", file);
}

static void write_box(FILE *file, const struct sanl_dataset *d, int index)
{
    const struct sanl_box *b = &d->records[index].box;
    const double side[] = {b->x1, b->y1, b->x2, b->y2};
    write_name(file, &d->records[index]);
    fputc(' ', file);
    for (int i = 0; i < 4; i++) {
        fputc(' ', file);
        sanl_layout_pixels(file, side[i] + 1);
    }
    fputc('\n', file);
}

static void write_part(FILE *file, const struct sanl_dataset *d, int index)
{
    write_name(file, &d->records[index]);
    fprintf(file, "  %s\n", sanl_part_names[d->records[index].part]);
}

static void write_category(FILE *file, const struct sanl_dataset *d, int index)
{
    write_name(file, &d->records[index]);
    fprintf(file, "  %d\n", d->records[index].category + 1);
}

/* A name is one word. A category's type is that of its first garment; 1 where it has none. */
static void write_category_name(FILE *file, const struct sanl_dataset *d, int index)
{
    int type = SANL_CLOTHES_UPPER;
    for (int i = 0; i < d->count; i++)
        if (d->records[i].category == index) {
            type = d->records[i].clothes;
            break;
        }
    char name[128];
    snprintf(name, sizeof name, "%s", d->category_names[index]);
    for (char *p = name; *p; p++)
        if (strchr(" \t\r\n", *p))
            *p = '_';
    if (!name[0])
        snprintf(name, sizeof name, "category_%d", index + 1);
    fprintf(file, "%-20s  %d\n", name, type);
}

#define COLUMNS                                                                                              \
    "  landmark_visibility_1  landmark_location_x_1  landmark_location_y_1"                                  \
    "  landmark_visibility_2  landmark_location_x_2  landmark_location_y_2"                                  \
    "  landmark_visibility_3  landmark_location_x_3  landmark_location_y_3"                                  \
    "  landmark_visibility_4  landmark_location_x_4  landmark_location_y_4"                                  \
    "  landmark_visibility_5  landmark_location_x_5  landmark_location_y_5"                                  \
    "  landmark_visibility_6  landmark_location_x_6  landmark_location_y_6"                                  \
    "  landmark_visibility_7  landmark_location_x_7  landmark_location_y_7"                                  \
    "  landmark_visibility_8  landmark_location_x_8  landmark_location_y_8"

/* Categories only where every record has one, as the files must have a row for each. */
static bool has_categories(const struct sanl_dataset *d)
{
    for (int i = 0; i < d->count; i++)
        if (d->records[i].category < 0)
            return false;
    return d->category_count > 0;
}

static enum sanl_status write_set(const struct sanl_dataset *d, const char *folder, const char *columns)
{
    const int n = d->count;
    const char *const *file = files[0];
    if (has_categories(d)) {
        SANL_TRY(sanl_layout_list(d, folder, file[CATEGORY_NAMES], "category_name  category_type",
                                  d->category_count, write_category_name));
        SANL_TRY(
            sanl_layout_list(d, folder, file[CATEGORIES], "image_name  category_label", n, write_category));
    }
    SANL_TRY(sanl_layout_list(d, folder, file[BOXES], "image_name  x_1  y_1  x_2  y_2", n, write_box));
    SANL_TRY(sanl_layout_list(d, folder, "Eval/list_eval_partition.txt", "image_name  evaluation_status", n,
                              write_part));
    return sanl_layout_list(d, folder, file[LANDMARKS], columns, n, write_landmarks);
}

enum sanl_status sanl_fld_write(const struct sanl_dataset *dataset, const char *folder)
{
    return write_set(dataset, folder, "image_name  clothes_type  variation_type" COLUMNS);
}

enum sanl_status sanl_deepfashion_c_write(const struct sanl_dataset *dataset, const char *folder)
{
    return write_set(dataset, folder, "image_name  clothes_type" COLUMNS);
}
