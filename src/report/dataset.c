/* What a data set holds: tables, and a sheet of its pictures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sanlcl/data.h>
#include "base/log.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "data/layout.h"
#include "data/sample.h"
#include "report/overlay.h"
#include "report/sheet.h"

enum { CATEGORY_ROWS = 60 };

/* ---- tables -------------------------------------------------------------------------------------- */

struct stats {
    const struct sanl_dataset *set;
    struct sanl_table **tables;
    int count;
};

static enum sanl_status add_table(struct sanl_table **out, struct stats *s, const struct sanl_column *columns,
                                  int count)
{
    SANL_TRY(sanl_table_create(out, columns, count));
    s->tables[s->count++] = *out;
    return SANL_OK;
}

static enum sanl_status tell_parts(struct stats *s)
{
    static const struct sanl_column columns[] = {
        {"part", NULL, 0}, {"records", NULL, 0}, {"pictures", NULL, 0}, {"published", NULL, 0}};
    struct sanl_table *table;
    long published = 0, pictures = 0;
    int counts[SANL_DATASET_PARTS];
    SANL_TRY(sanl_dataset_count_pictures(counts, s->set));
    SANL_TRY(add_table(&table, s, columns, 4));
    for (int i = 0; s->set->format->part_names[i]; i++) {
        const int wanted = s->set->published ? s->set->published->pictures[i] : 0;
        published += wanted;
        pictures += counts[i];
        sanl_table_text(table, s->set->format->part_names[i]);
        sanl_table_int(table, s->set->parts[i].count);
        sanl_table_int(table, counts[i]);
        sanl_table_number(table, wanted ? (double)wanted : NAN);
    }
    sanl_table_text(table, "all");
    sanl_table_int(table, s->set->count);
    sanl_table_int(table, pictures);
    sanl_table_number(table, published ? (double)published : NAN);
    return SANL_OK;
}

/* Garments in rows, variations in columns. */
static enum sanl_status tell_clothes(struct stats *s)
{
    enum { VARIATIONS = 6 };
    static const struct sanl_column columns[] = {{"clothes", NULL, 0},         {"records", NULL, 0},
                                                 {"variation_1", "normal", 0}, {"variation_2", "pose 2", 0},
                                                 {"variation_3", "pose 3", 0}, {"variation_4", "zoom 4", 0},
                                                 {"variation_5", "zoom 5", 0}};
    long counts[SANL_CLOTHES + 1][VARIATIONS] = {{0}};
    struct sanl_table *table;
    for (int i = 0; i < s->set->count; i++) {
        const struct sanl_record *r = &s->set->records[i];
        counts[r->clothes][r->variation < VARIATIONS ? r->variation : 0]++;
    }
    SANL_TRY(add_table(&table, s, columns, s->set->format->variations ? 7 : 2));
    for (int clothes = 1; clothes <= s->set->scheme->clothes; clothes++) {
        long sum = 0;
        for (int v = 0; v < VARIATIONS; v++)
            sum += counts[clothes][v];
        sanl_table_text(table, sanl_clothes_name(s->set->scheme, clothes));
        sanl_table_int(table, sum);
        for (int v = 1; v < VARIATIONS && s->set->format->variations; v++)
            sanl_table_int(table, counts[clothes][v]);
    }
    return SANL_OK;
}

static enum sanl_status tell_landmarks(struct stats *s)
{
    static const struct sanl_column columns[] = {{"landmark", NULL, 0},
                                                 {"visible", NULL, 0},
                                                 {"occluded", NULL, 0},
                                                 {"cut_off", "cut off", 0},
                                                 {"absent", NULL, 0}};
    long counts[SANL_LANDMARKS][SANL_ABSENT + 1] = {{0}};
    struct sanl_table *table;
    SANL_TRY(add_table(&table, s, columns, 5));
    for (int i = 0; i < s->set->count; i++) {
        struct sanl_landmarks landmarks;
        sanl_dataset_landmarks(&landmarks, s->set, &s->set->records[i]);
        for (int slot = 0; slot < s->set->scheme->landmarks; slot++)
            counts[slot][landmarks.visibility[slot]]++;
    }
    for (int slot = 0; slot < s->set->scheme->landmarks; slot++) {
        if (s->set->scheme->landmarks > SANL_FASHION_LANDMARKS && counts[slot][SANL_ABSENT] == s->set->count)
            continue; /* of the many, those that occur */
        sanl_table_text(table, sanl_landmark_name(s->set->scheme, slot));
        for (int v = SANL_VISIBLE; v <= SANL_ABSENT; v++)
            sanl_table_int(table, counts[slot][v]);
    }
    return SANL_OK;
}

