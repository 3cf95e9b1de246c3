#include "data/crop.h"

#include <math.h>
#include <string.h>
#include "base/random.h"

void sanl_affine_apply(double out[2], const struct sanl_affine *map, const double in[2])
{
    const double x = in[0], y = in[1];
    out[0] = map->m[0] * x + map->m[1] * y + map->m[2];
    out[1] = map->m[3] * x + map->m[4] * y + map->m[5];
}

void sanl_affine_compose(struct sanl_affine *out, const struct sanl_affine *outer,
                         const struct sanl_affine *inner)
{
    const double *a = outer->m, *b = inner->m;
    struct sanl_affine r;
    for (int i = 0; i < 6; i += 3) {
        r.m[i] = a[i] * b[0] + a[i + 1] * b[3];
        r.m[i + 1] = a[i] * b[1] + a[i + 1] * b[4];
        r.m[i + 2] = a[i] * b[2] + a[i + 1] * b[5] + a[i + 2];
    }
    *out = r;
}

void sanl_affine_invert(struct sanl_affine *out, const struct sanl_affine *map)
{
    const double *m = map->m;
    const double area = m[0] * m[4] - m[1] * m[3];
    const struct sanl_affine r = {{m[4] / area, -m[1] / area, (m[1] * m[5] - m[4] * m[2]) / area,
                                   -m[3] / area, m[0] / area, (m[3] * m[2] - m[0] * m[5]) / area}};
    *out = r;
}

void sanl_augment_draw(struct sanl_augment *out, const struct sanl_augment_config *config, uint64_t key)
{
    double u[6]; /* in [-1, 1) */
    for (uint64_t i = 0; i < 6; i++)
        u[i] = 2 * sanl_random_uniform(key, 1 + i) - 1;
    out->flip = sanl_random_uniform(key, 0) < config->flip;
    out->angle = u[0] * config->rotate * (3.14159265358979323846 / 180);
    out->scale = 1 + u[1] * config->scale;
    out->shift[0] = u[2] * config->shift;
    out->shift[1] = u[3] * config->shift;
    out->gain = 1 + u[4] * config->contrast;
    out->bias = 0.5 - 0.5 * out->gain + u[5] * config->brightness; /* contrast about mid-grey */
    out->crop_scale = config->crop_scale;
    out->key = key;
}

bool sanl_augment_crops(const struct sanl_augment *augment)
{
    return augment && augment->crop_scale > 0 && augment->crop_scale < 1;
}

struct sanl_box sanl_box_enlarge(const struct sanl_box *box, double margin)
{
    const double dx = margin * (box->x2 - box->x1) / 2, dy = margin * (box->y2 - box->y1) / 2;
    const struct sanl_box r = {box->x1 - dx, box->y1 - dy, box->x2 + dx, box->y2 + dy};
    return r;
}

/* The part of w x h whose place is (u, v) of where it fits. */
static struct sanl_box part_of(const struct sanl_box *box, double w, double h, double u, double v)
{
    const double x = box->x1 + u * (box->x2 - box->x1 - w), y = box->y1 + v * (box->y2 - box->y1 - h);
    const struct sanl_box r = {x, y, x + w, y + h};
    return r;
}

struct sanl_box sanl_box_center(const struct sanl_box *box, double share)
{
    const double side = share * fmin(box->x2 - box->x1, box->y2 - box->y1);
    return part_of(box, side, side, 0.5, 0.5);
}

struct sanl_box sanl_box_draw(const struct sanl_box *box, double crop_scale, uint64_t key)
{
    enum { TRIES = 10, FIRST = 8 }; /* sanl_augment_draw has the numbers before */
    static const double widest = 4.0 / 3;
    const double w = box->x2 - box->x1, h = box->y2 - box->y1;
    for (uint64_t i = FIRST; i < FIRST + 4 * TRIES; i += 4) {
        const double area = w * h * (crop_scale + (1 - crop_scale) * sanl_random_uniform(key, i));
        const double ratio = exp((2 * sanl_random_uniform(key, i + 1) - 1) * log(widest));
        const double part_w = sqrt(area * ratio), part_h = sqrt(area / ratio);
        if (part_w <= w && part_h <= h)
            return part_of(box, part_w, part_h, sanl_random_uniform(key, i + 2),
                           sanl_random_uniform(key, i + 3));
    }
    return part_of(box, fmin(w, h * widest), fmin(h, w * widest), 0.5, 0.5);
}

