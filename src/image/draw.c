#include "image/draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cairo.h>
#include "base/memory.h"

enum { MAX_LABELS = 64 }; /* that later ones keep clear of */

struct sanl_canvas {
    struct sanl_image *image;
    cairo_surface_t *surface; /* RGB24: one native 0x00RRGGBB word for each pixel */
    cairo_t *cairo;
    const char *family;
    bool failed;                  /* memory for a text was lacking */
    double labels[MAX_LABELS][4]; /* where labels stand: left, top, right, bottom */
    int label_count;
};

/* Cairo's built-in letters, for systems without any font. */
static const char builtin_family[] = "@cairo:twin";

struct sanl_color sanl_color_pick(int index)
{
    static const unsigned char palette[8][3] = {{230, 159, 0},   {86, 180, 233}, {0, 158, 115},
                                                {240, 228, 66},  {0, 114, 178},  {213, 94, 0},
                                                {204, 121, 167}, {255, 255, 255}};
    const unsigned char *rgb = palette[(unsigned)index % 8];
    return (struct sanl_color){rgb[0] / 255.0, rgb[1] / 255.0, rgb[2] / 255.0, 1};
}

/* Whether text in this family works here; tried on a context of its own because cairo's errors stay. */
static bool has_letters(cairo_surface_t *surface, const char *family)
{
    cairo_text_extents_t extents;
    cairo_t *cairo = cairo_create(surface);
    cairo_select_font_face(cairo, family, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cairo, 20);
    cairo_text_extents(cairo, "x", &extents);
    const bool works = cairo_status(cairo) == CAIRO_STATUS_SUCCESS && extents.width > 0;
    cairo_destroy(cairo);
    return works;
}

enum sanl_status sanl_canvas_create(struct sanl_canvas **out, struct sanl_image *image)
{
    *out = NULL;
    struct sanl_canvas *canvas = sanl_calloc(1, sizeof *canvas);
    if (!canvas)
        return SANL_ERR_MEMORY;
    canvas->image = image;
    canvas->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, image->width, image->height);
    canvas->cairo = cairo_create(canvas->surface);
    const cairo_status_t status = cairo_status(canvas->cairo);
    if (status != CAIRO_STATUS_SUCCESS) {
        sanl_canvas_free(canvas);
        return sanl_fail(SANL_ERR_LIMIT, "cannot draw on a picture of %d x %d pixels: %s", image->width,
                         image->height, cairo_status_to_string(status));
    }
    const size_t stride = (size_t)cairo_image_surface_get_stride(canvas->surface);
    unsigned char *to = cairo_image_surface_get_data(canvas->surface);
    const uint8_t *from = image->pixels;
    for (int y = 0; y < image->height; y++, to += stride)
        for (size_t x = 0; x < (size_t)image->width; x++, from += 3) {
            const uint32_t word = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
            memcpy(to + 4 * x, &word, sizeof word);
        }
    cairo_surface_mark_dirty(canvas->surface);
    canvas->family = has_letters(canvas->surface, "sans") ? "sans" : builtin_family;
    cairo_translate(canvas->cairo, 0.5, 0.5); /* from cairo's corners to centres at integers */
    cairo_set_line_join(canvas->cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(canvas->cairo, CAIRO_LINE_CAP_ROUND);
    *out = canvas;
    return SANL_OK;
}

enum sanl_status sanl_canvas_finish(struct sanl_canvas *canvas)
{
    struct sanl_image *image = canvas->image;
    const cairo_status_t status = cairo_status(canvas->cairo);
    if (canvas->failed)
        return sanl_fail(SANL_ERR_MEMORY, "out of host memory for a text in a picture");
    if (status != CAIRO_STATUS_SUCCESS)
        return sanl_fail(status == CAIRO_STATUS_NO_MEMORY ? SANL_ERR_MEMORY : SANL_ERR_INTERNAL,
                         "cannot draw: %s", cairo_status_to_string(status));
    cairo_surface_flush(canvas->surface);
    const size_t stride = (size_t)cairo_image_surface_get_stride(canvas->surface);
    const unsigned char *from = cairo_image_surface_get_data(canvas->surface);
    uint8_t *to = image->pixels;
    for (int y = 0; y < image->height; y++, from += stride)
        for (size_t x = 0; x < (size_t)image->width; x++, to += 3) {
            uint32_t word;
            memcpy(&word, from + 4 * x, sizeof word);
            to[0] = (uint8_t)(word >> 16);
            to[1] = (uint8_t)(word >> 8);
            to[2] = (uint8_t)word;
        }
    return SANL_OK;
}

