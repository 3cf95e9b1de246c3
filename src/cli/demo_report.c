/* What the demonstration leaves to look at: curves, tables, the page. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sanlcl/report.h>
#include "cli/demo.h"
#include "cli/progress.h"
#include "cli/scores.h"

enum {
    PLOT_WIDTH = 500,
    PLOT_HEIGHT = 330,
    PAGE_CAMS = 3,
    PAGE_HEATMAPS = 1,
    TEXT_BYTES = 8 * SANL_TEXT_BYTES
};

/* ---- curves -------------------------------------------------------------------------------------- */

static enum sanl_status write_plot(const struct sanl_demo *demo, const char *name, struct sanl_plot *plot)
{
    sanl_demo_path path;
    sanl_demo_place(path, demo, name);
    plot->x_label = "epoch";
    plot->width = PLOT_WIDTH;
    plot->height = PLOT_HEIGHT;
    return sanl_plot_write(plot, path);
}

static enum sanl_status write_loss(const struct sanl_demo *demo, const char *name, const char *title,
                                   const char *label, const struct sanl_demo_curve *curve)
{
    const struct sanl_series series = {NULL, curve->x, curve->y, curve->count};
    struct sanl_plot plot = {
        .title = title, .y_label = label, .series = &series, .series_count = 1, .log_y = true};
    return write_plot(demo, name, &plot);
}

static double ne(const struct sanl_evaluation *e, int group, int metric)
{
    return sanl_landmark_score_mean(&e->score[group], metric);
}

static enum sanl_status write_curves(const struct sanl_demo *demo)
{
    const struct sanl_demo_curve *wrong = &demo->classifier.error, *error = &demo->landmark.error;
    const double baseline = ne(&demo->evaluation, SANL_GROUP_BASELINE, SANL_NE_PEER);
    const double epochs = demo->landmark.config.train.epochs;
    const struct sanl_series category = {NULL, wrong->x, wrong->y, wrong->count};
    const struct sanl_series landmark[] = {
        {"network, val part", error->x, error->y, error->count},
        {"mean landmark", (const double[]){0, epochs}, (const double[]){baseline, baseline}, 2}};
    struct sanl_plot plot = {.y_label = "NE", .series = landmark, .series_count = 2, .from_zero = true};
    sanl_demo_path folder;
    sanl_demo_place(folder, demo, "curves");
    enum sanl_status status = sanl_inputs_folder(folder);
    plot.title = "Landmarks: normalised error";
    if (status == SANL_OK)
        status = write_plot(demo, "curves/landmark_ne.png", &plot);
    if (status == SANL_OK)
        status = write_loss(demo, "curves/landmark_loss.png", "Landmarks: training loss",
                            "heatmap loss (logarithmic)", &demo->landmark.loss);
    plot = (struct sanl_plot){.title = "Categories: share of wrong answers",
                              .y_label = "wrong, val part",
                              .series = &category,
                              .series_count = 1,
                              .from_zero = true};
    if (status == SANL_OK)
        status = write_plot(demo, "curves/classifier_error.png", &plot);
    if (status == SANL_OK)
        status = write_loss(demo, "curves/classifier_loss.png", "Categories: training loss",
                            "cross-entropy (logarithmic)", &demo->classifier.loss);
    return status;
}

/* ---- tables -------------------------------------------------------------------------------------- */

static void add_fact(struct sanl_table *table, const char *what, const char *format, ...)
    SANL_CLI_PRINTF(3, 4);

static void add_fact(struct sanl_table *table, const char *what, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sanl_table_text(table, what);
    sanl_table_text(table, text);
}

static double ratio(const struct sanl_evaluation *e)
{
    return ne(e, SANL_GROUP_ALL, SANL_NE_PEER) / ne(e, SANL_GROUP_BASELINE, SANL_NE_PEER);
}

