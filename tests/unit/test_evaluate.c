/* train/evaluator.c: errors against values computed by hand from what the hooks see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <sanlcl/evaluate.h>
#include <sanlcl/interrupt.h>
#include "fixture.h"

enum { MOST = FIXTURE_COUNT };

struct seen {
    struct sanl_evaluated list[MOST];
    int count, done, of;
};

static void keep(void *payload, const struct sanl_evaluated *picture)
{
    struct seen *seen = payload;
    assert_true(seen->count >= 0 && seen->count <= MOST - 1);
    seen->list[seen->count++] = *picture;
}

static void progress(void *payload, int done, int count)
{
    struct seen *seen = payload;
    seen->done = done;
    seen->of = count;
}

static struct sanl_evaluate_options options_for(const char *weights, struct seen *seen)
{
    return (struct sanl_evaluate_options){.weights = weights,
                                          .hooks = {.progress = progress, .record = keep, .payload = seen}};
}

/* The peers' place of a predicted coordinate: its pixel in the crop, over size - 1. */
static double peer(double p_img, double from, double side)
{
    const double p = (p_img - from + 0.5) * FIXTURE_SIZE / side - 0.5;
    return fmin(fmax(nearbyint(round(p * 1024) / 1024), 0), FIXTURE_SIZE - 1) / (FIXTURE_SIZE - 1);
}

/* One landmark's value in a metric, straight from the definition; NaN when it does not count. */
static double value_of(const struct sanl_evaluated *p, int metric, int k)
{
    const double w = p->box.x2 - p->box.x1, h = p->box.y2 - p->box.y1;
    const double *t = p->truth_img[k], *q = p->predicted_img[k];
    const double gx = (t[0] - p->box.x1) / w, gy = (t[1] - p->box.y1) / h;
    const bool inside = gx >= 0 && gx < 1 && gy >= 0 && gy < 1;
    const double d = hypot(q[0] - t[0], q[1] - t[1]), e = hypot((q[0] - t[0]) / w, (q[1] - t[1]) / h);
    double passed = 0;
    if (p->visibility[k] > SANL_OCCLUDED || (metric < SANL_PCK && !inside) ||
        (metric < SANL_NE_INPIC && p->visibility[k] != SANL_VISIBLE))
        return (double)NAN;
    switch (metric) {
    case SANL_NE_PEER:
        return hypot(peer(q[0], p->box.x1, w) - gx, peer(q[1], p->box.y1, h) - gy);
    case SANL_PDL:
        return hypot(512 * (q[0] - t[0]) / w, 512 * (q[1] - t[1]) / h) < 35;
    case SANL_PCK:
        return d < 0.2 * fmax(w, h);
    case SANL_AUC:
        for (int i = 0; i < 20; i++)
            passed += d < 1.5 * i;
        return passed / 20;
    default:
        return metric == SANL_EPE ? d : e;
    }
}

/* The pictures of a group, whose numbers are those of FLD. */
static bool is_in(const struct sanl_evaluated *p, int group)
{
    return group == SANL_GROUP_ALL || p->clothes == group - SANL_GROUP_CLOTHES + 1 ||
           (group >= SANL_GROUP_VARIATION && p->variation == group - SANL_GROUP_VARIATION + 1);
}

static void check_score(const struct sanl_landmark_score *score, const struct seen *seen, int group)
{
    for (int m = 0; m < SANL_METRICS; m++) {
        double mean = 0, all = 0;
        long points = 0, images = 0;
        int landmarks = 0;
        for (int k = 0; k < SANL_FASHION_LANDMARKS; k++) {
            double sum = 0;
            long count = 0;
            images = 0;
            for (int i = 0; i < seen->count; i++) {
                const double value = value_of(&seen->list[i], m, k);
                assert_true(isnan(value) ? isnan(seen->list[i].error[m][k])
                                         : fabs(seen->list[i].error[m][k] - value) < 1e-9);
                if (!is_in(&seen->list[i], group))
                    continue;
                images++;
                sum += isnan(value) ? 0 : value;
                count += !isnan(value);
            }
            assert_int_equal(score->count[sanl_metric_mask(m)][k], count);
            points += count;
            all += sum;
            landmarks += count > 0;
            mean += count ? sum / (double)count : 0;
        }
        assert_int_equal(score->images, images);
        if (!points) {
            assert_true(isnan(sanl_landmark_score_mean(score, m)));
            continue;
        }
        assert_true(fabs(sanl_landmark_score_mean(score, m) - mean / landmarks) < 1e-9);
        assert_true(fabs(sanl_landmark_score_points(score, m) - all / (double)points) < 1e-9);
    }
}

