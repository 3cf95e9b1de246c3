/* A network of DeepFashion2's 294 landmarks, from the annotation files to the scores. */
#include "layouts.h"
#include <sanlcl/evaluate.h>
#include <sanlcl/train.h>

enum { TRAIN = 4, VAL = 2 };

/* A garment whose landmarks go round an oval; each third is occluded, each seventh not labelled. */
static void write_item(FILE *file, int clothes)
{
    const int count = sanl_clothes_count(&sanl_scheme_deepfashion2, clothes);
    fprintf(file, "{\"category_id\": %d, \"bounding_box\": [4, 4, 44, 60], \"landmarks\": [", clothes);
    for (int i = 0; i < count; i++) {
        const double angle = 6.283185307179586 * i / count;
        const int v = i % 7 == 6 ? 0 : i % 3 == 2 ? 1 : 2;
        fprintf(file, "%s%.3f, %.3f, %d", i ? ", " : "", v ? 24 + 18 * sin(angle) : 0,
                v ? 32 - 26 * cos(angle) : 0, v);
    }
    fputs("]}", file);
}

static void write_picture(const char *part, int number, int first, int second)
{
    char from[48], to[64];
    snprintf(from, sizeof from, "fld/img/img_%08d.jpg", number);
    snprintf(to, sizeof to, "df2/%s/image/%06d.jpg", part, number);
    bring_picture(from, to);
    snprintf(to, sizeof to, "%s/annos/%06d.json", part, number);
    put("df2", &(struct file){to, ""});
    char *path = sanl_format("%s/df2/%s", root, to);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{\"item1\": ", file);
    write_item(file, first);
    if (second) {
        fputs(", \"item2\": ", file);
        write_item(file, second);
    }
    fputs("}", file);
    fclose(file);
    free(path);
}

static int seen;

static void see(void *payload, const struct sanl_evaluated *p)
{
    const int *clothes = payload;
    assert_ptr_equal(p->scheme, &sanl_scheme_deepfashion2);
    assert_int_equal(p->clothes, clothes[seen++]);
    for (int k = 0; k < SANL_LANDMARKS; k++) {
        const bool has = sanl_clothes_has(p->scheme, p->clothes, k);
        assert_int_equal(p->visibility[k] != SANL_ABSENT, has);
        assert_true(has || isnan(p->error[SANL_EPE][k]));
        assert_true(isfinite(p->predicted_img[k][0]));
    }
}

