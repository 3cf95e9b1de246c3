#include <math.h>
#include <string.h>
#include <sanlcl/evaluate.h>
#include <sanlcl/table.h>
#include "cli/args.h"
#include "cli/confusion.h"
#include "cli/pdl.h"
#include "cli/profile.h"
#include "cli/progress.h"
#include "cli/published.h"
#include "cli/scores.h"

static const struct sanl_arg args_table[] = {
    {.name = "--weights", .value = "FILE", .type = SANL_ARG_TEXT, .help = "the checkpoint; needed"},
    {.name = "--config",
     .value = "FILE",
     .type = SANL_ARG_TEXT,
     .help = "YAML file whose sections data and eval replace the checkpoint's"},
    {.name = "--split",
     .value = "PART",
     .type = SANL_ARG_TEXT,
     .help = "part of the data set, such as val (default: data.test)"},
    {.name = "--baseline",
     .help = "also the error of each landmark's mean place in its box over the training part"},
    {.name = "--details",
     .help = "landmarks: every metric, and a table by type of clothes and variation of pose and zoom"},
    {.name = "--published",
     .value = "SET",
     .type = SANL_ARG_TEXT,
     .choices = sanl_published_sets,
     .help = "landmarks: also what publications report on that data set"},
    {.name = "--csv",
     .value = "FILE",
     .type = SANL_ARG_TEXT,
     .output = true,
     .help = "write every metric for each landmark, and for each group of pictures, as CSV"},
    {.name = "--json",
     .value = "FILE",
     .type = SANL_ARG_TEXT,
     .output = true,
     .help = "write the same as JSON"},
    {.name = "--confusion",
     .value = "FILE",
     .type = SANL_ARG_TEXT,
     .output = true,
     .help = "write a classifier's confusion matrix as CSV: true categories in rows"},
    {.name = "--per-image",
     .value = "FILE",
     .type = SANL_ARG_TEXT,
     .output = true,
     .help = "write every picture's predictions and errors; CSV or, named .json or .jsonl, JSON (lines)"},
    {.name = "--pdl",
     .value = "FILE",
     .type = SANL_ARG_TEXT,
     .output = true,
     .help = "landmarks: write the shares found within 0 to 100 pixels; CSV or, named .png, a picture"},
    SANL_ARG_DEVICE_ROW,
    SANL_ARG_GEMM_ROW,
    SANL_ARG_PROFILE_ROWS,
    {0},
};

/* The pictures one by one: made at the first of them, whose task is then known. */
struct pictures {
    struct sanl_table *table; /* NULL: not wanted, or not begun */
    bool wanted;
    enum sanl_status status;
    const struct sanl_args *args;
};

/* Nothing is written over the data set. */
static enum sanl_status begin(void *payload, const char *root)
{
    const struct pictures *pictures = payload;
    return sanl_args_check_input(pictures->args, root);
}

/* What stands before the landmarks, and for each of them; then its errors, a column for each but the shares
 * of landmarks found, which follow from them. */
static const struct sanl_column shared_columns[] = {
    {.key = "record"}, {.key = "image"},  {.key = "box_x1"},  {.key = "box_y1"},
    {.key = "box_x2"}, {.key = "box_y2"}, {.key = "clothes"}, {.key = "variation"},
};
static const char *const place_keys[] = {"visibility", "x_true", "y_true", "x", "y", "score"};
static const int error_metrics[] = {SANL_NE_PEER, SANL_NE, SANL_NE_INPIC, SANL_EPE};

enum {
    SHARED = sizeof shared_columns / sizeof *shared_columns,
    PLACES = sizeof place_keys / sizeof *place_keys,
    ERRORS = sizeof error_metrics / sizeof *error_metrics,
    PER_LANDMARK = PLACES + ERRORS
};

/* The keys of columns live as long as the program: tables do not copy them. */
static const struct sanl_column *landmark_columns(const struct sanl_scheme *scheme)
{
    static char keys[SANL_LANDMARKS * PER_LANDMARK][32];
    static struct sanl_column columns[SHARED + SANL_LANDMARKS * PER_LANDMARK];
    memcpy(columns, shared_columns, sizeof shared_columns);
    for (int i = 0; i < scheme->landmarks * PER_LANDMARK; i++) {
        const int c = i % PER_LANDMARK;
        snprintf(keys[i], sizeof keys[i], "%s_%s", sanl_landmark_name(scheme, i / PER_LANDMARK),
                 c < PLACES ? place_keys[c] : sanl_metric_name(error_metrics[c - PLACES]));
        columns[SHARED + i] = (struct sanl_column){.key = keys[i], .decimals = 4};
    }
    return columns;
}

