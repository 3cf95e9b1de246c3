/* Contact sheets: several pictures in one. */
#include <sanlcl/report.h>

#include <math.h>
#include <string.h>
#include "image/image.h"

enum { GAP = 6 };

static const double max_megapixels = 200;

/* Fits the picture into the cell of side x side pixels at (left, top). */
static enum sanl_status place(struct sanl_image *sheet, const char *path, int left, int top, int side)
{
    const struct sanl_image_limits limits = {.max_megapixels = max_megapixels, .min_side = side};
    struct sanl_image image, fitted;
    SANL_TRY(sanl_image_read(&image, NULL, NULL, path, &limits));
    const double factor = (double)side / (image.width > image.height ? image.width : image.height);
    const int width = (int)fmax(1, round(image.width * factor));
    const int height = (int)fmax(1, round(image.height * factor));
    const enum sanl_status status = sanl_image_resize(&fitted, &image, width, height);
    sanl_image_free(&image);
    if (status != SANL_OK)
        return status;
    left += (side - width) / 2;
    top += (side - height) / 2;
    for (int y = 0; y < height; y++)
        memcpy(sheet->pixels + ((size_t)(top + y) * (size_t)sheet->width + (size_t)left) * 3,
               fitted.pixels + (size_t)y * (size_t)width * 3, (size_t)width * 3);
    sanl_image_free(&fitted);
    return SANL_OK;
}

enum sanl_status sanl_sheet_write(const char *path, const char *const *image_paths, size_t count, int columns,
                                  int side)
{
    if (count < 1 || columns < 1 || side < 1)
        return sanl_fail(SANL_ERR_USAGE, "%s: a contact sheet needs pictures, columns and a size", path);
    if ((size_t)columns > count)
        columns = (int)count;
    const double rows = ceil((double)count / columns), pitch = (double)side + GAP;
    const double width = columns * pitch + GAP, height = rows * pitch + GAP;
    if (width > 65535 || height > 65535 || width * height > max_megapixels * 1e6)
        return sanl_fail(SANL_ERR_LIMIT, "%s: a contact sheet of %.0f x %.0f pixels is too large", path,
                         width, height);
    struct sanl_image sheet;
    SANL_TRY(sanl_image_create(&sheet, (int)width, (int)height));
    memset(sheet.pixels, 255, (size_t)sheet.width * (size_t)sheet.height * 3);
    enum sanl_status status = SANL_OK;
    for (size_t i = 0; i < count && status == SANL_OK; i++) {
        const int row = (int)(i / (size_t)columns), column = (int)(i % (size_t)columns);
        status = place(&sheet, image_paths[i], GAP + column * (side + GAP), GAP + row * (side + GAP), side);
    }
    if (status == SANL_OK)
        status = sanl_image_write(&sheet, path, 92);
    sanl_image_free(&sheet);
    return status;
}
