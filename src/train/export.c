#include <sanlcl/export.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sanlcl/landmark.h>
#include "base/file.h"
#include "base/memory.h"
#include "model/onnx_graph.h"
#include "model/weights.h"
#include "train/network.h"

/* A network without values, and the file that holds them. */
struct part {
    struct sanl_config config;
    struct sanl_params *params;
    struct sanl_graph *graph;
    struct sanl_landmark_model landmark;          /* task: landmark */
    struct sanl_classifier_model classifier;      /* task: classify */
    struct sanl_tensor *image, *cam[SANL_STAGES]; /* of either; cam NULL unless block: sanl */
    struct sanl_onnx_source from;
};

static void close_part(struct part *part)
{
    sanl_graph_free(part->graph);
    sanl_params_free(part->params);
    sanl_tensors_free(part->from.file);
}

/* Builds the network of part->config and checks the file against it. */
static enum sanl_status open_part(struct part *part)
{
    const struct sanl_config *config = &part->config;
    SANL_TRY(sanl_tensors_open(&part->from.file, part->from.path));
    SANL_TRY(sanl_params_create(&part->params, NULL));
    SANL_TRY(sanl_graph_create(&part->graph, part->params, &(struct sanl_graph_options){0}));
    if (config->task == SANL_TASK_LANDMARK)
        sanl_model_landmark(&part->landmark, part->graph, &config->model, &config->loss, 1);
    else
        sanl_model_classifier(&part->classifier, part->graph, &config->model, &config->loss, 1);
    const bool landmark = config->task == SANL_TASK_LANDMARK;
    part->image = landmark ? part->landmark.image : part->classifier.image;
    memcpy(part->cam, landmark ? part->landmark.cam : part->classifier.cam, sizeof part->cam);
    SANL_TRY(sanl_graph_status(part->graph));
    return sanl_weights_check(part->params, part->from.file, part->from.path, part->from.prefix);
}

/* The classifier that guides the attention of a network of `config`. */
static void set_classifier(struct part *part, const struct sanl_config *config,
                           const struct sanl_cam_source *source)
{
    part->config = *config;
    part->config.task = SANL_TASK_CLASSIFY;
    part->from.path = source->path;
    part->from.prefix = source->prefix;
    sanl_model_cam_classifier(&part->config.model, source->classes);
}

/* ---- safetensors --------------------------------------------------------------------------------- */

/* PyTorch's norms count the batches that they have seen: beside each running variance. */
static bool counter_name(char *out, size_t bytes, const char *param)
{
    static const char variance[] = ".running_var";
    const size_t length = strlen(param), end = sizeof variance - 1;
    if (length <= end || strcmp(param + length - end, variance) != 0)
        return false;
    snprintf(out, bytes, "%.*s.num_batches_tracked", (int)(length - end), param);
    return true;
}

enum { NAME_BYTES = 192, TEXTS = 6 };

/* Counters first: values of 8 bytes stand at multiples of 8. */
static size_t list_tensors(struct sanl_named_tensor *tensors, char (*names)[NAME_BYTES],
                           const struct sanl_params *params)
{
    size_t count = 0;
    for (int i = 0; i < params->count; i++)
        if (counter_name(names[count], sizeof *names, params->list[i]->name)) {
            tensors[count] = (struct sanl_named_tensor){.name = names[count], .dtype = "I64"};
            count++;
        }
    for (int i = 0; i < params->count; i++)
        tensors[count++] = sanl_weights_tensor(params->list[i], params->list[i]->name);
    return count;
}

static enum sanl_status write_tensors(struct sanl_safetensors_writer *writer, const struct part *part,
                                      size_t counters)
{
    char name[NAME_BYTES];
    for (size_t i = 0; i < counters; i++)
        SANL_TRY(sanl_safetensors_write(writer, &(float){0}, 1));
    for (int i = 0; i < part->params->count; i++) {
        float *values;
        snprintf(name, sizeof name, "%s%s", part->from.prefix, part->params->list[i]->name);
        const struct sanl_named_tensor *t = sanl_tensors_find(part->from.file, name);
        SANL_TRY(sanl_weights_read(&values, part->from.file, t, part->from.path));
        const enum sanl_status status = sanl_safetensors_write(writer, values, t->count);
        free(values);
        SANL_TRY(status);
    }
    return sanl_safetensors_commit(writer);
}