static const struct sanl_column category_columns[] = {{.key = "record"},
                                                      {.key = "image"},
                                                      {.key = "category"},
                                                      {.key = "predicted"},
                                                      {.key = "probability", .decimals = 4}};

static void add_landmarks(struct sanl_table *table, const struct sanl_evaluated *p)
{
    static const char *const visibilities[] = {"visible", "occluded", "cut off", "absent"};
    const double box[] = {p->box.x1, p->box.y1, p->box.x2, p->box.y2};
    for (int i = 0; i < 4; i++)
        sanl_table_number(table, box[i]);
    sanl_table_int(table, p->clothes);
    sanl_table_int(table, p->variation);
    for (int k = 0; k < p->scheme->landmarks; k++) {
        const bool placed = p->visibility[k] == SANL_VISIBLE || p->visibility[k] == SANL_OCCLUDED;
        sanl_table_text(table, visibilities[p->visibility[k]]);
        sanl_table_number(table, placed ? p->truth_img[k][0] : NAN);
        sanl_table_number(table, placed ? p->truth_img[k][1] : NAN);
        sanl_table_number(table, p->predicted_img[k][0]);
        sanl_table_number(table, p->predicted_img[k][1]);
        sanl_table_number(table, (double)p->score[k]);
        for (int i = 0; i < ERRORS; i++)
            sanl_table_number(table, p->error[error_metrics[i]][k]);
    }
}

static void add_picture(void *payload, const struct sanl_evaluated *picture)
{
    struct pictures *p = payload;
    const bool landmark = picture->task == SANL_TASK_LANDMARK;
    if (!p->wanted || p->status != SANL_OK)
        return;
    if (!p->table)
        p->status = landmark ? sanl_table_create(&p->table, landmark_columns(picture->scheme),
                                                 SHARED + picture->scheme->landmarks * PER_LANDMARK)
                             : sanl_table_create(&p->table, category_columns,
                                                 (int)(sizeof category_columns / sizeof *category_columns));
    if (p->status != SANL_OK)
        return;
    sanl_table_int(p->table, picture->record + 1);
    sanl_table_text(p->table, picture->image);
    if (landmark) {
        add_landmarks(p->table, picture);
        return;
    }
    sanl_table_int(p->table, picture->category + 1);
    sanl_table_int(p->table, picture->predicted_category + 1);
    sanl_table_number(p->table, picture->probability);
}

static void show_progress(void *payload, int done, int count)
{
    (void)payload;
    sanl_progress_update("picture %d of %d", done, count);
}

/* ---- the command --------------------------------------------------------------------------------- */

static enum sanl_status check_outputs(const struct sanl_args *args)
{
    static const char *const options[] = {"--csv", "--json", "--confusion", "--per-image", "--pdl"};
    enum sanl_status status = SANL_OK;
    for (size_t i = 0; i < sizeof options / sizeof *options && status == SANL_OK; i++)
        if (sanl_args_given(args, options[i]))
            status = sanl_table_check_path(sanl_args_text(args, options[i]));
    return status;
}

/* Writes a table to standard output and frees it; NULL with `status` of its making. */
static enum sanl_status print(struct sanl_table *table, enum sanl_status status)
{
    if (status == SANL_OK)
        status = sanl_table_write(table, stdout, SANL_TABLE_TEXT);
    sanl_table_free(table);
    return status;
}

/* What was asked for besides the scores of all pictures. */
static enum sanl_status print_more(const struct sanl_args *args, const struct sanl_evaluation *e)
{
    const int set = sanl_args_choice(args, "--published");
    struct sanl_table *table = NULL;
    enum sanl_status status = SANL_OK;
    if (sanl_args_flag(args, "--details")) {
        puts("");
        status = sanl_scores_create_groups(&table, e);
        status = print(table, status);
    }
    if (status == SANL_OK && set >= 0) {
        puts("");
        status = sanl_published_create(&table, set, e);
        status = print(table, status);
        printf("\n%s", sanl_published_caution);
    }
    return status;
}

static enum sanl_status print_results(const struct sanl_args *args, const struct sanl_evaluation *e)
{
    struct sanl_table *table = NULL;
    enum sanl_status status = sanl_scores_create(&table, e, sanl_args_flag(args, "--details"));
    status = print(table, status);
    if (status == SANL_OK)
        status = e->task == SANL_TASK_LANDMARK ? print_more(args, e) : sanl_confusion_print(e);
    fflush(stdout); /* before another table, which may go there too */
    if (e->score && e->score[SANL_GROUP_ALL].lost)
        fprintf(stderr,
                "%ld predicted landmarks are not finite: they count as not found, and errors as '-'\n",
                e->score[SANL_GROUP_ALL].lost);
    return status;
}

