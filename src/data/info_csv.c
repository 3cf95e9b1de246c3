#include "data/info_csv.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/join.h"

/* The columns that are read; those of the landmarks follow, four for each. */
enum {
    IMAGE,
    X1,
    Y1,
    X2,
    Y2,
    PART,
    LABEL,
    CATEGORY,
    LANDMARK,
    COLUMNS = LANDMARK + 4 * SANL_FASHION_LANDMARKS
};
enum { MAX_COORDINATE = 65536, MAX_LABEL = 999999, NAME_BYTES = 24 };

static const char *const names[] = {
    "image_name", "x_1", "y_1", "x_2", "y_2", "evaluation_status", "category_label", "category_name"};
static const char *const slots[SANL_FASHION_LANDMARKS] = {"lc", "rc", "ls", "rs", "lw", "rw", "lh", "rh"};

static void column_name(char out[NAME_BYTES], int column)
{
    static const char *const kinds[] = {"x", "y", "vis", "in_pic"};
    if (column < LANDMARK)
        snprintf(out, NAME_BYTES, "%s", names[column]);
    else
        snprintf(out, NAME_BYTES, "lm_%s_%s", slots[(column - LANDMARK) / 4], kinds[(column - LANDMARK) % 4]);
}

struct reader {
    struct sanl_join join;
    struct sanl_rows rows; /* path and line, for messages */
    FILE *file;
    char *line;
    size_t line_room;
    int at[COLUMNS]; /* where the header has each column; -1: nowhere */
    int *kind;       /* (columns,): which column it is; -1: none that is read */
    size_t columns, kind_room;
    char *field[COLUMNS];
};

/* ---- lines --------------------------------------------------------------------------------------- */

/* The next field (RFC 4180, within one line), zero-ended in place; NULL behind the last one. */
static char *next_field(char **at)
{
    char *p = *at;
    if (!p)
        return NULL;
    char *field = p, *to = p;
    if (*p == '"') {
        for (p++; *p && !(p[0] == '"' && p[1] != '"'); *to++ = *p++)
            p += *p == '"';
        p += *p == '"';
    }
    while (*p && *p != ',')
        *to++ = *p++;
    *at = *p ? p + 1 : NULL;
    *to = 0;
    return field;
}

/* *more: false at the end of the file. */
static enum sanl_status next_line(struct reader *r, bool *more)
{
    ssize_t length = getline(&r->line, &r->line_room, r->file);
    *more = length >= 0;
    if (!*more)
        return SANL_OK;
    while (length > 0 && (r->line[length - 1] == '\n' || r->line[length - 1] == '\r'))
        r->line[--length] = 0;
    r->rows.line++;
    return strlen(r->line) == (size_t)length ? SANL_OK
                                             : sanl_rows_fail(&r->rows, "a zero byte in a text file");
}

static enum sanl_status read_header(struct reader *r)
{
    char name[NAME_BYTES];
    for (int c = 0; c < COLUMNS; c++)
        r->at[c] = -1;
    bool more;
    SANL_TRY(next_line(r, &more));
    if (!more)
        return sanl_fail(SANL_ERR_FORMAT, "%s: the file is empty", r->rows.path);
    char *at = strncmp(r->line, "\xEF\xBB\xBF", 3) == 0 ? r->line + 3 : r->line;
    for (char *field; (field = next_field(&at)); r->columns++) {
        SANL_TRY(sanl_grow(&r->kind, &r->kind_room, r->columns + 1, sizeof *r->kind));
        r->kind[r->columns] = -1;
        for (int c = 0; c < COLUMNS; c++) {
            column_name(name, c);
            if (strcmp(name, field) != 0)
                continue;
            if (r->at[c] >= 0)
                return sanl_rows_fail(&r->rows, "two columns are called '%s'", name);
            r->at[c] = (int)r->columns;
            r->kind[r->columns] = c;
        }
    }
    for (int c = 0; c < COLUMNS; c++) {
        column_name(name, c);
        if (r->at[c] < 0 && c != LABEL && c != CATEGORY)
            return sanl_rows_fail(&r->rows, "no column is called '%s'", name);
    }
    return SANL_OK;
}

