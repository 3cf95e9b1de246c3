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

enum { COPY_BYTES = 1 << 16 };

/* ---- records ------------------------------------------------------------------------------------- */

static unsigned char find_part(const struct sanl_dataset_format *format, const char *name)
{
    for (unsigned char part = 0; format->part_names[part]; part++)
        if (strcmp(format->part_names[part], name) == 0)
            return part;
    return 0; /* train */
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

/* True when a record before this one has brought the same picture. */
static bool is_there(const char *from, const char *to)
{
    struct stat a, b;
    return stat(to, &b) == 0 && stat(from, &a) == 0 &&
           ((a.st_dev == b.st_dev && a.st_ino == b.st_ino) || a.st_size == b.st_size);
}

static enum sanl_status bring_picture(const char *from, const char *to, int images)
{
    SANL_TRY(sanl_folder_make_for(to));
    if (sanl_file_exists(to))
        return is_there(from, to)
                   ? SANL_OK
                   : sanl_fail(SANL_ERR_FORMAT, "%s: two pictures come to this name; one is %s", to, from);
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

static void find_losses(struct sanl_convert_result *out, const struct sanl_dataset *from,
                        const struct sanl_dataset_format *format)
{
    const bool variations = strcmp(format->name, "fld") == 0,
               categories = strcmp(format->name, "coco") != 0 || from->scheme == &sanl_scheme_deepfashion2;
    out->records = from->count;
    for (int i = 0; i < from->count; i++) {
        out->variations_lost = out->variations_lost || (from->records[i].variation && !variations);
        out->categories_lost = out->categories_lost || (from->records[i].category >= 0 && !categories);
        out->landmarks_lost = out->landmarks_lost || (from->records[i].clothes && !format->scheme);
    }
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
    if (status != SANL_OK && claimed)
        sanl_folder_clear(o->folder);
    if (status != SANL_OK && !existed)
        (void)rmdir(o->folder);
    if (status == SANL_OK)
        find_losses(out, from, format);
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
