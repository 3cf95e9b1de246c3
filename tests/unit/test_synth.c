/* data/: synthetic garments, and their files as the FLD reader sees them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <sanlcl/interrupt.h>
#include <sanlcl/synth.h>
#include "base/file.h"
#include "data/dataset.h"
#include "data/synth.h"

enum { SIZE = 64, COUNT = 40 };

static char scratch[] = "/tmp/sanlcl-test-synth-XXXXXX";

static int make_scratch(void **state)
{
    (void)state;
    return mkdtemp(scratch) ? 0 : -1;
}

static int remove_scratch(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", scratch);
    return system(command);
}

static char *in_scratch(const char *name)
{
    char *path = sanl_path_join(scratch, name);
    assert_non_null(path);
    return path;
}

static struct sanl_synth_options small(int count, uint64_t seed, int threads)
{
    struct sanl_synth_options o;
    sanl_synth_defaults(&o);
    o.count = count;
    o.seed = seed;
    o.size = SIZE;
    o.threads = threads;
    return o;
}

static void write_set(const char *name, const struct sanl_synth_options *options)
{
    char *path = in_scratch(name);
    const enum sanl_status status = sanl_synth_write(options, path);
    if (status != SANL_OK)
        fail_msg("%s", sanl_error_message());
    free(path);
}

/* Compares a file of two data sets: 0 when equal. */
static int compare(const char *a, const char *b, const char *file)
{
    char *bytes[2];
    size_t length[2];
    const char *const set[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s/%s", scratch, set[i], file);
        assert_int_equal(sanl_file_read(&bytes[i], &length[i], path, 1 << 24), SANL_OK);
    }
    const int result = length[0] != length[1] || memcmp(bytes[0], bytes[1], length[0]);
    free(bytes[0]);
    free(bytes[1]);
    return result;
}

static void bytes_follow_the_seed(void **state)
{
    (void)state;
    static const char *const files[] = {"Anno/list_landmarks.txt", "Anno/list_bbox.txt",
                                        "Anno/list_category_cloth.txt", "Anno/list_category_img.txt",
                                        "Eval/list_eval_partition.txt"};
    struct sanl_synth_options o = small(COUNT, 5, 1);
    write_set("one", &o);
    o.threads = 3;
    write_set("again", &o);
    o.count = COUNT / 2;
    write_set("half", &o);
    o = small(COUNT, 6, 2);
    write_set("other", &o);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        assert_int_equal(compare("one", "again", files[i]), 0);
    assert_int_not_equal(compare("one", "other", "Anno/list_landmarks.txt"), 0);
    for (int i = 1; i <= COUNT; i++) {
        char name[64];
        snprintf(name, sizeof name, "img/img_%08d.jpg", i);
        assert_int_equal(compare("one", "again", name), 0);
        assert_int_not_equal(compare("one", "other", name), 0);
        if (i <= COUNT / 2)
            assert_int_equal(compare("one", "half", name), 0);
    }
}

