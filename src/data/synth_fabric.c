/* Colours and cloths. */
#include <math.h>
#include <string.h>
#include "data/synth.h"

static uint32_t hash2(uint32_t key, int x, int y)
{
    uint32_t h = key ^ (uint32_t)x * 0x85EBCA6Bu ^ (uint32_t)y * 0xC2B2AE35u;
    h = (h ^ h >> 15) * 0x2C1B3C6Du;
    h = (h ^ h >> 12) * 0x297A2D39u;
    return h ^ h >> 15;
}

static float hash_unit(uint32_t key, int x, int y)
{
    return (float)(hash2(key, x, y) >> 8) / 16777216.0f;
}

static int whole(float x)
{
    const int i = (int)x;
    return (float)i > x ? i - 1 : i;
}

static float fraction(float x)
{
    return x - (float)whole(x);
}

float sanl_synth_noise(uint32_t key, float x, float y)
{
    const int ix = whole(x), iy = whole(y);
    const float fx = x - (float)ix, fy = y - (float)iy;
    const float gx = fx * fx * (3 - 2 * fx), gy = fy * fy * (3 - 2 * fy);
    const float a = hash_unit(key, ix, iy), b = hash_unit(key, ix + 1, iy);
    const float c = hash_unit(key, ix, iy + 1), d = hash_unit(key, ix + 1, iy + 1);
    return (a + (b - a) * gx) * (1 - gy) + (c + (d - c) * gx) * gy;
}

struct sanl_synth_colour sanl_synth_mix(struct sanl_synth_colour a, struct sanl_synth_colour b, float share)
{
    return (struct sanl_synth_colour){a.r + (b.r - a.r) * share, a.g + (b.g - a.g) * share,
                                      a.b + (b.b - a.b) * share};
}

struct sanl_synth_paint sanl_synth_plain(struct sanl_synth_colour colour)
{
    return (struct sanl_synth_paint){.colour = {colour, colour, colour, colour},
                                     .scale = 4,
                                     .cosine = 1,
                                     .share = 0.5f,
                                     .grain = 0.02f,
                                     .alpha = 1,
                                     .key = 1};
}

/* Colours that clothes are sold in. */
static const uint8_t palette[][3] = {
    {28, 29, 33},    {62, 64, 70},   {128, 130, 134}, {196, 196, 194}, {240, 238, 234}, {246, 240, 224},
    {214, 194, 160}, {166, 128, 86}, {104, 70, 44},   {150, 34, 40},   {206, 44, 52},   {236, 98, 84},
    {240, 150, 60},  {244, 200, 70}, {248, 226, 150}, {108, 128, 60},  {62, 86, 58},    {36, 110, 82},
    {120, 190, 150}, {60, 160, 170}, {30, 96, 140},   {70, 130, 200},  {150, 190, 226}, {30, 44, 92},
    {44, 60, 150},   {96, 66, 140},  {168, 130, 196}, {130, 40, 90},   {222, 90, 140},  {246, 176, 192},
};

struct sanl_synth_colour sanl_synth_cloth_colour(struct sanl_synth_random *random)
{
    const uint8_t *c = palette[sanl_synth_below(random, (int)(sizeof palette / sizeof palette[0]))];
    const float gain = sanl_synth_between(random, 0.88f, 1.1f);
    return (struct sanl_synth_colour){gain * (float)c[0] + sanl_synth_between(random, -8, 8),
                                      gain * (float)c[1] + sanl_synth_between(random, -8, 8),
                                      gain * (float)c[2] + sanl_synth_between(random, -8, 8)};
}

float sanl_synth_distance(struct sanl_synth_colour a, struct sanl_synth_colour b)
{
    return sqrtf((a.r - b.r) * (a.r - b.r) + 1.5f * (a.g - b.g) * (a.g - b.g) + (a.b - b.b) * (a.b - b.b));
}

static struct sanl_synth_colour colour_away_from(struct sanl_synth_random *random,
                                                 struct sanl_synth_colour avoid, float least)
{
    struct sanl_synth_colour c = sanl_synth_cloth_colour(random);
    for (int i = 0; i < 12 && sanl_synth_distance(c, avoid) < least; i++)
        c = sanl_synth_cloth_colour(random);
    return c;
}

static struct sanl_synth_colour denim_colour(struct sanl_synth_random *random, struct sanl_synth_colour avoid)
{
    static const struct sanl_synth_colour dark = {34, 46, 78}, pale = {142, 172, 204}, black = {44, 46, 52};
    struct sanl_synth_colour c = black;
    for (int i = 0; i < 8 && (i == 0 || sanl_synth_distance(c, avoid) < 75); i++)
        c = sanl_synth_chance(random, 0.15f) ? black
                                             : sanl_synth_mix(dark, pale, sanl_synth_between(random, 0, 1));
    return c;
}

