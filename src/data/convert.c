#include "data/convert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sanlcl/data.h>
#include <sanlcl/interrupt.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"

enum { COPY_BYTES = 1 << 16 };

/* ---- records ------------------------------------------------------------------------------------- */

/* The part of that name; without it val is train, and test is val. */
static unsigned char find_part(const struct sanl_dataset_format *format, const char *name)
{
    for (unsigned char part = 0; format->part_names[part]; part++)
        if (strcmp(format->part_names[part], name) == 0)
            return part;
    return strcmp(name, "test") == 0 ? find_part(format, "val") : 0;
}

static enum sanl_status check_scheme(const struct sanl_dataset *from,
                                     const struct sanl_dataset_format *format)
{
    if (!format->scheme || !from->scheme || format->any_scheme || format->scheme == from->scheme)
        return SANL_OK;
    return sanl_fail(SANL_ERR_FORMAT, "%s: has the %d landmarks of %s, the layout %s those %d of %s",
                     from->root, from->scheme->landmarks, from->scheme->name, format->name,
                     format->scheme->landmarks, format->scheme->name);
}

static enum sanl_status check_record(const struct sanl_dataset *from,
                                     const struct sanl_dataset_format *format, int index)
{
    const struct sanl_record *r = &from->records[index];
    const char *lacks = format->scheme && !r->clothes                 ? "garment's landmarks"
                        : format->scheme && !sanl_box_is_set(&r->box) ? "box"
                        : format->categories && r->category < 0       ? "category"
                                                                      : NULL;
    if (!lacks)
        return SANL_OK;
    return sanl_fail(SANL_ERR_FORMAT, "%s: record %d, '%s', has no %s, which the layout %s needs", from->root,
                     index + 1, r->image, lacks, format->name);
}

static enum sanl_status adopt_record(struct sanl_dataset *out, const struct sanl_dataset *from, int index)
{
    struct sanl_record *record = &out->records[index];
    SANL_TRY(check_record(from, out->format, index));
    *record = from->records[index];
    record->part = find_part(out->format, from->format->part_names[record->part]);
    char *image = out->format->place(out, record);
    if (!image)
        return SANL_ERR_MEMORY;
    SANL_TRY(sanl_dataset_keep(out, image));
    record->image = image;
    return SANL_OK;
}

/* No two pictures have one name, and no picture more records than the layout can hold. */
static enum sanl_status check_names(const struct sanl_dataset *to, const struct sanl_dataset *from)
{
    int *first = sanl_dataset_first(to);
    enum sanl_status status = first ? SANL_OK : SANL_ERR_MEMORY;
    for (int i = 0; i < to->count && status == SANL_OK; i++) {
        const char *one = from->records[first[i]].image, *other = from->records[i].image;
        if (first[i] == i)
            continue;
        if (strcmp(one, other) != 0)
            status = sanl_fail(SANL_ERR_FORMAT,
                               "%s: in the layout %s the pictures '%s' and '%s' are both '%s': rename one",
                               from->root, to->format->name, one, other, to->records[i].image);
        else if (!to->format->several)
            status = sanl_fail(SANL_ERR_FORMAT,
                               "%s: records %d and %d are of one picture, '%s', but the layout %s "
                               "has one record for each",
                               from->root, first[i] + 1, i + 1, one, to->format->name);
    }
    free(first);
    return status;
}

enum sanl_status sanl_dataset_adopt(struct sanl_dataset **out, const struct sanl_dataset *from,
                                    const struct sanl_dataset_format *format, const char *folder)
{
    enum sanl_status status = SANL_ERR_MEMORY;
    struct sanl_dataset *d = sanl_calloc(1, sizeof *d);
    *out = NULL;
    if (!d)
        return status;
    d->format = format;
    d->scheme = from->scheme;
    d->root = sanl_strdup(folder);
    d->records = sanl_calloc((size_t)from->count, sizeof *d->records);
    d->point_img = sanl_calloc(from->point_count, sizeof *d->point_img);
    d->point_visibility = sanl_calloc(from->point_count, 1);
    if (!d->root || !d->records || !d->point_img || !d->point_visibility)
        goto done;
    if (from->point_count) {
        memcpy(d->point_img, from->point_img, from->point_count * sizeof *d->point_img);
        memcpy(d->point_visibility, from->point_visibility, from->point_count);
    }
    d->point_count = from->point_count;
    status = check_scheme(from, format);
    for (int i = 0; i < from->category_count && status == SANL_OK; i++)
        status = sanl_dataset_add_category(d, from->category_names[i]);
    for (; d->count < from->count && status == SANL_OK; d->count++)
        status = adopt_record(d, from, d->count);
    if (status == SANL_OK)
        status = check_names(d, from);
done:
    if (status == SANL_OK)
        *out = d;
    else
        sanl_dataset_free(d);
    return status;
}

