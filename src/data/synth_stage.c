/* What surrounds a garment: walls, floors, furniture behind it, and things in front of it. */
#include <math.h>
#include "data/synth.h"

typedef struct sanl_synth_point point;

static const struct sanl_synth_colour white = {244, 243, 240}, black = {24, 24, 28};

/* An upright rectangle; the frame is 0..1 across and down. */
static void add_box(struct sanl_synth_scene *scene, float x, float y, float w, float h,
                    const struct sanl_synth_paint *paint)
{
    sanl_synth_quad(scene, (point){x, y}, (point){x + w, y}, (point){x, y + h}, (point){x + w, y + h}, paint);
}

static struct sanl_synth_paint dull(struct sanl_synth_random *random, struct sanl_synth_colour towards,
                                    float share)
{
    return sanl_synth_plain(sanl_synth_mix(sanl_synth_cloth_colour(random), towards, share));
}

static void add_furniture(struct sanl_synth_scene *scene, struct sanl_synth_random *random,
                          struct sanl_synth_colour wall)
{
    const float x = sanl_synth_between(random, -0.1f, 0.8f), w = sanl_synth_between(random, 0.15f, 0.4f);
    const struct sanl_synth_paint main = dull(random, wall, 0.5f), side = dull(random, wall, 0.6f);
    const float y = sanl_synth_between(random, 0, 0.5f), h = sanl_synth_between(random, 0.2f, 0.5f);
    switch (sanl_synth_below(random, 6)) {
    case 0: /* a picture or window */
        add_box(scene, x, y * 0.6f, w, h, &side);
        add_box(scene, x + 0.02f, y * 0.6f + 0.02f, w - 0.04f, h - 0.04f, &main);
        break;
    case 1: /* shelves with things */
        add_box(scene, x, y, w, 0.55f, &side);
        for (int i = 0; i < 8; i++) {
            const struct sanl_synth_paint thing = dull(random, wall, 0.4f);
            const float height = sanl_synth_between(random, 0.05f, 0.13f);
            add_box(scene, x + 0.02f + (w - 0.08f) * (float)(i % 4) / 3.5f,
                    y + 0.17f + 0.2f * (float)(i / 4) - height, w * 0.16f, height, &thing);
        }
        break;
    case 2: /* a door or curtain */
        add_box(scene, x, 0.02f, w, 0.8f, &main);
        break;
    case 3: /* a plant */
        for (int i = 0; i < 9; i++) {
            struct sanl_synth_colour green = {60 + 9 * (float)i, 110 + 6 * (float)i, 60};
            const struct sanl_synth_paint leaf = sanl_synth_plain(sanl_synth_mix(green, wall, 0.35f));
            sanl_synth_ellipse(scene,
                               (point){x + sanl_synth_between(random, -0.1f, 0.1f),
                                       0.7f + sanl_synth_between(random, -0.22f, 0.1f)},
                               0.1f, 0.03f, sanl_synth_between(random, 0, 3.14f), &leaf);
        }
        break;
    case 4: /* a sofa or cushion */
        sanl_synth_ellipse(scene, (point){x, 0.8f}, 0.3f, 0.16f, 0, &main);
        add_box(scene, x - 0.3f, 0.8f, 0.6f, 0.3f, &main);
        break;
    default: /* a lamp, a ball, lights out of focus */
        for (int i = 0; i < 3; i++)
            sanl_synth_ellipse(scene,
                               (point){sanl_synth_between(random, 0, 1), sanl_synth_between(random, 0, 0.6f)},
                               sanl_synth_between(random, 0.04f, 0.1f), 0.06f, 0, i & 1 ? &side : &main);
    }
}

struct sanl_synth_colour sanl_synth_backdrop(struct sanl_synth_scene *scene, struct sanl_synth_random *random,
                                             bool flat)
{
    const float style = sanl_synth_between(random, 0, 1);
    struct sanl_synth_paint wall = dull(random, white, sanl_synth_between(random, 0.3f, 0.8f));
    if (style < 0.3f)
        wall = sanl_synth_plain(sanl_synth_mix(white, black, sanl_synth_between(random, 0, 0.3f)));
    if (style > 0.75f)
        wall.fabric = (enum sanl_synth_fabric)sanl_synth_pick(
            random, 1u << FABRIC_STRIPES | 1u << FABRIC_FADE | 1u << FABRIC_CAMO);
    wall.colour[1] = sanl_synth_mix(wall.colour[0], sanl_synth_cloth_colour(random), 0.15f);
    wall.colour[2] = sanl_synth_mix(wall.colour[0], white, 0.3f);
    wall.colour[3] = sanl_synth_mix(wall.colour[0], black, 0.1f);
    wall.scale = sanl_synth_between(random, 4, 12);
    wall.cosine = 0;
    wall.sine = 1;
    wall.grain = 0;
    add_box(scene, -0.5f, -0.5f, 2, 2, &wall);
    if (style < 0.3f && sanl_synth_chance(random, 0.6f))
        return wall.colour[0]; /* a studio */
    if (flat) {                /* boards or a rug seen from above */
        for (int i = 0; i < 3 && style > 0.6f; i++)
            add_furniture(scene, random, wall.colour[0]);
        return wall.colour[0];
    }
    const int count = 1 + sanl_synth_below(random, 5);
    for (int i = 0; i < count; i++)
        add_furniture(scene, random, wall.colour[0]);
    struct sanl_synth_paint floor = dull(random, wall.colour[0], 0.5f);
    floor.fabric = sanl_synth_chance(random, 0.5f) ? FABRIC_STRIPES : FABRIC_PLAIN;
    floor.colour[1] = sanl_synth_mix(floor.colour[0], black, 0.15f);
    floor.scale = 9;
    const float horizon = sanl_synth_between(random, 0.68f, 1.1f);
    add_box(scene, -0.5f, horizon, 2, 1, &floor);
    return wall.colour[0];
}

