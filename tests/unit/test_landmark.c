/* landmark/: the scheme and the metrics. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "landmark/metric.h"
#include "landmark/scheme.h"

static const struct sanl_scheme *const fashion = &sanl_scheme_fashion, *const many =
                                                                           &sanl_scheme_deepfashion2;

static void near(double a, double b)
{
    if (fabs(a - b) > 1e-12)
        fail_msg("%.17g is not %.17g", a, b);
}

static void sides_swap(void **state)
{
    (void)state;
    for (int k = 0; k < SANL_FASHION_LANDMARKS; k++) {
        const char *name = sanl_landmark_name(fashion, k),
                   *other = sanl_landmark_name(fashion, sanl_landmark_mirror(fashion, k));
        assert_true(name[0] != other[0]);
        assert_string_equal(name + 1, other + 1);
        assert_int_equal(sanl_landmark_mirror(fashion, sanl_landmark_mirror(fashion, k)), k);
    }
}

static void clothes_have_slots(void **state)
{
    (void)state;
    const char *const upper[] = {"lcollar", "rcollar", "lsleeve", "rsleeve", "lhem", "rhem"};
    const char *const lower[] = {"lwaist", "rwaist", "lhem", "rhem"};
    assert_int_equal(sanl_clothes_count(fashion, SANL_CLOTHES_UPPER), 6);
    for (int i = 0; i < 6; i++)
        assert_string_equal(sanl_landmark_name(fashion, sanl_clothes_slot(fashion, SANL_CLOTHES_UPPER, i)),
                            upper[i]);
    assert_int_equal(sanl_clothes_count(fashion, SANL_CLOTHES_LOWER), 4);
    for (int i = 0; i < 4; i++)
        assert_string_equal(sanl_landmark_name(fashion, sanl_clothes_slot(fashion, SANL_CLOTHES_LOWER, i)),
                            lower[i]);
    assert_int_equal(sanl_clothes_count(fashion, SANL_CLOTHES_FULL), 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(sanl_clothes_slot(fashion, SANL_CLOTHES_FULL, i), i);
    assert_int_equal(sanl_clothes_count(fashion, 0), 0);
    assert_int_equal(sanl_clothes_count(fashion, 4), 0);
    assert_string_equal(sanl_clothes_name(fashion, 2), "lower");
    assert_null(sanl_clothes_name(fashion, 0));
}

/* The ranges of DeepFashion2, and mirrored landmarks as mmpose's swaps have them, but for the vest's ninth,
 * which has its partner only on the other side there. */
