/* The training loop. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sanlcl/clock.h>
#include <sanlcl/interrupt.h>
#include <sanlcl/memory.h>
#include <sanlcl/train.h>
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/weights.h"
#include "train/cam_cache.h"
#include "train/canonical.h"
#include "train/evaluator.h"
#include "train/position.h"
#include "train/run_folder.h"
#include "train/updater.h"

enum { LARGEST = 5 }; /* gradients named when a loss is not finite */

struct run {
    const struct sanl_config *config;
    const struct sanl_train_options *options;
    struct sanl_config carried; /* by checkpoints */
    struct sanl_config before;  /* what the state carries, of a run that goes on */
    struct sanl_run_folder folder;
    struct sanl_dataset *dataset;
    struct sanl_loader *train, *val; /* val NULL: no validation */
    struct sanl_network *network;
    struct sanl_engine *engine, *val_engine;
    struct sanl_updater *updater;
    struct sanl_cam_cache *cams; /* NULL: computed at each step */
    const char **categories;     /* of the classifier; those of the data set belong to it */
    int category_count;
    struct sanl_position at;
    int steps;    /* of an epoch */
    long stepped; /* since the call began */
    double start, epoch_start;
    double epoch_waited; /* seconds for batches, before epoch_start */
    int epoch_first;     /* step at epoch_start: above 0 after a resume */
};

static enum sanl_task task_of(const struct run *run)
{
    return (enum sanl_task)run->config->task;
}

/* Where the schedule stands, in steps of the present batch. */
static long scheduled(const struct run *run)
{
    return (long)run->at.epoch * run->steps + run->at.step;
}

/* ---- set-up -------------------------------------------------------------------------------------- */

static enum sanl_status make_loaders(struct run *run)
{
    const struct sanl_config *config = run->config;
    struct sanl_loader_options options;
    sanl_loader_configure(&options, config);
    options.categories = task_of(run) == SANL_TASK_CLASSIFY;
    options.landmarks = !options.categories;
    options.part = config->data.train;
    options.batch = config->train.batch;
    options.training = true;
    SANL_TRY(sanl_loader_create(&run->train, run->dataset, &options));
    run->steps = sanl_loader_batches(run->train);
    if (!config->data.val[0])
        return SANL_OK;
    options.part = config->data.val;
    options.batch = config->eval.batch;
    options.training = false;
    return sanl_loader_create(&run->val, run->dataset, &options);
}

static const char *state_of(const struct run *run)
{
    return run->folder.paths[SANL_RUN_STATE];
}

static enum sanl_status make_network(struct run *run, struct sanl_device *device)
{
    const struct sanl_config *config = run->config;
    const struct sanl_memory_use use = {config, config->train.batch, run->val ? config->eval.batch : 0};
    SANL_TRY(sanl_memory_check(&use, device, 0));
    const int moments = sanl_updater_moments(&config->train);
    SANL_TRY(run->options->mode == SANL_TRAIN_RESUME
                 ? sanl_network_open(&run->network, config, device, moments, state_of(run))
                 : sanl_network_create(&run->network, config, device, moments));
    SANL_TRY(sanl_engine_plan(&run->engine, run->network, config->train.batch, true));
    if (run->val)
        SANL_TRY(sanl_engine_plan(&run->val_engine, run->network, config->eval.batch, false));
    SANL_TRY(sanl_engine_allocate(run->engine));
    if (run->val)
        SANL_TRY(sanl_engine_allocate(run->val_engine));
    return sanl_updater_create(&run->updater, run->engine->graph, &config->train);
}

/* Training takes its maps from the cache from here on; validation, whose pictures are not augmented, makes
 * them anew. */
static enum sanl_status open_cache(struct run *run)
{
    const struct sanl_config *config = run->config;
    if (!config->cam.cache[0] || !run->engine->gradcam)
        return SANL_OK;
    SANL_TRY(sanl_cam_cache_open(&run->cams, config, run->network->classifier, run->dataset));
    SANL_TRY(sanl_cam_cache_fill(run->cams, run->engine, config->data.train));
    run->engine->cache = run->cams;
    return SANL_OK;
}

