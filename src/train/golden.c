/* Comparing a whole network with a golden file: inputs and case from the file, weights hashed from names and
 * seed. */
#include <sanlcl/golden.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "model/layers.h"
#include "model/model.h"
#include "model/tensors.h"
#include "train/golden_case.h"

enum { CLASSES = 10, STEPS = 3, FINGERPRINT = 10 };

struct golden {
    struct sanl_device *device;
    struct sanl_tensors *file;
    const char *path;
    struct sanl_golden *out;
    struct sanl_golden_case of;
    uint64_t nudge;
    struct sanl_params *params, *classifier;
    struct sanl_graph *train, *infer;
    struct sanl_landmark_model train_model, infer_model;
    struct sanl_gradcam *gradcam;
    float **initial; /* of each parameter */
};

/* ---- reading the file ---------------------------------------------------------------------------- */

static enum sanl_status read_tensor(const struct golden *g, const char *name, size_t count, float **out)
{
    const struct sanl_named_tensor *t = sanl_tensors_find(g->file, name);
    *out = NULL;
    if (!t || t->count != count)
        return sanl_fail(SANL_ERR_FORMAT, "%s: tensor '%s' with %zu values expected, %s", g->path, name,
                         count, t ? "found with another number" : "not found");
    if (!(*out = sanl_calloc(count, sizeof **out)))
        return SANL_ERR_MEMORY;
    const enum sanl_status status = sanl_tensors_read(g->file, t, *out);
    if (status != SANL_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}

/* ---- building ------------------------------------------------------------------------------------ */

static enum sanl_status build_network(struct golden *g)
{
    const struct sanl_graph_options training = {.backward = true, .param_gradients = true}, inference = {0};
    SANL_TRY(sanl_params_create(&g->params, g->device));
    SANL_TRY(sanl_graph_create(&g->train, g->params, &training));
    SANL_TRY(sanl_graph_create(&g->infer, g->params, &inference));
    sanl_model_landmark(&g->train_model, g->train, &g->of.config.model, &g->of.config.loss, g->of.batch);
    sanl_model_landmark(&g->infer_model, g->infer, &g->of.config.model, &g->of.config.loss, g->of.batch);
    SANL_TRY(sanl_graph_plan(g->train));
    SANL_TRY(sanl_graph_plan(g->infer));
    SANL_TRY(sanl_graph_allocate(g->train));
    SANL_TRY(sanl_graph_allocate(g->infer));
    SANL_TRY(sanl_params_allocate(g->params, 1));
    SANL_TRY(sanl_params_init_hashed(g->params, g->of.seed, g->nudge));
    SANL_TRY(sanl_params_create(&g->classifier, g->device));
    SANL_TRY(sanl_gradcam_create(&g->gradcam, g->classifier, &(struct sanl_graph_options){0}, CLASSES,
                                 SANL_CAM_STAGE, g->of.config.model.size, g->of.batch));
    SANL_TRY(sanl_params_allocate(g->classifier, -1));
    return sanl_params_init_hashed(g->classifier, g->of.seed + 1, g->nudge);
}

static void free_network(struct golden *g)
{
    for (int i = 0; g->initial && i < g->params->count; i++)
        free(g->initial[i]);
    free(g->initial);
    sanl_gradcam_free(g->gradcam);
    sanl_graph_free(g->train);
    sanl_graph_free(g->infer);
    sanl_params_free(g->params);
    sanl_params_free(g->classifier);
    sanl_tensors_free(g->file);
}

/* ---- comparing ----------------------------------------------------------------------------------- */

static void note(struct golden *g, int figure, double deviation, const char *name)
{
    struct sanl_golden_figure *f = &g->out->figure[figure];
    if (deviation <= f->deviation && f->worst[0])
        return;
    f->deviation = deviation == deviation ? fmax(f->deviation, deviation) : INFINITY;
    snprintf(f->worst, sizeof f->worst, "%s", name);
}

/* values (n, h, w, c) against the file's (n, c, h, w): largest difference over largest value. */
static enum sanl_status compare_map(struct golden *g, int figure, const char *name, const float *values,
                                    struct sanl_shape s)
{
    float *expected;
    double difference = 0, largest = 0;
    SANL_TRY(read_tensor(g, name, sanl_shape_count(s), &expected));
    g->out->tensors++;
    for (size_t i = 0; i < sanl_shape_count(s); i++) {
        const size_t c = (size_t)s.c, hw = (size_t)s.h * (size_t)s.w, n = i / (c * hw), k = i / hw % c,
                     p = i % hw;
        const double d = fabs((double)values[(n * hw + p) * c + k] - expected[i]);
        difference = d == d ? fmax(difference, d) : INFINITY;
        largest = fmax(largest, fabs((double)expected[i]));
    }
    free(expected);
    note(g, figure, figure == SANL_GOLDEN_CAMS ? difference : difference / fmax(largest, 1e-30), name);
    return SANL_OK;
}

static enum sanl_status compare_tensor(struct golden *g, int figure, const char *name,
                                       const struct sanl_tensor *t)
{
    float *values = sanl_calloc(sanl_shape_count(t->shape), sizeof *values);
    if (!values)
        return SANL_ERR_MEMORY;
    enum sanl_status status = sanl_tensor_read(t, values);
    if (status == SANL_OK)
        status = compare_map(g, figure, name, values, t->shape);
    free(values);
    return status;
}

/* A fingerprint of v: l2 norm, sum, 8 elements at i * (n - 1) / 7. */
static void fingerprint(const float *v, const float *base, size_t n, double out[FINGERPRINT])
{
    double square = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = (double)v[i] - (base ? (double)base[i] : 0);
        square += d * d;
        sum += d;
    }
    out[0] = sqrt(square);
    out[1] = sum;
    for (size_t i = 0; i < 8; i++) {
        const size_t at = i * (n - 1) / 7;
        out[2 + i] = (double)v[at] - (base ? (double)base[at] : 0);
    }
}

