/* One picture: what is in it, how it is framed, drawn, lit, and what of the garment can be seen. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"
#include "data/synth.h"

typedef struct sanl_synth_point point;

enum purpose {
    FOR_CATEGORY,
    FOR_POSE,
    FOR_PERSON,
    FOR_CUT,
    FOR_BACKDROP,
    FOR_VIEW,
    FOR_OCCLUDER,
    FOR_OTHER,
    FOR_LIGHT,
    FOR_SHAPE
};

static struct sanl_synth_random stream(uint64_t seed, int index, enum purpose purpose, float variety)
{
    return (struct sanl_synth_random){sanl_random_key(seed, 0x53594E54u, (uint64_t)index, purpose), 0,
                                      variety};
}

/* Each run of as many pictures as there are categories has every category once, in random order. */
static int choose_category(uint64_t seed, int index)
{
    enum { MOST = 64 };
    const int count = sanl_synth_recipe_count;
    struct sanl_synth_random random = stream(seed, index / count, FOR_CATEGORY, 1);
    int order[MOST];
    for (int i = 0; i < count; i++) {
        const int k = sanl_synth_below(&random, i + 1);
        order[i] = order[k];
        order[k] = i;
    }
    return order[index % count];
}

static const struct sanl_synth_recipe *find_recipe(const char *name)
{
    const struct sanl_synth_recipe *recipe = sanl_synth_recipes;
    while (strcmp(recipe->name, name))
        recipe++;
    return recipe;
}

/* What the person wears besides: trousers with a top, a top with trousers. */
static void cut_companion(struct sanl_synth_cut *out, struct sanl_synth_random *random, int type,
                          struct sanl_synth_colour avoid)
{
    static const char *const lower[] = {"Jeans", "Jeans", "Leggings", "Skirt", "Shorts"};
    static const char *const upper[] = {"Tee", "Tank", "Tee"};
    const char *name =
        type == SANL_CLOTHES_UPPER ? lower[sanl_synth_below(random, 5)] : upper[sanl_synth_below(random, 3)];
    sanl_synth_cut_create(out, random, find_recipe(name), avoid);
    out->paint.fabric = out->paint.fabric == FABRIC_DENIM ? FABRIC_DENIM : FABRIC_PLAIN;
    out->front = FRONT_CLOSED;
    out->paint.band_bottom = 0;
    if (type == SANL_CLOTHES_UPPER)
        out->waist = 1.95f;
}

/* ---- what is drawn, from back to front ---- */

struct picture {
    struct sanl_synth_scene scene;
    struct sanl_synth_garment garment;
    struct sanl_synth_pose pose;
    struct sanl_synth_person person;
    struct sanl_synth_cut cut, other;
    int backdrop_count; /* patches of the background */
    bool flat;          /* laid out or hung up, nobody wears it */
};

/* The parts of the arms in front of the body, or the others. */
static void add_arms(struct picture *p, bool in_front)
{
    for (int side = 0; side < 2; side++)
        if (!in_front || p->pose.arm_in_front[side])
            sanl_synth_add_arm(&p->scene, &p->person, &p->pose, side, !in_front);
}

static void add_body(struct picture *p)
{
    struct sanl_synth_scene *scene = &p->scene;
    sanl_synth_add_back_hair(scene, &p->person, &p->pose);
    if (p->cut.recipe->type != SANL_CLOTHES_LOWER) {
        scene->subject = true;
        sanl_synth_add_inside(scene, &p->cut, &p->pose);
        scene->subject = false;
    }
    sanl_synth_add_legs(scene, &p->person, &p->pose);
    sanl_synth_add_torso(scene, &p->person, &p->pose);
    add_arms(p, false);
}

static void add_companion_top(struct picture *p)
{
    struct sanl_synth_garment unused;
    sanl_synth_add_top(&p->scene, &unused, &p->other, &p->pose);
    sanl_synth_add_details(&p->scene, &p->other, &p->pose);
    for (int side = 0; side < 2; side++)
        sanl_synth_add_sleeve(&p->scene, &unused, &p->other, &p->pose, side);
}

