/* image/: reading and writing pictures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/file.h"
#include "base/random.h"
#include "image/image.h"

#define FOLDER TEST_DIR "/data/image/"

enum { WIDTH = 23, HEIGHT = 17 }; /* of rgb.jpg and rgb.png */

static const struct sanl_image_limits no_limits = {.max_megapixels = 100};

static int slope(int x, int y, int c)
{
    return c == 0 ? 60 + 6 * x : c == 1 ? 200 - 8 * y : 90 + 3 * (x + y);
}

static void expect_read(struct sanl_image *image, const char *path, const struct sanl_image_limits *limits)
{
    if (sanl_image_read(image, NULL, NULL, path, limits) != SANL_OK)
        fail_msg("%s", sanl_error_message());
}

static void expect_failure(const char *path, enum sanl_status status, const char *message)
{
    struct sanl_image image;
    assert_int_equal(sanl_image_read(&image, NULL, NULL, path, &no_limits), status);
    assert_non_null(strstr(sanl_error_message(), message));
    assert_int_equal(strncmp(sanl_error_message(), path, strlen(path)), 0);
    assert_null(image.pixels);
}

static struct sanl_image random_image(int width, int height, uint64_t seed)
{
    struct sanl_image image;
    assert_int_equal(sanl_image_create(&image, width, height), SANL_OK);
    for (int i = 0; i < width * height * 3; i++)
        image.pixels[i] = (uint8_t)sanl_random_below(seed, (uint64_t)i, 256);
    return image;
}

static struct sanl_image formula_image(int width, int height, int (*formula)(int, int, int))
{
    struct sanl_image image;
    assert_int_equal(sanl_image_create(&image, width, height), SANL_OK);
    for (int i = 0; i < width * height * 3; i++)
        image.pixels[i] = (uint8_t)formula(i / 3 % width, i / 3 / width, i % 3);
    return image;
}

static void bad_files_are_named(void **state)
{
    (void)state;
    expect_failure(FOLDER "truncated.jpg", SANL_ERR_FORMAT, "truncated.jpg: premature end of JPEG");
    expect_failure(FOLDER "text.jpg", SANL_ERR_FORMAT, "text.jpg: neither a JPEG nor a PNG");
    expect_failure(FOLDER "empty.png", SANL_ERR_FORMAT, "empty.png: the file is empty");
    expect_failure(FOLDER "none.png", SANL_ERR_IO, "none.png: cannot open: No such file");
    expect_failure(TEST_DIR, SANL_ERR_IO, "directory");
    expect_failure(
        FOLDER "huge.png", SANL_ERR_LIMIT,
        "huge.png: 100000 x 100000 pixels are over the limit of 100 megapixels (data.max_megapixels)");
    const struct sanl_image_limits tight = {.max_megapixels = WIDTH * HEIGHT / 1e6 - 1e-9};
    const struct sanl_image_limits exact = {.max_megapixels = WIDTH * HEIGHT / 1e6 + 1e-9};
    const char *names[] = {FOLDER "rgb.jpg", FOLDER "rgb.png"};
    for (int i = 0; i < 2; i++) {
        struct sanl_image image;
        assert_int_equal(sanl_image_read(&image, NULL, NULL, names[i], &tight), SANL_ERR_LIMIT);
        expect_read(&image, names[i], &exact);
        sanl_image_free(&image);
    }
}

static void sizes_are_limited(void **state)
{
    (void)state;
    struct sanl_image image;
    assert_int_equal(sanl_image_create(&image, 0, 5), SANL_ERR_LIMIT);
    assert_int_equal(sanl_image_create(&image, 5, 65536), SANL_ERR_LIMIT);
    assert_null(image.pixels);
    sanl_image_free(&image);
    sanl_image_free(NULL);
}

/* Every cut of a file fails with one message, and no random damage does more than fail. Meant to be run
 * under the address sanitizer too. */
static void damage_is_survived(void **state)
{
    (void)state;
    static const char *const names[] = {
        "rgb.jpg",     "progressive.jpg", "cmyk.jpg",  "grey.jpg",
        "palette.png", "interlaced.png",  "alpha.png", "arithmetic_progressive.jpg",
        "turned7.png"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[500], *bytes, *copy;
        size_t count;
        struct sanl_image image;
        snprintf(path, sizeof path, "%s%s", FOLDER, names[i]);
        assert_int_equal(sanl_file_read(&bytes, &count, path, 100000), SANL_OK);
        for (size_t length = 0; length < count; length++) {
            copy = malloc(length + 1); /* of just this size, so that a sanitizer sees the end */
            assert_non_null(copy);
            memcpy(copy, bytes, length);
            assert_int_equal(sanl_image_decode(&image, NULL, NULL, copy, length, "cut", &no_limits),
                             SANL_ERR_FORMAT);
            assert_null(image.pixels);
            free(copy);
        }
        const struct sanl_image_limits small = {.max_megapixels = 0.1};
        for (uint64_t round = 0; round < 400; round++) {
            const uint64_t key = sanl_random_key(3, i, round, 0);
            copy = malloc(count);
            assert_non_null(copy);
            memcpy(copy, bytes, count);
            for (uint64_t k = 0; k <= sanl_random_below(key, 0, 4); k++)
                copy[sanl_random_below(key, 2 * k + 1, count)] ^=
                    (char)(1 << sanl_random_below(key, 2 * k + 2, 8));
            if (sanl_image_decode(&image, NULL, NULL, copy, count, "flipped", &small) == SANL_OK)
                assert_non_null(image.pixels);
            else
                assert_null(image.pixels);
            sanl_image_free(&image);
            free(copy);
        }
        free(bytes);
    }
}

