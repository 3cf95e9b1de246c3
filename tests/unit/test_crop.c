/* data/crop.c, data/sample.c: frames, augmentation, and what the device will read. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/random.h"
#include "data/sample.h"

static void near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

static void maps_compose_and_invert(void **state)
{
    (void)state;
    const struct sanl_affine a = {{2, 1, 3, -1, 4, 5}}, b = {{0, 1, 7, 2, 0, -1}};
    struct sanl_affine ab = a, back;
    const double p[2] = {1.5, -2};
    double q[2], r[2];
    sanl_affine_compose(&ab, &ab, &b);
    sanl_affine_apply(q, &ab, p);
    /* b: (y + 7, 2 x - 1) = (5, 2); a: (2*5 + 2 + 3, -5 + 8 + 5). */
    near(q[0], 15, 1e-12);
    near(q[1], 8, 1e-12);
    sanl_affine_invert(&back, &ab);
    sanl_affine_apply(r, &back, q);
    near(r[0], p[0], 1e-12);
    near(r[1], p[1], 1e-12);
}

static void box_stretches_to_the_input(void **state)
{
    (void)state;
    const struct sanl_box box = {10, 20, 110, 70}; /* 100 x 50 */
    struct sanl_affine map;
    double p[2];
    sanl_crop_map(&map, &box, 25, NULL); /* an input pixel is 4 x 2 original ones */
    const double first[2] = {0, 0}, last[2] = {24, 24};
    sanl_affine_apply(p, &map, first);
    near(p[0], 11.5, 1e-12);
    near(p[1], 20.5, 1e-12);
    sanl_affine_apply(p, &map, last);
    near(p[0], 107.5, 1e-12);
    near(p[1], 68.5, 1e-12);
    const struct sanl_box wide = sanl_box_enlarge(&box, 0.2);
    near(wide.x1, 0, 1e-12);
    near(wide.x2, 120, 1e-12);
    near(wide.y1, 15, 1e-12);
    near(wide.y2, 75, 1e-12);
    const struct sanl_box square = {0, 0, 64, 64};
    sanl_crop_map(&map, &square, 64, NULL); /* the identity, to the last bit but rounding */
    for (int k = 0; k < 6; k++)
        near(map.m[k], k == 0 || k == 4, 1e-12);
}

static void augmentation_moves_as_told(void **state)
{
    (void)state;
    const struct sanl_box box = {0, 0, 100, 200};
    struct sanl_affine map;
    double p[2];
    const double centre[2] = {15.5, 15.5}, right[2] = {31.5, 15.5}; /* of 32: u = 0.5 */
    struct sanl_augment a = {.flip = true, .scale = 2, .shift = {0.1, -0.2}, .gain = 1};
    sanl_crop_map(&map, &box, 32, &a);
    sanl_affine_apply(p, &map, centre);
    near(p[0], 49.5 + 10, 1e-9);
    near(p[1], 99.5 - 40, 1e-9);
    sanl_affine_apply(p, &map, right); /* flipped: to the left, half as far */
    near(p[0], 49.5 + 10 - 25, 1e-9);
    near(p[1], 99.5 - 40, 1e-9);
    const struct sanl_augment turn = {.angle = 3.14159265358979323846 / 2, .scale = 1, .gain = 1};
    sanl_crop_map(&map, &box, 32, &turn);
    sanl_affine_apply(p, &map, right); /* a quarter turn of original pixels: 50 to the right become 50 down */
    near(p[0], 49.5, 1e-9);
    near(p[1], 99.5 + 50, 1e-9);
}

static void draws_keep_their_ranges(void **state)
{
    (void)state;
    const struct sanl_augment_config config = {0.25, 30, 0.2, 0.1, 0.3, 0.4, 1};
    int flips = 0;
    double low = 10, high = -10, bias_low = 10, bias_high = -10;
    for (uint64_t i = 0; i < 4000; i++) {
        struct sanl_augment a, again;
        sanl_augment_draw(&a, &config, sanl_random_key(1, 2, i, 0));
        sanl_augment_draw(&again, &config, sanl_random_key(1, 2, i, 0));
        assert_true(a.angle == again.angle && a.flip == again.flip && a.bias == again.bias);
        flips += a.flip;
        assert_true(fabs(a.angle) <= 30 * 3.1415927 / 180 && fabs(a.scale - 1) <= 0.2);
        assert_true(fabs(a.shift[0]) <= 0.1 && fabs(a.shift[1]) <= 0.1 && fabs(a.gain - 1) <= 0.4);
        low = fmin(low, a.angle);
        high = fmax(high, a.angle);
        const double grey = a.gain * 0.5 + a.bias; /* contrast leaves mid-grey alone */
        bias_low = fmin(bias_low, grey);
        bias_high = fmax(bias_high, grey);
    }
    assert_true(flips >= 900 && flips <= 1100);
    assert_true(low < -0.5 && high > 0.5);
    assert_true(bias_low >= 0.2 - 1e-9 && bias_low < 0.21 && bias_high <= 0.8 + 1e-9 && bias_high > 0.79);
    const struct sanl_augment_config off = {0};
    struct sanl_augment a;
    sanl_augment_draw(&a, &off, 77);
    assert_true(!a.flip && a.angle == 0 && a.scale == 1 && a.gain == 1 && a.bias == 0 && a.shift[1] == 0);
}

