/* landmark/: the scheme, decoding of heatmaps, normalised errors. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "landmark/decode.h"
#include "landmark/metric.h"
#include "landmark/scheme.h"

static void near(double a, double b)
{
    if (fabs(a - b) > 1e-12)
        fail_msg("%.17g is not %.17g", a, b);
}

static void sides_swap(void **state)
{
    (void)state;
    for (int k = 0; k < SANL_LANDMARKS; k++) {
        const char *name = sanl_landmark_name(k), *other = sanl_landmark_name(sanl_landmark_mirror(k));
        assert_true(name[0] != other[0]);
        assert_string_equal(name + 1, other + 1);
        assert_int_equal(sanl_landmark_mirror(sanl_landmark_mirror(k)), k);
    }
}

static void clothes_have_slots(void **state)
{
    (void)state;
    const char *const upper[] = {"lcollar", "rcollar", "lsleeve", "rsleeve", "lhem", "rhem"};
    const char *const lower[] = {"lwaist", "rwaist", "lhem", "rhem"};
    int count;
    const int *slots = sanl_clothes_slots(SANL_CLOTHES_UPPER, &count);
    assert_int_equal(count, 6);
    for (int i = 0; i < count; i++)
        assert_string_equal(sanl_landmark_name(slots[i]), upper[i]);
    slots = sanl_clothes_slots(SANL_CLOTHES_LOWER, &count);
    assert_int_equal(count, 4);
    for (int i = 0; i < count; i++)
        assert_string_equal(sanl_landmark_name(slots[i]), lower[i]);
    slots = sanl_clothes_slots(SANL_CLOTHES_FULL, &count);
    assert_int_equal(count, 8);
    for (int i = 0; i < count; i++)
        assert_int_equal(slots[i], i);
    assert_null(sanl_clothes_slots(0, &count));
    assert_int_equal(count, 0);
    assert_null(sanl_clothes_slots(4, &count));
    assert_string_equal(sanl_clothes_name(2), "lower");
    assert_null(sanl_clothes_name(0));
}

enum { H = 4, W = 5, L = 2 };

static void put(float *heat, int k, int y, int x, float v)
{
    heat[(y * W + x) * L + k] = v;
}

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
    sanl_heatmap_decode(point, score, heat, H, W, L, 4);
    near(point[0][0], 2.25 * 4 + 1.5);
    near(point[0][1], 1 * 4 + 1.5);
    near(point[1][0], 4 * 4 + 1.5);
    near(point[1][1], 1.5);
    assert_true(score[0] == 3.0F && score[1] == 0.5F);
    /* Towards the smaller index, at another stride. */
    put(heat, 0, 0, 2, 0.25F);
    put(heat, 0, 1, 1, 2.0F);
    sanl_heatmap_decode(point, score, heat, H, W, L, 8);
    near(point[0][0], 1.75 * 8 + 3.5);
    near(point[0][1], 0.75 * 8 + 3.5);
}

static void one_pixel_and_negative_maps_decode(void **state)
{
    (void)state;
    const float heat[] = {-2.0F};
    float score[1];
    double point[1][2];
    sanl_heatmap_decode(point, score, heat, 1, 1, 1, 4);
    near(point[0][0], 1.5);
    near(point[0][1], 1.5);
    assert_true(score[0] == -2.0F);
}

