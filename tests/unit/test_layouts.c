/* data/{coco,cub200,foodnet,info_csv,convert}.c and DeepFashion-C: what is written is read back, what is bad
 * is named. */
#include <math.h>
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
#include <sanlcl/data.h>
#include <sanlcl/synth.h>
#include "base/file.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "data/loader.h"

enum { PICTURES = 24, MOST_FILES = 8 };

static const char *const layouts[] = {"fld", "deepfashion_c", "coco", "info_csv", "cub200", "foodnet"};
enum { LAYOUTS = 6 };

static char root[] = "/tmp/sanlcl_layouts_XXXXXX";

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    sanl_folder_clear(root);
    return rmdir(root);
}

static char *in_root(const char *name)
{
    char *path = sanl_path_join(root, name);
    assert_non_null(path);
    return path;
}

static enum sanl_status open_set(struct sanl_dataset **out, const char *folder, const char *layout)
{
    struct sanl_data_config config = {.limit = 0};
    char *path = in_root(folder);
    snprintf(config.format, sizeof config.format, "%s", layout);
    snprintf(config.root, sizeof config.root, "%s", path);
    free(path);
    return sanl_dataset_open(out, &config);
}

static struct sanl_dataset *must_open(const char *folder, const char *layout)
{
    struct sanl_dataset *d;
    if (open_set(&d, folder, layout) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    return d;
}

static void draw(const char *layout)
{
    struct sanl_synth_options options;
    char *path = in_root(layout);
    sanl_synth_defaults(&options);
    options.layout = layout;
    options.count = PICTURES;
    options.size = 64;
    if (!sanl_folder_exists(path) && sanl_synth_write(&options, path) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    free(path);
}

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

static void check_same(const struct sanl_record *a, const struct sanl_record *b,
                       const struct sanl_dataset *in)
{
    const struct sanl_dataset_format *format = in->format;
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
    for (int k = 0; k < SANL_LANDMARKS && format->landmarks; k++) {
        assert_int_equal(a->visibility[k], b->visibility[k]);
        for (int axis = 0; axis < 2 && a->visibility[k] <= SANL_OCCLUDED; axis++)
            assert_true(a->landmark_img[k][axis] == b->landmark_img[k][axis]);
    }
    if (format->landmarks)
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
            check_same(find(fld, i), record, d);
            assert_true(sanl_file_exists(path));
            free(path);
        }
        sanl_dataset_free(d);
    }
    sanl_dataset_free(fld);
}

