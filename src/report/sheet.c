/* Contact sheets: several pictures in one. */
#include "report/sheet.h"

#include <limits.h>
#include <math.h>
#include <string.h>
#include <strings.h>
#include <sanlcl/report.h>

enum { GAP = 6 };

static const double max_megapixels = 200;

bool sanl_is_picture_name(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot &&
           (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

enum sanl_status sanl_sheet_create(struct sanl_sheet *out, const char *path, int count, int columns, int side)
{
    memset(out, 0, sizeof *out);
    if (count < 1 || columns < 1 || side < 1)
        return sanl_fail(SANL_ERR_USAGE, "%s: a contact sheet needs at least one picture, column and pixel",
                         path);
    out->columns = columns < count ? columns : count;
    out->side = side;
    const double rows = ceil((double)count / out->columns), pitch = (double)side + GAP;
    const double width = out->columns * pitch + GAP, height = rows * pitch + GAP;
    if (width > 65535 || height > 65535 || width * height > max_megapixels * 1e6)
        return sanl_fail(SANL_ERR_LIMIT, "%s: a contact sheet of %.0f x %.0f pixels is too large", path,
                         width, height);
    SANL_TRY(sanl_image_create(&out->image, (int)width, (int)height));
    memset(out->image.pixels, 255, (size_t)out->image.width * (size_t)out->image.height * 3);
    return SANL_OK;
}

enum sanl_status sanl_sheet_place(struct sanl_sheet *sheet, const struct sanl_image *image, int cell)
{
    const int side = sheet->side, row = cell / sheet->columns, column = cell % sheet->columns;
    struct sanl_image fitted;
    const double factor = (double)side / (image->width > image->height ? image->width : image->height);
    const int width = (int)fmax(1, round(image->width * factor));
    const int height = (int)fmax(1, round(image->height * factor));
    SANL_TRY(sanl_image_resize(&fitted, image, width, height));
    sanl_image_place(&sheet->image, &fitted, GAP + column * (side + GAP) + (side - width) / 2,
                     GAP + row * (side + GAP) + (side - height) / 2);
    sanl_image_free(&fitted);
    return SANL_OK;
}

static enum sanl_status place_file(struct sanl_sheet *sheet, const char *path, int cell)
{
    const struct sanl_image_limits limits = {.max_megapixels = max_megapixels, .min_side = sheet->side};
    struct sanl_image image;
    SANL_TRY(sanl_image_read(&image, NULL, NULL, path, &limits));
    const enum sanl_status status = sanl_sheet_place(sheet, &image, cell);
    sanl_image_free(&image);
    return status;
}

enum sanl_status sanl_sheet_write(const char *path, const char *const *image_paths, size_t count, int columns,
                                  int side)
{
    struct sanl_sheet sheet;
    SANL_TRY(sanl_sheet_create(&sheet, path, count < INT_MAX ? (int)count : INT_MAX, columns, side));
    enum sanl_status status = SANL_OK;
    for (size_t i = 0; i < count && status == SANL_OK; i++)
        status = place_file(&sheet, image_paths[i], (int)i);
    if (status == SANL_OK)
        status = sanl_image_write(&sheet.image, path, 92);
    sanl_image_free(&sheet.image);
    return status;
}
