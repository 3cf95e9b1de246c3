#include <sanlcl/predict.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sanlcl/interrupt.h>
#include <sanlcl/memory.h>
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/sample.h"
#include "model/weights.h"
#include "train/evaluator.h"
#include "train/locate.h"
#include "train/predictor.h"

struct sanl_predictor {
    struct sanl_network *network;
    struct sanl_engine *engine;
    struct sanl_batch batch;
    const struct sanl_predict_input **inputs; /* (batch,): of the pictures in the batch */
    int (*sides)[2];                          /* (batch,): width and height of each */
    struct sanl_box *windows;                 /* (batch,): what the network sees of each */
    const char **categories;
    int category_count;
    int class_count;                  /* of the classifier, or of that of the attention maps; 0 without one */
    float *values, *probability;      /* (batch, landmarks, 3) or (batch, classes); (batch, classes) */
    float *logits;                    /* (batch, classes) */
    int *target;                      /* (batch,): the class whose attention maps are read */
    struct sanl_maps *maps;           /* made when they are first wanted */
    const struct sanl_scheme *scheme; /* NULL: a classifier */
};

/* ---- the predictor ------------------------------------------------------------------------------- */

static bool is_landmark(const struct sanl_predictor *p)
{
    return p->network->config.task == SANL_TASK_LANDMARK;
}

static enum sanl_status create_parts(struct sanl_predictor *p)
{
    const struct sanl_config *config = &p->network->config;
    const size_t batch = (size_t)config->eval.batch;
    if (is_landmark(p))
        SANL_TRY(sanl_scheme_find(&p->scheme, config->model.landmarks));
    p->class_count = is_landmark(p) ? p->network->classes : config->model.classes;
    SANL_TRY(sanl_batch_create(&p->batch, config->eval.batch, config->model.size, 0));
    const size_t classes = (size_t)(p->class_count > 0 ? p->class_count : 1);
    p->inputs = sanl_calloc(batch, sizeof *p->inputs);
    p->sides = sanl_calloc(batch, sizeof *p->sides);
    p->windows = sanl_calloc(batch, sizeof *p->windows);
    p->values = sanl_calloc(batch * (size_t)config->model.landmarks * SANL_LOCATED, sizeof *p->values);
    p->logits = sanl_calloc(batch * classes, sizeof *p->logits);
    p->probability = sanl_calloc(batch * classes, sizeof *p->probability);
    p->target = sanl_calloc(batch, sizeof *p->target);
    return p->inputs && p->sides && p->windows && p->values && p->logits && p->probability && p->target
               ? SANL_OK
               : SANL_ERR_MEMORY;
}

enum sanl_status sanl_predictor_create(struct sanl_predictor **out, struct sanl_device *device,
                                       const char *weights, const char *const *overrides, size_t count)
{
    struct sanl_config config;
    *out = NULL;
    SANL_TRY(sanl_weights_config(&config, weights, overrides, count));
    struct sanl_predictor *p = sanl_calloc(1, sizeof *p);
    if (!p)
        return SANL_ERR_MEMORY;
    enum sanl_status status = sanl_weights_categories(&p->categories, &p->category_count, weights);
    if (status == SANL_OK)
        status = sanl_network_open(&p->network, &config, device, -1, weights);
    if (status == SANL_OK)
        status = create_parts(p);
    if (status == SANL_OK)
        *out = p;
    else
        sanl_predictor_free(p);
    return status;
}

void sanl_predictor_free(struct sanl_predictor *p)
{
    if (!p)
        return;
    sanl_maps_free(p->maps);
    sanl_engine_free(p->engine);
    sanl_network_free(p->network);
    sanl_batch_free(&p->batch);
    free(p->inputs);
    free(p->sides);
    free(p->windows);
    free(p->categories);
    free(p->values);
    free(p->logits);
    free(p->probability);
    free(p->target);
    free(p);
}

const struct sanl_config *sanl_predictor_config(const struct sanl_predictor *predictor)
{
    return &predictor->network->config;
}

/* An engine for `count` pictures, at most eval.batch at a time: a graph costs what its batch does, filled or
 * not. */
static enum sanl_status provide_engine(struct sanl_predictor *p, size_t count)
{
    const int most = p->batch.capacity, batch = count < (size_t)most ? (int)count : most;
    if (batch == 0 || (p->engine && p->engine->batch >= batch))
        return SANL_OK;
    sanl_maps_free(p->maps);
    sanl_engine_free(p->engine);
    p->maps = NULL;
    p->engine = NULL;
    const struct sanl_memory_use use = {&p->network->config, 0, batch};
    SANL_TRY(sanl_memory_check(&use, p->network->device, 0));
    SANL_TRY(sanl_engine_create(&p->engine, p->network, batch, false));
    /* No larger engine will be made, and no Grad-CAM of a classifier's own. */
    return batch == most && is_landmark(p) ? sanl_engine_seal(p->engine) : SANL_OK;
}