static enum sanl_status convert(const char *from, const char *in, const char *to, const char *out, int images)
{
    struct sanl_convert_result result;
    char *source = in_root(in), *target = in_root(out);
    const struct sanl_convert_options options = {
        .from = from, .root = source, .to = to, .folder = target, .images = images};
    const enum sanl_status status = sanl_convert(&result, &options);
    free(source);
    free(target);
    return status;
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
            check_same(find(fld, i), find(d, i), d);
        const bool landmarks = d->format->landmarks;
        sanl_dataset_free(d);
        const enum sanl_status status = convert(layouts[l], there, "fld", back, SANL_IMAGES_COPY);
        assert_int_equal(status, landmarks ? SANL_OK : SANL_ERR_FORMAT);
        if (!landmarks) {
            assert_non_null(strstr(sanl_error_message(), "which the layout fld needs"));
            continue;
        }
        d = must_open(back, "fld");
        for (int i = 0; i < PICTURES; i++)
            check_same(find(fld, i), find(d, i), d);
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

/* ---- files by hand ------------------------------------------------------------------------------- */

struct file {
    const char *name, *text;
};

static void put(const char *folder, const struct file *file)
{
    char *path = sanl_format("%s/%s/%s", root, folder, file->name), *slash = strrchr(path, '/');
    *slash = 0;
    assert_int_equal(sanl_folder_make(path), SANL_OK);
    *slash = '/';
    assert_int_equal(sanl_file_write(path, file->text, strlen(file->text)), SANL_OK);
    free(path);
}

/* A folder with these files alone, the first replaced by `first` where that is given. */
static void put_all(const char *folder, const struct file *files, const char *name, const char *text)
{
    char *path = in_root(folder);
    sanl_folder_clear(path);
    free(path);
    for (int i = 0; i < MOST_FILES && files[i].name; i++) {
        const bool replaced = name && strcmp(files[i].name, name) == 0;
        put(folder, &(struct file){files[i].name, replaced ? text : files[i].text});
    }
}

#define TOP "image_name clothes_type ...\n"
static const struct file deepfashion[MOST_FILES] = {
    {"Anno_coarse/list_landmarks.txt",
     "2\n" TOP "img/A Shirt/a b.jpg  1  0 011 021  1 31 22  2 0 0  0 41 42  0 51 52  0 61 62 \n"
     "img/b.jpg 2 0 1 2 0 3 4 0 5 6 0 7 8\n"},
    {"Anno_coarse/list_bbox.txt",
     "2\nimage_name x_1 y_1 x_2 y_2\nimg/A Shirt/a b.jpg 072 079 232 273\nimg/b.jpg 1 1 5 5\n"},
    {"Eval/list_eval_partition.txt",
     "2\nimage_name evaluation_status\nimg/b.jpg val\nimg/A Shirt/a b.jpg train\n"},
    {"Img/img/b.jpg", ""},
};

static void deepfashion_c_has_no_variations(void **state)
{
    (void)state;
    struct sanl_dataset *d;
    put_all("df", deepfashion, NULL, NULL);
    d = must_open("df", "deepfashion_c");
    assert_string_equal(d->records[0].image, "img/A Shirt/a b.jpg");
    assert_true(d->records[0].landmark_img[0][0] == 10 && d->records[0].box.x2 == 231);
    assert_int_equal(d->records[0].visibility[1], SANL_OCCLUDED);
    assert_int_equal(d->records[0].part, 0);
    char *path = sanl_dataset_image_path(d, &d->records[1]);
    assert_true(sanl_file_exists(path));
    free(path);
    sanl_dataset_free(d);
    assert_int_equal(open_set(&d, "df", "fld"), SANL_ERR_FORMAT);
    assert_non_null(strstr(sanl_error_message(), "looks like the layout deepfashion_c"));
    draw("fld");
    assert_int_equal(open_set(&d, "fld", "deepfashion_c"), SANL_ERR_FORMAT);
    assert_non_null(strstr(sanl_error_message(), "looks like the layout fld"));
}

#define COCO_PATH "annotations/fld_lower_val.json"
#define COCO_IMAGES                                                                                          \
    "{\"images\": [{\"id\": 7, \"file_name\": \"img/\\u00e9 1.jpg\", \"height\": 9, \"width\": 9}],"
#define COCO_ROW "\"image_id\": 7, \"bbox\": [1, 1, 8.5, 8], \"keypoints\": "
static const struct file coco[MOST_FILES] = {
    {COCO_PATH, COCO_IMAGES " \"info\": {\"a\": [\"]}\\\"\", 1]}, \"annotations\": [{" COCO_ROW
                            "[1, 2.5, 2, 3, 4, 1, 0, 0, 0, 7, 8, 2]}]}"},
    {"annotations/test.json", "{\"annotations\": [{\"image_id\": 1, \"bbox\": [0, 0, 4, 4], \"keypoints\": "
                              "[0, 1, 2, 3, 4, 2, 0, 0, 0, 3, 3, 2]}],\n"
                              "\"images\": [{\"id\": 1, \"file_name\": \"x.jpg\"}]}\n"},
};

static void coco_files_are_read(void **state)
{
    (void)state;
    put_all("coco_hand", coco, NULL, NULL);
    struct sanl_dataset *d = must_open("coco_hand", "coco");
    assert_int_equal(d->count, 2);
    const struct sanl_record *r = &d->records[0];
    assert_string_equal(r->image, "img/\xC3\xA9 1.jpg");
    assert_true(r->part == 1 && r->clothes == SANL_CLOTHES_LOWER && r->category == -1);
    assert_true(r->landmark_img[4][0] == 0 && r->landmark_img[4][1] == 1.5); /* counted from 1 */
    assert_int_equal(r->visibility[5], SANL_OCCLUDED);
    assert_int_equal(r->visibility[6], SANL_CUT_OFF);
    assert_int_equal(r->visibility[0], SANL_ABSENT);
    assert_true(r->box.x1 == 0 && r->box.x2 == 8.5);
    assert_true(d->records[1].part == 2 && d->records[1].landmark_img[4][1] == 1); /* counted from 0 */
    sanl_dataset_free(d);
}

#define CSV_TOP                                                                                              \
    "attr_0,image_name,x_1,y_1,x_2,y_2,evaluation_status,category_label,category_name,category_type,"        \
    "lm_lc_x,lm_lc_y,lm_rc_x,lm_rc_y,lm_ls_x,lm_ls_y,lm_rs_x,lm_rs_y,lm_lw_x,lm_lw_y,lm_rw_x,lm_rw_y,"       \
    "lm_lh_x,lm_lh_y,lm_rh_x,lm_rh_y,lm_lc_vis,lm_rc_vis,lm_ls_vis,lm_rs_vis,lm_lw_vis,lm_rw_vis,lm_lh_vis," \
    "lm_rh_vis,lm_lc_in_pic,lm_rc_in_pic,lm_ls_in_pic,lm_rs_in_pic,lm_lw_in_pic,lm_rw_in_pic,lm_lh_in_pic,"  \
    "lm_rh_in_pic\n"
#define CSV_ROW                                                                                              \
    "1,\"img/a, \"\"b\"\".jpg\",1,2,30,40.5,val,2,Tee,0,"                                                    \
    "5,6,7,8,9,9,0,0,0,0,0,0,11,12,13,14,1,0,1,0,1,1,1,1,1,1,1,0,1,1,1,1\n"
static const struct file csv[MOST_FILES] = {{"Anno/df_info.csv", CSV_TOP CSV_ROW}};

static void info_csv_is_read(void **state)
{
    (void)state;
    put_all("csv", csv, NULL, NULL);
    struct sanl_dataset *d = must_open("csv", "info_csv");
    const struct sanl_record *r = &d->records[0];
    assert_int_equal(d->count, 1);
    assert_string_equal(r->image, "img/a, \"b\".jpg");
    assert_true(r->part == 1 && r->clothes == SANL_CLOTHES_UPPER && r->category == 2);
    assert_int_equal(d->category_count, 3);
    assert_string_equal(d->category_names[2], "Tee");
    assert_true(r->box.y2 == 39.5 && r->landmark_img[0][0] == 4);
    static const unsigned char expected[] = {SANL_VISIBLE, SANL_OCCLUDED, SANL_VISIBLE, SANL_CUT_OFF,
                                             SANL_ABSENT,  SANL_ABSENT,   SANL_VISIBLE, SANL_VISIBLE};
    assert_memory_equal(r->visibility, expected, sizeof expected);
    sanl_dataset_free(d);
}

static const struct file cub[MOST_FILES] = {
    {"images.txt", "1 001.Black_footed_Albatross/A_0046_18.jpg\n2 002.Laysan Albatross/B 1.jpg\n"},
    {"classes.txt", "1 001.Black_footed_Albatross\n2 002.Laysan Albatross\n"},
    {"image_class_labels.txt", "1 1\n2 2\n"},
    {"train_test_split.txt", "1 0\n2 1\n"},
    {"bounding_boxes.txt", "1 60.0 27.0 325.0 304.0\n2 0.0 1.5 10.0 10.0\n"},
};
static const struct file food[MOST_FILES] = {
    {"release_data/train_list.txt", "000/000000.jpg 0\n207/000 001.jpg 207\n"},
    {"release_data/test_truth_list.txt", "000000.jpg 133\n"},
};

static void classified_sets_are_read(void **state)
{
    (void)state;
    put_all("cub", cub, NULL, NULL);
    struct sanl_dataset *d = must_open("cub", "cub200");
    assert_string_equal(d->records[1].image, "002.Laysan Albatross/B 1.jpg");
    assert_string_equal(d->category_names[1], "002.Laysan Albatross");
    assert_true(d->records[0].category == 0 && d->records[0].part == 1 && d->records[1].part == 0);
    assert_true(d->records[0].box.x2 == 385 && d->records[0].box.y1 == 27);
    assert_int_equal(d->records[0].visibility[3], SANL_ABSENT);
    sanl_dataset_free(d);
    put_all("food", food, NULL, NULL);
    d = must_open("food", "foodnet");
    assert_int_equal(d->count, 3);
    assert_int_equal(d->category_count, 208);
    assert_string_equal(d->records[1].image, "train/207/000 001.jpg");
    assert_true(d->records[2].category == 133 && d->records[2].part == 2);
    assert_true(d->records[0].box.x2 == 0 && d->parts[1].count == 0);
    char *path = sanl_dataset_image_path(d, &d->records[0]);
    assert_non_null(strstr(path, "/food/release_data/train/000/000000.jpg"));
    free(path);
    sanl_dataset_free(d);
}

static const struct bad {
    const char *layout;
    const struct file *files;
    const char *name, *text, *message;
} bad_files[] = {
    {"coco", coco, COCO_PATH, "[]", "byte 0: expected '{'"},
    {"coco", coco, COCO_PATH, "{\"images\": [}", "byte "},
    {"coco", coco, COCO_PATH, "{\"images\": {}}", "expected '['"},
    {"coco", coco, COCO_PATH, "{\"images\": [{\"id\": 1.5, \"file_name\": \"a\"}]}",
     "images[0]: expected an object with a whole 'id' and a 'file_name'"},
    {"coco", coco, COCO_PATH, "{\"images\": [{\"id\": 1, \"file_name\": \"../a\"}]}", "must not leave"},
    {"coco", coco, COCO_PATH,
     "{\"images\": [{\"id\": 1, \"file_name\": \"a\"}, {\"id\": 1, \"file_name\": \"b\"}]}",
     "two images have the id 1"},
    {"coco", coco, COCO_PATH, COCO_IMAGES "\"annotations\": [{\"image_id\": 8}]}",
     "annotations[0]: 'image_id': no image"},
    {"coco", coco, COCO_PATH, COCO_IMAGES "\"annotations\": [{" COCO_ROW "[1, 2]}]}",
     "'keypoints': expected 12 numbers, found 2"},
    {"coco", coco, COCO_PATH,
     COCO_IMAGES "\"annotations\": [{" COCO_ROW "[1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]}]}",
     "keypoints[2]: expected 2 (visible)"},
    {"coco", coco, COCO_PATH, COCO_IMAGES "\"annotations\": [{\"image_id\": 7, \"bbox\": [1, 1, 0, 5]}]}",
     "a width and a height above 0"},
    {"coco", coco, COCO_PATH, COCO_IMAGES "\"annotations\": [{\"image_id\": 7, \"bbox\": [1, \"x\", 0, 5]}]}",
     "bbox[1]: expected a number"},
    {"info_csv", csv, "Anno/df_info.csv", "", "the file is empty"},
    {"info_csv", csv, "Anno/df_info.csv", "image_name,x_1\n", "line 1: no column is called 'y_1'"},
    {"info_csv", csv, "Anno/df_info.csv", "image_name,image_name\n", "two columns are called 'image_name'"},
    {"info_csv", csv, "Anno/df_info.csv", CSV_TOP "1,a.jpg\n", "line 2: expected 42 columns"},
    {"info_csv", csv, "Anno/df_info.csv",
     CSV_TOP CSV_ROW "1,\"img/b.jpg\",1,2,30,40,dev,2,Tee,0,5,6,7,8,9,9,0,0,0,0,"
                     "0,0,11,12,13,14,1,0,1,0,1,1,1,1,1,1,1,0,1,1,1,1\n",
     "line 3: evaluation_status: 'dev'"},
    {"cub200", cub, "images.txt", "2 a.jpg\n", "line 1: expected the number 1 and a name"},
    {"cub200", cub, "images.txt", "1 /a.jpg\n", "must not leave"},
    {"cub200", cub, "image_class_labels.txt", "1 1\n2 3\n", "line 2: class '3': expected 1 to 2"},
    {"cub200", cub, "image_class_labels.txt", "1 1\n1 1\n", "a second row for '1'"},
    {"cub200", cub, "train_test_split.txt", "1 1\n", "no row for '002.Laysan Albatross/B 1.jpg'"},
    {"cub200", cub, "train_test_split.txt", "1 1\n2 2\n", "'2': expected 1 (train) or 0 (test)"},
    {"cub200", cub, "bounding_boxes.txt", "1 1 1 0 5\n", "line 1: the box 1 1 0 5 is empty"},
    {"cub200", cub, "bounding_boxes.txt", "3 1 1 5 5\n",
     "image '3': expected a number of images.txt, 1 to 2"},
    {"foodnet", food, "release_data/train_list.txt", "a.jpg\n", "expected 2 columns"},
    {"foodnet", food, "release_data/train_list.txt", "a.jpg x\n", "label 'x': expected 0 to"},
};

static void bad_files_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        const struct bad *bad = &bad_files[i];
        struct sanl_dataset *d = NULL;
        put_all("bad", bad->files, bad->name, bad->text);
        if (open_set(&d, "bad", bad->layout) == SANL_OK || d || !strstr(sanl_error_message(), bad->message) ||
            !strstr(sanl_error_message(), bad->name))
            fail_msg("case %zu: expected '%s', got '%s'", i, bad->message, sanl_error_message());
    }
}

