#include "cli/scores.h"

#include <stdio.h>

/* ---- landmarks ----------------------------------------------------------------------------------- */

/* What a row shows of a score: one landmark, or all of them. */
enum { MEAN = -1, POINTS = -2, AS_PUBLISHED = -3 };

static long count_of(const struct sanl_landmark_score *score, int mask, int slot)
{
    return slot >= 0 ? score->count[mask][slot] : sanl_landmark_score_count(score, mask);
}

static double value_of(const struct sanl_landmark_score *score, int metric, int slot)
{
    switch (slot) {
    case MEAN:
        return sanl_landmark_score_mean(score, metric);
    case POINTS:
        return sanl_landmark_score_points(score, metric);
    case AS_PUBLISHED:
        return sanl_landmark_score_value(score, metric);
    default:
        return sanl_landmark_score_slot(score, metric, slot);
    }
}

/* The figures of a row: counts, and the metrics over what they count. */
static const struct {
    struct sanl_column column;
    bool is_count, wide; /* wide: not in the short table */
    int which;           /* mask or metric */
} figures[] = {
    {{.key = "visible"}, true, false, SANL_MASK_VISIBLE},
    {{.key = "ne_peer", .decimals = 4}, false, false, SANL_NE_PEER},
    {{.key = "ne", .decimals = 4}, false, false, SANL_NE},
    {{.key = "pdl", .decimals = 4}, false, false, SANL_PDL},
    {{.key = "inpic"}, true, true, SANL_MASK_INPIC},
    {{.key = "ne_inpic", .decimals = 4}, false, true, SANL_NE_INPIC},
    {{.key = "labelled"}, true, false, SANL_MASK_LABELLED},
    {{.key = "pck", .decimals = 4}, false, false, SANL_PCK},
    {{.key = "auc", .decimals = 4}, false, false, SANL_AUC},
    {{.key = "epe", .decimals = 2}, false, false, SANL_EPE},
};

enum { FIGURES = sizeof figures / sizeof *figures, MOST_COLUMNS = FIGURES + 3 };

static void add_figures(struct sanl_table *table, const struct sanl_landmark_score *score, int slot,
                        bool wide)
{
    for (int i = 0; i < FIGURES; i++) {
        if (figures[i].wide && !wide)
            continue;
        if (figures[i].is_count)
            sanl_table_int(table, count_of(score, figures[i].which, slot));
        else
            sanl_table_number(table, value_of(score, figures[i].which, slot));
    }
}

/* A table of `first` columns, a NULL-ended list of keys, and the figures. */
static enum sanl_status create(struct sanl_table **out, const char *const *first, bool wide)
{
    struct sanl_column columns[MOST_COLUMNS] = {{0}};
    int count = 0;
    while (*first)
        columns[count++].key = *first++;
    for (int i = 0; i < FIGURES; i++)
        if (!figures[i].wide || wide)
            columns[count++] = figures[i].column;
    return sanl_table_create(out, columns, count);
}

/* group NULL: a table without that column. */
static void add_row(struct sanl_table *table, const char *group, const char *name,
                    const struct sanl_landmark_score *score, int slot, bool wide)
{
    if (group)
        sanl_table_text(table, group);
    sanl_table_text(table, name);
    add_figures(table, score, slot, wide);
}

/* Of the many landmarks of a large scheme only those that occur. */
static void add_rows(struct sanl_table *table, const char *group, const struct sanl_scheme *scheme,
                     const struct sanl_landmark_score *score, bool wide)
{
    for (int k = 0; k < scheme->landmarks; k++)
        if (scheme->landmarks <= SANL_FASHION_LANDMARKS || score->count[SANL_MASK_LABELLED][k])
            add_row(table, group, sanl_landmark_name(scheme, k), score, k, wide);
    add_row(table, group, "mean", score, MEAN, wide);
    add_row(table, group, "points", score, POINTS, wide);
}

static enum sanl_status landmark_table(struct sanl_table **out, const struct sanl_evaluation *e, bool wide)
{
    const struct sanl_landmark_score *baseline = &e->score[SANL_GROUP_BASELINE];
    const enum sanl_status status = create(out, (const char *const[]){"landmark", NULL}, wide);
    if (status != SANL_OK)
        return status;
    add_rows(*out, NULL, e->scheme, &e->score[SANL_GROUP_ALL], wide);
    if (baseline->images)
        add_row(*out, NULL, "baseline mean", baseline, MEAN, wide);
    return SANL_OK;
}

static enum sanl_status full_table(struct sanl_table **out, const struct sanl_evaluation *e)
{
    const enum sanl_status status = create(out, (const char *const[]){"group", "landmark", NULL}, true);
    if (status != SANL_OK)
        return status;
    for (int g = 0; g < SANL_GROUPS; g++)
        if (g == SANL_GROUP_ALL || e->score[g].images)
            add_rows(*out, sanl_group_name(e->scheme, g), e->scheme, &e->score[g], true);
    return SANL_OK;
}

enum sanl_status sanl_scores_create_groups(struct sanl_table **out, const struct sanl_evaluation *e)
{
    const enum sanl_status status = create(out, (const char *const[]){"group", "images", NULL}, true);
    if (status != SANL_OK)
        return status;
    for (int g = 0; g < SANL_GROUPS; g++) {
        if (g != SANL_GROUP_ALL && !e->score[g].images)
            continue;
        sanl_table_text(*out, sanl_group_name(e->scheme, g));
        sanl_table_int(*out, e->score[g].images);
        add_figures(*out, &e->score[g], AS_PUBLISHED, true);
    }
    return SANL_OK;
}

/* ---- categories ---------------------------------------------------------------------------------- */

static void add_score_row(struct sanl_table *table, const char *name, long count, const double tops[3])
{
    sanl_table_text(table, name);
    sanl_table_int(table, count);
    for (int i = 0; i < 3; i++)
        sanl_table_number(table, tops[i]);
}

static enum sanl_status category_table(struct sanl_table **out, const struct sanl_evaluation *e)
{
    static const struct sanl_column columns[] = {{.key = "category"},
                                                 {.key = "count"},
                                                 {.key = "top1", .title = "top-1", .decimals = 4},
                                                 {.key = "top3", .title = "top-3", .decimals = 4},
                                                 {.key = "top5", .title = "top-5", .decimals = 4}};
    const enum sanl_status status = sanl_table_create(out, columns, 5);
    if (status != SANL_OK)
        return status;
    for (int c = 0; c < e->class_count; c++) {
        const struct sanl_class_score *s = &e->classes[c];
        const double n = (double)s->count;
        if (s->count > 0)
            add_score_row(*out, s->name, s->count,
                          (const double[]){(double)s->top1 / n, (double)s->top3 / n, (double)s->top5 / n});
    }
    add_score_row(*out, "all", e->images, (const double[]){e->top1, e->top3, e->top5});
    return SANL_OK;
}

/* ---- either -------------------------------------------------------------------------------------- */

enum sanl_status sanl_scores_create(struct sanl_table **out, const struct sanl_evaluation *evaluation,
                                    bool wide)
{
    return evaluation->task == SANL_TASK_LANDMARK ? landmark_table(out, evaluation, wide)
                                                  : category_table(out, evaluation);
}

enum sanl_status sanl_scores_create_full(struct sanl_table **out, const struct sanl_evaluation *evaluation)
{
    return evaluation->task == SANL_TASK_LANDMARK ? full_table(out, evaluation)
                                                  : category_table(out, evaluation);
}