static size_t find_marker(const char *bytes, size_t count, size_t from, unsigned char marker)
{
    for (size_t i = from; i + 1 < count; i++)
        if ((unsigned char)bytes[i] == 0xFF && (unsigned char)bytes[i + 1] == marker)
            return i;
    fail_msg("no marker %02X", marker);
    return 0;
}

/* A few bytes that claim a huge picture, or to be decoded for ever. */
static void bombs_are_refused(void **state)
{
    (void)state;
    char *bytes;
    size_t count;
    struct sanl_image image;
    assert_int_equal(sanl_file_read(&bytes, &count, FOLDER "rgb.jpg", 100000), SANL_OK);
    const size_t frame = find_marker(bytes, count, 0, 0xC0);
    memset(bytes + frame + 5, 0xF0, 4); /* height and width */
    assert_int_equal(sanl_image_decode(&image, NULL, NULL, bytes, count, "a", &no_limits), SANL_ERR_LIMIT);
    assert_string_equal(sanl_error_message(),
                        "a: 61680 x 61680 pixels are over the limit of 100 megapixels (data.max_megapixels)");
    free(bytes);

    assert_int_equal(sanl_file_read(&bytes, &count, FOLDER "progressive.jpg", 100000), SANL_OK);
    const size_t scan = find_marker(bytes, count, 0, 0xDA), next = find_marker(bytes, count, scan + 2, 0xC4);
    const size_t repeats = 600, length = next - scan;
    char *bomb = malloc(count + repeats * length);
    assert_non_null(bomb);
    memcpy(bomb, bytes, scan);
    for (size_t i = 0; i < repeats; i++)
        memcpy(bomb + scan + i * length, bytes + scan, length);
    memcpy(bomb + scan + repeats * length, bytes + scan, count - scan);
    assert_int_equal(sanl_image_decode(&image, NULL, NULL, bomb, count + repeats * length, "a", &no_limits),
                     SANL_ERR_LIMIT);
    assert_string_equal(sanl_error_message(), "a: a JPEG of more than 500 scans");
    free(bomb);
    free(bytes);
}

/* A chunk with a text that unpacks to 2 MB, 500 times. */
static void texts_are_left_packed(void **state)
{
    (void)state;
    char *bytes;
    size_t count;
    struct rusage before, after;
    struct sanl_image image;
    enum { START = 33, REPEATS = 500 }; /* behind the signature and IHDR */
    assert_int_equal(sanl_file_read(&bytes, &count, FOLDER "text.png", 100000), SANL_OK);
    const size_t length =
        12 + ((size_t)(unsigned char)bytes[START + 2] << 8) + (unsigned char)bytes[START + 3];
    char *bomb = malloc(count + REPEATS * length);
    assert_non_null(bomb);
    memcpy(bomb, bytes, START);
    for (size_t i = 0; i < REPEATS; i++)
        memcpy(bomb + START + i * length, bytes + START, length);
    memcpy(bomb + START + REPEATS * length, bytes + START, count - START);
    getrusage(RUSAGE_SELF, &before);
    assert_int_equal(sanl_image_decode(&image, NULL, NULL, bomb, count + REPEATS * length, "a", &no_limits),
                     SANL_OK);
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 100000); /* KB */
    sanl_image_free(&image);
    free(bomb);
    free(bytes);
}

static double psnr(const struct sanl_image *a, const struct sanl_image *b)
{
    double sum = 0;
    const int count = a->width * a->height * 3;
    assert_true(a->width == b->width && a->height == b->height);
    for (int i = 0; i < count; i++)
        sum += (a->pixels[i] - b->pixels[i]) * (a->pixels[i] - b->pixels[i]);
    return 10 * log10(255.0 * 255 * count / (sum + 1e-9));
}

static void expect_same_files(const char *a, const char *b)
{
    char *one, *two;
    size_t one_count, two_count;
    assert_int_equal(sanl_file_read(&one, &one_count, a, 1000000), SANL_OK);
    assert_int_equal(sanl_file_read(&two, &two_count, b, 1000000), SANL_OK);
    assert_int_equal(one_count, two_count);
    assert_memory_equal(one, two, one_count);
    free(one);
    free(two);
}