struct category {
    int index;
    long count;
};

static int compare_categories(const void *a, const void *b)
{
    const struct category *p = a, *q = b;
    return p->count != q->count ? (p->count < q->count) - (p->count > q->count) : p->index - q->index;
}

static enum sanl_status tell_categories(struct stats *s)
{
    static const struct sanl_column columns[] = {{"category", NULL, 0}, {"records", NULL, 0}};
    const int count = s->set->category_count;
    struct sanl_table *table;
    struct category *list = sanl_calloc((size_t)count, sizeof *list);
    if (!list)
        return SANL_ERR_MEMORY;
    for (int c = 0; c < count; c++)
        list[c].index = c;
    for (int i = 0; i < s->set->count; i++)
        if (s->set->records[i].category >= 0)
            list[s->set->records[i].category].count++;
    qsort(list, (size_t)count, sizeof *list, compare_categories);
    const enum sanl_status status = add_table(&table, s, columns, 2);
    long rest = 0;
    for (int c = 0; c < count && status == SANL_OK; c++) {
        if (!list[c].count)
            break; /* no more have any */
        if (c >= CATEGORY_ROWS) {
            rest += list[c].count;
            continue;
        }
        sanl_table_text(table, s->set->category_names[list[c].index]);
        sanl_table_int(table, list[c].count);
    }
    if (rest && status == SANL_OK) {
        sanl_table_text(table, "others");
        sanl_table_int(table, rest);
    }
    free(list);
    return status;
}

static int compare_numbers(const void *a, const void *b)
{
    const double p = *(const double *)a, q = *(const double *)b;
    return (p > q) - (p < q);
}

/* A row of quantiles; sorts the values. */
static void tell_quantiles(struct sanl_table *table, const char *what, double *values, int count)
{
    static const double shares[] = {0, 0.05, 0.5, 0.95, 1};
    qsort(values, (size_t)count, sizeof *values, compare_numbers);
    sanl_table_text(table, what);
    sanl_table_int(table, count);
    for (int i = 0; i < 5; i++)
        sanl_table_number(table, count ? values[(int)(shares[i] * (count - 1))] : NAN);
}

static enum sanl_status measure_pictures(double *width, double *height, int *count,
                                         const struct sanl_dataset *set, int pictures)
{
    const int n = pictures < set->count ? pictures : set->count;
    int measured = 0, bad = 0;
    for (int i = 0; i < n; i++) {
        int w, h;
        const enum sanl_status status =
            sanl_layout_picture_size(&w, &h, set, (int)((long long)i * set->count / n));
        if (status != SANL_OK && !sanl_sample_is_bad(status))
            return status;
        if (status == SANL_OK) {
            width[measured] = w;
            height[measured++] = h;
        } else if (bad++ == 0) {
            sanl_log(SANL_LOG_WARNING, "%s", sanl_error_message());
        }
    }
    if (bad > 1)
        sanl_log(SANL_LOG_WARNING, "%d of %d pictures could not be read; that was the first", bad, n);
    *count = measured;
    return SANL_OK;
}

static enum sanl_status tell_sizes(struct stats *s, int pictures)
{
    static const struct sanl_column columns[] = {
        {"pixels", NULL, 0}, {"measured", NULL, 0}, {"least", NULL, 0}, {"p5", "5 %", 0},
        {"median", NULL, 0}, {"p95", "95 %", 0},    {"most", NULL, 0}};
    const int count = s->set->count;
    struct sanl_table *table;
    double *width = sanl_calloc((size_t)count, sizeof *width),
           *height = sanl_calloc((size_t)count, sizeof *height);
    enum sanl_status status = width && height ? add_table(&table, s, columns, 7) : SANL_ERR_MEMORY;
    if (status == SANL_OK) {
        int boxes = 0, measured = 0;
        status = measure_pictures(width, height, &measured, s->set, pictures);
        tell_quantiles(table, "picture width", width, measured);
        tell_quantiles(table, "picture height", height, measured);
        for (int i = 0; i < count; i++) {
            const struct sanl_box *b = &s->set->records[i].box;
            if (!sanl_box_is_set(b))
                continue;
            width[boxes] = b->x2 - b->x1;
            height[boxes++] = b->y2 - b->y1;
        }
        tell_quantiles(table, "box width", width, boxes);
        tell_quantiles(table, "box height", height, boxes);
    }
    free(width);
    free(height);
    return status;
}

