#include "train/updater.h"

#include <math.h>
#include <stdlib.h>
#include "base/memory.h"
#include "model/layers.h"

/* Norms of the blocks are gathered in `norms`; the norm of those is the global one. */
struct sanl_updater {
    const struct sanl_graph *graph; /* whose gradients it takes */
    struct sanl_params *params;
    struct sanl_op_call *norm;   /* (blocks,): of each block */
    struct sanl_op_call *update; /* (blocks,) */
    struct sanl_op_call total;
    sanl_buffer norms, block_norm, workspace;
};

int sanl_updater_moments(const struct sanl_train_config *config)
{
    return config->optimizer == SANL_SGD ? 1 : 2;
}

static struct sanl_op_call new_update(const struct sanl_train_config *config)
{
    const bool sgd = config->optimizer == SANL_SGD;
    struct sanl_op_call call = sanl_op_new(sgd ? "sgd" : "adam", 2);
    sanl_op_set(&call, "weight_decay", config->weight_decay);
    if (sgd) {
        sanl_op_set(&call, "momentum", config->momentum);
        return call;
    }
    sanl_op_set(&call, "beta1", config->beta1);
    sanl_op_set(&call, "beta2", config->beta2);
    sanl_op_set(&call, "epsilon", config->epsilon);
    sanl_op_set(&call, "decoupled", config->optimizer == SANL_ADAMW);
    return call;
}

static struct sanl_shape vector(size_t bytes)
{
    return (struct sanl_shape){1, 1, 1, (int)(bytes / sizeof(float))};
}

static enum sanl_status make_norm(struct sanl_op_call *call, struct sanl_device *device, sanl_buffer in,
                                  size_t bytes, sanl_buffer workspace)
{
    *call = sanl_op_new("grad_norm", 1);
    call->in_shape[0] = vector(bytes);
    call->in[0] = in;
    call->workspace = workspace;
    return call->op->infer(call, device);
}

static enum sanl_status make_calls(struct sanl_updater *o, const struct sanl_train_config *config)
{
    struct sanl_params *params = o->params;
    struct sanl_device *device = params->device;
    const size_t norm_bytes = (size_t)params->block_count * sizeof(float);
    struct sanl_op_call probe;
    SANL_TRY(make_norm(&probe, device, NULL, sizeof(float), NULL));
    SANL_TRY(sanl_buffer_create(&o->workspace, device, probe.workspace_bytes));
    SANL_TRY(sanl_buffer_create(&o->norms, device, norm_bytes));
    SANL_TRY(sanl_buffer_create(&o->block_norm, device, 2 * sizeof(float)));
    SANL_TRY(make_norm(&o->total, device, o->norms, norm_bytes, o->workspace));
    sanl_op_set(&o->total, "clip", config->clip);
    SANL_TRY(sanl_buffer_create(&o->total.out[0], device, 2 * sizeof(float)));
    for (int i = 0; i < params->block_count; i++) {
        const struct sanl_param_block *block = &params->blocks[i];
        struct sanl_op_call *update = &o->update[i];
        SANL_TRY(
            make_norm(&o->norm[i], device, sanl_graph_gradient(o->graph, i), block->bytes, o->workspace));
        o->norm[i].out[0] = o->block_norm;
        *update = new_update(config);
        update->in_shape[0] = vector(block->bytes);
        update->in_shape[1] = o->total.out_shape[0];
        SANL_TRY(update->op->infer(update, device));
        update->in[0] = o->norm[i].in[0];
        update->in[1] = o->total.out[0];
        update->state[0] = block->value;
        for (int m = 0; m < SANL_PARAM_MOMENTS; m++)
            update->state[1 + m] = block->moment[m];
    }
    return SANL_OK;
}

enum sanl_status sanl_updater_create(struct sanl_updater **out, const struct sanl_graph *graph,
                                     const struct sanl_train_config *config)
{
    struct sanl_params *params = sanl_graph_params(graph);
    struct sanl_updater *o = sanl_calloc(1, sizeof *o);
    *out = NULL;
    if (!o)
        return SANL_ERR_MEMORY;
    o->graph = graph;
    o->params = params;
    o->norm = sanl_calloc((size_t)params->block_count, sizeof *o->norm);
    o->update = sanl_calloc((size_t)params->block_count, sizeof *o->update);
    const enum sanl_status status = o->norm && o->update ? make_calls(o, config) : SANL_ERR_MEMORY;
    if (status == SANL_OK)
        *out = o;
    else
        sanl_updater_free(o);
    return status;
}

void sanl_updater_free(struct sanl_updater *o)
{
    if (!o)
        return;
    sanl_buffer_free(o->total.out[0]);
    sanl_buffer_free(o->norms);
    sanl_buffer_free(o->block_norm);
    sanl_buffer_free(o->workspace);
    free(o->norm);
    free(o->update);
    free(o);
}

enum sanl_status sanl_updater_step(struct sanl_updater *o, double lr, long step)
{
    struct sanl_device *device = o->params->device;
    for (int i = 0; i < o->params->block_count; i++) {
        SANL_TRY(sanl_work_forward(&o->norm[i], device, "update"));
        SANL_TRY(
            sanl_buffer_copy(device, o->block_norm, o->norms, 0, (size_t)i * sizeof(float), sizeof(float)));
    }
    SANL_TRY(sanl_work_forward(&o->total, device, "update"));
    for (int i = 0; i < o->params->block_count; i++) {
        struct sanl_op_call *update = &o->update[i];
        sanl_op_set(update, "lr", lr);
        if (update->state_count == 3)
            sanl_op_set(update, "step", (double)step);
        SANL_TRY(sanl_work_forward(update, device, "update"));
    }
    sanl_params_touch(o->params);
    return sanl_device_flush(device);
}

enum sanl_status sanl_updater_read_norm(float *out, const struct sanl_updater *o)
{
    return sanl_buffer_read(o->params->device, o->total.out[0], 0, out, sizeof *out);
}

enum sanl_status sanl_updater_list_work(struct sanl_work_list *list, const struct sanl_updater *o)
{
    for (int i = 0; i < o->params->block_count; i++) {
        SANL_TRY(sanl_work_add(list, &o->norm[i], 1u << SANL_PASS_FORWARD, 0));
        SANL_TRY(sanl_work_add(list, &o->update[i], 1u << SANL_PASS_FORWARD, 0));
    }
    return sanl_work_add(list, &o->total, 1u << SANL_PASS_FORWARD, 0);
}

double sanl_learning_rate(const struct sanl_train_config *config, long step, long steps)
{
    const double epoch = ((double)step + 0.5) / (double)steps, warmup = config->warmup;
    double factor = warmup > 0 ? fmin(1, ((double)step + 1) / (warmup * (double)steps)) : 1;
    if (config->schedule == SANL_SCHEDULE_STEP)
        for (int i = 0; i < config->milestone_count && config->milestones[i] <= epoch; i++)
            factor *= config->gamma;
    if (config->schedule == SANL_SCHEDULE_COSINE && epoch > warmup)
        factor *= 0.5 * (1 + cos(acos(-1) * (epoch - warmup) / (config->epochs - warmup)));
    return config->lr * factor;
}