static void written_files_come_back(void **state)
{
    (void)state;
    char folder[] = "/tmp/sanlcl_image_XXXXXX", a[100], b[100];
    assert_non_null(mkdtemp(folder));
    struct sanl_image noise = random_image(61, 45, 1), soft = formula_image(30, 20, slope), back;
    snprintf(a, sizeof a, "%s/a.png", folder);
    snprintf(b, sizeof b, "%s/b.png", folder);
    assert_int_equal(sanl_image_write(&noise, a, 90), SANL_OK);
    assert_int_equal(sanl_image_write(&noise, b, 90), SANL_OK);
    expect_same_files(a, b);
    expect_read(&back, a, &no_limits);
    assert_memory_equal(back.pixels, noise.pixels, 61 * 45 * 3);
    sanl_image_free(&back);
    remove(a);
    remove(b);
    snprintf(a, sizeof a, "%s/a.jpg", folder);
    snprintf(b, sizeof b, "%s/b.JPEG", folder);
    assert_int_equal(sanl_image_write(&soft, a, 75), SANL_OK);
    expect_read(&back, a, &no_limits);
    assert_true(psnr(&soft, &back) > 36);
    sanl_image_free(&back);
    assert_int_equal(sanl_image_write(&soft, a, 95), SANL_OK);
    assert_int_equal(sanl_image_write(&soft, b, 95), SANL_OK);
    expect_same_files(a, b);
    expect_read(&back, b, &no_limits);
    assert_true(psnr(&soft, &back) > 42);
    sanl_image_free(&back);
    remove(a);
    remove(b);
    assert_int_equal(rmdir(folder), 0); /* no temporary file is left */
    sanl_image_free(&noise);
    sanl_image_free(&soft);
}

/* A file size limit fails a write just as a full disk does. */
static void full_disks_leave_nothing(void **state)
{
    (void)state;
    char folder[] = "/tmp/sanlcl_image_XXXXXX", path[100];
    struct rlimit old, low;
    assert_non_null(mkdtemp(folder));
    struct sanl_image noise = random_image(200, 200, 2);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    const char *const names[] = {"a.png", "a.jpg"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        low = old;
        low.rlim_cur = 10000;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
        const enum sanl_status status = sanl_image_write(&noise, path, 90);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(status, SANL_ERR_IO);
        assert_non_null(strstr(sanl_error_message(), ": cannot write: File too large"));
        assert_int_equal(strncmp(sanl_error_message(), path, strlen(path)), 0);
    }
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(sanl_image_write(&noise, "/proc/none/a.png", 90), SANL_ERR_IO);
    sanl_image_free(&noise);
}

static void large_files_shrink_while_read(void **state)
{
    (void)state;
    char folder[] = "/tmp/sanlcl_image_XXXXXX", path[100];
    assert_non_null(mkdtemp(folder));
    struct sanl_image tile = formula_image(20, 15, slope), big, image, mean;
    assert_int_equal(sanl_image_resize(&big, &tile, 203, 150), SANL_OK);
    static const struct {
        int min_side, width, height, shrink;
    } cases[] = {{0, 203, 150, 1}, {150, 203, 150, 1}, {76, 203, 150, 1}, {75, 102, 75, 2},
                 {38, 51, 38, 4},  {20, 51, 38, 4},    {19, 26, 19, 8},   {1, 26, 19, 8}};
    const char *const names[] = {"a.png", "a.jpg"};
    for (int k = 0; k < 2; k++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[k]);
        assert_int_equal(sanl_image_write(&big, path, 98), SANL_OK);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct sanl_image_limits limits = {.max_megapixels = 1, .min_side = cases[i].min_side};
            int width, height;
            assert_int_equal(sanl_image_read(&image, &width, &height, path, &limits), SANL_OK);
            assert_true(width == 203 && height == 150);
            assert_int_equal(image.width, cases[i].width);
            assert_int_equal(image.height, cases[i].height);
            assert_int_equal(sanl_image_crop(&mean, &big, 0, 0, 203, 150, cases[i].shrink), SANL_OK);
            assert_true(psnr(&mean, &image) > 38);
            sanl_image_free(&mean);
            sanl_image_free(&image);
        }
        remove(path);
    }
    rmdir(folder);
    sanl_image_free(&tile);
    sanl_image_free(&big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files_are_named),      cmocka_unit_test(sizes_are_limited),
        cmocka_unit_test(damage_is_survived),       cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(texts_are_left_packed),    cmocka_unit_test(written_files_come_back),
        cmocka_unit_test(full_disks_leave_nothing), cmocka_unit_test(large_files_shrink_while_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
