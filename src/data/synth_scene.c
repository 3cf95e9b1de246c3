/* Random streams, and patches of simple shapes: strips, ellipses, quadrilaterals. */
#include <math.h>
#include "base/random.h"
#include "data/synth.h"

float sanl_synth_between(struct sanl_synth_random *random, float low, float high)
{
    const float at = (float)sanl_random_uniform(random->key, random->index++) - 0.5f;
    return low + (high - low) * (0.5f + random->variety * at);
}

bool sanl_synth_chance(struct sanl_synth_random *random, float probability)
{
    return (float)sanl_random_uniform(random->key, random->index++) < probability;
}

int sanl_synth_below(struct sanl_synth_random *random, int count)
{
    return (int)sanl_random_below(random->key, random->index++, (uint64_t)count);
}

int sanl_synth_pick(struct sanl_synth_random *random, unsigned bits)
{
    int count = 0, at = 0;
    for (unsigned b = bits; b; b &= b - 1)
        count++;
    for (int skip = sanl_synth_below(random, count); !(bits >> at & 1) || skip-- > 0; at++)
        ;
    return at;
}

struct sanl_synth_vertex *sanl_synth_add(struct sanl_synth_scene *scene, int columns, int rows,
                                         const struct sanl_synth_paint *paint)
{
    const int count = columns * rows;
    if (scene->patch_count == SANL_SYNTH_PATCHES || scene->vertex_count + count > SANL_SYNTH_VERTICES)
        return NULL;
    scene->patches[scene->patch_count++] = (struct sanl_synth_patch){
        scene->vertex_count, columns, rows, *paint, (uint8_t)scene->rank, scene->subject};
    scene->vertex_count += count;
    return scene->pool + scene->vertex_count - count;
}

struct sanl_synth_point sanl_synth_curve(const struct sanl_synth_point *points, int count, float t)
{
    const float at = t * (float)(count - 1);
    int i = (int)at;
    if (i > count - 2)
        i = count - 2;
    const float f = at - (float)i, f2 = f * f, f3 = f2 * f;
    const struct sanl_synth_point b = points[i], c = points[i + 1];
    const struct sanl_synth_point a =
        i > 0 ? points[i - 1] : (struct sanl_synth_point){2 * b.x - c.x, 2 * b.y - c.y};
    const struct sanl_synth_point d =
        i + 2 < count ? points[i + 2] : (struct sanl_synth_point){2 * c.x - b.x, 2 * c.y - b.y};
    const float wa = -0.5f * f3 + f2 - 0.5f * f, wb = 1.5f * f3 - 2.5f * f2 + 1;
    const float wc = -1.5f * f3 + 2 * f2 + 0.5f * f, wd = 0.5f * f3 - 0.5f * f2;
    return (struct sanl_synth_point){wa * a.x + wb * b.x + wc * c.x + wd * d.x,
                                     wa * a.y + wb * b.y + wc * c.y + wd * d.y};
}

/* Light on a surface whose normal leans by (nx, ny) to the sides; edges get darker. */
static float light(const struct sanl_synth_scene *scene, float nx, float ny)
{
    const float n2 = nx * nx + ny * ny;
    return 1.02f + 0.16f * (scene->light_x * nx + scene->light_y * ny) - 0.2f * n2 * n2;
}

void sanl_synth_tube(struct sanl_synth_scene *scene, const struct sanl_synth_point *points,
                     const float *widths, int count, const struct sanl_synth_paint *paint)
{
    enum { COLUMNS = 7 };
    const int rows = 8 * (count - 1) + 1;
    struct sanl_synth_vertex *v = sanl_synth_add(scene, COLUMNS, rows, paint);
    float along = 0;
    struct sanl_synth_point last = points[0];
    for (int r = 0; v && r < rows; r++) {
        const float t = (float)r / (float)(rows - 1), step = 0.5f / (float)(rows - 1);
        const struct sanl_synth_point p = sanl_synth_curve(points, count, t);
        const struct sanl_synth_point a = sanl_synth_curve(points, count, fmaxf(t - step, 0));
        const struct sanl_synth_point b = sanl_synth_curve(points, count, fminf(t + step, 1));
        const float length = fmaxf(hypotf(b.x - a.x, b.y - a.y), 1e-6f);
        const float nx = (b.y - a.y) / length, ny = (a.x - b.x) / length;
        const int i = (int)(t * (float)(count - 1)) < count - 1 ? (int)(t * (float)(count - 1)) : count - 2;
        const float f = t * (float)(count - 1) - (float)i, g = f * f * (3 - 2 * f);
        const float w = widths[i] + (widths[i + 1] - widths[i]) * g;
        along += hypotf(p.x - last.x, p.y - last.y);
        last = p;
        for (int c = 0; c < COLUMNS; c++) {
            const float s = 1 - 2 * (float)c / (COLUMNS - 1); /* from the side of +n */
            v[r * COLUMNS + c] = (struct sanl_synth_vertex){
                p.x + nx * w * s, p.y + ny * w * s, w * s, along, t, light(scene, nx * s, ny * s)};
        }
    }
}

void sanl_synth_ellipse(struct sanl_synth_scene *scene, struct sanl_synth_point centre, float rx, float ry,
                        float angle, const struct sanl_synth_paint *paint)
{
    enum { COLUMNS = 21, ROWS = 4 };
    struct sanl_synth_vertex *v = sanl_synth_add(scene, COLUMNS, ROWS, paint);
    const float ca = cosf(angle), sa = sinf(angle);
    for (int i = 0; v && i < COLUMNS * ROWS; i++) {
        const float a = 6.2831853f * (float)(i % COLUMNS) / (COLUMNS - 1);
        const float radius = (float)(i / COLUMNS) / (ROWS - 1);
        const float x = rx * radius * cosf(a), y = ry * radius * sinf(a);
        v[i] = (struct sanl_synth_vertex){centre.x + ca * x - sa * y,
                                          centre.y + sa * x + ca * y,
                                          x,
                                          y,
                                          0.5f,
                                          light(scene, radius * cosf(a + angle), radius * sinf(a + angle))};
    }
}

void sanl_synth_quad(struct sanl_synth_scene *scene, struct sanl_synth_point a, struct sanl_synth_point b,
                     struct sanl_synth_point c, struct sanl_synth_point d,
                     const struct sanl_synth_paint *paint)
{
    enum { SIDE = 4 };
    struct sanl_synth_vertex *v = sanl_synth_add(scene, SIDE, SIDE, paint);
    for (int i = 0; v && i < SIDE * SIDE; i++) {
        const float s = (float)(i % SIDE) / (SIDE - 1), t = (float)(i / SIDE) / (SIDE - 1);
        const float wa = (1 - s) * (1 - t), wb = s * (1 - t), wc = (1 - s) * t, wd = s * t;
        const float x = wa * a.x + wb * b.x + wc * c.x + wd * d.x;
        const float y = wa * a.y + wb * b.y + wc * c.y + wd * d.y;
        const float shade = 1 + 0.07f * (scene->light_x * (2 * s - 1) + scene->light_y * (2 * t - 1));
        v[i] = (struct sanl_synth_vertex){x, y, x, y, t, shade};
    }
}
