/* image/: every kind of JPEG and PNG, pixel by pixel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>
#include "base/file.h"
#include "image/image.h"

#define FOLDER TEST_DIR "/data/image/"

/* Every picture of tests/data/image has this size. The PNGs show `chart`, the JPEGs `slope`, both unless
 * their names say otherwise. */
enum { WIDTH = 23, HEIGHT = 17 };

static const struct sanl_image_limits no_limits = {.max_megapixels = 100};

static int chart(int x, int y, int c)
{
    return c == 0 ? x * 11 : c == 1 ? y * 15 : x * 3 + y * 5;
}

static int slope(int x, int y, int c)
{
    return c == 0 ? 60 + 6 * x : c == 1 ? 200 - 8 * y : 90 + 3 * (x + y);
}

/* ITU-R 601 luma of a formula's pixel. */
static int luma(int (*formula)(int, int, int), int x, int y)
{
    return (int)(0.299 * formula(x, y, 0) + 0.587 * formula(x, y, 1) + 0.114 * formula(x, y, 2) + 0.5);
}

static int chart_luma(int x, int y, int c)
{
    (void)c;
    return luma(chart, x, y);
}

static int slope_luma(int x, int y, int c)
{
    (void)c;
    return luma(slope, x, y);
}

static int over_white(int value, int alpha)
{
    return (value * alpha + 255 * (255 - alpha) + 127) / 255;
}

static int chart_alpha(int x, int y, int c)
{
    return over_white(chart(x, y, c), x * 255 / (WIDTH - 1));
}

static int luma_alpha(int x, int y, int c)
{
    return over_white(chart_luma(x, y, c), x * 255 / (WIDTH - 1));
}

static int chart_key(int x, int y, int c)
{
    return x == 0 && y == 0 ? 255 : chart(x, y, c);
}

static int chart_key16(int x, int y, int c)
{
    static const int beside[] = {0x12, 0x56, 0x9A}; /* of the key, in low bytes only */
    return x == 0 && y == 0 ? 255 : x == 1 && y == 0 ? beside[c] : chart(x, y, c);
}

static int four_greys(int x, int y, int c)
{
    (void)c;
    return (x + y) % 4 * 85;
}

static int four_greys_key(int x, int y, int c)
{
    return (x + y) % 4 == 1 ? 255 : four_greys(x, y, c);
}

static int sixteen_greys(int x, int y, int c)
{
    (void)c;
    return (x + y) % 16 * 17;
}

static int two_entries(int x, int y, int c)
{
    static const int entries[2][3] = {{10, 20, 30}, {200, 150, 100}};
    return entries[(x + y) % 2][c];
}

static int four_entries(int x, int y, int c)
{
    const int i = (x + 2 * y) % 4, entry[] = {i * 60, 255 - i * 60, i * 5};
    return i == 0 ? 255 : over_white(entry[c], i == 1 ? 100 : 255);
}

static int sixteen_entries(int x, int y, int c)
{
    const int i = (x + 2 * y) % 16, entry[] = {i * 16, 255 - i * 16, i * 5};
    return entry[c];
}

static int ramp16(int x, int y, int c)
{
    (void)c;
    return (int)((x * 2800 + y * 37) / 257.0 + 0.5);
}

static int checks(int x, int y, int c)
{
    (void)c;
    return (x + y) % 2 * 255;
}

static void expect_read(struct sanl_image *image, const char *path, const struct sanl_image_limits *limits)
{
    if (sanl_image_read(image, NULL, NULL, path, limits) != SANL_OK)
        fail_msg("%s", sanl_error_message());
}

