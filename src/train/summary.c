#include <sanlcl/summary.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "model/layers.h"
#include "model/weights.h"
#include "train/network.h"

static int attribute(const struct sanl_op_call *call, const char *name)
{
    return (int)sanl_op_get(call, name);
}

/* The operator with what tells it from others of its kind. */
static void describe(char *out, size_t bytes, const struct sanl_op_call *call)
{
    char size[32] = "", stride[32] = "";
    const int norm = attribute(call, "norm"); /* as in ops/conv2d.h */
    const char *kind = "";
    if (strcmp(call->op->name, "conv2d") == 0)
        snprintf(size, sizeof size, " %dx%d", attribute(call, "kh"), attribute(call, "kw"));
    if (strcmp(call->op->name, "pool2d") == 0) {
        const int kernel = attribute(call, "kernel");
        kind = attribute(call, "mode") ? " average" : " max";
        if (kernel)
            snprintf(size, sizeof size, " %dx%d", kernel, kernel);
    }
    if (strcmp(call->op->name, "upsample") == 0)
        kind = attribute(call, "mode") ? " bilinear" : " nearest";
    if (attribute(call, "stride") > 1 && size[0])
        snprintf(stride, sizeof stride, " /%d", attribute(call, "stride"));
    snprintf(out, bytes, "%s%s%s%s%s%s%s", call->op->name, kind, size, stride,
             norm == 2 ? " +scale"
             : norm    ? " +norm"
                       : "",
             strcmp(call->op->name, "conv2d") == 0 && call->in_count > 1 ? " +add" : "",
             attribute(call, "relu") ? " +relu" : "");
}

static void fill_layer(struct sanl_layer *layer, const struct sanl_graph *graph, int node)
{
    const struct sanl_op_call *call = sanl_graph_call(graph, node);
    const struct sanl_shape y = call->out_shape[0];
    snprintf(layer->name, sizeof layer->name, "%s", sanl_graph_node_name(graph, node));
    describe(layer->op, sizeof layer->op, call);
    layer->n = y.n;
    layer->c = y.c;
    layer->h = y.h;
    layer->w = y.w;
    layer->parameters = (long long)sanl_graph_trained_count(graph, node);
    layer->flops = call->op->cost(call, SANL_FORWARD).flops;
    layer->activation_bytes = (double)sanl_shape_count(y) * sizeof(float);
}

static enum sanl_status fill(struct sanl_summary *out, const struct sanl_graph *graph,
                             const struct sanl_params *params)
{
    const int count = sanl_graph_node_count(graph);
    if (!(out->layers = sanl_calloc((size_t)count, sizeof *out->layers)))
        return SANL_ERR_MEMORY;
    out->count = count;
    for (int i = 0; i < count; i++) {
        fill_layer(&out->layers[i], graph, i);
        out->flops += out->layers[i].flops;
        out->activation_bytes += out->layers[i].activation_bytes;
    }
    for (int i = 0; i < params->count; i++) {
        const struct sanl_param *p = params->list[i];
        *(p->trained ? &out->parameters : &out->statistics) += (long long)sanl_shape_count(p->shape);
    }
    return SANL_OK;
}

static enum sanl_status summarise(struct sanl_summary *out, const char *title,
                                  const struct sanl_config *config)
{
    struct sanl_params *params = NULL;
    struct sanl_graph *graph = NULL;
    out->title = title;
    enum sanl_status status = sanl_params_create(&params, NULL);
    if (status == SANL_OK)
        status = sanl_graph_create(&graph, params, &(struct sanl_graph_options){0});
    if (status != SANL_OK)
        goto done;
    if (config->task == SANL_TASK_LANDMARK)
        sanl_model_landmark(&(struct sanl_landmark_model){0}, graph, &config->model, &config->loss, 1);
    else
        sanl_model_classifier(&(struct sanl_classifier_model){0}, graph, &config->model, &config->loss, 1);
    status = sanl_graph_status(graph);
    if (status == SANL_OK)
        status = fill(out, graph, params);
done:
    sanl_graph_free(graph);
    sanl_params_free(params);
    return status;
}

/* The classifier that makes the maps of a network with SANL blocks. */
static enum sanl_status summarise_cam(struct sanl_summary *out, const struct sanl_config *config)
{
    struct sanl_config own = *config;
    const char *prefix;
    own.task = SANL_TASK_CLASSIFY;
    sanl_model_cam_classifier(&own.model, config->model.classes);
    if (sanl_file_exists(config->cam.weights)) {
        const enum sanl_status status =
            sanl_weights_find_classifier(&own.model.classes, &prefix, config->cam.weights);
        if (status != SANL_OK)
            return sanl_fail_prefix(status, "cam.weights");
    }
    return summarise(out, "classifier of the class activation maps", &own);
}

enum sanl_status sanl_summaries_create(struct sanl_summary **out, int *count,
                                       const struct sanl_config *config)
{
    const bool landmark = config->task == SANL_TASK_LANDMARK;
    const int wanted = sanl_network_needs_classifier(config) ? 2 : 1;
    struct sanl_summary *list = sanl_calloc(2, sizeof *list);
    *out = NULL;
    *count = 0;
    if (!list)
        return SANL_ERR_MEMORY;
    enum sanl_status status = summarise(&list[0], landmark ? "landmark network" : "classifier", config);
    if (status == SANL_OK && wanted > 1)
        status = summarise_cam(&list[1], config);
    if (status != SANL_OK) {
        sanl_summaries_free(list, 2);
        return status;
    }
    *out = list;
    *count = wanted;
    return SANL_OK;
}

void sanl_summaries_free(struct sanl_summary *summaries, int count)
{
    for (int i = 0; summaries && i < count; i++)
        free(summaries[i].layers);
    free(summaries);
}
