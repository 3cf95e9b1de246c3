#include <sanlcl/ablate.h>

#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sanlcl/evaluate.h>
#include "base/file.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "train/canonical.h"

enum { SETTINGS = 6, HEAD_BYTES = 64, MAX_RESULTS_BYTES = 1 << 20 };

/* What is turned on, one after the other. */
static const struct setting {
    const char *name, *folder;
    int block, cam_mode;
    bool fine, visible_only;
} settings[SETTINGS] = {
    {"base", "base", SANL_BLOCK_NONE, SANL_CAM_STAGE, false, true},
    {"non-local", "nonlocal", SANL_BLOCK_NONLOCAL, SANL_CAM_STAGE, false, true},
    {"SANL, top CAM", "sanl_top", SANL_BLOCK_SANL, SANL_CAM_TOP, false, true},
    {"SANL, stage CAMs", "sanl_stage", SANL_BLOCK_SANL, SANL_CAM_STAGE, false, true},
    {"+ coarse to fine", "fine", SANL_BLOCK_SANL, SANL_CAM_STAGE, true, true},
    {"all landmarks", "all_landmarks", SANL_BLOCK_SANL, SANL_CAM_STAGE, true, false},
};
enum { CLASSIFIER_SETTINGS = 4 }; /* those that mean something without landmarks */

struct result {
    int setting, seed;
    double error[2];
};

struct ablation {
    const struct sanl_ablate_options *options;
    struct sanl_device *device;
    int setting_count;
    struct result *results;
    size_t result_count, room;
};

/* ---- results.csv --------------------------------------------------------------------------------- */

static const char *const *error_names(const struct ablation *a)
{
    static const char *const names[2][2] = {{"ne_peer", "ne"}, {"top1_error", "top3_error"}};
    return names[a->options->config->task == SANL_TASK_CLASSIFY];
}

static char *place(const struct ablation *a, const char *file)
{
    return sanl_path_join(a->options->config->out, file);
}

static const struct result *find_result(const struct ablation *a, int setting, int seed)
{
    for (size_t i = 0; i < a->result_count; i++)
        if (a->results[i].setting == setting && a->results[i].seed == seed)
            return &a->results[i];
    return NULL;
}

static enum sanl_status add_result(struct ablation *a, const struct result *result)
{
    SANL_TRY(sanl_grow(&a->results, &a->room, a->result_count + 1, sizeof *a->results));
    a->results[a->result_count++] = *result;
    return SANL_OK;
}

/* What a line of results.csv lacks, in words; NULL: it is sound, and in *out. */
static const char *parse_result(struct result *out, const struct ablation *a, const char *line)
{
    const size_t length = strcspn(line, ",");
    const char *at = line + length;
    char *end;
    for (out->setting = 0; out->setting < a->setting_count; out->setting++)
        if (strlen(settings[out->setting].folder) == length &&
            strncmp(settings[out->setting].folder, line, length) == 0)
            break;
    if (out->setting == a->setting_count)
        return "the name of a setting, such as base, first";
    const long seed = *at ? strtol(at + 1, &end, 10) : 0;
    if (!*at || !isdigit((unsigned char)at[1]) || *end != ',' || seed > INT_MAX)
        return "a seed from 0 to 2147483647 as the second field";
    out->seed = (int)seed;
    for (int i = 0; i < 2; i++) {
        at = end + 1;
        out->error[i] = strtod(at, &end);
        const bool decimal = strspn(at, "0123456789.e+-") >= (size_t)(end - at) || strncmp(at, "nan", 3) == 0;
        if (end == at || !decimal || out->error[i] < 0 || *end != (i == 0 ? ',' : 0))
            return "two numbers, the errors, as the third and last fields";
    }
    return find_result(a, out->setting, out->seed) ? "each setting and seed once" : NULL;
}

static enum sanl_status fail_line(const char *path, int number, const char *expected, const char *found)
{
    return sanl_fail(SANL_ERR_FORMAT,
                     "%s: line %d: expected %s, found '%s'; correct the line, or remove it, and its training "
                     "is done again",
                     path, number, expected, found);
}

static enum sanl_status read_line(struct ablation *a, const char *line, const char *path, int number)
{
    struct result result;
    const char *expected = parse_result(&result, a, line);
    return expected ? fail_line(path, number, expected, line) : add_result(a, &result);
}