static void assert_inside(const struct sanl_box *part, const struct sanl_box *box)
{
    assert_true(part->x1 >= box->x1 - 1e-9 && part->x2 <= box->x2 + 1e-9 && part->x1 < part->x2);
    assert_true(part->y1 >= box->y1 - 1e-9 && part->y2 <= box->y2 + 1e-9 && part->y1 < part->y2);
}

static void parts_are_drawn_from_the_box(void **state)
{
    (void)state;
    static const struct sanl_box boxes[] = {{10, 20, 110, 120}, {0, 0, 640, 48}, {5, 5, 25, 905}};
    for (int b = 0; b < 3; b++) {
        const double w = boxes[b].x2 - boxes[b].x1, h = boxes[b].y2 - boxes[b].y1;
        double least = 1, most = 0, left = 1, right = 0, narrow = 9, wide = 0;
        for (uint64_t key = 0; key < 2000; key++) {
            const struct sanl_box part = sanl_box_draw(&boxes[b], 0.2, key),
                                  again = sanl_box_draw(&boxes[b], 0.2, key);
            const double pw = part.x2 - part.x1, ph = part.y2 - part.y1;
            assert_memory_equal(&part, &again, sizeof part);
            assert_inside(&part, &boxes[b]);
            least = fmin(least, pw * ph / (w * h));
            most = fmax(most, pw * ph / (w * h));
            left = fmin(left, (part.x1 - boxes[b].x1) / w);
            right = fmax(right, (part.x2 - boxes[b].x1) / w);
            narrow = fmin(narrow, pw / ph);
            wide = fmax(wide, pw / ph);
        }
        assert_true(narrow > 0.75 - 1e-9 && wide < 4.0 / 3 + 1e-9);
        if (b == 0) {
            assert_true(least >= 0.2 && least < 0.21 && most > 0.9 && most <= 1);
            assert_true(left < 0.01 && right > 0.99 && narrow < 0.76 && wide > 1.32);
        }
    }
}

/* torchvision: Resize(36) of 200 x 160 makes 45 x 36, CenterCrop(32) takes the middle: 32 / 36 of the side.
 */
static void the_middle_is_a_square(void **state)
{
    (void)state;
    const struct sanl_box whole = {0, 0, 200, 160}, tall = {10, 20, 40, 100};
    struct sanl_box r = sanl_box_center(&whole, 32.0 / 36);
    near(r.x2 - r.x1, 160 * 32.0 / 36, 1e-9);
    near(r.y2 - r.y1, 160 * 32.0 / 36, 1e-9);
    near(r.x1 + r.x2, 200, 1e-9);
    near(r.y1 + r.y2, 160, 1e-9);
    r = sanl_box_center(&tall, 1);
    assert_true(r.x1 == 10 && r.x2 == 40 && r.y1 == 45 && r.y2 == 75);
    struct sanl_augment a = {.scale = 1, .gain = 1, .crop_scale = 1};
    r = sanl_crop_window(&tall, 1, 0.5, &a); /* enlarged by 2, then the middle */
    near(r.x2 - r.x1, 30, 1e-9);
    near(r.y2 - r.y1, 30, 1e-9);
    a.crop_scale = 0.5; /* a drawn part takes its place */
    r = sanl_crop_window(&tall, 0, 0.5, &a);
    assert_inside(&r, &tall);
    assert_true((r.x2 - r.x1) * (r.y2 - r.y1) > 30 * 80 / 4);
}