/* Fingerprints of all parameters under `prefix`: l2 norms and elements relative to l2 norm plus a floor of
 * 1e-3 of the largest, as some gradients are zero in exact arithmetic; sums by sqrt(n) of that. */
static enum sanl_status compare_fingerprints(struct golden *g, int figure, const char *prefix, bool states,
                                             double (*actual)[FINGERPRINT])
{
    const int count = g->params->count;
    double floor = 0;
    float **expected = sanl_calloc((size_t)count, sizeof *expected);
    enum sanl_status status = expected ? SANL_OK : SANL_ERR_MEMORY;
    char name[192];
    for (int i = 0; i < count && status == SANL_OK; i++) {
        if (!states && !g->params->list[i]->trained)
            continue;
        snprintf(name, sizeof name, "%s%s", prefix, g->params->list[i]->name);
        status = read_tensor(g, name, FINGERPRINT, &expected[i]);
        if (status == SANL_OK)
            floor = fmax(floor, 1e-3 * (double)expected[i][0]);
    }
    for (int i = 0; i < count && status == SANL_OK; i++) {
        if (!expected[i])
            continue;
        const double scale = expected[i][0] + floor, n = (double)sanl_shape_count(g->params->list[i]->shape);
        snprintf(name, sizeof name, "%s%s", prefix, g->params->list[i]->name);
        g->out->tensors++;
        for (int k = 0; k < FINGERPRINT; k++)
            note(g, figure, fabs(actual[i][k] - (double)expected[i][k]) / (k == 1 ? scale * sqrt(n) : scale),
                 name);
    }
    for (int i = 0; expected && i < count; i++)
        free(expected[i]);
    free(expected);
    return status;
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
    const struct sanl_shape s = g->infer_model.fine->shape;
    const size_t points = (size_t)(s.n * s.c);
    float *heat = NULL, *xy = NULL, *score = NULL, *decoded = sanl_calloc(points * 3, sizeof *decoded);
    double largest = 0;
    enum sanl_status status = decoded ? sanl_tensor_read(g->infer_model.decoded, decoded) : SANL_ERR_MEMORY;
    if (status == SANL_OK)
        status = read_tensor(g, "eval.fine", sanl_shape_count(s), &heat);
    if (status == SANL_OK)
        status = read_tensor(g, "eval.xy", points * 2, &xy);
    if (status == SANL_OK)
        status = read_tensor(g, "eval.score", points, &score);
    for (size_t i = 0; status == SANL_OK && i < sanl_shape_count(s); i++)
        largest = fmax(largest, fabs((double)heat[i]));
    for (size_t p = 0; status == SANL_OK && p < points; p++) {
        const double x = ((double)decoded[3 * p] - 1.5) / 4, y = ((double)decoded[3 * p + 1] - 1.5) / 4;
        const double slack = 2 * g->out->figure[SANL_GOLDEN_EVAL].bound * largest;
        const bool same = decoded[3 * p] == xy[2 * p] && decoded[3 * p + 1] == xy[2 * p + 1];
        note(g, SANL_GOLDEN_DECODE, fabs((double)decoded[3 * p + 2] - (double)score[p]) / largest,
             "eval.score");
        if (!same && !is_decoded(heat + p * (size_t)(s.h * s.w), s.h, s.w, x, y, slack))
            note(g, SANL_GOLDEN_DECODE, INFINITY, "eval.xy");
    }
    g->out->tensors += 2;
    free(heat);
    free(xy);
    free(score);
    free(decoded);
    return status;
}

