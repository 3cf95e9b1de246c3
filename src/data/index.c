/* An index is a header, then
 *   texts      names of categories, then of pictures, once where records of one follow each other; zero-ended
 *   rows       (records,): struct row
 *   points     (points, 2) doubles, then (points,) bytes of visibility
 * Numbers are this machine's. What is unsound is ignored and written anew. */
#include "data/index.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"

enum { LEAST_RECORDS = 10000 };
/* Another number whenever the readers of coco or deepfashion2 make something else of the same files. */
static const char magic[8] = {'s', 'a', 'n', 'l', 'i', 'd', 'x', '3'};

struct header {
    char magic[8];
    uint64_t fingerprint, hash; /* hash: of the whole file with 0 in its place */
    uint64_t records, points, texts;
    int32_t categories, landmarks; /* landmarks: of the scheme, 0 for none */
};

struct row {
    double box[4];
    uint64_t points;
    uint32_t image; /* where its name begins in the texts */
    int32_t category;
    unsigned char clothes, variation, part, unused[5];
};

static uint64_t hash_header(struct header head)
{
    head.hash = 0;
    return sanl_hash_bytes(&head, sizeof head);
}

/* ---- annotation files ---------------------------------------------------------------------------- */

/* The sum does not depend on the order in which the folder lists its files. */
static enum sanl_status add_folder(uint64_t *sum, const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    if (!folder)
        return sanl_fail_errno(SANL_ERR_IO, "%s: cannot read", path);
    while ((entry = readdir(folder)) != NULL) {
        const size_t length = strlen(entry->d_name);
        struct stat s;
        if (length < 5 || strcmp(entry->d_name + length - 5, ".json") != 0 ||
            fstatat(dirfd(folder), entry->d_name, &s, 0) != 0)
            continue;
        const uint64_t time = (uint64_t)s.st_ctim.tv_sec * 1000000000u + (uint64_t)s.st_ctim.tv_nsec;
        *sum += sanl_random_key(sanl_hash_text(entry->d_name), (uint64_t)s.st_size, time, (uint64_t)s.st_ino);
    }
    closedir(folder);
    return SANL_OK;
}

enum sanl_status sanl_index_fingerprint(uint64_t *out, const struct sanl_dataset *dataset)
{
    enum sanl_status status = SANL_OK;
    *out = sanl_hash_text(dataset->format->name);
    for (const char *const *name = dataset->format->index_folders; *name && status == SANL_OK; name++) {
        char *path = sanl_path_join(dataset->root, *name);
        if (!path)
            return SANL_ERR_MEMORY;
        *out = sanl_mix64(*out);
        status = sanl_folder_exists(path) ? add_folder(out, path) : SANL_OK;
        free(path);
    }
    return status;
}

/* The file of the index, by the root's place in its file system; NULL without a cache folder. */
static char *index_path(const struct sanl_dataset *d)
{
    struct stat s;
    char *cache = stat(d->root, &s) == 0 ? sanl_cache_folder() : NULL, *path = NULL;
    if (cache)
        path = sanl_format("%s/data/%s-%016llx.index", cache, d->format->name,
                           (unsigned long long)sanl_random_key((uint64_t)s.st_dev, (uint64_t)s.st_ino, 0, 0));
    free(cache);
    return path;
}

/* ---- reading ------------------------------------------------------------------------------------- */

struct source {
    FILE *file;
    uint64_t hash; /* of what was read */
};

static bool take(struct source *s, void *out, size_t count)
{
    if (fread(out, 1, count, s->file) != count)
        return false;
    s->hash = sanl_hash_more(s->hash, out, count);
    return true;
}

/* An array of `count` elements from the file; NULL on failure. */
static void *take_array(struct source *s, uint64_t count, size_t size)
{
    void *array = sanl_calloc((size_t)count, size);
    if (array && take(s, array, (size_t)count * size))
        return array;
    free(array);
    return NULL;
}

static bool take_record(struct sanl_record *out, struct source *s, const struct header *head,
                        const struct sanl_dataset *d)
{
    struct row row;
    if (!take(s, &row, sizeof row))
        return false;
    const int count = d->scheme ? sanl_clothes_count(d->scheme, row.clothes) : 0;
    if (row.image >= head->texts || row.points > head->points ||
        (uint64_t)count > head->points - row.points || row.part >= SANL_DATASET_PARTS || row.category < -1 ||
        row.category >= head->categories)
        return false;
    *out = (struct sanl_record){.image = d->texts[0] + row.image,
                                .box = {row.box[0], row.box[1], row.box[2], row.box[3]},
                                .points = (size_t)row.points,
                                .category = row.category,
                                .clothes = row.clothes,
                                .variation = row.variation,
                                .part = row.part};
    return true;
}

static bool take_texts(struct sanl_dataset *d, struct source *s, const struct header *head)
{
    char *texts = take_array(s, head->texts, 1), *text = texts;
    if (!texts || sanl_dataset_keep(d, texts) != SANL_OK || texts[head->texts - 1])
        return false;
    for (int32_t i = 0; i < head->categories; i++) {
        if (text >= texts + head->texts || sanl_dataset_add_category(d, text) != SANL_OK)
            return false;
        text += strlen(text) + 1;
    }
    return true;
}