static void test_landmarks(void **state)
{
    static struct seen seen;
    static struct sanl_evaluation e;
    struct sanl_evaluate_options options = options_for(fixture.landmark, &seen);
    long clothes = 0;
    (void)state;
    options.baseline = true;
    assert_int_equal(sanl_evaluate(&e, fixture.device, &options), SANL_OK);
    assert_int_equal(e.task, SANL_TASK_LANDMARK);
    assert_true(seen.count > 2);
    assert_int_equal(e.images, seen.count);
    assert_int_equal(seen.done, seen.count);
    assert_int_equal(seen.of, seen.count);
    assert_int_equal(e.skipped, 0);
    for (int g = 0; g < SANL_GROUP_BASELINE; g++)
        check_score(&e.score[g], &seen, g);
    for (int g = SANL_GROUP_CLOTHES; g < SANL_GROUP_VARIATION; g++)
        clothes += e.score[g].images;
    assert_int_equal(clothes, seen.count);
    const struct sanl_landmark_score *all = &e.score[SANL_GROUP_ALL], *base = &e.score[SANL_GROUP_BASELINE];
    assert_memory_equal(base->count, all->count, sizeof all->count);
    const double error = sanl_landmark_score_mean(base, SANL_NE);
    assert_true(error > 0.01 && error < 0.5);
    assert_true(sanl_evaluation_error(&e) == sanl_landmark_score_mean(all, SANL_NE_PEER)); /* NOLINT */
    sanl_evaluation_free(&e);
}

static void test_categories(void **state)
{
    static struct seen seen;
    struct sanl_evaluation e;
    struct sanl_evaluate_options options = options_for(fixture.classifier, &seen);
    long right = 0, counted = 0, top1 = 0, top3 = 0, top5 = 0;
    (void)state;
    assert_int_equal(sanl_evaluate(&e, fixture.device, &options), SANL_OK);
    assert_int_equal(e.task, SANL_TASK_CLASSIFY);
    for (int i = 0; i < seen.count; i++) {
        right += seen.list[i].category == seen.list[i].predicted_category;
        assert_true(seen.list[i].predicted_category >= 0 &&
                    seen.list[i].predicted_category < FIXTURE_CLASSES);
        assert_true(seen.list[i].probability >= 1.0 / FIXTURE_CLASSES - 1e-9 &&
                    seen.list[i].probability <= 1);
    }
    assert_int_equal(e.class_count, FIXTURE_CLASSES);
    for (int c = 0; c < e.class_count; c++) {
        counted += e.classes[c].count;
        top1 += e.classes[c].top1;
        top3 += e.classes[c].top3;
        top5 += e.classes[c].top5;
        assert_true(e.classes[c].top1 <= e.classes[c].top3 && e.classes[c].top3 <= e.classes[c].top5);
        assert_true(e.classes[c].top5 <= e.classes[c].count);
        assert_true(e.classes[c].name[0]);
        assert_int_equal(e.confusion[c * FIXTURE_CLASSES + c], e.classes[c].top1);
    }
    for (int i = 0; i < seen.count; i++) { /* each picture has its place in the matrix */
        int *place = &e.confusion[seen.list[i].category * FIXTURE_CLASSES + seen.list[i].predicted_category];
        assert_true(--*place >= 0);
    }
    for (int i = 0; i < FIXTURE_CLASSES * FIXTURE_CLASSES; i++)
        assert_int_equal(e.confusion[i], 0);
    assert_int_equal(counted, e.images);
    assert_int_equal(top1, right);
    assert_true(fabs(e.top1 - (double)right / e.images) < 1e-12);
    assert_true(fabs(e.top3 - (double)top3 / e.images) < 1e-12);
    assert_true(fabs(e.top5 - (double)top5 / e.images) < 1e-12);
    sanl_evaluation_free(&e);
}

