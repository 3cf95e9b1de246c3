/* Comparing a whole network with a golden file: inputs and case from the file, weights hashed from names and
 * seed. */
#include <sanlcl/golden.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sanlcl/interrupt.h>
#include "base/memory.h"
#include "model/layers.h"
#include "model/model.h"
#include "model/tensors.h"
#include "train/golden_case.h"
#include "train/golden_values.h"

enum { STEPS = 3, LOSSES = SANL_STAGES + 1 };

/* One graph over the network's parameters. */
struct side {
    struct sanl_graph *graph;
    struct sanl_landmark_model landmark;
    struct sanl_classifier_model classifier;
    struct sanl_tensor *image, *cam[SANL_STAGES], *loss[LOSSES]; /* of either; NULL where there is none */
};

struct golden {
    struct sanl_device *device;
    struct sanl_golden_values values;
    struct sanl_golden_case of;
    uint64_t nudge;
    struct sanl_params *params, *classifier;
    struct side train, infer;
    struct sanl_gradcam *gradcam;
    float **initial; /* of each parameter */
};

/* ---- building ------------------------------------------------------------------------------------ */

static bool is_landmark(const struct golden *g)
{
    return g->of.config.task == SANL_TASK_LANDMARK;
}

static enum sanl_status build_side(struct side *side, const struct golden *g, bool training)
{
    const struct sanl_graph_options options = {.backward = training, .param_gradients = training};
    const struct sanl_config *config = &g->of.config;
    SANL_TRY(sanl_graph_create(&side->graph, g->params, &options));
    if (is_landmark(g)) {
        sanl_model_landmark(&side->landmark, side->graph, &config->model, &config->loss, g->of.batch);
        side->image = side->landmark.image;
        memcpy(side->cam, side->landmark.cam, sizeof side->cam);
        memcpy(side->loss, side->landmark.loss, sizeof side->loss);
    } else {
        sanl_model_classifier(&side->classifier, side->graph, &config->model, &config->loss, g->of.batch);
        side->image = side->classifier.image;
        memcpy(side->cam, side->classifier.cam, sizeof side->cam);
        side->loss[0] = side->classifier.loss;
    }
    return sanl_graph_plan(side->graph);
}

static enum sanl_status build_network(struct golden *g)
{
    SANL_TRY(sanl_params_create(&g->params, g->device));
    SANL_TRY(build_side(&g->train, g, true));
    SANL_TRY(build_side(&g->infer, g, false));
    SANL_TRY(sanl_graph_allocate(g->train.graph));
    SANL_TRY(sanl_graph_allocate(g->infer.graph));
    SANL_TRY(sanl_params_allocate(g->params, 1));
    SANL_TRY(sanl_params_init_hashed(g->params, g->of.seed, g->nudge));
    SANL_TRY(sanl_params_create(&g->classifier, g->device));
    SANL_TRY(sanl_gradcam_create(&g->gradcam, g->classifier, &(struct sanl_graph_options){0},
                                 SANL_GOLDEN_CLASSES, &g->of.config.cam, g->of.config.model.size,
                                 g->of.batch));
    SANL_TRY(sanl_params_allocate(g->classifier, -1));
    return sanl_params_init_hashed(g->classifier, g->of.seed + 1, g->nudge);
}

static void free_network(struct golden *g)
{
    for (int i = 0; g->initial && i < g->params->count; i++)
        free(g->initial[i]);
    free(g->initial);
    sanl_gradcam_free(g->gradcam);
    sanl_graph_free(g->train.graph);
    sanl_graph_free(g->infer.graph);
    sanl_params_free(g->params);
    sanl_params_free(g->classifier);
    sanl_tensors_free(g->values.file);
}