/* The names of the classes stand in the checkpoint. */
static enum sanl_status name_categories(struct run *run)
{
    if (task_of(run) == SANL_TASK_CLASSIFY) {
        if (run->dataset->category_count > run->config->model.classes)
            return sanl_fail(SANL_ERR_USAGE, "model.classes: %s has %d categories, found %d",
                             run->dataset->root, run->dataset->category_count, run->config->model.classes);
        run->category_count = run->dataset->category_count;
        if (run->network->classifier && run->options->mode != SANL_TRAIN_RESUME)
            SANL_TRY(sanl_check_categories(run->dataset, run->config->cam.weights));
        return run->options->mode == SANL_TRAIN_RESUME ? sanl_check_categories(run->dataset, state_of(run))
                                                       : SANL_OK;
    }
    if (!run->network->classifier)
        return SANL_OK;
    return sanl_weights_categories(&run->categories, &run->category_count,
                                   run->options->mode == SANL_TRAIN_RESUME ? state_of(run)
                                                                           : run->config->cam.weights);
}

static const char *const *categories(const struct run *run)
{
    return run->categories ? (const char *const *)run->categories
                           : (const char *const *)run->dataset->category_names;
}

/* ---- checkpoints --------------------------------------------------------------------------------- */

/* The configuration that a checkpoint carries: without what has no effect on it, so that equal runs are equal
 * files, and without the files that the training started from, which it does not need any more. */
static void make_carried(struct sanl_config *carried, const struct sanl_config *config)
{
    *carried = *config;
    sanl_config_canonicalize(carried);
    memset(carried->model.pretrained, 0, sizeof carried->model.pretrained);
    memset(carried->cam.weights, 0, sizeof carried->cam.weights);
}

static enum sanl_status save(struct run *run, enum sanl_run_file file)
{
    char progress[256];
    sanl_position_text(progress, sizeof progress, &run->at);
    const struct sanl_weights_info info = {
        .config = &run->carried,
        .epoch = run->at.epoch,
        .categories = categories(run),
        .category_count = run->category_count,
        .progress = file == SANL_RUN_STATE ? progress : NULL,
    };
    SANL_TRY(
        sanl_weights_save(run->folder.paths[file], run->network->params, run->network->classifier, &info));
    return sanl_run_folder_saved(&run->folder, file);
}

static enum sanl_status save_last(struct run *run)
{
    SANL_TRY(save(run, SANL_RUN_LAST));
    return save(run, SANL_RUN_STATE);
}

static enum sanl_status read_before(struct run *run)
{
    SANL_TRY(sanl_weights_config(&run->before, state_of(run), NULL, 0));
    if (sanl_updater_moments(&run->before.train) == sanl_updater_moments(&run->config->train))
        return SANL_OK;
    return sanl_fail(SANL_ERR_USAGE, "%s: written with another train.optimizer, whose moments are others",
                     state_of(run));
}

static enum sanl_status read_position(struct run *run)
{
    const char *path = state_of(run);
    const int batch = run->config->train.batch;
    struct sanl_position *at = &run->at;
    const struct sanl_config *before = &run->before;
    char *text;
    SANL_TRY(sanl_position_read(at, path));
    if (at->updates < 0) /* there was no other batch */
        at->updates = (long)at->epoch * (sanl_loader_samples(run->train) / before->train.batch) + at->step;
    if (before->train.batch != batch && at->step > 0) { /* as many pictures of the epoch, at most */
        const int step = (int)((long)at->step * before->train.batch / batch);
        at->loss_sum *= (double)step / at->step;
        at->step = step;
    }
    if (at->step > run->steps)
        return sanl_fail(SANL_ERR_USAGE, "%s: step %d of an epoch, which has %d: other data?", path, at->step,
                         run->steps);
    SANL_TRY(sanl_config_changes(&text, before, &run->carried));
    const bool alike = at->epoch >= run->config->train.epochs /* nothing is left to train */ ||
                       sanl_config_validates_alike(before, &run->carried);
    if (*text)
        sanl_log(SANL_LOG_WARNING, "%s: the run goes on with another configuration: %s%s", path, text,
                 alike ? "" : "; the best epoch is looked for anew, for its error is another one");
    free(text);
    if (!alike)
        at->best_epoch = 0;
    return SANL_OK;
}

