/* Patches onto a canvas of samples: triangles, each with a plane for every attribute. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "data/synth.h"

enum sanl_status sanl_synth_canvas_create(struct sanl_synth_canvas *out, int width, int height)
{
    memset(out, 0, sizeof *out);
    size_t count;
    SANL_TRY(sanl_size_mul(&count, (size_t)width, (size_t)height));
    out->width = width;
    out->height = height;
    out->rgb = sanl_calloc(count, 3);
    out->rank = sanl_calloc(count, 1);
    if (!out->rgb || !out->rank) {
        sanl_synth_canvas_free(out);
        return SANL_ERR_MEMORY;
    }
    return SANL_OK;
}

void sanl_synth_canvas_free(struct sanl_synth_canvas *canvas)
{
    free(canvas->rgb);
    free(canvas->rank);
    memset(canvas, 0, sizeof *canvas);
}

struct sanl_synth_point sanl_synth_project(const struct sanl_synth_view *view, struct sanl_synth_point p)
{
    return (struct sanl_synth_point){
        view->x + view->scale * (view->cosine * p.x - view->sine * p.y),
        view->y + view->scale * (view->sine * p.x + view->cosine * p.y),
    };
}

/* a(x, y) = at + dx * (x - x0) + dy * (y - y0) */
struct plane {
    float at, dx, dy;
};

static struct plane plane_through(const struct sanl_synth_vertex *a, const struct sanl_synth_vertex *b,
                                  const struct sanl_synth_vertex *c, const float value[3], float inverse)
{
    const float p = value[1] - value[0], q = value[2] - value[0];
    return (struct plane){value[0], (p * (c->y - a->y) - q * (b->y - a->y)) * inverse,
                          (q * (b->x - a->x) - p * (c->x - a->x)) * inverse};
}

static uint8_t to_byte(float value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value + 0.5f);
}

static void shade_sample(uint8_t *rgb, const struct sanl_synth_paint *paint, float u, float v, float t,
                         float shade)
{
    if (paint->alpha < 1) {
        const float keep = 1 - (1 - paint->alpha) * shade;
        for (int i = 0; i < 3; i++)
            rgb[i] = to_byte((float)rgb[i] * keep);
        return;
    }
    const struct sanl_synth_colour c = sanl_synth_paint_at(paint, u, v, t);
    const float white = shade > 1 ? paint->gloss * (shade - 1) * 255 : 0;
    rgb[0] = to_byte(c.r * shade + white);
    rgb[1] = to_byte(c.g * shade + white);
    rgb[2] = to_byte(c.b * shade + white);
}

/* x where the edge from `a` down to `b` crosses the row y; the same for both triangles at the edge. */
static float cross(const struct sanl_synth_vertex *a, const struct sanl_synth_vertex *b, float y)
{
    return a->x + (b->x - a->x) * ((y - a->y) / (b->y - a->y));
}

static int clamp_ceil(float value, int high)
{
    return value <= 0 ? 0 : value >= (float)high ? high : (int)ceilf(value);
}

/* Fills rows ceil(top) .. ceil(bottom) - 1 and in each the columns ceil(left) .. ceil(right) - 1, so
 * triangles that share an edge neither overlap nor leave gaps. */
static void fill_triangle(struct sanl_synth_canvas *canvas, const struct sanl_synth_patch *patch,
                          const struct sanl_synth_vertex *a, const struct sanl_synth_vertex *b,
                          const struct sanl_synth_vertex *c)
{
    const struct sanl_synth_vertex *v[3] = {a, b, c}, *swap;
    for (int i = 0; i < 3; i++) {
        const int k = i % 2;
        if (v[k]->y > v[k + 1]->y) {
            swap = v[k];
            v[k] = v[k + 1];
            v[k + 1] = swap;
        }
    }
    const float area = (b->x - a->x) * (c->y - a->y) - (c->x - a->x) * (b->y - a->y);
    if (!(fabsf(area) > 1e-6f))
        return;
    const float inverse = 1 / area;
    const struct plane u = plane_through(a, b, c, (float[]){a->u, b->u, c->u}, inverse);
    const struct plane w = plane_through(a, b, c, (float[]){a->v, b->v, c->v}, inverse);
    const struct plane t = plane_through(a, b, c, (float[]){a->t, b->t, c->t}, inverse);
    const struct plane s = plane_through(a, b, c, (float[]){a->shade, b->shade, c->shade}, inverse);
    const int bottom = clamp_ceil(v[2]->y, canvas->height);
    for (int y = clamp_ceil(v[0]->y, canvas->height); y < bottom; y++) {
        const float fy = (float)y, dy = fy - a->y;
        const float x1 = cross(v[0], v[2], fy);
        const float x2 = fy < v[1]->y ? cross(v[0], v[1], fy) : cross(v[1], v[2], fy);
        const int end = clamp_ceil(fmaxf(x1, x2), canvas->width);
        for (int x = clamp_ceil(fminf(x1, x2), canvas->width); x < end; x++) {
            const float dx = (float)x - a->x;
            const size_t at = (size_t)y * (size_t)canvas->width + (size_t)x;
            shade_sample(canvas->rgb + 3 * at, &patch->paint, u.at + u.dx * dx + u.dy * dy,
                         w.at + w.dx * dx + w.dy * dy, t.at + t.dx * dx + t.dy * dy,
                         s.at + s.dx * dx + s.dy * dy);
            if (patch->paint.alpha >= 1)
                canvas->rank[at] = patch->rank;
        }
    }
}

/* A vertex in samples: the centre of pixel i is at SAMPLES * (i + 0.5) - 0.5. */
static struct sanl_synth_vertex to_samples(const struct sanl_synth_view *view,
                                           const struct sanl_synth_vertex *vertex)
{
    const struct sanl_synth_point p =
        sanl_synth_project(view, (struct sanl_synth_point){vertex->x, vertex->y});
    struct sanl_synth_vertex out = *vertex;
    out.x = SANL_SYNTH_SAMPLES * (p.x + 0.5f) - 0.5f;
    out.y = SANL_SYNTH_SAMPLES * (p.y + 0.5f) - 0.5f;
    return out;
}

void sanl_synth_draw(struct sanl_synth_canvas *canvas, const struct sanl_synth_scene *scene,
                     const struct sanl_synth_view *view, int from, int to)
{
    for (int i = from; i < to; i++) {
        const struct sanl_synth_patch *patch = &scene->patches[i];
        for (int r = 0; r + 1 < patch->rows; r++) {
            const struct sanl_synth_vertex *row = scene->pool + patch->first + r * patch->columns;
            struct sanl_synth_vertex b = to_samples(view, row), d = to_samples(view, row + patch->columns);
            for (int k = 1; k < patch->columns; k++) {
                const struct sanl_synth_vertex a = b, c = d;
                b = to_samples(view, row + k);
                d = to_samples(view, row + patch->columns + k);
                fill_triangle(canvas, patch, &a, &b, &c);
                fill_triangle(canvas, patch, &b, &c, &d);
            }
        }
    }
}
