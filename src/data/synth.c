/* The data set around the pictures: threads that render and write them, then the annotation files. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sanlcl/interrupt.h>
#include <sanlcl/synth.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/convert.h"
#include "data/synth.h"

enum {
    QUALITY = 90,
    MAX_COUNT = 99999999,
    MIN_SIZE = 64,
    MAX_SIZE = 2048,
    MAX_THREADS = 256,
    NAME_BYTES = 32
};

void sanl_synth_defaults(struct sanl_synth_options *options)
{
    *options = (struct sanl_synth_options){.layout = "fld",
                                           .count = 1000,
                                           .seed = 1,
                                           .size = 256,
                                           .val_share = 0.15,
                                           .test_share = 0.15,
                                           .variety = 1};
}

static enum sanl_status check_options(const struct sanl_synth_options *o)
{
    if (o->count < 1 || o->count > MAX_COUNT)
        return sanl_fail(SANL_ERR_USAGE, "count %d: expected 1 to %d pictures", o->count, MAX_COUNT);
    if (o->size < MIN_SIZE || o->size > MAX_SIZE)
        return sanl_fail(SANL_ERR_USAGE, "size %d: expected %d to %d pixels", o->size, MIN_SIZE, MAX_SIZE);
    if (!(o->val_share >= 0 && o->test_share >= 0 && o->val_share + o->test_share <= 1))
        return sanl_fail(SANL_ERR_USAGE, "shares of val (%g) and test (%g): expected 0 to 1 in sum",
                         o->val_share, o->test_share);
    if (!(o->variety >= 0 && o->variety <= 1))
        return sanl_fail(SANL_ERR_USAGE, "variety %g: expected 0 to 1", o->variety);
    if (o->threads < 0 || o->threads > MAX_THREADS)
        return sanl_fail(SANL_ERR_USAGE, "threads %d: expected 0 to %d", o->threads, MAX_THREADS);
    return SANL_OK;
}

struct job {
    const struct sanl_synth_options *options;
    const char *folder;
    const struct sanl_dataset_format *format;
    struct sanl_dataset drawn; /* as the layout fld has it */
    char *names;               /* (count, NAME_BYTES): of pictures there */
    pthread_mutex_t lock;      /* for all below */
    int next, done;
    enum sanl_status status; /* of the first failure, which ends the job */
    char message[SANL_MESSAGE_BYTES];
};

/* Multiples of the golden ratio spread the parts evenly over the pictures. */
static unsigned char part_of(const struct sanl_synth_options *o, int index, bool no_test)
{
    const uint64_t start = sanl_random_key(o->seed, 0x50415254u, 0, 0);
    const double at = (double)((start + (uint64_t)index * 0x9E3779B97F4A7C15u) >> 11) / 9007199254740992.0;
    const unsigned char part = at < o->test_share ? 2 : at < o->test_share + o->val_share ? 1 : 0;
    return part == 2 && no_test ? 1 : part;
}

/* Threads fill records at once: each has room for all landmarks. */
static void fill_record(struct sanl_record *out, struct job *job, int index,
                        const struct sanl_synth_record *drawn)
{
    const int *b = drawn->box;
    *out = (struct sanl_record){
        .image = job->names + (size_t)index * NAME_BYTES,
        .box = {b[0], b[1], b[2], b[3]},
        .points = (size_t)index * SANL_FASHION_LANDMARKS,
        .category = drawn->category,
        .clothes = (unsigned char)drawn->type,
        .variation = (unsigned char)drawn->variation,
        .part = part_of(job->options, index, job->format->scheme == &sanl_scheme_deepfashion2)};
    for (int i = 0; i < sanl_clothes_count(&sanl_scheme_fashion, drawn->type); i++) {
        const int slot = sanl_clothes_slot(&sanl_scheme_fashion, drawn->type, i);
        const struct sanl_point point = {{drawn->x[slot], drawn->y[slot]},
                                         (unsigned char)drawn->visibility[slot]};
        sanl_dataset_set_point(&job->drawn, out, i, &point);
    }
}

static enum sanl_status make_picture(struct job *job, int index)
{
    struct sanl_record *record = &job->drawn.records[index];
    struct sanl_synth_record drawn;
    struct sanl_image image;
    SANL_TRY(sanl_synth_render(&image, &drawn, job->options, index));
    fill_record(record, job, index, &drawn);
    char *name = job->format->place(&job->drawn, record);
    char *path = name ? sanl_path_join(job->folder, name) : NULL;
    enum sanl_status status = path ? sanl_folder_make_for(path) : SANL_ERR_MEMORY;
    if (status == SANL_OK)
        status = sanl_image_write(&image, path, QUALITY);
    free(path);
    free(name);
    sanl_image_free(&image);
    return status;
}

