#include <stdlib.h>
#include <sanlcl/predict.h>
#include <sanlcl/report.h>
#include "cli/args.h"
#include "cli/inputs.h"
#include "cli/pictures.h"

enum { TOP = 3 };

static const struct sanl_arg args_table[] = {
    {.name = "--weights",
     .value = "FILE",
     .type = SANL_ARG_TEXT,
     .help = "checkpoint of a classifier, or of a landmark network with attention; needed"},
    {.name = "--out", .value = "DIR", .type = SANL_ARG_TEXT, .help = "folder of the pictures; needed"},
    {.name = "--class",
     .value = "N",
     .type = SANL_ARG_INT,
     .min = 1,
     .max = 1000000,
     .help = "whose maps, counted from 1 (default: the likeliest of their classifier)"},
    {.name = "--box",
     .value = "X1,Y1,X2,Y2",
     .type = SANL_ARG_TEXT,
     .help = "around the garment, in pixels from 0; without one the whole picture"},
    SANL_ARG_DEVICE_ROW,
    SANL_ARG_GEMM_ROW,
    {0},
};

struct job {
    const struct sanl_args *args;
    struct sanl_inputs inputs;
    double max_megapixels;
};

static void print_classes(const struct sanl_prediction *p)
{
    int top[TOP];
    const int count = sanl_prediction_top(p, top, TOP);
    char name[128];
    for (int i = 0; i < count; i++) {
        sanl_pictures_name_class(name, sizeof name, p, top[i]);
        printf("%6.2f %%  %s\n", 100 * (double)p->probability[top[i]], name);
    }
}

/* One picture for each map. */
static enum sanl_status write_singles(const struct job *job, const struct sanl_prediction *p,
                                      const double window[4])
{
    enum sanl_status status = SANL_OK;
    for (int k = 0; k < SANL_CAMS && status == SANL_OK; k++) {
        const int side = p->size / (4 << k);
        char kind[32];
        snprintf(kind, sizeof kind, "cam%d", 4 << k);
        char *path = sanl_inputs_file(sanl_args_text(job->args, "--out"), &job->inputs, p->input, kind);
        status = path ? sanl_map_write(path, p->path, job->max_megapixels, window, p->cam[k], side, side, 0)
                      : SANL_ERR_MEMORY;
        free(path);
    }
    return status;
}

static enum sanl_status take(void *payload, const struct sanl_prediction *p)
{
    const struct job *job = payload;
    const double window[4] = {p->window.x1, p->window.y1, p->window.x2, p->window.y2};
    if (!p->cam[0] || !p->probability)
        return sanl_cli_fail(SANL_ERR_USAGE, "the checkpoint holds no ResNet-18 classifier for the maps");
    if (job->inputs.count > 1)
        printf("%s\n", p->path);
    print_classes(p);
    char *path = sanl_inputs_file(sanl_args_text(job->args, "--out"), &job->inputs, p->input, "cams");
    enum sanl_status status = path ? sanl_pictures_cams(path, p, job->max_megapixels) : SANL_ERR_MEMORY;
    free(path);
    return status == SANL_OK ? write_singles(job, p, window) : status;
}

static enum sanl_status make_maps(struct job *job, struct sanl_predictor *predictor)
{
    struct sanl_predict_options options;
    const enum sanl_status status = sanl_inputs_folder(sanl_args_text(job->args, "--out"));
    if (status != SANL_OK)
        return status;
    job->max_megapixels = sanl_predictor_config(predictor)->data.max_megapixels;
    sanl_predict_defaults(&options);
    options.maps = true;
    options.cam_class = sanl_args_int(job->args, "--class") - 1;
    options.done = take;
    options.payload = job;
    return sanl_predict(predictor, job->inputs.list, job->inputs.count, &options, NULL);
}

static enum sanl_status run(const struct sanl_args *args)
{
    struct sanl_device *device = NULL;
    struct sanl_predictor *predictor = NULL;
    struct job job = {.args = args};
    struct sanl_box box;
    const char *weights = sanl_args_text(args, "--weights"), *given = sanl_args_text(args, "--box");
    /* Room for one picture; a batch given on the command line wins. */
    const char **overrides = calloc(args->override_count + 1, sizeof *overrides);
    enum sanl_status status = SANL_OK;
    if (!overrides)
        return sanl_cli_fail(SANL_ERR_MEMORY, "out of host memory");
    overrides[0] = "eval.batch=1";
    for (size_t i = 0; i < args->override_count; i++)
        overrides[i + 1] = args->overrides[i];
    if (!weights || !sanl_args_given(args, "--out"))
        status = sanl_cli_fail(SANL_ERR_USAGE, "expected --weights FILE and --out DIR");
    else if (given && !sanl_box_parse(&box, given))
        status = sanl_cli_fail(SANL_ERR_USAGE,
                               "--box: expected X1,Y1,X2,Y2 with X1 < X2 and Y1 < Y2, found '%s'", given);
    if (status == SANL_OK)
        status = sanl_inputs_read(&job.inputs, args->positional, 1, given ? &box : NULL, false);
    if (status == SANL_OK)
        status = sanl_args_device(args, &device, NULL);
    if (status == SANL_OK)
        status = sanl_predictor_create(&predictor, device, weights, overrides, args->override_count + 1);
    if (status == SANL_OK)
        status = make_maps(&job, predictor);
    sanl_predictor_free(predictor);
    sanl_inputs_free(&job.inputs);
    sanl_device_free(device);
    free(overrides);
    return status;
}

const struct sanl_command sanl_cmd_gradcam = {
    .name = "gradcam",
    .summary = "draw a classifier's attention maps over a picture",
    .details =
        "Prints the likeliest categories, and writes the maps at the strides 4, 8, 16 and 32 as one sheet,\n"
        "NAME_cams.png, and one by one, NAME_cam4.png and so on.\n",
    .args = args_table,
    .positional = "IMAGE|FOLDER|LIST",
    .least = 1,
    .most = 1,
    .overrides = true,
    .run = run,
};
