#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sanlcl/predict.h>
#include <sanlcl/report.h>
#include "cli/args.h"
#include "cli/profile.h"
#include "cli/inputs.h"
#include "cli/pictures.h"
#include "cli/progress.h"

static const struct sanl_arg args_table[] = {
    {.name = "--weights", .value = "FILE", .type = SANL_ARG_TEXT, .help = "the checkpoint; needed"},
    {.name = "--box",
     .value = "X1,Y1,X2,Y2",
     .type = SANL_ARG_TEXT,
     .help = "around the garment, in pixels from 0; without one the whole picture"},
    {.name = "--threshold",
     .value = "SCORE",
     .type = SANL_ARG_NUMBER,
     .preset = "0.2",
     .max = 1,
     .help = "least score of a landmark that counts as visible"},
    {.name = "--clothes",
     .value = "TYPE",
     .type = SANL_ARG_TEXT,
     .help = "the garment's type, such as upper or skirt: its landmarks alone (default: all)"},
    {.name = "--json",
     .value = "FILE",
     .type = SANL_ARG_TEXT,
     .output = true,
     .help = "write the predictions as JSON (default, and for -: to standard output)"},
    {.name = "--csv",
     .value = "FILE",
     .type = SANL_ARG_TEXT,
     .output = true,
     .help = "write the predictions as CSV"},
    {.name = "--overlay",
     .value = "DIR",
     .type = SANL_ARG_TEXT,
     .help = "pictures with the landmarks drawn and named"},
    {.name = "--heatmaps",
     .value = "DIR",
     .type = SANL_ARG_TEXT,
     .help = "sheets of the landmarks' heatmaps (with eval.flip: of the picture as it is)"},
    {.name = "--cams", .value = "DIR", .type = SANL_ARG_TEXT, .help = "sheets of the attention maps"},
    {.name = "--dump-tensors",
     .value = "FILE",
     .type = SANL_ARG_TEXT,
     .output = true,
     .help = "safetensors of the network's input, attention maps and heatmaps, NCHW"},
    {.name = "--skip-bad", .help = "count pictures that cannot be read, and go on"},
    SANL_ARG_DEVICE_ROW,
    SANL_ARG_GEMM_ROW,
    SANL_ARG_PROFILE_ROWS,
    {0},
};

struct job {
    const struct sanl_args *args;
    struct sanl_predictor *predictor;
    struct sanl_inputs inputs;
    struct sanl_prediction_file *json, *csv;
    size_t skipped;
    bool quiet; /* answers come to the terminal, where progress would stand between them */
};

/* ---- pictures ------------------------------------------------------------------------------------ */

static double max_megapixels(const struct job *job)
{
    return sanl_predictor_config(job->predictor)->data.max_megapixels;
}

static enum sanl_status write_overlay(const struct job *job, const struct sanl_prediction *p,
                                      const char *path)
{
    const double box[4] = {p->box.x1, p->box.y1, p->box.x2, p->box.y2};
    const struct sanl_overlay overlay = {
        .landmarks = p->scheme ? p->scheme->landmarks : 0,
        .predicted_img = (const double(*)[2])p->landmark_img,
        .shown = p->visible,
        .box_img = job->inputs.list[p->input].has_box ? box : NULL,
    };
    return sanl_overlay_write(path, p->path, max_megapixels(job), &overlay);
}

static enum sanl_status write_heatmaps(const struct job *job, const struct sanl_prediction *p,
                                       const char *path)
{
    return sanl_pictures_heatmaps(path, p, max_megapixels(job));
}

static enum sanl_status write_cams(const struct job *job, const struct sanl_prediction *p, const char *path)
{
    return sanl_pictures_cams(path, p, max_megapixels(job));
}

/* Writes the picture of one kind into the folder that its option names, if given. */
static enum sanl_status
write_kind(const struct job *job, const struct sanl_prediction *p, const char *option, const char *kind,
           enum sanl_status (*write)(const struct job *, const struct sanl_prediction *, const char *))
{
    const char *folder = sanl_args_text(job->args, option);
    if (!folder)
        return SANL_OK;
    char *path = sanl_inputs_file(folder, &job->inputs, p->input, kind);
    const enum sanl_status status = path ? write(job, p, path) : SANL_ERR_MEMORY;
    free(path);
    return status;
}