static void landmarks_follow_the_map(void **state)
{
    (void)state;
    const struct sanl_scheme *const fashion = &sanl_scheme_fashion;
    const struct sanl_box box = {5, 7, 205, 107};
    double at[SANL_FASHION_LANDMARKS][2], in[SANL_FASHION_LANDMARKS][2];
    unsigned char vis[SANL_FASHION_LANDMARKS], out[SANL_FASHION_LANDMARKS];
    for (int k = 0; k < SANL_FASHION_LANDMARKS; k++) {
        at[k][0] = 20 + 20 * k;
        at[k][1] = 90 - 7 * k;
        vis[k] = (unsigned char)(k / 2 + k % 2) % 4;
    }
    for (int flip = 0; flip < 2; flip++) {
        const struct sanl_augment a = {
            .flip = flip, .angle = 0.3, .scale = 1.2, .shift = {0.03, -0.07}, .gain = 1};
        struct sanl_affine map;
        double back[2];
        sanl_crop_map(&map, &box, 96, &a);
        sanl_crop_landmarks(in, out, &map, flip, fashion, (const double(*)[2])at, vis);
        for (int k = 0; k < SANL_FASHION_LANDMARKS; k++) {
            const int from = flip ? sanl_landmark_mirror(fashion, k) : k;
            sanl_affine_apply(back, &map, in[k]);
            near(back[0], at[from][0], 1e-9);
            near(back[1], at[from][1], 1e-9);
            assert_int_equal(out[k], vis[from]);
        }
    }
    /* A flip alone: the left collar seen at x becomes the right one at size - 1 - x. */
    const struct sanl_augment flip = {.flip = true, .scale = 1, .gain = 1};
    struct sanl_affine plain, flipped;
    double mirrored[SANL_FASHION_LANDMARKS][2];
    sanl_crop_map(&plain, &box, 96, NULL);
    sanl_crop_map(&flipped, &box, 96, &flip);
    sanl_crop_landmarks(in, out, &plain, false, fashion, (const double(*)[2])at, vis);
    sanl_crop_landmarks(mirrored, out, &flipped, true, fashion, (const double(*)[2])at, vis);
    near(mirrored[1][0], 95 - in[0][0], 1e-9);
    near(mirrored[1][1], in[0][1], 1e-9);
}

static void regions_hold_what_is_read(void **state)
{
    (void)state;
    const int size = 32, width = 400, height = 300;
    for (uint64_t i = 0; i < 500; i++) {
        const struct sanl_augment_config config = {0.5, 180, 0.5, 0.5, 0, 0, 1};
        const double x = sanl_random_uniform(9, 4 * i) * 380, y = sanl_random_uniform(9, 4 * i + 1) * 280;
        const double w = 2 + sanl_random_uniform(9, 4 * i + 2) * 500,
                     h = 2 + sanl_random_uniform(9, 4 * i + 3) * 400;
        const struct sanl_box box = {x, y, x + w, y + h};
        struct sanl_augment a;
        struct sanl_affine map;
        struct sanl_crop_region r;
        sanl_augment_draw(&a, &config, i);
        sanl_crop_map(&map, &box, size, &a);
        sanl_crop_plan(&r, &map, size, width, height);
        assert_true(r.width >= 1 && r.height >= 1 && r.x >= 0 && r.y >= 0);
        assert_true(r.x + r.width <= width && r.y + r.height <= height);
        const int64_t pixels = (int64_t)((r.width - 1) / r.shrink + 1) * ((r.height - 1) / r.shrink + 1);
        assert_true(pixels <= sanl_crop_max_pixels(size));
        for (int k = 0; k < 9; k++) { /* whatever lies inside the picture is inside the region */
            const double in[2] = {(k % 3) * 15.5, (k / 3) * 15.5};
            double p[2];
            sanl_affine_apply(p, &map, in);
            if (p[0] < 0 || p[1] < 0 || p[0] > width - 1 || p[1] > height - 1)
                continue;
            assert_true(p[0] >= r.x && p[0] <= r.x + r.width - 1 && p[1] >= r.y &&
                        p[1] <= r.y + r.height - 1);
        }
    }
}

/* ---- pictures ---- */

/* Red rises along x, green along y, from 16 to 240, dithered so that means of blocks are true. */
static char *write_ramp(const char *folder, const char *name, int width, int height)
{
    struct sanl_image image;
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(sanl_image_create(&image, width, height), SANL_OK);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint8_t *p = image.pixels + 3 * ((size_t)y * (size_t)width + (size_t)x);
            const double noise = sanl_random_uniform(3, (uint64_t)(y * width + x));
            p[0] = (uint8_t)floor(16 + 224.0 * x / (width - 1) + noise);
            p[1] = (uint8_t)floor(16 + 224.0 * y / (height - 1) + noise);
            p[2] = 128;
        }
    }
    assert_int_equal(sanl_image_write(&image, path, 100), SANL_OK);
    sanl_image_free(&image);
    return path;
}

