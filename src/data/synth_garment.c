/* The panels of a garment: body, sleeves, skirt, trouser legs. */
#include <math.h>
#include "data/synth.h"

typedef struct sanl_synth_point point;

enum { TOP_COLUMNS = 41, TOP_ROWS = 33, COLLAR = 10 }; /* the neck takes the columns 10..30 */

static const float armpit_y = 1.02f;

static float smooth(float t)
{
    t = fminf(fmaxf(t, 0), 1);
    return t * t * (3 - 2 * t);
}

static float mix(float a, float b, float t)
{
    return a + (b - a) * t;
}

static point mix_points(point a, point b, float t)
{
    return (point){mix(a.x, b.x, t), mix(a.y, b.y, t)};
}

/* y of the shoulder line at x. */
static float shoulder_y(float x)
{
    return 0.3f * x * x + 0.02f;
}

float sanl_synth_half_width(const struct sanl_synth_cut *cut, float y)
{
    const float bust = 0.72f, waist = mix(0.7f, 0.53f, cut->cinch), hip = 0.72f;
    const float middle = cut->recipe->type == SANL_CLOTHES_FULL ? cut->waist : 1.75f;
    const float body = y < middle ? mix(bust, waist, smooth((y - armpit_y) / (middle - armpit_y)))
                                  : mix(waist, hip, smooth((y - middle) / (2.55f - middle)));
    const float start = cut->recipe->type == SANL_CLOTHES_FULL ? cut->waist : armpit_y;
    const float down = fmaxf((y - start) / fmaxf(cut->hem - start, 0.3f), 0);
    return body + cut->ease + cut->flare * powf(down, 1.25f);
}

static float tip_x(const struct sanl_synth_cut *cut)
{
    return cut->sleeve > 0 ? 0.86f + 0.5f * cut->ease : fminf(cut->neck_width + cut->strap, 0.86f);
}

/* x of the right edge at height y: armhole, then side seam. */
static float side_x(const struct sanl_synth_cut *cut, float y)
{
    if (y >= armpit_y)
        return sanl_synth_half_width(cut, y);
    const float top = shoulder_y(tip_x(cut)), t = (y - top) / (armpit_y - top);
    const float carve = cut->sleeve > 0 ? -0.05f : 0.09f; /* a sleeve's seam is straight and lies on top */
    return mix(tip_x(cut), sanl_synth_half_width(cut, armpit_y), t * t) - carve * sinf(3.14159265f * t);
}

/* Shade of folds around (x, y) of the cloth: two sets of waves, each where smooth noise lets it. */
static float folds(const struct sanl_synth_cut *cut, float x, float y)
{
    float sum = 0;
    for (int i = 0; i < 2; i++) {
        const float angle = cut->phase[2 * i], c = cosf(angle), s = sinf(angle);
        const float across = c * x + s * y, along = c * y - s * x;
        const float where =
            sanl_synth_noise(cut->paint.key + (uint32_t)i, across * 0.9f + 20, along * 0.7f + 20);
        sum += smooth((where - 0.35f) * 2) *
               sinf(9 * across + 1.1f * sinf(1.7f * along) + cut->phase[2 * i + 1]);
    }
    return cut->depth * sum;
}

/* A vertex of cloth: (x, y) on the straight body for texture and folds, `at` in the pose, s in -1..1 across.
 */
static struct sanl_synth_vertex cloth(const struct sanl_synth_scene *scene, const struct sanl_synth_cut *cut,
                                      point at, float x, float y, float s, float t)
{
    const float fold = folds(cut, x, y);
    const float shade = 1.0f + 0.15f * scene->light_x * s - 0.22f * s * s * s * s + fold;
    return (struct sanl_synth_vertex){at.x, at.y, x + 0.35f * fold, y + 0.35f * fold, t, shade};
}

static void mark(struct sanl_synth_garment *garment, int slot, const struct sanl_synth_scene *scene,
                 const struct sanl_synth_vertex *vertex)
{
    garment->landmarks[slot] =
        (struct sanl_synth_landmark){{vertex->x, vertex->y}, (uint8_t)scene->rank, true};
}

/* ---- body ---- */

point sanl_synth_neckline(const struct sanl_synth_cut *cut, float s)
{
    static const float powers[] = {2.4f, 2.2f, 1.1f, 2, 7, 1.2f, 1.1f, 1.6f};
    const float x = cut->neck_width, drop = 1 - powf(fabsf(s), powers[cut->neck]);
    return (point){s * x, shoulder_y(x) + cut->neck_depth * drop};
}

