/* image/: crop and resize. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include "base/random.h"
#include "image/image.h"

static struct sanl_image random_image(int width, int height, uint64_t seed)
{
    struct sanl_image image;
    assert_int_equal(sanl_image_create(&image, width, height), SANL_OK);
    for (int i = 0; i < width * height * 3; i++)
        image.pixels[i] = (uint8_t)sanl_random_below(seed, (uint64_t)i, 256);
    return image;
}

static int value(const struct sanl_image *image, int x, int y, int c)
{
    return image->pixels[(y * image->width + x) * 3 + c];
}

static void crops_are_block_means(void **state)
{
    (void)state;
    struct sanl_image image = random_image(37, 29, 4), out;
    for (uint64_t round = 0; round < 60; round++) {
        const int x = (int)sanl_random_below(5, 5 * round, 50) - 15;
        const int y = (int)sanl_random_below(5, 5 * round + 1, 40) - 12;
        const int width = (int)sanl_random_below(5, 5 * round + 2, 50);
        const int height = (int)sanl_random_below(5, 5 * round + 3, 50);
        const int shrink = 1 + (int)sanl_random_below(5, 5 * round + 4, 9);
        const int x0 = x < 0 ? 0 : x, y0 = y < 0 ? 0 : y;
        const int x1 = x + width > 37 ? 37 : x + width, y1 = y + height > 29 ? 29 : y + height;
        const enum sanl_status status = sanl_image_crop(&out, &image, x, y, width, height, shrink);
        if (x1 <= x0 || y1 <= y0) {
            assert_int_equal(status, SANL_ERR_USAGE);
            continue;
        }
        assert_int_equal(status, SANL_OK);
        assert_int_equal(out.width, (x1 - x0 + shrink - 1) / shrink);
        assert_int_equal(out.height, (y1 - y0 + shrink - 1) / shrink);
        for (int k = 0; k < out.width * out.height * 3; k++) {
            const int j = k / 3 % out.width, i = k / 3 / out.width;
            int sum = 0, count = 0;
            for (int v = y0 + i * shrink; v < y0 + (i + 1) * shrink && v < y1; v++)
                for (int u = x0 + j * shrink; u < x0 + (j + 1) * shrink && u < x1; u++, count++)
                    sum += value(&image, u, v, k % 3);
            assert_int_equal(out.pixels[k], (int)floor((double)sum / count + 0.5));
        }
        sanl_image_free(&out);
    }
    assert_int_equal(sanl_image_crop(&out, &image, 3, 3, INT32_MAX, INT32_MAX, INT32_MAX), SANL_OK);
    assert_true(out.width == 1 && out.height == 1);
    sanl_image_free(&out);
    sanl_image_free(&image);
}

/* The value at (x, y) of a bilinear sampling or, when shrinking, of the mean over the covered length; one
 * axis at a time, by brute force. */
static double sample_axis(const double *line, int in, int out, int j)
{
    if (out < in) {
        double sum = 0;
        const int steps = 4096;
        for (int s = 0; s < steps; s++)
            sum += line[(int)((j + (s + 0.5) / steps) * in / out)];
        return sum / steps;
    }
    double at = (j + 0.5) * in / out - 0.5;
    at = at < 0 ? 0 : at > in - 1 ? in - 1 : at;
    const int low = (int)at, high = low + 1 < in ? low + 1 : low;
    return line[low] + (at - low) * (line[high] - line[low]);
}

static void resizing_is_bilinear_or_mean(void **state)
{
    (void)state;
    static const int sizes[][2] = {{13, 9}, {26, 27}, {7, 30}, {40, 4}, {1, 1}, {5, 9}, {12, 8}, {200, 1}};
    struct sanl_image image = random_image(13, 9, 6), out;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        assert_int_equal(sanl_image_resize(&out, &image, sizes[s][0], sizes[s][1]), SANL_OK);
        for (int k = 0; k < out.width * out.height * 3; k++) {
            double rows[9], line[13];
            for (int y = 0; y < 9; y++) {
                for (int x = 0; x < 13; x++)
                    line[x] = value(&image, x, y, k % 3);
                rows[y] = sample_axis(line, 13, out.width, k / 3 % out.width);
            }
            const double want = sample_axis(rows, 9, out.height, k / 3 / out.width);
            assert_true(fabs(out.pixels[k] - want) < 0.65);
        }
        if (out.width == 13 && out.height == 9)
            assert_memory_equal(out.pixels, image.pixels, 13 * 9 * 3);
        sanl_image_free(&out);
    }
    assert_int_equal(sanl_image_resize(&out, &image, 0, 5), SANL_ERR_LIMIT);
    sanl_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crops_are_block_means),
        cmocka_unit_test(resizing_is_bilinear_or_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
