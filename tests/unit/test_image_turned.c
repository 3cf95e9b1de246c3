/* image/ and data/: pictures that EXIF says are not stored upright. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>
#include "base/file.h"
#include "data/sample.h"
#include "image/image.h"

static char folder[] = "/tmp/sanlcl_turned_XXXXXX";
static char path[100];

/* Where the file's pixel (x, y) of width x height is in the upright picture: the corner that row 0 and column
 * 0 meet in, as the EXIF standard words it. */
static void turn(int *to_x, int *to_y, int x, int y, int width, int height, int orientation)
{
    const int right = width - 1 - x, bottom = height - 1 - y;
    const int places[9][2] = {{0},    {x, y},      {right, y},      {right, bottom}, {x, bottom},
                              {y, x}, {bottom, x}, {bottom, right}, {y, right}};
    *to_x = places[orientation][0];
    *to_y = places[orientation][1];
}

static int scene(int x, int y, int c)
{
    return c == 0 ? 40 + x : c == 1 ? 230 - y : 60 + (x + 2 * y) / 3;
}

static struct sanl_image make_upright(int width, int height)
{
    struct sanl_image image;
    assert_int_equal(sanl_image_create(&image, width, height), SANL_OK);
    for (int i = 0; i < width * height * 3; i++)
        image.pixels[i] = (uint8_t)scene(i / 3 % width, i / 3 / width, i % 3);
    return image;
}

/* The picture as a camera held that way stores it. */
static struct sanl_image make_stored(const struct sanl_image *upright, int orientation)
{
    struct sanl_image stored;
    const int swaps = orientation >= 5;
    assert_int_equal(sanl_image_create(&stored, swaps ? upright->height : upright->width,
                                       swaps ? upright->width : upright->height),
                     SANL_OK);
    for (int y = 0; y < stored.height; y++)
        for (int x = 0; x < stored.width; x++) {
            int u, v;
            turn(&u, &v, x, y, stored.width, stored.height, orientation);
            memcpy(stored.pixels + 3 * (y * stored.width + x), upright->pixels + 3 * (v * upright->width + u),
                   3);
        }
    return stored;
}

/* An EXIF block with one entry, of 16 bits unless `format` says otherwise: its size. */
static size_t make_exif(unsigned char out[64], int orientation, bool big_endian, unsigned char format)
{
    static const unsigned char big[] =
        "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\1\0\0\0\0\0\0";
    static const unsigned char little[] =
        "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\1\0\0\0\0\0\0\0";
    memcpy(out, big_endian ? big : little, sizeof big - 1);
    out[big_endian ? 19 : 18] = format;
    out[big_endian ? 25 : 24] = (unsigned char)orientation;
    return sizeof big - 1;
}

/* Writes `path`: the stored picture as a JPEG with the block (`bytes` of them) as its APP1 segment. */
static void write_jpeg(const struct sanl_image *stored, const void *block, size_t bytes)
{
    char *plain, *file;
    size_t count;
    assert_int_equal(sanl_image_write(stored, path, 97), SANL_OK);
    assert_int_equal(sanl_file_read(&plain, &count, path, 10000000), SANL_OK);
    file = malloc(count + bytes + 4);
    assert_non_null(file);
    const unsigned char head[] = {
        0xFF, 0xD8, 0xFF, 0xE1, (unsigned char)((bytes + 2) >> 8), (unsigned char)(bytes + 2)};
    memcpy(file, head, sizeof head);
    memcpy(file + sizeof head, block, bytes);
    memcpy(file + sizeof head + bytes, plain + 2, count - 2);
    assert_int_equal(sanl_file_write(path, file, count + bytes + 4), SANL_OK);
    free(plain);
    free(file);
}

static void write_turned(const struct sanl_image *upright, int orientation, bool big_endian)
{
    unsigned char block[64];
    struct sanl_image stored = make_stored(upright, orientation);
    write_jpeg(&stored, block, make_exif(block, orientation, big_endian, 3));
    sanl_image_free(&stored);
}

static int worst_difference(const struct sanl_image *a, const struct sanl_image *b)
{
    int worst = 0;
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    for (int i = 0; i < a->width * a->height * 3; i++)
        worst = abs(a->pixels[i] - b->pixels[i]) > worst ? abs(a->pixels[i] - b->pixels[i]) : worst;
    return worst;
}

static void all_orientations_are_upright(void **state)
{
    (void)state;
    const struct sanl_image_limits limits = {.max_megapixels = 1};
    struct sanl_image upright = make_upright(45, 31), image;
    for (int orientation = 1; orientation <= 8; orientation++)
        for (int big_endian = 0; big_endian < 2; big_endian++) {
            int width, height;
            write_turned(&upright, orientation, big_endian);
            assert_int_equal(sanl_image_read(&image, &width, &height, path, &limits), SANL_OK);
            assert_true(width == 45 && height == 31);
            if (worst_difference(&image, &upright) > 4)
                fail_msg("orientation %d", orientation);
            sanl_image_free(&image);
        }
    sanl_image_free(&upright);
}

