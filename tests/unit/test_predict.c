/* train/predictor.c, train/maps.c, report/predictions.c: predictions against their own heatmaps, files that
 * parse, tensors of the right shape, bad pictures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <sanlcl/evaluate.h>
#include <sanlcl/predict.h>
#include "landmark/scheme.h"
#include "data/crop.h"
#include "fixture.h"
#include "landmark/decode.h"
#include "model/tensors.h"

enum { INPUTS = 6, BATCH = 4, SIDE = FIXTURE_SIZE / 4, PIXELS = SIDE * SIDE };

static char paths[INPUTS][160];
static struct sanl_predict_input inputs[INPUTS];

/* Five pictures, every other one with a box, and the first again under another box. */
static void make_inputs(void)
{
    for (int i = 0; i < INPUTS; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/img/img_%08d.jpg", fixture.data, i % 5 + 1);
        inputs[i].path = paths[i];
        inputs[i].has_box = i % 2 == 1;
        inputs[i].box = (struct sanl_box){3 + i, 5, 60.5 + i, 75};
    }
}

static struct sanl_predictor *open_weights(const char *weights)
{
    struct sanl_predictor *predictor;
    assert_int_equal(sanl_predictor_create(&predictor, fixture.device, weights, NULL, 0), SANL_OK);
    return predictor;
}

/* ---- landmarks ----------------------------------------------------------------------------------- */

struct seen {
    size_t count;
    double landmark_img[INPUTS][SANL_FASHION_LANDMARKS][2];
    struct sanl_prediction_file *json, *csv;
    bool maps;
    int clothes;
};

static bool in_unit(const float *values, int count)
{
    for (int i = 0; i < count; i++)
        if (!(values[i] >= 0 && values[i] <= 1.0001f))
            return false;
    return true;
}

/* What the decoding of the fine heatmap and the crop's map say. */
static void check_decoded(const struct sanl_prediction *p)
{
    static float heat[PIXELS * SANL_FASHION_LANDMARKS];
    double at_in[SANL_FASHION_LANDMARKS][2], at_img[2];
    float score[SANL_FASHION_LANDMARKS];
    struct sanl_affine in_to_img;
    for (int k = 0; k < SANL_FASHION_LANDMARKS; k++)
        for (int i = 0; i < PIXELS; i++)
            heat[i * SANL_FASHION_LANDMARKS + k] = p->fine[k * PIXELS + i];
    sanl_heatmap_decode(at_in, score, heat, SIDE, SIDE, SANL_FASHION_LANDMARKS, 4,
                        &(struct sanl_decoding){.how = SANL_DECODE_QUARTER});
    sanl_crop_map(&in_to_img, &p->window, FIXTURE_SIZE, NULL);
    for (int k = 0; k < SANL_FASHION_LANDMARKS; k++) {
        sanl_affine_apply(at_img, &in_to_img, at_in[k]);
        assert_true(fabs(at_img[0] - p->landmark_img[k][0]) < 1e-3);
        assert_true(fabs(at_img[1] - p->landmark_img[k][1]) < 1e-3);
        assert_true(fabsf(score[k] - p->score[k]) < 1e-5f);
    }
}