/* The facts for people. */
static enum sanl_status make_facts(struct sanl_table **out, const struct sanl_demo *demo)
{
    static const struct sanl_column columns[] = {{.key = "what"}, {.key = "value"}};
    const struct sanl_evaluation *e = &demo->evaluation;
    const struct sanl_demo_training *c = &demo->classifier, *l = &demo->landmark;
    const enum sanl_status status = sanl_table_create(out, columns, 2);
    if (status != SANL_OK)
        return status;
    add_fact(*out, "NE on the test part", "%.4f", ne(e, SANL_GROUP_ALL, SANL_NE_PEER));
    add_fact(*out, "NE of the mean-landmark baseline", "%.4f", ne(e, SANL_GROUP_BASELINE, SANL_NE_PEER));
    add_fact(*out, "network / baseline", "%.2f", ratio(e));
    add_fact(*out, "right categories, val part", "%.1f %%", 100 * (1 - c->result.best_error));
    add_fact(*out, "pictures", "%d drawn, %d of them the test part", demo->count, e->images);
    add_fact(*out, "landmark network", "%d epochs in %.0f s, %.1f images/s", l->result.epochs,
             l->result.seconds, l->images_per_second);
    add_fact(*out, "classifier", "%d epochs in %.0f s, %.1f images/s", c->result.epochs, c->result.seconds,
             c->images_per_second);
    add_fact(*out, "time of the demonstration", "%.0f s", demo->seconds);
    add_fact(*out, "device", "%s", sanl_device_get_info(demo->device)->name);
    return SANL_OK;
}

/* The same facts for programs: one row. */
static enum sanl_status write_facts_json(const struct sanl_demo *demo)
{
    static const struct sanl_column columns[] = {{.key = "ne_peer"},
                                                 {.key = "ne"},
                                                 {.key = "baseline_ne_peer"},
                                                 {.key = "baseline_ne"},
                                                 {.key = "ratio"},
                                                 {.key = "category_top1_val"},
                                                 {.key = "pictures"},
                                                 {.key = "test_pictures"},
                                                 {.key = "landmark_epochs"},
                                                 {.key = "landmark_seconds"},
                                                 {.key = "landmark_images_s"},
                                                 {.key = "classifier_epochs"},
                                                 {.key = "classifier_seconds"},
                                                 {.key = "classifier_images_s"},
                                                 {.key = "seconds"},
                                                 {.key = "device"}};
    const struct sanl_evaluation *e = &demo->evaluation;
    struct sanl_table *table;
    sanl_demo_path path;
    enum sanl_status status = sanl_table_create(&table, columns, (int)(sizeof columns / sizeof *columns));
    if (status != SANL_OK)
        return status;
    sanl_table_number(table, ne(e, SANL_GROUP_ALL, SANL_NE_PEER));
    sanl_table_number(table, ne(e, SANL_GROUP_ALL, SANL_NE));
    sanl_table_number(table, ne(e, SANL_GROUP_BASELINE, SANL_NE_PEER));
    sanl_table_number(table, ne(e, SANL_GROUP_BASELINE, SANL_NE));
    sanl_table_number(table, ratio(e));
    sanl_table_number(table, 1 - demo->classifier.result.best_error);
    sanl_table_int(table, demo->count);
    sanl_table_int(table, e->images);
    for (int i = 0; i < 2; i++) {
        const struct sanl_demo_training *training = i ? &demo->classifier : &demo->landmark;
        sanl_table_int(table, training->result.epochs);
        sanl_table_number(table, training->result.seconds);
        sanl_table_number(table, training->images_per_second);
    }
    sanl_table_number(table, demo->seconds);
    sanl_table_text(table, sanl_device_get_info(demo->device)->name);
    sanl_demo_place(path, demo, "summary.json");
    status = sanl_table_save(table, path);
    sanl_table_free(table);
    return status;
}

static enum sanl_status write_tables(const struct sanl_demo *demo, const struct sanl_table *facts,
                                     const struct sanl_table *scores)
{
    const struct {
        const struct sanl_table *table;
        const char *name;
    } files[] = {{facts, "summary.txt"}, {scores, "landmarks.csv"}, {scores, "landmarks.json"}};
    enum sanl_status status = write_facts_json(demo);
    for (int i = 0; i < 3 && status == SANL_OK; i++) {
        sanl_demo_path path;
        sanl_demo_place(path, demo, files[i].name);
        status = sanl_table_save(files[i].table, path);
    }
    return status;
}

