/* Drawing over pictures: anti-aliased shapes and text on a canvas, and maps as colours.
 *
 * Coordinates are pixels with centres at integers, so that a landmark is drawn where it was measured. What
 * lies outside the picture is cut off; what is not finite is not drawn. */
#ifndef IMAGE_DRAW_H
#define IMAGE_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include "image/image.h"

struct sanl_color {
    double red, green, blue, alpha; /* 0..1; alpha 0 draws nothing */
};

/* The index-th of eight colours that stay apart for the colour-blind as well (Okabe and Ito), over and over.
 */
struct sanl_color sanl_color_pick(int index);

struct sanl_canvas;

/* A canvas that shows `image`, which must outlive it; sanl_canvas_finish puts what was drawn into the image.
 */
SANL_CHECKED enum sanl_status sanl_canvas_create(struct sanl_canvas **out, struct sanl_image *image);
SANL_CHECKED enum sanl_status sanl_canvas_finish(struct sanl_canvas *canvas);
void sanl_canvas_free(struct sanl_canvas *canvas); /* takes NULL */

void sanl_canvas_line(struct sanl_canvas *canvas, double x0, double y0, double x1, double y1, double width,
                      struct sanl_color color);

/* Through the points xy (count, 2), with round joints; `closed` joins the last to the first. */
void sanl_canvas_polyline(struct sanl_canvas *canvas, const double *xy, size_t count, bool closed,
                          double width, struct sanl_color color);

/* The inside of the polygon xy (count, 2). */
void sanl_canvas_polygon(struct sanl_canvas *canvas, const double *xy, size_t count, struct sanl_color color);

/* A disc and its outline of `width` pixels; either may have alpha 0. */
void sanl_canvas_circle(struct sanl_canvas *canvas, double x, double y, double radius, struct sanl_color fill,
                        double width, struct sanl_color outline);

/* The whole pixels [x, x + width) x [y, y + height) for integers. */
void sanl_canvas_fill(struct sanl_canvas *canvas, double x, double y, double width, double height,
                      struct sanl_color color);

/* The outline of a box with its corners at (x0, y0) and (x1, y1). */
void sanl_canvas_box(struct sanl_canvas *canvas, double x0, double y0, double x1, double y1, double width,
                     struct sanl_color color);

struct sanl_text_style {
    double size; /* of the font, in pixels */
    double anchor_x,
        anchor_y; /* which point of the text stands at (x, y): 0 left or top, 1 right or bottom */
    double angle; /* about that point, clockwise, in degrees */
    bool bold;
    struct sanl_color color, halo; /* the halo is a rim around the letters; alpha 0: none */
};

/* One line in UTF-8; bytes that are none show as '?'. */
void sanl_canvas_text(struct sanl_canvas *canvas, double x, double y, const char *text,
                      const struct sanl_text_style *style);

/* Names a point: the text stands level with (x, y), `gap` pixels to the right of it (to the left with
 * anchor_x above 0.5), on the other side where the picture's edge would cut it off, and up to two lines
 * higher or lower where an earlier label of the canvas stands. */
void sanl_canvas_label(struct sanl_canvas *canvas, double x, double y, double gap, const char *text,
                       const struct sanl_text_style *style);

/* The size in pixels of the box that the anchors speak of. */
void sanl_canvas_measure(struct sanl_canvas *canvas, const char *text, const struct sanl_text_style *style,
                         double *width, double *height);

/* Lays the map (map_height, map_width), blue for 0 over green to red for 1, over the whole image: bilinear,
 * image pixel x at map position (x + 0.5) * map_width / width - 0.5, edges repeated. Values are cut to [0,
 * 1], NaN counts as 0. The colour's share goes from `alpha_low` where the map is 0 to `alpha_high` where it
 * is 1: 0 leaves the image, 1 replaces it. */
void sanl_image_blend_map(struct sanl_image *image, const float *map, int map_width, int map_height,
                          double alpha_low, double alpha_high);

/* The map in the same colours as a picture of its own. */
SANL_CHECKED enum sanl_status sanl_image_from_map(struct sanl_image *out, const float *map, int map_width,
                                                  int map_height, int width, int height);

#endif