/* The upper edge: shoulder, neckline, shoulder; column 0..40. */
static point top_edge(const struct sanl_synth_cut *cut, int column)
{
    const float nw = cut->neck_width, tip = tip_x(cut);
    const int from_end = column < TOP_COLUMNS - 1 - column ? column : TOP_COLUMNS - 1 - column;
    const float sign = column < TOP_COLUMNS / 2 ? -1 : 1;
    if (from_end <= COLLAR) {
        const float x = mix(tip, nw, (float)from_end / COLLAR);
        return (point){sign * x, shoulder_y(x)};
    }
    const float at = (float)(column - COLLAR) / (float)(TOP_COLUMNS - 1 - 2 * COLLAR) * 2 - 1;
    return sanl_synth_neckline(cut, copysignf(powf(fabsf(at), 0.8f), at)); /* denser near the collars */
}

static point bottom_edge(const struct sanl_synth_cut *cut, float s)
{
    const float wave = cut->recipe->type == SANL_CLOTHES_FULL ? 0.12f * cut->flare : 0.01f;
    return (point){s * sanl_synth_half_width(cut, cut->hem),
                   cut->hem + cut->hem_bow * (1 - s * s) +
                       wave * sinf(3.14159265f * cut->pleats * s + cut->phase[6]) * (1 - s * s)};
}

/* Transfinite interpolation between upper edge, lower edge and the two sides. */
static point top_point(const struct sanl_synth_cut *cut, int column, float t)
{
    const float u = (float)column / (TOP_COLUMNS - 1), tip = tip_x(cut);
    const point a = top_edge(cut, column), b = bottom_edge(cut, 2 * u - 1);
    const float y = mix(shoulder_y(tip), cut->hem, t), x = side_x(cut, y);
    const float corner = mix(tip, sanl_synth_half_width(cut, cut->hem), t);
    return (point){mix(a.x, b.x, t) + (2 * u - 1) * (x - corner), mix(a.y, b.y, t)};
}

/* A shirt under a deep, stiff neckline. */
static void add_shirt(struct sanl_synth_scene *scene, const struct sanl_synth_cut *cut,
                      const struct sanl_synth_pose *pose)
{
    const struct sanl_synth_paint shirt = sanl_synth_plain(cut->shirt);
    const float x = cut->neck_width + 0.1f, top = 0.26f, low = 0.1f + cut->neck_depth;
    if (cut->neck == NECK_LAPEL || cut->front == FRONT_OPEN)
        sanl_synth_quad(scene, sanl_synth_place_cloth(pose, (point){-x, top}),
                        sanl_synth_place_cloth(pose, (point){x, top}),
                        sanl_synth_place_cloth(pose, (point){-x, low}),
                        sanl_synth_place_cloth(pose, (point){x, low}), &shirt);
}

void sanl_synth_add_top(struct sanl_synth_scene *scene, struct sanl_synth_garment *garment,
                        const struct sanl_synth_cut *cut, const struct sanl_synth_pose *pose)
{
    add_shirt(scene, cut, pose);
    struct sanl_synth_vertex *v = sanl_synth_add(scene, TOP_COLUMNS, TOP_ROWS, &cut->paint);
    if (!v)
        return;
    for (int r = 0; r < TOP_ROWS; r++) {
        const float t = (float)r / (TOP_ROWS - 1);
        for (int c = 0; c < TOP_COLUMNS; c++) {
            const point p = top_point(cut, c, t);
            const float s = 2 * (float)c / (TOP_COLUMNS - 1) - 1;
            struct sanl_synth_vertex *w = &v[r * TOP_COLUMNS + c];
            *w = cloth(scene, cut, sanl_synth_place_cloth(pose, p), p.x, p.y, s, t);
            const float skirt = fminf(fmaxf((p.y - cut->waist) / 2, 0), 1) * fminf(cut->flare * 2, 1);
            if (cut->recipe->type == SANL_CLOTHES_FULL)
                w->shade += 0.16f * skirt * sinf(3.14159265f * cut->pleats * s + cut->phase[6]);
        }
    }
    const struct sanl_synth_vertex *last = v + (TOP_ROWS - 1) * TOP_COLUMNS;
    for (int side = 0; side < 2; side++) {
        const int corner = side * (TOP_COLUMNS - 1);
        mark(garment, SLOT_COLLAR + side, scene, v + (side ? TOP_COLUMNS - 1 - COLLAR : COLLAR));
        if (cut->sleeve <= 0)
            mark(garment, SLOT_SLEEVE + side, scene, v + corner);
        if (cut->recipe->bottom == BOTTOM_NONE)
            mark(garment, SLOT_HEM + side, scene, last + corner);
        if (cut->recipe->type == SANL_CLOTHES_FULL) {
            const float top = shoulder_y(tip_x(cut)), t = (cut->waist - top) / (cut->hem - top);
            const int row = (int)(t * (TOP_ROWS - 1) + 0.5f);
            mark(garment, SLOT_WAIST + side, scene, v + row * TOP_COLUMNS + corner);
        }
    }
}

