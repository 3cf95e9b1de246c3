#include "train/evaluator.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sanlcl/clock.h>
#include <sanlcl/interrupt.h>
#include <sanlcl/memory.h>
#include "base/log.h"
#include "base/memory.h"
#include "landmark/metric.h"
#include "model/tensors.h"
#include "model/weights.h"
#include "train/locate.h"

/* One evaluation under way. */
struct run {
    struct sanl_evaluation *out;
    struct sanl_engine *engine;
    const struct sanl_dataset *dataset;
    const struct sanl_evaluate_hooks *hooks;
    const struct sanl_mean_landmark *mean; /* the baseline; NULL: none */
    float *values; /* what the network says: (batch, landmarks, 3) or (batch, classes) */
    long top1, top3, top5;
};

/* ---- landmarks ----------------------------------------------------------------------------------- */

const char *sanl_group_name(const struct sanl_scheme *scheme, int group)
{
    static const char *const variations[] = {"normal pose", "medium pose", "large pose", "medium zoom-in",
                                             "large zoom-in"};
    if (group == SANL_GROUP_ALL || group == SANL_GROUP_BASELINE)
        return group == SANL_GROUP_ALL ? "all" : "baseline";
    return group < SANL_GROUP_VARIATION ? sanl_clothes_name(scheme, group - SANL_GROUP_CLOTHES + 1)
                                        : variations[group - SANL_GROUP_VARIATION];
}

/* Adds a picture to the groups that it belongs to; numbers out of range are of no group. */
static void add_errors(struct run *run, const struct sanl_evaluated *p,
                       const struct sanl_landmark_errors *errors)
{
    struct sanl_landmark_score *score = run->out->score;
    const int n = p->scheme->landmarks;
    sanl_landmark_score_add(&score[SANL_GROUP_ALL], n, errors);
    if (p->clothes >= 1 && SANL_GROUP_CLOTHES + p->clothes <= SANL_GROUP_VARIATION)
        sanl_landmark_score_add(&score[SANL_GROUP_CLOTHES + p->clothes - 1], n, errors);
    if (p->variation >= 1 && SANL_GROUP_VARIATION + p->variation <= SANL_GROUP_BASELINE)
        sanl_landmark_score_add(&score[SANL_GROUP_VARIATION + p->variation - 1], n, errors);
}

static void add_landmarks(struct run *run, const struct sanl_batch *batch, int i, struct sanl_evaluated *p)
{
    const struct sanl_record *record = &run->dataset->records[p->record];
    const int n = run->dataset->scheme->landmarks, size = run->engine->network->config.model.size;
    const float *row = run->values + (size_t)i * (size_t)n * SANL_LOCATED;
    struct sanl_landmark_errors errors;
    struct sanl_landmarks truth;
    double mean_img[SANL_LANDMARKS][2];
    sanl_dataset_landmarks(&truth, run->dataset, record);
    p->scheme = run->dataset->scheme;
    p->clothes = record->clothes;
    p->variation = record->variation;
    memcpy(p->truth_img, truth.img, sizeof p->truth_img);
    memcpy(p->visibility, truth.visibility, sizeof p->visibility);
    for (int k = 0; k < n; k++) {
        const float *at = row + k * SANL_LOCATED;
        /* The peak of a heatmap that is not finite is at its first pixel, which is no prediction. */
        const double x_in = isfinite(at[2]) ? (double)at[0] : (double)NAN, at_in[2] = {x_in, (double)at[1]};
        sanl_affine_apply(p->predicted_img[k], &batch->in_to_img[i], at_in);
        p->score[k] = at[2];
    }
    sanl_landmark_measure(&errors, n, (const double(*)[2])p->predicted_img, (const double(*)[2])truth.img,
                          truth.visibility, &p->box, size);
    memcpy(p->error, errors.value, sizeof p->error);
    add_errors(run, p, &errors);
    if (!run->mean)
        return;
    sanl_mean_landmark_predict(mean_img, n, run->mean, &p->box);
    sanl_landmark_measure(&errors, n, (const double(*)[2])mean_img, (const double(*)[2])truth.img,
                          truth.visibility, &p->box, size);
    sanl_landmark_score_add(&run->out->score[SANL_GROUP_BASELINE], n, &errors);
}

/* ---- categories ---------------------------------------------------------------------------------- */

/* How many logits stand before that of `category`; one that is not a number stands before all. */
static int rank_of(const float *logits, int count, int category)
{
    int rank = 0;
    for (int c = 0; c < count; c++)
        rank +=
            c < category ? !(logits[c] < logits[category]) : c > category && !(logits[c] <= logits[category]);
    return rank;
}