static void make_head(char out[HEAD_BYTES], const struct ablation *a)
{
    snprintf(out, HEAD_BYTES, "setting,seed,%s,%s", error_names(a)[0], error_names(a)[1]);
}

static enum sanl_status read_head(const struct ablation *a, const char *line, const char *path)
{
    char head[HEAD_BYTES];
    make_head(head, a);
    if (strcmp(line, head) == 0)
        return SANL_OK;
    return sanl_fail(SANL_ERR_FORMAT,
                     "%s: line 1: expected '%s', found '%s'; correct the line, or remove the file, and all "
                     "trainings are done again",
                     path, head, line);
}

static enum sanl_status read_lines(struct ablation *a, char *text, size_t length, const char *path)
{
    char *line = text;
    for (int number = 1; number == 1 || line < text + length; number++) {
        char *end = strchr(line, '\n');
        if (end)
            *end = 0;
        SANL_TRY(number == 1 ? read_head(a, line, path) : read_line(a, line, path, number));
        if (!end)
            return fail_line(path, number, "a line that ends, not one cut short", line);
        line = end + 1;
    }
    return SANL_OK;
}

static enum sanl_status read_results(struct ablation *a)
{
    char *path = place(a, "results.csv"), *text = NULL;
    size_t length;
    enum sanl_status status = path ? SANL_OK : SANL_ERR_MEMORY;
    if (status == SANL_OK && sanl_file_exists(path)) {
        status = sanl_file_read(&text, &length, path, MAX_RESULTS_BYTES);
        if (status == SANL_OK)
            status = read_lines(a, text, length, path);
    }
    free(text);
    free(path);
    return status;
}

static enum sanl_status write_results(const struct ablation *a)
{
    struct sanl_output out = {0};
    char *path = place(a, "results.csv"), head[HEAD_BYTES];
    enum sanl_status status = path ? sanl_output_open(&out, path) : SANL_ERR_MEMORY;
    if (status == SANL_OK) {
        make_head(head, a);
        fprintf(out.file, "%s\n", head);
        for (size_t i = 0; i < a->result_count; i++)
            fprintf(out.file, "%s,%d,%.17g,%.17g\n", settings[a->results[i].setting].folder,
                    a->results[i].seed, a->results[i].error[0], a->results[i].error[1]);
        status = sanl_output_commit(&out);
    }
    sanl_output_free(&out);
    free(path);
    return status;
}

/* ---- the folder ---------------------------------------------------------------------------------- */

static enum sanl_status check_part(const struct sanl_dataset *dataset, const char *name, const char *key)
{
    const struct sanl_part *part;
    const enum sanl_status status = sanl_dataset_find_part(&part, dataset, name);
    return status == SANL_OK ? SANL_OK : sanl_fail_prefix(status, "%s", key);
}

/* The parts are there: data.test, too, which is opened after the first training. */
static enum sanl_status check_data(const struct sanl_config *config)
{
    const struct sanl_data_config *data = &config->data;
    struct sanl_dataset *dataset;
    SANL_TRY(sanl_data_check_parts(data));
    SANL_TRY(sanl_dataset_open(&dataset, data));
    enum sanl_status status = check_part(dataset, data->train, "data.train");
    if (status == SANL_OK && data->val[0])
        status = check_part(dataset, data->val, "data.val");
    if (status == SANL_OK)
        status = check_part(dataset, data->test, "data.test");
    if (status == SANL_OK && config->task == SANL_TASK_LANDMARK)
        status = sanl_dataset_check_landmarks(dataset, config->model.landmarks);
    sanl_dataset_free(dataset);
    return status;
}

/* The text of a configuration without what changes no result. */
static enum sanl_status dump_canonical(char **out, const struct sanl_config *config)
{
    struct sanl_config canonical = *config;
    sanl_config_canonicalize(&canonical);
    return sanl_config_dump(out, &canonical, false);
}

/* That the folder's configuration leads to the same results. */
static enum sanl_status compare_config(const struct sanl_config *config, const char *path)
{
    struct sanl_config before;
    char *old = NULL, *text = NULL;
    SANL_TRY(sanl_config_load(&before, path, NULL, 0));
    enum sanl_status status = dump_canonical(&old, &before);
    if (status == SANL_OK)
        status = dump_canonical(&text, config);
    if (status == SANL_OK && strcmp(old, text) != 0)
        status =
            sanl_fail(SANL_ERR_USAGE,
                      "%s: holds the ablation of another configuration; choose another 'out' or remove it",
                      config->out);
    free(old);
    free(text);
    return status;
}