static enum sanl_status take(void *payload, const struct sanl_prediction *p)
{
    struct seen *seen = payload;
    assert_int_equal(p->input, seen->count);
    assert_string_equal(p->path, paths[p->input]);
    const struct sanl_box *b = &inputs[p->input].box;
    if (inputs[p->input].has_box)
        assert_true(p->box.x1 == b->x1 && p->box.y2 == b->y2 && p->window.x2 == b->x2); /* margin 0 */
    else
        assert_true(p->box.x1 == 0 && p->box.x2 == p->width && p->box.y2 == p->height);
    memcpy(seen->landmark_img[seen->count++], p->landmark_img, sizeof *seen->landmark_img);
    for (int k = 0; k < SANL_FASHION_LANDMARKS; k++)
        assert_true(p->visible[k] ==
                    (((double)p->score[k] >= -1) && (seen->clothes != SANL_CLOTHES_LOWER || k >= 4)));
    if (seen->json)
        assert_int_equal(sanl_prediction_file_add(seen->json, p), SANL_OK);
    if (seen->csv)
        assert_int_equal(sanl_prediction_file_add(seen->csv, p), SANL_OK);
    if (!seen->maps) {
        assert_null(p->fine);
        assert_null(p->probability);
        return SANL_OK;
    }
    check_decoded(p);
    double sum = 0;
    for (int c = 0; c < p->class_count; c++)
        sum += (double)p->probability[c];
    assert_int_equal(p->class_count, FIXTURE_CLASSES);
    assert_string_equal(p->categories[FIXTURE_CLASSES - 1], "Romper");
    assert_true(fabs(sum - 1) < 1e-4);
    for (int k = 0; k < SANL_CAMS; k++)
        assert_true(in_unit(p->cam[k], (FIXTURE_SIZE / (4 << k)) * (FIXTURE_SIZE / (4 << k))));
    return SANL_OK;
}

static struct sanl_predict_options options_for(struct seen *seen)
{
    struct sanl_predict_options options;
    sanl_predict_defaults(&options);
    options.threshold = -1; /* fresh weights: what the heatmaps hold means nothing */
    options.maps = seen->maps;
    options.done = take;
    options.payload = seen;
    return options;
}

static json_t *read_json(const char *path)
{
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    if (!root)
        fail_msg("%s: %s", path, error.text);
    return root;
}

static void check_json(const char *path, const struct seen *seen)
{
    json_t *root = read_json(path);
    assert_int_equal(json_array_size(root), INPUTS);
    for (size_t i = 0; i < INPUTS; i++) {
        const json_t *picture = json_array_get(root, i), *list = json_object_get(picture, "landmarks");
        assert_string_equal(json_string_value(json_object_get(picture, "path")), paths[i]);
        assert_int_equal(json_array_size(json_object_get(picture, "box")), 4);
        assert_int_equal(json_array_size(list), SANL_FASHION_LANDMARKS);
        assert_null(json_object_get(picture, "categories"));
        for (int k = 0; k < SANL_FASHION_LANDMARKS; k++) {
            const json_t *landmark = json_array_get(list, (size_t)k);
            assert_string_equal(json_string_value(json_object_get(landmark, "name")),
                                sanl_landmark_name(&sanl_scheme_fashion, k));
            assert_true(fabs(json_number_value(json_object_get(landmark, "x")) -
                             seen->landmark_img[i][k][0]) < 0.0051);
            assert_true(json_is_true(json_object_get(landmark, "visible")));
        }
    }
    json_decref(root);
}

static int count_lines(const char *path)
{
    char *text;
    size_t length;
    int lines = 0;
    assert_int_equal(sanl_file_read(&text, &length, path, 1 << 20), SANL_OK);
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    free(text);
    return lines;
}

static void test_landmarks(void **state)
{
    static struct seen seen, plain;
    struct sanl_predictor *predictor = open_weights(fixture.landmark);
    char json[128], csv[128];
    (void)state;
    make_inputs();
    snprintf(json, sizeof json, "%s/out.json", fixture.root);
    snprintf(csv, sizeof csv, "%s/out.csv", fixture.root);
    seen.maps = true;
    assert_int_equal(sanl_prediction_file_create(&seen.json, json, NULL, SANL_PREDICTION_JSON, NULL, 0),
                     SANL_OK);
    assert_int_equal(sanl_prediction_file_create(&seen.csv, csv, NULL, SANL_PREDICTION_CSV,
                                                 sanl_predictor_config(predictor), 0),
                     SANL_OK);
    struct sanl_predict_options options = options_for(&seen);
    assert_int_equal(sanl_predict(predictor, inputs, INPUTS, &options, NULL), SANL_OK);
    assert_int_equal(seen.count, INPUTS);
    assert_false(sanl_file_exists(json));
    assert_int_equal(sanl_prediction_file_finish(seen.json), SANL_OK);
    assert_int_equal(sanl_prediction_file_finish(seen.csv), SANL_OK);
    sanl_prediction_file_free(seen.json);
    sanl_prediction_file_free(seen.csv);
    check_json(json, &seen);
    assert_int_equal(count_lines(csv), INPUTS + 1);
    options = options_for(&plain);
    assert_int_equal(sanl_predict(predictor, inputs, INPUTS, &options, NULL), SANL_OK);
    for (int i = 0; i < INPUTS; i++)
        for (int k = 0; k < SANL_FASHION_LANDMARKS; k++)
            assert_memory_equal(plain.landmark_img[i][k], seen.landmark_img[i][k], sizeof(double[2]));
    sanl_predictor_free(predictor);
}

