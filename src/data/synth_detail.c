/* What is sewn onto a garment: neck trims, collars, hoods, fronts, belts, pockets. */
#include <math.h>
#include "data/synth.h"

typedef struct sanl_synth_point point;

static const struct sanl_synth_colour black = {16, 16, 20}, metal = {196, 196, 200};

static point on(const struct sanl_synth_pose *pose, float x, float y)
{
    return sanl_synth_place_cloth(pose, (point){x, y});
}

static struct sanl_synth_paint tone(const struct sanl_synth_cut *cut, float darker)
{
    struct sanl_synth_paint paint = cut->paint;
    paint.band_bottom = 0;
    for (int i = 0; i < 4; i++)
        paint.colour[i] = sanl_synth_mix(paint.colour[i], black, darker);
    return paint;
}

/* A line of even width through points of the straight body. */
static void add_line(struct sanl_synth_scene *scene, const struct sanl_synth_pose *pose, const point *points,
                     int count, float width, const struct sanl_synth_paint *paint)
{
    enum { MOST = 9 };
    point placed[MOST];
    float widths[MOST];
    for (int i = 0; i < count && i < MOST; i++) {
        placed[i] = on(pose, points[i].x, points[i].y);
        widths[i] = width;
    }
    sanl_synth_tube(scene, placed, widths, count, paint);
}

static void add_trim(struct sanl_synth_scene *scene, const struct sanl_synth_cut *cut,
                     const struct sanl_synth_pose *pose, float width, const struct sanl_synth_paint *paint)
{
    point line[9];
    for (int i = 0; i < 9; i++) {
        const float s = (float)i / 4 - 1;
        line[i] = sanl_synth_neckline(cut, copysignf(powf(fabsf(s), 0.8f), s));
        line[i].y += 0.6f * width;
    }
    add_line(scene, pose, line, 9, width, paint);
}

static void add_flaps(struct sanl_synth_scene *scene, const struct sanl_synth_cut *cut,
                      const struct sanl_synth_pose *pose)
{
    const struct sanl_synth_paint paint = tone(cut, 0.12f);
    const float nw = cut->neck_width, depth = cut->neck_depth;
    const bool lapel = cut->neck == NECK_LAPEL;
    const float top = sanl_synth_neckline(cut, 1).y;
    for (int side = -1; side < 2; side += 2) {
        const float s = (float)side;
        const point neck = on(pose, s * (nw - 0.03f), top - 0.07f), front = on(pose, s * 0.015f, top + depth);
        const point fold = on(pose, s * (nw + (lapel ? 0.12f : 0.1f)), top + 0.12f);
        const point corner =
            lapel ? on(pose, s * 0.33f, top + 0.5f * depth) : on(pose, s * 0.2f, top + depth + 0.16f);
        const struct sanl_synth_paint shadow = {.alpha = 0.75f};
        const float shift = 0.03f;
        sanl_synth_quad(scene, neck, front, (point){fold.x, fold.y + shift},
                        (point){corner.x + s * shift, corner.y + shift}, &shadow);
        sanl_synth_quad(scene, neck, front, fold, corner, &paint);
    }
}

static void add_hood(struct sanl_synth_scene *scene, const struct sanl_synth_cut *cut,
                     const struct sanl_synth_pose *pose)
{
    const struct sanl_synth_paint rim = tone(cut, 0.1f), cord = sanl_synth_plain(cut->trim);
    const float top = sanl_synth_neckline(cut, 1).y, depth = cut->neck_depth;
    for (int side = -1; side < 2; side += 2) {
        const float s = (float)side;
        const point line[3] = {{s * (cut->neck_width + 0.02f), top - 0.06f},
                               {s * cut->neck_width * 0.8f, top + 0.6f * depth},
                               {s * 0.03f, top + depth + 0.04f}};
        add_line(scene, pose, line, 3, 0.08f, &rim);
        const point string[2] = {{s * 0.1f, top + depth}, {s * 0.13f, top + depth + 0.55f}};
        add_line(scene, pose, string, 2, 0.018f, &cord);
    }
}