static enum sanl_status save(const struct sanl_args *args, const char *option, const struct sanl_table *table,
                             enum sanl_table_format format)
{
    const char *path = sanl_args_text(args, option);
    return path && table ? sanl_table_save_as(table, path, format) : SANL_OK;
}

static enum sanl_status write_results(const struct sanl_args *args, const struct sanl_evaluation *e,
                                      const struct pictures *pictures)
{
    const char *per_image = sanl_args_text(args, "--per-image");
    struct sanl_table *table = NULL;
    enum sanl_status status = print_results(args, e);
    if (status == SANL_OK)
        status = sanl_scores_create_full(&table, e);
    if (status == SANL_OK)
        status = save(args, "--csv", table, SANL_TABLE_CSV);
    if (status == SANL_OK)
        status = save(args, "--json", table, SANL_TABLE_JSON);
    if (status == SANL_OK && sanl_args_given(args, "--confusion"))
        status = sanl_confusion_save(e, sanl_args_text(args, "--confusion"));
    if (status == SANL_OK && per_image)
        status = save(args, "--per-image", pictures->table, sanl_table_format_of(per_image, SANL_TABLE_CSV));
    sanl_table_free(table);
    if (status == SANL_OK && sanl_args_given(args, "--pdl") && e->task == SANL_TASK_LANDMARK)
        status = sanl_pdl_write(e, sanl_args_text(args, "--pdl"));
    return status;
}

static enum sanl_status run(const struct sanl_args *args)
{
    struct sanl_device *device = NULL;
    struct sanl_evaluation evaluation = {0};
    struct pictures pictures = {.wanted = sanl_args_given(args, "--per-image"), .args = args};
    static const char *const of_landmarks[] = {"--pdl", "--published", "--details", "--baseline"};
    const char *needs_landmarks = NULL;
    for (int i = 0; i < 4 && !needs_landmarks; i++)
        needs_landmarks = sanl_args_given(args, of_landmarks[i]) ? of_landmarks[i] : NULL;
    const struct sanl_evaluate_options options = {
        .weights = sanl_args_text(args, "--weights"),
        .config = sanl_args_text(args, "--config"),
        .overrides = args->overrides,
        .override_count = args->override_count,
        .part = sanl_args_text(args, "--split"),
        .baseline = sanl_args_flag(args, "--baseline"),
        .confusion = sanl_args_given(args, "--confusion"),
        .needs_landmarks = needs_landmarks,
        .needs_fashion = sanl_args_given(args, "--published") ? "--published" : NULL,
        .hooks = {.begin = begin, .progress = show_progress, .record = add_picture, .payload = &pictures},
    };
    if (!options.weights)
        return sanl_cli_fail(SANL_ERR_USAGE, "expected --weights FILE, a checkpoint of 'sanlcl train'");
    enum sanl_status status = check_outputs(args);
    struct sanl_device_options wanted = {0};
    if (status == SANL_OK)
        status = sanl_cli_profile_options(&wanted, args);
    if (status == SANL_OK)
        status = sanl_args_device(args, &device, &wanted);
    if (status != SANL_OK)
        return status;
    status = sanl_evaluate(&evaluation, device, &options);
    sanl_progress_end();
    if (status == SANL_OK)
        status = pictures.status;
    if (status == SANL_OK) {
        fprintf(stderr, "%d pictures in %.1f s (%.1f images/s)", evaluation.images, evaluation.seconds,
                evaluation.images / evaluation.seconds);
        fprintf(stderr, evaluation.skipped ? ", %d skipped\n" : "\n", evaluation.skipped);
        status = write_results(args, &evaluation, &pictures);
    }
    if (status == SANL_OK)
        status = sanl_cli_end_profile(device, args, stderr);
    sanl_table_free(pictures.table);
    sanl_evaluation_free(&evaluation);
    sanl_device_free(device);
    return status;
}

const struct sanl_command sanl_cmd_eval = {
    .name = "eval",
    .summary = "measure a checkpoint on a part of a data set",
    .details =
        "Landmarks, over the visible ones: ne_peer is the normalised error as the published\n"
        "comparisons take it, ne the same without their rounding, in shares of the box; pdl the share\n"
        "within 35 pixels of a box of 512. Over visible and occluded ones: ne_inpic, and mmpose's pck\n"
        "(within 0.2 of the box's longer side), auc (up to 30 pixels) and epe (pixels). 'mean' is the\n"
        "unweighted mean of the landmarks that occur, as NE is published; 'points' is over all\n"
        "points, as EPE is published; a landmark that never occurs has '-' and is in no mean.\n"
        "Categories: how often the best one, or one of the best three or five, is right, and what is\n"
        "taken for what. The checkpoint carries its configuration.\n",
    .args = args_table,
    .overrides = true,
    .run = run,
};