static void add_subject(struct picture *p)
{
    struct sanl_synth_scene *scene = &p->scene;
    scene->subject = true;
    scene->rank++;
    sanl_synth_add_bottom(scene, &p->garment, &p->cut, &p->pose);
    if (p->cut.recipe->type != SANL_CLOTHES_LOWER) {
        scene->rank++;
        sanl_synth_add_top(scene, &p->garment, &p->cut, &p->pose);
    }
    sanl_synth_add_details(scene, &p->cut, &p->pose);
    for (int side = 0; side < 2; side++) {
        scene->subject = false;
        scene->rank++;
        if (!p->flat && p->pose.arm_in_front[side])
            sanl_synth_add_arm(scene, &p->person, &p->pose, side, false);
        scene->subject = true;
        scene->rank++;
        if (p->cut.recipe->type != SANL_CLOTHES_LOWER)
            sanl_synth_add_sleeve(scene, &p->garment, &p->cut, &p->pose, side);
    }
    scene->subject = false;
}

static void add_worn(struct picture *p, struct sanl_synth_random *random)
{
    struct sanl_synth_garment unused;
    const int type = p->cut.recipe->type;
    p->other.hem = p->cut.waist + (p->other.tucked ? 0.05f : 0.2f);
    p->scene.rank = 1;
    add_body(p);
    p->scene.rank++;
    if (type == SANL_CLOTHES_UPPER) {
        sanl_synth_add_bottom(&p->scene, &unused, &p->other, &p->pose);
        sanl_synth_add_details(&p->scene, &p->other, &p->pose);
    } else if (type == SANL_CLOTHES_LOWER && p->other.tucked) {
        add_companion_top(p);
    }
    add_subject(p);
    p->scene.rank++;
    if (type == SANL_CLOTHES_LOWER && !p->other.tucked)
        add_companion_top(p);
    if (type == SANL_CLOTHES_LOWER)
        add_arms(p, true);
    if (!p->person.mannequin || sanl_synth_chance(random, 0.3f))
        sanl_synth_add_head(&p->scene, &p->person, &p->pose);
}

static void add_flat(struct picture *p, struct sanl_synth_random *random)
{
    p->scene.rank = 1;
    if (p->cut.recipe->type != SANL_CLOTHES_LOWER) {
        static const struct sanl_synth_colour wood = {176, 136, 92};
        const struct sanl_synth_paint bar = sanl_synth_plain(wood);
        const point neck = sanl_synth_place(&p->pose, (point){0, 0.02f});
        const point line[3] = {sanl_synth_place(&p->pose, (point){-0.5f, 0.14f}), neck,
                               sanl_synth_place(&p->pose, (point){0.5f, 0.14f})};
        const point hook[3] = {neck, {neck.x, neck.y - 0.22f}, {neck.x + 0.1f, neck.y - 0.34f}};
        p->scene.subject = true;
        sanl_synth_add_inside(&p->scene, &p->cut, &p->pose);
        p->scene.subject = false;
        if (p->cut.neck != NECK_HOOD && sanl_synth_chance(random, 0.5f)) {
            sanl_synth_tube(&p->scene, line, (float[]){0.05f, 0.06f, 0.05f}, 3, &bar);
            sanl_synth_tube(&p->scene, hook, (float[]){0.025f, 0.025f, 0.025f}, 3, &bar);
        }
    }
    add_subject(p);
}

static void compose(struct picture *p, const struct sanl_synth_options *o, int index, int category)
{
    const float variety = (float)o->variety;
    struct sanl_synth_random pose = stream(o->seed, index, FOR_POSE, variety);
    struct sanl_synth_random who = stream(o->seed, index, FOR_PERSON, 1);
    struct sanl_synth_random cut = stream(o->seed, index, FOR_CUT, variety);
    struct sanl_synth_random other = stream(o->seed, index, FOR_OTHER, 1);
    struct sanl_synth_random back = stream(o->seed, index, FOR_BACKDROP, 1);
    struct sanl_synth_random occluder = stream(o->seed, index, FOR_OCCLUDER, 1);
    p->flat = sanl_synth_chance(&pose, 0.25f);
    p->scene.light_x = sanl_synth_between(&back, -1, 1);
    p->scene.light_y = sanl_synth_between(&back, -0.9f, -0.2f);
    const struct sanl_synth_colour wall = sanl_synth_backdrop(&p->scene, &back, p->flat);
    p->backdrop_count = p->scene.patch_count;
    const struct sanl_synth_recipe *recipe = &sanl_synth_recipes[category];
    const bool skirted = recipe->type != SANL_CLOTHES_UPPER && recipe->bottom != BOTTOM_LEGS;
    sanl_synth_pose_create(&p->pose, &pose, p->flat, skirted ? 0.05f : 0.2f);
    sanl_synth_cut_create(&p->cut, &cut, recipe, wall);
    sanl_synth_person_create(&p->person, &who, p->cut.paint.colour[0]);
    p->person.mannequin = p->person.mannequin || p->flat; /* no hair or hands about */
    cut_companion(&p->other, &other, p->cut.recipe->type, p->cut.paint.colour[0]);
    p->other.tucked = sanl_synth_chance(&other, 0.85f);
    if (p->flat)
        add_flat(p, &other);
    else
        add_worn(p, &other);
    if (!sanl_synth_chance(&occluder, 0.42f * variety))
        return;
    const int slot = sanl_synth_below(&occluder, SANL_FASHION_LANDMARKS);
    p->scene.rank++;
    if (p->garment.landmarks[slot].present)
        sanl_synth_add_occluder(&p->scene, &occluder, slot, p->garment.landmarks[slot].at, &p->person);
}

