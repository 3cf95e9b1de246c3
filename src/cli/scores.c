#include "cli/scores.h"

#include <stdio.h>

static void add_error_row(struct sanl_table *table, const struct sanl_evaluation *e, const char *name,
                          long count, const double errors[4])
{
    sanl_table_text(table, name);
    sanl_table_int(table, count);
    for (int i = 0; i < (e->has_baseline ? 4 : 2); i++)
        sanl_table_number(table, errors[i]);
}

static enum sanl_status landmark_table(struct sanl_table **out, const struct sanl_evaluation *e)
{
    static const struct sanl_column columns[] = {
        {.key = "landmark"},
        {.key = "count"},
        {.key = "ne_peer", .decimals = 4},
        {.key = "ne", .decimals = 4},
        {.key = "baseline_ne_peer", .title = "baseline: ne_peer", .decimals = 4},
        {.key = "baseline_ne", .title = "ne", .decimals = 4},
    };
    const struct sanl_ne_summary *n = &e->ne, *b = &e->baseline;
    const enum sanl_status status = sanl_table_create(out, columns, e->has_baseline ? 6 : 4);
    if (status != SANL_OK)
        return status;
    for (int k = 0; k < SANL_LANDMARKS; k++)
        add_error_row(*out, e, sanl_landmark_name(k), n->count[k],
                      (const double[]){n->peer[k], n->exact[k], b->peer[k], b->exact[k]});
    add_error_row(*out, e, "NE (mean of landmarks)", n->points,
                  (const double[]){n->peer_mean, n->exact_mean, b->peer_mean, b->exact_mean});
    add_error_row(*out, e, "mean of all points", n->points,
                  (const double[]){n->peer_points, n->exact_points, b->peer_points, b->exact_points});
    return SANL_OK;
}

static void add_score_row(struct sanl_table *table, const char *name, long count, double top1, double top3)
{
    sanl_table_text(table, name);
    sanl_table_int(table, count);
    sanl_table_number(table, top1);
    sanl_table_number(table, top3);
}

static enum sanl_status category_table(struct sanl_table **out, const struct sanl_evaluation *e)
{
    static const struct sanl_column columns[] = {{.key = "category"},
                                                 {.key = "count"},
                                                 {.key = "top1", .title = "top-1", .decimals = 4},
                                                 {.key = "top3", .title = "top-3", .decimals = 4}};
    const enum sanl_status status = sanl_table_create(out, columns, 4);
    if (status != SANL_OK)
        return status;
    for (int c = 0; c < e->class_count; c++) {
        const struct sanl_class_score *score = &e->classes[c];
        char number[32];
        snprintf(number, sizeof number, "category %d", c + 1);
        if (score->count > 0)
            add_score_row(*out, score->name[0] ? score->name : number, score->count,
                          (double)score->top1 / (double)score->count,
                          (double)score->top3 / (double)score->count);
    }
    add_score_row(*out, "all", e->images, e->top1, e->top3);
    return SANL_OK;
}

enum sanl_status sanl_scores_create(struct sanl_table **out, const struct sanl_evaluation *evaluation)
{
    return evaluation->task == SANL_TASK_LANDMARK ? landmark_table(out, evaluation)
                                                  : category_table(out, evaluation);
}