struct sanl_synth_paint sanl_synth_fabric_paint(struct sanl_synth_random *random, unsigned bits,
                                                struct sanl_synth_colour avoid)
{
    struct sanl_synth_paint p = sanl_synth_plain(colour_away_from(random, avoid, 75));
    p.fabric = (enum sanl_synth_fabric)sanl_synth_pick(random, bits);
    p.colour[1] = colour_away_from(random, p.colour[0], 90);
    p.colour[2] = colour_away_from(random, p.colour[0], 60);
    p.colour[3] = sanl_synth_mix(p.colour[0], (struct sanl_synth_colour){12, 12, 16}, 0.3f);
    p.key = (uint32_t)sanl_synth_below(random, 1 << 30);
    p.grain = sanl_synth_between(random, 0.02f, 0.05f);
    p.gloss = sanl_synth_chance(random, 0.2f) ? sanl_synth_between(random, 0.3f, 0.8f) : 0;
    p.scale = sanl_synth_between(random, 2.2f, 6.5f);
    p.share = sanl_synth_between(random, 0.2f, 0.55f);
    float angle = 0;
    switch (p.fabric) {
    case FABRIC_STRIPES:
        angle = (float)sanl_synth_pick(random, 0x17) * 0.7853982f; /* 0, 45, 90 or 180 degrees */
        break;
    case FABRIC_CHECKS:
        p.scale *= 0.7f;
        p.share = sanl_synth_between(random, 0.3f, 0.5f);
        break;
    case FABRIC_DOTS:
    case FABRIC_FLOWERS:
        p.scale = sanl_synth_between(random, 2.5f, 4.5f);
        break;
    case FABRIC_DENIM:
        p.colour[0] = denim_colour(random, avoid);
        p.colour[1] = sanl_synth_mix(p.colour[0], (struct sanl_synth_colour){235, 240, 245}, 0.45f);
        p.colour[3] = sanl_synth_mix(p.colour[0], (struct sanl_synth_colour){12, 12, 16}, 0.25f);
        p.grain = 0.09f;
        p.gloss = 0;
        break;
    case FABRIC_KNIT:
        p.scale = sanl_synth_between(random, 5, 9);
        p.gloss = 0;
        break;
    default:
        break;
    }
    p.cosine = cosf(angle);
    p.sine = sinf(angle);
    return p;
}

/* ---- one point of a cloth; u, v in pattern periods ---- */

/* Coverage of an interval [0, share) of the period, with soft edges. */
static float stripe(float at, float share)
{
    const float f = fraction(at), soft = 0.06f;
    return fminf(fmaxf(fminf(f, share - f) / soft + 0.5f, 0), 1);
}

static struct sanl_synth_colour flowers(const struct sanl_synth_paint *p, float u, float v)
{
    const int iu = whole(u), iv = whole(v);
    const float cu = 0.5f + 0.36f * (hash_unit(p->key, iu, iv) - 0.5f);
    const float cv = 0.5f + 0.36f * (hash_unit(p->key + 1, iu, iv) - 0.5f);
    const float x = u - (float)iu - cu, y = v - (float)iv - cv, r = sqrtf(x * x + y * y);
    const int petals = 5;
    const float spin = 6.28f * hash_unit(p->key + 2, iu, iv);
    const float edge = 0.3f * (0.75f + 0.25f * cosf((float)petals * (atan2f(y, x) + spin)));
    if (r > edge)
        return p->colour[0];
    if (r < 0.09f)
        return p->colour[2];
    return hash2(p->key + 3, iu, iv) & 1 ? p->colour[1] : sanl_synth_mix(p->colour[1], p->colour[2], 0.6f);
}

static struct sanl_synth_colour pattern(const struct sanl_synth_paint *p, float u, float v)
{
    const struct sanl_synth_colour *c = p->colour;
    switch (p->fabric) {
    case FABRIC_STRIPES:
        return sanl_synth_mix(c[0], whole(v) & 1 && p->key & 1 ? c[2] : c[1], stripe(v, p->share));
    case FABRIC_CHECKS: {
        const float across = 0.55f * stripe(u, p->share), down = 0.55f * stripe(v, p->share);
        const float line = p->key & 1 ? fmaxf(stripe(u + 0.22f, 0.08f), stripe(v + 0.22f, 0.08f)) : 0;
        return sanl_synth_mix(sanl_synth_mix(sanl_synth_mix(c[0], c[1], across), c[1], down), c[2], line);
    }
    case FABRIC_DOTS: {
        const float x = fraction(u + 0.5f * (float)(whole(v) & 1)) - 0.5f, y = fraction(v) - 0.5f;
        const float edge = 0.14f + 0.3f * p->share - sqrtf(x * x + y * y);
        return sanl_synth_mix(c[0], c[1], fminf(fmaxf(edge * 12 + 0.5f, 0), 1));
    }
    case FABRIC_FLOWERS:
        return flowers(p, u, v);
    case FABRIC_DENIM:
        return sanl_synth_mix(c[0], c[1], 0.35f * sanl_synth_noise(p->key, u * 0.5f, v * 0.25f));
    case FABRIC_KNIT: {
        const float lean = fabsf(fraction(u) - 0.5f) * 1.2f;
        const float groove = fabsf(fraction(u) - 0.5f) > 0.42f ? 0.5f : 0;
        return sanl_synth_mix(c[0], c[3], fminf(0.5f * stripe(v * 1.3f + lean, 0.4f) + groove, 1));
    }
    case FABRIC_CAMO: {
        const float n = sanl_synth_noise(p->key, u * 0.6f, v * 0.8f);
        return n < 0.38f ? c[2] : n < 0.62f ? c[0] : c[3];
    }
    case FABRIC_FADE:
        return sanl_synth_mix(c[0], c[1], 0.5f + 0.5f * sinf(v * 0.35f + (float)(p->key & 7)));
    default:
        return c[0];
    }
}

struct sanl_synth_colour sanl_synth_paint_at(const struct sanl_synth_paint *paint, float u, float v, float t)
{
    const struct sanl_synth_paint *p = paint;
    struct sanl_synth_colour c;
    if (t < p->band_top - 5e-4f || t > 1.0005f - p->band_bottom) {
        c = p->colour[3];
    } else if (p->fabric == FABRIC_PLAIN) {
        c = p->colour[0];
    } else {
        c = pattern(p, p->scale * (p->cosine * u - p->sine * v), p->scale * (p->sine * u + p->cosine * v));
    }
    const float grain = 1 + p->grain * (2 * hash_unit(p->key, whole(u * 70), whole(v * 70)) - 1);
    return (struct sanl_synth_colour){c.r * grain, c.g * grain, c.b * grain};
}