static void add_bag(struct sanl_synth_scene *scene, struct sanl_synth_random *random, point at)
{
    struct sanl_synth_paint body = sanl_synth_plain(sanl_synth_cloth_colour(random));
    body.gloss = 0.4f;
    const struct sanl_synth_paint flap = sanl_synth_plain(sanl_synth_mix(body.colour[0], black, 0.3f));
    const float w = sanl_synth_between(random, 0.28f, 0.5f), h = sanl_synth_between(random, 0.24f, 0.4f);
    const point strap[3] = {
        {at.x - 0.7f * w, at.y - h}, {at.x, at.y - 2.1f * h}, {at.x + 0.7f * w, at.y - h}};
    sanl_synth_tube(scene, strap, (float[]){0.03f, 0.03f, 0.03f}, 3, &flap);
    sanl_synth_quad(scene, (point){at.x - 0.85f * w, at.y - h}, (point){at.x + 0.85f * w, at.y - h},
                    (point){at.x - w, at.y + h}, (point){at.x + w, at.y + h}, &body);
    sanl_synth_quad(scene, (point){at.x - 0.85f * w, at.y - h}, (point){at.x + 0.85f * w, at.y - h},
                    (point){at.x - 0.7f * w, at.y}, (point){at.x + 0.7f * w, at.y}, &flap);
}

static void add_plant(struct sanl_synth_scene *scene, struct sanl_synth_random *random, point at)
{
    for (int i = 0; i < 9; i++) {
        const struct sanl_synth_colour green = {40 + 10 * (float)i, 96 + 8 * (float)i, 48};
        const struct sanl_synth_paint leaf = sanl_synth_plain(green);
        const float angle = 0.7f * (float)i + sanl_synth_between(random, -0.2f, 0.2f);
        sanl_synth_ellipse(scene, (point){at.x + 0.2f * cosf(angle), at.y + 0.2f * sinf(angle)}, 0.34f, 0.11f,
                           angle, &leaf);
    }
}

/* The hand of somebody beside the picture, on the garment's edge. */
static void add_hand(struct sanl_synth_scene *scene, struct sanl_synth_random *random, point at,
                     const struct sanl_synth_person *person)
{
    const float angle = atan2f(0.3f * (at.y - 2.5f), at.x) + sanl_synth_between(random, -0.5f, 0.5f);
    const float dx = cosf(angle), dy = sinf(angle);
    const point line[5] = {{at.x - 0.3f * dx, at.y - 0.3f * dy},
                           {at.x, at.y},
                           {at.x + 0.3f * dx, at.y + 0.3f * dy},
                           {at.x + 1.6f * dx, at.y + 1.6f * dy},
                           {at.x + 9 * dx, at.y + 9 * dy}};
    sanl_synth_tube(scene, line, (float[]){0.07f, 0.15f, 0.1f, 0.18f, 0.22f}, 5, &person->skin);
}

static void add_lock(struct sanl_synth_scene *scene, struct sanl_synth_random *random, point at,
                     const struct sanl_synth_person *person)
{
    const float sway = sanl_synth_between(random, -0.06f, 0.06f);
    const point line[4] = {{at.x * 0.8f, at.y - 0.85f},
                           {at.x + sway, at.y - 0.4f},
                           {at.x, at.y},
                           {at.x - sway, at.y + sanl_synth_between(random, 0.4f, 0.9f)}};
    sanl_synth_tube(scene, line, (float[]){0.06f, 0.15f, 0.16f, 0.04f}, 4, &person->hair);
}

void sanl_synth_add_occluder(struct sanl_synth_scene *scene, struct sanl_synth_random *random, int slot,
                             point at, const struct sanl_synth_person *person)
{
    const point near = {at.x + sanl_synth_between(random, -0.14f, 0.14f),
                        at.y + sanl_synth_between(random, -0.12f, 0.12f)};
    const int kind = sanl_synth_below(random, 4);
    if (slot < SLOT_SLEEVE && !person->mannequin)
        add_lock(scene, random, near, person);
    else if (kind == 0)
        add_plant(scene, random, near);
    else if (kind == 1 && !person->mannequin)
        add_hand(scene, random, near, person);
    else
        add_bag(scene, random, near);
}