/* The batch has no influence; another part has other pictures; data keys may be replaced. */
static void test_options(void **state)
{
    static struct seen a, b, c;
    struct sanl_evaluation e;
    static const char *const batch[] = {"eval.batch=3"}, *const limit[] = {"data.limit=2"};
    struct sanl_evaluate_options options = options_for(fixture.landmark, &a);
    (void)state;
    assert_int_equal(sanl_evaluate(&e, fixture.device, &options), SANL_OK);
    sanl_evaluation_free(&e);
    options.hooks.payload = &b;
    options.overrides = batch;
    options.override_count = 1;
    assert_int_equal(sanl_evaluate(&e, fixture.device, &options), SANL_OK);
    sanl_evaluation_free(&e);
    assert_int_equal(a.count, b.count);
    for (int i = 0; i < a.count; i++)
        for (int k = 0; k < SANL_FASHION_LANDMARKS; k++)
            assert_true(fabs(a.list[i].predicted_img[k][0] - b.list[i].predicted_img[k][0]) < 1e-6);
    options.hooks.payload = &c;
    options.overrides = limit;
    options.part = "val";
    assert_int_equal(sanl_evaluate(&e, fixture.device, &options), SANL_OK);
    assert_int_equal(e.images, 2);
    assert_int_not_equal(c.list[0].record, a.list[0].record);
    sanl_evaluation_free(&e);
}

static void evaluate_with(struct seen *seen, const char *const *overrides, size_t count)
{
    struct sanl_evaluation e;
    struct sanl_evaluate_options options = options_for(fixture.landmark, seen);
    options.overrides = overrides;
    options.override_count = count;
    assert_int_equal(sanl_evaluate(&e, fixture.device, &options), SANL_OK);
    sanl_evaluation_free(&e);
}

static double largest_move(const struct seen *a, const struct seen *b)
{
    double most = 0;
    assert_int_equal(a->count, b->count);
    for (int i = 0; i < a->count; i++)
        for (int k = 0; k < SANL_FASHION_LANDMARKS; k++)
            for (int axis = 0; axis < 2; axis++)
                most =
                    fmax(most, fabs(a->list[i].predicted_img[k][axis] - b->list[i].predicted_img[k][axis]));
    return most;
}

/* Every way of decoding finds the same peaks; the mirrored picture has a say only where it is asked. */
static void test_decoding_and_flip(void **state)
{
    static struct seen quarter, dark, flip, both;
    static const char *const keys[] = {"eval.decode=dark", "eval.flip=true"};
    static const char *const wrong[] = {"eval.decode=darker"};
    struct sanl_evaluation e;
    struct sanl_evaluate_options options = options_for(fixture.landmark, &quarter);
    (void)state;
    evaluate_with(&quarter, NULL, 0);
    evaluate_with(&dark, keys, 1);
    evaluate_with(&flip, keys + 1, 1);
    evaluate_with(&both, keys, 2);
    for (int i = 0; i < quarter.count; i++) {
        const struct sanl_box *box = &quarter.list[i].box;
        const double pixel = 4 * fmax(box->x2 - box->x1, box->y2 - box->y1) / FIXTURE_SIZE; /* of a heatmap */
        for (int k = 0; k < SANL_FASHION_LANDMARKS; k++)
            for (int axis = 0; axis < 2; axis++)
                assert_true(fabs(quarter.list[i].predicted_img[k][axis] -
                                 dark.list[i].predicted_img[k][axis]) <= 2.25 * pixel);
    }
    assert_memory_equal(quarter.list[0].score, dark.list[0].score, sizeof quarter.list[0].score);
    assert_true(largest_move(&quarter, &dark) > 0);
    assert_true(largest_move(&quarter, &flip) > 0);
    assert_true(largest_move(&flip, &both) > 0);
    options.overrides = wrong;
    options.override_count = 1;
    assert_int_not_equal(sanl_evaluate(&e, fixture.device, &options), SANL_OK);
}