/* ---- framing ---- */

struct bounds {
    float x1, y1, x2, y2;
};

static struct bounds subject_bounds(const struct sanl_synth_scene *scene, const struct sanl_synth_view *view)
{
    struct bounds b = {1e9f, 1e9f, -1e9f, -1e9f};
    for (int i = 0; i < scene->patch_count; i++) {
        const struct sanl_synth_patch *patch = &scene->patches[i];
        for (int k = 0; patch->subject && k < patch->columns * patch->rows; k++) {
            const struct sanl_synth_vertex *v = scene->pool + patch->first + k;
            const point at = sanl_synth_project(view, (point){v->x, v->y});
            b.x1 = fminf(b.x1, at.x);
            b.x2 = fmaxf(b.x2, at.x);
            b.y1 = fminf(b.y1, at.y);
            b.y2 = fmaxf(b.y2, at.y);
        }
    }
    return b;
}

/* The shift that puts [low, high] somewhere into 0..side or, when over > 0, that share of it beyond an end.
 */
static float shift_into(struct sanl_synth_random *random, float low, float high, float side, float over)
{
    const float room = side - (high - low), at = sanl_synth_between(random, 0.04f, 0.96f);
    const bool far = sanl_synth_chance(random, 0.5f);
    if (over > 0)
        return (far ? side - (high - low) * (1 - over) : -over * (high - low)) - low;
    return room * at - low;
}

static struct sanl_synth_view frame(const struct picture *p, struct sanl_synth_random *random, int width,
                                    int height, int *zoom)
{
    const float tilt = sanl_synth_between(random, -0.08f, 0.08f) * (p->flat ? 2 : 1);
    struct sanl_synth_view view = {cosf(tilt), sinf(tilt), 1, 0, 0};
    const struct bounds b = subject_bounds(&p->scene, &view);
    const float w = (float)width, h = (float)height;
    const bool cut = sanl_synth_chance(random, 0.1f * random->variety);
    const float fill =
        cut ? sanl_synth_between(random, 0.75f, 1.1f) : sanl_synth_between(random, 0.6f, 0.94f);
    view.scale = fill * fminf(w / (b.x2 - b.x1), h / (b.y2 - b.y1));
    const bool down = sanl_synth_chance(random, 0.5f);
    const float over = cut ? sanl_synth_between(random, 0.06f, 0.25f) : 0;
    view.x = shift_into(random, view.scale * b.x1, view.scale * b.x2, w, down ? 0 : over);
    view.y = shift_into(random, view.scale * b.y1, view.scale * b.y2, h, down ? over : 0);
    *zoom = !cut ? 1 : fill > 0.95f ? 5 : 4;
    return view;
}

/* ---- developing ---- */

static void blur_line(float *line, float *sums, int count, int stride, int radius)
{
    sums[0] = 0;
    for (int i = 0; i < count; i++)
        sums[i + 1] = sums[i] + line[i * stride];
    for (int i = 0; i < count; i++) {
        const int a = i - radius < 0 ? 0 : i - radius, b = i + radius + 1 > count ? count : i + radius + 1;
        line[i * stride] = (sums[b] - sums[a]) / (float)(2 * radius + 1);
    }
}

static void blur(float *mask, float *sums, int width, int height, int radius)
{
    for (int y = 0; y < height; y++)
        blur_line(mask + y * width, sums, width, 1, radius);
    for (int x = 0; x < width; x++)
        blur_line(mask + x, sums, height, width, radius);
}