/* Is (x, y), in heatmap pixels, what the file's own heatmap gives up to `slack` in its values? */
static bool is_decoded(const float *heat, int h, int w, double x, double y, double slack)
{
    const int px = (int)floor(x + 0.5), py = (int)floor(y + 0.5);
    double peak = -INFINITY;
    if (px < 0 || py < 0 || px >= w || py >= h)
        return false;
    for (int i = 0; i < h * w; i++)
        peak = fmax(peak, (double)heat[i]);
    if ((double)heat[py * w + px] < peak - slack)
        return false;
    const bool inside_x = px > 0 && px<w - 1, inside_y = py> 0 && py < h - 1;
    const double dx = inside_x ? (double)heat[py * w + px + 1] - (double)heat[py * w + px - 1] : 0;
    const double dy = inside_y ? (double)heat[(py + 1) * w + px] - (double)heat[(py - 1) * w + px] : 0;
    return (x - px) * dx >= -0.25 * slack && (y - py) * dy >= -0.25 * slack && (inside_x || x == px) &&
           (inside_y || y == py) && (fabs(dx) <= slack || x != px) && (fabs(dy) <= slack || y != py);
}

static enum sanl_status compare_decoded(struct golden *g)
{
    const struct sanl_shape s = g->infer.landmark.fine->shape;
    const size_t points = (size_t)(s.n * s.c);
    float *heat = NULL, *xy = NULL, *score = NULL, *decoded = sanl_calloc(points * 3, sizeof *decoded);
    double largest = 0;
    enum sanl_status status =
        decoded ? sanl_tensor_read(g->infer.landmark.decoded, decoded) : SANL_ERR_MEMORY;
    if (status == SANL_OK)
        status = sanl_golden_read(&g->values, "eval.fine", sanl_shape_count(s), &heat);
    if (status == SANL_OK)
        status = sanl_golden_read(&g->values, "eval.xy", points * 2, &xy);
    if (status == SANL_OK)
        status = sanl_golden_read(&g->values, "eval.score", points, &score);
    for (size_t i = 0; status == SANL_OK && i < sanl_shape_count(s); i++)
        largest = fmax(largest, fabs((double)heat[i]));
    for (size_t p = 0; status == SANL_OK && p < points; p++) {
        const double x = ((double)decoded[3 * p] - 1.5) / 4, y = ((double)decoded[3 * p + 1] - 1.5) / 4;
        const double slack = 2 * g->values.out->figure[SANL_GOLDEN_EVAL].bound * largest;
        const bool same = decoded[3 * p] == xy[2 * p] && decoded[3 * p + 1] == xy[2 * p + 1];
        sanl_golden_note(&g->values, SANL_GOLDEN_DECODE,
                         fabs((double)decoded[3 * p + 2] - (double)score[p]) / largest, "eval.score");
        if (!same && !is_decoded(heat + p * (size_t)(s.h * s.w), s.h, s.w, x, y, slack))
            sanl_golden_note(&g->values, SANL_GOLDEN_DECODE, INFINITY, "eval.xy");
    }
    g->values.out->tensors += 2;
    free(heat);
    free(xy);
    free(score);
    free(decoded);
    return status;
}

/* ---- the stages of a case ------------------------------------------------------------------------ */

/* To both sides, in NHWC. */
static enum sanl_status load_image(struct golden *g)
{
    const struct sanl_shape s = g->train.image->shape;
    const size_t hw = (size_t)s.h * (size_t)s.w;
    float *image = NULL, *nhwc = sanl_calloc(sanl_shape_count(s), sizeof *nhwc);
    enum sanl_status status = nhwc ? SANL_OK : SANL_ERR_MEMORY;
    if (status == SANL_OK)
        status = sanl_golden_read(&g->values, "image", sanl_shape_count(s), &image);
    for (size_t i = 0; status == SANL_OK && i < sanl_shape_count(s); i++)
        nhwc[(i / (3 * hw) * hw + i % hw) * 3 + i / hw % 3] = image[i];
    if (status == SANL_OK)
        status = sanl_tensor_write(g->train.image, nhwc);
    if (status == SANL_OK)
        status = sanl_tensor_write(g->infer.image, nhwc);
    g->values.out->tensors++;
    free(nhwc);
    free(image);
    return status;
}

