/* Evaluation and prediction of the demonstration, with pictures. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sanlcl/report.h>
#include "cli/demo.h"
#include "cli/pictures.h"
#include "cli/progress.h"

enum { OVERLAY_SIDE = 360, COLUMNS = 3 };

/* ---- evaluation ---------------------------------------------------------------------------------- */

static void show_progress(void *payload, int done, int count)
{
    (void)payload;
    sanl_progress_update("picture %d of %d", done, count);
}

static double mean_error(const struct sanl_evaluated *e)
{
    double sum = 0;
    int count = 0;
    for (int k = 0; k < SANL_FASHION_LANDMARKS; k++)
        if (isfinite(e->error[SANL_NE][k])) {
            sum += e->error[SANL_NE][k];
            count++;
        }
    return count ? sum / count : (double)NAN;
}

/* Keeps what is known about a picture. Without memory the picture is not kept, so that fewer are drawn. */
static void keep_picture(void *payload, const struct sanl_evaluated *e)
{
    struct sanl_demo *demo = payload;
    if (demo->picture_count == demo->picture_capacity) {
        const size_t room = demo->picture_capacity ? 2 * demo->picture_capacity : 256;
        struct sanl_demo_picture *pictures = realloc(demo->pictures, room * sizeof *pictures);
        if (!pictures)
            return;
        demo->pictures = pictures;
        demo->picture_capacity = room;
    }
    struct sanl_demo_picture *picture = &demo->pictures[demo->picture_count];
    *picture = (struct sanl_demo_picture){.image = strdup(e->image), .box = e->box, .error = mean_error(e)};
    if (!picture->image)
        return;
    memcpy(picture->truth_img, e->truth_img, sizeof picture->truth_img); /* the scheme is "fashion" */
    for (int k = 0; k < SANL_FASHION_LANDMARKS; k++)
        picture->placed[k] = e->visibility[k] == SANL_VISIBLE || e->visibility[k] == SANL_OCCLUDED;
    demo->picture_count++;
}

enum sanl_status sanl_demo_evaluate(struct sanl_demo *demo)
{
    sanl_demo_path weights;
    const struct sanl_evaluate_options options = {
        .weights = weights,
        .baseline = true,
        .hooks = {.progress = show_progress, .record = keep_picture, .payload = demo},
    };
    sanl_demo_place(weights, demo, "landmark/best.safetensors");
    return sanl_evaluate(&demo->evaluation, demo->device, &options);
}

/* ---- prediction ---------------------------------------------------------------------------------- */

/* Pictures from all over the test part, as a list that 'sanlcl predict' reads too. */
static enum sanl_status write_list(struct sanl_demo *demo, const char *path)
{
    const size_t count = demo->picture_count;
    FILE *file = fopen(path, "w");
    if (!file)
        return sanl_cli_fail(SANL_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    demo->drawn_count = count < SANL_DEMO_DRAWN ? count : SANL_DEMO_DRAWN;
    for (size_t i = 0; i < demo->drawn_count; i++) {
        demo->drawn[i] = i * count / demo->drawn_count;
        const struct sanl_demo_picture *picture = &demo->pictures[demo->drawn[i]];
        const struct sanl_box *box = &picture->box;
        fprintf(file, "%s/data/%s %.17g %.17g %.17g %.17g\n", demo->out, picture->image, box->x1, box->y1,
                box->x2, box->y2);
    }
    const bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed)
        return sanl_cli_fail(SANL_ERR_IO, "%s: cannot write", path);
    return SANL_OK;
}

/* The landmarks that the garment has, with rings where they are in truth. */
static enum sanl_status write_overlay(const char *path, const struct sanl_demo_picture *picture,
                                      const struct sanl_prediction *p, double max_megapixels)
{
    const double box[4] = {p->box.x1, p->box.y1, p->box.x2, p->box.y2};
    char caption[32] = "";
    if (isfinite(picture->error))
        snprintf(caption, sizeof caption, "NE %.3f", picture->error);
    const struct sanl_overlay overlay = {
        .landmarks = SANL_FASHION_LANDMARKS,
        .predicted_img = (const double(*)[2])p->landmark_img,
        .shown = picture->placed,
        .truth_img = (const double(*)[2])picture->truth_img,
        .truth_shown = picture->placed,
        .box_img = box,
        .caption = caption,
        .side = OVERLAY_SIDE,
    };
    return sanl_overlay_write(path, p->path, max_megapixels, &overlay);
}

