#include "data/layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "image/image.h"

static const double max_megapixels = 400;

enum sanl_status sanl_layout_list(const struct sanl_dataset *dataset, const char *folder, const char *name,
                                  const char *columns, int rows, sanl_layout_row *row)
{
    struct sanl_output out = {0};
    char *path = sanl_path_join(folder, name);
    enum sanl_status status = path ? sanl_folder_make_for(path) : SANL_ERR_MEMORY;
    if (status == SANL_OK)
        status = sanl_output_open(&out, path);
    if (status == SANL_OK) {
        if (columns)
            fprintf(out.file, "%d\n%s\n", rows, columns);
        for (int i = 0; i < rows; i++)
            row(out.file, dataset, i);
        status = sanl_output_commit(&out);
    }
    sanl_output_free(&out);
    free(path);
    return status;
}

struct sanl_point sanl_layout_point(double x, double y, double v, double base)
{
    if (v == 0 || (x == 0 && y == 0))
        return (struct sanl_point){{0}, SANL_CUT_OFF};
    return (struct sanl_point){{x - base, y - base}, v == 2 ? SANL_VISIBLE : SANL_OCCLUDED};
}

int sanl_layout_seen(const struct sanl_point *point)
{
    return point->visibility == SANL_VISIBLE ? 2 : point->visibility == SANL_OCCLUDED ? 1 : 0;
}

void sanl_layout_pixels(FILE *file, double value)
{
    if (value == floor(value))
        fprintf(file, "%03.0f", value);
    else
        fprintf(file, "%06.2f", value);
}

enum sanl_status sanl_layout_picture_size(int *width, int *height, const struct sanl_dataset *dataset,
                                          int index)
{
    const struct sanl_image_limits limits = {.max_megapixels = max_megapixels, .max_shrink = 8};
    struct sanl_image image;
    const struct sanl_dataset *d = dataset->source ? dataset->source : dataset;
    char *path = sanl_dataset_image_path(d, &d->records[index]);
    if (!path)
        return SANL_ERR_MEMORY;
    const enum sanl_status status = sanl_image_read(&image, width, height, path, &limits);
    free(path);
    if (status == SANL_OK)
        sanl_image_free(&image);
    return status;
}

char *sanl_layout_flat_name(const struct sanl_record *record)
{
    const char *name = record->image, *slash = strchr(name, '/');
    char *flat = sanl_strdup(slash ? slash + 1 : name);
    for (char *p = flat; p && *p; p++)
        if (*p == '/' || *p == ' ')
            *p = '_';
    return flat;
}
