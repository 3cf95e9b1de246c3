/* Line plots. Inside the frame, x and y run over the finite points, rounded out to the ticks. */
#include <sanlcl/report.h>

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "image/draw.h"

enum { MAX_TICKS = 12, FONT = 14, TITLE_FONT = 17 };

struct axis {
    double low, high; /* of the frame; logarithms to base 10 when `log` */
    bool log;
    double ticks[MAX_TICKS]; /* on the same scale */
    int tick_count;
    int decimals;
};

struct frame {
    struct sanl_canvas *canvas;
    double left, top, right, bottom; /* pixels */
    struct axis x, y;
};

static const struct sanl_color ink = {0.15, 0.15, 0.15, 1}, grid = {0.88, 0.88, 0.88, 1}, none = {0, 0, 0, 0};

/* The colours of the palette that stand out on white. */
static struct sanl_color series_color(int index)
{
    static const int dark[] = {4, 5, 2, 6, 0, 1};
    return sanl_color_pick(dark[index % 6]);
}

/* The smallest of 1, 2, 5 times a power of ten that is at least `value`. */
static double round_step(double value)
{
    const double power = pow(10, floor(log10(value)));
    for (int i = 0; i < 3; i++) {
        const double step = (double[]){1, 2, 5}[i] * power;
        if (step >= value * (1 - 1e-9))
            return step;
    }
    return 10 * power;
}

/* Rounds the axis out to multiples of a round step, about `wanted` of them. */
static void set_linear_ticks(struct axis *axis, int wanted)
{
    const double largest = fmax(fabs(axis->low), fabs(axis->high)), range = axis->high - axis->low;
    if (range < 1e-290 || range < 1e-12 * largest) { /* one value, or too close for the ticks to differ */
        const double around = largest > 1e-280 ? largest / 2 : 0.5;
        axis->low -= around;
        axis->high += around;
    }
    const double step = round_step((axis->high - axis->low) / wanted);
    const double first = floor(axis->low / step + 1e-9), last = ceil(axis->high / step - 1e-9);
    axis->low = first * step;
    axis->high = last * step;
    axis->decimals = (int)fmax(0, -floor(log10(step) + 1e-9));
    axis->tick_count = 0;
    for (double i = first; i <= last && axis->tick_count < MAX_TICKS; i++)
        axis->ticks[axis->tick_count++] = i * step;
}

/* Powers of ten, and 2 and 5 times them where there are few. */
static void set_log_ticks(struct axis *axis)
{
    const double first = floor(axis->low + 1e-9), last = ceil(axis->high - 1e-9);
    const double decades = fmax(1, last - first), stride = ceil(decades / (MAX_TICKS - 1));
    axis->low = first;
    axis->high = first + decades;
    axis->tick_count = 0;
    for (double i = first; i <= axis->high && axis->tick_count < MAX_TICKS; i += stride) {
        axis->ticks[axis->tick_count++] = i;
        if (decades <= 3 && i < axis->high) {
            axis->ticks[axis->tick_count++] = i + log10(2);
            axis->ticks[axis->tick_count++] = i + log10(5);
        }
    }
}

static double scale(const struct axis *axis, double value)
{
    return axis->log ? (value > 0 ? log10(value) : NAN) : value;
}

static void set_axis(struct axis *axis, const struct sanl_plot *plot, bool is_y, int wanted)
{
    axis->log = is_y && plot->log_y;
    axis->low = INFINITY;
    axis->high = -INFINITY;
    for (int s = 0; s < plot->series_count; s++)
        for (size_t i = 0; i < plot->series[s].count; i++) {
            const double x = plot->series[s].x[i], y = plot->series[s].y[i];
            const double value = scale(axis, is_y ? y : x);
            if (!isfinite(value) || !isfinite(x) || !isfinite(y))
                continue;
            axis->low = fmin(axis->low, value);
            axis->high = fmax(axis->high, value);
        }
    if (axis->low > axis->high || axis->high - axis->low > 1e300) { /* nothing that could be drawn */
        axis->low = 0;
        axis->high = 1;
    }
    if (is_y && plot->from_zero && !axis->log) {
        axis->low = fmin(axis->low, 0);
        axis->high = fmax(axis->high, 0);
    }
    if (axis->log)
        set_log_ticks(axis);
    else
        set_linear_ticks(axis, wanted);
}

