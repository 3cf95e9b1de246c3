/* The data set around the pictures: threads that render and write them, then the annotation files. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sanlcl/interrupt.h>
#include <sanlcl/synth.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/synth.h"

enum { QUALITY = 90, MAX_COUNT = 99999999, MIN_SIZE = 64, MAX_SIZE = 2048, MAX_THREADS = 256 };

static const char *const folders[] = {"Anno", "Eval", "img"};

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
    if (!o->layout || strcmp(o->layout, "fld") != 0)
        return sanl_fail(SANL_ERR_USAGE, "layout '%s': the only layout is fld", o->layout ? o->layout : "");
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
    struct sanl_synth_record *records; /* (count) */
    pthread_mutex_t lock;              /* for all below */
    int next, done;
    enum sanl_status status; /* of the first failure, which ends the job */
    char message[SANL_MESSAGE_BYTES];
};

/* folder/img/img_00000001.jpg for index 0; NULL with the message set on failure. */
static char *image_path(const char *folder, int index)
{
    return sanl_format("%s/img/img_%08d.jpg", folder, index + 1);
}

static enum sanl_status make_picture(struct job *job, int index)
{
    struct sanl_image image;
    SANL_TRY(sanl_synth_render(&image, &job->records[index], job->options, index));
    char *path = image_path(job->folder, index);
    enum sanl_status status = path ? sanl_image_write(&image, path, QUALITY) : SANL_ERR_MEMORY;
    free(path);
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

/* ---- annotation files ---- */

typedef void row_fn(FILE *file, const struct job *job, int index);

static void write_name(FILE *file, int index)
{
    char name[32];
    snprintf(name, sizeof name, "img/img_%08d.jpg", index + 1);
    fprintf(file, "%-32s", name);
}

static void write_landmarks(FILE *file, const struct job *job, int index)
{
    const struct sanl_synth_record *r = &job->records[index];
    write_name(file, index);
    fprintf(file, "  %d  %d", r->type, r->variation);
    for (int slot = 0; slot < SANL_LANDMARKS; slot++) {
        const int base = r->visibility[slot] == SANL_CUT_OFF ? 0 : 1;
        if (r->visibility[slot] != SANL_ABSENT)
            fprintf(file, "  %d %03d %03d", r->visibility[slot], r->x[slot] + base, r->y[slot] + base);
    }
    fputs(" \n", file);
}

static void write_box(FILE *file, const struct job *job, int index)
{
    const int *b = job->records[index].box;
    write_name(file, index);
    fprintf(file, "  %03d %03d %03d %03d\n", b[0] + 1, b[1] + 1, b[2] + 1, b[3] + 1);
}

/* Multiples of the golden ratio spread the parts evenly over the pictures. */
static void write_part(FILE *file, const struct job *job, int index)
{
    const struct sanl_synth_options *o = job->options;
    const uint64_t start = sanl_random_key(o->seed, 0x50415254u, 0, 0);
    const double at = (double)((start + (uint64_t)index * 0x9E3779B97F4A7C15u) >> 11) / 9007199254740992.0;
    write_name(file, index);
    fprintf(file, "  %s\n",
            at < o->test_share                  ? "test"
            : at < o->test_share + o->val_share ? "val"
                                                : "train");
}

static void write_category(FILE *file, const struct job *job, int index)
{
    write_name(file, index);
    fprintf(file, "  %d\n", job->records[index].category + 1);
}

static void write_category_name(FILE *file, const struct job *job, int index)
{
    (void)job;
    fprintf(file, "%-20s  %d\n", sanl_synth_recipes[index].name, sanl_synth_recipes[index].type);
}

/* A file with the number of rows, the names of the columns, and the rows. */
static enum sanl_status write_file(const struct job *job, const char *name, const char *header, int rows,
                                   row_fn *write_row)
{
    struct sanl_output out = {0};
    char *path = sanl_path_join(job->folder, name);
    enum sanl_status status = path ? sanl_output_open(&out, path) : SANL_ERR_MEMORY;
    if (status == SANL_OK) {
        fprintf(out.file, "%d\n%s\n", rows, header);
        for (int i = 0; i < rows; i++)
            write_row(out.file, job, i);
        status = sanl_output_commit(&out);
    }
    sanl_output_free(&out);
    free(path);
    return status;
}

static const struct {
    const char *name, *header;
    row_fn *write_row;
    bool of_categories; /* one row for each of them, not for each picture */
} files[] = {
    {"Anno/list_category_cloth.txt", "category_name  category_type", write_category_name, true},
    {"Anno/list_category_img.txt", "image_name  category_label", write_category, false},
    {"Anno/list_bbox.txt", "image_name  x_1  y_1  x_2  y_2", write_box, false},
    {"Eval/list_eval_partition.txt", "image_name  evaluation_status", write_part, false},
    {"Anno/list_landmarks.txt",
     "image_name  clothes_type  variation_type"
     "  landmark_visibility_1  landmark_location_x_1  landmark_location_y_1"
     "  landmark_visibility_2  landmark_location_x_2  landmark_location_y_2"
     "  landmark_visibility_3  landmark_location_x_3  landmark_location_y_3"
     "  landmark_visibility_4  landmark_location_x_4  landmark_location_y_4"
     "  landmark_visibility_5  landmark_location_x_5  landmark_location_y_5"
     "  landmark_visibility_6  landmark_location_x_6  landmark_location_y_6"
     "  landmark_visibility_7  landmark_location_x_7  landmark_location_y_7"
     "  landmark_visibility_8  landmark_location_x_8  landmark_location_y_8",
     write_landmarks, false},
};

static enum sanl_status write_files(const struct job *job)
{
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const int rows = files[i].of_categories ? sanl_synth_recipe_count : job->options->count;
        SANL_TRY(write_file(job, files[i].name, files[i].header, rows, files[i].write_row));
    }
    return SANL_OK;
}