static void errors_follow_the_protocol(void **state)
{
    (void)state;
    const struct sanl_box box = {10, 20, 110, 220}; /* 100 x 200 */
    const double truth[SANL_LANDMARKS][2] = {{60, 120}, {10, 20},  {110, 120}, {9.5, 120},
                                             {60, 120}, {60, 120}, {60, 120},  {35, 70}};
    const unsigned char vis[SANL_LANDMARKS] = {SANL_VISIBLE,  SANL_VISIBLE, SANL_VISIBLE, SANL_VISIBLE,
                                               SANL_OCCLUDED, SANL_CUT_OFF, SANL_ABSENT,  SANL_VISIBLE};
    double predicted[SANL_LANDMARKS][2] = {{63, 128}, {10, 20}, {110, 120}, {9, 120}, {0, 0}, {0, 0}, {0, 0}};
    predicted[7][0] = -1000; /* far outside: clamped to the first column */
    predicted[7][1] = 20 + 200 * (50.5 / 100.0) - 0.5 + 0.5 * 200 / 100.0;
    struct sanl_ne ne;
    struct sanl_ne_summary s;
    sanl_ne_reset(&ne, 100);
    sanl_ne_add(&ne, predicted, truth, vis, &box);
    sanl_ne_summarize(&s, &ne);
    /* Slot 0: exact (3/100, 8/200) = (0.03, 0.04). In the crop of 100 pixels the prediction is at
     * x (63 - 10 + 0.5) * 1 - 0.5 = 53, y (128 - 20 + 0.5) / 2 - 0.5 = 53.75 -> 54. */
    near(s.exact[0], 0.05);
    near(s.peer[0], hypot(53 / 99.0 - 0.5, 54 / 99.0 - 0.5));
    /* Slot 1: right on the corner: 0 and (0.5 / 2 - 0.5) -> 0. */
    near(s.exact[1], 0);
    near(s.peer[1], 0);
    /* The right edge, left of the box, and whatever is not visible do not count. */
    for (int k = 2; k < 7; k++) {
        assert_int_equal(s.count[k], 0);
        assert_true(isnan(s.exact[k]) && isnan(s.peer[k]));
    }
    /* Slot 7: y is at 50.5 of the crop: a tie, to the even 50. */
    near(s.peer[7], hypot(0 - 0.25, 50 / 99.0 - 0.25));
    assert_int_equal(s.points, 3);
    near(s.peer_mean, (s.peer[0] + s.peer[1] + s.peer[7]) / 3);
    near(s.exact_mean, (s.exact[0] + s.exact[1] + s.exact[7]) / 3);
    /* A second picture for slot 0 alone: per-landmark mean against mean over points. */
    const unsigned char one[SANL_LANDMARKS] = {SANL_VISIBLE, SANL_ABSENT, SANL_ABSENT, SANL_ABSENT,
                                               SANL_ABSENT,  SANL_ABSENT, SANL_ABSENT, SANL_ABSENT};
    double same[SANL_LANDMARKS][2];
    memcpy(same, truth, sizeof same);
    const double slot7 = s.exact[7];
    sanl_ne_add(&ne, same, truth, one, &box);
    sanl_ne_summarize(&s, &ne);
    near(s.exact[0], 0.025);
    near(s.exact_mean, (0.025 + 0 + slot7) / 3);
    near(s.exact_points, (0.05 + 0 + slot7) / 4);
}

static void ties_survive_the_way_over_the_image(void **state)
{
    (void)state;
    const double truth[SANL_LANDMARKS][2] = {{0, 0}};
    const unsigned char vis[SANL_LANDMARKS] = {SANL_VISIBLE, 3, 3, 3, 3, 3, 3, 3};
    for (int side = 31; side < 331; side += 7) {
        const struct sanl_box box = {0, 0, side, side};
        for (int j = 0; j < 24; j++) { /* decoded at 4 j + 0.5 -> 4 j, and at 4 j + 1.5 -> 4 j + 2 */
            double predicted[SANL_LANDMARKS][2] = {{0}};
            predicted[0][0] = (4 * j + 0.5 + 0.5) * side / 96.0 - 0.5;
            predicted[0][1] = (4 * j + 1.5 + 0.5) * side / 96.0 - 0.5;
            struct sanl_ne ne;
            sanl_ne_reset(&ne, 96);
            sanl_ne_add(&ne, predicted, truth, vis, &box);
            near(ne.peer_sum[0], hypot(4 * j / 95.0, (4 * j + 2) / 95.0));
        }
    }
}

static void nothing_counted_is_nan(void **state)
{
    (void)state;
    struct sanl_ne ne;
    struct sanl_ne_summary s;
    sanl_ne_reset(&ne, 224);
    sanl_ne_summarize(&s, &ne);
    assert_true(isnan(s.peer_mean) && isnan(s.exact_mean) && isnan(s.peer_points) && isnan(s.exact_points));
    assert_int_equal(s.points, 0);
}

static void mean_landmark_is_a_baseline(void **state)
{
    (void)state;
    struct sanl_mean_landmark mean;
    const struct sanl_box a = {0, 0, 10, 20}, b = {100, 100, 200, 300}, c = {50, 0, 150, 10};
    double truth[SANL_LANDMARKS][2] = {{2, 4}, {5, 5}};
    unsigned char vis[SANL_LANDMARKS] = {SANL_VISIBLE, SANL_OCCLUDED, 3, 3, 3, 3, 3, 3};
    double out[SANL_LANDMARKS][2];
    sanl_mean_landmark_reset(&mean);
    sanl_mean_landmark_add(&mean, truth, vis, &a); /* (0.2, 0.2) */
    truth[0][0] = 140;
    truth[0][1] = 180; /* (0.4, 0.4) */
    sanl_mean_landmark_add(&mean, truth, vis, &b);
    sanl_mean_landmark_predict(out, &mean, &c);
    near(out[0][0], 80);
    near(out[0][1], 3);
    near(out[1][0], 100); /* never seen: the centre */
    near(out[1][1], 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sides_swap),
        cmocka_unit_test(clothes_have_slots),
        cmocka_unit_test(heatmaps_decode),
        cmocka_unit_test(one_pixel_and_negative_maps_decode),
        cmocka_unit_test(errors_follow_the_protocol),
        cmocka_unit_test(ties_survive_the_way_over_the_image),
        cmocka_unit_test(nothing_counted_is_nan),
        cmocka_unit_test(mean_landmark_is_a_baseline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