/* ---- a loss that is not finite ------------------------------------------------------------------- */

struct largest {
    double size; /* infinite for what is not finite */
    const char *name;
};

static enum sanl_status largest_of(double *out, const struct sanl_graph *graph,
                                   const struct sanl_param *param)
{
    const size_t count = sanl_shape_count(param->shape);
    float *values = sanl_calloc(count, sizeof *values);
    if (!values)
        return SANL_ERR_MEMORY;
    const enum sanl_status status = sanl_graph_read_gradient(graph, param, values);
    *out = 0;
    for (size_t i = 0; i < count; i++)
        *out = isfinite(values[i]) ? fmax(*out, fabs((double)values[i])) : (double)INFINITY;
    free(values);
    return status;
}

/* The parameters with the largest gradients, as text. */
static enum sanl_status name_gradients(char *out, size_t bytes, const struct sanl_graph *graph)
{
    const struct sanl_params *params = sanl_graph_params(graph);
    struct largest list[LARGEST] = {{0}};
    size_t length = 0;
    for (int i = 0; i < params->count; i++) {
        struct largest one = {0, params->list[i]->name};
        if (!params->list[i]->trained)
            continue;
        SANL_TRY(largest_of(&one.size, graph, params->list[i]));
        for (int k = 0; k < LARGEST && one.name; k++) { /* each place passes on what it loses */
            const struct largest held = list[k];
            if (held.name && one.size <= held.size)
                continue;
            list[k] = one;
            one = held;
        }
    }
    out[0] = 0;
    for (int k = 0; k < LARGEST && list[k].name && length < bytes; k++)
        length += (size_t)snprintf(out + length, bytes - length, "%s%s %.3g", k ? ", " : "", list[k].name,
                                   list[k].size);
    return SANL_OK;
}

/* `what` of step `step`, whose gradients are at hand, is not finite. */
static enum sanl_status fail_numeric(struct run *run, long step, const char *what, double value)
{
    char text[1024];
    SANL_TRY(name_gradients(text, sizeof text, run->engine->graph));
    return sanl_fail(
        SANL_ERR_NUMERIC,
        "step %ld (epoch %d): the %s is %g; largest gradients: %s; %s; a lower train.lr, a longer "
        "train.warmup or train.clip may help",
        step, run->at.epoch + 1, what, isnan(value) ? (double)NAN : value, text,
        sanl_file_exists(run->folder.paths[SANL_RUN_LAST]) ? "the checkpoints stay as they were"
                                                           : "there is no checkpoint yet");
}

/* ---- steps and epochs ---------------------------------------------------------------------------- */

static double images_per_second(const struct run *run)
{
    return (run->at.step - run->epoch_first) * (double)run->config->train.batch /
           (sanl_clock_seconds() - run->epoch_start);
}

static double wait_share(const struct run *run)
{
    return (sanl_loader_wait_seconds(run->train) - run->epoch_waited) /
           (sanl_clock_seconds() - run->epoch_start);
}

static void report(const struct run *run, struct sanl_train_progress *progress)
{
    const long left = (long)run->config->train.epochs * run->steps - scheduled(run);
    progress->epochs = run->config->train.epochs;
    progress->steps = run->steps;
    progress->seconds_left = run->stepped
                                 ? (sanl_clock_seconds() - run->start) / (double)run->stepped * (double)left
                                 : (double)NAN;
    if (run->options->progress)
        run->options->progress(run->options->payload, progress);
}

/* The norm of the last step's gradients, which must be finite before anything is built on it: before the next
 * run takes the gradients' memory. */
static enum sanl_status check_norm(struct run *run, float *norm)
{
    *norm = 0;
    if (run->stepped == 0)
        return SANL_OK;
    SANL_TRY(sanl_updater_read_norm(norm, run->updater));
    return isfinite(*norm) ? SANL_OK : fail_numeric(run, run->at.updates, "gradient's norm", (double)*norm);
}