static void add_category(struct run *run, int i, struct sanl_evaluated *p)
{
    const int count = run->out->class_count;
    const float *logits = run->values + (size_t)i * (size_t)count;
    double sum = 0;
    int best = 0;
    for (int c = 1; c < count; c++)
        if (logits[c] > logits[best])
            best = c;
    for (int c = 0; c < count; c++)
        sum += exp((double)logits[c] - logits[best]);
    p->category = run->dataset->records[p->record].category;
    p->predicted_category = best;
    p->probability = 1 / sum;
    const int rank = rank_of(logits, count, p->category);
    struct sanl_class_score *score = &run->out->classes[p->category];
    score->count++;
    score->top1 += rank == 0;
    score->top3 += rank < 3;
    score->top5 += rank < 5;
    run->top1 += rank == 0;
    run->top3 += rank < 3;
    run->top5 += rank < 5;
    if (run->out->confusion)
        run->out->confusion[(size_t)p->category * (size_t)count + (size_t)best]++;
}

/* ---- the loop ------------------------------------------------------------------------------------ */

static bool is_landmark(const struct run *run)
{
    return run->engine->network->config.task == SANL_TASK_LANDMARK;
}

static enum sanl_status check(const struct run *run)
{
    const struct sanl_model_config *model = &run->engine->network->config.model;
    if (is_landmark(run))
        return sanl_dataset_check_landmarks(run->dataset, model->landmarks);
    if (run->dataset->category_count > model->classes)
        return sanl_fail(SANL_ERR_USAGE, "%s: %d categories, but the classifier has %d (model.classes)",
                         run->dataset->root, run->dataset->category_count, model->classes);
    return SANL_OK;
}

static enum sanl_status prepare_classes(struct run *run)
{
    const size_t count = (size_t)run->engine->network->config.model.classes;
    struct sanl_evaluation *out = run->out;
    out->class_count = (int)count;
    if (!(out->classes = sanl_calloc(count, sizeof *out->classes)))
        return SANL_ERR_MEMORY;
    for (int c = 0; c < out->class_count; c++) {
        char *name = out->classes[c].name;
        if (c < run->dataset->category_count)
            snprintf(name, sizeof out->classes->name, "%s", run->dataset->category_names[c]);
        else
            snprintf(name, sizeof out->classes->name, "category %d", c + 1);
    }
    if (count > SANL_CONFUSION_CLASSES)
        return SANL_OK;
    out->confusion = sanl_calloc(count * count, sizeof *out->confusion);
    return out->confusion ? SANL_OK : SANL_ERR_MEMORY;
}

static enum sanl_status prepare(struct run *run)
{
    const struct sanl_model_config *model = &run->engine->network->config.model;
    const size_t batch = (size_t)run->engine->batch;
    SANL_TRY(check(run));
    run->out->task = run->engine->network->config.task;
    run->values = sanl_calloc(
        batch * (size_t)(is_landmark(run) ? model->landmarks * SANL_LOCATED : model->classes), sizeof(float));
    if (!run->values)
        return SANL_ERR_MEMORY;
    if (!is_landmark(run))
        return prepare_classes(run);
    run->out->scheme = run->dataset->scheme;
    run->out->score = sanl_calloc(SANL_GROUPS, sizeof *run->out->score);
    return run->out->score ? SANL_OK : SANL_ERR_MEMORY;
}

static void add_picture(struct run *run, const struct sanl_batch *batch, int i)
{
    struct sanl_evaluated picture = {
        .task = run->out->task, .record = batch->record[i], .box = batch->box[i]};
    picture.image = run->dataset->records[picture.record].image;
    if (is_landmark(run))
        add_landmarks(run, batch, i, &picture);
    else
        add_category(run, i, &picture);
    run->out->images++;
    if (run->hooks && run->hooks->record)
        run->hooks->record(run->hooks->payload, &picture);
}

static enum sanl_status walk(struct run *run, struct sanl_loader *loader)
{
    const int count = sanl_loader_samples(loader);
    sanl_loader_start_epoch(loader, 0);
    for (;;) {
        const struct sanl_batch *batch;
        if (sanl_interrupted())
            return sanl_fail(SANL_ERR_INTERRUPTED, "stopped after %d of %d pictures", run->out->images,
                             count);
        SANL_TRY(sanl_loader_next(loader, &batch));
        if (!batch)
            return SANL_OK;
        SANL_TRY(sanl_engine_load(run->engine, batch));
        SANL_TRY(sanl_graph_forward(run->engine->graph));
        SANL_TRY(is_landmark(run) ? sanl_locate(run->values, run->engine)
                                  : sanl_tensor_read(run->engine->classifier.logits, run->values));
        for (int i = 0; i < batch->count; i++)
            add_picture(run, batch, i);
        if (run->hooks && run->hooks->progress)
            run->hooks->progress(run->hooks->payload, run->out->images + sanl_loader_skipped(loader), count);
    }
}

