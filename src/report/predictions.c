/* Predictions as JSON and CSV. */
#include <sanlcl/predict.h>

#include <math.h>
#include <stdlib.h>
#include <sanlcl/table.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

enum { TOP = 3, PLACE = 7, CELLS = 4, MOST_COLUMNS = PLACE + SANL_LANDMARKS * CELLS };

struct sanl_prediction_file {
    enum sanl_prediction_format format;
    struct sanl_output output; /* of a path */
    FILE *stream;              /* where JSON goes and CSV will go */
    struct sanl_table *table;  /* CSV */
    struct sanl_column columns[MOST_COLUMNS];
    char keys[MOST_COLUMNS][32];
    long count;
    bool finished;
};

/* CSV: its columns. */
static enum sanl_status make_table(struct sanl_prediction_file *file, const struct sanl_config *config,
                                   int clothes)
{
    static const char *const places[PLACE] = {"path", "width", "height", "x1", "y1", "x2", "y2"};
    static const char *const landmark[CELLS] = {"x", "y", "score", "visible"};
    static const char *const category[] = {"category", "name", "probability"};
    const bool landmarks = config->task == SANL_TASK_LANDMARK;
    const struct sanl_scheme *scheme = landmarks ? sanl_scheme_of(config->model.landmarks) : NULL;
    int count = 0;
    for (; count < PLACE; count++)
        file->columns[count].key = places[count];
    for (int k = 0; landmarks && k < scheme->landmarks * CELLS; k++)
        if (sanl_clothes_has(scheme, clothes, k / CELLS)) {
            snprintf(file->keys[count], sizeof *file->keys, "%s_%s", sanl_landmark_name(scheme, k / CELLS),
                     landmark[k % CELLS]);
            file->columns[count].key = file->keys[count];
            count++;
        }
    for (int k = 0; !landmarks && k < TOP * 3; k++, count++) {
        snprintf(file->keys[count], sizeof *file->keys, "%s%d", category[k % 3], k / 3 + 1);
        file->columns[count].key = file->keys[count];
    }
    return sanl_table_create(&file->table, file->columns, count);
}

enum sanl_status sanl_prediction_file_create(struct sanl_prediction_file **out, const char *path,
                                             FILE *stream, enum sanl_prediction_format format,
                                             const struct sanl_config *config, int clothes)
{
    struct sanl_prediction_file *file = sanl_calloc(1, sizeof *file);
    *out = NULL;
    if (!file)
        return SANL_ERR_MEMORY;
    file->format = format;
    enum sanl_status status = format == SANL_PREDICTION_CSV ? make_table(file, config, clothes) : SANL_OK;
    if (status == SANL_OK && path)
        status = sanl_output_open(&file->output, path);
    if (status != SANL_OK) {
        sanl_table_free(file->table);
        free(file);
        return status;
    }
    file->stream = path ? file->output.file : stream;
    *out = file;
    return SANL_OK;
}

