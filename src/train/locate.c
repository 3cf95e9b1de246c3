#include "train/locate.h"

#include <stdlib.h>
#include "base/memory.h"
#include "landmark/decode.h"

enum { STRIDE = 4 }; /* input pixels of a heatmap pixel */

static enum sanl_status add_mirrored(float *heat, float *room, struct sanl_engine *engine,
                                     const struct sanl_tensor *heatmaps, const struct sanl_scheme *scheme)
{
    const struct sanl_shape s = heatmaps->shape;
    const size_t one = (size_t)s.h * (size_t)s.w * (size_t)s.c;
    SANL_TRY(sanl_engine_mirror(engine));
    SANL_TRY(sanl_graph_forward(engine->graph));
    SANL_TRY(sanl_tensor_read(heatmaps, room));
    for (size_t n = 0; n < (size_t)s.n; n++)
        sanl_heatmap_average(heat + n * one, room + n * one, s.h, s.w, scheme);
    return SANL_OK;
}

static void decode(float *out, const float *heat, const struct sanl_shape s, const struct sanl_config *config)
{
    const struct sanl_decoding decoding = {
        .how = config->eval.decode,
        .sigma = config->model.fine ? config->loss.sigma_fine : config->loss.sigma_coarse,
        .beta = config->eval.beta,
    };
    double at_in[SANL_LANDMARKS][2];
    float score[SANL_LANDMARKS];
    for (int n = 0; n < s.n; n++) {
        sanl_heatmap_decode(at_in, score, heat + (size_t)n * (size_t)s.h * (size_t)s.w * (size_t)s.c, s.h,
                            s.w, s.c, STRIDE, &decoding);
        for (int k = 0; k < s.c; k++) {
            float *row = out + ((size_t)n * (size_t)s.c + (size_t)k) * SANL_LOCATED;
            row[0] = (float)at_in[k][0];
            row[1] = (float)at_in[k][1];
            row[2] = score[k];
        }
    }
}

enum sanl_status sanl_locate(float *out, struct sanl_engine *engine)
{
    const struct sanl_config *config = &engine->network->config;
    const struct sanl_tensor *heatmaps =
        config->model.fine ? engine->landmark.fine : engine->landmark.coarse[0];
    const size_t count = sanl_shape_count(heatmaps->shape);
    if (!config->eval.flip && config->eval.decode == SANL_DECODE_QUARTER)
        return sanl_tensor_read(engine->landmark.decoded, out); /* the graph ends with it */
    const struct sanl_scheme *scheme;
    SANL_TRY(sanl_scheme_find(&scheme, heatmaps->shape.c));
    float *heat = sanl_calloc(2 * count, sizeof *heat);
    if (!heat)
        return SANL_ERR_MEMORY;
    enum sanl_status status = sanl_tensor_read(heatmaps, heat);
    if (status == SANL_OK && config->eval.flip)
        status = add_mirrored(heat, heat + count, engine, heatmaps, scheme);
    if (status == SANL_OK)
        decode(out, heat, heatmaps->shape, config);
    free(heat);
    return status;
}