/* ---- the page ------------------------------------------------------------------------------------ */

static enum sanl_status add_image(struct sanl_page *page, const struct sanl_demo *demo, const char *name,
                                  const char *caption)
{
    sanl_demo_path path;
    sanl_demo_place(path, demo, name);
    return sanl_page_image(page, path, caption);
}

static enum sanl_status add_curves(struct sanl_page *page, const struct sanl_demo *demo)
{
    static const char *const plots[][2] = {
        {"curves/landmark_ne.png", "NE on the val part after each epoch"},
        {"curves/landmark_loss.png", "mean of each tenth of an epoch"},
        {"curves/classifier_error.png", "on the val part after each epoch"},
        {"curves/classifier_loss.png", "mean of each tenth of an epoch"}};
    enum sanl_status status = SANL_OK;
    sanl_page_heading(page, "Training");
    for (int i = 0; i < 4 && status == SANL_OK; i++)
        status = add_image(page, demo, plots[i][0], plots[i][1]);
    return status;
}

/* The first sheets of a kind. */
static enum sanl_status add_sheets(struct sanl_page *page, const struct sanl_demo *demo, const char *kind,
                                   size_t count)
{
    sanl_demo_path folder;
    enum sanl_status status = SANL_OK;
    sanl_demo_place(folder, demo, "pictures");
    for (size_t i = 0; i < count && i < demo->inputs.count && status == SANL_OK; i++) {
        char *path = sanl_inputs_file(folder, &demo->inputs, i, kind);
        status = path ? sanl_page_image(page, path, demo->inputs.names[i]) : SANL_ERR_MEMORY;
        free(path);
    }
    return status;
}

static enum sanl_status add_pictures(struct sanl_page *page, const struct sanl_demo *demo)
{
    sanl_page_heading(page, "Landmarks found");
    sanl_page_text(
        page, "Pictures of the test part, evenly spread over it. Dots are the network's landmarks, rings "
              "the true places, tied to them by a line; only landmarks that the garment has are "
              "drawn. NE is the picture's own mean error.");
    enum sanl_status status = add_image(page, demo, "pictures/overlays.jpg", "landmarks, true and found");
    if (status != SANL_OK)
        return status;
    sanl_page_heading(page, "Where the classifier looks");
    sanl_page_text(
        page, "Grad-CAM of the likeliest category, from each stage of the classifier. These maps gate the "
              "attention blocks of the landmark network at the same strides.");
    status = add_sheets(page, demo, "cams", PAGE_CAMS);
    if (status != SANL_OK)
        return status;
    sanl_page_heading(page, "Heatmaps");
    sanl_page_text(page,
                   "What the landmarks are read from: a map for each, with the height of its peak. Training "
                   "says nothing about landmarks that a type of garment does not have.");
    return add_sheets(page, demo, "heatmaps", PAGE_HEATMAPS);
}

static void add_commands(struct sanl_page *page, const struct sanl_demo *demo)
{
    const struct sanl_demo_drawing *d = &sanl_demo_drawing;
    const char *out = demo->out;
    char text[TEXT_BYTES], more[64] = "";
    if (sanl_args_given(demo->args, "--epochs"))
        snprintf(more, sizeof more, " train.epochs=%d", demo->landmark.config.train.epochs);
    const int seed = demo->landmark.config.seed;
    snprintf(text, sizeof text,
             "sanlcl synth --count %d --seed %d --variety %g --val-share %g \\\n"
             "    --test-share %g %s/data\n"
             "sanlcl train --config configs/synth_classifier.yaml seed=%d%s data.root=%s/data \\\n"
             "    out=%s/classifier\n"
             "sanlcl train --config configs/synth_landmark.yaml seed=%d%s data.root=%s/data \\\n"
             "    model.pretrained=%s/classifier/best.safetensors \\\n"
             "    cam.weights=%s/classifier/best.safetensors out=%s/landmark\n"
             "sanlcl eval --weights %s/landmark/best.safetensors --baseline\n"
             "sanlcl predict --weights %s/landmark/best.safetensors --overlay %s/pictures \\\n"
             "    --cams %s/pictures --heatmaps %s/pictures --json %s/predictions.json %s/pictures.txt\n",
             demo->count, seed, d->variety, d->val_share, d->test_share, out, seed, more, out, out, seed,
             more, out, out, out, out, out, out, out, out, out, out, out);
    sanl_page_heading(page, "The same by hand");
    sanl_page_code(page, text);
}