/* Of a type of clothes only its landmarks are visible and written. */
static void test_clothes(void **state)
{
    static struct seen seen;
    struct sanl_predictor *predictor = open_weights(fixture.landmark);
    char json[128], csv[128], *text;
    size_t length;
    (void)state;
    make_inputs();
    snprintf(json, sizeof json, "%s/lower.json", fixture.root);
    snprintf(csv, sizeof csv, "%s/lower.csv", fixture.root);
    assert_int_equal(sanl_prediction_file_create(&seen.json, json, NULL, SANL_PREDICTION_JSON, NULL, 0),
                     SANL_OK);
    const int lower = sanl_clothes_find(&sanl_scheme_fashion, "lower");
    assert_int_equal(sanl_prediction_file_create(&seen.csv, csv, NULL, SANL_PREDICTION_CSV,
                                                 sanl_predictor_config(predictor), lower),
                     SANL_OK);
    struct sanl_predict_options options = options_for(&seen);
    options.clothes = 4;
    assert_int_equal(sanl_predict(predictor, inputs, INPUTS, &options, NULL), SANL_ERR_USAGE);
    options.clothes = seen.clothes = lower;
    assert_int_equal(sanl_predict(predictor, inputs, INPUTS, &options, NULL), SANL_OK);
    assert_int_equal(sanl_prediction_file_finish(seen.json), SANL_OK);
    assert_int_equal(sanl_prediction_file_finish(seen.csv), SANL_OK);
    sanl_prediction_file_free(seen.json);
    sanl_prediction_file_free(seen.csv);
    json_t *root = read_json(json), *list = json_object_get(json_array_get(root, 1), "landmarks");
    assert_int_equal(json_array_size(list), 4);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 3), "name")), "rhem");
    json_decref(root);
    assert_int_equal(sanl_file_read(&text, &length, csv, 1 << 20), SANL_OK);
    assert_non_null(strstr(text, "path,width,height,x1,y1,x2,y2,lwaist_x,"));
    assert_null(strstr(text, "collar"));
    free(text);
    sanl_predictor_free(predictor);
}

/* ---- as in an evaluation ------------------------------------------------------------------------- */

struct pair {
    size_t count;
    struct sanl_evaluated evaluated[FIXTURE_COUNT];
    double most; /* pixels between what is evaluated and what is predicted */
};

static void keep(void *payload, const struct sanl_evaluated *picture)
{
    struct pair *pair = payload;
    pair->evaluated[pair->count++] = *picture;
}

static enum sanl_status compare(void *payload, const struct sanl_prediction *p)
{
    struct pair *pair = payload;
    for (int k = 0; k < SANL_FASHION_LANDMARKS; k++)
        for (int axis = 0; axis < 2; axis++)
            pair->most = fmax(pair->most, fabs(p->landmark_img[k][axis] -
                                               pair->evaluated[p->input].predicted_img[k][axis]));
    return SANL_OK;
}