static void formats_become_rgb(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int (*formula)(int, int, int);
        int tolerance;
    } files[] = {
        {"rgb.png", chart, 0},
        {"interlaced.png", chart, 0},
        {"rgb16.png", chart, 0},
        {"grey.png", chart_luma, 1},
        {"grey16.png", ramp16, 1},
        {"bits.png", checks, 0},
        {"alpha.png", chart_alpha, 0},
        {"grey_alpha.png", luma_alpha, 1},
        {"key.png", chart_key, 0},
        {"palette.png", chart, 60},
        {"rgb.jpg", slope, 4},
        {"progressive.jpg", slope, 4},
        {"grey.jpg", slope_luma, 4},
        {"cmyk.jpg", slope, 6},
        {"ycck.jpg", slope, 8},
        {"cmyk_plain.jpg", slope, 6},
        {"grey2.png", four_greys, 0},
        {"grey2_key.png", four_greys_key, 0},
        {"grey4.png", sixteen_greys, 0},
        {"palette1.png", two_entries, 0},
        {"palette2_alpha.png", four_entries, 0},
        {"palette4.png", sixteen_entries, 0},
        {"rgb16_key.png", chart_key16, 0},
        {"alpha16.png", chart_alpha, 0},
        {"grey_alpha16.png", luma_alpha, 1},
        {"extras.png", chart, 0},
        {"exif_broken.png", chart, 0},
        {"turned6.png", chart, 0},
        {"turned7.png", chart_alpha, 0},
        {"arithmetic.jpg", slope, 4},
        {"arithmetic_progressive.jpg", slope, 4},
        {"rgb_direct.jpg", slope, 4},
        {"restart.jpg", slope, 6},
        {"grey_progressive.jpg", slope_luma, 4},
        {"ycck_progressive.jpg", slope, 6},
        {"ycck_halved.jpg", slope, 8},
        {"camera.jpg", slope, 4},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[500];
        struct sanl_image image;
        int worst = 0, width = 0, height = 0;
        snprintf(path, sizeof path, "%s%s", FOLDER, files[i].name);
        if (sanl_image_read(&image, &width, &height, path, &no_limits) != SANL_OK)
            fail_msg("%s", sanl_error_message());
        assert_int_equal(image.width, WIDTH);
        assert_int_equal(image.height, HEIGHT);
        assert_true(width == WIDTH && height == HEIGHT);
        for (int k = 0; k < WIDTH * HEIGHT * 3; k++) {
            const int want = files[i].formula(k / 3 % WIDTH, k / 3 / WIDTH, k % 3);
            const int error = abs(image.pixels[k] - want);
            worst = error > worst ? error : worst;
        }
        if (worst > files[i].tolerance)
            fail_msg("%s: off by %d", files[i].name, worst);
        sanl_image_free(&image);
    }
}

static void palettes_may_be_transparent(void **state)
{
    (void)state;
    struct sanl_image plain, clear;
    expect_read(&plain, FOLDER "palette.png", &no_limits);
    expect_read(&clear, FOLDER "palette_alpha.png", &no_limits);
    /* Entry 0 is transparent, entry 1 half so, the others opaque. */
    int same = 0, white = 0, half = 0;
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        const uint8_t *a = plain.pixels + 3 * i, *b = clear.pixels + 3 * i;
        if (memcmp(a, b, 3) == 0)
            same++;
        else if (b[0] == 255 && b[1] == 255 && b[2] == 255)
            white++;
        else if (b[0] == over_white(a[0], 128) && b[2] == over_white(a[2], 128))
            half++;
    }
    assert_true(same > 200 && white > 5 && half > 5);
    assert_int_equal(same + white + half, WIDTH * HEIGHT);
    sanl_image_free(&plain);
    sanl_image_free(&clear);
}

/* Only the start of a file tells what it is, and what stands behind the picture is not looked at. */
static void content_decides(void **state)
{
    (void)state;
    char folder[] = "/tmp/sanlcl_image_XXXXXX", path[100], *bytes, *other, *both;
    size_t count, more;
    struct sanl_image image, want;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(sanl_file_read(&bytes, &count, FOLDER "rgb.jpg", 100000), SANL_OK);
    assert_int_equal(sanl_file_read(&other, &more, FOLDER "alpha.png", 100000), SANL_OK);
    both = malloc(count + more);
    assert_non_null(both);
    static const char *const names[] = {"a.png", "a.jpg"}, *const models[] = {"rgb.jpg", "alpha.png"};
    for (int i = 0; i < 2; i++) {
        memcpy(both, i ? other : bytes, i ? more : count);
        memcpy(both + (i ? more : count), i ? bytes : other, i ? count : more);
        snprintf(path, sizeof path, FOLDER "%s", models[i]);
        expect_read(&want, path, &no_limits);
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_int_equal(sanl_file_write(path, both, count + more), SANL_OK);
        expect_read(&image, path, &no_limits);
        assert_memory_equal(image.pixels, want.pixels, WIDTH * HEIGHT * 3);
        sanl_image_free(&image);
        sanl_image_free(&want);
        remove(path);
    }
    rmdir(folder);
    /* The end marker alone may be missing: a cut file all the same. */
    assert_int_equal(sanl_image_decode(&image, NULL, NULL, bytes, count - 2, "a", &no_limits),
                     SANL_ERR_FORMAT);
    assert_string_equal(sanl_error_message(), "a: premature end of JPEG");
    free(bytes);
    free(other);
    free(both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_become_rgb),
        cmocka_unit_test(palettes_may_be_transparent),
        cmocka_unit_test(content_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
