/* The wearer: pose, and a simple person or shop mannequin. Lengths in heads: shoulders at y 0.3, waist 1.75,
 * hips 2.6, knees 4.6, ankles 6.3. */
#include <math.h>
#include <string.h>
#include "data/synth.h"

typedef struct sanl_synth_point point;

static float sign_of(int side)
{
    return side == 0 ? -1.0f : 1.0f;
}

point sanl_synth_place(const struct sanl_synth_pose *pose, point p)
{
    const float below = fminf(fmaxf(p.y / 2.6f, 0), 1.4f);
    const float angle = pose->shoulder_tilt + (pose->hip_tilt - pose->shoulder_tilt) * fminf(below, 1);
    const float centre = pose->lean * p.y + pose->sway * sinf(1.5707963f * below);
    const float half = 0.75f, out = fminf(fabsf(p.x) / half, 1);
    const float x = p.x + 0.16f * pose->turn * (1 - out * out);
    return (point){centre + x * cosf(angle), p.y + x * sinf(angle)};
}

point sanl_synth_ripple(const struct sanl_synth_pose *pose, point p)
{
    const float *f = pose->phase, k = pose->ripple;
    const float dx = sinf(2.3f * p.y + f[0]) + 0.6f * sinf(5.1f * p.y + 1.9f * p.x + f[1]);
    const float dy = sinf(2.1f * p.x + f[2]) + 0.5f * sinf(4.7f * p.x - 2.2f * p.y + f[3]);
    return (point){p.x + k * dx, p.y + k * dy};
}

point sanl_synth_place_cloth(const struct sanl_synth_pose *pose, point p)
{
    return sanl_synth_ripple(pose, sanl_synth_place(pose, p));
}

static void pose_arm(struct sanl_synth_pose *out, struct sanl_synth_random *random, int side, bool flat)
{
    const float s = sign_of(side);
    const point shoulder = sanl_synth_place(out, (point){s * 0.77f, 0.43f});
    float raise = sanl_synth_between(random, 0.08f, 0.34f), bend = sanl_synth_between(random, -0.12f, 0.2f);
    const float kind = sanl_synth_between(random, 0, 1);
    if (flat) {
        raise = sanl_synth_between(random, 0.2f, 0.65f);
        bend = sanl_synth_between(random, -0.1f, 0.2f);
    } else if (kind < 0.08f) { /* hand to the hip */
        raise = sanl_synth_between(random, 0.55f, 0.85f);
        bend = sanl_synth_between(random, 1.2f, 1.5f);
        out->level = 3;
    } else if (kind < 0.14f) { /* lifted to the side */
        raise = sanl_synth_between(random, 0.5f, 1);
        bend = sanl_synth_between(random, -0.4f, 0.1f);
        out->level = 3;
    } else if (kind < 0.18f) { /* hand before the body */
        raise = sanl_synth_between(random, 0.12f, 0.3f);
        bend = sanl_synth_between(random, 0.7f, 1.1f);
        out->arm_in_front[side] = true;
        out->level = 2;
    }
    const float tilt = out->shoulder_tilt, upper = 1.3f, fore = 1.25f;
    const float a = raise - s * tilt, b = a - bend;
    out->arm[side][0] = shoulder;
    out->arm[side][1] = (point){shoulder.x + s * upper * sinf(a), shoulder.y + upper * cosf(a)};
    out->arm[side][2] =
        (point){out->arm[side][1].x + s * fore * sinf(b), out->arm[side][1].y + fore * cosf(b)};
}

static void pose_leg(struct sanl_synth_pose *out, struct sanl_synth_random *random, int side, float spread)
{
    const float s = sign_of(side), a = spread + sanl_synth_between(random, -0.03f, 0.05f);
    const float b = a + sanl_synth_between(random, -0.12f, 0.04f);
    const point hip = sanl_synth_place(out, (point){s * 0.4f, 2.75f});
    out->leg[side][0] = hip;
    out->leg[side][1] = (point){hip.x + s * 1.9f * sinf(a), hip.y + 1.9f * cosf(a)};
    out->leg[side][2] =
        (point){out->leg[side][1].x + s * 1.75f * sinf(b), out->leg[side][1].y + 1.75f * cosf(b)};
}

