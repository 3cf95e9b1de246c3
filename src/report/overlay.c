#include "report/overlay.h"

#include <math.h>
#include <sanlcl/landmark.h>
#include "image/draw.h"

enum { DEFAULT_SIDE = 640 };

static const struct sanl_color none = {0, 0, 0, 0}, white = {1, 1, 1, 1}, rim = {0, 0, 0, 0.75};

struct painter {
    struct sanl_canvas *canvas;
    const struct sanl_overlay *overlay;
    double scale_x, scale_y; /* drawn pixels in an image pixel */
    double unit;             /* size of the marks: 1 in a picture of DEFAULT_SIDE */
};

static double to_x(const struct painter *p, double x_img)
{
    return (x_img + 0.5) * p->scale_x - 0.5;
}

static double to_y(const struct painter *p, double y_img)
{
    return (y_img + 0.5) * p->scale_y - 0.5;
}

static bool has_prediction(const struct sanl_overlay *o, int slot)
{
    return o->predicted_img && (!o->shown || o->shown[slot]) && isfinite(o->predicted_img[slot][0]) &&
           isfinite(o->predicted_img[slot][1]);
}

static bool has_truth(const struct sanl_overlay *o, int slot)
{
    return o->truth_img && (!o->truth_shown || o->truth_shown[slot]) && isfinite(o->truth_img[slot][0]) &&
           isfinite(o->truth_img[slot][1]);
}

static void draw_truth(const struct painter *p, int slot)
{
    const struct sanl_overlay *o = p->overlay;
    const double x = to_x(p, o->truth_img[slot][0]), y = to_y(p, o->truth_img[slot][1]);
    const struct sanl_color color = sanl_color_pick(slot);
    sanl_canvas_circle(p->canvas, x, y, 7 * p->unit, none, 4 * p->unit, rim);
    sanl_canvas_circle(p->canvas, x, y, 7 * p->unit, none, 2.5 * p->unit, color);
    if (has_prediction(o, slot))
        sanl_canvas_line(p->canvas, x, y, to_x(p, o->predicted_img[slot][0]),
                         to_y(p, o->predicted_img[slot][1]), 1.5 * p->unit, color);
}

static void draw_mark(const struct painter *p, int slot)
{
    const double *const xy = p->overlay->predicted_img[slot];
    sanl_canvas_circle(p->canvas, to_x(p, xy[0]), to_y(p, xy[1]), 5 * p->unit, sanl_color_pick(slot),
                       1.5 * p->unit, rim);
}

/* The name on the outer side of the garment: left of a point left of the middle of all. */
static void draw_name(const struct painter *p, int slot, const double xy[2], double middle_img)
{
    const struct sanl_overlay *o = p->overlay;
    const char *name = o->names ? o->names[slot] : sanl_landmark_label(sanl_scheme_of(o->landmarks), slot);
    const struct sanl_text_style style = {.size = 15 * p->unit,
                                          .anchor_x = xy[0] < middle_img ? 1 : 0,
                                          .anchor_y = 0.5,
                                          .bold = true,
                                          .color = white,
                                          .halo = rim};
    sanl_canvas_label(p->canvas, to_x(p, xy[0]), to_y(p, xy[1]), 9 * p->unit, name, &style);
}

static const double *named_point(const struct sanl_overlay *o, int slot)
{
    if (has_prediction(o, slot))
        return o->predicted_img[slot];
    return has_truth(o, slot) ? o->truth_img[slot] : NULL;
}

static void draw_landmarks(const struct painter *p)
{
    const struct sanl_overlay *o = p->overlay;
    double sum = 0, count = 0;
    for (int slot = 0; slot < o->landmarks; slot++) {
        const double *xy = named_point(o, slot);
        if (has_truth(o, slot))
            draw_truth(p, slot);
        if (xy) {
            sum += xy[0];
            count++;
        }
    }
    for (int slot = 0; slot < o->landmarks; slot++)
        if (has_prediction(o, slot))
            draw_mark(p, slot);
    for (int slot = 0; slot < o->landmarks; slot++) /* names last: no mark covers one */
        if (named_point(o, slot))
            draw_name(p, slot, named_point(o, slot), count > 0 ? sum / count : 0);
}

static void draw_all(const struct painter *p)
{
    const double *box = p->overlay->box_img;
    if (box) /* the pixels x1 .. x2 - 1 are inside */
        sanl_canvas_box(p->canvas, box[0] * p->scale_x - 0.5, box[1] * p->scale_y - 0.5,
                        box[2] * p->scale_x - 0.5, box[3] * p->scale_y - 0.5, 2 * p->unit,
                        (struct sanl_color){1, 1, 1, 0.8});
    draw_landmarks(p);
    const struct sanl_text_style style = {.size = 16 * p->unit, .color = white, .halo = rim};
    if (p->overlay->caption)
        sanl_canvas_text(p->canvas, 6 * p->unit, 6 * p->unit, p->overlay->caption, &style);
}