/* As the device reads: bilinear, edges repeated. */
static double read_pixel(const struct sanl_image *image, const double at[2], int channel)
{
    const double x = fmin(fmax(at[0], 0), image->width - 1), y = fmin(fmax(at[1], 0), image->height - 1);
    const int x0 = (int)x, y0 = (int)y;
    const int x1 = x0 + 1 < image->width ? x0 + 1 : x0, y1 = y0 + 1 < image->height ? y0 + 1 : y0;
    const double fx = x - x0, fy = y - y0;
    const uint8_t *p = image->pixels + channel;
    const int w = 3 * image->width;
    return (1 - fy) * ((1 - fx) * p[y0 * w + 3 * x0] + fx * p[y0 * w + 3 * x1]) +
           fy * ((1 - fx) * p[y1 * w + 3 * x0] + fx * p[y1 * w + 3 * x1]);
}

/* Every input pixel shows the ramp's value at its place in the original picture within `tolerance`, and the
 * mean difference is at most `offset`: single pixels are off by what dithering and JPEG do to them, the mean
 * by a wrong frame. A band of 8 original pixels along the border is not compared. */
static void check_ramp(const struct sanl_sample *s, int size, double tolerance, double offset)
{
    int compared = 0;
    double sum[2] = {0};
    for (int i = 0; i < size * size; i++) {
        const double in[2] = {i % size, (double)(i / size)};
        const double last[2] = {s->width - 1, s->height - 1};
        double src[2], img[2];
        sanl_affine_apply(src, &s->in_to_src, in);
        sanl_affine_apply(img, &s->in_to_img, in);
        if (img[0] < 8 || img[1] < 8 || img[0] > last[0] - 8 || img[1] > last[1] - 8)
            continue;
        for (int c = 0; c < 2; c++) {
            const double seen = read_pixel(&s->crop, src, c), expected = 16 + 224.0 * img[c] / last[c];
            near(seen, expected, tolerance);
            sum[c] += seen - expected;
        }
        compared++;
    }
    assert_true(compared > size * size / 16);
    near(sum[0] / compared, 0, offset);
    near(sum[1] / compared, 0, offset);
}

static void crops_show_the_right_place(void **state)
{
    const char *folder = *state;
    const struct sanl_sample_options options = {.size = 32, .max_megapixels = 10};
    static const struct {
        struct sanl_box box;
        double angle, scale;
        int most_pixels;
    } cases[] = {
        {{0, 0, 32, 32}, 0, 1, 34 * 34},         /* one to one */
        {{50, 60, 70, 75}, 0, 1, 24 * 19},       /* enlarged */
        {{10, 20, 110, 120}, 0.4, 1.1, 70 * 70}, /* shrunk by 3 in two steps */
        {{0, 0, 200, 160}, 0, 1, 70 * 70},
        {{150, 120, 260, 230}, -0.7, 0.9, 70 * 70}, /* beyond the picture's edge */
    };
    char *path = write_ramp(folder, "small.png", 200, 160);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct sanl_augment a = {
            .flip = i % 2, .angle = cases[i].angle, .scale = cases[i].scale, .gain = 1};
        struct sanl_sample s;
        assert_int_equal(sanl_sample_read(&s, path, &cases[i].box, &options, &a), SANL_OK);
        assert_int_equal(s.width, 200);
        assert_true(s.crop.width * s.crop.height <= cases[i].most_pixels);
        check_ramp(&s, 32, 1.25, 0.3);
        sanl_sample_free(&s);
    }
    remove(path);
}

