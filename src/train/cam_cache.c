#include "train/cam_cache.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sanlcl/interrupt.h>
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/loader.h"

enum { HEAD_BYTES = 16 };
static const char magic[] = "SANLCAM1";

struct sanl_cam_cache {
    const struct sanl_dataset *dataset;
    struct sanl_config config;
    uint64_t key; /* of all records: the classifier and what the configuration says */
    /* (dataset->count,): tells a record's picture from others, even of its name; 0: not looked at yet */
    uint64_t *pictures;
    size_t floats; /* of the four maps */
    float *kept;   /* (floats,): of one picture */
    float *warped; /* (batch, floats): in the order of the tensors, level after level */
    int batch;     /* that `warped` has room for */
};

static uint64_t mix(uint64_t key, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return sanl_mix64(key ^ bits) + 0x9E3779B97F4A7C15u;
}

static enum sanl_status hash_params(uint64_t *out, struct sanl_params *params)
{
    enum sanl_status status = SANL_OK;
    for (int k = 0; k < params->count && status == SANL_OK; k++) {
        const struct sanl_param *param = params->list[k];
        const size_t count = sanl_shape_count(param->shape);
        float *values = sanl_calloc(count, sizeof *values);
        if (!values)
            return SANL_ERR_MEMORY;
        status = sanl_param_read(params, param, values);
        for (size_t i = 0; i < count && status == SANL_OK; i++) {
            uint32_t bits;
            memcpy(&bits, &values[i], sizeof bits);
            *out = (*out ^ bits) * 0x100000001B3u + (*out >> 47);
        }
        free(values);
    }
    return status;
}

static int side_of(const struct sanl_cam_cache *cache, int level)
{
    return cache->config.model.size / (4 << level);
}

enum sanl_status sanl_cam_cache_open(struct sanl_cam_cache **out, const struct sanl_config *config,
                                     struct sanl_params *classifier, const struct sanl_dataset *dataset)
{
    *out = NULL;
    SANL_TRY(sanl_folder_make(config->cam.cache));
    uint64_t key = 0xCBF29CE484222325u;
    SANL_TRY(hash_params(&key, classifier));
    struct sanl_cam_cache *cache = sanl_calloc(1, sizeof *cache);
    if (!cache)
        return SANL_ERR_MEMORY;
    cache->dataset = dataset;
    cache->config = *config;
    const double made_by[] = {config->model.size, config->cam.mode, config->cam.norm, config->data.margin,
                              config->data.boxes};
    cache->key = key;
    for (size_t i = 0; i < sizeof made_by / sizeof *made_by; i++)
        cache->key = mix(cache->key, made_by[i]);
    for (int level = 0; level < SANL_STAGES; level++)
        cache->floats += (size_t)side_of(cache, level) * (size_t)side_of(cache, level);
    cache->kept = sanl_calloc(cache->floats, sizeof *cache->kept);
    cache->pictures = sanl_calloc((size_t)dataset->count, sizeof *cache->pictures);
    if (!cache->kept || !cache->pictures) {
        sanl_cam_cache_free(cache);
        return SANL_ERR_MEMORY;
    }
    *out = cache;
    return SANL_OK;
}

void sanl_cam_cache_free(struct sanl_cam_cache *cache)
{
    if (!cache)
        return;
    free(cache->pictures);
    free(cache->kept);
    free(cache->warped);
    free(cache);
}

/* ---- files --------------------------------------------------------------------------------------- */

/* Fills in pictures[record]. A picture that is not there counts as empty: it is the loader that says so. */
static enum sanl_status look_at_picture(const struct sanl_cam_cache *cache, int record)
{
    const struct sanl_record *r = &cache->dataset->records[record];
    struct stat info;
    if (cache->pictures[record])
        return SANL_OK;
    char *path = sanl_dataset_image_path(cache->dataset, r);
    if (!path)
        return SANL_ERR_MEMORY;
    if (stat(path, &info) != 0)
        memset(&info, 0, sizeof info);
    free(path);
    cache->pictures[record] = sanl_random_key(sanl_hash_text(r->image), (uint64_t)info.st_size,
                                              (uint64_t)info.st_mtim.tv_sec, (uint64_t)info.st_mtim.tv_nsec);
    return SANL_OK;
}

/* The path of a record's maps, and a word that tells keys apart; NULL with the message set on failure. */
static char *place(uint64_t *check, const struct sanl_cam_cache *cache, int record)
{
    const struct sanl_record *r = &cache->dataset->records[record];
    if (look_at_picture(cache, record) != SANL_OK)
        return NULL;
    uint64_t key = sanl_mix64(cache->key ^ cache->pictures[record]);
    if (cache->config.data.boxes)
        key = mix(mix(mix(mix(key, r->box.x1), r->box.y1), r->box.x2), r->box.y2);
    *check = sanl_mix64(key + cache->pictures[record]);
    return sanl_format("%s/%02x/%014llx.cam", cache->config.cam.cache, (unsigned)(key >> 56),
                       (unsigned long long)(key & 0xFFFFFFFFFFFFFFu));
}

