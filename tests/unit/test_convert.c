/* data/convert.c: what a layout cannot hold is an error or is told. */
#include "layouts.h"

static void what_a_layout_cannot_hold_is_an_error(void **state)
{
    (void)state;
#define BOX "\"bbox\": [1, 1, 4, 4], \"keypoints\": [1, 1, 2, 3, 4, 2, 2, 2, 2, 3, 3, 2]"
    static const struct {
        const char *first, *second; /* pictures */
        const char *annotations, *to, *message;
    } cases[] = {
        {"img/a.jpg", "img/b.jpg", "{\"image_id\": 1, " BOX "}, {\"image_id\": 1, " BOX "}", "fld",
         "records 1 and 2 are of one picture, 'img/a.jpg', but the layout fld"},
        {"img/a b.jpg", "img/a_b.jpg", "{\"image_id\": 1, " BOX "}, {\"image_id\": 2, " BOX "}", "coco",
         NULL},
        {"x/a.jpg", "img/x/a.jpg", "{\"image_id\": 1, " BOX "}, {\"image_id\": 2, " BOX "}", "fld",
         "the pictures 'x/a.jpg' and 'img/x/a.jpg' are both 'img/x/a.jpg': rename one"},
        {"img/a.jpg", "img/t\tb.jpg", "{\"image_id\": 1, " BOX "}, {\"image_id\": 2, " BOX "}", "fld",
         "rename"},
        {"img/a.jpg", "img/c.jpg 1", "{\"image_id\": 1, " BOX "}, {\"image_id\": 2, " BOX "}", "fld",
         "cannot be read back"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024], names[2][64], target[32];
        snprintf(text, sizeof text,
                 "{\"images\": [{\"id\": 1, \"file_name\": \"%s\"}, {\"id\": 2, \"file_name\": \"%s\"}], "
                 "\"annotations\": [%s]}",
                 cases[i].first, strchr(cases[i].second, '\t') ? "img/t\\tb.jpg" : cases[i].second,
                 cases[i].annotations);
        put_all("held", (const struct file[MOST_FILES]){{"annotations/train.json", text}}, NULL, NULL);
        snprintf(names[0], sizeof names[0], "held/%s", cases[i].first);
        snprintf(names[1], sizeof names[1], "held/%s", cases[i].second);
        bring_picture("fld/img/img_00000001.jpg", names[0]);
        bring_picture("fld/img/img_00000002.jpg", names[1]);
        snprintf(target, sizeof target, "held_%zu", i);
        const enum sanl_status status = convert("coco", "held", cases[i].to, target, SANL_IMAGES_LINK);
        if ((status == SANL_OK) != !cases[i].message ||
            (cases[i].message && !strstr(sanl_error_message(), cases[i].message)))
            fail_msg("case %zu: %d, %s", i, (int)status, sanl_error_message());
        char *path = in_root(target);
        assert_int_equal(sanl_folder_exists(path), status == SANL_OK);
        free(path);
    }
}

