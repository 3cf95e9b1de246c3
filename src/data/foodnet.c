#include "data/foodnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "data/join.h"
#include "data/layout.h"

enum { CLASSES = 208, NAME_BYTES = 12 };

static const char *const lists[] = {"train_list.txt", "val_list.txt", "test_truth_list.txt"};

/* The context is the part. */
static enum sanl_status read_row(struct sanl_join *join, struct sanl_rows *rows)
{
    const unsigned char part = *(const unsigned char *)join->context;
    struct sanl_record *record;
    long label = 0;
    sanl_rows_take_name(rows);
    SANL_TRY(sanl_join_expect(rows, 2));
    SANL_TRY(sanl_join_check_name(rows, rows->field[0]));
    if (!sanl_whole_parse(&label, rows->field[1], 0, CLASSES - 1))
        return sanl_rows_fail(rows, "label '%s': expected 0 to %d", rows->field[1], CLASSES - 1);
    char *image = sanl_format("%s/%s", sanl_part_names[part], rows->field[0]);
    if (!image)
        return SANL_ERR_MEMORY;
    SANL_TRY(sanl_dataset_keep(join->dataset, image));
    SANL_TRY(sanl_join_append(&record, join));
    record->image = image;
    record->category = (int)label;
    record->part = part;
    return SANL_OK;
}

static enum sanl_status name_categories(struct sanl_dataset *d)
{
    char *names = sanl_calloc(CLASSES, NAME_BYTES);
    if (!names)
        return SANL_ERR_MEMORY;
    SANL_TRY(sanl_dataset_keep(d, names));
    for (int i = 0; i < CLASSES; i++) {
        char *name = names + (size_t)i * NAME_BYTES;
        snprintf(name, NAME_BYTES, "%03d", i);
        SANL_TRY(sanl_dataset_add_category(d, name));
    }
    return SANL_OK;
}

static enum sanl_status has_list(bool *out, const struct sanl_dataset *d, const char *folder,
                                 const char *list)
{
    char *path = sanl_format("%s/%s%s", d->root, folder, list);
    if (!path)
        return SANL_ERR_MEMORY;
    *out = sanl_file_exists(path);
    free(path);
    return SANL_OK;
}

enum sanl_status sanl_foodnet_read(struct sanl_dataset *dataset)
{
    struct sanl_join join = {.dataset = dataset};
    bool nested = false, there = false;
    char list[64];
    SANL_TRY(has_list(&nested, dataset, "release_data/", lists[0]));
    const char *folder = nested ? "release_data/" : "";
    dataset->image_folder = nested ? "release_data" : NULL;
    for (unsigned char part = 0; sanl_part_names[part]; part++) {
        SANL_TRY(has_list(&there, dataset, folder, lists[part]));
        if (!there && part)
            continue;
        snprintf(list, sizeof list, "%s%s", folder, lists[part]);
        join.context = &part;
        SANL_TRY(sanl_join_read(&join, list, NULL, read_row, false));
    }
    SANL_TRY(sanl_dataset_check_unique(dataset));
    return name_categories(dataset);
}

/* ---- writing ------------------------------------------------------------------------------------- */

char *sanl_foodnet_place(const struct sanl_dataset *dataset, const struct sanl_record *record)
{
    (void)dataset;
    char *flat = sanl_layout_flat_name(record), *out = NULL;
    if (flat && record->part == 2)
        out = sanl_format("test/%s", flat);
    else if (flat)
        out = sanl_format("%s/%03d/%s", sanl_part_names[record->part], record->category, flat);
    free(flat);
    return out;
}

static void write_rows(FILE *file, const struct sanl_dataset *d, unsigned char part)
{
    for (int i = 0; i < d->count; i++)
        if (d->records[i].part == part)
            fprintf(file, "%s %d\n", strchr(d->records[i].image, '/') + 1, d->records[i].category);
}

enum sanl_status sanl_foodnet_write(const struct sanl_dataset *dataset, const char *folder)
{
    for (unsigned char part = 0; sanl_part_names[part]; part++) {
        struct sanl_output out = {0};
        char *path = sanl_path_join(folder, lists[part]);
        enum sanl_status status = path ? sanl_output_open(&out, path) : SANL_ERR_MEMORY;
        if (status == SANL_OK) {
            write_rows(out.file, dataset, part);
            status = sanl_output_commit(&out);
        }
        sanl_output_free(&out);
        free(path);
        SANL_TRY(status);
    }
    return SANL_OK;
}