/* The tensor `name` as an input of the training side. */
static enum sanl_status load_target(struct golden *g, const char *name, struct sanl_tensor *input)
{
    float *values;
    SANL_TRY(sanl_golden_read(&g->values, name, sanl_shape_count(input->shape), &values));
    const enum sanl_status status = sanl_tensor_write(input, values);
    g->values.out->tensors++;
    free(values);
    return status;
}

static enum sanl_status load_inputs(struct golden *g)
{
    SANL_TRY(load_image(g));
    if (!is_landmark(g))
        return load_target(g, "labels", g->train.classifier.labels);
    SANL_TRY(load_target(g, "xy", g->train.landmark.xy));
    return load_target(g, "visible", g->train.landmark.teaches);
}

/* CAMs go into buffers of their own: a network without SANL blocks has no place for them. */
static enum sanl_status check_gradcam(struct golden *g)
{
    sanl_buffer cams[SANL_STAGES] = {0};
    const int size = g->of.config.model.size;
    float logits[1024 * SANL_GOLDEN_CLASSES],
        *values = sanl_calloc((size_t)g->of.batch * (size_t)(size * size / 16), sizeof *values);
    enum sanl_status status = values ? SANL_OK : SANL_ERR_MEMORY;
    for (int i = 0; i < SANL_STAGES && status == SANL_OK; i++)
        status = sanl_buffer_create(
            &cams[i], g->device, (size_t)g->of.batch * (size_t)(size * size / (16 << 2 * i)) * sizeof(float));
    if (status == SANL_OK)
        status = sanl_gradcam_run(g->gradcam, g->train.image->value, NULL, cams, logits);
    for (int i = 0; i < SANL_STAGES && status == SANL_OK; i++) {
        char name[16];
        const struct sanl_shape s = {g->of.batch, size / (4 << i), size / (4 << i), 1};
        const size_t bytes = sanl_shape_count(s) * sizeof *values;
        snprintf(name, sizeof name, "cam%d", 4 << i);
        status = sanl_buffer_read(g->device, cams[i], 0, values, bytes);
        if (status == SANL_OK)
            status = sanl_golden_compare(&g->values, SANL_GOLDEN_CAMS, name, values, s);
        for (int m = 0; m < 2 && status == SANL_OK; m++) {
            const struct side *side = m ? &g->train : &g->infer;
            if (side->cam[i])
                status = sanl_buffer_copy(g->device, cams[i], side->cam[i]->value, 0, 0, bytes);
        }
    }
    if (status == SANL_OK)
        status = sanl_golden_compare(&g->values, SANL_GOLDEN_LOGITS, "logits", logits,
                                     (struct sanl_shape){g->of.batch, 1, 1, SANL_GOLDEN_CLASSES});
    for (int i = 0; i < SANL_STAGES; i++)
        sanl_buffer_free(cams[i]);
    free(values);
    return status;
}

static enum sanl_status check_outputs(struct golden *g, int figure, const char *prefix,
                                      const struct side *side)
{
    const struct sanl_landmark_model *model = &side->landmark;
    char name[32];
    snprintf(name, sizeof name, "%s.logits", prefix);
    if (!is_landmark(g))
        return sanl_golden_compare_tensor(&g->values, figure, name, side->classifier.logits);
    for (int i = 0; i < SANL_STAGES; i++) {
        snprintf(name, sizeof name, "%s.coarse%d", prefix, i);
        SANL_TRY(sanl_golden_compare_tensor(&g->values, figure, name, model->coarse[i]));
    }
    snprintf(name, sizeof name, "%s.fine", prefix);
    return sanl_golden_compare_tensor(&g->values, figure, name, model->fine);
}