static enum sanl_status write_safetensors(const char *out, const struct part *part, const char *yaml)
{
    const size_t params = (size_t)part->params->count;
    struct sanl_safetensors_writer *writer = NULL;
    struct sanl_named_tensor *tensors = sanl_calloc(2 * params, sizeof *tensors);
    char(*names)[NAME_BYTES] = sanl_calloc(params + 1, sizeof *names);
    struct sanl_safetensor_text texts[TEXTS] = {
        {"format", "pt"}, {"kind", sanl_config_choices("task")[part->config.task]}, {"config", yaml}};
    static const char *const kept[] = {"version", "epoch", "categories"};
    size_t text_count = 3;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        const char *text = sanl_tensors_text(part->from.file, kept[i]);
        if (text)
            texts[text_count++] = (struct sanl_safetensor_text){kept[i], text};
    }
    enum sanl_status status = SANL_ERR_MEMORY;
    if (tensors && names) {
        const size_t count = list_tensors(tensors, names, part->params);
        status = sanl_safetensors_create(&writer, out, tensors, count, texts, text_count);
        if (status == SANL_OK)
            status = write_tensors(writer, part, count - params);
    }
    sanl_safetensors_writer_free(writer);
    free(tensors);
    free(names);
    return status;
}

/* ---- ONNX ---------------------------------------------------------------------------------------- */

/* The input, and its normalised value. */
static const char *add_image(struct sanl_onnx *onnx, int size)
{
    const int64_t channels[4] = {1, 3, 1, 1};
    float *mean = sanl_calloc(3, sizeof *mean), *deviation = sanl_calloc(3, sizeof *deviation);
    for (int k = 0; mean && deviation && k < 3; k++) {
        mean[k] = (float)sanl_image_mean[k];
        deviation[k] = (float)sanl_image_deviation[k];
    }
    const char *x = sanl_onnx_input(onnx, "image", (const int64_t[]){0, 3, size, size}, 4);
    const char *m = sanl_onnx_floats(onnx, "image/mean", channels, 4, mean);
    const char *d = sanl_onnx_floats(onnx, "image/std", channels, 4, deviation);
    x = sanl_onnx_node(onnx, "Sub", "image/centred", SANL_ONNX_IN(x, m), NULL);
    return sanl_onnx_node(onnx, "Div", "image/normalised", SANL_ONNX_IN(x, d), NULL);
}

static void add_output(struct sanl_onnx_graph *graph, const char *name, const struct sanl_tensor *tensor)
{
    const struct sanl_shape s = tensor->shape;
    sanl_onnx_output(graph->onnx, name, graph->value[tensor->index], (const int64_t[]){0, s.c, s.h, s.w}, 4);
}

static void add_logits(struct sanl_onnx_graph *graph, const struct sanl_tensor *logits)
{
    sanl_onnx_output(graph->onnx, "logits", graph->value[logits->index],
                     (const int64_t[]){0, logits->shape.c}, 2);
}

/* The values of the network's maps: of the classifier's Grad-CAM, or 1 everywhere. */
static enum sanl_status add_cams(struct sanl_onnx *onnx, const struct part *part, const char *image,
                                 struct part *classifier, const char *cams[SANL_STAGES],
                                 struct sanl_onnx_graph *graph)
{
    const struct sanl_config *config = &part->config;
    if (!sanl_network_needs_classifier(config)) {
        if (config->model.block == SANL_BLOCK_SANL && config->model.sanl.map == SANL_MAP_CONCAT)
            return sanl_fail(SANL_ERR_USAGE,
                             "ONNX: a network of cam.mode: uniform and model.sanl.map: concat "
                             "cannot be exported");
        float *one = sanl_calloc(1, sizeof *one);
        if (one)
            *one = 1;
        cams[0] = sanl_onnx_floats(onnx, "cam", NULL, 0, one);
        for (int i = 1; i < SANL_STAGES; i++)
            cams[i] = cams[0];
        return SANL_OK;
    }
    struct sanl_cam_source source;
    SANL_TRY(sanl_cam_source_find(&source, config, part->from.path));
    set_classifier(classifier, config, &source);
    const enum sanl_status status = open_part(classifier);
    if (status != SANL_OK)
        return sanl_fail_prefix(status, "cam.weights");
    SANL_TRY(
        sanl_onnx_graph_create(graph, onnx, classifier->graph, &classifier->from, SANL_CLASSIFIER_PREFIX));
    graph->value[classifier->image->index] = image;
    sanl_onnx_graph_forward(graph);
    sanl_onnx_graph_gradcam(graph, &classifier->classifier, &config->cam, cams);
    return SANL_OK;
}

static void add_heatmaps(struct sanl_onnx_graph *graph, const struct sanl_landmark_model *model)
{
    char name[24];
    for (int i = 0; i < SANL_STAGES; i++) {
        snprintf(name, sizeof name, "coarse%d", i);
        add_output(graph, name, model->coarse[i]);
    }
    if (model->fine)
        add_output(graph, "fine", model->fine);
}

