/* A contact sheet in the making. */
#ifndef REPORT_SHEET_H
#define REPORT_SHEET_H

#include "image/image.h"

struct sanl_sheet {
    struct sanl_image image;
    int columns, side;
};

/* A white sheet with `count` cells of side x side pixels; `path` stands in messages. Free the image. */
SANL_CHECKED enum sanl_status sanl_sheet_create(struct sanl_sheet *out, const char *path, int count,
                                                int columns, int side);

/* Fits a picture into a cell. */
SANL_CHECKED enum sanl_status sanl_sheet_place(struct sanl_sheet *sheet, const struct sanl_image *image,
                                               int cell);

#endif