void sanl_canvas_free(struct sanl_canvas *canvas)
{
    if (!canvas)
        return;
    cairo_destroy(canvas->cairo);
    cairo_surface_destroy(canvas->surface);
    free(canvas);
}

/* Cairo counts in 1/256 pixel in 32 bits; far beyond any picture is as good as nowhere. */
static bool all_usable(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabs(values[i]) < 1e6))
            return false;
    return true;
}

static void set_color(struct sanl_canvas *canvas, struct sanl_color color)
{
    cairo_set_source_rgba(canvas->cairo, color.red, color.green, color.blue, color.alpha);
}

static void stroke(struct sanl_canvas *canvas, double width, struct sanl_color color)
{
    set_color(canvas, color);
    cairo_set_line_width(canvas->cairo, width);
    cairo_stroke(canvas->cairo);
}

void sanl_canvas_line(struct sanl_canvas *canvas, double x0, double y0, double x1, double y1, double width,
                      struct sanl_color color)
{
    const double xy[] = {x0, y0, x1, y1};
    sanl_canvas_polyline(canvas, xy, 2, false, width, color);
}

static void trace(struct sanl_canvas *canvas, const double *xy, size_t count, bool closed)
{
    cairo_new_path(canvas->cairo);
    for (size_t i = 0; i < count; i++)
        cairo_line_to(canvas->cairo, xy[2 * i], xy[2 * i + 1]);
    if (closed)
        cairo_close_path(canvas->cairo);
}

void sanl_canvas_polyline(struct sanl_canvas *canvas, const double *xy, size_t count, bool closed,
                          double width, struct sanl_color color)
{
    if (!all_usable(xy, 2 * count) || !all_usable(&width, 1) || count < 2)
        return;
    trace(canvas, xy, count, closed);
    stroke(canvas, width, color);
}

void sanl_canvas_polygon(struct sanl_canvas *canvas, const double *xy, size_t count, struct sanl_color color)
{
    if (!all_usable(xy, 2 * count) || count < 3)
        return;
    trace(canvas, xy, count, true);
    set_color(canvas, color);
    cairo_fill(canvas->cairo);
}

void sanl_canvas_circle(struct sanl_canvas *canvas, double x, double y, double radius, struct sanl_color fill,
                        double width, struct sanl_color outline)
{
    const double values[] = {x, y, radius, width};
    if (!all_usable(values, 4) || radius <= 0)
        return;
    cairo_new_path(canvas->cairo);
    cairo_arc(canvas->cairo, x, y, radius, 0, 2 * acos(-1.0));
    set_color(canvas, fill);
    cairo_fill_preserve(canvas->cairo);
    stroke(canvas, width, outline);
}

void sanl_canvas_fill(struct sanl_canvas *canvas, double x, double y, double width, double height,
                      struct sanl_color color)
{
    const double values[] = {x, y, width, height};
    if (!all_usable(values, 4))
        return;
    cairo_new_path(canvas->cairo);
    cairo_rectangle(canvas->cairo, x - 0.5, y - 0.5, width, height);
    set_color(canvas, color);
    cairo_fill(canvas->cairo);
}

void sanl_canvas_box(struct sanl_canvas *canvas, double x0, double y0, double x1, double y1, double width,
                     struct sanl_color color)
{
    const double xy[] = {x0, y0, x1, y0, x1, y1, x0, y1};
    sanl_canvas_polyline(canvas, xy, 4, true, width, color);
}

/* The length of the UTF-8 sequence at `p`, 0 when there is none: no overlong forms, surrogates or values
 * above U+10FFFF (Unicode 15, table 3-7). */
static size_t utf8_length(const unsigned char *p)
{
    const size_t length = p[0] < 0x80   ? 1
                          : p[0] < 0xC2 ? 0
                          : p[0] < 0xE0 ? 2
                          : p[0] < 0xF0 ? 3
                          : p[0] < 0xF5 ? 4
                                        : 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    const bool bad = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
                     (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F);
    return length > 1 && bad ? 0 : length;
}

/* A copy that cairo accepts, since one bad byte would end all drawing; NULL without memory. */
static char *clean_text(const char *text)
{
    char *copy = sanl_strdup(text);
    for (unsigned char *p = (unsigned char *)copy; p && *p;) {
        const size_t length = utf8_length(p);
        if (length == 0)
            *p = '?';
        else if (*p < 0x20 || *p == 0x7F)
            *p = ' ';
        p += length ? length : 1;
    }
    return copy;
}