static enum sanl_status check_loss(struct golden *g, int step)
{
    float sum = 0, part, *expected;
    char name[16];
    for (int i = 0; i < LOSSES; i++) {
        if (!g->train.loss[i])
            continue;
        SANL_TRY(sanl_tensor_read(g->train.loss[i], &part));
        sum += part;
    }
    snprintf(name, sizeof name, "loss%d", step);
    SANL_TRY(sanl_golden_read(&g->values, name, 1, &expected));
    sanl_golden_note(&g->values, SANL_GOLDEN_LOSS,
                     fabs((double)sum - (double)*expected) / fabs((double)*expected), name);
    g->values.out->tensors++;
    free(expected);
    return SANL_OK;
}

enum taken { TAKE_INITIAL, TAKE_GRADIENT, TAKE_STEP };

/* Walks over the parameters: keeps their values, or compares fingerprints of gradients or of changes. */
static enum sanl_status take_params(struct golden *g, enum taken what)
{
    const int count = g->params->count;
    double(*actual)[SANL_FINGERPRINT] = sanl_calloc((size_t)count, sizeof *actual);
    enum sanl_status status = actual ? SANL_OK : SANL_ERR_MEMORY;
    for (int i = 0; i < count && status == SANL_OK; i++) {
        const struct sanl_param *p = g->params->list[i];
        const size_t n = sanl_shape_count(p->shape);
        float *values = what == TAKE_GRADIENT && !p->trained ? NULL : sanl_calloc(n, sizeof *values);
        if (!values && !(what == TAKE_GRADIENT && !p->trained))
            status = SANL_ERR_MEMORY;
        else if (values)
            status = what == TAKE_GRADIENT ? sanl_graph_read_gradient(g->train.graph, p, values)
                                           : sanl_param_read(g->params, p, values);
        if (status == SANL_OK && values && what != TAKE_INITIAL)
            sanl_golden_fingerprint(values, what == TAKE_STEP ? g->initial[i] : NULL, n, actual[i]);
        if (what == TAKE_INITIAL)
            g->initial[i] = values;
        else
            free(values);
    }
    if (status == SANL_OK && what == TAKE_GRADIENT)
        status = sanl_golden_compare_fingerprints(&g->values, g->params, SANL_GOLDEN_GRADIENT, "grad.", false,
                                                  actual);
    if (status == SANL_OK && what == TAKE_STEP)
        status =
            sanl_golden_compare_fingerprints(&g->values, g->params, SANL_GOLDEN_STEP, "step3.", true, actual);
    free(actual);
    return status;
}

/* SGD over the parameters' blocks: lr 1e-6, momentum 0.9, weight decay 1e-4. */
static enum sanl_status step(struct golden *g, sanl_buffer one)
{
    for (int i = 0; i < g->params->block_count; i++) {
        const struct sanl_param_block *b = &g->params->blocks[i];
        struct sanl_op_call call = sanl_op_new("sgd", 2);
        sanl_op_set(&call, "lr", 1e-6);
        sanl_op_set(&call, "momentum", 0.9);
        sanl_op_set(&call, "weight_decay", 1e-4);
        call.in_shape[0] = (struct sanl_shape){1, 1, 1, (int)(b->bytes / sizeof(float))};
        call.in_shape[1] = (struct sanl_shape){1, 1, 1, 1};
        SANL_TRY(call.op->infer(&call, g->device));
        call.in[0] = sanl_graph_gradient(g->train.graph, i);
        call.in[1] = one;
        call.state[0] = b->value;
        call.state[1] = b->moment[0];
        SANL_TRY(call.op->forward(&call, g->device));
    }
    sanl_params_touch(g->params);
    return SANL_OK;
}

