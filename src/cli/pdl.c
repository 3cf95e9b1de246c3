#include "cli/pdl.h"

#include <sanlcl/report.h>
#include <sanlcl/table.h>

/* Curves: of all points of each group, then of each landmark; NULL for groups that the scheme has not. */
enum { MOST_CURVES = SANL_GROUPS + SANL_LANDMARKS, POINTS = SANL_PDL_THRESHOLDS + 1 };

static const char *curve_name(const struct sanl_evaluation *e, int curve)
{
    return curve < SANL_GROUPS ? sanl_group_name(e->scheme, curve)
                               : sanl_landmark_name(e->scheme, curve - SANL_GROUPS);
}

static double curve_value(const struct sanl_evaluation *e, int curve, int pixels)
{
    return curve < SANL_GROUPS
               ? sanl_landmark_score_within(&e->score[curve], -1, pixels)
               : sanl_landmark_score_within(&e->score[SANL_GROUP_ALL], curve - SANL_GROUPS, pixels);
}

static enum sanl_status write_table(const struct sanl_evaluation *e, const char *path)
{
    struct sanl_column columns[1 + MOST_CURVES] = {{.key = "pixels"}};
    const int curves = SANL_GROUPS + e->scheme->landmarks;
    int shown[MOST_CURVES], count = 0;
    struct sanl_table *table;
    for (int c = 0; c < curves; c++)
        if (curve_name(e, c)) {
            shown[count++] = c;
            columns[count] = (struct sanl_column){.key = curve_name(e, c), .decimals = 4};
        }
    enum sanl_status status = sanl_table_create(&table, columns, 1 + count);
    if (status != SANL_OK)
        return status;
    for (int t = 0; t < POINTS; t++) {
        sanl_table_int(table, t);
        for (int c = 0; c < count; c++)
            sanl_table_number(table, curve_value(e, shown[c], t));
    }
    status = sanl_table_save_as(table, path, sanl_table_format_of(path, SANL_TABLE_CSV));
    sanl_table_free(table);
    return status;
}

static enum sanl_status write_picture(const struct sanl_evaluation *e, const char *path)
{
    double x[POINTS], y[SANL_GROUPS][POINTS];
    struct sanl_series series[SANL_GROUPS];
    struct sanl_plot plot = {.title = "Landmarks detected",
                             .x_label = "error below, pixels of a 512 x 512 box",
                             .y_label = "share of visible landmarks",
                             .series = series,
                             .from_zero = true};
    for (int t = 0; t < POINTS; t++)
        x[t] = t;
    for (int g = 0; g < SANL_GROUPS; g++) {
        if (!e->score[g].images || (g >= SANL_GROUP_VARIATION && g < SANL_GROUP_BASELINE))
            continue;
        for (int t = 0; t < POINTS; t++)
            y[g][t] = curve_value(e, g, t);
        series[plot.series_count++] = (struct sanl_series){curve_name(e, g), x, y[g], POINTS};
    }
    return sanl_plot_write(&plot, path);
}

enum sanl_status sanl_pdl_write(const struct sanl_evaluation *evaluation, const char *path)
{
    return sanl_is_picture_name(path) ? write_picture(evaluation, path) : write_table(evaluation, path);
}
