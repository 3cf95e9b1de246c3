/* Drawn garments. Everything in a picture is a patch: a grid of vertices with texture coordinates and a
 * shade, in body coordinates (unit: the height of a head; origin: the pit of the neck; x to the right, y
 * down). A scene is a list of patches in drawing order. A garment's landmarks are vertices of its patches, so
 * they follow pose and cloth; whether one is covered is read off a buffer of ranks that is drawn with the
 * colours. */
#ifndef DATA_SYNTH_H
#define DATA_SYNTH_H

#include <stdbool.h>
#include <stdint.h>
#include <sanlcl/synth.h>
#include "base/status.h"
#include "image/image.h"
#include "landmark/scheme.h"

/* The left one's slot of each pair in landmark/scheme.h; the right one follows. */
enum sanl_synth_slot { SLOT_COLLAR = 0, SLOT_SLEEVE = 2, SLOT_WAIST = 4, SLOT_HEM = 6 };

/* ---- random numbers: a stream for each purpose of each picture ---- */

struct sanl_synth_random {
    uint64_t key, index;
    float variety; /* 0..1: the share of each range, around its middle, that values come from */
};
float sanl_synth_between(struct sanl_synth_random *random, float low, float high);
bool sanl_synth_chance(struct sanl_synth_random *random, float probability);
int sanl_synth_below(struct sanl_synth_random *random, int count);
/* One of the set bits of `bits` (not 0), as its number. */
int sanl_synth_pick(struct sanl_synth_random *random, unsigned bits);

/* ---- paints ---- */

struct sanl_synth_colour {
    float r, g, b; /* 0..255 */
};

enum sanl_synth_fabric {
    FABRIC_PLAIN,
    FABRIC_STRIPES,
    FABRIC_CHECKS,
    FABRIC_DOTS,
    FABRIC_FLOWERS,
    FABRIC_DENIM,
    FABRIC_KNIT,
    FABRIC_CAMO,
    FABRIC_FADE,
    FABRIC_COUNT
};

struct sanl_synth_paint {
    enum sanl_synth_fabric fabric;
    struct sanl_synth_colour colour[4]; /* ground, then the colours of the pattern */
    float scale;                        /* periods of the pattern per unit of length */
    float cosine, sine;                 /* of the pattern's angle */
    float share;                        /* of the second colour */
    float grain;                        /* strength of the fine structure */
    float gloss;                        /* how much highlights go to white */
    float band_top, band_bottom;        /* parts of t at either end in colour[3], such as cuffs */
    float alpha;                        /* 1 opaque; less: a shadow, darkens by that share, has no rank */
    uint32_t key;
};

struct sanl_synth_paint sanl_synth_plain(struct sanl_synth_colour colour);
struct sanl_synth_colour sanl_synth_mix(struct sanl_synth_colour a, struct sanl_synth_colour b, float share);
/* How different two colours look, 0..476. */
float sanl_synth_distance(struct sanl_synth_colour a, struct sanl_synth_colour b);
struct sanl_synth_colour sanl_synth_cloth_colour(struct sanl_synth_random *random);
/* A paint of one of the fabrics in `bits` whose ground is far enough from `avoid`. */
struct sanl_synth_paint sanl_synth_fabric_paint(struct sanl_synth_random *random, unsigned bits,
                                                struct sanl_synth_colour avoid);
struct sanl_synth_colour sanl_synth_paint_at(const struct sanl_synth_paint *paint, float u, float v, float t);
/* Smooth noise in [0, 1] with cells of size 1. */
float sanl_synth_noise(uint32_t key, float x, float y);

/* ---- scene ---- */

struct sanl_synth_point {
    float x, y;
};

struct sanl_synth_vertex {
    float x, y, u, v, t, shade;
};

struct sanl_synth_patch {
    int first, columns, rows; /* (rows, columns) vertices from pool[first] on */
    struct sanl_synth_paint paint;
    uint8_t rank; /* drawing order of the part; 0 is the background */
    bool subject; /* belongs to the garment that the picture is about */
};

enum { SANL_SYNTH_PATCHES = 200, SANL_SYNTH_VERTICES = 20000 };

struct sanl_synth_scene {
    struct sanl_synth_vertex *pool; /* (SANL_SYNTH_VERTICES) */
    struct sanl_synth_patch *patches;
    int vertex_count, patch_count;
    int rank; /* of what is added now */
    bool subject;
    float light_x; /* from where the light comes, -1 left to 1 right */
    float light_y;
};

/* Adds a patch and returns its vertices to fill in, NULL when the scene is full: the patch is then left out.
 * Scenes use about half of the room. */
struct sanl_synth_vertex *sanl_synth_add(struct sanl_synth_scene *scene, int columns, int rows,
                                         const struct sanl_synth_paint *paint);
/* A strip along a smooth line through `count` points with half widths. */
void sanl_synth_tube(struct sanl_synth_scene *scene, const struct sanl_synth_point *points,
                     const float *widths, int count, const struct sanl_synth_paint *paint);