static bool is_whole(const char *path, size_t floats)
{
    struct stat info;
    return stat(path, &info) == 0 && (uint64_t)info.st_size == HEAD_BYTES + floats * sizeof(float);
}

/* The word behind the magic: of the key and of the maps. */
static uint64_t seal(const struct sanl_cam_cache *cache, uint64_t check)
{
    return check ^ sanl_hash_bytes(cache->kept, cache->floats * sizeof *cache->kept);
}

static enum sanl_status keep(struct sanl_cam_cache *cache, int record)
{
    struct sanl_output out = {0};
    uint64_t check;
    char *path = place(&check, cache, record);
    enum sanl_status status = path ? sanl_folder_make_for(path) : SANL_ERR_MEMORY;
    if (status == SANL_OK)
        status = sanl_output_open(&out, path);
    if (status == SANL_OK) {
        const uint64_t sealed = seal(cache, check);
        fwrite(magic, 1, 8, out.file);
        fwrite(&sealed, 1, sizeof sealed, out.file);
        fwrite(cache->kept, sizeof *cache->kept, cache->floats, out.file);
        status = sanl_output_commit(&out);
    }
    sanl_output_free(&out);
    free(path);
    return status;
}

static enum sanl_status read_kept(struct sanl_cam_cache *cache, uint64_t check, const char *path,
                                  const char *image)
{
    static const char again[] = "start the training again, which makes maps that are missing (cam.cache)";
    char head[8];
    uint64_t sealed;
    FILE *file = fopen(path, "rb");
    if (!file)
        return sanl_fail_errno(SANL_ERR_IO, "%s: cannot open the maps of '%s'; %s", path, image, again);
    enum sanl_status status = SANL_OK;
    if (!is_whole(path, cache->floats))
        status = sanl_fail(SANL_ERR_FORMAT, "%s: the maps of '%s' are not whole, as if cut short; %s", path,
                           image, again);
    else if (fread(head, 1, sizeof head, file) != sizeof head ||
             fread(&sealed, 1, sizeof sealed, file) != sizeof sealed ||
             fread(cache->kept, sizeof *cache->kept, cache->floats, file) != cache->floats)
        status = sanl_fail_errno(SANL_ERR_IO, "%s: cannot read the maps of '%s'; %s", path, image, again);
    else if (memcmp(head, magic, sizeof head) != 0 || sealed != seal(cache, check))
        status =
            sanl_fail(SANL_ERR_FORMAT, "%s: damaged: these are not the maps of '%s'; remove the file and %s",
                      path, image, again);
    fclose(file);
    return status;
}

static enum sanl_status fetch(struct sanl_cam_cache *cache, int record)
{
    uint64_t check;
    char *path = place(&check, cache, record);
    if (!path)
        return SANL_ERR_MEMORY;
    const enum sanl_status status = read_kept(cache, check, path, cache->dataset->records[record].image);
    free(path);
    return status;
}

/* ---- making -------------------------------------------------------------------------------------- */

/* How many of these records have no maps yet. */
static enum sanl_status count_missing(int *out, const struct sanl_cam_cache *cache, const int *records,
                                      int count)
{
    *out = 0;
    for (int i = 0; i < count; i++) {
        uint64_t check;
        char *path = place(&check, cache, records[i]);
        if (!path)
            return SANL_ERR_MEMORY;
        *out += !is_whole(path, cache->floats);
        free(path);
    }
    return SANL_OK;
}

/* The maps that stand in the engine's inputs, level after level, each of the whole batch. */
static enum sanl_status read_maps(struct sanl_cam_cache *cache, const struct sanl_engine *engine)
{
    float *at = cache->warped;
    for (int level = 0; level < SANL_STAGES; level++) {
        SANL_TRY(sanl_tensor_read(engine->cam[level], at));
        at += sanl_shape_count(engine->cam[level]->shape);
    }
    return SANL_OK;
}

/* Copies picture i's maps from, or to, the levels. */
static void move_maps(struct sanl_cam_cache *cache, int i, bool out)
{
    float *level_at = cache->warped, *kept = cache->kept;
    for (int level = 0; level < SANL_STAGES; level++) {
        const size_t count = (size_t)side_of(cache, level) * (size_t)side_of(cache, level);
        float *one = level_at + (size_t)i * count;
        memcpy(out ? kept : one, out ? one : kept, count * sizeof *kept);
        level_at += (size_t)cache->batch * count;
        kept += count;
    }
}

static enum sanl_status make_room(struct sanl_cam_cache *cache, int batch)
{
    if (cache->batch == batch)
        return SANL_OK;
    free(cache->warped);
    cache->warped = sanl_calloc((size_t)batch * cache->floats, sizeof *cache->warped);
    cache->batch = cache->warped ? batch : 0;
    return cache->warped ? SANL_OK : SANL_ERR_MEMORY;
}