static void networks_learn_294_landmarks(void **state)
{
    (void)state;
    static const int garments[][2] = {{9, 1}, {4, 0}, {13, 7}, {3, 0}, {9, 12}, {4, 0}};
    struct sanl_device *device;
    struct sanl_config config;
    struct sanl_evaluation e;
    for (int i = 0; i < TRAIN + VAL; i++)
        write_picture(i < TRAIN ? "train" : "validation", i + 1, garments[i][0], garments[i][1]);
    char *set = sanl_format("data.root=%s/df2", root), *out = sanl_format("out=%s/run", root);
    const char *const overrides[] = {set,
                                     out,
                                     "data.format=deepfashion2",
                                     "model.landmarks=294",
                                     "model.backbone=resnet18",
                                     "model.block=none",
                                     "model.width=8",
                                     "model.size=32",
                                     "data.augment.flip=1",
                                     "train.batch=2",
                                     "train.epochs=1",
                                     "train.warmup=0",
                                     "eval.batch=2"};
    assert_int_equal(sanl_config_load(&config, NULL, overrides, sizeof overrides / sizeof *overrides),
                     SANL_OK);
    assert_int_equal(sanl_device_open(&device, NULL), SANL_OK);
    config.model.landmarks = 8;
    assert_int_not_equal(sanl_train(NULL, &config, device, NULL), SANL_OK);
    assert_non_null(
        strstr(sanl_error_message(), "has 294 landmarks, the network 8: set model.landmarks: 294"));
    config.model.landmarks = 294;
    if (sanl_train(NULL, &config, device, &(struct sanl_train_options){.mode = SANL_TRAIN_OVERWRITE}) !=
        SANL_OK)
        fail_msg("%s", sanl_error_message());
    char *weights = sanl_format("%s/run/best.safetensors", root);
    static const char *const wishes[] = {"eval.flip=true", "eval.decode=dark"};
    int expected[] = {9, 12, 4};
    const struct sanl_evaluate_options options = {.weights = weights,
                                                  .part = "val",
                                                  .overrides = wishes,
                                                  .override_count = 2,
                                                  .baseline = true,
                                                  .hooks = {.record = see, .payload = expected}};
    if (sanl_evaluate(&e, device, &options) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    assert_int_equal(seen, 3);
    const struct sanl_landmark_score *all = &e.score[SANL_GROUP_ALL];
    long labelled = 0;
    for (int g = 0; g < 3; g++)
        for (int i = 0; i < sanl_clothes_count(e.scheme, expected[g]); i++) {
            labelled += i % 7 != 6;
            assert_int_equal(all->count[SANL_MASK_LABELLED][sanl_clothes_slot(e.scheme, expected[g], i)],
                             i % 7 != 6);
        }
    assert_int_equal(sanl_landmark_score_count(all, SANL_MASK_LABELLED), labelled);
    assert_int_equal(e.score[SANL_GROUP_CLOTHES + 8].images, 1);
    assert_string_equal(sanl_group_name(e.scheme, SANL_GROUP_CLOTHES + 8), "skirt");
    /* The same ovals in training: a garment seen there has its mean where it is. */
    assert_true(sanl_landmark_score_slot(&e.score[SANL_GROUP_BASELINE], SANL_EPE, 182) < 1e-6);
    sanl_evaluation_free(&e);
    sanl_device_free(device);
    free(weights);
    free(out);
    free(set);
}

/* Drawn garments keep their places; what they have not is not labelled. */
static void garments_are_drawn(void **state)
{
    (void)state;
    draw("fld");
    draw("deepfashion2");
    struct sanl_dataset *a = must_open("fld", "fld"), *b = must_open("deepfashion2", "deepfashion2");
    int labelled = 0;
    assert_int_equal(b->count, PICTURES);
    for (int i = 0; i < b->count; i++) {
        const struct sanl_record *r = &b->records[i];
        int at = 0; /* of the same picture in the other layout */
        while (strcmp(sanl_path_name(a->records[at].image), sanl_path_name(r->image)) != 0)
            at++;
        char *path = sanl_dataset_image_path(b, r);
        assert_true(sanl_file_exists(path));
        free(path);
        const struct sanl_landmarks p = landmarks_of(a, at), q = landmarks_of(b, i);
        assert_true(r->box.x1 == a->records[at].box.x1 && r->box.y2 == a->records[at].box.y2);
        assert_int_equal(r->part == 0, a->records[at].part == 0);
        for (int k = 0; k < SANL_LANDMARKS; k++) {
            bool found = q.visibility[k] > SANL_OCCLUDED;
            for (int s = 0; s < SANL_FASHION_LANDMARKS && !found; s++)
                found = p.visibility[s] == q.visibility[k] && p.img[s][0] == q.img[k][0] &&
                        p.img[s][1] == q.img[k][1];
            assert_true(found);
            labelled += q.visibility[k] <= SANL_OCCLUDED;
            /* Left stays left: mirrored landmarks are labelled together, but for those that the frame cuts
             * off. */
            const int other = sanl_landmark_mirror(b->scheme, k);
            if (q.visibility[k] == SANL_VISIBLE && q.visibility[other] == SANL_VISIBLE && k < other)
                assert_true(q.img[k][0] < q.img[other][0]);
        }
    }
    assert_true(labelled > 3 * PICTURES);
    sanl_dataset_free(a);
    sanl_dataset_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(networks_learn_294_landmarks),
                                       cmocka_unit_test(garments_are_drawn)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
