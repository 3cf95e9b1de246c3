#include "data/loader.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sanlcl/clock.h>
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"

#define ORDER_KEY UINT64_MAX /* in the place of a record in random keys: shuffles */

/* One sample of a batch in the making. */
struct item {
    struct sanl_sample sample;
    bool filled, skipped; /* skipped: the record that belongs here could not be read, `message` says why */
    bool flip;            /* the sample is mirrored */
    int record;
    enum sanl_status status;
    char *message;
};

struct slot {
    struct sanl_batch batch;
    struct item *items; /* (options.batch,) */
    int done;           /* items that workers have finished */
    bool ready;         /* all of them, and the batch is packed */
    enum sanl_status status;
    char message[SANL_MESSAGE_BYTES];
};

/* Workers take the items of all batches in order. Batch b is made in slot b % slot_count, which is free once
 * batch b - slot_count was released. `lock` guards everything below it; an item belongs to the worker that
 * took it until `done` counts it, and a ready slot to the caller of sanl_loader_next. */
struct sanl_loader {
    struct sanl_loader_options options;
    const struct sanl_dataset *dataset;
    const struct sanl_part *part;
    char *part_name;
    int *order; /* (part->count,): record indices of this epoch */
    int batches;
    uint64_t epoch;
    int skipped;
    double wait_seconds;
    struct slot *slots;
    int slot_count;
    pthread_t *threads;
    int thread_count;
    bool locks; /* the three below exist */

    pthread_mutex_t lock;
    pthread_cond_t work;     /* an item can be taken, or it is time to stop */
    pthread_cond_t progress; /* a slot is ready, or a worker is idle */
    bool stop;
    int next_batch, next_item; /* to be taken */
    int released;              /* batches given back by the caller */
    int delivered;             /* batches handed to the caller */
    int busy;                  /* workers */
    int limit;                 /* batches to make: `batches` in an epoch, 0 outside */
};

void sanl_loader_configure(struct sanl_loader_options *out, const struct sanl_config *config)
{
    const struct sanl_loader_options options = {
        .size = config->model.size,
        .workers = config->data.workers,
        .ring = config->data.ring,
        .margin = config->data.margin,
        .boxes = config->data.boxes,
        .center_crop = config->data.center_crop,
        .max_megapixels = config->data.max_megapixels,
        .visible_only = config->loss.visible_only,
        .skip_bad = config->data.on_bad == SANL_ON_BAD_SKIP,
        .seed = (uint64_t)config->seed,
        .augment = config->data.augment,
    };
    *out = options;
}

/* ---- one sample ---- */

static int items_of(const struct sanl_loader *l, int batch)
{
    const int rest = l->part->count - batch * l->options.batch;
    return rest < l->options.batch ? rest : l->options.batch;
}

/* Reads the record at `from` in the epoch's order for the sample at `position`. */
static enum sanl_status read_record(const struct sanl_loader *l, struct item *item, int position, int from)
{
    const struct sanl_loader_options *o = &l->options;
    const struct sanl_sample_options options = {o->size, o->margin, o->max_megapixels, o->center_crop};
    const int index = l->order[from];
    const struct sanl_record *record = &l->dataset->records[index];
    const struct sanl_box *box = o->boxes && sanl_box_is_set(&record->box) ? &record->box : NULL;
    struct sanl_augment augment = {0};
    char *path = sanl_dataset_image_path(l->dataset, record);
    if (!path)
        return SANL_ERR_MEMORY;
    if (o->training) {
        const uint64_t key = sanl_random_key(o->seed, l->epoch, (uint64_t)index, (uint64_t)position);
        sanl_augment_draw(&augment, &o->augment, key);
    }
    const enum sanl_status status =
        sanl_sample_read(&item->sample, path, box, &options, o->training ? &augment : NULL);
    free(path);
    if (status != SANL_OK)
        return sanl_fail_prefix(status, "part '%s', record %d", l->part_name, index + 1);
    item->flip = augment.flip;
    item->record = index;
    item->filled = true;
    return SANL_OK;
}