static void add_motif(struct sanl_synth_scene *scene, const struct sanl_synth_cut *cut,
                      const struct sanl_synth_pose *pose)
{
    const struct sanl_synth_paint a = sanl_synth_plain(cut->paint.colour[1]);
    const struct sanl_synth_paint b = sanl_synth_plain(cut->paint.colour[2]);
    const float y = 1.15f, size = 0.26f + 0.02f * cut->pleats;
    const point centre = on(pose, 0, y);
    const int kind = (int)(cut->phase[0] * 3);
    if (kind % 3 == 0) {
        sanl_synth_ellipse(scene, centre, size, size, 0, &a);
        sanl_synth_ellipse(scene, centre, 0.5f * size, 0.5f * size, 0, &b);
    } else if (kind % 3 == 1) {
        for (int i = 0; i < 3; i++) { /* lines of print */
            const float width = size * (1.3f - 0.25f * (float)((i * 5 + kind) % 3));
            const point line[2] = {{-width, y - 0.17f + 0.15f * (float)i},
                                   {width, y - 0.17f + 0.15f * (float)i}};
            add_line(scene, pose, line, 2, 0.045f, i == 1 ? &b : &a);
        }
    } else {
        sanl_synth_quad(scene, on(pose, 0, y - size), on(pose, size, y), on(pose, -size, y),
                        on(pose, 0, y + size), &a);
    }
}

static void add_buttons(struct sanl_synth_scene *scene, const struct sanl_synth_cut *cut,
                        const struct sanl_synth_pose *pose, float from, float to)
{
    const struct sanl_synth_paint seam = tone(cut, 0.35f), button = sanl_synth_plain(cut->trim);
    const struct sanl_synth_paint ring = sanl_synth_plain(sanl_synth_mix(cut->trim, black, 0.5f));
    const point line[3] = {{0.06f, from}, {0.06f, (from + to) / 2}, {0.06f, to}};
    const bool coat = cut->recipe->type == SANL_CLOTHES_FULL && cut->recipe->bottom == BOTTOM_NONE;
    const float radius = coat ? 0.07f : 0.042f, step = coat ? 0.5f : 0.34f;
    add_line(scene, pose, line, 3, 0.012f, &seam);
    for (float y = from + 0.1f; y < to - 0.08f; y += step) {
        sanl_synth_ellipse(scene, on(pose, 0, y), radius + 0.012f, radius + 0.012f, 0, &ring);
        sanl_synth_ellipse(scene, on(pose, 0, y), radius, radius, 0, &button);
    }
}

static void add_opening(struct sanl_synth_scene *scene, const struct sanl_synth_cut *cut,
                        const struct sanl_synth_pose *pose, float from)
{
    const struct sanl_synth_paint shirt = sanl_synth_plain(cut->shirt), edge = tone(cut, 0.25f);
    const float low = cut->hem - 0.02f, wide = 0.16f + 0.03f * cut->pleats;
    const point a = on(pose, -0.02f, from), b = on(pose, 0.02f, from);
    sanl_synth_quad(scene, a, b, on(pose, -wide, low), on(pose, wide, low), &shirt);
    for (int side = -1; side < 2; side += 2) {
        const float s = (float)side;
        const point line[3] = {{s * 0.02f, from}, {s * wide * 0.55f, (from + low) / 2}, {s * wide, low}};
        add_line(scene, pose, line, 3, 0.04f, &edge);
    }
}

static void add_front(struct sanl_synth_scene *scene, const struct sanl_synth_cut *cut,
                      const struct sanl_synth_pose *pose)
{
    const float from = sanl_synth_neckline(cut, 0).y, to = cut->hem + cut->hem_bow - 0.02f;
    const struct sanl_synth_paint zip = sanl_synth_plain(metal);
    if (cut->front == FRONT_BUTTONS)
        add_buttons(scene, cut, pose, from, to);
    else if (cut->front == FRONT_OPEN)
        add_opening(scene, cut, pose, from);
    else if (cut->front == FRONT_PRINT)
        add_motif(scene, cut, pose);
    else if (cut->front == FRONT_ZIP)
        add_line(scene, pose, (point[]){{0, from}, {0, (from + to) / 2}, {0, to}}, 3, 0.022f, &zip);
}