/* ---- pictures ------------------------------------------------------------------------------------ */

static enum sanl_status copy_file(const char *from, const char *to)
{
    static const char what[] = "%s: cannot read";
    char bytes[COPY_BYTES];
    struct sanl_output out;
    FILE *file = fopen(from, "rb");
    if (!file)
        return sanl_fail_errno(SANL_ERR_IO, what, from);
    enum sanl_status status = sanl_output_open(&out, to);
    if (status == SANL_OK) {
        for (size_t n; (n = fread(bytes, 1, sizeof bytes, file)) > 0;)
            fwrite(bytes, 1, n, out.file);
        status = ferror(file) ? sanl_fail_errno(SANL_ERR_IO, what, from) : sanl_output_commit(&out);
    }
    if (status != SANL_OK)
        sanl_output_free(&out);
    fclose(file);
    return status;
}

static bool same_bytes(const char *a, const char *b)
{
    char x[COPY_BYTES], y[COPY_BYTES];
    FILE *first = fopen(a, "rb"), *second = fopen(b, "rb");
    bool same = first && second;
    for (size_t n = 1; same && n > 0;) {
        n = fread(x, 1, sizeof x, first);
        same = fread(y, 1, sizeof y, second) == n && memcmp(x, y, n) == 0;
    }
    if (first)
        fclose(first);
    if (second)
        fclose(second);
    return same;
}

/* True when a record before this one has brought the same picture. */
static bool is_there(const char *from, const char *to)
{
    struct stat a, b;
    return stat(to, &b) == 0 && stat(from, &a) == 0 &&
           ((a.st_dev == b.st_dev && a.st_ino == b.st_ino) ||
            (a.st_size == b.st_size && same_bytes(from, to)));
}

static enum sanl_status bring_picture(const char *from, const char *to, int images)
{
    SANL_TRY(sanl_folder_make_for(to));
    if (sanl_file_exists(to))
        return is_there(from, to)
                   ? SANL_OK
                   : sanl_fail(SANL_ERR_FORMAT, "%s: two pictures come to this name; one is %s: rename it",
                               to, from);
    if (images == SANL_IMAGES_LINK && link(from, to) == 0)
        return SANL_OK;
    return copy_file(from, to);
}

static enum sanl_status bring_pictures(const struct sanl_dataset *from, const struct sanl_dataset *to,
                                       const struct sanl_convert_options *o)
{
    enum sanl_status status = SANL_OK;
    for (int i = 0; i < from->count && status == SANL_OK && o->images != SANL_IMAGES_NONE; i++) {
        char *source = sanl_dataset_image_path(from, &from->records[i]);
        char *target = sanl_dataset_image_path(to, &to->records[i]);
        status = source && target ? bring_picture(source, target, o->images) : SANL_ERR_MEMORY;
        free(source);
        free(target);
        if (status == SANL_OK && sanl_interrupted())
            status = sanl_fail(SANL_ERR_INTERRUPTED, "%s: interrupted after %d of %d pictures", o->folder,
                               i + 1, from->count);
        if (status == SANL_OK && o->progress)
            o->progress(o->payload, i + 1, from->count);
    }
    return status;
}

/* ---- all of it ----------------------------------------------------------------------------------- */