static void load_item(const struct sanl_loader *l, struct item *item, int position)
{
    const int count = l->part->count;
    item->status = read_record(l, item, position, position);
    if (item->status == SANL_OK)
        return;
    const bool bad = sanl_sample_is_bad(item->status);
    item->message = sanl_format("%s%s", sanl_error_message(),
                                bad && !l->options.skip_bad ? " (data.on_bad: skip goes on without it)" : "");
    if (!bad || !l->options.skip_bad)
        return;
    item->skipped = true;
    if (!l->options.training) {
        item->status = SANL_OK;
        return;
    }
    for (int step = 1; step < count && sanl_sample_is_bad(item->status); step++)
        item->status = read_record(l, item, position, (int)(((int64_t)position + step) % count));
    if (item->status != SANL_OK) {
        free(item->message);
        item->message =
            sanl_format("no picture of the part can be read; the last one tried: %s", sanl_error_message());
    }
}

/* ---- one batch ---- */

static bool in_frame(const double p[2], int size)
{
    return p[0] >= -0.5 && p[0] < size - 0.5 && p[1] >= -0.5 && p[1] < size - 0.5;
}

static void add_landmarks(const struct sanl_loader *l, struct sanl_batch *b, const struct item *item)
{
    const size_t first = (size_t)(b->count - 1) * (size_t)b->landmarks;
    unsigned char *visibility = b->visibility + first;
    struct sanl_landmarks landmarks;
    double at_in[SANL_LANDMARKS][2];
    sanl_dataset_landmarks(&landmarks, l->dataset, &l->dataset->records[item->record]);
    sanl_crop_landmarks(at_in, visibility, &item->sample.in_to_img, item->flip, l->dataset->scheme,
                        (const double(*)[2])landmarks.img, landmarks.visibility);
    for (int k = 0; k < b->landmarks; k++) {
        const bool counts =
            visibility[k] == SANL_VISIBLE || (visibility[k] == SANL_OCCLUDED && !l->options.visible_only);
        b->landmark_in[first + (size_t)k][0] = (float)at_in[k][0];
        b->landmark_in[first + (size_t)k][1] = (float)at_in[k][1];
        b->teaches[first + (size_t)k] = counts && in_frame(at_in[k], l->options.size) ? 1.0F : 0.0F;
    }
}

static void add_labels(const struct sanl_loader *l, struct sanl_batch *b, const struct item *item)
{
    const int i = b->count - 1;
    if (b->landmarks)
        add_landmarks(l, b, item);
    b->category[i] = l->dataset->records[item->record].category;
    b->record[i] = item->record;
}

static void fail_slot(struct slot *slot, enum sanl_status status, const char *message)
{
    slot->status = status;
    snprintf(slot->message, sizeof slot->message, "%s", message ? message : "out of host memory");
}

/* Puts the items together; in their order, so that nothing depends on which worker was first. */
static void pack_slot(const struct sanl_loader *l, struct slot *slot, int count)
{
    sanl_batch_clear(&slot->batch);
    slot->status = SANL_OK;
    for (int i = 0; i < count && slot->status == SANL_OK; i++) {
        struct item *item = &slot->items[i];
        if (item->status != SANL_OK) {
            fail_slot(slot, item->status, item->message);
        } else if (item->filled) {
            const enum sanl_status status = sanl_batch_add(&slot->batch, &item->sample);
            if (status != SANL_OK)
                fail_slot(slot, status, sanl_error_message());
            else
                add_labels(l, &slot->batch, item);
        }
        sanl_sample_free(&item->sample);
    }
}

static void clear_slot(struct slot *slot, int items)
{
    for (int i = 0; i < items; i++) {
        sanl_sample_free(&slot->items[i].sample);
        free(slot->items[i].message);
        memset(&slot->items[i], 0, sizeof slot->items[i]);
    }
    slot->done = 0;
    slot->ready = false;
}

/* ---- workers ---- */

static bool can_take(const struct sanl_loader *l)
{
    return l->next_batch < l->limit && l->next_batch < l->released + l->slot_count;
}

/* Takes one item and makes it; the worker that finishes the last one of a batch packs it. Called with the
 * lock held, and returns so. */
static void work_once(struct sanl_loader *l)
{
    const int batch = l->next_batch, i = l->next_item, count = items_of(l, batch);
    struct slot *slot = &l->slots[batch % l->slot_count];
    if (++l->next_item == count) {
        l->next_item = 0;
        l->next_batch++;
    }
    l->busy++;
    pthread_mutex_unlock(&l->lock);
    load_item(l, &slot->items[i], batch * l->options.batch + i);
    pthread_mutex_lock(&l->lock);
    if (++slot->done == count) {
        pthread_mutex_unlock(&l->lock);
        pack_slot(l, slot, count);
        pthread_mutex_lock(&l->lock);
        slot->ready = true;
    }
    l->busy--;
    pthread_cond_broadcast(&l->progress);
}