/* ---- the stages of a case ------------------------------------------------------------------------ */

static enum sanl_status load_inputs(struct golden *g)
{
    const struct sanl_shape s = g->train_model.image->shape;
    const int landmarks = g->of.config.model.landmarks;
    float *image = NULL, *xy = NULL, *visible = NULL, *nhwc = sanl_calloc(sanl_shape_count(s), sizeof *nhwc);
    const size_t hw = (size_t)s.h * (size_t)s.w;
    enum sanl_status status = nhwc ? SANL_OK : SANL_ERR_MEMORY;
    if (status == SANL_OK)
        status = read_tensor(g, "image", sanl_shape_count(s), &image);
    if (status == SANL_OK)
        status = read_tensor(g, "xy", (size_t)(g->of.batch * landmarks * 2), &xy);
    if (status == SANL_OK)
        status = read_tensor(g, "visible", (size_t)(g->of.batch * landmarks), &visible);
    for (size_t i = 0; status == SANL_OK && i < sanl_shape_count(s); i++)
        nhwc[(i / (3 * hw) * hw + i % hw) * 3 + i / hw % 3] = image[i];
    if (status == SANL_OK)
        status = sanl_tensor_write(g->train_model.image, nhwc);
    if (status == SANL_OK)
        status = sanl_tensor_write(g->infer_model.image, nhwc);
    if (status == SANL_OK)
        status = sanl_tensor_write(g->train_model.xy, xy);
    if (status == SANL_OK)
        status = sanl_tensor_write(g->train_model.teaches, visible);
    g->out->tensors += 3;
    free(nhwc);
    free(image);
    free(xy);
    free(visible);
    return status;
}

/* CAMs go into buffers of their own: a network without SANL blocks has no place for them. */
static enum sanl_status check_gradcam(struct golden *g)
{
    sanl_buffer cams[SANL_STAGES] = {0};
    const int size = g->of.config.model.size;
    float logits[1024 * CLASSES],
        *values = sanl_calloc((size_t)g->of.batch * (size_t)(size * size / 16), sizeof *values);
    enum sanl_status status = values ? SANL_OK : SANL_ERR_MEMORY;
    for (int i = 0; i < SANL_STAGES && status == SANL_OK; i++)
        status = sanl_buffer_create(
            &cams[i], g->device, (size_t)g->of.batch * (size_t)(size * size / (16 << 2 * i)) * sizeof(float));
    if (status == SANL_OK)
        status = sanl_gradcam_run(g->gradcam, g->train_model.image->value, NULL, cams, logits);
    for (int i = 0; i < SANL_STAGES && status == SANL_OK; i++) {
        char name[16];
        const struct sanl_shape s = {g->of.batch, size / (4 << i), size / (4 << i), 1};
        const size_t bytes = sanl_shape_count(s) * sizeof *values;
        snprintf(name, sizeof name, "cam%d", 4 << i);
        status = sanl_buffer_read(g->device, cams[i], 0, values, bytes);
        if (status == SANL_OK)
            status = compare_map(g, SANL_GOLDEN_CAMS, name, values, s);
        for (int m = 0; m < 2 && status == SANL_OK; m++) {
            const struct sanl_landmark_model *model = m ? &g->train_model : &g->infer_model;
            if (model->cam[i])
                status = sanl_buffer_copy(g->device, cams[i], model->cam[i]->value, 0, 0, bytes);
        }
    }
    if (status == SANL_OK)
        status = compare_map(g, SANL_GOLDEN_LOGITS, "logits", logits,
                             (struct sanl_shape){g->of.batch, 1, 1, CLASSES});
    for (int i = 0; i < SANL_STAGES; i++)
        sanl_buffer_free(cams[i]);
    free(values);
    return status;
}

static enum sanl_status check_heatmaps(struct golden *g, int figure, const char *prefix,
                                       const struct sanl_landmark_model *model)
{
    char name[32];
    for (int i = 0; i < SANL_STAGES; i++) {
        snprintf(name, sizeof name, "%s.coarse%d", prefix, i);
        SANL_TRY(compare_tensor(g, figure, name, model->coarse[i]));
    }
    snprintf(name, sizeof name, "%s.fine", prefix);
    return compare_tensor(g, figure, name, model->fine);
}