static enum sanl_status write_config(const struct sanl_config *config, const char *path)
{
    char *text;
    SANL_TRY(sanl_folder_make(config->out));
    SANL_TRY(sanl_config_dump(&text, config, false));
    const enum sanl_status status = sanl_file_write(path, text, strlen(text));
    free(text);
    return status;
}

/* Makes it, or checks that it holds an ablation of the same configuration. */
static enum sanl_status claim_folder(const struct ablation *a)
{
    const struct sanl_config *config = a->options->config;
    char *path = place(a, "ablation.yaml"), *results = place(a, "results.csv");
    enum sanl_status status = path && results ? SANL_OK : SANL_ERR_MEMORY;
    if (status == SANL_OK && sanl_file_exists(path))
        status = compare_config(config, path);
    else if (status == SANL_OK && sanl_file_exists(results))
        status =
            sanl_fail(SANL_ERR_USAGE,
                      "%s: has results.csv, but no ablation.yaml that says of which configuration; choose "
                      "another 'out' or remove it",
                      config->out);
    else if (status == SANL_OK)
        status = write_config(config, path);
    free(results);
    free(path);
    return status;
}

static const char state[] = "state.safetensors", last[] = "last.safetensors", best[] = "best.safetensors";

/* The checkpoint that counts: without a validation there is no best one. */
static const char *checkpoint(const struct sanl_config *config)
{
    return config->data.val[0] ? best : last;
}

/* Takes away what is no checkpoint that counts, and no log. */
static void tidy(const struct sanl_config *config)
{
    const char *const files[] = {state, checkpoint(config) == best ? last : best};
    for (int i = 0; i < 2; i++) {
        char *path = sanl_path_join(config->out, files[i]);
        if (path)
            (void)unlink(path);
        free(path);
    }
}

/* ---- one training -------------------------------------------------------------------------------- */

static enum sanl_status configure(struct sanl_config *out, const struct ablation *a, int setting, int seed)
{
    const struct setting *s = &settings[setting];
    *out = *a->options->config;
    out->seed = seed;
    out->model.block = s->block;
    out->cam.mode = s->cam_mode;
    out->model.fine = s->fine;
    out->loss.visible_only = s->visible_only;
    const int length =
        snprintf(out->out, sizeof out->out, "%s/%s-%d", a->options->config->out, s->folder, seed);
    return length < (int)sizeof out->out
               ? SANL_OK
               : sanl_fail(SANL_ERR_USAGE, "%s: the path is too long (out)", a->options->config->out);
}

static enum sanl_status has_state(bool *out, const struct sanl_config *config)
{
    char *path = sanl_path_join(config->out, state);
    if (!path)
        return SANL_ERR_MEMORY;
    *out = sanl_file_exists(path);
    free(path);
    return SANL_OK;
}

static enum sanl_status train(const struct ablation *a, const struct sanl_config *config)
{
    bool begun;
    SANL_TRY(has_state(&begun, config));
    const struct sanl_train_options options = {.mode = begun ? SANL_TRAIN_RESUME : SANL_TRAIN_OVERWRITE,
                                               .progress = a->options->progress,
                                               .payload = a->options->payload};
    return sanl_train(NULL, config, a->device, &options);
}

static enum sanl_status evaluate(struct result *out, const struct ablation *a,
                                 const struct sanl_config *config)
{
    struct sanl_evaluation evaluation;
    char *weights = sanl_path_join(config->out, checkpoint(config));
    if (!weights)
        return SANL_ERR_MEMORY;
    const struct sanl_evaluate_options options = {.weights = weights};
    const enum sanl_status status = sanl_evaluate(&evaluation, a->device, &options);
    free(weights);
    SANL_TRY(status);
    const bool classify = config->task == SANL_TASK_CLASSIFY;
    const struct sanl_landmark_score *score = evaluation.score; /* of all pictures */
    out->error[0] = classify ? 1 - evaluation.top1 : sanl_landmark_score_mean(score, SANL_NE_PEER);
    out->error[1] = classify ? 1 - evaluation.top3 : sanl_landmark_score_mean(score, SANL_NE);
    sanl_evaluation_free(&evaluation);
    return SANL_OK;
}