/* The sum of the paths and parts of all records, in any order. */
static enum sanl_status sum_places(uint64_t *sum, const struct sanl_dataset *d)
{
    *sum = 0;
    for (int i = 0; i < d->count; i++) {
        char *path = sanl_dataset_image_path(d, &d->records[i]);
        if (!path)
            return SANL_ERR_MEMORY;
        *sum += sanl_random_key(sanl_hash_text(path), d->records[i].part, 0, 0);
        free(path);
    }
    return SANL_OK;
}

/* Reads what was written: not every layout can hold names with tabs, say. */
static enum sanl_status check_written(const struct sanl_dataset *to)
{
    struct sanl_dataset *back;
    uint64_t expected, found = 0;
    enum sanl_status status = sanl_dataset_read(&back, to->root, to->format);
    if (status != SANL_OK)
        return sanl_fail_prefix(status, "what was written cannot be read back");
    status = sum_places(&expected, to);
    if (status == SANL_OK)
        status = sum_places(&found, back);
    if (status == SANL_OK && found != expected)
        status = sanl_fail(SANL_ERR_FORMAT,
                           "%s: the layout %s cannot hold a picture's name: rename those with tabs, or with "
                           "blanks before what looks like the next column",
                           to->root, to->format->name);
    sanl_dataset_free(back);
    return status;
}

static void find_losses(struct sanl_convert_result *out, const struct sanl_dataset *from,
                        const struct sanl_dataset *to)
{
    const struct sanl_dataset_format *format = to->format;
    int categories = 0;
    out->records = from->count;
    for (int i = 0; i < from->count; i++) {
        const struct sanl_record *r = &from->records[i];
        categories += r->category >= 0;
        const char *from_part = from->format->part_names[r->part],
                   *part = format->part_names[to->records[i].part];
        if (strcmp(from_part, part) != 0) {
            out->part_lost = from_part;
            out->part_instead = part;
        }
        out->variations_lost = out->variations_lost || (r->variation && !format->variations);
        out->landmarks_lost = out->landmarks_lost || (r->clothes && !format->scheme);
        out->boxes_lost = out->boxes_lost || (sanl_box_is_set(&r->box) && format->boxless);
    }
    /* DeepFashion2's are its types of clothes, which coco has; lists of DeepFashion need one for each record.
     */
    out->categories_lost =
        categories > 0 && (format->any_scheme ? from->scheme != &sanl_scheme_deepfashion2
                                              : categories < from->count && !format->categories);
}

static enum sanl_status convert(struct sanl_convert_result *out, const struct sanl_dataset *from,
                                const struct sanl_convert_options *o)
{
    const struct sanl_dataset_format *format;
    struct sanl_dataset *to;
    SANL_TRY(sanl_dataset_find_format(&format, o->to));
    SANL_TRY(sanl_dataset_adopt(&to, from, format, o->folder));
    to->source = from;
    const bool existed = sanl_folder_exists(o->folder);
    enum sanl_status status = sanl_folder_claim(o->folder);
    const bool claimed = status == SANL_OK;
    if (status == SANL_OK)
        status = bring_pictures(from, to, o);
    if (status == SANL_OK)
        status = format->write(to, o->folder);
    if (status == SANL_OK && o->images != SANL_IMAGES_NONE)
        status = check_written(to);
    if (status != SANL_OK && claimed)
        sanl_folder_clear(o->folder);
    if (status != SANL_OK && !existed)
        (void)rmdir(o->folder);
    if (status == SANL_OK)
        find_losses(out, from, to);
    sanl_dataset_free(to);
    return status;
}

enum sanl_status sanl_convert(struct sanl_convert_result *out, const struct sanl_convert_options *options)
{
    struct sanl_data_config config = {.limit = 0};
    struct sanl_dataset *from;
    memset(out, 0, sizeof *out);
    if (strlen(options->root) >= sizeof config.root || strlen(options->from) >= sizeof config.format)
        return sanl_fail(SANL_ERR_USAGE, "%s: the path is too long", options->root);
    strcpy(config.root, options->root);
    strcpy(config.format, options->from);
    SANL_TRY(sanl_dataset_open(&from, &config));
    const enum sanl_status status = convert(out, from, options);
    sanl_dataset_free(from);
    return status;
}
