/* data/{coco,cub200,foodnet,info_csv,convert}.c and DeepFashion-C: what is drawn or converted is read back.
 */
#include "layouts.h"
#include "data/loader.h"

static const char *const layouts[] = {"fld", "deepfashion_c", "coco", "info_csv", "cub200", "foodnet"};
enum { LAYOUTS = 6 };

/* The record of picture `index` of the drawn sets, which every layout's names end with. */
static const struct sanl_record *find(const struct sanl_dataset *d, int index)
{
    char ending[32];
    snprintf(ending, sizeof ending, "img_%08d.jpg", index + 1);
    for (int i = 0; i < d->count; i++)
        if (strcmp(sanl_path_name(d->records[i].image), ending) == 0)
            return &d->records[i];
    fail_msg("%s: no picture %s", d->root, ending);
    return NULL;
}

static void check_same(const struct sanl_dataset *from, const struct sanl_record *a,
                       const struct sanl_dataset *in, const struct sanl_record *b)
{
    const struct sanl_dataset_format *format = in->format;
    const struct sanl_landmarks p = landmarks_of(from, (int)(a - from->records)),
                                q = landmarks_of(in, (int)(b - in->records));
    const char *part = format->part_names[b->part];
    if (strcmp(format->name, "cub200") != 0)
        assert_string_equal(part, sanl_part_names[a->part]);
    else
        assert_int_equal(strcmp(part, "test") == 0, a->part == 2);
    if (strcmp(format->name, "foodnet") != 0)
        assert_true(a->box.x1 == b->box.x1 && a->box.y1 == b->box.y1 && a->box.x2 == b->box.x2 &&
                    a->box.y2 == b->box.y2);
    if (in->category_count)
        assert_int_equal(a->category, b->category);
    for (int k = 0; k < SANL_LANDMARKS && format->scheme; k++) {
        assert_int_equal(p.visibility[k], q.visibility[k]);
        for (int axis = 0; axis < 2 && p.visibility[k] <= SANL_OCCLUDED; axis++)
            assert_true(p.img[k][axis] == q.img[k][axis]);
    }
    if (format->scheme)
        assert_int_equal(a->clothes, b->clothes);
}

static void drawn_sets_hold_the_same(void **state)
{
    (void)state;
    draw("fld");
    struct sanl_dataset *fld = must_open("fld", "fld");
    for (int l = 1; l < LAYOUTS; l++) {
        draw(layouts[l]);
        struct sanl_dataset *d = must_open(layouts[l], layouts[l]);
        assert_int_equal(d->count, PICTURES);
        for (int i = 0; i < PICTURES; i++) {
            const struct sanl_record *record = find(d, i);
            char *path = sanl_dataset_image_path(d, record);
            check_same(fld, find(fld, i), d, record);
            assert_true(sanl_file_exists(path));
            free(path);
        }
        sanl_dataset_free(d);
    }
    sanl_dataset_free(fld);
}

static void sets_go_to_other_layouts_and_back(void **state)
{
    (void)state;
    draw("fld");
    struct sanl_dataset *fld = must_open("fld", "fld");
    for (int l = 1; l < LAYOUTS; l++) {
        char there[32], back[32];
        snprintf(there, sizeof there, "to_%s", layouts[l]);
        snprintf(back, sizeof back, "from_%s", layouts[l]);
        if (convert("fld", "fld", layouts[l], there, SANL_IMAGES_LINK) != SANL_OK)
            fail_msg("%s", sanl_error_message());
        struct sanl_dataset *d = must_open(there, layouts[l]);
        for (int i = 0; i < PICTURES; i++) /* flat names end like the drawn ones */
            check_same(fld, find(fld, i), d, find(d, i));
        const bool landmarks = d->format->scheme;
        sanl_dataset_free(d);
        const enum sanl_status status = convert(layouts[l], there, "fld", back, SANL_IMAGES_COPY);
        assert_int_equal(status, landmarks ? SANL_OK : SANL_ERR_FORMAT);
        if (!landmarks) {
            assert_non_null(strstr(sanl_error_message(), "which the layout fld needs"));
            continue;
        }
        d = must_open(back, "fld");
        for (int i = 0; i < PICTURES; i++)
            check_same(fld, find(fld, i), d, find(d, i));
        sanl_dataset_free(d);
    }
    sanl_dataset_free(fld);
}

static void folders_in_use_are_left_alone(void **state)
{
    (void)state;
    draw("fld");
    draw("cub200");
    assert_int_equal(convert("fld", "fld", "coco", "cub200", SANL_IMAGES_NONE), SANL_ERR_IO);
    assert_non_null(strstr(sanl_error_message(), "is not empty"));
    sanl_dataset_free(must_open("cub200", "cub200"));
    assert_int_equal(convert("fld", "nowhere", "coco", "out", SANL_IMAGES_NONE), SANL_ERR_IO);
    char *path = in_root("out");
    assert_false(sanl_folder_exists(path));
    free(path);
}

static void stats_and_sheets_are_made(void **state)
{
    (void)state;
    struct sanl_table *tables[SANL_DATA_TABLES];
    struct sanl_data_config config = {.max_megapixels = 1};
    const struct sanl_browse_options options = {.pictures = 5, .columns = 2, .side = 64};
    int count;
    char *sheet = in_root("sheet.png");
    for (int l = 0; l < LAYOUTS; l++) {
        draw(layouts[l]);
        snprintf(config.format, sizeof config.format, "%s", layouts[l]);
        snprintf(config.root, sizeof config.root, "%s/%s", root, layouts[l]);
        assert_int_equal(sanl_data_stats(tables, &count, &config, 10), SANL_OK);
        assert_true(count >= 3);
        for (int i = 0; i < count; i++)
            sanl_table_free(tables[i]);
        assert_int_equal(sanl_data_browse(sheet, &config, &options), SANL_OK);
        assert_true(sanl_file_exists(sheet));
        remove(sheet);
    }
    free(sheet);
}

/* Landmarks cannot be learnt where there are none; pictures without boxes are whole. */
static void loaders_know_what_a_layout_lacks(void **state)
{
    (void)state;
    struct sanl_loader_options options = {
        .part = "train", .size = 32, .batch = 2, .workers = 1, .ring = 2, .max_megapixels = 1, .boxes = true};
    struct sanl_loader *loader = NULL;
    const struct sanl_batch *batch;
    draw("foodnet");
    struct sanl_dataset *d = must_open("foodnet", "foodnet");
    options.landmarks = true;
    assert_int_equal(sanl_loader_create(&loader, d, &options), SANL_ERR_USAGE);
    assert_non_null(strstr(sanl_error_message(), "the layout foodnet has no landmarks"));
    options.landmarks = false;
    options.categories = true;
    assert_int_equal(sanl_loader_create(&loader, d, &options), SANL_OK);
    sanl_loader_start_epoch(loader, 0);
    assert_int_equal(sanl_loader_next(loader, &batch), SANL_OK);
    assert_true(batch->box[0].x1 == 0 && fmax(batch->box[0].x2, batch->box[0].y2) == 64);
    sanl_loader_free(loader);
    sanl_dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drawn_sets_hold_the_same),      cmocka_unit_test(sets_go_to_other_layouts_and_back),
        cmocka_unit_test(folders_in_use_are_left_alone), cmocka_unit_test(loaders_know_what_a_layout_lacks),
        cmocka_unit_test(stats_and_sheets_are_made),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