/* Chooses the font; returns the text's width, and the font's heights above and below the base line. */
static double set_font(struct sanl_canvas *canvas, const char *clean, const struct sanl_text_style *style,
                       double *above, double *below)
{
    cairo_text_extents_t text;
    cairo_font_extents_t font;
    cairo_select_font_face(canvas->cairo, canvas->family, CAIRO_FONT_SLANT_NORMAL,
                           style->bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(canvas->cairo, style->size);
    cairo_text_extents(canvas->cairo, clean, &text);
    cairo_font_extents(canvas->cairo, &font);
    *above = font.ascent;
    *below = font.descent;
    return text.x_advance;
}

void sanl_canvas_text(struct sanl_canvas *canvas, double x, double y, const char *text,
                      const struct sanl_text_style *style)
{
    const double values[] = {x, y, style->size, style->angle, style->anchor_x, style->anchor_y};
    char *clean = clean_text(text);
    canvas->failed = canvas->failed || !clean;
    if (!clean || !all_usable(values, 6) || style->size < 1 || style->size > 1000)
        goto done;
    cairo_t *cairo = canvas->cairo;
    double above, below;
    const double width = set_font(canvas, clean, style, &above, &below);
    const double left = -style->anchor_x * width, base = above - style->anchor_y * (above + below);
    cairo_save(cairo);
    cairo_translate(cairo, x, y);
    cairo_rotate(cairo, style->angle * acos(-1.0) / 180);
    if (style->halo.alpha > 0) {
        cairo_move_to(cairo, left, base);
        cairo_text_path(cairo, clean);
        stroke(canvas, fmax(2, style->size / 4), style->halo);
    }
    cairo_move_to(cairo, left, base);
    set_color(canvas, style->color);
    cairo_show_text(cairo, clean);
    cairo_new_path(cairo);
    cairo_restore(cairo);
done:
    free(clean);
}

void sanl_canvas_measure(struct sanl_canvas *canvas, const char *text, const struct sanl_text_style *style,
                         double *width, double *height)
{
    *width = *height = 0;
    char *clean = clean_text(text);
    canvas->failed = canvas->failed || !clean;
    if (clean && style->size >= 1 && style->size <= 1000) {
        double above, below;
        *width = set_font(canvas, clean, style, &above, &below);
        *height = above + below;
    }
    free(clean);
}

/* The start nearest to `start` at which `length` pixels stay in [0, side) with a margin. */
static double keep_inside(double start, double length, int side)
{
    const double margin = 2;
    return fmax(margin, fmin(start, side - 1 - margin - length));
}

static bool overlaps_label(const struct sanl_canvas *canvas, const double box[4])
{
    for (int i = 0; i < canvas->label_count; i++) {
        const double *other = canvas->labels[i];
        if (box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1])
            return true;
    }
    return false;
}

/* The top nearest to `top` where a label covers no earlier one; `top` itself when there is none near. */
static double find_free_top(struct sanl_canvas *canvas, double left, double top, double width, double height)
{
    static const double shifts[] = {0, 0.5, -0.5, 1, -1, 1.5, -1.5, 2, -2};
    const double slack = 0.1 * height; /* letters do not fill their line */
    for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++) {
        const double moved = keep_inside(top + shifts[i] * height, height, canvas->image->height);
        const double box[4] = {left, moved + slack, left + width, moved + height - slack};
        if (overlaps_label(canvas, box))
            continue;
        if (canvas->label_count < MAX_LABELS)
            memcpy(canvas->labels[canvas->label_count++], box, sizeof box);
        return moved;
    }
    return top;
}

void sanl_canvas_label(struct sanl_canvas *canvas, double x, double y, double gap, const char *text,
                       const struct sanl_text_style *style)
{
    const double values[] = {x, y, gap};
    struct sanl_text_style placed = *style;
    double width, height;
    if (!all_usable(values, 3))
        return;
    sanl_canvas_measure(canvas, text, style, &width, &height);
    const double right = x + gap, left = x - gap - width;
    const bool right_fits = keep_inside(right, width, canvas->image->width) == right;
    const bool left_fits = keep_inside(left, width, canvas->image->width) == left;
    const bool go_left = style->anchor_x > 0.5 ? left_fits || !right_fits : left_fits && !right_fits;
    placed.anchor_x = placed.anchor_y = placed.angle = 0;
    const double start = keep_inside(go_left ? left : right, width, canvas->image->width);
    const double top = keep_inside(y - height / 2, height, canvas->image->height);
    sanl_canvas_text(canvas, start, find_free_top(canvas, start, top, width, height), text, &placed);
}