static void losses_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        struct sanl_convert_result lost;
    } cases[] = {
        {"fld", "coco", {.variations_lost = true, .categories_lost = true}},
        {"fld", "deepfashion_c", {.variations_lost = true}},
        {"fld", "info_csv", {.variations_lost = true}},
        {"fld",
         "cub200",
         {.variations_lost = true, .landmarks_lost = true, .part_lost = "val", .part_instead = "train"}},
        {"cub200", "foodnet", {.boxes_lost = true}},
        {"coco", "fld", {.records = 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sanl_convert_result result;
        char *source = in_root(cases[i].from), *target = sanl_format("%s/lost_%zu", root, i);
        draw(cases[i].from);
        const struct sanl_convert_options options = {
            .from = cases[i].from, .root = source, .to = cases[i].to, .folder = target};
        assert_int_equal(sanl_convert(&result, &options), SANL_OK);
        const struct sanl_convert_result *lost = &cases[i].lost;
        if (result.variations_lost != lost->variations_lost ||
            result.categories_lost != lost->categories_lost ||
            result.landmarks_lost != lost->landmarks_lost || result.boxes_lost != lost->boxes_lost ||
            !result.part_lost != !lost->part_lost ||
            (lost->part_lost && (strcmp(result.part_lost, lost->part_lost) != 0 ||
                                 strcmp(result.part_instead, lost->part_instead) != 0)))
            fail_msg("%s to %s", cases[i].from, cases[i].to);
        free(source);
        free(target);
    }
}

/* Tables leave gaps between the labels that they use, and blanks in names. */
static void categories_become_words(void **state)
{
    (void)state;
    static const char table[] =
        "image_name,x_1,y_1,x_2,y_2,evaluation_status,category_label,category_name,"
        "lm_lc_x,lm_lc_y,lm_lc_vis,lm_lc_in_pic,lm_rc_x,lm_rc_y,lm_rc_vis,lm_rc_in_pic,"
        "lm_ls_x,lm_ls_y,lm_ls_vis,lm_ls_in_pic,lm_rs_x,lm_rs_y,lm_rs_vis,lm_rs_in_pic,"
        "lm_lw_x,lm_lw_y,lm_lw_vis,lm_lw_in_pic,lm_rw_x,lm_rw_y,lm_rw_vis,lm_rw_in_pic,"
        "lm_lh_x,lm_lh_y,lm_lh_vis,lm_lh_in_pic,lm_rh_x,lm_rh_y,lm_rh_vis,lm_rh_in_pic\n"
        "img/a.jpg,1,1,30,40,test,2,Big "
        "Hoodie,5,6,1,1,7,8,1,1,0,0,0,1,3,4,1,1,0,0,1,1,0,0,1,1,5,30,1,1,9,30,1,1\n";
    put_all("words", (const struct file[MOST_FILES]){{"fld_info.csv", table}}, NULL, NULL);
    bring_picture("fld/img/img_00000001.jpg", "words/img/a.jpg");
    if (convert("info_csv", "words", "fld", "words_fld", SANL_IMAGES_LINK) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    struct sanl_dataset *d = must_open("words_fld", "fld");
    assert_int_equal(d->category_count, 3);
    assert_string_equal(d->category_names[0], "category_1");
    assert_string_equal(d->category_names[2], "Big_Hoodie");
    assert_int_equal(landmarks_of(d, 0).visibility[2], SANL_CUT_OFF); /* at 0 0, said to be in the picture */
    sanl_dataset_free(d);
    if (convert("fld", "words_fld", "info_csv", "words_csv", SANL_IMAGES_LINK) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    d = must_open("words_csv", "info_csv");
    assert_ptr_equal(d->published, &sanl_published_fld);
    sanl_dataset_free(d);
}

/* Held-out pictures stay out of training where a layout has no part of their name. */
static void tests_become_validation(void **state)
{
    (void)state;
    draw("deepfashion2");
    if (convert("deepfashion2", "deepfashion2", "coco", "held_out", SANL_IMAGES_LINK) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    char *val = in_root("held_out/annotations/val.json"), *test = in_root("held_out/annotations/test.json");
    assert_int_equal(rename(val, test), 0);
    struct sanl_dataset *d = must_open("held_out", "coco");
    const int count = d->parts[2].count;
    assert_true(count > 0 && d->parts[1].count == 0);
    sanl_dataset_free(d);
    assert_int_equal(convert("coco", "held_out", "deepfashion2", "held_back", SANL_IMAGES_LINK), SANL_OK);
    d = must_open("held_back", "deepfashion2");
    assert_int_equal(d->parts[1].count, count);
    sanl_dataset_free(d);
    free(val);
    free(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_layout_cannot_hold_is_an_error),
        cmocka_unit_test(losses_are_told),
        cmocka_unit_test(categories_become_words),
        cmocka_unit_test(tests_become_validation),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
