/* landmark/decode.c: from heatmaps to points. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "landmark/decode.h"
#include "landmark/scheme.h"

static void near(double a, double b)
{
    if (fabs(a - b) > 1e-12)
        fail_msg("%.17g is not %.17g", a, b);
}

enum { H = 4, W = 5, L = 2 };

static void put(float *heat, int k, int y, int x, float v)
{
    heat[(y * W + x) * L + k] = v;
}

static const struct sanl_decoding quarter = {.how = SANL_DECODE_QUARTER};

static void heatmaps_decode(void **state)
{
    (void)state;
    float heat[H * W * L] = {0}, score[L];
    double point[L][2];
    /* Landmark 0: peak at (2, 1), its right neighbour above its left one, equal above and below. Landmark 1:
     * the same value at (4, 0) and (1, 3); the first in row-major order wins and stands at the border on both
     * axes. */
    put(heat, 0, 1, 2, 3.0F);
    put(heat, 0, 1, 3, 1.0F);
    put(heat, 0, 1, 1, -1.0F);
    put(heat, 1, 0, 4, 0.5F);
    put(heat, 1, 3, 1, 0.5F);
    sanl_heatmap_decode(point, score, heat, H, W, L, 4, &quarter);
    near(point[0][0], 2.25 * 4 + 1.5);
    near(point[0][1], 1 * 4 + 1.5);
    near(point[1][0], 4 * 4 + 1.5);
    near(point[1][1], 1.5);
    assert_true(score[0] == 3.0F && score[1] == 0.5F);
    /* Towards the smaller index, at another stride. */
    put(heat, 0, 0, 2, 0.25F);
    put(heat, 0, 1, 1, 2.0F);
    sanl_heatmap_decode(point, score, heat, H, W, L, 8, &quarter);
    near(point[0][0], 1.75 * 8 + 3.5);
    near(point[0][1], 0.75 * 8 + 3.5);
}

static void one_pixel_and_negative_maps_decode(void **state)
{
    (void)state;
    const float heat[] = {-2.0F};
    float score[1];
    double point[1][2];
    sanl_heatmap_decode(point, score, heat, 1, 1, 1, 4, &quarter);
    near(point[0][0], 1.5);
    near(point[0][1], 1.5);
    assert_true(score[0] == -2.0F);
}

/* ---- dark and softargmax ------------------------------------------------------------------------- */

enum { SIDE = 24, PIXELS = SIDE * SIDE };

static void draw_gaussian(float map[PIXELS], double x, double y, double sigma, double peak)
{
    for (int i = 0; i < PIXELS; i++) {
        const double dx = i % SIDE - x, dy = i / SIDE - y;
        map[i] = (float)(peak * exp(-(dx * dx + dy * dy) / (2 * sigma * sigma)));
    }
}

/* A pseudo-random number in [0, 1). */
static double draw(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) / 16777216.0;
}

/* In heatmap pixels. */
static void decode_one(double out[2], const float map[PIXELS], const struct sanl_decoding *decoding)
{
    float score;
    double point[1][2];
    sanl_heatmap_decode(point, &score, map, SIDE, SIDE, 1, 4, decoding);
    out[0] = (point[0][0] - 1.5) / 4;
    out[1] = (point[0][1] - 1.5) / 4;
}

static void dark_finds_the_centre_of_a_gaussian(void **state)
{
    (void)state;
    unsigned seed = 7;
    double at[2], worst[3] = {0};
    float map[PIXELS];
    static const double sigmas[] = {1, 1.5, 2};
    for (int s = 0; s < 3; s++) {
        const struct sanl_decoding dark = {.how = SANL_DECODE_DARK, .sigma = sigmas[s]};
        for (int i = 0; i < 200; i++) {
            const double x = 9 + 6 * draw(&seed), y = 9 + 6 * draw(&seed), peak = 0.05 + draw(&seed);
            draw_gaussian(map, x, y, sigmas[s], peak);
            decode_one(at, map, &dark);
            worst[s] = fmax(worst[s], fmax(fabs(at[0] - x), fabs(at[1] - y)));
        }
        if (worst[s] > 0.02)
            fail_msg("sigma %g: %g pixels off", sigmas[s], worst[s]);
    }
}