static enum sanl_status split_row(struct reader *r)
{
    char *at = r->line;
    size_t count = 0;
    for (char *field; (field = next_field(&at)); count++)
        if (count < r->columns && r->kind[count] >= 0)
            r->field[r->kind[count]] = field;
    if (count != r->columns)
        return sanl_rows_fail(&r->rows, "expected %zu columns as in line 1, found %zu", r->columns, count);
    return SANL_OK;
}

/* ---- rows ---------------------------------------------------------------------------------------- */

/* Tables have what their writers make of a double: 45.900000000000006, 1e-05. */
static bool parse_double(double *out, const char *text)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && isfinite(*out) && strspn(text, "0123456789.+-eE") == strlen(text);
}

static enum sanl_status read_pixels(double *out, const struct reader *r, int column)
{
    char name[NAME_BYTES];
    if (parse_double(out, r->field[column]) && *out <= MAX_COORDINATE && *out >= -MAX_COORDINATE)
        return SANL_OK;
    column_name(name, column);
    return sanl_rows_fail(&r->rows, "%s: '%s' is not a pixel coordinate", name, r->field[column]);
}

static enum sanl_status read_flag(bool *out, const struct reader *r, int column)
{
    char name[NAME_BYTES];
    double value;
    if (parse_double(&value, r->field[column]) && (value == 0 || value == 1)) {
        *out = value == 1;
        return SANL_OK;
    }
    column_name(name, column);
    return sanl_rows_fail(&r->rows, "%s: '%s': expected 0 or 1", name, r->field[column]);
}

static enum sanl_status read_landmark(struct sanl_point *out, const struct reader *r, int slot)
{
    const int column = LANDMARK + 4 * slot;
    double x, y;
    bool visible, in_picture;
    SANL_TRY(read_pixels(&x, r, column));
    SANL_TRY(read_pixels(&y, r, column + 1));
    SANL_TRY(read_flag(&visible, r, column + 2));
    SANL_TRY(read_flag(&in_picture, r, column + 3));
    const bool nowhere = x == 0 && y == 0;
    *out = (struct sanl_point){{x - 1, y - 1},
                               nowhere && visible ? SANL_ABSENT
                               : nowhere          ? SANL_CUT_OFF
                               : visible          ? SANL_VISIBLE
                               : in_picture       ? SANL_OCCLUDED
                                                  : SANL_CUT_OFF};
    return SANL_OK;
}

/* By what it has: a collar, a waist or both. */
static int clothes_of(const struct sanl_point *points)
{
    const bool collar = points[0].visibility != SANL_ABSENT, waist = points[4].visibility != SANL_ABSENT;
    return collar && waist ? SANL_CLOTHES_FULL : collar ? SANL_CLOTHES_UPPER : waist ? SANL_CLOTHES_LOWER : 0;
}

static enum sanl_status read_box(struct sanl_box *box, const struct reader *r)
{
    double *const side[] = {&box->x1, &box->y1, &box->x2, &box->y2};
    for (int i = 0; i < 4; i++) {
        SANL_TRY(read_pixels(side[i], r, X1 + i));
        *side[i] -= 1;
    }
    if (box->x2 <= box->x1 || box->y2 <= box->y1 || box->x2 <= 0 || box->y2 <= 0)
        return sanl_rows_fail(&r->rows, "the box %s %s %s %s is empty or outside the picture", r->field[X1],
                              r->field[Y1], r->field[X2], r->field[Y2]);
    return SANL_OK;
}

/* The data set's own copy of `text`; NULL with the message set on failure. */
static char *keep(struct sanl_dataset *d, const char *text)
{
    char *copy = sanl_strdup(text);
    return copy && sanl_dataset_keep(d, copy) == SANL_OK ? copy : NULL;
}