/* out = the image, enlarged until its longer side has `side` pixels (0: DEFAULT_SIDE), never made smaller. */
static enum sanl_status enlarge(struct sanl_image *out, const struct sanl_image *image, int side)
{
    const int longer = image->width > image->height ? image->width : image->height;
    const double factor = fmax(1, (double)(side > 0 ? side : DEFAULT_SIDE) / longer);
    return sanl_image_resize(out, image, (int)fmax(1, round(image->width * factor)),
                             (int)fmax(1, round(image->height * factor)));
}

enum sanl_status sanl_overlay_draw(struct sanl_image *out, const struct sanl_image *image,
                                   const struct sanl_overlay *overlay)
{
    SANL_TRY(enlarge(out, image, overlay->side));
    struct painter p = {
        .overlay = overlay,
        .scale_x = (double)out->width / image->width,
        .scale_y = (double)out->height / image->height,
        .unit = fmax(1, (out->width > out->height ? out->width : out->height) / (double)DEFAULT_SIDE)};
    enum sanl_status status = sanl_canvas_create(&p.canvas, out);
    if (status == SANL_OK) {
        draw_all(&p);
        status = sanl_canvas_finish(p.canvas);
    }
    sanl_canvas_free(p.canvas);
    if (status != SANL_OK)
        sanl_image_free(out);
    return status;
}

enum sanl_status sanl_overlay_write(const char *path, const char *image_path, double max_megapixels,
                                    const struct sanl_overlay *overlay)
{
    const struct sanl_image_limits limits = {.max_megapixels = max_megapixels};
    struct sanl_image image = {0}, drawn = {0};
    enum sanl_status status = sanl_image_read(&image, NULL, NULL, image_path, &limits);
    if (status == SANL_OK && (status = sanl_overlay_draw(&drawn, &image, overlay)) != SANL_OK)
        status = sanl_fail_prefix(status, "%s", image_path);
    if (status == SANL_OK)
        status = sanl_image_write(&drawn, path, 92);
    sanl_image_free(&image);
    sanl_image_free(&drawn);
    return status;
}

enum sanl_status sanl_image_cut(struct sanl_image *out, const struct sanl_image *image, const double box[4])
{
    const double w = image->width, h = image->height, x1 = round(box[0]), y1 = round(box[1]),
                 x2 = round(box[2]), y2 = round(box[3]);
    if (!(x2 > x1 && y2 > y1 && x1 < w && y1 < h && x2 > 0 && y2 > 0 && x2 - x1 <= 4 * w && y2 - y1 <= 4 * h))
        return sanl_fail(SANL_ERR_USAGE, "the box (%g, %g, %g, %g) does not fit an image of %g x %g pixels",
                         box[0], box[1], box[2], box[3], w, h);
    SANL_TRY(sanl_image_create(out, (int)(x2 - x1), (int)(y2 - y1)));
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) {
            const int from_x = x + (int)x1, from_y = y + (int)y1;
            if (from_x < 0 || from_y < 0 || from_x >= image->width || from_y >= image->height)
                continue;
            const uint8_t *from =
                image->pixels + ((size_t)from_y * (size_t)image->width + (size_t)from_x) * 3;
            uint8_t *to = out->pixels + ((size_t)y * (size_t)out->width + (size_t)x) * 3;
            for (int c = 0; c < 3; c++)
                to[c] = from[c];
        }
    return SANL_OK;
}

enum sanl_status sanl_map_write(const char *path, const char *image_path, double max_megapixels,
                                const double *box_img, const float *map, int width, int height, int side)
{
    const struct sanl_image_limits limits = {.max_megapixels = max_megapixels};
    struct sanl_image image = {0}, part = {0}, drawn = {0};
    enum sanl_status status = sanl_image_read(&image, NULL, NULL, image_path, &limits);
    if (status == SANL_OK && box_img && (status = sanl_image_cut(&part, &image, box_img)) != SANL_OK)
        status = sanl_fail_prefix(status, "%s", image_path);
    if (status == SANL_OK)
        status = enlarge(&drawn, box_img ? &part : &image, side);
    if (status == SANL_OK) {
        sanl_image_blend_map(&drawn, map, width, height, 0.5, 0.5);
        status = sanl_image_write(&drawn, path, 92);
    }
    sanl_image_free(&image);
    sanl_image_free(&part);
    sanl_image_free(&drawn);
    return status;
}