static enum sanl_status check_loss(struct golden *g, int step)
{
    float sum = 0, part, *expected;
    char name[16];
    for (int i = 0; i <= SANL_STAGES; i++) {
        SANL_TRY(sanl_tensor_read(g->train_model.loss[i], &part));
        sum += part;
    }
    snprintf(name, sizeof name, "loss%d", step);
    SANL_TRY(read_tensor(g, name, 1, &expected));
    note(g, SANL_GOLDEN_LOSS, fabs((double)sum - (double)*expected) / fabs((double)*expected), name);
    g->out->tensors++;
    free(expected);
    return SANL_OK;
}

enum taken { TAKE_INITIAL, TAKE_GRADIENT, TAKE_STEP };

/* Walks over the parameters: keeps their values, or compares fingerprints of gradients or of changes. */
static enum sanl_status take_params(struct golden *g, enum taken what)
{
    const int count = g->params->count;
    double(*actual)[FINGERPRINT] = sanl_calloc((size_t)count, sizeof *actual);
    enum sanl_status status = actual ? SANL_OK : SANL_ERR_MEMORY;
    for (int i = 0; i < count && status == SANL_OK; i++) {
        const struct sanl_param *p = g->params->list[i];
        const size_t n = sanl_shape_count(p->shape);
        float *values = what == TAKE_GRADIENT && !p->trained ? NULL : sanl_calloc(n, sizeof *values);
        if (!values && !(what == TAKE_GRADIENT && !p->trained))
            status = SANL_ERR_MEMORY;
        else if (values)
            status = what == TAKE_GRADIENT ? sanl_graph_read_gradient(g->train, p, values)
                                           : sanl_param_read(g->params, p, values);
        if (status == SANL_OK && values && what != TAKE_INITIAL)
            fingerprint(values, what == TAKE_STEP ? g->initial[i] : NULL, n, actual[i]);
        if (what == TAKE_INITIAL)
            g->initial[i] = values;
        else
            free(values);
    }
    if (status == SANL_OK && what == TAKE_GRADIENT)
        status = compare_fingerprints(g, SANL_GOLDEN_GRADIENT, "grad.", false, actual);
    if (status == SANL_OK && what == TAKE_STEP)
        status = compare_fingerprints(g, SANL_GOLDEN_STEP, "step3.", true, actual);
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
        call.in[0] = sanl_graph_gradient(g->train, i);
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
    for (int i = 0; i <= SANL_STAGES && status == SANL_OK; i++)
        status = sanl_tensor_write_gradient(g->train_model.loss[i], &(float){1});
    for (int s = 0; s < STEPS && status == SANL_OK; s++) {
        status = sanl_graph_forward(g->train);
        if (status == SANL_OK)
            status = check_loss(g, s);
        if (status == SANL_OK)
            status = sanl_graph_backward(g->train);
        if (status == SANL_OK && s == 0)
            status = check_heatmaps(g, SANL_GOLDEN_TRAIN, "train", &g->train_model);
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
    SANL_TRY(read_tensor(g, "tol", 5, &tol));
    for (int i = 0; i < SANL_GOLDEN_COUNT; i++) {
        g->out->figure[i].name = names[i];
        g->out->figure[i].bound = entry[i] < 0 ? 1e-4 : fmax(1e-5, 10 * (double)tol[entry[i]]);
    }
    g->out->tensors = 1;
    free(tol);
    return SANL_OK;
}

static enum sanl_status run_case(struct golden *g)
{
    SANL_TRY(sanl_tensors_open(&g->file, g->path));
    SANL_TRY(sanl_golden_case_read(&g->of, g->file, g->path));
    SANL_TRY(set_bounds(g));
    SANL_TRY(build_network(g));
    SANL_TRY(load_inputs(g));
    SANL_TRY(check_gradcam(g));
    SANL_TRY(sanl_graph_forward(g->infer));
    SANL_TRY(check_heatmaps(g, SANL_GOLDEN_EVAL, "eval", &g->infer_model));
    SANL_TRY(compare_decoded(g));
    return run_training(g);
}

static enum sanl_status run_once(struct sanl_golden *out, struct sanl_device *device, const char *path,
                                 int run)
{
    struct golden g = {.device = device, .path = path, .out = out, .nudge = (uint64_t)run};
    memset(out, 0, sizeof *out);
    out->runs = run + 1;
    enum sanl_status status = run_case(&g);
    if (status == SANL_OK && (size_t)out->tensors != sanl_tensors_count(g.file))
        status = sanl_fail(SANL_ERR_FORMAT, "%s: holds %zu tensors, of which %d are known", path,
                           sanl_tensors_count(g.file), out->tensors);
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