struct sanl_box sanl_crop_window(const struct sanl_box *box, double margin, double center_crop,
                                 const struct sanl_augment *augment)
{
    const struct sanl_box all = sanl_box_enlarge(box, margin);
    if (sanl_augment_crops(augment))
        return sanl_box_draw(&all, augment->crop_scale, augment->key);
    return center_crop > 0 ? sanl_box_center(&all, center_crop) : all;
}

void sanl_crop_map(struct sanl_affine *in_to_img, const struct sanl_box *box, int size,
                   const struct sanl_augment *augment)
{
    static const struct sanl_augment none = {.scale = 1, .gain = 1};
    const struct sanl_augment *a = augment ? augment : &none;
    const double w = box->x2 - box->x1, h = box->y2 - box->y1;
    /* u = (x_in + 0.5) / size - 0.5 = x_in / size + start */
    const double start = 0.5 / size - 0.5, sign = a->flip ? -1 : 1;
    const struct sanl_affine unit = {{sign * w / size, 0, sign * w * start, 0, h / size, h * start}};
    const double c = cos(a->angle) / a->scale, s = sin(a->angle) / a->scale;
    const struct sanl_affine turn = {
        {c, -s, box->x1 + (0.5 + a->shift[0]) * w - 0.5, s, c, box->y1 + (0.5 + a->shift[1]) * h - 0.5}};
    sanl_affine_compose(in_to_img, &turn, &unit);
}

void sanl_crop_landmarks(double (*out_in)[2], unsigned char *out_visibility,
                         const struct sanl_affine *in_to_img, bool flip, const struct sanl_scheme *scheme,
                         const double (*landmark_img)[2], const unsigned char *visibility)
{
    struct sanl_affine img_to_in;
    sanl_affine_invert(&img_to_in, in_to_img);
    for (int k = 0; k < scheme->landmarks; k++) {
        const int from = flip ? sanl_landmark_mirror(scheme, k) : k;
        sanl_affine_apply(out_in[k], &img_to_in, landmark_img[from]);
        out_visibility[k] = visibility[from];
    }
}

int sanl_crop_shrink(const struct sanl_affine *in_to_dec)
{
    const double *m = in_to_dec->m;
    const double side = sqrt(fabs(m[0] * m[4] - m[1] * m[3]));
    return side < 1 ? 1 : side > 65536 ? 65536 : (int)side;
}

int64_t sanl_crop_max_pixels(int size)
{
    return 16 * (int64_t)size * size;
}

/* The pixels [*start, *start + *length) of an axis of `count` that cover low .. high. */
static void cover(int *start, int *length, double low, double high, int count)
{
    const double last = count - 1;
    const double first = fmin(fmax(floor(low), 0), last), end = fmin(fmax(ceil(high), 0), last);
    *start = (int)first;
    *length = (int)end - *start + 1;
}

void sanl_crop_plan(struct sanl_crop_region *out, const struct sanl_affine *in_to_dec, int size, int width,
                    int height)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int i = 0; i < 4; i++) {
        const double corner[2] = {i & 1 ? size - 0.5 : -0.5, i & 2 ? size - 0.5 : -0.5};
        double p[2];
        sanl_affine_apply(p, in_to_dec, corner);
        for (int axis = 0; axis < 2; axis++) {
            low[axis] = fmin(low[axis], p[axis]);
            high[axis] = fmax(high[axis], p[axis]);
        }
    }
    int64_t pixels = 0;
    for (out->shrink = sanl_crop_shrink(in_to_dec);; out->shrink++) {
        const int k = out->shrink;
        cover(&out->x, &out->width, low[0] - k, high[0] + k, width);
        cover(&out->y, &out->height, low[1] - k, high[1] + k, height);
        pixels = (int64_t)((out->width - 1) / k + 1) * ((out->height - 1) / k + 1);
        if (pixels <= sanl_crop_max_pixels(size))
            break;
    }
}

void sanl_crop_shrink_map(struct sanl_affine *out, int start_x, int start_y, int shrink)
{
    const double step = 1.0 / shrink, half = (shrink - 1) / 2.0;
    const struct sanl_affine r = {{step, 0, -(start_x + half) * step, 0, step, -(start_y + half) * step}};
    *out = r;
}