/* ---- pictures ------------------------------------------------------------------------------------ */

static enum sanl_status add_input(struct sanl_predictor *p, const struct sanl_predict_input *input)
{
    const struct sanl_config *config = &p->network->config;
    const struct sanl_sample_options options = {config->model.size, config->data.margin,
                                                config->data.max_megapixels, config->data.center_crop};
    struct sanl_sample sample;
    SANL_TRY(sanl_sample_read(&sample, input->path, input->has_box ? &input->box : NULL, &options, NULL));
    const int i = p->batch.count;
    enum sanl_status status = sanl_batch_add(&p->batch, &sample);
    p->inputs[i] = input;
    p->sides[i][0] = sample.width;
    p->sides[i][1] = sample.height;
    p->windows[i] = sample.window;
    sanl_sample_free(&sample);
    return status;
}

/* Fills the batch with the next pictures, from *at on. */
static enum sanl_status fill_batch(struct sanl_predictor *p, const struct sanl_predict_input *inputs,
                                   size_t count, size_t *at, bool skip_bad, size_t *skipped)
{
    sanl_batch_clear(&p->batch);
    while (*at < count && p->batch.count < p->engine->batch) {
        if (sanl_interrupted())
            return sanl_fail(SANL_ERR_INTERRUPTED, "stopped after %zu of %zu pictures",
                             *at - (size_t)p->batch.count, count);
        const enum sanl_status status = add_input(p, &inputs[(*at)++]);
        if (sanl_sample_is_bad(status) && skip_bad) {
            sanl_log(SANL_LOG_WARNING, "skipped: %s", sanl_error_message());
            ++*skipped;
        } else if (status != SANL_OK) {
            return status;
        }
    }
    return SANL_OK;
}

/* ---- answers ------------------------------------------------------------------------------------- */

static void softmax(float *out, const float *logits, int count)
{
    float most = logits[0];
    double sum = 0;
    for (int c = 1; c < count; c++)
        most = fmaxf(most, logits[c]);
    for (int c = 0; c < count; c++)
        sum += exp((double)logits[c] - (double)most);
    for (int c = 0; c < count; c++)
        out[c] = (float)(exp((double)logits[c] - (double)most) / sum);
}

static int likeliest(const float *logits, int count)
{
    int best = 0;
    for (int c = 1; c < count; c++)
        if (logits[c] > logits[best])
            best = c;
    return best;
}

/* Reads the maps of the wanted class, or of that which their classifier finds likeliest. What guides the
 * network are the maps of the latter in any case. */
static enum sanl_status read_inputs(struct sanl_predictor *p, const struct sanl_predict_options *options)
{
    const bool wanted = options->cam_class >= 0;
    for (int i = 0; i < p->engine->batch; i++)
        p->target[i] = options->cam_class;
    SANL_TRY(sanl_maps_read_inputs(p->maps, wanted ? p->target : NULL, p->logits));
    for (int i = 0; i < p->engine->batch && !wanted; i++)
        p->target[i] = likeliest(p->logits + (size_t)i * (size_t)p->class_count, p->class_count);
    return wanted ? sanl_engine_make_cams(p->engine) : SANL_OK;
}

/* Runs the network, and with maps reads what is behind its answer. */
static enum sanl_status run_batch(struct sanl_predictor *p, const struct sanl_predict_options *options)
{
    SANL_TRY(sanl_engine_load(p->engine, &p->batch));
    if (options->maps)
        SANL_TRY(read_inputs(p, options));
    SANL_TRY(sanl_graph_forward(p->engine->graph));
    if (options->maps) /* those of the picture as it is: before it may be mirrored */
        SANL_TRY(sanl_maps_read_heatmaps(p->maps));
    return is_landmark(p) ? sanl_locate(p->values, p->engine)
                          : sanl_tensor_read(p->engine->classifier.logits, p->logits);
}