static enum sanl_status fill_page(struct sanl_page *page, const struct sanl_demo *demo,
                                  const struct sanl_table *facts, const struct sanl_table *scores)
{
    sanl_page_text(page,
                   "A network that finds the landmarks of garments, trained from nothing on drawn "
                   "pictures: first a classifier of garments, then, from its backbone and guided by its "
                   "attention maps, the landmark network.");
    enum sanl_status status = sanl_page_table(page, facts);
    if (status != SANL_OK)
        return status;
    sanl_page_heading(page, "Error of each landmark");
    sanl_page_text(
        page, "The distance between a landmark and its true place in the garment's box, whose sides "
              "count 1: ne as it is, ne_peer rounded as the published comparisons do. pdl is the share of "
              "visible landmarks that are found within 35 pixels of a box of 512; pck, auc and epe are "
              "mmpose's, over occluded ones too. The baseline answers with each landmark's mean place in "
              "the boxes of the training part.");
    status = sanl_page_table(page, scores);
    if (status == SANL_OK)
        status = add_pictures(page, demo);
    if (status == SANL_OK)
        status = add_curves(page, demo);
    add_commands(page, demo);
    return status;
}

static enum sanl_status write_page(const struct sanl_demo *demo, const struct sanl_table *facts,
                                   const struct sanl_table *scores)
{
    struct sanl_page *page;
    sanl_demo_path path;
    sanl_demo_place(path, demo, "index.html");
    enum sanl_status status = sanl_page_create(&page, path, "Garment landmarks by sanlcl");
    if (status == SANL_OK)
        status = fill_page(page, demo, facts, scores);
    if (status == SANL_OK)
        status = sanl_page_finish(page);
    sanl_page_free(page);
    return status;
}

/* ---- all ----------------------------------------------------------------------------------------- */

static void print_places(const struct sanl_demo *demo)
{
    const char *out = demo->out;
    printf("\nNE %.4f on the test part; the mean-landmark baseline has %.4f\n\n",
           ne(&demo->evaluation, SANL_GROUP_ALL, SANL_NE_PEER),
           ne(&demo->evaluation, SANL_GROUP_BASELINE, SANL_NE_PEER));
    printf("  %s/index.html   everything on one page: open it in a browser\n", out);
    printf("  %s/pictures/    landmarks, attention maps and heatmaps over pictures\n", out);
    printf("  %s/landmark/best.safetensors   the network: sanlcl predict --weights it IMAGE...\n", out);
}

enum sanl_status sanl_demo_report(struct sanl_demo *demo)
{
    struct sanl_table *facts = NULL, *scores = NULL;
    enum sanl_status status = write_curves(demo);
    if (status == SANL_OK)
        status = make_facts(&facts, demo);
    if (status == SANL_OK)
        status = sanl_scores_create(&scores, &demo->evaluation, false);
    if (status == SANL_OK)
        status = write_tables(demo, facts, scores);
    if (status == SANL_OK)
        status = write_page(demo, facts, scores);
    if (status == SANL_OK) {
        status = sanl_table_write(scores, stdout, SANL_TABLE_TEXT);
        puts("");
    }
    if (status == SANL_OK)
        status = sanl_table_write(facts, stdout, SANL_TABLE_TEXT);
    if (status == SANL_OK)
        print_places(demo);
    sanl_table_free(facts);
    sanl_table_free(scores);
    return status;
}
