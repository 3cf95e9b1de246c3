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
         "rename"},
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
        {"fld", "cub200", {.variations_lost = true, .landmarks_lost = true, .parts_lost = true}},
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
        result.records = 0;
        if (memcmp(&result, &cases[i].lost, sizeof result) != 0)
            fail_msg("%s to %s", cases[i].from, cases[i].to);
        free(source);
        free(target);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_layout_cannot_hold_is_an_error),
        cmocka_unit_test(losses_are_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