static void describe(struct sanl_prediction *out, const struct sanl_predictor *p, int i,
                     const struct sanl_predict_options *options)
{
    const bool classes = p->class_count > 0 && (!is_landmark(p) || options->maps);
    const size_t row = (size_t)i * (size_t)p->class_count;
    memset(out, 0, sizeof *out);
    out->path = p->inputs[i]->path;
    out->width = p->sides[i][0];
    out->height = p->sides[i][1];
    out->box = p->batch.box[i];
    out->window = p->windows[i];
    out->task = p->network->config.task;
    out->size = p->network->config.model.size;
    out->scheme = p->scheme;
    out->clothes = options->clothes;
    for (int k = 0; p->scheme && k < p->scheme->landmarks; k++) {
        const float *value =
            p->values + ((size_t)i * (size_t)p->scheme->landmarks + (size_t)k) * SANL_LOCATED;
        const double at_in[2] = {(double)value[0], (double)value[1]};
        sanl_affine_apply(out->landmark_img[k], &p->batch.in_to_img[i], at_in);
        out->score[k] = value[2];
        out->visible[k] =
            (double)value[2] >= options->threshold && sanl_clothes_has(p->scheme, options->clothes, k);
    }
    if (classes) {
        softmax(p->probability + row, p->logits + row, p->class_count);
        out->probability = p->probability + row;
        out->class_count = p->class_count;
        out->categories = p->category_count == p->class_count ? (const char *const *)p->categories : NULL;
    }
    if (options->maps)
        sanl_maps_describe(out, p->maps, i);
    const bool made = p->engine->gradcam || !p->engine->cam[0]; /* else they are uniform */
    out->cam_class = made && out->cam[0] && p->class_count ? p->target[i] : -1;
}

static enum sanl_status hand_over(struct sanl_predictor *p, const struct sanl_predict_input *inputs,
                                  const struct sanl_predict_options *options, struct sanl_dump *dump)
{
    struct sanl_prediction prediction;
    for (int i = 0; i < p->batch.count; i++) {
        describe(&prediction, p, i, options);
        prediction.input = (size_t)(p->inputs[i] - inputs);
        if (dump)
            SANL_TRY(sanl_dump_add(dump, &prediction, p->logits + (size_t)i * (size_t)p->class_count));
        if (options->done)
            SANL_TRY(options->done(options->payload, &prediction));
    }
    return SANL_OK;
}

static enum sanl_status check(const struct sanl_predictor *p, const struct sanl_predict_options *options)
{
    if (!options->maps && (options->dump_tensors || options->cam_class >= 0))
        return sanl_fail(SANL_ERR_USAGE, "tensors and attention maps of a class need the maps");
    if (options->cam_class >= 0 && options->cam_class >= p->class_count)
        return p->class_count ? sanl_fail(SANL_ERR_USAGE, "no class %d: the classifier has %d",
                                          options->cam_class + 1, p->class_count)
                              : sanl_fail(SANL_ERR_USAGE, "the checkpoint holds no classifier");
    if (options->cam_class >= 0 && !p->network->classifier &&
        p->network->config.model.block == SANL_BLOCK_SANL)
        return sanl_fail(SANL_ERR_USAGE, "no maps of a class: the network's are uniform (cam.mode)");
    if (options->clothes < 0 || options->clothes > (p->scheme ? p->scheme->clothes : 0))
        return sanl_fail(SANL_ERR_USAGE, "no type of clothes %d: the network's landmarks have %d",
                         options->clothes, p->scheme ? p->scheme->clothes : 0);
    return options->dump_tensors ? sanl_output_check(options->dump_tensors) : SANL_OK;
}

enum sanl_status sanl_predict(struct sanl_predictor *predictor, const struct sanl_predict_input *inputs,
                              size_t count, const struct sanl_predict_options *options, size_t *skipped)
{
    struct sanl_dump *dump = NULL;
    size_t at = 0, bad = 0;
    SANL_TRY(check(predictor, options));
    SANL_TRY(provide_engine(predictor, count));
    enum sanl_status status = SANL_OK;
    if (options->maps && !predictor->maps)
        status = sanl_maps_create(&predictor->maps, predictor->engine);
    if (status == SANL_OK && options->dump_tensors)
        status = sanl_dump_create(&dump, predictor->class_count);
    while (status == SANL_OK && at < count) {
        status = fill_batch(predictor, inputs, count, &at, options->skip_bad, &bad);
        if (status == SANL_OK && predictor->batch.count > 0)
            status = run_batch(predictor, options);
        if (status == SANL_OK)
            status = hand_over(predictor, inputs, options, dump);
    }
    if (status == SANL_OK && dump)
        status = sanl_dump_write(dump, options->dump_tensors);
    sanl_dump_free(dump);
    if (skipped)
        *skipped = bad;
    return status;
}

void sanl_predict_defaults(struct sanl_predict_options *options)
{
    const struct sanl_predict_options defaults = {.threshold = 0.2, .cam_class = -1};
    *options = defaults;
}

int sanl_prediction_top(const struct sanl_prediction *prediction, int *out, int count)
{
    const float *p = prediction->probability;
    int found = 0;
    for (int c = 0; p && c < prediction->class_count; c++) {
        int at = found < count ? found++ : count;
        while (at > 0 && p[c] > p[out[at - 1]]) { /* equal ones stay in their order */
            if (at < count)
                out[at] = out[at - 1];
            at--;
        }
        if (at < count)
            out[at] = c;
    }
    return found;
}