static double to_x(const struct frame *f, double value)
{
    return f->left + (scale(&f->x, value) - f->x.low) / (f->x.high - f->x.low) * (f->right - f->left);
}

static double to_y(const struct frame *f, double scaled)
{
    return f->bottom - (scaled - f->y.low) / (f->y.high - f->y.low) * (f->bottom - f->top);
}

static void tick_text(char *out, size_t bytes, const struct axis *axis, double tick)
{
    if (axis->log)
        snprintf(out, bytes, "%.3g", pow(10, tick));
    else if (fabs(axis->high) >= 1e6 || fabs(axis->low) >= 1e6 || axis->decimals > 5)
        snprintf(out, bytes, "%.4g", tick);
    else
        snprintf(out, bytes, "%.*f", axis->decimals, tick == 0 ? 0 : tick); /* no "-0" */
}

static void draw_axes(const struct frame *f)
{
    char text[32];
    struct sanl_text_style style = {.size = FONT, .anchor_x = 0.5, .color = ink};
    for (int i = 0; i < f->x.tick_count; i++) {
        const double x = to_x(f, f->x.ticks[i]);
        tick_text(text, sizeof text, &f->x, f->x.ticks[i]);
        sanl_canvas_line(f->canvas, x, f->top, x, f->bottom, 1, grid);
        sanl_canvas_text(f->canvas, x, f->bottom + 5, text, &style);
    }
    style.anchor_x = 1;
    style.anchor_y = 0.5;
    for (int i = 0; i < f->y.tick_count; i++) {
        const double y = to_y(f, f->y.ticks[i]);
        tick_text(text, sizeof text, &f->y, f->y.ticks[i]);
        sanl_canvas_line(f->canvas, f->left, y, f->right, y, 1, grid);
        sanl_canvas_text(f->canvas, f->left - 6, y, text, &style);
    }
    sanl_canvas_box(f->canvas, f->left, f->top, f->right, f->bottom, 1, ink);
}

static void draw_titles(const struct frame *f, const struct sanl_plot *plot, double height)
{
    const double middle = (f->left + f->right) / 2;
    struct sanl_text_style style = {
        .size = TITLE_FONT, .anchor_x = 0.5, .anchor_y = 0.5, .bold = true, .color = ink};
    if (plot->title)
        sanl_canvas_text(f->canvas, middle, f->top / 2, plot->title, &style);
    style.size = FONT;
    style.bold = false;
    if (plot->x_label)
        sanl_canvas_text(f->canvas, middle, height - FONT, plot->x_label, &style);
    style.angle = -90;
    if (plot->y_label)
        sanl_canvas_text(f->canvas, FONT, (f->top + f->bottom) / 2, plot->y_label, &style);
}

/* Each unbroken run of points as one line; a point alone as a dot. `xy` has room for the points. */
static void draw_series(const struct frame *f, const struct sanl_series *series, struct sanl_color color,
                        double *xy)
{
    size_t run = 0;
    for (size_t i = 0; i <= series->count; i++) {
        const double y = i < series->count ? scale(&f->y, series->y[i]) : NAN;
        if (isfinite(y) && isfinite(series->x[i])) {
            xy[2 * run] = to_x(f, series->x[i]);
            xy[2 * run + 1] = to_y(f, y);
            run++;
            continue;
        }
        if (run > 1)
            sanl_canvas_polyline(f->canvas, xy, run, false, 2, color);
        else if (run == 1)
            sanl_canvas_circle(f->canvas, xy[0], xy[1], 3, color, 0, none);
        run = 0;
    }
}

struct rectangle {
    double left, top, width, height;
};

/* Points of all series. */
static size_t points_within(const struct frame *f, const struct sanl_plot *plot, const struct rectangle *area)
{
    size_t count = 0;
    for (int s = 0; s < plot->series_count; s++)
        for (size_t i = 0; i < plot->series[s].count; i++) {
            const double x = to_x(f, plot->series[s].x[i]) - area->left,
                         y = to_y(f, scale(&f->y, plot->series[s].y[i])) - area->top;
            count += x >= 0 && x <= area->width && y >= 0 && y <= area->height;
        }
    return count;
}