/* ---- the folder ---- */

/* Refuses a folder that holds a data set already, so that none is overwritten or mixed with another. */
static enum sanl_status check_folder(const char *folder)
{
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char *path = sanl_path_join(folder, folders[i]);
        if (!path)
            return SANL_ERR_MEMORY;
        const bool taken = sanl_file_exists(path) || sanl_folder_exists(path);
        free(path);
        if (taken)
            return sanl_fail(SANL_ERR_IO, "%s: holds %s already; choose another folder or remove it", folder,
                             folders[i]);
    }
    return SANL_OK;
}

static enum sanl_status make_folders(const char *folder)
{
    enum sanl_status status = SANL_OK;
    for (size_t i = 0; status == SANL_OK && i < sizeof folders / sizeof folders[0]; i++) {
        char *path = sanl_path_join(folder, folders[i]);
        status = path ? sanl_folder_make(path) : SANL_ERR_MEMORY;
        free(path);
    }
    return status;
}

/* Removes a file or an empty folder; what is missing or not empty stays as it is. */
static void remove_path(char *path, bool is_folder)
{
    if (path && is_folder)
        (void)rmdir(path);
    else if (path)
        (void)unlink(path);
    free(path);
}

void sanl_synth_remove(const char *folder, int pictures)
{
    for (int i = 0; i < pictures; i++)
        remove_path(image_path(folder, i), false);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        remove_path(sanl_path_join(folder, files[i].name), false);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        remove_path(sanl_path_join(folder, folders[i]), true);
}

enum sanl_status sanl_synth_write(const struct sanl_synth_options *options, const char *folder)
{
    SANL_TRY(check_options(options));
    if (!folder[0])
        return sanl_fail(SANL_ERR_USAGE, "expected the folder of the data set, found ''");
    SANL_TRY(check_folder(folder));
    struct job job = {.options = options, .folder = folder};
    const bool existed = sanl_folder_exists(folder);
    job.records = sanl_calloc((size_t)options->count, sizeof *job.records);
    if (!job.records)
        return SANL_ERR_MEMORY;
    if (pthread_mutex_init(&job.lock, NULL) != 0) {
        free(job.records);
        return sanl_fail(SANL_ERR_MEMORY, "a lock could not be made");
    }
    enum sanl_status status = make_folders(folder);
    if (status == SANL_OK)
        status = make_pictures(&job);
    if (status == SANL_OK)
        status = write_files(&job);
    if (status != SANL_OK)
        sanl_synth_remove(folder, job.next);
    if (status != SANL_OK && !existed)
        (void)rmdir(folder);
    pthread_mutex_destroy(&job.lock);
    free(job.records);
    return status;
}