struct job {
    struct sanl_demo *demo;
    struct sanl_prediction_file *file;
    sanl_demo_path folder;
};

static enum sanl_status take(void *payload, const struct sanl_prediction *p)
{
    const struct job *job = payload;
    const struct sanl_demo *demo = job->demo;
    const double max_megapixels = demo->landmark.config.data.max_megapixels;
    static const char *const kinds[] = {"overlay", "cams", "heatmaps"};
    enum sanl_status status = sanl_prediction_file_add(job->file, p);
    for (int i = 0; i < 3 && status == SANL_OK; i++) {
        char *path = sanl_inputs_file(job->folder, &demo->inputs, p->input, kinds[i]);
        if (!path)
            return SANL_ERR_MEMORY;
        if (i == 0)
            status = write_overlay(path, &demo->pictures[demo->drawn[p->input]], p, max_megapixels);
        else if (i == 1)
            status = sanl_pictures_cams(path, p, max_megapixels);
        else
            status = sanl_pictures_heatmaps(path, p, max_megapixels);
        free(path);
    }
    return status;
}

/* All overlays in one picture. */
static enum sanl_status write_sheet(const struct sanl_demo *demo, const char *folder)
{
    char *paths[SANL_DEMO_DRAWN] = {NULL};
    sanl_demo_path sheet;
    enum sanl_status status = SANL_OK;
    sanl_demo_place(sheet, demo, "pictures/overlays.jpg");
    for (size_t i = 0; i < demo->inputs.count && status == SANL_OK; i++)
        if (!(paths[i] = sanl_inputs_file(folder, &demo->inputs, i, "overlay")))
            status = SANL_ERR_MEMORY;
    if (status == SANL_OK)
        status =
            sanl_sheet_write(sheet, (const char *const *)paths, demo->inputs.count, COLUMNS, OVERLAY_SIDE);
    for (size_t i = 0; i < SANL_DEMO_DRAWN; i++)
        free(paths[i]);
    return status;
}

static enum sanl_status predict(struct job *job)
{
    struct sanl_demo *demo = job->demo;
    struct sanl_predictor *predictor;
    struct sanl_predict_options options;
    sanl_demo_path weights;
    sanl_demo_place(weights, demo, "landmark/best.safetensors");
    enum sanl_status status = sanl_predictor_create(&predictor, demo->device, weights, NULL, 0);
    if (status != SANL_OK)
        return status;
    sanl_predict_defaults(&options);
    options.maps = true;
    options.cam_class = -1;
    options.done = take;
    options.payload = job;
    status = sanl_predict(predictor, demo->inputs.list, demo->inputs.count, &options, NULL);
    sanl_predictor_free(predictor);
    return status;
}

enum sanl_status sanl_demo_predict(struct sanl_demo *demo)
{
    struct job job = {.demo = demo};
    sanl_demo_path list, predictions;
    const char *const lists[] = {list};
    sanl_demo_place(list, demo, "pictures.txt");
    sanl_demo_place(predictions, demo, "predictions.json");
    sanl_demo_place(job.folder, demo, "pictures");
    enum sanl_status status = write_list(demo, list);
    if (status == SANL_OK)
        status = sanl_inputs_read(&demo->inputs, lists, 1, NULL, false);
    if (status == SANL_OK)
        status = sanl_inputs_folder(job.folder);
    if (status == SANL_OK)
        status = sanl_prediction_file_create(&job.file, predictions, NULL, SANL_PREDICTION_JSON, NULL, 0);
    if (status == SANL_OK)
        status = predict(&job);
    if (status == SANL_OK)
        status = sanl_prediction_file_finish(job.file);
    if (status == SANL_OK)
        status = write_sheet(demo, job.folder);
    sanl_prediction_file_free(job.file);
    return status;
}