static void large_pictures_are_decoded_smaller(void **state)
{
    const char *folder = *state;
    const struct sanl_sample_options options = {.size = 32, .max_megapixels = 10};
    const struct sanl_box box = {30, 20, 510, 440};
    static const char *const names[] = {"large.png", "large.jpg"};
    for (int i = 0; i < 2; i++) {
        char *path = write_ramp(folder, names[i], 515, 450);
        struct sanl_sample s;
        assert_int_equal(sanl_sample_read(&s, path, &box, &options, NULL), SANL_OK); /* by 8, then by 1 */
        assert_true(s.crop.width <= 66 && s.crop.height <= 66);
        assert_true(s.width == 515 && s.height == 450);
        check_ramp(&s, 32, i ? 4 : 1.25, i ? 0.6 : 0.3);
        sanl_sample_free(&s);
        assert_int_equal(sanl_sample_read(&s, path, NULL, &options, NULL), SANL_OK); /* the whole picture */
        assert_true(s.box.x1 == 0 && s.box.y1 == 0 && s.box.x2 == 515 && s.box.y2 == 450);
        check_ramp(&s, 32, i ? 4 : 1.25, i ? 0.6 : 0.3);
        sanl_sample_free(&s);
        remove(path);
    }
}

/* Of a whole picture, too: what is decoded smaller still has a pixel for each of the input. */
static void parts_of_pictures_are_sharp(void **state)
{
    const char *folder = *state;
    const struct sanl_sample_options options = {.size = 32, .max_megapixels = 10, .center_crop = 0.5};
    const struct sanl_augment a = {.scale = 1, .gain = 1, .crop_scale = 0.05, .key = 5};
    char *path = write_ramp(folder, "part.png", 515, 450);
    struct sanl_sample s;
    assert_int_equal(sanl_sample_read(&s, path, NULL, &options, NULL), SANL_OK);
    near(s.window.x2 - s.window.x1, 225, 1e-9);
    near(s.window.y1, 112.5, 1e-9);
    assert_true(s.box.x1 == 0 && s.box.x2 == 515);
    assert_true(s.crop.width >= 32 && s.crop.width <= 70);
    check_ramp(&s, 32, 1.25, 0.3);
    sanl_sample_free(&s);
    assert_int_equal(sanl_sample_read(&s, path, NULL, &options, &a), SANL_OK);
    assert_inside(&s.window, &s.box);
    assert_true(s.window.x2 - s.window.x1 < 500);
    assert_true(s.crop.width >= 32 && s.crop.height >= 32);
    check_ramp(&s, 32, 1.25, 0.3);
    sanl_sample_free(&s);
    remove(path);
}

static void boxes_outside_are_errors(void **state)
{
    const char *folder = *state;
    const struct sanl_sample_options options = {.size = 32, .max_megapixels = 10};
    static const struct sanl_box bad[] = {{100, 10, 120, 20}, {10, 80, 20, 90}, {-20, 0, 0, 10},
                                          {5, 5, 5, 9},       {9, 5, 5, 9},     {0, 0, NAN, 9},
                                          {0, 0, INFINITY, 9}};
    char *path = write_ramp(folder, "box.png", 100, 80);
    struct sanl_sample s;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(sanl_sample_read(&s, path, &bad[i], &options, NULL), SANL_ERR_FORMAT);
        assert_ptr_equal(strstr(sanl_error_message(), path), sanl_error_message());
        assert_non_null(strstr(sanl_error_message(), i < 3 ? "outside the picture of 100 x 80" : "is empty"));
        sanl_sample_free(&s);
    }
    const struct sanl_box corner = {99, 79, 300, 300}, tiny = {3, 3, 3.000001, 3.000001};
    assert_int_equal(sanl_sample_read(&s, path, &corner, &options, NULL), SANL_OK);
    sanl_sample_free(&s);
    assert_int_equal(sanl_sample_read(&s, path, &tiny, &options, NULL), SANL_OK);
    sanl_sample_free(&s);
    remove(path);
    assert_int_equal(sanl_sample_read(&s, path, NULL, &options, NULL), SANL_ERR_IO);
    sanl_sample_free(&s);
}

static int set_up(void **state)
{
    static char folder[] = "/tmp/sanlcl_crop_XXXXXX";
    *state = mkdtemp(folder);
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    return rmdir(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_compose_and_invert),    cmocka_unit_test(box_stretches_to_the_input),
        cmocka_unit_test(augmentation_moves_as_told), cmocka_unit_test(draws_keep_their_ranges),
        cmocka_unit_test(landmarks_follow_the_map),   cmocka_unit_test(regions_hold_what_is_read),
        cmocka_unit_test(crops_show_the_right_place), cmocka_unit_test(large_pictures_are_decoded_smaller),
        cmocka_unit_test(boxes_outside_are_errors),   cmocka_unit_test(parts_are_drawn_from_the_box),
        cmocka_unit_test(the_middle_is_a_square),     cmocka_unit_test(parts_of_pictures_are_sharp),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