/* Scaled decoding: pixels are means of blocks counted from the upright picture's left and top. Where a side
 * of no whole blocks is turned round, the picture stays larger. */
static void turned_pictures_shrink(void **state)
{
    (void)state;
    static const struct {
        int width, height;
        int shrink[9]; /* for orientations 1 to 8 */
    } cases[] = {
        {160, 120, {0, 8, 8, 8, 8, 8, 8, 8, 8}},
        {156, 120, {0, 8, 4, 4, 8, 8, 4, 4, 8}}, /* turned round in 2, 3, 6, 7: the upright x */
        {157, 122, {0, 8, 1, 1, 2, 8, 1, 1, 2}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sanl_image upright = make_upright(cases[i].width, cases[i].height), image, mean;
        for (int orientation = 1; orientation <= 8; orientation++) {
            const struct sanl_image_limits limits = {.max_megapixels = 1, .max_shrink = 8};
            int width, height;
            write_turned(&upright, orientation, true);
            assert_int_equal(sanl_image_read(&image, &width, &height, path, &limits), SANL_OK);
            assert_true(width == cases[i].width && height == cases[i].height);
            assert_int_equal(
                sanl_image_crop(&mean, &upright, 0, 0, width, height, cases[i].shrink[orientation]), SANL_OK);
            if (worst_difference(&image, &mean) > 5)
                fail_msg("%d x %d, orientation %d", width, height, orientation);
            sanl_image_free(&image);
            sanl_image_free(&mean);
        }
        sanl_image_free(&upright);
    }
}

static void expect_stored(const struct sanl_image *stored, const void *block, size_t bytes)
{
    const struct sanl_image_limits limits = {.max_megapixels = 1};
    struct sanl_image image;
    write_jpeg(stored, block, bytes);
    assert_int_equal(sanl_image_read(&image, NULL, NULL, path, &limits), SANL_OK);
    assert_true(worst_difference(&image, stored) <= 4);
    sanl_image_free(&image);
}

static void broken_blocks_are_ignored(void **state)
{
    (void)state;
    unsigned char block[64];
    struct sanl_image stored = make_upright(45, 31);
    const size_t bytes = make_exif(block, 6, true, 3);
    for (size_t cut = 0; cut < 26; cut++) /* the value ends there; what follows may lack */
        expect_stored(&stored, block, cut);
    static const int values[] = {0, 9, 255};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        expect_stored(&stored, block, make_exif(block, values[i], true, 3));
    expect_stored(&stored, block, make_exif(block, 6, false, 2)); /* a text */
    make_exif(block, 6, true, 3);
    memset(block + 10, 0xFF, 4); /* the directory is nowhere */
    expect_stored(&stored, block, bytes);
    make_exif(block, 6, true, 3);
    memset(block + 14, 0xFF, 2); /* and has 65535 entries */
    struct sanl_image image;
    write_jpeg(&stored, block, bytes);
    const struct sanl_image_limits limits = {.max_megapixels = 1};
    assert_int_equal(sanl_image_read(&image, NULL, NULL, path, &limits), SANL_OK);
    sanl_image_free(&image);
    memcpy(block, "Xmp \0", 6); /* another user of the same segment */
    expect_stored(&stored, block, bytes);
    sanl_image_free(&stored);
}

/* Boxes are those of the upright picture, and the loader sees the same as with a file that is stored so. */
static void samples_are_upright(void **state)
{
    (void)state;
    static const struct sanl_box box = {30, 10, 150, 100};
    const struct sanl_sample_options options = {.size = 32, .margin = 0.1, .max_megapixels = 1};
    struct sanl_image upright = make_upright(160, 120);
    for (int whole = 0; whole < 2; whole++) {
        struct sanl_sample want, sample;
        write_turned(&upright, 1, true);
        assert_int_equal(sanl_sample_read(&want, path, whole ? NULL : &box, &options, NULL), SANL_OK);
        for (int orientation = 2; orientation <= 8; orientation++) {
            write_turned(&upright, orientation, true);
            assert_int_equal(sanl_sample_read(&sample, path, whole ? NULL : &box, &options, NULL), SANL_OK);
            assert_true(sample.width == 160 && sample.height == 120);
            assert_memory_equal(&sample.in_to_src, &want.in_to_src, sizeof want.in_to_src);
            assert_memory_equal(&sample.in_to_img, &want.in_to_img, sizeof want.in_to_img);
            assert_true(worst_difference(&sample.crop, &want.crop) <= 5);
            sanl_sample_free(&sample);
        }
        sanl_sample_free(&want);
    }
    sanl_image_free(&upright);
}

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a.jpg", folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    remove(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_orientations_are_upright),
        cmocka_unit_test(turned_pictures_shrink),
        cmocka_unit_test(broken_blocks_are_ignored),
        cmocka_unit_test(samples_are_upright),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