/* The same decoding and flip in both, whatever they are. */
static void test_as_evaluated(void **state)
{
    static const char *const keys[] = {"eval.decode=dark", "eval.flip=true", "eval.decode=softargmax"};
    static struct pair pair;
    (void)state;
    for (size_t from = 0; from <= 3; from++) { /* dark and flip; flip and softargmax; softargmax; neither */
        const size_t count = from < 2 ? 2 : 3 - from;
        struct sanl_evaluation e;
        struct sanl_predictor *predictor;
        struct sanl_predict_input list[FIXTURE_COUNT] = {{0}};
        char names[FIXTURE_COUNT][160];
        const struct sanl_evaluate_options evaluate = {.weights = fixture.landmark,
                                                       .overrides = keys + from,
                                                       .override_count = count,
                                                       .hooks = {.record = keep, .payload = &pair}};
        memset(&pair, 0, sizeof pair);
        assert_int_equal(sanl_evaluate(&e, fixture.device, &evaluate), SANL_OK);
        sanl_evaluation_free(&e);
        for (size_t i = 0; i < pair.count; i++) {
            snprintf(names[i], sizeof names[i], "%s/img/img_%08d.jpg", fixture.data,
                     pair.evaluated[i].record + 1);
            list[i] = (struct sanl_predict_input){names[i], true, pair.evaluated[i].box};
        }
        assert_int_equal(
            sanl_predictor_create(&predictor, fixture.device, fixture.landmark, keys + from, count), SANL_OK);
        struct sanl_predict_options options;
        sanl_predict_defaults(&options);
        options.done = compare;
        options.payload = &pair;
        assert_int_equal(sanl_predict(predictor, list, pair.count, &options, NULL), SANL_OK);
        sanl_predictor_free(predictor);
        assert_true(pair.count > 2 && pair.most < 1e-6);
    }
}

/* ---- tensors ------------------------------------------------------------------------------------- */

static void check_tensor(const struct sanl_tensors *file, const char *name, size_t n, size_t c, size_t side)
{
    const struct sanl_named_tensor *t = sanl_tensors_find(file, name);
    if (!t)
        fail_msg("no tensor '%s'", name);
    assert_int_equal(t->rank, 4);
    assert_int_equal(t->shape[0], n);
    assert_int_equal(t->shape[1], c);
    assert_int_equal(t->shape[2], side);
    assert_int_equal(t->shape[3], side);
}

static void test_dump(void **state)
{
    struct sanl_predictor *predictor = open_weights(fixture.landmark);
    struct sanl_tensors *file;
    struct sanl_predict_options options;
    static float image[INPUTS * 3 * FIXTURE_SIZE * FIXTURE_SIZE];
    char path[128], name[16];
    (void)state;
    make_inputs();
    snprintf(path, sizeof path, "%s/dump.safetensors", fixture.root);
    sanl_predict_defaults(&options);
    options.maps = true;
    options.dump_tensors = path;
    assert_int_equal(sanl_predict(predictor, inputs, INPUTS, &options, NULL), SANL_OK);
    assert_int_equal(sanl_tensors_open(&file, path), SANL_OK);
    assert_int_equal(sanl_tensors_count(file), 11);
    check_tensor(file, "image", INPUTS, 3, FIXTURE_SIZE);
    check_tensor(file, "fine", INPUTS, SANL_FASHION_LANDMARKS, SIDE);
    for (size_t k = 0; k < SANL_CAMS; k++) {
        snprintf(name, sizeof name, "cam%d", 4 << k);
        check_tensor(file, name, INPUTS, 1, FIXTURE_SIZE / ((size_t)4 << k));
        snprintf(name, sizeof name, "coarse%zu", k);
        check_tensor(file, name, INPUTS, SANL_FASHION_LANDMARKS, SIDE);
    }
    /* Normalised: mean and deviation of a picture are of the order of 1, and the channels differ. */
    assert_int_equal(sanl_tensors_read(file, sanl_tensors_find(file, "image"), image), SANL_OK);
    double square = 0;
    for (size_t i = 0; i < sizeof image / sizeof *image; i++) {
        assert_true(isfinite(image[i]) && fabsf(image[i]) < 3);
        square += (double)(image[i] * image[i]);
    }
    assert_true(square / (double)(sizeof image / sizeof *image) > 0.05);
    sanl_tensors_free(file);
    sanl_predictor_free(predictor);
}

/* ---- categories ---------------------------------------------------------------------------------- */

