#include "data/join.h"

#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"

enum { MAX_ROWS = 1 << 27 };

void sanl_join_free(struct sanl_join *join)
{
    free(join->buckets);
    free(join->line_of);
    memset(join, 0, sizeof *join);
}

/* ---- files --------------------------------------------------------------------------------------- */

/* Reads the two lines at the top: the count and the column names. */
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

enum sanl_status sanl_join_read(struct sanl_join *join, const char *file, const char *columns,
                                sanl_join_row *row, bool keep)
{
    struct sanl_rows rows = {0};
    long announced = 0, found = 0;
    char *path = sanl_path_join(join->dataset->root, file);
    if (!path)
        return SANL_ERR_MEMORY;
    enum sanl_status status = sanl_rows_open(&rows, path);
    if (status == SANL_OK && columns)
        status = read_top(&rows, columns, &announced);
    for (; status == SANL_OK && sanl_rows_next(&rows); found++)
        status = row(join, &rows);
    if (status == SANL_OK && columns && found != announced)
        status = sanl_fail(SANL_ERR_FORMAT, "%s: line 1 announces %ld rows, but the file has %ld", path,
                           announced, found);
    if (keep) {
        char *text = sanl_rows_take_text(&rows);
        const enum sanl_status kept = sanl_dataset_keep(join->dataset, text);
        status = status == SANL_OK ? kept : status;
    }
    sanl_rows_free(&rows);
    free(path);
    return status;
}

enum sanl_status sanl_join_add(struct sanl_join *join, const char *file, const char *columns,
                               sanl_join_row *row)
{
    const struct sanl_dataset *d = join->dataset;
    memset(join->line_of, 0, (size_t)d->count * sizeof *join->line_of);
    join->next = 0;
    SANL_TRY(sanl_join_read(join, file, columns, row, false));
    for (int i = 0; i < d->count; i++) {
        if (!join->line_of[i])
            return sanl_fail(SANL_ERR_FORMAT, "%s/%s: no row for '%s', which is line %d of %s", d->root, file,
                             d->records[i].image, i + join->first_line, join->first);
    }
    return SANL_OK;
}

/* ---- records ------------------------------------------------------------------------------------- */

enum sanl_status sanl_join_append(struct sanl_record **out, struct sanl_join *join)
{
    struct sanl_dataset *d = join->dataset;
    SANL_TRY(sanl_grow(&d->records, &join->capacity, (size_t)d->count + 1, sizeof *d->records));
    struct sanl_record *record = &d->records[d->count++];
    memset(record, 0, sizeof *record);
    record->category = -1;
    *out = record;
    return SANL_OK;
}

/* The bucket that holds `name`, or the empty one where it belongs. */
static int *find_bucket(const struct sanl_join *join, const char *name)
{
    for (size_t i = (size_t)sanl_mix64(sanl_hash_text(name)) & join->mask;; i = (i + 1) & join->mask) {
        const int at = join->buckets[i];
        if (!at || strcmp(join->dataset->records[at - 1].image, name) == 0)
            return &join->buckets[i];
    }
}

static enum sanl_status index_names(struct sanl_join *join)
{
    const struct sanl_dataset *d = join->dataset;
    size_t buckets = 64;
    while (buckets < 2 * (size_t)d->count)
        buckets *= 2;
    join->buckets = sanl_calloc(buckets, sizeof *join->buckets);
    join->line_of = sanl_calloc((size_t)d->count, sizeof *join->line_of);
    if (!join->buckets || !join->line_of)
        return SANL_ERR_MEMORY;
    join->mask = buckets - 1;
    for (int i = 0; i < d->count; i++) {
        int *bucket = find_bucket(join, d->records[i].image);
        if (*bucket)
            return sanl_fail(SANL_ERR_FORMAT, "%s/%s: line %d: a second row for '%s' (the first is line %d)",
                             d->root, join->first, i + join->first_line, d->records[i].image,
                             *bucket - 1 + join->first_line);
        *bucket = i + 1;
    }
    return SANL_OK;
}

enum sanl_status sanl_join_make(struct sanl_join *join, const char *file, const char *columns,
                                sanl_join_row *row)
{
    join->first = file;
    join->first_line = columns ? 3 : 1;
    SANL_TRY(sanl_join_read(join, file, columns, row, true));
    return index_names(join);
}

enum sanl_status sanl_join_at(struct sanl_record **out, struct sanl_join *join, const struct sanl_rows *rows,
                              int index, const char *key)
{
    if (index < 0 || index >= join->dataset->count)
        return sanl_rows_fail(rows, "image '%s' is not in %s", key, join->first);
    if (join->line_of[index])
        return sanl_rows_fail(rows, "a second row for '%s' (the first is line %d)", key,
                              join->line_of[index]);
    join->line_of[index] = rows->line;
    *out = &join->dataset->records[index];
    return SANL_OK;
}

enum sanl_status sanl_join_find(struct sanl_record **out, struct sanl_join *join,
                                const struct sanl_rows *rows, const char *name)
{
    const struct sanl_dataset *d = join->dataset;
    const bool in_order = join->next < d->count && strcmp(d->records[join->next].image, name) == 0;
    const int index = in_order ? join->next : *find_bucket(join, name) - 1;
    join->next = index + 1;
    return sanl_join_at(out, join, rows, index, name);
}

enum sanl_status sanl_join_expect(const struct sanl_rows *rows, int count)
{
    if (rows->fields != count)
        return sanl_rows_fail(rows, "expected %d columns, found %d", count, rows->fields);
    return SANL_OK;
}

enum sanl_status sanl_join_check_name(const struct sanl_rows *rows, const char *name)
{
    bool bad = !name[0] || name[0] == '/';
    for (const char *p = strstr(name, ".."); p; p = strstr(p + 1, ".."))
        bad = bad || ((p == name || p[-1] == '/') && (p[2] == '/' || p[2] == 0));
    return bad ? sanl_rows_fail(rows, "image '%s': the name must not leave the folder", name) : SANL_OK;
}