static enum sanl_status take(void *payload, const struct sanl_prediction *p)
{
    struct job *job = payload;
    enum sanl_status status = SANL_OK;
    if (job->json)
        status = sanl_prediction_file_add(job->json, p);
    if (status == SANL_OK && job->csv)
        status = sanl_prediction_file_add(job->csv, p);
    if (status == SANL_OK)
        status = write_kind(job, p, "--overlay", "overlay", write_overlay);
    if (status == SANL_OK)
        status = write_kind(job, p, "--heatmaps", "heatmaps", write_heatmaps);
    if (status == SANL_OK)
        status = write_kind(job, p, "--cams", "cams", write_cams);
    if (!job->quiet)
        sanl_progress_update("picture %zu of %zu", p->input + 1, job->inputs.count);
    return status;
}

/* ---- the command --------------------------------------------------------------------------------- */

static enum sanl_status check_wishes(const struct job *job)
{
    const struct sanl_config *config = sanl_predictor_config(job->predictor);
    const bool landmark = config->task == SANL_TASK_LANDMARK;
    if (!landmark && (sanl_args_given(job->args, "--overlay") || sanl_args_given(job->args, "--heatmaps")))
        return sanl_cli_fail(SANL_ERR_USAGE,
                             "--overlay and --heatmaps need a landmark checkpoint; this one is a classifier");
    if (!landmark && sanl_args_given(job->args, "--threshold"))
        return sanl_cli_fail(SANL_ERR_USAGE,
                             "--threshold needs a landmark checkpoint; this one is a classifier");
    if (sanl_args_given(job->args, "--cams") && landmark && config->model.block != SANL_BLOCK_SANL)
        return sanl_cli_fail(SANL_ERR_USAGE, "--cams: this network has no attention maps (model.block)");
    if (sanl_args_given(job->args, "--cams") && !landmark && config->model.block != SANL_BLOCK_SANL &&
        (config->model.block != SANL_BLOCK_NONE || config->model.backbone != SANL_RESNET18))
        return sanl_cli_fail(SANL_ERR_USAGE,
                             "--cams: attention maps are those of a ResNet-18 classifier without blocks");
    return SANL_OK;
}

/* The type of --clothes; 0 without it. */
static enum sanl_status find_clothes(int *out, const struct job *job)
{
    const char *name = sanl_args_text(job->args, "--clothes");
    const struct sanl_config *config = sanl_predictor_config(job->predictor);
    const struct sanl_scheme *scheme =
        config->task == SANL_TASK_LANDMARK ? sanl_scheme_of(config->model.landmarks) : NULL;
    char known[512] = "";
    *out = 0;
    if (!name)
        return SANL_OK;
    if (!scheme)
        return sanl_cli_fail(SANL_ERR_USAGE,
                             "--clothes needs a landmark checkpoint; this one is a classifier");
    *out = sanl_clothes_find(scheme, name);
    for (int i = 1, at = 0; i <= scheme->clothes; i++)
        at += snprintf(known + at, sizeof known - (size_t)at, "%s%s", i > 1 ? ", " : "",
                       sanl_clothes_name(scheme, i));
    return *out ? SANL_OK : sanl_cli_fail(SANL_ERR_USAGE, "--clothes: '%s': expected one of %s", name, known);
}

static enum sanl_status make_folders(const struct sanl_args *args)
{
    static const char *const options[] = {"--overlay", "--heatmaps", "--cams"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const char *folder = sanl_args_text(args, options[i]);
        const enum sanl_status status = folder ? sanl_inputs_folder(folder) : SANL_OK;
        if (status != SANL_OK)
            return status;
    }
    return SANL_OK;
}

static enum sanl_status open_files(struct job *job, int clothes)
{
    const struct sanl_config *config = sanl_predictor_config(job->predictor);
    const char *json = sanl_args_text(job->args, "--json"), *csv = sanl_args_text(job->args, "--csv");
    enum sanl_status status = SANL_OK;
    const bool shown = (!json && !csv) || (json && strcmp(json, "/dev/stdout") == 0) ||
                       (csv && strcmp(csv, "/dev/stdout") == 0);
    job->quiet = shown && isatty(STDOUT_FILENO);
    if (json || !csv)
        status = sanl_prediction_file_create(&job->json, json, stdout, SANL_PREDICTION_JSON, config, clothes);
    if (status == SANL_OK && csv)
        status = sanl_prediction_file_create(&job->csv, csv, NULL, SANL_PREDICTION_CSV, config, clothes);
    return status == SANL_OK ? make_folders(job->args) : status;
}