enum sanl_status sanl_data_stats(struct sanl_table *tables[SANL_DATA_TABLES], int *count,
                                 const struct sanl_data_config *config, int pictures)
{
    struct sanl_dataset *set;
    *count = 0;
    SANL_TRY(sanl_dataset_open(&set, config));
    struct stats s = {.set = set, .tables = tables};
    enum sanl_status status = tell_parts(&s);
    if (status == SANL_OK && set->scheme)
        status = tell_clothes(&s);
    if (status == SANL_OK && set->scheme)
        status = tell_landmarks(&s);
    if (status == SANL_OK && set->category_count)
        status = tell_categories(&s);
    if (status == SANL_OK)
        status = tell_sizes(&s, pictures);
    *count = s.count;
    sanl_dataset_free(set);
    return status;
}

/* ---- a sheet of pictures ------------------------------------------------------------------------- */

static enum sanl_status draw_record(struct sanl_image *out, const struct sanl_dataset *set,
                                    const struct sanl_record *r, const struct sanl_data_config *config,
                                    int side)
{
    const struct sanl_image_limits limits = {.max_megapixels = config->max_megapixels};
    const double box[4] = {r->box.x1, r->box.y1, r->box.x2, r->box.y2};
    const char *name[SANL_LANDMARKS];
    char names[SANL_LANDMARKS][16], caption[128];
    bool shown[SANL_LANDMARKS];
    struct sanl_image image;
    const int count = set->scheme ? set->scheme->landmarks : 0;
    struct sanl_landmarks landmarks;
    sanl_dataset_landmarks(&landmarks, set, r);
    for (int slot = 0; slot < count; slot++) {
        const int v = landmarks.visibility[slot];
        shown[slot] = v == SANL_VISIBLE || v == SANL_OCCLUDED;
        snprintf(names[slot], sizeof names[slot], "%s%s", sanl_landmark_label(set->scheme, slot),
                 v == SANL_OCCLUDED ? "*" : "");
        name[slot] = names[slot];
    }
    const char *clothes = set->scheme ? sanl_clothes_name(set->scheme, r->clothes) : NULL;
    const char *category = r->category >= 0 ? set->category_names[r->category] : NULL;
    if (clothes && category && strcmp(clothes, category) == 0)
        category = NULL;
    snprintf(caption, sizeof caption, "%s%s%s", clothes ? clothes : "", clothes && category ? ", " : "",
             category ? category : "");
    const struct sanl_overlay overlay = {.landmarks = count,
                                         .truth_img = (const double(*)[2])landmarks.img,
                                         .truth_shown = shown,
                                         .box_img = sanl_box_is_set(&r->box) ? box : NULL,
                                         .names = name,
                                         .caption = caption,
                                         .side = side};
    char *path = sanl_dataset_image_path(set, r);
    if (!path)
        return SANL_ERR_MEMORY;
    enum sanl_status status = sanl_image_read(&image, NULL, NULL, path, &limits);
    free(path);
    if (status == SANL_OK) {
        status = sanl_overlay_draw(out, &image, &overlay);
        sanl_image_free(&image);
    }
    return status;
}

enum sanl_status sanl_data_browse(const char *path, const struct sanl_data_config *config,
                                  const struct sanl_browse_options *options)
{
    struct sanl_dataset *set;
    const struct sanl_part *part = NULL;
    struct sanl_sheet sheet = {0};
    if (!sanl_is_picture_name(path))
        return sanl_fail(SANL_ERR_USAGE, "%s: expected a name that ends in .png, .jpg or .jpeg", path);
    SANL_TRY(sanl_dataset_open(&set, config));
    enum sanl_status status = options->part ? sanl_dataset_find_part(&part, set, options->part) : SANL_OK;
    const int count = part ? part->count : set->count;
    const int n = options->pictures < count ? options->pictures : count;
    if (status == SANL_OK)
        status = sanl_sheet_create(&sheet, path, n, options->columns, options->side);
    for (int i = 0; i < n && status == SANL_OK; i++) {
        const int at = (int)((long long)i * count / n);
        struct sanl_image drawn;
        status =
            draw_record(&drawn, set, &set->records[part ? part->records[at] : at], config, options->side);
        if (sanl_sample_is_bad(status) && config->on_bad == SANL_ON_BAD_SKIP) {
            sanl_log(SANL_LOG_WARNING, "skipped: %s", sanl_error_message()); /* its place stays empty */
            status = SANL_OK;
            continue;
        }
        if (status == SANL_OK) {
            status = sanl_sheet_place(&sheet, &drawn, i);
            sanl_image_free(&drawn);
        }
    }
    if (status == SANL_OK)
        status = sanl_image_write(&sheet.image, path, 92);
    sanl_image_free(&sheet.image);
    sanl_dataset_free(set);
    return status;
}
