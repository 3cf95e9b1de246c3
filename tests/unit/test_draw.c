/* image/draw.h: shapes, text, maps as colours, placing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/file.h"
#include "base/random.h"
#include "image/draw.h"

static const struct sanl_color white = {1, 1, 1, 1}, red = {1, 0, 0, 1}, none = {0, 0, 0, 0};

static struct sanl_image image_of(int width, int height)
{
    struct sanl_image image;
    assert_int_equal(sanl_image_create(&image, width, height), SANL_OK);
    return image;
}

static struct sanl_canvas *canvas_of(struct sanl_image *image)
{
    struct sanl_canvas *canvas;
    if (sanl_canvas_create(&canvas, image) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    return canvas;
}

static void finish(struct sanl_canvas *canvas)
{
    if (sanl_canvas_finish(canvas) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    sanl_canvas_free(canvas);
}

static int value(const struct sanl_image *image, int x, int y, int c)
{
    return image->pixels[(y * image->width + x) * 3 + c];
}

/* The box of all pixels that are not black: the first and last column and row; false when there is none. */
static bool ink(const struct sanl_image *image, int *left, int *top, int *right, int *bottom)
{
    *left = image->width, *top = image->height, *right = *bottom = -1;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++)
            if (value(image, x, y, 0) || value(image, x, y, 1) || value(image, x, y, 2)) {
                *left = x < *left ? x : *left;
                *right = x > *right ? x : *right;
                *top = y < *top ? y : *top;
                *bottom = y;
            }
    return *right >= 0;
}

static void expect_ink(const struct sanl_image *image, int left, int top, int right, int bottom)
{
    int box[4];
    assert_true(ink(image, &box[0], &box[1], &box[2], &box[3]));
    assert_int_equal(box[0], left);
    assert_int_equal(box[1], top);
    assert_int_equal(box[2], right);
    assert_int_equal(box[3], bottom);
}

/* Fontconfig reads its set-up once in a process, hence the child. */
static void text_needs_no_fonts(void **state)
{
    (void)state;
    char folder[] = "/tmp/sanlcl_draw_XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *set_up = sanl_path_join(folder, "fonts.conf");
    static const char no_fonts[] = "<?xml version=\"1.0\"?><fontconfig></fontconfig>";
    assert_int_equal(sanl_file_write(set_up, no_fonts, sizeof no_fonts - 1), SANL_OK);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int box[4];
        setenv("FONTCONFIG_FILE", set_up, 1);
        struct sanl_image image = image_of(80, 20);
        struct sanl_canvas *canvas = canvas_of(&image);
        const struct sanl_text_style style = {.size = 14, .color = white, .bold = true};
        sanl_canvas_text(canvas, 2, 2, "left hem \xC3\xA9", &style);
        finish(canvas);
        _exit(ink(&image, &box[0], &box[1], &box[2], &box[3]) && box[2] > 30 ? 0 : 1);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    remove(set_up);
    rmdir(folder);
    free(set_up);
}

static void canvas_keeps_the_picture(void **state)
{
    (void)state;
    struct sanl_image image = image_of(19, 7);
    uint8_t before[19 * 7 * 3];
    for (uint64_t i = 0; i < sizeof before; i++)
        image.pixels[i] = before[i] = (uint8_t)sanl_random_below(1, i, 256);
    struct sanl_canvas *canvas = canvas_of(&image);
    sanl_canvas_fill(canvas, 3, 2, 1, 1, red);
    assert_memory_equal(image.pixels, before, sizeof before);
    finish(canvas);
    before[(2 * 19 + 3) * 3] = 255;
    before[(2 * 19 + 3) * 3 + 1] = before[(2 * 19 + 3) * 3 + 2] = 0;
    assert_memory_equal(image.pixels, before, sizeof before);
    sanl_image_free(&image);
    sanl_canvas_free(NULL);
}