static void the_reader_sees_what_was_drawn(void **state)
{
    (void)state;
    struct sanl_synth_options o = small(COUNT, 11, 2);
    write_set("read", &o);
    struct sanl_config config;
    sanl_config_defaults(&config);
    snprintf(config.data.root, sizeof config.data.root, "%s/read", scratch);
    struct sanl_dataset *d = NULL;
    if (sanl_dataset_open(&d, &config.data) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    assert_int_equal(d->count, COUNT);
    assert_int_equal(d->category_count, sanl_synth_recipe_count);
    for (int i = 0; i < COUNT; i++) {
        struct sanl_image image;
        struct sanl_synth_record drawn;
        const struct sanl_record *r = &d->records[i];
        assert_int_equal(sanl_synth_render(&image, &drawn, &o, i), SANL_OK);
        sanl_image_free(&image);
        assert_int_equal(r->category, drawn.category);
        assert_int_equal(r->clothes, drawn.type);
        assert_int_equal(r->variation, drawn.variation);
        assert_string_equal(d->category_names[r->category], sanl_synth_recipes[drawn.category].name);
        assert_true(r->box.x1 == drawn.box[0] && r->box.y1 == drawn.box[1]);
        assert_true(r->box.x2 == drawn.box[2] && r->box.y2 == drawn.box[3]);
        struct sanl_landmarks at;
        sanl_dataset_landmarks(&at, d, r);
        for (int k = 0; k < SANL_FASHION_LANDMARKS; k++) {
            assert_int_equal(at.visibility[k], drawn.visibility[k]);
            if (at.visibility[k] <= SANL_OCCLUDED)
                assert_true(at.img[k][0] == drawn.x[k] && at.img[k][1] == drawn.y[k]);
        }
    }
    sanl_dataset_free(d);
}

/* Many pictures: what must hold for each, and how often things happen. */
static void annotations_are_sound(void **state)
{
    (void)state;
    enum { MANY = 340 };
    struct sanl_synth_options o = small(MANY, 3, 1);
    o.size = 96;
    int seen[64] = {0}, visibility[4] = {0};
    for (int i = 0; i < MANY; i++) {
        struct sanl_image image;
        struct sanl_synth_record r;
        assert_int_equal(sanl_synth_render(&image, &r, &o, i), SANL_OK);
        assert_int_equal(image.width, r.width);
        assert_int_equal(image.height, r.height);
        assert_int_equal(r.width > r.height ? r.width : r.height, 96);
        sanl_image_free(&image);
        assert_true(r.category >= 0 && r.category < sanl_synth_recipe_count);
        assert_true(r.variation >= 1 && r.variation <= 5);
        seen[r.category]++;
        assert_true(0 <= r.box[0] && r.box[0] < r.box[2] && r.box[2] < r.width);
        assert_true(0 <= r.box[1] && r.box[1] < r.box[3] && r.box[3] < r.height);
        bool expected[SANL_FASHION_LANDMARKS] = {false};
        for (int k = 0; k < sanl_clothes_count(&sanl_scheme_fashion, r.type); k++)
            expected[sanl_clothes_slot(&sanl_scheme_fashion, r.type, k)] = true;
        for (int k = 0; k < SANL_FASHION_LANDMARKS; k++) {
            assert_int_equal(r.visibility[k] != SANL_ABSENT, expected[k]);
            visibility[r.visibility[k]]++;
            if (r.visibility[k] > SANL_OCCLUDED)
                assert_true(r.x[k] == 0 && r.y[k] == 0);
            else
                assert_true(r.box[0] <= r.x[k] && r.x[k] <= r.box[2] && r.box[1] <= r.y[k] &&
                            r.y[k] <= r.box[3]);
        }
    }
    assert_true(sanl_synth_recipe_count >= 10);
    for (int i = 0; i < sanl_synth_recipe_count; i++)
        assert_int_equal(seen[i], MANY / sanl_synth_recipe_count);
    const double all = visibility[SANL_VISIBLE] + visibility[SANL_OCCLUDED] + visibility[SANL_CUT_OFF];
    print_message("occluded %.1f %%, cut off %.1f %%\n", 100 * visibility[SANL_OCCLUDED] / all,
                  100 * visibility[SANL_CUT_OFF] / all);
    assert_true(visibility[SANL_OCCLUDED] > 0.05 * all && visibility[SANL_OCCLUDED] < 0.16 * all);
    assert_true(visibility[SANL_CUT_OFF] > 0.02 * all && visibility[SANL_CUT_OFF] < 0.07 * all);
}

static void left_is_left_in_the_picture(void **state)
{
    (void)state;
    struct sanl_synth_options o = small(100, 4, 1);
    for (int i = 0; i < o.count; i++) {
        struct sanl_image image;
        o.variety = i < 50 ? 1 : 0.5;
        struct sanl_synth_record r;
        assert_int_equal(sanl_synth_render(&image, &r, &o, i), SANL_OK);
        sanl_image_free(&image);
        for (int k = 0; k < SANL_FASHION_LANDMARKS; k += 2)
            if (r.visibility[k] == SANL_VISIBLE && r.visibility[k + 1] == SANL_VISIBLE)
                assert_true(r.x[k] < r.x[k + 1]);
    }
}

/* A landmark is occluded when a patch of higher rank is drawn over it, and not by one of its own. */
static void ranks_tell_what_is_covered(void **state)
{
    (void)state;
    struct sanl_synth_vertex pool[64];
    struct sanl_synth_patch patches[4];
    struct sanl_synth_scene scene = {.pool = pool, .patches = patches};
    const struct sanl_synth_paint paint = sanl_synth_plain((struct sanl_synth_colour){200, 100, 50});
    const struct sanl_synth_view view = {1, 0, 1, 0, 0};
    struct sanl_synth_canvas canvas;
    assert_int_equal(sanl_synth_canvas_create(&canvas, 20, 20), SANL_OK);
    for (int i = 0; i < 2; i++) {
        const float x = i ? 5.5f : -0.5f; /* pixels 0..9, then 6..9 over it */
        scene.rank = 1 + i;
        sanl_synth_quad(&scene, (struct sanl_synth_point){x, -0.5f}, (struct sanl_synth_point){9.5f, -0.5f},
                        (struct sanl_synth_point){x, 9.5f}, (struct sanl_synth_point){9.5f, 9.5f}, &paint);
    }
    sanl_synth_draw(&canvas, &scene, &view, 0, scene.patch_count);
    for (int i = 0; i < 400; i++) /* every sample drawn once by each: no gaps at shared edges */
        assert_int_equal(canvas.rank[i], i % 20 < 12 ? 1 : 2);
    sanl_synth_canvas_free(&canvas);
}

static void parts_have_their_shares(void **state)
{
    (void)state;
    struct sanl_synth_options o = small(COUNT, 2, 2);
    o.val_share = 0.2;
    o.test_share = 0.1;
    write_set("parts", &o);
    char *path = in_scratch("parts/Eval/list_eval_partition.txt"), *text = NULL;
    size_t length;
    assert_int_equal(sanl_file_read(&text, &length, path, 1 << 20), SANL_OK);
    int counts[3] = {0};
    static const char *const names[] = {" train\n", " val\n", " test\n"};
    for (int i = 0; i < 3; i++)
        for (const char *p = strstr(text, names[i]); p; p = strstr(p + 1, names[i]))
            counts[i]++;
    assert_int_equal(counts[0] + counts[1] + counts[2], COUNT);
    assert_true(counts[1] >= 7 && counts[1] <= 9);
    assert_true(counts[2] >= 3 && counts[2] <= 5);
    free(text);
    free(path);
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    char *path = in_scratch("refused");
    struct sanl_synth_options o = small(0, 1, 1);
    assert_int_equal(sanl_synth_write(&o, path), SANL_ERR_USAGE);
    o = small(1, 1, 1);
    o.layout = "voc";
    assert_int_equal(sanl_synth_write(&o, path), SANL_ERR_USAGE);
    assert_non_null(strstr(sanl_error_message(), "'voc'; known: fld, "));
    o = small(1, 1, 1);
    o.size = 8;
    assert_int_equal(sanl_synth_write(&o, path), SANL_ERR_USAGE);
    o = small(1, 1, 1);
    o.variety = 2;
    assert_int_equal(sanl_synth_write(&o, path), SANL_ERR_USAGE);
    o = small(1, 1, 1);
    o.val_share = 0.9;
    assert_int_equal(sanl_synth_write(&o, path), SANL_ERR_USAGE);
    assert_false(sanl_folder_exists(path));
    free(path);
}

static void folders_are_left_as_they_were(void **state)
{
    (void)state;
    struct sanl_synth_options o = small(3, 1, 2);
    write_set("kept", &o);
    char *path = in_scratch("kept"), *file = in_scratch("file"), *under = in_scratch("file/set");
    assert_int_equal(sanl_synth_write(&o, path), SANL_ERR_IO);
    assert_non_null(strstr(sanl_error_message(), "is not empty"));
    assert_int_equal(sanl_file_write(file, "x", 1), SANL_OK);
    assert_int_equal(sanl_synth_write(&o, under), SANL_ERR_IO);
    assert_non_null(strstr(sanl_error_message(), file));
    free(path);
    free(file);
    free(under);
}

static void stop_at_two(void *payload, int done, int count)
{
    (void)payload;
    (void)count;
    if (done == 2)
        sanl_interrupt_request();
}

static void an_interrupted_run_leaves_nothing(void **state)
{
    (void)state;
    struct sanl_synth_options o = small(COUNT, 1, 2);
    char *path = in_scratch("stopped");
    o.progress = stop_at_two;
    assert_int_equal(sanl_synth_write(&o, path), SANL_ERR_INTERRUPTED);
    sanl_interrupt_clear();
    assert_false(sanl_folder_exists(path));
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_follow_the_seed),
        cmocka_unit_test(the_reader_sees_what_was_drawn),
        cmocka_unit_test(annotations_are_sound),
        cmocka_unit_test(left_is_left_in_the_picture),
        cmocka_unit_test(ranks_tell_what_is_covered),
        cmocka_unit_test(parts_have_their_shares),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(folders_are_left_as_they_were),
        cmocka_unit_test(an_interrupted_run_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