/* A network that makes no numbers finds nothing: its peaks in the first pixel are not taken for predictions.
 */
static void test_a_broken_network(void **state)
{
    static struct seen seen;
    struct sanl_config config;
    struct sanl_network *network;
    struct sanl_evaluation e;
    char path[160];
    (void)state;
    fixture_config(&config, SANL_TASK_LANDMARK);
    snprintf(path, sizeof path, "%s/broken.safetensors", fixture.root);
    assert_int_equal(sanl_network_open(&network, &config, fixture.device, -1, fixture.landmark), SANL_OK);
    const struct sanl_param *predict = sanl_params_find(network->params, "fine.predict.weight");
    assert_int_equal(
        sanl_buffer_fill(fixture.device, predict->value, sanl_shape_count(predict->shape), 3e38F), SANL_OK);
    const struct sanl_weights_info info = {.config = &config, .epoch = 1};
    assert_int_equal(sanl_weights_save(path, network->params, network->classifier, &info), SANL_OK);
    sanl_network_free(network);
    const struct sanl_evaluate_options options = options_for(path, &seen);
    assert_int_equal(sanl_evaluate(&e, fixture.device, &options), SANL_OK);
    const struct sanl_landmark_score *all = &e.score[SANL_GROUP_ALL];
    assert_true(all->lost > 0);
    assert_int_equal(all->lost, sanl_landmark_score_count(all, SANL_MASK_LABELLED));
    assert_true(isnan(sanl_evaluation_error(&e)) && isnan(sanl_landmark_score_value(all, SANL_EPE)));
    assert_true(sanl_landmark_score_value(all, SANL_PCK) == 0); /* NOLINT */
    sanl_evaluation_free(&e);
}

static void expect_failure(struct sanl_evaluate_options options, const char *override, const char *part)
{
    struct sanl_evaluation e;
    options.overrides = &override;
    options.override_count = override ? 1 : 0;
    assert_int_not_equal(sanl_evaluate(&e, fixture.device, &options), SANL_OK);
    if (!strstr(sanl_error_message(), part))
        fail_msg("no '%s' in '%s'", part, sanl_error_message());
}

static void test_bad_input(void **state)
{
    static struct seen seen;
    char path[160], text[200];
    struct sanl_evaluate_options options = options_for(fixture.landmark, &seen);
    (void)state;
    expect_failure(options, "data.root=/nowhere", "/nowhere");
    expect_failure(options, "data.test=best", "best");
    expect_failure(options, "model.width=16", "of another shape");
    expect_failure(options, "model.widht=16", "model.width");
    options.confusion = true;
    expect_failure(options, NULL, "only a classifier has a confusion matrix");
    options.confusion = false;
    options.weights = "/nowhere.safetensors";
    expect_failure(options, NULL, "/nowhere.safetensors");
    snprintf(path, sizeof path, "%s/Anno/list_bbox.txt", fixture.data);
    options.weights = path;
    expect_failure(options, NULL, path);
    options = options_for(fixture.classifier, &seen);
    expect_failure(options, "model.classes=9", "fc.weight");
    options.config = "/nowhere.yaml";
    expect_failure(options, NULL, "/nowhere.yaml");
    snprintf(path, sizeof path, "%s/other.yaml", fixture.root);
    snprintf(text, sizeof text, "data:\n  root: /elsewhere\n");
    assert_int_equal(sanl_file_write(path, text, strlen(text)), SANL_OK);
    options.config = path;
    expect_failure(options, NULL, "/elsewhere");
}

static void test_interrupt(void **state)
{
    static struct seen seen;
    struct sanl_evaluation e;
    const struct sanl_evaluate_options options = options_for(fixture.landmark, &seen);
    (void)state;
    sanl_interrupt_request();
    assert_int_equal(sanl_evaluate(&e, fixture.device, &options), SANL_ERR_INTERRUPTED);
    sanl_interrupt_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_landmarks),        cmocka_unit_test(test_categories),
        cmocka_unit_test(test_options),          cmocka_unit_test(test_decoding_and_flip),
        cmocka_unit_test(test_a_broken_network), cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_interrupt),
    };
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