static void conclude(struct run *run, const struct sanl_loader *loader)
{
    struct sanl_evaluation *out = run->out;
    out->skipped = sanl_loader_skipped(loader);
    out->top1 = out->images ? (double)run->top1 / out->images : NAN;
    out->top3 = out->images ? (double)run->top3 / out->images : NAN;
    out->top5 = out->images ? (double)run->top5 / out->images : NAN;
}

static enum sanl_status evaluate(struct sanl_evaluation *out, struct sanl_engine *engine,
                                 struct sanl_loader *loader, const struct sanl_dataset *dataset,
                                 const struct sanl_evaluate_hooks *hooks,
                                 const struct sanl_mean_landmark *mean)
{
    struct run run = {.out = out, .engine = engine, .dataset = dataset, .hooks = hooks, .mean = mean};
    const double start = sanl_clock_seconds();
    memset(out, 0, sizeof *out);
    enum sanl_status status = prepare(&run);
    if (status == SANL_OK)
        status = walk(&run, loader);
    if (status == SANL_OK)
        conclude(&run, loader);
    else
        sanl_evaluation_free(out);
    free(run.values);
    out->seconds = sanl_clock_seconds() - start;
    return status;
}

enum sanl_status sanl_evaluate_engine(struct sanl_evaluation *out, struct sanl_engine *engine,
                                      struct sanl_loader *loader, const struct sanl_dataset *dataset,
                                      const struct sanl_evaluate_hooks *hooks)
{
    return evaluate(out, engine, loader, dataset, hooks, NULL);
}

void sanl_evaluation_free(struct sanl_evaluation *evaluation)
{
    free(evaluation->score);
    free(evaluation->classes);
    free(evaluation->confusion);
    memset(evaluation, 0, sizeof *evaluation);
}

double sanl_evaluation_error(const struct sanl_evaluation *evaluation)
{
    return evaluation->task == SANL_TASK_LANDMARK
               ? sanl_landmark_score_mean(&evaluation->score[SANL_GROUP_ALL], SANL_NE_PEER)
               : 1 - evaluation->top1;
}

/* ---- a checkpoint -------------------------------------------------------------------------------- */

enum sanl_status sanl_checkpoint_config(struct sanl_config *out, const char *weights, const char *config_path,
                                        const char *const *overrides, size_t override_count)
{
    struct sanl_tensors *file;
    struct sanl_config given;
    SANL_TRY(sanl_tensors_open(&file, weights));
    const bool carries = sanl_tensors_text(file, "config") != NULL;
    sanl_tensors_free(file);
    if (!config_path)
        return sanl_weights_config(out, weights, overrides, override_count);
    SANL_TRY(sanl_config_load(&given, config_path, overrides, override_count));
    if (!carries) {
        *out = given;
        return SANL_OK;
    }
    SANL_TRY(sanl_weights_config(out, weights, overrides, override_count));
    out->data = given.data;
    out->eval = given.eval;
    return SANL_OK;
}

enum sanl_status sanl_check_measurable(const struct sanl_dataset *dataset, const struct sanl_config *config)
{
    const struct sanl_part *part;
    const int n = dataset->scheme->landmarks;
    struct sanl_landmarks truth;
    struct sanl_landmark_errors errors;
    SANL_TRY(sanl_dataset_find_part(&part, dataset, config->data.val));
    for (int i = 0; i < part->count; i++) {
        const struct sanl_record *record = &dataset->records[part->records[i]];
        const bool boxed = config->data.boxes && sanl_box_is_set(&record->box);
        const double(*img)[2] = (const double(*)[2])truth.img;
        sanl_dataset_landmarks(&truth, dataset, record);
        if (boxed)
            sanl_landmark_measure(&errors, n, img, img, truth.visibility, &record->box, config->model.size);
        for (int k = 0; k < n; k++)
            if (boxed ? isfinite(errors.value[SANL_NE_PEER][k]) : truth.visibility[k] == SANL_VISIBLE)
                return SANL_OK;
    }
    return sanl_fail(SANL_ERR_USAGE,
                     "%s: part '%s' has no visible landmark%s to measure errors at (data.val)", dataset->root,
                     config->data.val, config->data.boxes ? " in its box" : "");
}

enum sanl_status sanl_check_categories(const struct sanl_dataset *dataset, const char *weights)
{
    const char **names;
    int count;
    SANL_TRY(sanl_weights_categories(&names, &count, weights));
    for (int i = 0; i < count && i < dataset->category_count; i++)
        if (strcmp(names[i], dataset->category_names[i]) != 0) {
            sanl_log(SANL_LOG_WARNING, "category %d is '%s' in %s, but '%s' in %s: are they numbered alike?",
                     i + 1, names[i], weights, dataset->category_names[i], dataset->root);
            break;
        }
    free(names);
    return SANL_OK;
}