static enum sanl_status take_step(struct run *run, const struct sanl_batch *batch)
{
    const struct sanl_config *config = run->config;
    const double lr = sanl_learning_rate(&config->train, scheduled(run), run->steps);
    struct sanl_log_step line = {.step = run->at.updates + 1, .epoch = run->at.epoch + 1, .lr = lr};
    SANL_TRY(check_norm(run, &line.gradient_norm));
    SANL_TRY(sanl_engine_load(run->engine, batch));
    SANL_TRY(sanl_graph_forward(run->engine->graph));
    SANL_TRY(sanl_engine_read_loss(run->engine, line.parts, &line.loss));
    SANL_TRY(sanl_graph_backward(run->engine->graph));
    if (!isfinite(line.loss))
        return fail_numeric(run, line.step, "loss", line.loss);
    SANL_TRY(sanl_updater_step(run->updater, lr, line.step));
    run->at.step++;
    run->at.updates++;
    run->at.loss_sum += line.loss;
    run->stepped++;
    if (line.step % config->train.log_every == 0) {
        SANL_TRY(check_norm(run, &line.gradient_norm));
        line.images_per_second = images_per_second(run);
        line.wait_share = wait_share(run);
        SANL_TRY(sanl_run_folder_log_step(&run->folder, task_of(run), &line));
    }
    report(run, &(struct sanl_train_progress){.epoch = line.epoch,
                                              .step = run->at.step,
                                              .loss = line.loss,
                                              .lr = lr,
                                              .images_per_second = images_per_second(run)});
    return SANL_OK;
}

static enum sanl_status stop(struct run *run)
{
    float norm;
    SANL_TRY(check_norm(run, &norm));
    SANL_TRY(save_last(run));
    return sanl_fail(SANL_ERR_INTERRUPTED,
                     "stopped after step %ld, epoch %d; %s is written, and --resume goes on", run->at.updates,
                     run->at.epoch + 1, run->folder.paths[SANL_RUN_LAST]);
}

/* The batches that a resumed epoch has behind it are drawn again and dropped. */
static enum sanl_status run_steps(struct run *run)
{
    sanl_loader_start_epoch(run->train, (uint64_t)run->at.epoch);
    for (int i = 0;; i++) {
        const struct sanl_batch *batch;
        if (i == run->epoch_first) {
            run->epoch_start = sanl_clock_seconds();
            run->epoch_waited = sanl_loader_wait_seconds(run->train);
        }
        SANL_TRY(sanl_loader_next(run->train, &batch));
        if (i == run->at.step) {
            if (!batch)
                return SANL_OK;
            SANL_TRY(take_step(run, batch));
        }
        if (sanl_interrupted())
            return stop(run);
    }
}

static enum sanl_status validate(struct run *run, struct sanl_log_epoch *line)
{
    struct sanl_evaluation evaluation;
    line->error = line->loss;
    line->ne_peer = line->ne = line->top1 = (double)NAN;
    if (!run->val)
        return SANL_OK;
    SANL_TRY(sanl_evaluate_engine(&evaluation, run->val_engine, run->val, run->dataset, NULL));
    if (evaluation.score) {
        line->ne_peer = sanl_landmark_score_mean(&evaluation.score[SANL_GROUP_ALL], SANL_NE_PEER);
        line->ne = sanl_landmark_score_mean(&evaluation.score[SANL_GROUP_ALL], SANL_NE);
    }
    line->top1 = evaluation.top1;
    line->error = sanl_evaluation_error(&evaluation);
    sanl_evaluation_free(&evaluation);
    return SANL_OK;
}