static void truncated_files_never_crash(void **state)
{
    (void)state;
    static const struct {
        const char *layout;
        const struct file *files;
    } sets[] = {{"deepfashion_c", deepfashion},
                {"coco", coco},
                {"info_csv", csv},
                {"cub200", cub},
                {"foodnet", food}};
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++)
        for (int f = 0; f < MOST_FILES && sets[s].files[f].name; f++)
            for (size_t cut = 0; cut < strlen(sets[s].files[f].text); cut += 3) {
                struct sanl_dataset *d = NULL;
                char *text = sanl_strdup(sets[s].files[f].text);
                text[cut] = 0;
                put_all("cut", sets[s].files, sets[s].files[f].name, text);
                if (open_set(&d, "cut", sets[s].layout) != SANL_OK)
                    assert_non_null(strstr(sanl_error_message(), root));
                sanl_dataset_free(d);
                free(text);
            }
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
        cmocka_unit_test(folders_in_use_are_left_alone), cmocka_unit_test(deepfashion_c_has_no_variations),
        cmocka_unit_test(coco_files_are_read),           cmocka_unit_test(info_csv_is_read),
        cmocka_unit_test(classified_sets_are_read),      cmocka_unit_test(bad_files_are_named),
        cmocka_unit_test(truncated_files_never_crash),   cmocka_unit_test(loaders_know_what_a_layout_lacks),
        cmocka_unit_test(stats_and_sheets_are_made),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