void sanl_synth_add_inside(struct sanl_synth_scene *scene, const struct sanl_synth_cut *cut,
                           const struct sanl_synth_pose *pose)
{
    const point centre = sanl_synth_place(pose, (point){0, shoulder_y(cut->neck_width) + 0.02f});
    if (cut->neck == NECK_HOOD)
        sanl_synth_ellipse(scene, (point){centre.x, centre.y - 0.22f}, 0.52f, 0.44f, pose->shoulder_tilt,
                           &cut->paint);
    const float drop = fminf(cut->neck_depth, 0.5f);
    sanl_synth_ellipse(scene, (point){centre.x, centre.y + 0.3f * drop}, cut->neck_width * 0.97f,
                       0.08f + 0.5f * drop, pose->shoulder_tilt, &cut->inside);
}

/* ---- sleeves and legs: along a limb of three joints ---- */

static point limb(const point joints[3], float f, float width, float *nx, float *ny)
{
    const point p = sanl_synth_curve(joints, 3, f);
    const point a = sanl_synth_curve(joints, 3, fmaxf(f - 0.02f, 0));
    const point b = sanl_synth_curve(joints, 3, fminf(f + 0.02f, 1));
    const float length = fmaxf(hypotf(b.x - a.x, b.y - a.y), 1e-6f);
    *nx = width * (b.y - a.y) / length;
    *ny = width * (a.x - b.x) / length;
    return p;
}

/* The point beside the limb, `width` towards the image's right for positive values when it points down. */
static point beside(const point joints[3], float f, float width)
{
    float nx, ny;
    const point p = limb(joints, f, width, &nx, &ny);
    return (point){p.x + nx, p.y + ny};
}

void sanl_synth_add_sleeve(struct sanl_synth_scene *scene, struct sanl_synth_garment *garment,
                           const struct sanl_synth_cut *cut, const struct sanl_synth_pose *pose, int side)
{
    enum { POINTS = 7, COLUMNS = 9, ROWS = 29 };
    const float sign = side == 0 ? -1 : 1, wide = 0.23f + 0.5f * cut->ease;
    if (cut->sleeve <= 0)
        return;
    point outer[POINTS], inner[POINTS];
    const point under =
        sanl_synth_place(pose, (point){sign * (sanl_synth_half_width(cut, armpit_y) - 0.03f), armpit_y});
    outer[0] = sanl_synth_place(pose, (point){sign * tip_x(cut), shoulder_y(tip_x(cut))});
    inner[0] = under;
    for (int k = 1; k < POINTS; k++) {
        const float share = (float)k / (POINTS - 1), f = cut->sleeve * share;
        const float width = sign * mix(wide, cut->cuff, share);
        outer[k] = mix_points(outer[0], beside(pose->arm[side], f, width), fminf(share + f * 4, 1));
        inner[k] = mix_points(under, beside(pose->arm[side], f, -width), fmaxf(fminf(f / 0.3f, 1), share));
    }
    struct sanl_synth_vertex *v = sanl_synth_add(scene, COLUMNS, ROWS, &cut->paint);
    for (int i = 0; v && i < ROWS * COLUMNS; i++) {
        const float t = (float)(i / COLUMNS) / (ROWS - 1), c = (float)(i % COLUMNS) / (COLUMNS - 1);
        const point a = sanl_synth_curve(outer, POINTS, t), b = sanl_synth_curve(inner, POINTS, t);
        const float s = sign * (1 - 2 * c), along = t * cut->sleeve * 2.55f;
        const point p = sanl_synth_ripple(pose, mix_points(a, b, c));
        v[i] = cloth(scene, cut, p, s * wide + 3 * sign, along, s, t);
        const float elbow = expf(-40 * (t * cut->sleeve - 0.5f) * (t * cut->sleeve - 0.5f));
        v[i].shade += 0.08f * elbow * sinf(14 * along + 2 * s + cut->phase[7]) - 0.06f * smooth(c) +
                      (t < 0.05f ? -0.08f : 0);
    }
    if (v)
        mark(garment, SLOT_SLEEVE + side, scene, v + (ROWS - 1) * COLUMNS);
}