struct classes {
    int count;
    float cam[2][PIXELS];
};

static enum sanl_status take_classes(void *payload, const struct sanl_prediction *p)
{
    struct classes *seen = payload;
    int top[3];
    assert_int_equal(p->task, SANL_TASK_CLASSIFY);
    assert_int_equal(sanl_prediction_top(p, top, 3), 3);
    for (int i = 0; i < 3; i++)
        for (int c = 0; c < p->class_count; c++)
            assert_true(p->probability[c] <= p->probability[top[i]] || c == top[0] ||
                        (i == 2 && c == top[1]));
    memcpy(seen->cam[seen->count++], p->cam[0], sizeof seen->cam[0]);
    assert_null(p->fine);
    return SANL_OK;
}

static void test_categories(void **state)
{
    static struct classes seen;
    struct sanl_predictor *predictor = open_weights(fixture.classifier);
    struct sanl_predict_options options;
    (void)state;
    make_inputs();
    sanl_predict_defaults(&options);
    options.maps = true;
    options.done = take_classes;
    options.payload = &seen;
    options.cam_class = 3;
    assert_int_equal(sanl_predict(predictor, inputs, 1, &options, NULL), SANL_OK);
    options.cam_class = 9;
    assert_int_equal(sanl_predict(predictor, inputs, 1, &options, NULL), SANL_OK);
    assert_memory_not_equal(seen.cam[0], seen.cam[1], sizeof seen.cam[0]);
    options.cam_class = FIXTURE_CLASSES;
    assert_int_equal(sanl_predict(predictor, inputs, 1, &options, NULL), SANL_ERR_USAGE);
    sanl_predictor_free(predictor);
}

/* ---- bad input ----------------------------------------------------------------------------------- */

static enum sanl_status count_one(void *payload, const struct sanl_prediction *p)
{
    (void)p;
    ++*(int *)payload;
    return SANL_OK;
}

static void test_bad_input(void **state)
{
    struct sanl_predictor *predictor = open_weights(fixture.landmark), *none;
    struct sanl_predict_options options;
    char text[128];
    int count = 0;
    size_t skipped;
    (void)state;
    make_inputs();
    snprintf(text, sizeof text, "%s/text.jpg", fixture.root);
    assert_int_equal(sanl_file_write(text, "no picture", 10), SANL_OK);
    inputs[1].path = text;
    inputs[2].path = "/nowhere.png";
    inputs[3].box = (struct sanl_box){5000, 0, 5010, 10};
    sanl_predict_defaults(&options);
    options.done = count_one;
    options.payload = &count;
    assert_int_equal(sanl_predict(predictor, inputs, INPUTS, &options, &skipped), SANL_ERR_FORMAT);
    assert_non_null(strstr(sanl_error_message(), text));
    count = 0;
    options.skip_bad = true;
    assert_int_equal(sanl_predict(predictor, inputs, INPUTS, &options, &skipped), SANL_OK);
    assert_int_equal(skipped, 3);
    assert_int_equal(count, INPUTS - 3);
    assert_int_equal(sanl_predict(predictor, inputs + 1, 2, &options, &skipped), SANL_OK);
    assert_int_equal(skipped, 2);
    options.dump_tensors = "/nowhere/x.safetensors";
    assert_int_equal(sanl_predict(predictor, inputs, 1, &options, NULL), SANL_ERR_USAGE); /* without maps */
    options.maps = true;
    assert_int_equal(sanl_predict(predictor, inputs, 1, &options, NULL), SANL_ERR_IO);
    sanl_predictor_free(predictor);
    assert_int_not_equal(sanl_predictor_create(&none, fixture.device, text, NULL, 0), SANL_OK);
    assert_null(none);
    assert_non_null(strstr(sanl_error_message(), text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_landmarks),    cmocka_unit_test(test_clothes),
        cmocka_unit_test(test_as_evaluated), cmocka_unit_test(test_dump),
        cmocka_unit_test(test_categories),   cmocka_unit_test(test_bad_input),
    };
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