/* The sizes that the header promises are those of the file, `bytes` long. */
static bool fits(const struct header *head, uint64_t bytes)
{
    const size_t point = 2 * sizeof(double) + 1;
    return bytes >= sizeof *head && head->records <= INT_MAX && head->points < bytes / point &&
           head->texts > 0 && head->texts < bytes && head->categories >= 0 &&
           sizeof *head + head->texts + head->records * sizeof(struct row) + head->points * point == bytes;
}

static bool fill(struct sanl_dataset *d, struct source *s, const struct header *head)
{
    d->scheme = sanl_scheme_of(head->landmarks);
    d->records = sanl_calloc((size_t)head->records, sizeof *d->records);
    if (!d->records || !take_texts(d, s, head))
        return false;
    for (; d->count < (int)head->records; d->count++)
        if (!take_record(&d->records[d->count], s, head, d))
            return false;
    d->point_img = take_array(s, head->points, sizeof *d->point_img);
    d->point_visibility = take_array(s, head->points, 1);
    d->point_count = (size_t)head->points;
    if (!d->point_img || !d->point_visibility || s->hash != head->hash)
        return false;
    for (size_t i = 0; i < d->point_count; i++)
        if (d->point_visibility[i] > SANL_ABSENT)
            return false;
    return true;
}

bool sanl_index_load(struct sanl_dataset *dataset, uint64_t fingerprint)
{
    char *path = index_path(dataset);
    struct source source = {.file = path ? fopen(path, "rb") : NULL};
    struct header head;
    struct stat s;
    bool loaded = false;
    if (source.file && fstat(fileno(source.file), &s) == 0 &&
        fread(&head, sizeof head, 1, source.file) == 1 && memcmp(head.magic, magic, sizeof magic) == 0 &&
        head.fingerprint == fingerprint && fits(&head, (uint64_t)s.st_size)) {
        source.hash = hash_header(head);
        loaded = fill(dataset, &source, &head);
        if (!loaded)
            sanl_dataset_empty(dataset);
    }
    if (source.file)
        fclose(source.file);
    free(path);
    return loaded;
}

/* ---- writing ------------------------------------------------------------------------------------- */

/* Bytes that are hashed before they are written: once to find the hash, once to write. */
struct sink {
    FILE *file; /* NULL: only hashed */
    uint64_t hash;
};

static void put(struct sink *s, const void *bytes, size_t count)
{
    if (s->file)
        fwrite(bytes, 1, count, s->file);
    else
        s->hash = sanl_hash_more(s->hash, bytes, count);
}

/* Calls put() for each text; returns their bytes. */
static uint64_t put_texts(struct sink *s, const struct sanl_dataset *d)
{
    const char *before = NULL;
    uint64_t bytes = 0;
    for (int i = 0; i < d->category_count + d->count; i++) {
        const char *text =
            i < d->category_count ? d->category_names[i] : d->records[i - d->category_count].image;
        if (text == before)
            continue;
        before = text;
        bytes += strlen(text) + 1;
        put(s, text, strlen(text) + 1);
    }
    return bytes;
}

static void put_all(struct sink *s, const struct sanl_dataset *d)
{
    const char *before = NULL;
    uint32_t at = 0, next = 0;
    for (int i = 0; i < d->category_count; i++)
        next += (uint32_t)strlen(d->category_names[i]) + 1;
    put_texts(s, d);
    for (int i = 0; i < d->count; i++) {
        const struct sanl_record *r = &d->records[i];
        if (r->image != before) {
            at = next;
            next += (uint32_t)strlen(r->image) + 1;
        }
        before = r->image;
        const struct row row = {.box = {r->box.x1, r->box.y1, r->box.x2, r->box.y2},
                                .points = r->points,
                                .image = at,
                                .category = r->category,
                                .clothes = r->clothes,
                                .variation = r->variation,
                                .part = r->part};
        put(s, &row, sizeof row);
    }
    put(s, d->point_img, d->point_count * sizeof *d->point_img);
    put(s, d->point_visibility, d->point_count);
}

void sanl_index_store(const struct sanl_dataset *dataset, uint64_t fingerprint)
{
    struct header head = {.fingerprint = fingerprint,
                          .records = (uint64_t)dataset->count,
                          .points = dataset->point_count,
                          .categories = dataset->category_count,
                          .landmarks = dataset->scheme ? dataset->scheme->landmarks : 0};
    struct sink sink = {0};
    struct sanl_output out = {0};
    head.texts = put_texts(&sink, dataset);
    char *path = dataset->count < LEAST_RECORDS || head.texts > UINT32_MAX ? NULL : index_path(dataset);
    if (path && sanl_folder_make_for(path) == SANL_OK && sanl_output_open(&out, path) == SANL_OK) {
        memcpy(head.magic, magic, sizeof magic);
        sink.hash = hash_header(head);
        put_all(&sink, dataset);
        head.hash = sink.hash;
        sink.file = out.file;
        put(&sink, &head, sizeof head);
        put_all(&sink, dataset);
        (void)!sanl_output_commit(&out);
    }
    sanl_output_free(&out);
    free(path);
}