static void *run_worker(void *argument)
{
    struct sanl_loader *l = argument;
    pthread_mutex_lock(&l->lock);
    while (!l->stop) {
        if (can_take(l))
            work_once(l);
        else
            pthread_cond_wait(&l->work, &l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* Signals are for the program's own thread. */
static enum sanl_status start_workers(struct sanl_loader *l)
{
    sigset_t all, before;
    int code = 0;
    l->threads = sanl_calloc((size_t)l->options.workers, sizeof *l->threads);
    if (!l->threads)
        return SANL_ERR_MEMORY;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (code == 0 && l->thread_count < l->options.workers) {
        code = pthread_create(&l->threads[l->thread_count], NULL, run_worker, l);
        l->thread_count += code == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0)
        return sanl_fail(SANL_ERR_MEMORY, "cannot start thread %d of %d (data.workers): %s",
                         l->thread_count + 1, l->options.workers, strerror(code));
    return SANL_OK;
}

/* ---- the loader ---- */

static enum sanl_status check_options(const struct sanl_loader_options *o, const struct sanl_dataset *dataset,
                                      const struct sanl_part *part)
{
    if (o->size < 1 || o->batch < 1 || o->workers < 1 || o->ring < 1)
        return sanl_fail(SANL_ERR_USAGE, "loader: size, batch, workers and ring must be at least 1");
    if (o->training && part->count < o->batch)
        return sanl_fail(SANL_ERR_USAGE,
                         "%s: part '%s' has %d records, less than one batch of %d: make it smaller",
                         dataset->root, o->part, part->count, o->batch);
    if (o->landmarks && !dataset->scheme)
        return sanl_fail(SANL_ERR_USAGE, "%s: the layout %s has no landmarks to learn (task: landmark)",
                         dataset->root, dataset->format->name);
    for (int i = 0; o->categories && i < part->count; i++) {
        if (dataset->records[part->records[i]].category < 0)
            return sanl_fail(SANL_ERR_FORMAT, "%s: record %d of part '%s' has no category to learn",
                             dataset->root, part->records[i] + 1, o->part);
    }
    return SANL_OK;
}

static enum sanl_status create_parts(struct sanl_loader *l)
{
    const size_t count = (size_t)l->part->count;
    l->part_name = sanl_strdup(l->options.part);
    l->order = sanl_calloc(count, sizeof *l->order);
    l->slots = sanl_calloc((size_t)l->slot_count, sizeof *l->slots);
    if (!l->part_name || !l->order || !l->slots)
        return SANL_ERR_MEMORY;
    for (int i = 0; i < l->slot_count; i++) {
        SANL_TRY(sanl_batch_create(&l->slots[i].batch, l->options.batch, l->options.size,
                                   l->dataset->scheme ? l->dataset->scheme->landmarks : 0));
        l->slots[i].items = sanl_calloc((size_t)l->options.batch, sizeof(struct item));
        if (!l->slots[i].items)
            return SANL_ERR_MEMORY;
    }
    if (pthread_mutex_init(&l->lock, NULL) || pthread_cond_init(&l->work, NULL) ||
        pthread_cond_init(&l->progress, NULL))
        return sanl_fail(SANL_ERR_MEMORY, "cannot make a lock");
    l->locks = true;
    return start_workers(l);
}

enum sanl_status sanl_loader_create(struct sanl_loader **out, const struct sanl_dataset *dataset,
                                    const struct sanl_loader_options *options)
{
    const struct sanl_part *part = NULL;
    *out = NULL;
    SANL_TRY(sanl_dataset_find_part(&part, dataset, options->part));
    SANL_TRY(check_options(options, dataset, part));
    struct sanl_loader *l = sanl_calloc(1, sizeof *l);
    if (!l)
        return SANL_ERR_MEMORY;
    l->options = *options;
    l->dataset = dataset;
    l->part = part;
    l->slot_count = options->ring + 1; /* one is with the caller */
    l->batches = options->training ? part->count / options->batch : (part->count - 1) / options->batch + 1;
    const enum sanl_status status = create_parts(l);
    if (status == SANL_OK)
        *out = l;
    else
        sanl_loader_free(l);
    return status;
}

void sanl_loader_free(struct sanl_loader *l)
{
    if (!l)
        return;
    if (l->locks) {
        pthread_mutex_lock(&l->lock);
        l->stop = true;
        pthread_cond_broadcast(&l->work);
        pthread_mutex_unlock(&l->lock);
        for (int i = 0; i < l->thread_count; i++)
            pthread_join(l->threads[i], NULL);
        pthread_cond_destroy(&l->progress);
        pthread_cond_destroy(&l->work);
        pthread_mutex_destroy(&l->lock);
    }
    for (int i = 0; l->slots && i < l->slot_count; i++) {
        if (l->slots[i].items)
            clear_slot(&l->slots[i], l->options.batch);
        free(l->slots[i].items);
        sanl_batch_free(&l->slots[i].batch);
    }
    free(l->slots);
    free(l->threads);
    free(l->order);
    free(l->part_name);
    free(l);
}

int sanl_loader_batches(const struct sanl_loader *l)
{
    return l->batches;
}

int sanl_loader_samples(const struct sanl_loader *l)
{
    return l->options.training ? l->batches * l->options.batch : l->part->count;
}

/* Fisher-Yates. */
static void shuffle(struct sanl_loader *l)
{
    const uint64_t key = sanl_random_key(l->options.seed, l->epoch, ORDER_KEY, 0);
    for (int i = l->part->count - 1; i > 0; i--) {
        const int j = (int)sanl_random_below(key, (uint64_t)i, (uint64_t)i + 1);
        const int swap = l->order[i];
        l->order[i] = l->order[j];
        l->order[j] = swap;
    }
}

void sanl_loader_start_epoch(struct sanl_loader *l, uint64_t epoch)
{
    pthread_mutex_lock(&l->lock);
    l->limit = 0;
    while (l->busy > 0)
        pthread_cond_wait(&l->progress, &l->lock);
    for (int i = 0; i < l->slot_count; i++)
        clear_slot(&l->slots[i], l->options.batch);
    l->epoch = epoch;
    memcpy(l->order, l->part->records, (size_t)l->part->count * sizeof *l->order);
    if (l->options.training)
        shuffle(l);
    l->next_batch = l->next_item = l->released = l->delivered = 0;
    l->skipped = 0;
    l->wait_seconds = 0;
    l->limit = l->batches;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
}

/* Gives the batch in use back and waits for the one after it; NULL when there is none. */
static struct slot *await_slot(struct sanl_loader *l)
{
    const double before = sanl_clock_seconds();
    struct slot *slot = NULL;
    pthread_mutex_lock(&l->lock);
    if (l->released < l->delivered) {
        clear_slot(&l->slots[l->released % l->slot_count], l->options.batch);
        l->released++;
        pthread_cond_broadcast(&l->work);
    }
    if (l->delivered < l->limit) {
        slot = &l->slots[l->delivered % l->slot_count];
        while (!slot->ready)
            pthread_cond_wait(&l->progress, &l->lock);
        l->delivered++;
    }
    pthread_mutex_unlock(&l->lock);
    l->wait_seconds += sanl_clock_seconds() - before;
    return slot;
}

enum sanl_status sanl_loader_next(struct sanl_loader *l, const struct sanl_batch **out)
{
    *out = NULL;
    struct slot *slot = NULL;
    while (!*out && (slot = await_slot(l)) != NULL) { /* again when every picture of a batch is left out */
        for (int i = 0; i < l->options.batch; i++) {
            if (!slot->items[i].skipped)
                continue;
            l->skipped++;
            sanl_log(SANL_LOG_WARNING, "left out: %s", slot->items[i].message ? slot->items[i].message : "");
        }
        if (slot->status != SANL_OK)
            return sanl_fail_copy(slot->status, slot->message);
        if (slot->batch.count > 0)
            *out = &slot->batch;
    }
    return SANL_OK;
}

int sanl_loader_skipped(const struct sanl_loader *l)
{
    return l->skipped;
}

double sanl_loader_wait_seconds(const struct sanl_loader *l)
{
    return l->wait_seconds;
}