static enum sanl_status make_maps(struct sanl_cam_cache *cache, struct sanl_engine *engine,
                                  struct sanl_loader *loader)
{
    const struct sanl_batch *batch;
    int missing;
    sanl_loader_start_epoch(loader, 0);
    for (;;) {
        SANL_TRY(sanl_loader_next(loader, &batch));
        if (!batch)
            return SANL_OK;
        if (sanl_interrupted())
            return sanl_fail(SANL_ERR_INTERRUPTED, "%s: stopped while maps were made (cam.cache)",
                             cache->config.cam.cache);
        SANL_TRY(count_missing(&missing, cache, batch->record, batch->count));
        if (!missing)
            continue;
        SANL_TRY(sanl_engine_load_image(engine, batch));
        SANL_TRY(sanl_engine_make_cams(engine));
        SANL_TRY(read_maps(cache, engine));
        for (int i = 0; i < batch->count; i++) {
            move_maps(cache, i, true);
            SANL_TRY(keep(cache, batch->record[i]));
        }
    }
}

enum sanl_status sanl_cam_cache_fill(struct sanl_cam_cache *cache, struct sanl_engine *engine,
                                     const char *part)
{
    struct sanl_loader_options options;
    const struct sanl_part *records;
    struct sanl_loader *loader;
    int missing;
    SANL_TRY(sanl_dataset_find_part(&records, cache->dataset, part));
    SANL_TRY(count_missing(&missing, cache, records->records, records->count));
    SANL_TRY(make_room(cache, engine->batch));
    if (!missing)
        return SANL_OK;
    sanl_log(SANL_LOG_INFO, "%s: making the attention maps of part '%s', %d of which are missing",
             cache->config.cam.cache, part, missing);
    sanl_loader_configure(&options, &cache->config);
    options.part = part;
    options.batch = engine->batch;
    options.center_crop = 0;
    SANL_TRY(sanl_loader_create(&loader, cache->dataset, &options));
    const enum sanl_status status = make_maps(cache, engine, loader);
    sanl_loader_free(loader);
    return status;
}

/* ---- use ----------------------------------------------------------------------------------------- */

/* A map of side x side seen through `map`, from input pixels of the augmented picture to those of the plain
 * one; pixel j of a map stands at input pixel stride j + (stride - 1) / 2. */
static void warp_map(float *out, const float *in, int side, int stride, const struct sanl_affine *map)
{
    const double middle = (stride - 1) / 2.0;
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            const double at_in[2] = {stride * x + middle, stride * y + middle};
            double at[2];
            sanl_affine_apply(at, map, at_in);
            for (int axis = 0; axis < 2; axis++)
                at[axis] = fmin(fmax((at[axis] - middle) / stride, 0), side - 1);
            const int x0 = (int)at[0], y0 = (int)at[1];
            const int x1 = x0 + 1 < side ? x0 + 1 : x0, y1 = y0 + 1 < side ? y0 + 1 : y0;
            const double u = at[0] - x0, v = at[1] - y0;
            out[y * side + x] = (float)((1 - v) * ((1 - u) * in[y0 * side + x0] + u * in[y0 * side + x1]) +
                                        v * ((1 - u) * in[y1 * side + x0] + u * in[y1 * side + x1]));
        }
}

/* From input pixels of the batch's picture i to those that it has without augmentation. */
static void find_way(struct sanl_affine *out, const struct sanl_cam_cache *cache,
                     const struct sanl_batch *batch, int i)
{
    const bool whole =
        !cache->config.data.boxes || !sanl_box_is_set(&cache->dataset->records[batch->record[i]].box);
    const struct sanl_box window =
        sanl_crop_window(&batch->box[i], whole ? 0 : cache->config.data.margin, 0, NULL);
    struct sanl_affine plain, back;
    sanl_crop_map(&plain, &window, batch->size, NULL);
    sanl_affine_invert(&back, &plain);
    sanl_affine_compose(out, &back, &batch->in_to_img[i]);
}

enum sanl_status sanl_cam_cache_load(struct sanl_cam_cache *cache, struct sanl_engine *engine,
                                     const struct sanl_batch *batch)
{
    SANL_TRY(make_room(cache, engine->batch));
    memset(cache->warped, 0, (size_t)cache->batch * cache->floats * sizeof *cache->warped);
    for (int i = 0; i < batch->count; i++) {
        struct sanl_affine way;
        float *level_at = cache->warped;
        const float *kept = cache->kept;
        SANL_TRY(fetch(cache, batch->record[i]));
        find_way(&way, cache, batch, i);
        for (int level = 0; level < SANL_STAGES; level++) {
            const int side = side_of(cache, level);
            const size_t count = (size_t)side * (size_t)side;
            warp_map(level_at + (size_t)i * count, kept, side, 4 << level, &way);
            level_at += (size_t)cache->batch * count;
            kept += count;
        }
    }
    const float *at = cache->warped;
    for (int level = 0; level < SANL_STAGES; level++) {
        SANL_TRY(sanl_tensor_write(engine->cam[level], at));
        at += sanl_shape_count(engine->cam[level]->shape);
    }
    return SANL_OK;
}