static enum sanl_status end_epoch(struct run *run, struct sanl_log_epoch *line)
{
    struct sanl_position *at = &run->at;
    const char *best = run->folder.paths[SANL_RUN_BEST];
    if (at->best_epoch == 0) /* an error that is no number takes no better one's place */
        line->best = isfinite(line->error) || run->folder.replaces || !sanl_file_exists(best);
    else
        line->best = line->error < at->best_error;
    at->epoch++;
    at->step = 0;
    at->loss_sum = 0;
    if (line->best) {
        at->best_epoch = at->epoch;
        at->best_error = isfinite(line->error) ? line->error : (double)INFINITY;
        SANL_TRY(save(run, SANL_RUN_BEST));
    }
    SANL_TRY(save_last(run));
    SANL_TRY(sanl_run_folder_log_epoch(&run->folder, task_of(run), line));
    report(run, &(struct sanl_train_progress){.epoch = at->epoch,
                                              .step = run->steps,
                                              .loss = line->loss,
                                              .lr = line->lr,
                                              .images_per_second = line->images_per_second,
                                              .validated = true,
                                              .error = line->error,
                                              .best = line->best});
    return SANL_OK;
}

static enum sanl_status run_epoch(struct run *run)
{
    float norm;
    run->epoch_first = run->at.step;
    SANL_TRY(run_steps(run));
    SANL_TRY(check_norm(run, &norm));
    struct sanl_log_epoch line = {
        .epoch = run->at.epoch + 1,
        .step = run->at.updates,
        .loss = run->at.loss_sum / run->steps,
        .lr = sanl_learning_rate(&run->config->train, scheduled(run) - 1, run->steps),
        .skipped = sanl_loader_skipped(run->train),
        .images_per_second = images_per_second(run),
        .wait_share = wait_share(run),
    };
    const enum sanl_status status = validate(run, &line);
    if (status == SANL_ERR_INTERRUPTED)
        return stop(run);
    SANL_TRY(status);
    line.seconds = sanl_clock_seconds() - run->epoch_start;
    return end_epoch(run, &line);
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static enum sanl_status train(struct run *run, struct sanl_device *device)
{
    const struct sanl_config *config = run->config;
    const enum sanl_train_mode mode = run->options->mode;
    SANL_TRY(sanl_data_check_parts(&config->data));
    SANL_TRY(sanl_run_folder_open(&run->folder, config->out, mode));
    SANL_TRY(sanl_dataset_open_told(&run->dataset, &config->data));
    SANL_TRY(make_loaders(run));
    if (task_of(run) == SANL_TASK_LANDMARK)
        SANL_TRY(sanl_dataset_check_landmarks(run->dataset, config->model.landmarks));
    if (task_of(run) == SANL_TASK_LANDMARK && run->val)
        SANL_TRY(sanl_check_measurable(run->dataset, config));
    if (mode == SANL_TRAIN_RESUME)
        SANL_TRY(read_before(run));
    SANL_TRY(make_network(run, device));
    SANL_TRY(open_cache(run));
    SANL_TRY(name_categories(run));
    if (mode == SANL_TRAIN_RESUME)
        SANL_TRY(read_position(run));
    SANL_TRY(sanl_run_folder_begin(&run->folder, config, mode, run->at.updates, run->at.epoch));
    run->start = sanl_clock_seconds();
    while (run->at.epoch < config->train.epochs)
        SANL_TRY(run_epoch(run));
    return SANL_OK;
}

enum sanl_status sanl_train(struct sanl_train_result *out, const struct sanl_config *config,
                            struct sanl_device *device, const struct sanl_train_options *options)
{
    static const struct sanl_train_options plain;
    struct run run = {.config = config, .options = options ? options : &plain};
    run.start = sanl_clock_seconds();
    make_carried(&run.carried, config);
    const enum sanl_status status = train(&run, device);
    if (out)
        *out = (struct sanl_train_result){run.at.epoch, run.at.best_epoch, run.at.best_error,
                                          sanl_clock_seconds() - run.start, run.stepped};
    sanl_updater_free(run.updater);
    sanl_cam_cache_free(run.cams);
    sanl_engine_free(run.engine);
    sanl_engine_free(run.val_engine);
    sanl_network_free(run.network);
    sanl_loader_free(run.train);
    sanl_loader_free(run.val);
    sanl_dataset_free(run.dataset);
    sanl_run_folder_close(&run.folder);
    free(run.categories);
    return status;
}