void sanl_synth_pose_create(struct sanl_synth_pose *out, struct sanl_synth_random *random, bool flat,
                            float stance)
{
    memset(out, 0, sizeof *out);
    const float swing = flat ? 0.4f : 1;
    out->level = 1;
    out->lean = swing * sanl_synth_between(random, -0.05f, 0.05f);
    out->sway = swing * sanl_synth_between(random, -0.1f, 0.1f);
    out->shoulder_tilt = swing * sanl_synth_between(random, -0.08f, 0.08f);
    out->hip_tilt = swing * sanl_synth_between(random, -0.08f, 0.08f);
    out->turn = flat ? 0 : sanl_synth_between(random, -1, 1);
    out->ripple =
        flat ? sanl_synth_between(random, 0.015f, 0.035f) : sanl_synth_between(random, 0.005f, 0.02f);
    for (int i = 0; i < 6; i++)
        out->phase[i] = sanl_synth_between(random, 0, 6.28f);
    const float spread = sanl_synth_between(random, 0, stance);
    for (int side = 0; side < 2; side++) {
        pose_arm(out, random, side, flat);
        pose_leg(out, random, side, spread);
    }
    if (out->level == 1 && fabsf(out->lean) + fabsf(out->sway) > 0.1f)
        out->level = 2;
}

void sanl_synth_person_create(struct sanl_synth_person *out, struct sanl_synth_random *random,
                              struct sanl_synth_colour avoid)
{
    static const struct sanl_synth_colour skins[] = {{246, 214, 192}, {236, 192, 160}, {222, 170, 132},
                                                     {190, 134, 96},  {142, 94, 64},   {98, 64, 46}};
    static const struct sanl_synth_colour hairs[] = {{30, 24, 24},   {62, 42, 30},    {104, 66, 40},
                                                     {150, 104, 60}, {206, 172, 112}, {140, 60, 36},
                                                     {128, 124, 120}};
    static const struct sanl_synth_colour forms[] = {
        {232, 230, 226}, {60, 60, 64}, {214, 190, 158}, {170, 172, 176}};
    out->mannequin = sanl_synth_chance(random, 0.22f);
    for (int i = 0; i < 6 && (i == 0 || sanl_synth_distance(out->skin.colour[0], avoid) < 60); i++)
        out->skin = sanl_synth_plain(out->mannequin ? forms[sanl_synth_below(random, 4)]
                                                    : skins[sanl_synth_below(random, 6)]);
    out->skin.grain = 0.01f;
    out->hair = sanl_synth_plain(hairs[sanl_synth_below(random, 7)]);
    out->hair.grain = 0.12f;
    out->hair.fabric = FABRIC_STRIPES;
    out->hair.colour[1] =
        sanl_synth_mix(out->hair.colour[0], (struct sanl_synth_colour){255, 230, 200}, 0.1f);
    out->hair.scale = 14;
    out->hair.cosine = 0;
    out->hair.sine = 1;
    out->shoes = sanl_synth_plain(sanl_synth_cloth_colour(random));
    out->hair_length = sanl_synth_chance(random, 0.4f) ? sanl_synth_between(random, 0.5f, 1.5f)
                                                       : sanl_synth_between(random, -0.4f, 0.1f);
}

void sanl_synth_add_back_hair(struct sanl_synth_scene *scene, const struct sanl_synth_person *person,
                              const struct sanl_synth_pose *pose)
{
    if (person->mannequin || person->hair_length < 0)
        return;
    const point line[3] = {sanl_synth_place(pose, (point){0, -1.1f}),
                           sanl_synth_place(pose, (point){0, -0.5f}),
                           sanl_synth_place(pose, (point){0, person->hair_length * 0.6f})};
    sanl_synth_tube(scene, line, (float[]){0.36f, 0.5f, 0.42f}, 3, &person->hair);
}

void sanl_synth_add_legs(struct sanl_synth_scene *scene, const struct sanl_synth_person *person,
                         const struct sanl_synth_pose *pose)
{
    for (int side = 0; side < 2; side++) {
        const point *leg = pose->leg[side];
        const float s = sign_of(side);
        const point calf = {(leg[1].x * 2 + leg[2].x) / 3, (leg[1].y * 2 + leg[2].y) / 3};
        const point line[5] = {{leg[0].x, leg[0].y - 0.2f},
                               {(leg[0].x + leg[1].x) / 2, (leg[0].y + leg[1].y) / 2},
                               leg[1],
                               calf,
                               leg[2]};
        const float shift = 0.06f * s;
        if (!person->mannequin)
            sanl_synth_ellipse(scene, (point){leg[2].x + shift, leg[2].y + 0.12f}, 0.17f, 0.24f, -0.2f * s,
                               &person->shoes);
        sanl_synth_tube(scene, line, (float[]){0.36f, 0.31f, 0.2f, 0.21f, 0.11f}, 5, &person->skin);
    }
}

