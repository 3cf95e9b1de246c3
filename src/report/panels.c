/* Sheets of maps over one picture. */
#include <sanlcl/report.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "image/draw.h"
#include "report/overlay.h"

enum { GAP = 8, DEFAULT_CELL = 256 };

static const double max_sheet_megapixels = 200;
static const struct sanl_color ink = {0.13, 0.13, 0.15, 1}, none = {0, 0, 0, 0}, white = {1, 1, 1, 1},
                               rim = {0, 0, 0, 0.75};

struct sheet {
    struct sanl_image image;
    const struct sanl_image *picture; /* the part of the original under the maps, at the size of a cell */
    const double *box;
    int columns, cell_width, cell_height, title_height;
};

static void cell_origin(const struct sheet *s, int index, int *x, int *y)
{
    *x = GAP + index % s->columns * (s->cell_width + GAP);
    *y = GAP + s->title_height + index / s->columns * (s->cell_height + s->title_height + GAP);
}

static enum sanl_status place_map(struct sheet *s, const struct sanl_panel *panel, int index)
{
    struct sanl_image cell;
    int x, y;
    cell_origin(s, index, &x, &y);
    SANL_TRY(sanl_image_create(&cell, s->cell_width, s->cell_height));
    memcpy(cell.pixels, s->picture->pixels, (size_t)cell.width * (size_t)cell.height * 3);
    if (panel->map)
        sanl_image_blend_map(&cell, panel->map, panel->width, panel->height, panel->peaks ? 0.1 : 0.35,
                             panel->peaks ? 0.9 : 0.65);
    sanl_image_place(&s->image, &cell, x, y);
    sanl_image_free(&cell);
    return SANL_OK;
}

static void draw_title(struct sanl_canvas *canvas, const struct sheet *s, const struct sanl_panel *panel,
                       int index)
{
    struct sanl_text_style style = {.size = s->title_height * 0.62, .anchor_y = 0.5, .color = ink};
    int x, y;
    cell_origin(s, index, &x, &y);
    if (panel->title) { /* within its cell, in smaller letters where it is too long */
        double width, height;
        sanl_canvas_measure(canvas, panel->title, &style, &width, &height);
        style.size *= fmin(1, (s->cell_width - 2) / fmax(1, width));
        sanl_canvas_text(canvas, x + 1, y - s->title_height / 2.0, panel->title, &style);
    }
    if (!panel->point_img)
        return;
    const double w = s->box[2] - s->box[0], h = s->box[3] - s->box[1];
    const double px = x + (panel->point_img[0] - s->box[0] + 0.5) * s->cell_width / w - 0.5;
    const double py = y + (panel->point_img[1] - s->box[1] + 0.5) * s->cell_height / h - 0.5;
    if (px < x || py < y || px > x + s->cell_width || py > y + s->cell_height)
        return;
    const double radius = fmax(4, s->cell_width / 40.0);
    sanl_canvas_circle(canvas, px, py, radius, none, 3.5, rim);
    sanl_canvas_circle(canvas, px, py, radius, none, 1.8, white);
}

static enum sanl_status draw_sheet(struct sheet *s, const struct sanl_panel *panels, int count)
{
    struct sanl_canvas *canvas = NULL;
    for (int i = 0; i < count; i++)
        SANL_TRY(place_map(s, &panels[i], i));
    SANL_TRY(sanl_canvas_create(&canvas, &s->image));
    for (int i = 0; i < count; i++)
        draw_title(canvas, s, &panels[i], i);
    const enum sanl_status status = sanl_canvas_finish(canvas);
    sanl_canvas_free(canvas);
    return status;
}

/* Cells keep the shape of the box; its longer side has `side` pixels. */
static enum sanl_status lay_out(struct sheet *s, int count, int columns, int side, const char *path)
{
    const double w = s->box[2] - s->box[0], h = s->box[3] - s->box[1], longer = fmax(w, h);
    if (side <= 0)
        side = DEFAULT_CELL;
    s->columns = columns < count ? columns : count;
    s->cell_width = (int)fmax(32, round(w / longer * side));
    s->cell_height = (int)fmax(32, round(h / longer * side));
    s->title_height = (int)fmax(16, side / 12.0);
    const int rows = (count + s->columns - 1) / s->columns;
    const double width = GAP + s->columns * ((double)s->cell_width + GAP);
    const double height = GAP + rows * ((double)s->cell_height + s->title_height + GAP);
    if (width > 65535 || height > 65535 || width * height > max_sheet_megapixels * 1e6)
        return sanl_fail(SANL_ERR_LIMIT, "%s: a sheet of %.0f x %.0f pixels is too large", path, width,
                         height);
    SANL_TRY(sanl_image_create(&s->image, (int)width, (int)height));
    memset(s->image.pixels, 255, (size_t)s->image.width * (size_t)s->image.height * 3);
    return SANL_OK;
}

enum sanl_status sanl_panels_write(const char *path, const char *image_path, double max_megapixels,
                                   const double *box_img, const struct sanl_panel *panels, int count,
                                   int columns, int side)
{
    const struct sanl_image_limits limits = {.max_megapixels = max_megapixels};
    struct sanl_image image = {0}, part = {0}, picture = {0};
    struct sheet s = {.picture = &picture};
    double whole[4] = {0};
    if (count < 1 || columns < 1)
        return sanl_fail(SANL_ERR_USAGE, "%s: a sheet needs panels and columns", path);
    enum sanl_status status = sanl_image_read(&image, NULL, NULL, image_path, &limits);
    whole[2] = image.width;
    whole[3] = image.height;
    s.box = box_img ? box_img : whole;
    if (status == SANL_OK && (status = sanl_image_cut(&part, &image, s.box)) != SANL_OK)
        status = sanl_fail_prefix(status, "%s", image_path);
    if (status == SANL_OK)
        status = lay_out(&s, count, columns, side, path);
    if (status == SANL_OK)
        status = sanl_image_resize(&picture, &part, s.cell_width, s.cell_height);
    if (status == SANL_OK)
        status = draw_sheet(&s, panels, count);
    if (status == SANL_OK)
        status = sanl_image_write(&s.image, path, 92);
    sanl_image_free(&image);
    sanl_image_free(&part);
    sanl_image_free(&picture);
    sanl_image_free(&s.image);
    return status;
}