/* With the lock held: notes the end of a picture. */
static void finish_picture(struct job *job, enum sanl_status status)
{
    const struct sanl_synth_options *o = job->options;
    job->done += status == SANL_OK;
    if (status == SANL_OK && job->status == SANL_OK && o->progress)
        o->progress(o->payload, job->done, o->count);
    if (status == SANL_OK && sanl_interrupted())
        status = sanl_fail(SANL_ERR_INTERRUPTED, "%s: interrupted after %d of %d pictures", job->folder,
                           job->done, o->count);
    if (status == SANL_OK || job->status != SANL_OK)
        return;
    job->status = status;
    strncpy(job->message, sanl_error_message(), sizeof job->message - 1);
}

static void *work(void *argument)
{
    struct job *job = argument;
    pthread_mutex_lock(&job->lock);
    while (job->status == SANL_OK && job->next < job->options->count) {
        const int index = job->next++;
        pthread_mutex_unlock(&job->lock);
        const enum sanl_status status = make_picture(job, index);
        pthread_mutex_lock(&job->lock);
        finish_picture(job, status);
    }
    pthread_mutex_unlock(&job->lock);
    return NULL;
}

/* Renders in this thread and, where they can be had, in others. */
static enum sanl_status make_pictures(struct job *job)
{
    pthread_t others[MAX_THREADS];
    int count = 0;
    long threads = job->options->threads ? job->options->threads : sysconf(_SC_NPROCESSORS_ONLN);
    if (threads > MAX_THREADS)
        threads = MAX_THREADS;
    while (count < threads - 1 && pthread_create(&others[count], NULL, work, job) == 0)
        count++;
    work(job);
    for (int i = 0; i < count; i++)
        pthread_join(others[i], NULL);
    return job->status == SANL_OK ? SANL_OK : sanl_fail_copy(job->status, job->message);
}

static enum sanl_status prepare(struct job *job)
{
    const int count = job->options->count;
    SANL_TRY(sanl_dataset_find_format(&job->drawn.format, "fld"));
    job->drawn.count = count;
    job->drawn.scheme = &sanl_scheme_fashion;
    job->drawn.records = sanl_calloc((size_t)count, sizeof *job->drawn.records);
    job->drawn.point_count = (size_t)count * SANL_FASHION_LANDMARKS;
    job->drawn.point_img = sanl_calloc(job->drawn.point_count, sizeof *job->drawn.point_img);
    job->drawn.point_visibility = sanl_calloc(job->drawn.point_count, 1);
    job->names = sanl_calloc((size_t)count, NAME_BYTES);
    if (!job->drawn.records || !job->drawn.point_img || !job->drawn.point_visibility || !job->names)
        return SANL_ERR_MEMORY;
    for (int i = 0; i < count; i++)
        snprintf(job->names + (size_t)i * NAME_BYTES, NAME_BYTES, "img/img_%08d.jpg", i + 1);
    for (int i = 0; i < sanl_synth_recipe_count; i++)
        SANL_TRY(sanl_dataset_add_category(&job->drawn, sanl_synth_recipes[i].name));
    return SANL_OK;
}

static enum sanl_status adopt_and_write(const struct job *job, const struct sanl_dataset *drawn)
{
    struct sanl_dataset *set;
    SANL_TRY(sanl_dataset_adopt(&set, drawn, job->format, job->folder));
    const enum sanl_status status = job->format->write(set, job->folder);
    sanl_dataset_free(set);
    return status;
}

static enum sanl_status write_annotations(const struct job *job)
{
    if (job->format->scheme != &sanl_scheme_deepfashion2)
        return adopt_and_write(job, &job->drawn);
    struct sanl_dataset *set = sanl_calloc(1, sizeof *set);
    enum sanl_status status = set ? sanl_synth_as_deepfashion2(set, &job->drawn) : SANL_ERR_MEMORY;
    if (status == SANL_OK)
        status = adopt_and_write(job, set);
    sanl_dataset_free(set);
    return status;
}

static enum sanl_status write_set(struct job *job)
{
    SANL_TRY(prepare(job));
    const bool existed = sanl_folder_exists(job->folder);
    enum sanl_status status = sanl_folder_claim(job->folder);
    const bool claimed = status == SANL_OK;
    if (status == SANL_OK)
        status = make_pictures(job);
    if (status == SANL_OK)
        status = write_annotations(job);
    if (status != SANL_OK && claimed)
        sanl_folder_clear(job->folder);
    if (status != SANL_OK && !existed)
        (void)rmdir(job->folder);
    return status;
}

enum sanl_status sanl_synth_write(const struct sanl_synth_options *options, const char *folder)
{
    struct job job = {.options = options, .folder = folder};
    SANL_TRY(sanl_dataset_find_format(&job.format, options->layout));
    SANL_TRY(check_options(options));
    if (!folder[0])
        return sanl_fail(SANL_ERR_USAGE, "expected the folder of the data set, found ''");
    if (pthread_mutex_init(&job.lock, NULL) != 0)
        return sanl_fail(SANL_ERR_MEMORY, "a lock could not be made");
    const enum sanl_status status = write_set(&job);
    pthread_mutex_destroy(&job.lock);
    free(job.names);
    free(job.drawn.records);
    free(job.drawn.point_img);
    free(job.drawn.point_visibility);
    free(job.drawn.category_names);
    return status;
}