static enum sanl_status read_category(struct sanl_record *record, struct reader *r)
{
    struct sanl_dataset *d = r->join.dataset;
    long label;
    if (r->at[LABEL] < 0 || r->at[CATEGORY] < 0)
        return SANL_OK;
    if (!sanl_whole_parse(&label, r->field[LABEL], 0, MAX_LABEL))
        return sanl_rows_fail(&r->rows, "category_label: '%s': expected a whole number from 0 on",
                              r->field[LABEL]);
    while (d->category_count <= label)
        SANL_TRY(sanl_dataset_add_category(d, NULL));
    if (!d->category_names[label] && !(d->category_names[label] = keep(d, r->field[CATEGORY])))
        return SANL_ERR_MEMORY;
    if (strcmp(d->category_names[label], r->field[CATEGORY]) != 0)
        return sanl_rows_fail(&r->rows, "category_label %ld is called both '%s' and '%s'", label,
                              d->category_names[label], r->field[CATEGORY]);
    record->category = (int)label;
    return SANL_OK;
}

static enum sanl_status read_row(struct reader *r)
{
    struct sanl_dataset *d = r->join.dataset;
    struct sanl_record record = {.category = -1}, *appended;
    struct sanl_point points[SANL_FASHION_LANDMARKS];
    SANL_TRY(split_row(r));
    SANL_TRY(sanl_join_check_name(&r->rows, r->field[IMAGE]));
    while (sanl_part_names[record.part] && strcmp(sanl_part_names[record.part], r->field[PART]) != 0)
        record.part++;
    if (!sanl_part_names[record.part])
        return sanl_rows_fail(&r->rows, "evaluation_status: '%s': expected train, val or test",
                              r->field[PART]);
    SANL_TRY(read_box(&record.box, r));
    for (int slot = 0; slot < SANL_FASHION_LANDMARKS; slot++)
        SANL_TRY(read_landmark(&points[slot], r, slot));
    SANL_TRY(read_category(&record, r));
    SANL_TRY(sanl_dataset_dress(d, &record, clothes_of(points)));
    for (int i = 0; i < sanl_clothes_count(d->scheme, record.clothes); i++)
        sanl_dataset_set_point(d, &record, i, &points[sanl_clothes_slot(d->scheme, record.clothes, i)]);
    record.image = keep(d, r->field[IMAGE]);
    if (!record.image)
        return SANL_ERR_MEMORY;
    SANL_TRY(sanl_join_append(&appended, &r->join));
    *appended = record;
    return SANL_OK;
}

/* Labels that no row has leave gaps. */
static void name_gaps(struct sanl_dataset *d)
{
    for (int i = 0; i < d->category_count; i++)
        if (!d->category_names[i])
            d->category_names[i] = "";
}

static enum sanl_status read_file(struct reader *r, const char *path)
{
    r->rows.path = path;
    r->file = fopen(path, "r");
    if (!r->file)
        return sanl_fail(SANL_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    enum sanl_status status = read_header(r);
    for (bool more = true; status == SANL_OK && more;) {
        status = next_line(r, &more);
        if (status == SANL_OK && more && r->line[0])
            status = read_row(r);
    }
    if (status == SANL_OK && ferror(r->file))
        status = sanl_fail(SANL_ERR_IO, "%s: cannot read: %s", path, strerror(errno));
    fclose(r->file);
    free(r->line);
    free(r->kind);
    name_gaps(r->join.dataset);
    return status;
}

static const char *const files[] = {"info.csv",         "Anno/info.csv", "df_info.csv",
                                    "Anno/df_info.csv", "fld_info.csv",  "Anno/fld_info.csv"};

/* The only one of the files that is there. */
static enum sanl_status find_file(char **out, const struct sanl_dataset *d)
{
    size_t found = 0;
    *out = NULL;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = sanl_path_join(d->root, files[i]);
        if (!path)
            return SANL_ERR_MEMORY;
        if (!sanl_file_exists(path)) {
            free(path);
        } else if (*out) {
            const enum sanl_status status =
                sanl_fail(SANL_ERR_USAGE, "%s: has both %s and %s: give the file itself as data.root",
                          d->root, files[found], files[i]);
            free(path);
            return status;
        } else {
            *out = path;
            found = i;
        }
    }
    return *out ? SANL_OK
                : sanl_fail(SANL_ERR_IO,
                            "%s: has none of info.csv, df_info.csv and fld_info.csv, nor has its Anno",
                            d->root);
}

static void strip_slashes(char *path)
{
    for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
        path[n - 1] = 0;
}