void sanl_synth_add_torso(struct sanl_synth_scene *scene, const struct sanl_synth_person *person,
                          const struct sanl_synth_pose *pose)
{
    static const float ys[] = {-0.32f, -0.02f, 0.12f, 0.26f, 0.5f, 1.0f, 1.75f, 2.6f, 3.0f};
    static const float widths[] = {0.2f, 0.22f, 0.42f, 0.78f, 0.84f, 0.7f, 0.53f, 0.7f, 0.68f};
    enum { ROWS = 25, COLUMNS = 7 };
    point edge[9];
    for (int i = 0; i < 9; i++)
        edge[i] = (point){widths[i], ys[i]};
    struct sanl_synth_vertex *v = sanl_synth_add(scene, COLUMNS, ROWS, &person->skin);
    for (int i = 0; v && i < ROWS * COLUMNS; i++) {
        const float s = 2 * (float)(i % COLUMNS) / (COLUMNS - 1) - 1, t = (float)(i / COLUMNS) / (ROWS - 1);
        const point e = sanl_synth_curve(edge, 9, t), p = sanl_synth_place(pose, (point){s * e.x, e.y});
        const float chin = e.y < 0 ? 0.15f : 0; /* the shadow of the head */
        v[i] = (struct sanl_synth_vertex){
            p.x, p.y, s * e.x, e.y, t, 1 + 0.14f * scene->light_x * s - 0.18f * s * s * s * s - chin};
    }
}

void sanl_synth_add_arm(struct sanl_synth_scene *scene, const struct sanl_synth_person *person,
                        const struct sanl_synth_pose *pose, int side, bool whole)
{
    const point *arm = pose->arm[side];
    const float dx = arm[2].x - arm[1].x, dy = arm[2].y - arm[1].y, length = hypotf(dx, dy);
    const float ux = dx / length, uy = dy / length;
    const point palm = {arm[2].x + 0.15f * ux, arm[2].y + 0.15f * uy};
    const point tip = {arm[2].x + 0.4f * ux, arm[2].y + 0.4f * uy};
    const point line[6] = {
        arm[0], {(arm[0].x + arm[1].x) / 2, (arm[0].y + arm[1].y) / 2}, arm[1], arm[2], palm, tip};
    static const float widths[6] = {0.18f, 0.18f, 0.15f, 0.09f, 0.115f, 0.055f};
    const int from = whole ? 0 : 2; /* without the upper arm: from the elbow on */
    const point end = line[from];
    sanl_synth_ellipse(scene, end, widths[from], widths[from], 0, &person->skin);
    sanl_synth_ellipse(scene, tip, 0.055f, 0.06f, 0, &person->skin);
    sanl_synth_tube(scene, line + from, widths + from, 6 - from, &person->skin);
}

static void add_face(struct sanl_synth_scene *scene, const struct sanl_synth_person *person,
                     const struct sanl_synth_pose *pose, point centre)
{
    static const struct sanl_synth_colour dark = {40, 30, 28}, lips = {176, 72, 72};
    const struct sanl_synth_paint eye = sanl_synth_plain(dark),
                                  brow = sanl_synth_plain(person->hair.colour[0]);
    const struct sanl_synth_paint mouth =
        sanl_synth_plain(sanl_synth_mix(person->skin.colour[0], lips, 0.7f));
    const struct sanl_synth_paint nose =
        sanl_synth_plain(sanl_synth_mix(person->skin.colour[0], dark, 0.16f));
    const float turn = 0.1f * pose->turn, tilt = pose->shoulder_tilt;
    for (int side = 0; side < 2; side++) {
        const float x = centre.x + turn + sign_of(side) * 0.145f,
                    y = centre.y + sign_of(side) * 0.145f * tilt;
        sanl_synth_ellipse(scene, (point){x, y}, 0.048f, 0.03f, tilt, &eye);
        sanl_synth_ellipse(scene, (point){x, y - 0.1f}, 0.08f, 0.016f, tilt, &brow);
    }
    sanl_synth_ellipse(scene, (point){centre.x + turn * 1.2f, centre.y + 0.12f}, 0.035f, 0.08f, tilt, &nose);
    sanl_synth_ellipse(scene, (point){centre.x + turn, centre.y + 0.28f}, 0.09f, 0.03f, tilt, &mouth);
}

void sanl_synth_add_head(struct sanl_synth_scene *scene, const struct sanl_synth_person *person,
                         const struct sanl_synth_pose *pose)
{
    const point base = sanl_synth_place(pose, (point){0, -0.72f});
    const point centre = {base.x, base.y};
    sanl_synth_ellipse(scene, centre, 0.37f, 0.5f, pose->shoulder_tilt, &person->skin);
    if (person->mannequin)
        return;
    add_face(scene, person, pose, (point){centre.x, centre.y + 0.02f});
    const float turn = 0.06f * pose->turn;
    const point fringe[5] = {{centre.x - 0.38f, centre.y + 0.06f},
                             {centre.x - 0.33f, centre.y - 0.28f},
                             {centre.x + turn, centre.y - 0.45f},
                             {centre.x + 0.33f, centre.y - 0.28f},
                             {centre.x + 0.38f, centre.y + 0.06f}};
    sanl_synth_tube(scene, fringe, (float[]){0.03f, 0.11f, 0.15f, 0.11f, 0.03f}, 5, &person->hair);
}