static enum sanl_status learn_mean(struct sanl_mean_landmark *mean, const struct sanl_dataset *dataset,
                                   const char *part_name)
{
    const struct sanl_part *part;
    sanl_mean_landmark_reset(mean);
    SANL_TRY(sanl_dataset_find_part(&part, dataset, part_name));
    for (int i = 0; i < part->count; i++) {
        const struct sanl_record *record = &dataset->records[part->records[i]];
        struct sanl_landmarks truth;
        sanl_dataset_landmarks(&truth, dataset, record);
        sanl_mean_landmark_add(mean, dataset->scheme->landmarks, (const double(*)[2])truth.img,
                               truth.visibility, &record->box);
    }
    return SANL_OK;
}

static enum sanl_status check_confusion(const struct sanl_config *config)
{
    if (config->task != SANL_TASK_CLASSIFY)
        return sanl_fail(SANL_ERR_USAGE, "only a classifier has a confusion matrix, found task: landmark");
    if (config->model.classes > SANL_CONFUSION_CLASSES)
        return sanl_fail(SANL_ERR_LIMIT, "a confusion matrix has at most %d classes, found model.classes: %d",
                         SANL_CONFUSION_CLASSES, config->model.classes);
    return SANL_OK;
}

static enum sanl_status make_loader(struct sanl_loader **out, const struct sanl_dataset *dataset,
                                    const struct sanl_config *config, const char *part)
{
    struct sanl_loader_options options;
    sanl_loader_configure(&options, config);
    options.part = part ? part : config->data.test;
    options.batch = config->eval.batch;
    options.categories = config->task == SANL_TASK_CLASSIFY;
    options.landmarks = !options.categories;
    return sanl_loader_create(out, dataset, &options);
}

enum sanl_status sanl_evaluate(struct sanl_evaluation *out, struct sanl_device *device,
                               const struct sanl_evaluate_options *options)
{
    struct sanl_config config;
    struct sanl_dataset *dataset = NULL;
    struct sanl_loader *loader = NULL;
    struct sanl_network *network = NULL;
    struct sanl_engine *engine = NULL;
    struct sanl_mean_landmark mean;
    memset(out, 0, sizeof *out);
    SANL_TRY(sanl_checkpoint_config(&config, options->weights, options->config, options->overrides,
                                    options->override_count));
    if (options->confusion)
        SANL_TRY(check_confusion(&config));
    if (options->needs_landmarks && config.task != SANL_TASK_LANDMARK)
        return sanl_fail(SANL_ERR_USAGE, "%s: only landmarks have this, found task: classify",
                         options->needs_landmarks);
    if (options->needs_fashion && sanl_scheme_of(config.model.landmarks) != &sanl_scheme_fashion)
        return sanl_fail(SANL_ERR_USAGE,
                         "%s: only FLD's eight landmarks have this, found model.landmarks: %d",
                         options->needs_fashion, config.model.landmarks);
    const bool baseline = options->baseline && config.task == SANL_TASK_LANDMARK;
    if (baseline && !config.data.boxes)
        return sanl_fail(SANL_ERR_USAGE, "the baseline puts each landmark at its mean place within the "
                                         "garment's box: it needs data.boxes=true");
    if (options->hooks.begin)
        SANL_TRY(options->hooks.begin(options->hooks.payload, config.data.root));
    enum sanl_status status = sanl_dataset_open_told(&dataset, &config.data);
    if (status == SANL_OK)
        status = make_loader(&loader, dataset, &config, options->part);
    if (status == SANL_OK && config.task == SANL_TASK_CLASSIFY)
        status = sanl_check_categories(dataset, options->weights);
    if (status == SANL_OK && baseline)
        status = learn_mean(&mean, dataset, config.data.train);
    if (status == SANL_OK)
        status = sanl_memory_check(&(struct sanl_memory_use){&config, 0, config.eval.batch}, device, 0);
    if (status == SANL_OK)
        status = sanl_network_open(&network, &config, device, -1, options->weights);
    if (status == SANL_OK)
        status = sanl_engine_create(&engine, network, config.eval.batch, false);
    if (status == SANL_OK)
        status = sanl_engine_seal(engine);
    if (status == SANL_OK)
        status = evaluate(out, engine, loader, dataset, &options->hooks, baseline ? &mean : NULL);
    sanl_engine_free(engine);
    sanl_network_free(network);
    sanl_loader_free(loader);
    sanl_dataset_free(dataset);
    return status;
}