static void softargmax_finds_the_centre_of_a_gaussian(void **state)
{
    (void)state;
    unsigned seed = 7;
    double at[2];
    float map[PIXELS];
    const struct sanl_decoding soft = {.how = SANL_DECODE_SOFTARGMAX, .beta = 20};
    for (int i = 0; i < 200; i++) {
        const double x = 9 + 6 * draw(&seed), y = 9 + 6 * draw(&seed);
        draw_gaussian(map, x, y, 1.5, 1);
        decode_one(at, map, &soft);
        assert_true(fabs(at[0] - x) < 0.15 && fabs(at[1] - y) < 0.15);
    }
    /* Without contrast it is the middle of the map; with a beta of nothing, too. */
    draw_gaussian(map, 3, 4, 1.5, 0);
    decode_one(at, map, &soft);
    near(at[0], (SIDE - 1) / 2.0);
    near(at[1], (SIDE - 1) / 2.0);
}

/* DARK as published, step by step over the whole map: blur with a border of zeros, scale to the old peak,
 * clamp, logarithm, Newton. */
static void plain_dark(double out[2], const float map[PIXELS], double sigma)
{
    static double rows[PIXELS], blurred[PIXELS];
    double kernel[64], sum = 0, top = -INFINITY, peak = map[0], f[SIDE][SIDE];
    const int radius = (int)ceil(2.5 * sigma);
    int at = 0;
    for (int i = -radius; i <= radius; i++)
        sum += kernel[radius + i] = exp(-i * i / (2 * sigma * sigma));
    for (int i = 0; i < PIXELS; i++) {
        if (map[i] > peak) {
            peak = map[i];
            at = i;
        }
        rows[i] = 0;
        for (int d = -radius; d <= radius; d++)
            if (i % SIDE + d >= 0 && i % SIDE + d < SIDE)
                rows[i] += kernel[radius + d] / sum * map[i + d];
    }
    for (int i = 0; i < PIXELS; i++) {
        blurred[i] = 0;
        for (int d = -radius; d <= radius; d++)
            if (i / SIDE + d >= 0 && i / SIDE + d < SIDE)
                blurred[i] += kernel[radius + d] / sum * rows[i + d * SIDE];
        top = fmax(top, blurred[i]);
    }
    for (int i = 0; i < PIXELS; i++)
        f[i / SIDE][i % SIDE] = log(fmax(1e-10, blurred[i] * peak / top));
    const int x = at % SIDE, y = at / SIDE;
    out[0] = x;
    out[1] = y;
    if (!(1 < x && x < SIDE - 2 && 1 < y && y < SIDE - 2))
        return;
    const double dx = 0.5 * (f[y][x + 1] - f[y][x - 1]), dy = 0.5 * (f[y + 1][x] - f[y - 1][x]);
    const double dxx = 0.25 * (f[y][x + 2] - 2 * f[y][x] + f[y][x - 2]);
    const double dyy = 0.25 * (f[y + 2][x] - 2 * f[y][x] + f[y - 2][x]);
    const double dxy = 0.25 * (f[y + 1][x + 1] - f[y - 1][x + 1] - f[y + 1][x - 1] + f[y - 1][x - 1]);
    const double det = dxx * dyy - dxy * dxy;
    const double sx = -(dyy * dx - dxy * dy) / det, sy = -(dxx * dy - dxy * dx) / det;
    if (det > 0 && dxx < 0 && fabs(sx) <= 2 && fabs(sy) <= 2) {
        out[0] += sx;
        out[1] += sy;
    }
}

/* Two interleaved maps of several noisy peaks, also at the border, against the plain ones. */
static void decoders_equal_plain_ones(void **state)
{
    (void)state;
    unsigned seed = 3;
    static float maps[2][PIXELS], heat[PIXELS * 2];
    int moved = 0;
    for (int round = 0; round < 100; round++) {
        double dark_in[2][2], soft_in[2][2], plain[2];
        float score[2];
        for (int k = 0; k < 2; k++) {
            draw_gaussian(maps[k], SIDE * draw(&seed), SIDE * draw(&seed), 1 + draw(&seed), 1);
            for (int i = 0; i < PIXELS; i++)
                heat[2 * i + k] = maps[k][i] += (float)(0.1 * draw(&seed));
        }
        sanl_heatmap_decode(dark_in, score, heat, SIDE, SIDE, 2, 4,
                            &(struct sanl_decoding){.how = SANL_DECODE_DARK, .sigma = 1.5});
        sanl_heatmap_decode(soft_in, score, heat, SIDE, SIDE, 2, 4,
                            &(struct sanl_decoding){.how = SANL_DECODE_SOFTARGMAX, .beta = 3});
        for (int k = 0; k < 2; k++) {
            double sum = 0, soft[2] = {0};
            plain_dark(plain, maps[k], 1.5);
            moved += plain[0] != floor(plain[0]); /* NOLINT */
            for (int i = 0; i < PIXELS; i++) {
                sum += exp(3 * (double)maps[k][i]);
                soft[0] += exp(3 * (double)maps[k][i]) * (i % SIDE);
                soft[1] += exp(3 * (double)maps[k][i]) * (i / SIDE); /* NOLINT */
            }
            for (int axis = 0; axis < 2; axis++) {
                assert_true(fabs(dark_in[k][axis] - (4 * plain[axis] + 1.5)) < 1e-9);
                assert_true(fabs(soft_in[k][axis] - (4 * soft[axis] / sum + 1.5)) < 1e-9);
            }
        }
    }
    assert_true(moved >= 120 && moved <= 199); /* a peak at the border stays */
}