/* The share of each pixel that is not background. */
static void measure_cover(float *cover, const struct sanl_synth_canvas *canvas, int width, int height)
{
    enum { N = SANL_SYNTH_SAMPLES };
    for (int i = 0; i < width * height; i++) {
        const uint8_t *rank =
            canvas->rank + (size_t)(i / width) * N * (size_t)canvas->width + (size_t)(i % width) * N;
        int count = 0;
        for (int k = 0; k < N * N; k++)
            count += rank[(size_t)(k / N) * (size_t)canvas->width + (size_t)(k % N)] > 0;
        cover[i] = (float)count / (N * N);
    }
}

struct lamp {
    int shift_x, shift_y; /* of the shadow */
    float shadow, gain, across, down, noise;
    uint64_t key;
};

static void develop_pixel(uint8_t *out, const struct sanl_synth_canvas *canvas, int x, int y, float gain,
                          float noise)
{
    enum { N = SANL_SYNTH_SAMPLES };
    int sum[3] = {0};
    for (int k = 0; k < N * N; k++) {
        const uint8_t *rgb =
            canvas->rgb + 3 * ((size_t)(y * N + k / N) * (size_t)canvas->width + (size_t)(x * N + k % N));
        for (int c = 0; c < 3; c++)
            sum[c] += rgb[c];
    }
    for (int c = 0; c < 3; c++) {
        const float value = (float)sum[c] / (N * N) * gain + noise;
        out[c] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value + 0.5f);
    }
}

static enum sanl_status develop(struct sanl_image *image, const struct sanl_synth_canvas *canvas,
                                const struct lamp *lamp)
{
    const int width = image->width, height = image->height, longer = width > height ? width : height;
    const size_t count = (size_t)width * (size_t)height;
    float *cover = sanl_calloc(2 * count + (size_t)longer + 1, sizeof *cover);
    if (!cover)
        return SANL_ERR_MEMORY;
    float *shadow = cover + count, *sums = shadow + count;
    measure_cover(cover, canvas, width, height);
    memcpy(shadow, cover, count * sizeof *cover);
    blur(shadow, sums, width, height, 1 + longer / 40);
    blur(shadow, sums, width, height, 1 + longer / 50);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            const int i = y * width + x, sx = x - lamp->shift_x, sy = y - lamp->shift_y;
            const bool inside = sx >= 0 && sx < width && sy >= 0 && sy < height;
            const float dark = inside ? lamp->shadow * shadow[sy * width + sx] * (1 - cover[i]) : 0;
            const float slope = lamp->across * ((float)x / (float)width - 0.5f) +
                                lamp->down * ((float)y / (float)height - 0.5f);
            const float grain = (float)(sanl_random_bits(lamp->key, (uint64_t)i) >> 40) / 8388608.0f - 1;
            develop_pixel(image->pixels + 3 * (size_t)i, canvas, x, y, lamp->gain * (1 + slope) * (1 - dark),
                          lamp->noise * grain);
        }
    }
    free(cover);
    return SANL_OK;
}

/* ---- annotation ---- */

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

/* Occluded when most samples around the point belong to something drawn after the landmark's part. */
static int visibility_at(const struct sanl_synth_canvas *canvas, int x, int y, int rank)
{
    int covered = 0;
    for (int k = 0; k < 16; k++) {
        const int sx = clamp(SANL_SYNTH_SAMPLES * x - 1 + k % 4, 0, canvas->width - 1);
        const int sy = clamp(SANL_SYNTH_SAMPLES * y - 1 + k / 4, 0, canvas->height - 1);
        covered += canvas->rank[(size_t)sy * (size_t)canvas->width + (size_t)sx] > rank;
    }
    return covered >= 8 ? SANL_OCCLUDED : SANL_VISIBLE;
}

static void annotate(struct sanl_synth_record *record, const struct picture *p,
                     const struct sanl_synth_view *view, const struct sanl_synth_canvas *canvas,
                     struct sanl_synth_random *random)
{
    const struct bounds b = subject_bounds(&p->scene, view);
    const float mx = (b.x2 - b.x1) * sanl_synth_between(random, 0.005f, 0.03f) + 1;
    const float my = (b.y2 - b.y1) * sanl_synth_between(random, 0.005f, 0.03f) + 1;
    record->box[0] = clamp((int)floorf(b.x1 - mx), 0, record->width - 1);
    record->box[1] = clamp((int)floorf(b.y1 - my), 0, record->height - 1);
    record->box[2] = clamp((int)ceilf(b.x2 + mx), 0, record->width - 1);
    record->box[3] = clamp((int)ceilf(b.y2 + my), 0, record->height - 1);
    for (int slot = 0; slot < SANL_FASHION_LANDMARKS; slot++) {
        const struct sanl_synth_landmark *landmark = &p->garment.landmarks[slot];
        record->visibility[slot] = landmark->present ? SANL_CUT_OFF : SANL_ABSENT;
        record->x[slot] = record->y[slot] = 0;
        if (!landmark->present)
            continue;
        const point at = sanl_synth_project(view, landmark->at);
        const int x = (int)floorf(at.x + 0.5f), y = (int)floorf(at.y + 0.5f);
        if (x < 0 || x >= record->width || y < 0 || y >= record->height)
            continue;
        record->visibility[slot] = visibility_at(canvas, x, y, landmark->rank);
        record->x[slot] = x;
        record->y[slot] = y;
    }
}