/* A strip from side to side at height y. */
static void add_band(struct sanl_synth_scene *scene, const struct sanl_synth_cut *cut,
                     const struct sanl_synth_pose *pose, float y, float width,
                     const struct sanl_synth_paint *paint)
{
    const float x = sanl_synth_half_width(cut, y), bow = cut->recipe->bottom == BOTTOM_SKIRT ? 0.04f : 0;
    const point line[5] = {{-x, y + width},
                           {-x / 2, y + width + bow * 0.75f},
                           {0, y + width + bow},
                           {x / 2, y + width + bow * 0.75f},
                           {x, y + width}};
    add_line(scene, pose, line, 5, width, paint);
}

static void add_pockets(struct sanl_synth_scene *scene, const struct sanl_synth_cut *cut,
                        const struct sanl_synth_pose *pose)
{
    const struct sanl_synth_paint seam = tone(cut, 0.4f), cloth = tone(cut, 0.1f);
    if (cut->neck == NECK_HOOD) {
        sanl_synth_quad(scene, on(pose, -0.3f, cut->hem - 0.75f), on(pose, 0.3f, cut->hem - 0.75f),
                        on(pose, -0.46f, cut->hem - 0.25f), on(pose, 0.46f, cut->hem - 0.25f), &cloth);
        return;
    }
    if (cut->recipe->type == SANL_CLOTHES_UPPER && cut->neck == NECK_SHIRT) {
        sanl_synth_quad(scene, on(pose, 0.24f, 1), on(pose, 0.52f, 1), on(pose, 0.24f, 1.32f),
                        on(pose, 0.52f, 1.32f), &cloth);
        return;
    }
    const float y = cut->recipe->type == SANL_CLOTHES_LOWER ? cut->waist + 0.2f : 2.15f;
    if (cut->recipe->type == SANL_CLOTHES_UPPER && (cut->recipe->sleeve[0] < 0.8f || cut->hem < y + 0.5f))
        return;
    for (int side = -1; side < 2; side += 2) {
        const float s = (float)side;
        const point line[3] = {{s * 0.34f, y - 0.04f}, {s * 0.42f, y + 0.22f}, {s * 0.58f, y + 0.34f}};
        add_line(scene, pose, line, 3, 0.014f, &seam);
    }
}

void sanl_synth_add_details(struct sanl_synth_scene *scene, const struct sanl_synth_cut *cut,
                            const struct sanl_synth_pose *pose)
{
    const struct sanl_synth_paint trim = sanl_synth_plain(cut->trim), dark = tone(cut, 0.3f);
    if (cut->recipe->type != SANL_CLOTHES_LOWER) {
        add_front(scene, cut, pose);
        if (cut->neck == NECK_SHIRT || cut->neck == NECK_LAPEL)
            add_flaps(scene, cut, pose);
        else if (cut->neck == NECK_HOOD)
            add_hood(scene, cut, pose);
        else
            add_trim(scene, cut, pose, cut->paint.fabric == FABRIC_KNIT ? 0.05f : 0.03f, &trim);
    } else {
        add_band(scene, cut, pose, cut->waist, 0.07f, &dark);
        const float y = cut->waist + 0.07f;
        const struct sanl_synth_paint button = sanl_synth_plain(metal);
        if (cut->paint.fabric == FABRIC_DENIM)
            sanl_synth_ellipse(scene, on(pose, 0, y), 0.04f, 0.04f, 0, &button);
        if (cut->recipe->bottom == BOTTOM_LEGS && cut->leg_width > 0.15f)
            add_line(scene, pose, (point[]){{0.02f, y + 0.08f}, {0.08f, y + 0.4f}, {0, y + 0.65f}}, 3, 0.014f,
                     &dark);
    }
    if (cut->belt) {
        const struct sanl_synth_paint leather = sanl_synth_plain(sanl_synth_mix(cut->trim, black, 0.35f));
        const struct sanl_synth_paint buckle = sanl_synth_plain(metal);
        add_band(scene, cut, pose, cut->waist - 0.06f, 0.06f, &leather);
        sanl_synth_ellipse(scene, on(pose, 0, cut->waist), 0.07f, 0.055f, 0, &buckle);
    } else if (cut->recipe->type == SANL_CLOTHES_FULL) {
        add_band(scene, cut, pose, cut->waist - 0.02f, 0.02f, &dark);
    }
    if (cut->pockets && (cut->recipe->type != SANL_CLOTHES_LOWER || cut->leg_width > 0.15f))
        add_pockets(scene, cut, pose);
}