/* In the corner where the fewest points are. */
static void draw_legend(const struct frame *f, const struct sanl_plot *plot)
{
    const struct sanl_text_style style = {.size = FONT, .anchor_y = 0.5, .color = ink};
    const double line = FONT + 6;
    double widest = 0, width, height;
    int named = 0;
    for (int s = 0; s < plot->series_count; s++) {
        if (!plot->series[s].name)
            continue;
        sanl_canvas_measure(f->canvas, plot->series[s].name, &style, &width, &height);
        widest = fmax(widest, width);
        named++;
    }
    if (!named)
        return;
    struct rectangle best = {0};
    size_t least = SIZE_MAX;
    for (int corner = 0; corner < 4; corner++) {
        struct rectangle area = {f->right - widest - 54, f->top + 8, widest + 46, named * line + 6};
        area.left = corner & 2 ? f->left + 8 : area.left;
        area.top = corner & 1 ? f->bottom - 8 - area.height : area.top;
        const size_t count = points_within(f, plot, &area);
        if (count < least) {
            least = count;
            best = area;
        }
    }
    const double left = best.left, top = best.top;
    sanl_canvas_fill(f->canvas, floor(left), floor(top), ceil(best.width), best.height,
                     (struct sanl_color){1, 1, 1, 0.85});
    double y = top + 3 + line / 2;
    for (int s = 0; s < plot->series_count; s++) {
        if (!plot->series[s].name)
            continue;
        sanl_canvas_line(f->canvas, left + 6, y, left + 32, y, 3, series_color(s));
        sanl_canvas_text(f->canvas, left + 38, y, plot->series[s].name, &style);
        y += line;
    }
}

/* The width of the widest number beside the y axis. */
static double measure_ticks(struct sanl_canvas *canvas, const struct axis *axis)
{
    const struct sanl_text_style style = {.size = FONT, .color = ink};
    double widest = 0, width, height;
    char text[32];
    for (int i = 0; i < axis->tick_count; i++) {
        tick_text(text, sizeof text, axis, axis->ticks[i]);
        sanl_canvas_measure(canvas, text, &style, &width, &height);
        widest = fmax(widest, width);
    }
    return widest;
}

static enum sanl_status draw(struct sanl_image *image, const struct sanl_plot *plot)
{
    size_t longest = 0;
    for (int s = 0; s < plot->series_count; s++)
        longest = plot->series[s].count > longest ? plot->series[s].count : longest;
    double *xy = sanl_calloc(longest, 2 * sizeof *xy);
    if (!xy)
        return SANL_ERR_MEMORY;
    struct frame f = {.right = image->width - 24, .top = plot->title ? 44 : 16, .bottom = image->height - 32};
    enum sanl_status status = sanl_canvas_create(&f.canvas, image);
    if (status == SANL_OK) {
        if (plot->x_label)
            f.bottom -= FONT + 8;
        set_axis(&f.x, plot, false, 8);
        set_axis(&f.y, plot, true, 6);
        f.left = floor(measure_ticks(f.canvas, &f.y)) + (plot->y_label ? FONT + 24 : 16);
        draw_axes(&f);
        draw_titles(&f, plot, image->height);
        for (int s = 0; s < plot->series_count; s++)
            draw_series(&f, &plot->series[s], series_color(s), xy);
        draw_legend(&f, plot);
        status = sanl_canvas_finish(f.canvas);
    }
    sanl_canvas_free(f.canvas);
    free(xy);
    return status;
}

enum sanl_status sanl_plot_write(const struct sanl_plot *plot, const char *path)
{
    const int width = plot->width ? plot->width : 800, height = plot->height ? plot->height : 480;
    if (width < 200 || height < 150 || width > 8192 || height > 8192)
        return sanl_fail(SANL_ERR_USAGE, "%s: a plot has from 200 x 150 to 8192 x 8192 pixels, not %d x %d",
                         path, width, height);
    struct sanl_image image;
    SANL_TRY(sanl_image_create(&image, width, height));
    memset(image.pixels, 255, (size_t)width * (size_t)height * 3);
    enum sanl_status status = draw(&image, plot);
    if (status == SANL_OK)
        status = sanl_image_write(&image, path, 95);
    sanl_image_free(&image);
    return status;
}