/* Shapes stand where pixel centres at integers put them. */
static void shapes_stand_where_told(void **state)
{
    (void)state;
    struct sanl_image image = image_of(40, 30);
    struct sanl_canvas *canvas = canvas_of(&image);
    sanl_canvas_fill(canvas, 5, 6, 7, 8, white);
    finish(canvas);
    expect_ink(&image, 5, 6, 11, 13);
    assert_int_equal(value(&image, 5, 6, 0), 255);
    assert_int_equal(value(&image, 11, 13, 2), 255);
    sanl_image_free(&image);

    image = image_of(40, 30);
    canvas = canvas_of(&image);
    sanl_canvas_box(canvas, 4, 3, 20, 15, 1, red);
    finish(canvas);
    expect_ink(&image, 4, 3, 20, 15);
    assert_int_equal(value(&image, 10, 3, 0), 255);
    assert_int_equal(value(&image, 20, 9, 0), 255);
    assert_int_equal(value(&image, 10, 4, 0), 0);
    sanl_image_free(&image);

    image = image_of(40, 30);
    canvas = canvas_of(&image);
    const double triangle[] = {5, 5, 25, 5, 5, 25};
    sanl_canvas_polygon(canvas, triangle, 3, white);
    finish(canvas);
    expect_ink(&image, 5, 5, 25, 25);
    assert_true(value(&image, 8, 8, 0) == 255 && value(&image, 20, 20, 0) == 0);
    assert_true(abs(value(&image, 15, 15, 0) - 128) < 4); /* on the slope, half covered */
    sanl_image_free(&image);
}

static void circles_are_centred(void **state)
{
    (void)state;
    struct sanl_image image = image_of(40, 30);
    struct sanl_canvas *canvas = canvas_of(&image);
    sanl_canvas_circle(canvas, 17.25, 12.7, 6, white, 2, none);
    finish(canvas);
    double sum = 0, x_sum = 0, y_sum = 0;
    for (int y = 0; y < 30; y++)
        for (int x = 0; x < 40; x++) {
            sum += value(&image, x, y, 1) / 255.0;
            x_sum += x * value(&image, x, y, 1) / 255.0;
            y_sum += y * value(&image, x, y, 1) / 255.0;
        }
    assert_true(fabs(x_sum / sum - 17.25) < 0.02 && fabs(y_sum / sum - 12.7) < 0.02);
    assert_true(fabs(sum - 36 * acos(-1.0)) < 1);
    sanl_image_free(&image);
}

static void odd_arguments_draw_nothing(void **state)
{
    (void)state;
    struct sanl_image image = image_of(20, 20);
    struct sanl_canvas *canvas = canvas_of(&image);
    const struct sanl_text_style style = {.size = 12, .color = white}, broken = {.size = NAN, .color = white};
    const double bad[] = {NAN, INFINITY, -INFINITY, 1e300};
    int box[4];
    for (int i = 0; i < 4; i++) {
        sanl_canvas_line(canvas, bad[i], 3, 10, 10, 1, white);
        sanl_canvas_circle(canvas, 3, bad[i], 5, white, 1, white);
        sanl_canvas_circle(canvas, 3, 3, bad[i], white, 1, white);
        sanl_canvas_fill(canvas, 3, 3, bad[i], 5, white);
        sanl_canvas_box(canvas, 3, 3, 5, bad[i], 1, white);
        sanl_canvas_text(canvas, bad[i], 10, "text", &style);
        sanl_canvas_label(canvas, 10, bad[i], 3, "text", &style);
    }
    sanl_canvas_text(canvas, 3, 10, "text", &broken);
    sanl_canvas_polyline(canvas, NULL, 0, true, 1, white);
    sanl_canvas_polygon(canvas, NULL, 0, white);
    sanl_canvas_text(canvas, 3, 10, "", &style);
    sanl_canvas_line(canvas, 900000, 3, 900010, 10, 5, white);
    finish(canvas);
    assert_false(ink(&image, &box[0], &box[1], &box[2], &box[3]));
    sanl_image_free(&image);
}