static enum sanl_status add_network(struct sanl_onnx *onnx, const struct part *part, const char *image)
{
    struct sanl_onnx_graph graph = {0}, maps = {0};
    struct part classifier = {0};
    const char *cams[SANL_STAGES] = {0};
    const bool landmark = part->config.task == SANL_TASK_LANDMARK;
    char name[16];
    enum sanl_status status = SANL_OK;
    if (part->cam[0])
        status = add_cams(onnx, part, image, &classifier, cams, &maps);
    if (status == SANL_OK)
        status = sanl_onnx_graph_create(&graph, onnx, part->graph, &part->from, "");
    if (status != SANL_OK)
        goto done;
    graph.value[part->image->index] = image;
    for (int i = 0; i < SANL_STAGES && part->cam[i]; i++)
        graph.value[part->cam[i]->index] = cams[i];
    sanl_onnx_graph_forward(&graph);
    if (landmark)
        add_heatmaps(&graph, &part->landmark);
    for (int i = 0; maps.onnx && i < SANL_STAGES; i++) {
        snprintf(name, sizeof name, "cam%d", 4 << i);
        add_output(&graph, name, part->cam[i]);
    }
    if (!landmark)
        add_logits(&graph, part->classifier.logits);
    else if (maps.onnx)
        add_logits(&maps, classifier.classifier.logits);
done:
    sanl_onnx_graph_free(&graph);
    sanl_onnx_graph_free(&maps);
    close_part(&classifier);
    return status;
}

/* "[0.1, 0.2, 0.3]" */
static void add_triple(struct sanl_onnx *onnx, const char *key, const double values[3])
{
    char text[96];
    snprintf(text, sizeof text, "[%g, %g, %g]", values[0], values[1], values[2]);
    sanl_onnx_text(onnx, key, text);
}

static void add_texts(struct sanl_onnx *onnx, const struct part *part, const char *yaml)
{
    const struct sanl_config *config = &part->config;
    const char *categories = sanl_tensors_text(part->from.file, "categories");
    const struct sanl_scheme *scheme = sanl_scheme_of(config->model.landmarks);
    char text[32 * SANL_LANDMARKS];
    sanl_onnx_text(onnx, "kind", sanl_config_choices("task")[config->task]);
    sanl_onnx_text(onnx, "config", yaml);
    snprintf(text, sizeof text, "%d", config->model.size);
    sanl_onnx_text(onnx, "size", text);
    add_triple(onnx, "mean", sanl_image_mean);
    add_triple(onnx, "std", sanl_image_deviation);
    if (config->task == SANL_TASK_LANDMARK && scheme) {
        int at = 0;
        for (int i = 0; i < scheme->landmarks; i++)
            at += snprintf(text + at, sizeof text - (size_t)at, "%s\"%s\"", i ? ", " : "[",
                           sanl_landmark_name(scheme, i));
        snprintf(text + at, sizeof text - (size_t)at, "]");
        sanl_onnx_text(onnx, "landmarks", text);
    }
    if (categories)
        sanl_onnx_text(onnx, "categories", categories);
}

static enum sanl_status write_onnx(const char *out, const struct part *part, const char *yaml)
{
    const bool landmark = part->config.task == SANL_TASK_LANDMARK;
    struct sanl_onnx *onnx;
    SANL_TRY(sanl_onnx_create(&onnx, landmark ? "landmarks" : "classifier"));
    const char *image = add_image(onnx, part->config.model.size);
    enum sanl_status status = add_network(onnx, part, image);
    add_texts(onnx, part, yaml);
    if (status == SANL_OK)
        status = sanl_onnx_write(onnx, out);
    sanl_onnx_free(onnx);
    return status;
}

/* -------------------------------------------------------------------------------------------------- */

enum sanl_status sanl_export(const char *out, const char *weights, const struct sanl_export_options *options)
{
    struct part part = {.from = {.path = weights, .prefix = ""}};
    char *yaml = NULL;
    SANL_TRY(sanl_output_check(out));
    SANL_TRY(sanl_weights_config(&part.config, weights, options->overrides, options->override_count));
    if (options->part == SANL_EXPORT_CLASSIFIER &&
        (part.config.task == SANL_TASK_LANDMARK || sanl_network_needs_classifier(&part.config))) {
        const struct sanl_config config = part.config;
        struct sanl_cam_source source;
        SANL_TRY(sanl_cam_source_within(&source, weights));
        set_classifier(&part, &config, &source);
    }
    enum sanl_status status = open_part(&part);
    if (status == SANL_OK)
        status = sanl_config_dump(&yaml, &part.config, false);
    if (status == SANL_OK)
        status = options->format == SANL_EXPORT_ONNX ? write_onnx(out, &part, yaml)
                                                     : write_safetensors(out, &part, yaml);
    free(yaml);
    close_part(&part);
    return status;
}