static void deepfashion2_has_its_own(void **state)
{
    (void)state;
    static const int first[] = {0, 25, 58, 89, 128, 143, 158, 168, 182, 190, 219, 256, 275, 294};
    assert_ptr_equal(sanl_scheme_of(294), many);
    assert_null(sanl_scheme_of(9));
    for (int clothes = 1; clothes <= 13; clothes++) {
        const int count = first[clothes] - first[clothes - 1];
        assert_int_equal(sanl_clothes_count(many, clothes), count);
        assert_int_equal(sanl_clothes_slot(many, clothes, 0), first[clothes - 1]);
        int middle = 0;
        for (int i = 0; i < count; i++) {
            const int slot = sanl_clothes_slot(many, clothes, i), other = sanl_landmark_mirror(many, slot);
            assert_true(other >= first[clothes - 1] && other <= first[clothes] - 1);
            assert_int_equal(sanl_landmark_mirror(many, other), slot);
            middle += other == slot;
        }
        assert_int_equal(middle, clothes == 3 || clothes == 4 ? 1 : clothes >= 7 && clothes <= 9 ? 2 : 3);
    }
    static const struct {
        const char *name, *other;
    } pairs[] = {
        {"sss_kpt2", "sss_kpt6"},       {"sss_kpt7", "sss_kpt25"},           {"sss_kpt16", "sss_kpt16"},
        {"lss_kpt19", "lss_kpt21"},     {"sso_kpt2", "sso_kpt26"},           {"sso_kpt4", "sso_kpt6"},
        {"sso_kpt15", "sso_kpt17"},     {"sso_kpt16", "sso_kpt29"},          {"sso_kpt27", "sso_kpt30"},
        {"sso_kpt31", "sso_kpt28"},     {"lso_kpt4", "lso_kpt34"},           {"lso_kpt7", "lso_kpt33"},
        {"lso_kpt20", "lso_kpt37"},     {"lso_kpt38", "lso_kpt35"},          {"lso_kpt36", "lso_kpt39"},
        {"vest_kpt9", "vest_kpt13"},    {"shorts_kpt1", "shorts_kpt3"},      {"shorts_kpt2", "shorts_kpt2"},
        {"shorts_kpt7", "shorts_kpt7"}, {"trousers_kpt4", "trousers_kpt14"}, {"skirt_kpt5", "skirt_kpt7"},
        {"ssd_kpt18", "ssd_kpt18"},     {"lsd_kpt21", "lsd_kpt23"},          {"sd_kpt1", "sd_kpt1"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        int slot = 0;
        while (strcmp(sanl_landmark_name(many, slot), pairs[i].name) != 0)
            slot++;
        assert_string_equal(sanl_landmark_name(many, sanl_landmark_mirror(many, slot)), pairs[i].other);
    }
    assert_string_equal(sanl_landmark_label(many, 0), "1");
    assert_string_equal(sanl_landmark_label(many, 157), "15"); /* the last of a sling */
    assert_string_equal(sanl_landmark_label(many, 293), "19");
    assert_string_equal(sanl_landmark_label(fashion, 7), "R hem");
    assert_string_equal(sanl_clothes_name(many, 13), "sling dress");
    assert_null(sanl_clothes_name(many, 14));
    assert_int_equal(sanl_clothes_find(many, "skirt"), 9);
    assert_int_equal(sanl_clothes_find(many, "upper"), 0);
    assert_true(sanl_clothes_has(many, 9, 182) && !sanl_clothes_has(many, 9, 190) &&
                sanl_clothes_has(many, 0, 190));
    assert_true(sanl_clothes_has(fashion, SANL_CLOTHES_UPPER, 7) &&
                !sanl_clothes_has(fashion, SANL_CLOTHES_UPPER, 4));
}

/* ---- metrics ------------------------------------------------------------------------------------- */

/* Pictures of a network of 100 pixels, all in a box of 100 x 200. */
static const struct sanl_box box_100_200 = {10, 20, 110, 220};

static void add(struct sanl_landmark_score *score, const double predicted[SANL_FASHION_LANDMARKS][2],
                const double truth[SANL_FASHION_LANDMARKS][2],
                const unsigned char vis[SANL_FASHION_LANDMARKS])
{
    struct sanl_landmark_errors errors;
    sanl_landmark_measure(&errors, SANL_FASHION_LANDMARKS, predicted, truth, vis, &box_100_200, 100);
    sanl_landmark_score_add(score, SANL_FASHION_LANDMARKS, &errors);
}

static void errors_follow_the_protocol(void **state)
{
    (void)state;
    const double truth[SANL_FASHION_LANDMARKS][2] = {{60, 120}, {10, 20},  {110, 120}, {9.5, 120},
                                                     {60, 120}, {60, 120}, {60, 120},  {35, 70}};
    const unsigned char vis[SANL_FASHION_LANDMARKS] = {SANL_VISIBLE, SANL_VISIBLE,  SANL_VISIBLE,
                                                       SANL_VISIBLE, SANL_OCCLUDED, SANL_CUT_OFF,
                                                       SANL_ABSENT,  SANL_VISIBLE};
    double predicted[SANL_FASHION_LANDMARKS][2] = {{63, 128}, {10, 20}, {110, 120}, {9, 120},
                                                   {66, 136}, {0},      {0}};
    predicted[7][0] = -1000; /* far outside: clamped to the first column */
    predicted[7][1] = 20 + 200 * (50.5 / 100.0) - 0.5 + 0.5 * 200 / 100.0;
    struct sanl_landmark_score s = {0};
    add(&s, predicted, truth, vis);
    /* Slot 0: exact (3/100, 8/200) = (0.03, 0.04). In the crop of 100 pixels the prediction is at
     * x (63 - 10 + 0.5) * 1 - 0.5 = 53, y (128 - 20 + 0.5) / 2 - 0.5 = 53.75 -> 54. */
    near(sanl_landmark_score_slot(&s, SANL_NE, 0), 0.05);
    near(sanl_landmark_score_slot(&s, SANL_NE_PEER, 0), hypot(53 / 99.0 - 0.5, 54 / 99.0 - 0.5));
    /* Slot 1: right on the corner: 0 and (0.5 / 2 - 0.5) -> 0. */
    near(sanl_landmark_score_slot(&s, SANL_NE, 1), 0);
    near(sanl_landmark_score_slot(&s, SANL_NE_PEER, 1), 0);
    /* The right edge, left of the box, and whatever is not visible do not count. */
    for (int k = 2; k < 7; k++) {
        assert_int_equal(s.count[SANL_MASK_VISIBLE][k], 0);
        assert_true(isnan(sanl_landmark_score_slot(&s, SANL_NE, k)));
        assert_true(isnan(sanl_landmark_score_slot(&s, SANL_NE_PEER, k)));
        assert_true(isnan(sanl_landmark_score_slot(&s, SANL_PDL, k)));
    }
    /* Slot 7: y is at 50.5 of the crop: a tie, to the even 50. */
    near(sanl_landmark_score_slot(&s, SANL_NE_PEER, 7), hypot(0 - 0.25, 50 / 99.0 - 0.25));
    assert_int_equal(sanl_landmark_score_count(&s, SANL_MASK_VISIBLE), 3);
    const double far = sanl_landmark_score_slot(&s, SANL_NE, 7);
    near(sanl_landmark_score_mean(&s, SANL_NE), (0.05 + 0 + far) / 3);
    /* What is occluded counts in the picture and for mmpose; what lies on or beyond the box's edge for mmpose
     * alone. */
    const long inpic[] = {1, 1, 0, 0, 1, 0, 0, 1}, labelled[] = {1, 1, 1, 1, 1, 0, 0, 1};
    for (int k = 0; k < SANL_FASHION_LANDMARKS; k++) {
        assert_int_equal(s.count[SANL_MASK_INPIC][k], inpic[k]);
        assert_int_equal(s.count[SANL_MASK_LABELLED][k], labelled[k]);
    }
    near(sanl_landmark_score_slot(&s, SANL_NE_INPIC, 4), hypot(0.06, 0.08));
    near(sanl_landmark_score_mean(&s, SANL_NE_INPIC), (0.05 + 0 + 0.1 + far) / 4);
    near(sanl_landmark_score_slot(&s, SANL_EPE, 4), hypot(6, 16));
    near(sanl_landmark_score_slot(&s, SANL_EPE, 3), 0.5);
    assert_true(isnan(sanl_landmark_score_slot(&s, SANL_EPE, 5)));
    /* A second picture for slot 0 alone: the mean of landmarks against the mean of points. */
    const unsigned char one[SANL_FASHION_LANDMARKS] = {SANL_VISIBLE, SANL_ABSENT, SANL_ABSENT, SANL_ABSENT,
                                                       SANL_ABSENT,  SANL_ABSENT, SANL_ABSENT, SANL_ABSENT};
    add(&s, truth, truth, one);
    near(sanl_landmark_score_slot(&s, SANL_NE, 0), 0.025);
    near(sanl_landmark_score_mean(&s, SANL_NE), (0.025 + 0 + far) / 3);
    near(sanl_landmark_score_points(&s, SANL_NE), (0.05 + 0 + far) / 4);
    near(sanl_landmark_score_value(&s, SANL_NE), sanl_landmark_score_mean(&s, SANL_NE));
    near(sanl_landmark_score_value(&s, SANL_EPE), sanl_landmark_score_points(&s, SANL_EPE));
    assert_int_equal(s.images, 2);
}

/* The share that a prediction `dx`, `dy` pixels beside a visible landmark adds. */
static double share(int metric, double dx, double dy)
{
    const unsigned char vis[SANL_FASHION_LANDMARKS] = {3, 3, SANL_VISIBLE, 3, 3, 3, 3, 3};
    const double truth[SANL_FASHION_LANDMARKS][2] = {{0}, {0}, {60, 120}},
                 predicted[SANL_FASHION_LANDMARKS][2] = {{0}, {0}, {60 + dx, 120 + dy}};
    struct sanl_landmark_score s = {0};
    add(&s, predicted, truth, vis);
    return sanl_landmark_score_mean(&s, metric);
}

static void thresholds_are_strict(void **state)
{
    (void)state;
    /* 35 pixels of 512 are 35 / 512 of the width 100, and twice as many pixels of the height 200. */
    const double limit = 100 * 35 / 512.0;
    near(share(SANL_PDL, limit - 1e-6, 0), 1);
    near(share(SANL_PDL, limit + 1e-6, 0), 0);
    near(share(SANL_PDL, 0, 2 * limit - 1e-6), 1);
    near(share(SANL_PDL, 0, 2 * limit + 1e-6), 0);
    /* 0.2 of the longer side is 40 pixels, in any direction. */
    near(share(SANL_PCK, 39.999, 0), 1);
    near(share(SANL_PCK, 0, -39.999), 1);
    near(share(SANL_PCK, 40, 0), 0);
    near(share(SANL_PCK, 30, 30), 0);
    /* d / 30 < t / 20 for t = 0 .. 19: an exact one passes 19 of 20, one at 1.5 pixels t = 2 .. 19. */
    near(share(SANL_AUC, 0, 0), 0.95);
    near(share(SANL_AUC, 1.4, 0), 0.95);
    near(share(SANL_AUC, 1.5, 0), 0.90);
    near(share(SANL_AUC, 15.1, 0), 0.45);
    near(share(SANL_AUC, 28.6, 0), 0);
    near(share(SANL_EPE, 3, -4), 5);
}

static void curve_counts_what_is_within(void **state)
{
    (void)state;
    const unsigned char vis[SANL_FASHION_LANDMARKS] = {0, 0, 3, 3, 3, 3, 3, 3};
    const double truth[SANL_FASHION_LANDMARKS][2] = {{60, 120}, {60, 120}};
    /* In 512: 0 and 25.6 pixels; then 51.2 and 409.6. */
    const double a[SANL_FASHION_LANDMARKS][2] = {{60, 120}, {65, 120}},
                 b[SANL_FASHION_LANDMARKS][2] = {{70, 120}, {140, 120}};
    struct sanl_landmark_score s = {0};
    add(&s, a, truth, vis);
    add(&s, b, truth, vis);
    near(sanl_landmark_score_within(&s, -1, 0), 0);
    near(sanl_landmark_score_within(&s, -1, 1), 0.25);
    near(sanl_landmark_score_within(&s, -1, 25), 0.25);
    near(sanl_landmark_score_within(&s, -1, 26), 0.5);
    near(sanl_landmark_score_within(&s, 0, 51), 0.5);
    near(sanl_landmark_score_within(&s, 0, 52), 1);
    near(sanl_landmark_score_within(&s, 1, 100), 0.5);
    near(sanl_landmark_score_within(&s, -1, SANL_PDL_PIXELS), sanl_landmark_score_points(&s, SANL_PDL));
    assert_true(isnan(sanl_landmark_score_within(&s, 2, 10)));
}

static void what_is_not_finite_is_not_found(void **state)
{
    (void)state;
    const unsigned char vis[SANL_FASHION_LANDMARKS] = {0, 0, 1, 3, 3, 3, 3, 3};
    const double truth[SANL_FASHION_LANDMARKS][2] = {{60, 120}, {60, 120}, {60, 120}};
    const double predicted[SANL_FASHION_LANDMARKS][2] = {
        {(double)NAN, 120}, {60, 120}, {60, (double)INFINITY}, {(double)NAN, 0}};
    struct sanl_landmark_score s = {0};
    add(&s, predicted, truth, vis);
    assert_int_equal(s.lost, 2); /* slot 3 is absent */
    assert_int_equal(sanl_landmark_score_count(&s, SANL_MASK_LABELLED), 3);
    assert_true(isnan(sanl_landmark_score_mean(&s, SANL_NE_PEER)));
    assert_true(isnan(sanl_landmark_score_mean(&s, SANL_NE)) &&
                isnan(sanl_landmark_score_value(&s, SANL_EPE)));
    near(sanl_landmark_score_slot(&s, SANL_NE, 1), 0);
    near(sanl_landmark_score_mean(&s, SANL_PDL), 0.5);
    near(sanl_landmark_score_mean(&s, SANL_PCK), 1 / 3.0);
    near(sanl_landmark_score_mean(&s, SANL_AUC), 0.95 / 3);
    near(sanl_landmark_score_within(&s, -1, 100), 0.5);
}

static void ties_survive_the_way_over_the_image(void **state)
{
    (void)state;
    const double truth[SANL_FASHION_LANDMARKS][2] = {{0, 0}};
    const unsigned char vis[SANL_FASHION_LANDMARKS] = {SANL_VISIBLE, 3, 3, 3, 3, 3, 3, 3};
    for (int side = 31; side < 331; side += 7) {
        const struct sanl_box box = {0, 0, side, side};
        for (int j = 0; j < 24; j++) { /* decoded at 4 j + 0.5 -> 4 j, and at 4 j + 1.5 -> 4 j + 2 */
            double predicted[SANL_FASHION_LANDMARKS][2] = {{0}};
            predicted[0][0] = (4 * j + 0.5 + 0.5) * side / 96.0 - 0.5;
            predicted[0][1] = (4 * j + 1.5 + 0.5) * side / 96.0 - 0.5;
            struct sanl_landmark_errors errors;
            sanl_landmark_measure(&errors, SANL_FASHION_LANDMARKS, (const double(*)[2])predicted, truth, vis,
                                  &box, 96);
            near(errors.value[SANL_NE_PEER][0], hypot(4 * j / 95.0, (4 * j + 2) / 95.0));
        }
    }
}

static void nothing_counted_is_nan(void **state)
{
    (void)state;
    const struct sanl_landmark_score s = {0};
    for (int m = 0; m < SANL_METRICS; m++)
        assert_true(isnan(sanl_landmark_score_mean(&s, m)) && isnan(sanl_landmark_score_points(&s, m)) &&
                    isnan(sanl_landmark_score_slot(&s, m, 0)));
    assert_int_equal(sanl_landmark_score_count(&s, SANL_MASK_LABELLED), 0);
}

static void mean_landmark_is_a_baseline(void **state)
{
    (void)state;
    struct sanl_mean_landmark mean;
    const struct sanl_box a = {0, 0, 10, 20}, b = {100, 100, 200, 300}, c = {50, 0, 150, 10};
    double truth[SANL_FASHION_LANDMARKS][2] = {{2, 4}, {5, 5}};
    unsigned char vis[SANL_FASHION_LANDMARKS] = {SANL_VISIBLE, SANL_OCCLUDED, 3, 3, 3, 3, 3, 3};
    double out[SANL_FASHION_LANDMARKS][2];
    sanl_mean_landmark_reset(&mean);
    sanl_mean_landmark_add(&mean, 2, (const double(*)[2])truth, vis, &a); /* (0.2, 0.2) */
    truth[0][0] = 140;
    truth[0][1] = 180; /* (0.4, 0.4) */
    sanl_mean_landmark_add(&mean, 2, (const double(*)[2])truth, vis, &b);
    sanl_mean_landmark_predict(out, 2, &mean, &c);
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
        cmocka_unit_test(deepfashion2_has_its_own),
        cmocka_unit_test(errors_follow_the_protocol),
        cmocka_unit_test(thresholds_are_strict),
        cmocka_unit_test(curve_counts_what_is_within),
        cmocka_unit_test(what_is_not_finite_is_not_found),
        cmocka_unit_test(ties_survive_the_way_over_the_image),
        cmocka_unit_test(nothing_counted_is_nan),
        cmocka_unit_test(mean_landmark_is_a_baseline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
