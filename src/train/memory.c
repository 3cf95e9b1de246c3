/* Planning a configuration's memory. */
#include <sanlcl/memory.h>

#include <stdio.h>
#include <string.h>
#include "train/network.h"
#include "train/updater.h"

static const char *const kind_names[] = {
    [SANL_MEMORY_PARAMETERS] = "parameters",     [SANL_MEMORY_MOMENTS] = "optimiser's moments",
    [SANL_MEMORY_PACKED] = "packed weights",     [SANL_MEMORY_INPUTS] = "inputs",
    [SANL_MEMORY_ACTIVATIONS] = "activations",   [SANL_MEMORY_SAVED] = "statistics",
    [SANL_MEMORY_GRADIENTS] = "their gradients", [SANL_MEMORY_PARAM_GRADIENTS] = "parameters' gradients",
    [SANL_MEMORY_WORKSPACE] = "workspace",
};

const char *sanl_memory_kind_name(enum sanl_memory_kind kind)
{
    return kind_names[kind];
}

/* moments as for sanl_params_allocate */
static void add_params(struct sanl_memory *memory, const struct sanl_params *params, int moments)
{
    for (int i = 0; i < params->count; i++) {
        const struct sanl_param *p = params->list[i];
        const double bytes = (double)sanl_shape_count(p->shape) * sizeof(float);
        memory->bytes[SANL_MEMORY_PARAMETERS] += bytes;
        if (!p->trained || moments < 0)
            continue;
        memory->bytes[SANL_MEMORY_MOMENTS] += moments * bytes;
    }
}

static enum sanl_status plan_engine(struct sanl_memory *memory, struct sanl_network *network, int batch,
                                    bool training)
{
    struct sanl_engine *engine;
    if (batch == 0)
        return SANL_OK;
    SANL_TRY(sanl_engine_plan(&engine, network, batch, training));
    sanl_engine_memory(memory, engine);
    sanl_engine_free(engine);
    return SANL_OK;
}

enum sanl_status sanl_memory_plan(struct sanl_memory *out, const struct sanl_memory_use *use,
                                  struct sanl_device *device)
{
    const struct sanl_memory none = {0};
    const int moments = use->train_batch ? sanl_updater_moments(&use->config->train) : -1;
    struct sanl_network *network;
    *out = none;
    SANL_TRY(sanl_network_declare(&network, use->config, device, moments, use->config->model.classes));
    add_params(out, network->params, moments);
    if (network->classifier)
        add_params(out, network->classifier, -1);
    enum sanl_status status = plan_engine(out, network, use->train_batch, true);
    if (status == SANL_OK)
        status = plan_engine(out, network, use->eval_batch, false);
    sanl_network_free(network);
    if (use->train_batch)
        out->spent = 0; /* checkpoints are made of them */
    out->total = out->placed;
    for (int k = 0; k < SANL_MEMORY_ACTIVATIONS; k++)
        out->total += out->bytes[k];
    return status;
}

/* ---- what does not fit --------------------------------------------------------------------------- */

static bool fits(const struct sanl_memory_use *use, struct sanl_device *device, double bytes)
{
    struct sanl_memory memory;
    return sanl_memory_plan(&memory, use, device) == SANL_OK && memory.total <= bytes;
}

/* The largest value of *batch, one of use's, below its present one that fits; 0: none. */
static int largest(struct sanl_memory_use *use, int *batch, struct sanl_device *device, double bytes)
{
    int low = 0, high = *batch; /* fits, does not */
    while (high - low > 1) {
        *batch = low + (high - low) / 2;
        if (fits(use, device, bytes))
            low = *batch;
        else
            high = *batch;
    }
    return low;
}

/* What the user can do about it. */
static void advise(char *out, size_t size, struct sanl_memory_use use, struct sanl_device *device,
                   double bytes)
{
    const struct sanl_memory_use eval = {use.config, 0, use.eval_batch};
    const bool by_eval = !use.train_batch || (use.eval_batch && !fits(&eval, device, bytes));
    const bool recompute = use.train_batch && !use.config->train.recompute;
    const struct sanl_config *config = use.config;
    const bool of_config =
        by_eval ? use.eval_batch == config->eval.batch : use.train_batch == config->train.batch;
    const char *key = !of_config ? "" : by_eval ? " (eval.batch)" : " (train.batch)";
    if (by_eval)
        use.train_batch = 0;
    const int batch = largest(&use, by_eval ? &use.eval_batch : &use.train_batch, device, bytes);
    if (batch)
        snprintf(out, size, "a batch of %d fits%s%s", batch, key,
                 recompute && !by_eval ? "; train.recompute=true takes less" : "");
    else
        snprintf(out, size, "not even a batch of 1 fits%s: take a smaller model.size or backbone%s", key,
                 recompute ? " or train.recompute=true" : "");
}

static void list_sizes(char *out, size_t size, const struct sanl_memory *memory)
{
    size_t length = 0;
    out[0] = 0;
    for (int k = 0; k < SANL_MEMORY_KINDS && length < size; k++)
        if (memory->bytes[k] > 0)
            length += (size_t)snprintf(out + length, size - length, "%s%s %.0f", length ? ", " : "",
                                       kind_names[k], memory->bytes[k] / (1 << 20));
}

enum sanl_status sanl_memory_check(const struct sanl_memory_use *use, struct sanl_device *device,
                                   double bytes)
{
    struct sanl_memory memory;
    char sizes[320], advice[128], why[SANL_MESSAGE_BYTES];
    bytes = bytes > 0 ? bytes : (double)sanl_device_get_info(device)->memory_bytes;
    const enum sanl_status status = sanl_memory_plan(&memory, use, device);
    if (status != SANL_OK && status != SANL_ERR_LIMIT)
        return status;
    if (status == SANL_OK && memory.total <= bytes)
        return SANL_OK;
    snprintf(why, sizeof why, "%s", status == SANL_OK ? "" : sanl_error_message());
    advise(advice, sizeof advice, *use, device, bytes);
    if (status != SANL_OK)
        return sanl_fail(status, "%s; %s", why, advice);
    list_sizes(sizes, sizeof sizes, &memory);
    return sanl_fail(SANL_ERR_MEMORY, "the network takes %.0f MiB (%s) of the device's %.0f MiB; %s",
                     memory.total / (1 << 20), sizes, bytes / (1 << 20), advice);
}