static void add_leg(struct sanl_synth_scene *scene, struct sanl_synth_garment *garment,
                    const struct sanl_synth_cut *cut, const struct sanl_synth_pose *pose, int side)
{
    enum { POINTS = 6, COLUMNS = 11, ROWS = 33 };
    const float sign = side == 0 ? -1 : 1, top = 0.1f, thigh = 0.36f + cut->ease;
    point outer[POINTS], inner[POINTS];
    outer[0] = sanl_synth_place(pose, (point){sign * sanl_synth_half_width(cut, cut->waist), cut->waist});
    outer[1] = sanl_synth_place(pose, (point){sign * sanl_synth_half_width(cut, 2.5f), 2.5f});
    inner[0] = sanl_synth_place(pose, (point){0, cut->waist});
    inner[1] = sanl_synth_place(pose, (point){0, 2.5f});
    for (int k = 2; k < POINTS; k++) {
        const float share = (float)(k - 2) / (POINTS - 3), f = mix(top, cut->leg, share);
        const float width = sign * mix(thigh, cut->leg_width, share);
        outer[k] = beside(pose->leg[side], f, width);
        inner[k] = beside(pose->leg[side], f, -width);
    }
    inner[2] = sanl_synth_place(pose, (point){0, 3.06f + cut->ease});
    struct sanl_synth_vertex *v = sanl_synth_add(scene, COLUMNS, ROWS, &cut->paint);
    for (int i = 0; v && i < ROWS * COLUMNS; i++) {
        const float t = (float)(i / COLUMNS) / (ROWS - 1), c = (float)(i % COLUMNS) / (COLUMNS - 1);
        const point a = sanl_synth_curve(outer, POINTS, t), b = sanl_synth_curve(inner, POINTS, t);
        const float below = smooth(t * 3 - 0.6f); /* one tube at the waist, two further down */
        const float s = mix(sign * (1 - c), sign * (1 - 2 * c), below);
        const float y = mix(cut->waist, 2.75f + 3.65f * cut->leg, t);
        const point p = sanl_synth_ripple(pose, mix_points(a, b, c));
        v[i] = cloth(scene, cut, p, sign * (1 - c) * 0.75f, y, s, t);
        v[i].shade -= 0.1f * below * smooth(c * 2 - 1);
    }
    if (v)
        mark(garment, SLOT_HEM + side, scene, v + (ROWS - 1) * COLUMNS);
    if (v && cut->recipe->type == SANL_CLOTHES_LOWER)
        mark(garment, SLOT_WAIST + side, scene, v);
}

static void add_skirt(struct sanl_synth_scene *scene, struct sanl_synth_garment *garment,
                      const struct sanl_synth_cut *cut, const struct sanl_synth_pose *pose)
{
    enum { COLUMNS = 37, ROWS = 25 };
    const float hem = 2.75f + 3.4f * cut->leg, below = cut->leg_width;
    struct sanl_synth_vertex *v = sanl_synth_add(scene, COLUMNS, ROWS, &cut->paint);
    for (int i = 0; v && i < ROWS * COLUMNS; i++) {
        const float t = (float)(i / COLUMNS) / (ROWS - 1), s = 2 * (float)(i % COLUMNS) / (COLUMNS - 1) - 1;
        const float y = mix(cut->waist, hem, t), pleat = sinf(3.14159265f * cut->pleats * s + cut->phase[6]);
        const float width = sanl_synth_half_width(cut, y) + below * powf(t, 1.2f);
        const float bow = (t * (0.05f + cut->hem_bow) + 0.04f) * (1 - s * s);
        const point p = {s * width, y + bow + 0.1f * below * t * pleat * (1 - s * s)};
        v[i] = cloth(scene, cut, sanl_synth_place_cloth(pose, p), s * (0.6f + 0.5f * below * t), y, s, t);
        v[i].shade += (0.04f + 0.2f * fminf(below * 2, 0.8f)) * fminf(t * 1.5f, 1) * pleat;
    }
    for (int side = 0; v && side < 2; side++) {
        mark(garment, SLOT_WAIST + side, scene, v + side * (COLUMNS - 1));
        mark(garment, SLOT_HEM + side, scene, v + (ROWS - 1) * COLUMNS + side * (COLUMNS - 1));
    }
}

void sanl_synth_add_bottom(struct sanl_synth_scene *scene, struct sanl_synth_garment *garment,
                           const struct sanl_synth_cut *cut, const struct sanl_synth_pose *pose)
{
    if (cut->recipe->bottom == BOTTOM_SKIRT)
        add_skirt(scene, garment, cut, pose);
    for (int side = 0; side < 2 && cut->recipe->bottom == BOTTOM_LEGS; side++)
        add_leg(scene, garment, cut, pose, side);
}