static void text_is_anchored(void **state)
{
    (void)state;
    for (int i = 0; i < 9; i++) {
        struct sanl_image image = image_of(200, 100);
        struct sanl_canvas *canvas = canvas_of(&image);
        const struct sanl_text_style style = {
            .size = 16, .anchor_x = (i % 3) / 2.0, .anchor_y = (i / 3) / 2.0, .color = white, .halo = red};
        double width, height;
        int left, top, right, bottom;
        sanl_canvas_measure(canvas, "left hem", &style, &width, &height);
        assert_true(width > 40 && width < 90 && height > 14 && height < 26);
        sanl_canvas_text(canvas, 100, 50, "left hem", &style);
        finish(canvas);
        assert_true(ink(&image, &left, &top, &right, &bottom));
        const double x = 100 - style.anchor_x * width, y = 50 - style.anchor_y * height;
        assert_true(left > x - 4 && left < x + 4 && right > x + width - 6 && right < x + width + 4);
        assert_true(top > y - 3 && top < y + 8 && bottom < y + height + 3 && bottom > y + height - 10);
        sanl_image_free(&image);
    }
}

static void any_bytes_are_text(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\xFF\xFE",         "\xC3",        "\xE2\x82",     "\xED\xA0\x80",    "\xC0\x80", "\xF5\x80\x80",
        "\xF4\x90\x80\x80", "a\nb\tc\x7F", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    const struct sanl_text_style style = {.size = 12, .color = white};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sanl_image image = image_of(60, 20);
        struct sanl_canvas *canvas = canvas_of(&image);
        int box[4];
        sanl_canvas_text(canvas, 2, 2, texts[i], &style);
        finish(canvas);
        assert_true(ink(&image, &box[0], &box[1], &box[2], &box[3]));
        sanl_image_free(&image);
    }
}

/* Labels of points near an edge change sides and never hide the point. */
static void labels_stay_inside(void **state)
{
    (void)state;
    static const int points[][3] = {{50, 40, 1}, {180, 40, -1}, {5, 2, 1}, {198, 78, -1}, {100, 79, 1}};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        for (int prefer = 0; prefer < 2; prefer++) {
            struct sanl_image image = image_of(200, 80);
            struct sanl_canvas *canvas = canvas_of(&image);
            const struct sanl_text_style style = {.size = 12, .anchor_x = prefer, .color = white};
            const int x = points[i][0], y = points[i][1];
            int left, top, right, bottom;
            double width, height;
            sanl_canvas_measure(canvas, "collar", &style, &width, &height);
            sanl_canvas_label(canvas, x, y, 6, "collar", &style);
            finish(canvas);
            assert_true(ink(&image, &left, &top, &right, &bottom));
            assert_true(left > 0 && top > 0 && right < 199 && bottom < 79);
            assert_true(right < x - 3 || left > x + 3);
            if (!prefer)
                assert_true(points[i][2] > 0 ? left > x : right < x);
            sanl_image_free(&image);
        }
}

/* Two names at one place: both are readable, so that the ink takes two lines. */
static void labels_keep_clear_of_each_other(void **state)
{
    (void)state;
    const struct sanl_text_style style = {.size = 12, .color = white};
    int left, top, right, bottom, heights[2];
    for (int count = 1; count <= 2; count++) {
        struct sanl_image image = image_of(200, 80);
        struct sanl_canvas *canvas = canvas_of(&image);
        for (int i = 0; i < count; i++)
            sanl_canvas_label(canvas, 50, 40, 6, "HHHH", &style);
        finish(canvas);
        assert_true(ink(&image, &left, &top, &right, &bottom));
        heights[count - 1] = bottom - top + 1;
        sanl_image_free(&image);
    }
    assert_true(heights[1] >= 2 * heights[0]);
}