static enum sanl_status shoot(struct sanl_image *image, struct sanl_synth_record *record, struct picture *p,
                              const struct sanl_synth_options *o, int index)
{
    struct sanl_synth_random random = stream(o->seed, index, FOR_VIEW, (float)o->variety);
    struct sanl_synth_random light = stream(o->seed, index, FOR_LIGHT, 1);
    struct sanl_synth_canvas canvas;
    const int width = image->width, height = image->height;
    int zoom;
    const struct sanl_synth_view view = frame(p, &random, width, height, &zoom);
    SANL_TRY(sanl_synth_canvas_create(&canvas, width * SANL_SYNTH_SAMPLES, height * SANL_SYNTH_SAMPLES));
    const struct sanl_synth_view wide = {1, 0, (float)(width > height ? width : height), 0, 0};
    sanl_synth_draw(&canvas, &p->scene, &wide, 0, p->backdrop_count);
    sanl_synth_draw(&canvas, &p->scene, &view, p->backdrop_count, p->scene.patch_count);
    annotate(record, p, &view, &canvas, &random);
    record->variation = zoom > 1 ? zoom : p->pose.level;
    const float far = p->flat ? 0.012f : sanl_synth_between(&light, 0.01f, 0.06f);
    const struct lamp lamp = {.shift_x = (int)(-p->scene.light_x * far * (float)width),
                              .shift_y = (int)(far * (float)height),
                              .shadow = p->flat ? 0.5f : sanl_synth_between(&light, 0, 0.4f),
                              .gain = sanl_synth_between(&light, 0.85f, 1.06f),
                              .across = sanl_synth_between(&light, -0.25f, 0.25f),
                              .down = sanl_synth_between(&light, -0.25f, 0.1f),
                              .noise = sanl_synth_between(&light, 0.5f, 4),
                              .key = sanl_random_key(o->seed, (uint64_t)index, FOR_LIGHT, 1)};
    const enum sanl_status status = develop(image, &canvas, &lamp);
    sanl_synth_canvas_free(&canvas);
    return status;
}

enum sanl_status sanl_synth_render(struct sanl_image *image, struct sanl_synth_record *record,
                                   const struct sanl_synth_options *options, int index)
{
    memset(image, 0, sizeof *image);
    memset(record, 0, sizeof *record);
    const int size = options->size;
    struct sanl_synth_random random = stream(options->seed, index, FOR_SHAPE, 1);
    const float aspect = sanl_synth_between(&random, 0.66f, 1.1f);
    const int width = aspect > 1 ? size : (int)((float)size * aspect);
    const int height = aspect > 1 ? (int)((float)size / aspect) : size;
    struct picture *p = sanl_calloc(1, sizeof *p);
    enum sanl_status status = p ? SANL_OK : SANL_ERR_MEMORY;
    if (p) {
        p->scene.pool = sanl_calloc(SANL_SYNTH_VERTICES, sizeof *p->scene.pool);
        p->scene.patches = sanl_calloc(SANL_SYNTH_PATCHES, sizeof *p->scene.patches);
        status =
            p->scene.pool && p->scene.patches ? sanl_image_create(image, width, height) : SANL_ERR_MEMORY;
    }
    if (status == SANL_OK) {
        record->width = width;
        record->height = height;
        record->category = choose_category(options->seed, index);
        record->type = sanl_synth_recipes[record->category].type;
        compose(p, options, index, record->category);
        status = shoot(image, record, p, options, index);
    }
    if (p) {
        free(p->scene.pool);
        free(p->scene.patches);
    }
    free(p);
    if (status != SANL_OK)
        sanl_image_free(image);
    return status;
}