static enum sanl_status predict(struct job *job)
{
    const struct sanl_args *args = job->args;
    struct sanl_predict_options options;
    sanl_predict_defaults(&options);
    options.threshold = sanl_args_number(args, "--threshold");
    options.skip_bad = sanl_args_flag(args, "--skip-bad");
    options.dump_tensors = sanl_args_text(args, "--dump-tensors");
    options.maps =
        options.dump_tensors || sanl_args_given(args, "--heatmaps") || sanl_args_given(args, "--cams");
    options.done = take;
    options.payload = job;
    enum sanl_status status = check_wishes(job);
    if (status == SANL_OK)
        status = find_clothes(&options.clothes, job);
    if (status == SANL_OK)
        status = open_files(job, options.clothes);
    if (status == SANL_OK)
        status = sanl_predict(job->predictor, job->inputs.list, job->inputs.count, &options, &job->skipped);
    sanl_progress_end();
    if (status == SANL_OK && job->json)
        status = sanl_prediction_file_finish(job->json);
    if (status == SANL_OK && job->csv)
        status = sanl_prediction_file_finish(job->csv);
    const char *csv = sanl_args_text(args, "--csv"), *json = sanl_args_text(args, "--json");
    if (status != SANL_OK && (job->json || job->csv) && (json || csv)) {
        char why[1024];
        snprintf(why, sizeof why, "%s", sanl_cli_message()[0] ? sanl_cli_message() : sanl_error_message());
        status = sanl_cli_fail(status, "%s; %s%s%s not written", why, json ? json : "",
                               json && csv ? " and " : "", csv ? csv : "");
    }
    if (status == SANL_OK && options.skip_bad)
        fprintf(stderr, "%zu of %zu pictures skipped\n", job->skipped, job->inputs.count);
    return status;
}

static enum sanl_status run(const struct sanl_args *args)
{
    struct sanl_device *device = NULL;
    struct job job = {.args = args};
    struct sanl_box box;
    const char *weights = sanl_args_text(args, "--weights"), *given = sanl_args_text(args, "--box");
    if (!weights)
        return sanl_cli_fail(SANL_ERR_USAGE, "expected --weights FILE, a checkpoint of 'sanlcl train'");
    if (given && !sanl_box_parse(&box, given))
        return sanl_cli_fail(SANL_ERR_USAGE,
                             "--box: expected X1,Y1,X2,Y2 with X1 < X2 and Y1 < Y2, found '%s'", given);
    enum sanl_status status = sanl_inputs_read(&job.inputs, args->positional, args->positional_count,
                                               given ? &box : NULL, sanl_args_flag(args, "--skip-bad"));
    for (size_t i = 0; i < job.inputs.count && status == SANL_OK; i++)
        status = sanl_args_check_input(args, job.inputs.list[i].path);
    struct sanl_device_options wanted = {0};
    if (status == SANL_OK)
        status = sanl_cli_profile_options(&wanted, args);
    if (status == SANL_OK)
        status = sanl_args_device(args, &device, &wanted);
    if (status == SANL_OK)
        status =
            sanl_predictor_create(&job.predictor, device, weights, args->overrides, args->override_count);
    if (status == SANL_OK)
        status = predict(&job);
    if (status == SANL_OK)
        status = sanl_cli_end_profile(device, args, stderr);
    sanl_prediction_file_free(job.json);
    sanl_prediction_file_free(job.csv);
    sanl_predictor_free(job.predictor);
    sanl_inputs_free(&job.inputs);
    sanl_device_free(device);
    return status;
}

const struct sanl_command sanl_cmd_predict = {
    .name = "predict",
    .summary = "find the landmarks, or the category, of pictures",
    .details =
        "Each argument is a picture (JPEG, PNG), a folder of them, or a .txt file with one path on each\n"
        "line, from the current folder, perhaps followed by a box X1 Y1 X2 Y2. Networks learn from\n"
        "pictures cut to the garment's box: give one, or a picture that the garment fills. Coordinates are\n"
        "pixels of the original picture, upright as its EXIF orientation tells, the centre of the first at\n"
        "0. A score is the height of the landmark's heatmap, about 1 at best; it says how sure the place\n"
        "is, and hardly whether this type of garment has the landmark at all: --clothes tells the type.\n",
    .args = args_table,
    .positional = "IMAGE|FOLDER|LIST...",
    .least = 1,
    .most = 1000000,
    .overrides = true,
    .run = run,
};