static void to_parent(char *path)
{
    strip_slashes(path);
    char *slash = strrchr(path, '/');
    if (slash)
        slash[slash == path] = 0;
    else
        strcpy(path, "."); /* a name is no shorter */
    strip_slashes(path);
}

/* The root of a file's names is its folder, or the one above Anno. */
static enum sanl_status take_file(char **out, struct sanl_dataset *d)
{
    *out = sanl_strdup(d->file);
    to_parent(d->root);
    if (strcmp(sanl_path_name(d->root), "Anno") == 0)
        to_parent(d->root);
    return *out ? SANL_OK : SANL_ERR_MEMORY;
}

enum sanl_status sanl_info_csv_read(struct sanl_dataset *dataset)
{
    struct reader r = {.join = {.dataset = dataset}};
    char *path;
    enum sanl_status status = dataset->file ? take_file(&path, dataset) : find_file(&path, dataset);
    if (status == SANL_OK) {
        const bool fld = strncmp(sanl_path_name(path), "fld_", 4) == 0;
        dataset->published = fld ? &sanl_published_fld : &sanl_published_deepfashion_c;
        status = read_file(&r, path);
    }
    if (status == SANL_OK)
        status = sanl_dataset_check_unique(dataset);
    free(path);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------- */

static void write_pixels(FILE *file, double value)
{
    char text[32];
    sanl_number_text(text, value);
    fprintf(file, ",%s", text);
}

static void write_row(FILE *file, const struct sanl_dataset *d, int index)
{
    const struct sanl_record *r = &d->records[index];
    struct sanl_landmarks landmarks;
    sanl_dataset_landmarks(&landmarks, d, r);
    sanl_text_csv(file, r->image);
    write_pixels(file, r->box.x1 + 1);
    write_pixels(file, r->box.y1 + 1);
    write_pixels(file, r->box.x2 + 1);
    write_pixels(file, r->box.y2 + 1);
    fprintf(file, ",%s", sanl_part_names[r->part]);
    if (d->category_count) {
        fprintf(file, ",%d,", r->category);
        sanl_text_csv(file, d->category_names[r->category]);
    }
    for (int slot = 0; slot < SANL_FASHION_LANDMARKS; slot++) {
        const int v = landmarks.visibility[slot];
        const bool known = v == SANL_VISIBLE || v == SANL_OCCLUDED;
        for (int axis = 0; axis < 2; axis++)
            write_pixels(file, known ? landmarks.img[slot][axis] + 1 : 0);
        fprintf(file, ",%d,%d", v == SANL_VISIBLE || v == SANL_ABSENT, v != SANL_CUT_OFF);
    }
    fputc('\n', file);
}

static enum sanl_status check_categories(const struct sanl_dataset *d)
{
    for (int i = 0; i < d->count && d->category_count; i++)
        if (d->records[i].category < 0)
            return sanl_fail(
                SANL_ERR_FORMAT,
                "%s: record %d, '%s', has no category, but others have: info.csv needs one for all, or none",
                (d->source ? d->source : d)->root, i + 1, d->records[i].image);
    return SANL_OK;
}

enum sanl_status sanl_info_csv_write(const struct sanl_dataset *dataset, const char *folder)
{
    struct sanl_output out = {0};
    const bool fld = dataset->source && dataset->source->published == &sanl_published_fld;
    char name[NAME_BYTES], *path = sanl_path_join(folder, fld ? "fld_info.csv" : "info.csv");
    enum sanl_status status = path ? check_categories(dataset) : SANL_ERR_MEMORY;
    if (status == SANL_OK)
        status = sanl_output_open(&out, path);
    if (status == SANL_OK) {
        for (int c = 0; c < COLUMNS; c++) {
            column_name(name, c);
            if ((c != LABEL && c != CATEGORY) || dataset->category_count)
                fprintf(out.file, "%s%s", c ? "," : "", name);
        }
        fputc('\n', out.file);
        for (int i = 0; i < dataset->count; i++)
            write_row(out.file, dataset, i);
        status = sanl_output_commit(&out);
    }
    sanl_output_free(&out);
    free(path);
    return status;
}