static void dark_stays_where_it_cannot_tell(void **state)
{
    (void)state;
    const struct sanl_decoding dark = {.how = SANL_DECODE_DARK, .sigma = 1.5};
    float map[PIXELS];
    double at[2];
    draw_gaussian(map, 1.3, 12.3, 1.5, 1); /* the peak is 1 pixel from the border */
    decode_one(at, map, &dark);
    near(at[0], 1);
    near(at[1], 12);
    for (int i = 0; i < PIXELS; i++)                 /* a ridge: no curvature along it */
        map[i] = (float)exp(-pow(i / SIDE - 12, 2)); /* NOLINT */
    map[12 * SIDE + 5] += 1e-6F;
    decode_one(at, map, &dark);
    near(at[1], 12);
    assert_true(fabs(at[0] - 5) <= 2);
    draw_gaussian(map, 0, 0, 1, 0); /* nothing at all, and less than nothing */
    decode_one(at, map, &dark);
    near(at[0], 0);
    for (int i = 0; i < PIXELS; i++)
        map[i] = i == 12 * SIDE + 12 ? -1.0F : -2.0F;
    decode_one(at, map, &dark);
    near(at[0], 12);
    for (int i = 0; i < PIXELS; i++)
        map[i] = NAN;
    decode_one(at, map, &dark);
    near(at[0], 0);
    decode_one(at, map, &(struct sanl_decoding){.how = SANL_DECODE_SOFTARGMAX, .beta = 1});
    assert_true(isnan(at[0]));
}

static void mirrored_heatmaps_are_averaged(void **state)
{
    (void)state;
    enum { COUNT = H * W * SANL_FASHION_LANDMARKS };
    float heat[COUNT], mirrored[COUNT], before[COUNT];
    unsigned seed = 5;
    for (int i = 0; i < COUNT; i++) {
        before[i] = heat[i] = (float)draw(&seed);
        mirrored[i] = (float)draw(&seed);
    }
    sanl_heatmap_average(heat, mirrored, H, W, &sanl_scheme_fashion);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int k = 0; k < SANL_FASHION_LANDMARKS; k++) {
                const int other = k % 2 ? k - 1 : k + 1, at = (y * W + x) * SANL_FASHION_LANDMARKS;
                const float back = mirrored[(y * W + W - 1 - x) * SANL_FASHION_LANDMARKS + other];
                assert_true(fabsf(heat[at + k] - (before[at + k] + back) / 2) < 1e-6F);
            }
    /* What a network makes that sees the mirrored picture as the mirror of what it sees changes nothing. */
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int k = 0; k < SANL_FASHION_LANDMARKS; k++)
                mirrored[(y * W + W - 1 - x) * SANL_FASHION_LANDMARKS + (k ^ 1)] =
                    before[(y * W + x) * SANL_FASHION_LANDMARKS + k];
    memcpy(heat, before, sizeof heat);
    sanl_heatmap_average(heat, mirrored, H, W, &sanl_scheme_fashion);
    assert_memory_equal(heat, before, sizeof heat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heatmaps_decode),
        cmocka_unit_test(one_pixel_and_negative_maps_decode),
        cmocka_unit_test(dark_finds_the_centre_of_a_gaussian),
        cmocka_unit_test(softargmax_finds_the_centre_of_a_gaussian),
        cmocka_unit_test(decoders_equal_plain_ones),
        cmocka_unit_test(dark_stays_where_it_cannot_tell),
        cmocka_unit_test(mirrored_heatmaps_are_averaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