void sanl_synth_ellipse(struct sanl_synth_scene *scene, struct sanl_synth_point centre, float rx, float ry,
                        float angle, const struct sanl_synth_paint *paint);
/* A quadrilateral; a b is its upper edge, c d its lower one, left to right. */
void sanl_synth_quad(struct sanl_synth_scene *scene, struct sanl_synth_point a, struct sanl_synth_point b,
                     struct sanl_synth_point c, struct sanl_synth_point d,
                     const struct sanl_synth_paint *paint);
/* Catmull-Rom curve through `count` points, t in [0, 1]. */
struct sanl_synth_point sanl_synth_curve(const struct sanl_synth_point *points, int count, float t);

/* ---- canvas ---- */

enum { SANL_SYNTH_SAMPLES = 2 }; /* samples per pixel on each axis */

struct sanl_synth_canvas {
    int width, height; /* in samples */
    uint8_t *rgb;      /* (height, width, 3) */
    uint8_t *rank;     /* (height, width) */
};

SANL_CHECKED enum sanl_status sanl_synth_canvas_create(struct sanl_synth_canvas *out, int width, int height);
void sanl_synth_canvas_free(struct sanl_synth_canvas *canvas);

/* pixel = scale * rotation * (body point) + shift, pixel centres at integers. */
struct sanl_synth_view {
    float cosine, sine, scale, x, y;
};
struct sanl_synth_point sanl_synth_project(const struct sanl_synth_view *view, struct sanl_synth_point p);
/* Draws patches [from, to) of the scene. */
void sanl_synth_draw(struct sanl_synth_canvas *canvas, const struct sanl_synth_scene *scene,
                     const struct sanl_synth_view *view, int from, int to);

/* ---- body ---- */

/* Joints [0] image-left, [1] image-right. */
struct sanl_synth_pose {
    float lean, sway;                  /* of the spine: slope, and bow at the waist */
    float shoulder_tilt, hip_tilt;     /* radians */
    float turn;                        /* -1..1: how far the front is turned to one side */
    float ripple, phase[6];            /* of the cloth */
    struct sanl_synth_point arm[2][3]; /* shoulder, elbow, wrist */
    struct sanl_synth_point leg[2][3]; /* hip, knee, ankle */
    bool arm_in_front[2];
    int level; /* 1 normal, 2 medium, 3 large pose: FLD's variation type */
};

/* The legs spread by up to `stance` radians each. */
void sanl_synth_pose_create(struct sanl_synth_pose *out, struct sanl_synth_random *random, bool flat,
                            float stance);
/* Where a point of the straight, upright body stands in the pose. */
struct sanl_synth_point sanl_synth_place(const struct sanl_synth_pose *pose, struct sanl_synth_point p);
/* The same for a point of cloth, which ripples. */
struct sanl_synth_point sanl_synth_place_cloth(const struct sanl_synth_pose *pose, struct sanl_synth_point p);
struct sanl_synth_point sanl_synth_ripple(const struct sanl_synth_pose *pose, struct sanl_synth_point p);

struct sanl_synth_person {
    bool mannequin;
    struct sanl_synth_paint skin, hair, shoes;
    float hair_length;
};
/* The skin differs from `avoid`, the garment's colour. */
void sanl_synth_person_create(struct sanl_synth_person *out, struct sanl_synth_random *random,
                              struct sanl_synth_colour avoid);
void sanl_synth_add_back_hair(struct sanl_synth_scene *scene, const struct sanl_synth_person *person,
                              const struct sanl_synth_pose *pose);
void sanl_synth_add_legs(struct sanl_synth_scene *scene, const struct sanl_synth_person *person,
                         const struct sanl_synth_pose *pose);
void sanl_synth_add_torso(struct sanl_synth_scene *scene, const struct sanl_synth_person *person,
                          const struct sanl_synth_pose *pose);
/* The arm, or what of it is below the elbow. */
void sanl_synth_add_arm(struct sanl_synth_scene *scene, const struct sanl_synth_person *person,
                        const struct sanl_synth_pose *pose, int side, bool whole);
void sanl_synth_add_head(struct sanl_synth_scene *scene, const struct sanl_synth_person *person,
                         const struct sanl_synth_pose *pose);

/* ---- garments ---- */

enum sanl_synth_bottom { BOTTOM_NONE, BOTTOM_SKIRT, BOTTOM_LEGS };

/* What a category looks like; pairs are ranges. Lengths in heads. */
struct sanl_synth_recipe {
    const char *name;
    int type;        /* enum sanl_clothes */
    float hem[2];    /* y of the upper part's lower edge */
    float ease[2];   /* room between body and cloth, each side */
    float cinch[2];  /* 0 straight, 1 follows the waist */
    float flare[2];  /* half width added at the lower edge */
    float sleeve[2]; /* share of the arm's length; 0: none */
    float cuff[2];   /* half width of the sleeve's end */
    unsigned necks;  /* bits of enum sanl_synth_neck */
    unsigned fronts; /* bits of enum sanl_synth_front */
    enum sanl_synth_bottom bottom;
    float leg[2];       /* share of the leg's length */
    float leg_width[2]; /* half width of the leg's end, or of the skirt's hem over the hip's */
    unsigned fabrics;   /* bits of enum sanl_synth_fabric */
};