static enum sanl_status run_one(struct ablation *a, int setting, int seed, int index, int count)
{
    const struct sanl_ablate_run run = {settings[setting].name, seed, index, count,
                                        find_result(a, setting, seed) != NULL};
    struct sanl_config config;
    struct result result = {.setting = setting, .seed = seed};
    if (a->options->begin)
        a->options->begin(a->options->payload, &run);
    if (run.kept)
        return SANL_OK;
    SANL_TRY(configure(&config, a, setting, seed));
    SANL_TRY(train(a, &config));
    SANL_TRY(evaluate(&result, a, &config));
    SANL_TRY(add_result(a, &result));
    SANL_TRY(write_results(a));
    tidy(&config);
    return SANL_OK;
}

/* ---- the table ----------------------------------------------------------------------------------- */

/* Mean and standard deviation (n - 1) of an error over the seeds that were asked for. */
static void summarize(double *mean, double *deviation, const struct ablation *a, int setting, int which)
{
    const int n = a->options->seed_count;
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        sum += find_result(a, setting, a->options->seeds[i])->error[which];
    *mean = sum / n;
    for (int i = 0; i < n; i++)
        squares += pow(find_result(a, setting, a->options->seeds[i])->error[which] - *mean, 2);
    *deviation = n > 1 ? sqrt(squares / (n - 1)) : NAN;
}

static enum sanl_status make_table(struct sanl_table **out, const struct ablation *a)
{
    static const struct sanl_column columns[2][6] = {{{"setting", NULL, 0},
                                                      {"seeds", NULL, 0},
                                                      {"ne_peer", "NE (peers)", 4},
                                                      {"ne_peer_sd", "sd", 4},
                                                      {"ne", "NE (exact)", 4},
                                                      {"ne_sd", "sd", 4}},
                                                     {{"setting", NULL, 0},
                                                      {"seeds", NULL, 0},
                                                      {"top1_error", "top-1 error", 4},
                                                      {"top1_error_sd", "sd", 4},
                                                      {"top3_error", "top-3 error", 4},
                                                      {"top3_error_sd", "sd", 4}}};
    SANL_TRY(sanl_table_create(out, columns[a->options->config->task == SANL_TASK_CLASSIFY], 6));
    for (int s = 0; s < a->setting_count; s++) {
        sanl_table_text(*out, settings[s].name);
        sanl_table_int(*out, a->options->seed_count);
        for (int which = 0; which < 2; which++) {
            double mean, deviation;
            summarize(&mean, &deviation, a, s, which);
            sanl_table_number(*out, mean);
            sanl_table_number(*out, deviation);
        }
    }
    return SANL_OK;
}

enum sanl_status sanl_ablate(struct sanl_table **out, struct sanl_device *device,
                             const struct sanl_ablate_options *options)
{
    struct ablation a = {.options = options, .device = device};
    const int seeds = options->seed_count;
    *out = NULL;
    if (seeds < 1)
        return sanl_fail(SANL_ERR_USAGE, "an ablation needs at least one seed");
    if (!options->config->cam.weights[0])
        return sanl_fail(SANL_ERR_USAGE, "cam.weights is not set: an ablation needs the checkpoint of the "
                                         "classifier that the attention maps come from");
    if (!sanl_file_exists(options->config->cam.weights))
        return sanl_fail(SANL_ERR_IO,
                         "'%s': no such file (cam.weights): train the classifier of the attention maps first",
                         options->config->cam.weights);
    SANL_TRY(check_data(options->config));
    a.setting_count = options->config->task == SANL_TASK_CLASSIFY ? CLASSIFIER_SETTINGS : SETTINGS;
    enum sanl_status status = claim_folder(&a);
    if (status == SANL_OK)
        status = read_results(&a);
    for (int i = 0; i < a.setting_count * seeds && status == SANL_OK;
         i++) /* all settings with a seed first */
        status =
            run_one(&a, i % a.setting_count, options->seeds[i / a.setting_count], i, a.setting_count * seeds);
    if (status == SANL_OK)
        status = make_table(out, &a);
    free(a.results);
    return status;
}