static enum sanl_status run_training(struct golden *g)
{
    sanl_buffer one = NULL;
    g->initial = sanl_calloc((size_t)g->params->count, sizeof *g->initial);
    enum sanl_status status = g->initial ? take_params(g, TAKE_INITIAL) : SANL_ERR_MEMORY;
    if (status == SANL_OK)
        status = sanl_buffer_create(&one, g->device, sizeof(float));
    if (status == SANL_OK)
        status = sanl_buffer_fill(g->device, one, 1, 1.0f);
    for (int i = 0; i < LOSSES && status == SANL_OK; i++)
        if (g->train.loss[i])
            status = sanl_tensor_write_gradient(g->train.loss[i], &(float){1});
    for (int s = 0; s < STEPS && status == SANL_OK; s++) {
        status = sanl_interrupted() ? sanl_fail(SANL_ERR_INTERRUPTED, "%s: stopped in step %d of %d",
                                                g->values.path, s + 1, STEPS)
                                    : sanl_graph_forward(g->train.graph);
        if (status == SANL_OK)
            status = check_loss(g, s);
        if (status == SANL_OK)
            status = sanl_graph_backward(g->train.graph);
        if (status == SANL_OK && s == 0)
            status = check_outputs(g, SANL_GOLDEN_TRAIN, "train", &g->train);
        if (status == SANL_OK && s == 0)
            status = take_params(g, TAKE_GRADIENT);
        if (status == SANL_OK)
            status = step(g, one);
    }
    if (status == SANL_OK)
        status = take_params(g, TAKE_STEP);
    sanl_buffer_free(one);
    return status;
}

/* Bounds: max(1e-5, 10 times what PyTorch's own float32 deviates), in `tol`; 1e-4 for CAMs and logits. */
static enum sanl_status set_bounds(struct golden *g)
{
    static const char *const names[SANL_GOLDEN_COUNT] = {"cams",  "logits", "eval",     "decode",
                                                         "train", "loss",   "gradient", "step"};
    static const int entry[SANL_GOLDEN_COUNT] = {-1, -1, 0, 0, 1, 2, 3, 4};
    float *tol;
    SANL_TRY(sanl_golden_read(&g->values, "tol", 5, &tol));
    for (int i = 0; i < SANL_GOLDEN_COUNT; i++) {
        g->values.out->figure[i].name = names[i];
        g->values.out->figure[i].bound = entry[i] < 0 ? 1e-4 : fmax(1e-5, 10 * (double)tol[entry[i]]);
    }
    g->values.out->tensors = 1;
    free(tol);
    return SANL_OK;
}

static enum sanl_status run_case(struct golden *g)
{
    SANL_TRY(sanl_tensors_open(&g->values.file, g->values.path));
    SANL_TRY(sanl_golden_case_read(&g->of, g->values.file, g->values.path));
    SANL_TRY(set_bounds(g));
    SANL_TRY(build_network(g));
    SANL_TRY(load_inputs(g));
    SANL_TRY(check_gradcam(g));
    SANL_TRY(sanl_graph_forward(g->infer.graph));
    SANL_TRY(check_outputs(g, SANL_GOLDEN_EVAL, "eval", &g->infer));
    if (is_landmark(g))
        SANL_TRY(compare_decoded(g));
    return run_training(g);
}

static enum sanl_status run_once(struct sanl_golden *out, struct sanl_device *device, const char *path,
                                 int run)
{
    struct golden g = {.device = device, .values = {.path = path, .out = out}, .nudge = (uint64_t)run};
    memset(out, 0, sizeof *out);
    out->runs = run + 1;
    enum sanl_status status = run_case(&g);
    if (status == SANL_OK && (size_t)out->tensors != sanl_tensors_count(g.values.file))
        status = sanl_fail(SANL_ERR_FORMAT, "%s: holds %zu tensors, of which %d are known", path,
                           sanl_tensors_count(g.values.file), out->tensors);
    out->passed = status == SANL_OK;
    for (int i = 0; i < SANL_GOLDEN_COUNT && status == SANL_OK; i++)
        out->passed &= out->figure[i].deviation <= out->figure[i].bound;
    free_network(&g);
    return status;
}

enum sanl_status sanl_golden_check(struct sanl_golden *out, struct sanl_device *device, const char *path)
{
    for (int run = 0; run < SANL_GOLDEN_RUNS; run++) {
        SANL_TRY(run_once(out, device, path, run));
        if (out->passed)
            return SANL_OK;
    }
    return sanl_fail(SANL_ERR_NUMERIC, "%s: the network deviates from the golden values", path);
}