enum sanl_synth_neck {
    NECK_CREW,
    NECK_SCOOP,
    NECK_V,
    NECK_BOAT,
    NECK_SQUARE,
    NECK_SHIRT,
    NECK_LAPEL,
    NECK_HOOD
};
enum sanl_synth_front { FRONT_CLOSED, FRONT_BUTTONS, FRONT_ZIP, FRONT_OPEN, FRONT_PRINT };

extern const struct sanl_synth_recipe sanl_synth_recipes[];
extern const int sanl_synth_recipe_count;

struct sanl_synth_cut {
    const struct sanl_synth_recipe *recipe;
    struct sanl_synth_paint paint, inside;
    struct sanl_synth_colour trim, shirt; /* the shirt is seen where the front is open */
    float hem, ease, cinch, flare, sleeve, cuff, leg, leg_width;
    float neck_width, neck_depth, strap;
    float waist;    /* y of the waist */
    float hem_bow;  /* how much lower the lower edge is in the middle */
    float pleats;   /* number of folds along a skirt's hem */
    float depth;    /* of the folds */
    float phase[8]; /* of the folds */
    enum sanl_synth_neck neck;
    enum sanl_synth_front front;
    bool belt, pockets, tucked;
};

struct sanl_synth_landmark {
    struct sanl_synth_point at;
    uint8_t rank;
    bool present;
};

struct sanl_synth_garment {
    struct sanl_synth_landmark landmarks[SANL_FASHION_LANDMARKS];
};

void sanl_synth_cut_create(struct sanl_synth_cut *out, struct sanl_synth_random *random,
                           const struct sanl_synth_recipe *recipe, struct sanl_synth_colour avoid);
/* Half width of the cloth at height y, below the armpit, on the straight body. */
float sanl_synth_half_width(const struct sanl_synth_cut *cut, float y);
/* The neckline on the straight body, s from -1 at the left collar point to 1 at the right one. */
struct sanl_synth_point sanl_synth_neckline(const struct sanl_synth_cut *cut, float s);
/* What is seen through the neck: goes behind the body. */
void sanl_synth_add_inside(struct sanl_synth_scene *scene, const struct sanl_synth_cut *cut,
                           const struct sanl_synth_pose *pose);
void sanl_synth_add_bottom(struct sanl_synth_scene *scene, struct sanl_synth_garment *garment,
                           const struct sanl_synth_cut *cut, const struct sanl_synth_pose *pose);
void sanl_synth_add_top(struct sanl_synth_scene *scene, struct sanl_synth_garment *garment,
                        const struct sanl_synth_cut *cut, const struct sanl_synth_pose *pose);
void sanl_synth_add_sleeve(struct sanl_synth_scene *scene, struct sanl_synth_garment *garment,
                           const struct sanl_synth_cut *cut, const struct sanl_synth_pose *pose, int side);
/* Neck, front, belt and pockets, on top of add_top. */
void sanl_synth_add_details(struct sanl_synth_scene *scene, const struct sanl_synth_cut *cut,
                            const struct sanl_synth_pose *pose);

/* ---- pictures ---- */

/* What is known about a picture. Coordinates in 0-based pixels. */
struct sanl_synth_record {
    int width, height;
    int category;                           /* row of sanl_synth_recipes */
    int type;                               /* enum sanl_clothes */
    int variation;                          /* FLD's variation type: 1 normal, 2, 3 pose, 4, 5 zoom-in */
    int box[4];                             /* x1 y1 x2 y2, inclusive */
    int visibility[SANL_FASHION_LANDMARKS]; /* enum sanl_visibility */
    int x[SANL_FASHION_LANDMARKS], y[SANL_FASHION_LANDMARKS]; /* 0 where cut off or absent */
};

/* Picture `index` of a data set with these options, of which seed, size and variety matter. */
SANL_CHECKED enum sanl_status sanl_synth_render(struct sanl_image *image, struct sanl_synth_record *record,
                                                const struct sanl_synth_options *options, int index);

/* Walls, floors, furniture, patterns; returns the mean colour. The garment's colours avoid it. */
struct sanl_synth_colour sanl_synth_backdrop(struct sanl_synth_scene *scene, struct sanl_synth_random *random,
                                             bool flat);
/* Something in front of the landmark at `at`. */
void sanl_synth_add_occluder(struct sanl_synth_scene *scene, struct sanl_synth_random *random, int slot,
                             struct sanl_synth_point at, const struct sanl_synth_person *person);

struct sanl_dataset;

/* The records of drawn garments with DeepFashion2's landmarks, into a zeroed data set; also when this fails
 * its arrays are to be freed. */
SANL_CHECKED enum sanl_status sanl_synth_as_deepfashion2(struct sanl_dataset *out,
                                                         const struct sanl_dataset *drawn);

#endif