void sanl_prediction_file_free(struct sanl_prediction_file *file)
{
    if (!file)
        return;
    /* What went to a stream cannot be taken back: it is at least whole JSON. */
    if (file->format == SANL_PREDICTION_JSON && file->count && !file->finished && !file->output.temporary)
        fputs("\n]\n", file->stream);
    sanl_output_free(&file->output);
    sanl_table_free(file->table);
    free(file);
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

/* ", "KEY": VALUE", or null when the value is not finite. */
static void put_number(FILE *f, const char *key, double value)
{
    char text[32];
    sanl_number_text(text, value);
    fprintf(f, ", \"%s\": %s", key, isfinite(value) ? text : "null");
}

/* A hundredth of a pixel is finer than any heatmap. */
static double rounded(double value)
{
    return round(value * 100) / 100;
}

static void put_landmarks(FILE *f, const struct sanl_prediction *p)
{
    fputs(",\n  \"landmarks\": [", f);
    const char *separator = "";
    for (int k = 0; k < p->scheme->landmarks; k++) {
        if (!sanl_clothes_has(p->scheme, p->clothes, k))
            continue;
        fprintf(f, "%s\n   {\"name\": \"%s\"", separator, sanl_landmark_name(p->scheme, k));
        separator = ",";
        put_number(f, "x", rounded(p->landmark_img[k][0]));
        put_number(f, "y", rounded(p->landmark_img[k][1]));
        put_number(f, "score", round((double)p->score[k] * 1e4) / 1e4);
        fprintf(f, ", \"visible\": %s}", p->visible[k] ? "true" : "false");
    }
    fputs("]", f);
}

static void put_categories(FILE *f, const struct sanl_prediction *p)
{
    int top[TOP];
    const int count = sanl_prediction_top(p, top, TOP);
    fputs(",\n  \"categories\": [", f);
    for (int i = 0; i < count; i++) {
        fprintf(f, "%s\n   {\"category\": %d", i ? "," : "", top[i] + 1);
        if (p->categories) {
            fputs(", \"name\": ", f);
            sanl_text_json(f, p->categories[top[i]]);
        }
        put_number(f, "probability", round((double)p->probability[top[i]] * 1e6) / 1e6);
        fputs("}", f);
    }
    fputs("]", f);
}

static void put_json(struct sanl_prediction_file *file, const struct sanl_prediction *p)
{
    FILE *f = file->stream;
    const double box[4] = {p->box.x1, p->box.y1, p->box.x2, p->box.y2};
    char text[32];
    fputs(file->count ? ",\n {\"path\": " : "[\n {\"path\": ", f);
    sanl_text_json(f, p->path);
    fprintf(f, ", \"width\": %d, \"height\": %d, \"box\": [", p->width, p->height);
    for (int i = 0; i < 4; i++) {
        sanl_number_text(text, box[i]);
        fprintf(f, "%s%s", i ? ", " : "", text);
    }
    fputs("]", f);
    if (p->task == SANL_TASK_LANDMARK)
        put_landmarks(f, p);
    else
        put_categories(f, p);
    fputs("}", f);
}

/* ---- CSV ----------------------------------------------------------------------------------------- */

static void put_csv(struct sanl_table *table, const struct sanl_prediction *p)
{
    const double box[4] = {p->box.x1, p->box.y1, p->box.x2, p->box.y2};
    int top[TOP];
    sanl_table_text(table, p->path);
    sanl_table_int(table, p->width);
    sanl_table_int(table, p->height);
    for (int i = 0; i < 4; i++)
        sanl_table_number(table, box[i]);
    for (int k = 0; p->task == SANL_TASK_LANDMARK && k < p->scheme->landmarks; k++) {
        if (!sanl_clothes_has(p->scheme, p->clothes, k))
            continue;
        sanl_table_number(table, rounded(p->landmark_img[k][0]));
        sanl_table_number(table, rounded(p->landmark_img[k][1]));
        sanl_table_number(table, round((double)p->score[k] * 1e4) / 1e4);
        sanl_table_bool(table, p->visible[k]);
    }
    if (p->task == SANL_TASK_LANDMARK)
        return;
    const int count = sanl_prediction_top(p, top, TOP);
    for (int i = 0; i < TOP; i++) {
        if (i < count)
            sanl_table_int(table, top[i] + 1);
        else
            sanl_table_text(table, NULL);
        sanl_table_text(table, i < count && p->categories ? p->categories[top[i]] : NULL);
        sanl_table_number(table, i < count ? round((double)p->probability[top[i]] * 1e6) / 1e6 : NAN);
    }
}

/* ---- either -------------------------------------------------------------------------------------- */

enum sanl_status sanl_prediction_file_add(struct sanl_prediction_file *file,
                                          const struct sanl_prediction *prediction)
{
    if (file->format == SANL_PREDICTION_CSV)
        put_csv(file->table, prediction);
    else
        put_json(file, prediction);
    file->count++;
    return SANL_OK;
}

enum sanl_status sanl_prediction_file_finish(struct sanl_prediction_file *file)
{
    file->finished = true;
    if (file->format == SANL_PREDICTION_JSON)
        fputs(file->count ? "\n]\n" : "[]\n", file->stream);
    else
        SANL_TRY(sanl_table_write(file->table, file->stream, SANL_TABLE_CSV));
    return file->output.file ? sanl_output_commit(&file->output) : SANL_OK;
}