static void maps_become_colours(void **state)
{
    (void)state;
    struct sanl_image image, fine;
    float map[6 * 4], large[30 * 21];
    for (uint64_t i = 0; i < 24; i++)
        map[i] = (float)sanl_random_uniform(2, i);
    for (int y = 0; y < 21; y++)
        for (int x = 0; x < 30; x++) {
            const double u = fmin(fmax((x + 0.5) * 6 / 30 - 0.5, 0), 5),
                         v = fmin(fmax((y + 0.5) * 4 / 21 - 0.5, 0), 3);
            const int i = (int)fmin(v, 2), j = (int)fmin(u, 4);
            const double a = u - j, b = v - i;
            large[y * 30 + x] = (float)((1 - b) * ((1 - a) * map[i * 6 + j] + a * map[i * 6 + j + 1]) +
                                        b * ((1 - a) * map[i * 6 + 6 + j] + a * map[i * 6 + 7 + j]));
        }
    assert_int_equal(sanl_image_from_map(&image, map, 6, 4, 30, 21), SANL_OK);
    assert_int_equal(sanl_image_from_map(&fine, large, 30, 21, 30, 21), SANL_OK);
    for (int i = 0; i < 30 * 21 * 3; i++)
        assert_true(abs(image.pixels[i] - fine.pixels[i]) <= 8); /* at most one of 256 levels */
    sanl_image_free(&fine);

    /* Blending: half of both; nothing; all. */
    struct sanl_image grey = image_of(30, 21);
    memset(grey.pixels, 100, 30 * 21 * 3);
    sanl_image_blend_map(&grey, map, 6, 4, 0, 0);
    assert_int_equal(grey.pixels[0], 100);
    sanl_image_blend_map(&grey, map, 6, 4, 0.5, 0.5);
    for (int i = 0; i < 30 * 21 * 3; i++)
        assert_int_equal(grey.pixels[i], (100 + image.pixels[i] + 1) / 2);
    sanl_image_blend_map(&grey, map, 6, 4, 1, 1);
    assert_memory_equal(grey.pixels, image.pixels, 30 * 21 * 3);
    sanl_image_free(&grey);
    sanl_image_free(&image);
}

static void colours_tell_levels_apart(void **state)
{
    (void)state;
    float ramp[256];
    struct sanl_image image, odd;
    for (int i = 0; i < 256; i++)
        ramp[i] = (float)i / 255;
    assert_int_equal(sanl_image_from_map(&image, ramp, 256, 1, 256, 1), SANL_OK);
    for (int i = 0; i < 256; i++)
        for (int j = 0; j < i; j++)
            assert_true(memcmp(image.pixels + 3 * i, image.pixels + 3 * j, 3) != 0);
    const float wild[] = {-INFINITY, NAN, 7, INFINITY};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(sanl_image_from_map(&odd, wild + i, 1, 1, 1, 1), SANL_OK);
        assert_memory_equal(odd.pixels, image.pixels + (i < 2 ? 0 : 255 * 3), 3);
        sanl_image_free(&odd);
    }
    sanl_image_free(&image);
}

static void places_are_cut_off(void **state)
{
    (void)state;
    struct sanl_image part = image_of(7, 5);
    for (int i = 0; i < 7 * 5 * 3; i++)
        part.pixels[i] = (uint8_t)(i + 1);
    for (int y = -6; y < 12; y++)
        for (int x = -8; x < 14; x++) {
            struct sanl_image image = image_of(12, 10);
            sanl_image_place(&image, &part, x, y);
            for (int k = 0; k < 12 * 10 * 3; k++) {
                const int u = k / 3 % 12 - x, v = k / 3 / 12 - y;
                const bool covered = u >= 0 && u < 7 && v >= 0 && v < 5;
                assert_int_equal(image.pixels[k], covered ? value(&part, u, v, k % 3) : 0);
            }
            sanl_image_free(&image);
        }
    struct sanl_image image = image_of(12, 10);
    sanl_image_place(&image, &part, INT32_MIN, INT32_MAX);
    sanl_image_free(&image);
    sanl_image_free(&part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_needs_no_fonts), /* first: no fonts are loaded yet */
        cmocka_unit_test(canvas_keeps_the_picture), cmocka_unit_test(shapes_stand_where_told),
        cmocka_unit_test(circles_are_centred),      cmocka_unit_test(odd_arguments_draw_nothing),
        cmocka_unit_test(text_is_anchored),         cmocka_unit_test(any_bytes_are_text),
        cmocka_unit_test(labels_stay_inside),       cmocka_unit_test(labels_keep_clear_of_each_other),
        cmocka_unit_test(maps_become_colours),      cmocka_unit_test(colours_tell_levels_apart),
        cmocka_unit_test(places_are_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
