#include "cli/confusion.h"

#include <stdlib.h>
#include "cli/args.h"

enum { PAIRS = 10, FEW = 20 }; /* confusions shown; categories whose matrix is shown */

static int seen_as(const struct sanl_evaluation *e, int row, int column)
{
    return e->confusion[(size_t)row * (size_t)e->class_count + (size_t)column];
}

/* ---- the whole matrix ---------------------------------------------------------------------------- */

/* Has pictures, or is predicted for some. */
static bool occurs(const struct sanl_evaluation *e, int category)
{
    bool found = e->classes[category].count > 0;
    for (int c = 0; c < e->class_count && !found; c++)
        found = seen_as(e, c, category) > 0;
    return found;
}

/* The `count` categories of `list`; heads are their names or, with `numbers`, numbers that the rows have,
 * too. */
static enum sanl_status make_matrix(struct sanl_table **out, const struct sanl_evaluation *e, const int *list,
                                    int count, char (*numbers)[16])
{
    struct sanl_column *columns = calloc((size_t)count + 1, sizeof *columns);
    if (!columns)
        return sanl_cli_fail(SANL_ERR_MEMORY, "no memory for %d categories", count);
    columns[0].key = "category";
    for (int i = 0; i < count; i++)
        columns[i + 1].key = numbers ? numbers[i] : e->classes[list[i]].name;
    const enum sanl_status status = sanl_table_create(out, columns, count + 1);
    free(columns);
    for (int i = 0; status == SANL_OK && i < count; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s%s", numbers ? numbers[i] : "", numbers ? " " : "",
                 e->classes[list[i]].name);
        sanl_table_text(*out, name);
        for (int k = 0; k < count; k++)
            sanl_table_int(*out, seen_as(e, list[i], list[k]));
    }
    return status;
}

static enum sanl_status print_matrix(const struct sanl_evaluation *e)
{
    struct sanl_table *table = NULL;
    char numbers[FEW][16];
    int list[FEW], count = 0;
    for (int c = 0; c < e->class_count; c++) {
        if (!occurs(e, c))
            continue;
        if (count == FEW)
            return SANL_OK;
        snprintf(numbers[count], sizeof numbers[count], "%d", c + 1);
        list[count++] = c;
    }
    enum sanl_status status = make_matrix(&table, e, list, count, numbers);
    if (status == SANL_OK) {
        puts("\nPictures of the row's category, by the one predicted:");
        status = sanl_table_write(table, stdout, SANL_TABLE_TEXT);
    }
    sanl_table_free(table);
    return status;
}

enum sanl_status sanl_confusion_save(const struct sanl_evaluation *e, const char *path)
{
    struct sanl_table *table = NULL;
    int *all = calloc((size_t)e->class_count, sizeof *all);
    if (!all)
        return sanl_cli_fail(SANL_ERR_MEMORY, "no memory for %d categories", e->class_count);
    for (int c = 0; c < e->class_count; c++)
        all[c] = c;
    enum sanl_status status = make_matrix(&table, e, all, e->class_count, NULL);
    if (status == SANL_OK)
        status = sanl_table_save_as(table, path, SANL_TABLE_CSV);
    sanl_table_free(table);
    free(all);
    return status;
}

/* ---- the largest confusions ---------------------------------------------------------------------- */

struct pair {
    int category, predicted, count;
};

/* The most frequent ones, at most PAIRS; of equal ones the first. */
static int find_pairs(struct pair pairs[PAIRS], const struct sanl_evaluation *e)
{
    int found = 0;
    for (int row = 0; row < e->class_count; row++)
        for (int column = 0; column < e->class_count; column++) {
            const struct pair one = {row, column, seen_as(e, row, column)};
            if (row == column || one.count == 0 || (found == PAIRS && one.count <= pairs[PAIRS - 1].count))
                continue;
            int at = found < PAIRS ? found++ : PAIRS - 1;
            for (; at > 0 && pairs[at - 1].count < one.count; at--)
                pairs[at] = pairs[at - 1];
            pairs[at] = one;
        }
    return found;
}

static enum sanl_status print_pairs(const struct sanl_evaluation *e)
{
    static const struct sanl_column columns[] = {
        {.key = "category"}, {.key = "predicted"}, {.key = "count"}, {.key = "share", .decimals = 4}};
    struct sanl_table *table = NULL;
    struct pair pairs[PAIRS];
    const int count = find_pairs(pairs, e);
    if (count == 0)
        return SANL_OK;
    enum sanl_status status = sanl_table_create(&table, columns, 4);
    if (status != SANL_OK)
        return status;
    for (int i = 0; i < count; i++) {
        const struct sanl_class_score *score = &e->classes[pairs[i].category];
        sanl_table_text(table, score->name);
        sanl_table_text(table, e->classes[pairs[i].predicted].name);
        sanl_table_int(table, pairs[i].count);
        sanl_table_number(table, pairs[i].count / (double)score->count);
    }
    puts("\nMost confused, in pictures and in shares of the category's:");
    status = sanl_table_write(table, stdout, SANL_TABLE_TEXT);
    sanl_table_free(table);
    return status;
}

enum sanl_status sanl_confusion_print(const struct sanl_evaluation *evaluation)
{
    if (!evaluation->confusion)
        return SANL_OK;
    const enum sanl_status status = print_pairs(evaluation);
    return status == SANL_OK ? print_matrix(evaluation) : status;
}
