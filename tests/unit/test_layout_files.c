/* The same readers and data/deepfashion2.c on files written by hand: what is good is read, what is bad is
 * named. */
#include "layouts.h"

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
    assert_true(landmarks_of(d, 0).img[0][0] == 10 && d->records[0].box.x2 == 231);
    assert_int_equal(landmarks_of(d, 0).visibility[1], SANL_OCCLUDED);
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
    assert_ptr_equal(d->published, &sanl_published_fld);
    const struct sanl_record *r = &d->records[0];
    assert_string_equal(r->image, "img/\xC3\xA9 1.jpg");
    assert_true(r->part == 1 && r->clothes == SANL_CLOTHES_LOWER && r->category == -1);
    const struct sanl_landmarks at = landmarks_of(d, 0);
    assert_true(at.img[4][0] == 0 && at.img[4][1] == 1.5); /* counted from 1 */
    assert_int_equal(at.visibility[5], SANL_OCCLUDED);
    assert_int_equal(at.visibility[6], SANL_CUT_OFF);
    assert_int_equal(at.visibility[0], SANL_ABSENT);
    assert_true(r->box.x1 == 0 && r->box.x2 == 8.5);
    assert_true(d->records[1].part == 2 && landmarks_of(d, 1).img[4][1] == 1); /* counted from 0 */
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
#define CSV_OTHER                                                                                            \
    ",\"img/c.jpg\",1,2,30,40.5,val,2,Tee,0,"                                                                \
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
    assert_true(r->box.y2 == 39.5 && landmarks_of(d, 0).img[0][0] == 4);
    static const unsigned char expected[] = {SANL_VISIBLE, SANL_OCCLUDED, SANL_VISIBLE, SANL_CUT_OFF,
                                             SANL_ABSENT,  SANL_ABSENT,   SANL_VISIBLE, SANL_VISIBLE};
    assert_memory_equal(landmarks_of(d, 0).visibility, expected, sizeof expected);
    sanl_dataset_free(d);
}

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
    assert_int_equal(landmarks_of(d, 0).visibility[3], SANL_ABSENT);
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

#define DF2_PATH "train/annos/000007.json"
#define DF2_SKIRT                                                                                            \
    "{\"category_id\": 9, \"style\": 1, \"bounding_box\": [0, 6, 40.5, 50], \"landmarks\": "                 \
    "[1, 7, 2, 20, 8, 1, 39, 7, 2, 2, 30, 2, 3, 49, 0, 20, 49.5, 2, 38, 48, 1, 40, 30, 2]}"
#define DF2_SHORTS                                                                                           \
    "{\"category_name\": \"shorts\", \"category_id\": 7, \"segmentation\": [[1, 2, 1]], \"bounding_box\": "  \
    "[2, 3, 30, 40], \"landmarks\": [3, 4, 2, 10, 4, 2, 29, 4, 2, 3, 20, 1, 4, 39, 2, 9, 39, 2, 10, 20, 2, " \
    "11, 39, 2, 28, 39, 2, 29, 20, 0]}"
static const struct file deepfashion2[MOST_FILES] = {
    {DF2_PATH, "{\"item2\": " DF2_SHORTS ", \"source\": \"shop\", \"item1\": " DF2_SKIRT ", \"pair_id\": 3}"},
    {"validation/annos/000001.json", "{\"item1\": " DF2_SHORTS "}"},
};

static void check_deepfashion2(const struct sanl_dataset *d, const char *image)
{
    assert_int_equal(d->count, 3);
    assert_ptr_equal(d->scheme, &sanl_scheme_deepfashion2);
    assert_ptr_equal(d->published, &sanl_published_deepfashion2);
    assert_int_equal(d->category_count, 13);
    assert_string_equal(d->category_names[8], "skirt");
    const struct sanl_record *r = d->records;
    assert_string_equal(r[0].image, image);
    assert_string_equal(r[1].image, image);
    assert_true(r[0].clothes == 9 && r[0].category == 8 && r[0].part == 0 && r[1].clothes == 7 &&
                r[2].part == 1);
    assert_true(r[0].box.x1 == 0 && r[0].box.y1 == 6 && r[0].box.x2 == 40.5); /* counted from 0 */
    const struct sanl_landmarks at = landmarks_of(d, 0), shorts = landmarks_of(d, 2);
    for (int k = 0; k < SANL_LANDMARKS; k++)
        assert_int_equal(at.visibility[k] != SANL_ABSENT, k >= 182 && k < 190);
    assert_true(at.visibility[182] == SANL_VISIBLE && at.visibility[183] == SANL_OCCLUDED);
    assert_true(at.visibility[186] == SANL_CUT_OFF && at.img[187][1] == 49.5);
    assert_true(shorts.img[167 - 9][0] == 3 && shorts.visibility[167] == SANL_CUT_OFF);
}

static void deepfashion2_goes_to_coco_and_back(void **state)
{
    (void)state;
    put_all("df2", deepfashion2, NULL, NULL);
    bring_picture("fld/img/img_00000001.jpg", "df2/train/image/000007.jpg");
    bring_picture("fld/img/img_00000002.jpg", "df2/validation/image/000001.jpg");
    struct sanl_dataset *d = must_open("df2", "deepfashion2");
    check_deepfashion2(d, "train/image/000007.jpg");
    assert_int_equal(d->parts[0].count, 2);
    sanl_dataset_free(d);
    if (convert("deepfashion2", "df2", "coco", "df2_coco", SANL_IMAGES_COPY) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    d = must_open("df2_coco", "coco");
    check_deepfashion2(d, "img/train/image/000007.jpg");
    sanl_dataset_free(d);
    if (convert("coco", "df2_coco", "deepfashion2", "df2_back", SANL_IMAGES_LINK) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    d = must_open("df2_back", "deepfashion2");
    check_deepfashion2(d, "train/image/000007.jpg");
    char *path = sanl_dataset_image_path(d, &d->records[2]);
    assert_true(sanl_file_exists(path));
    free(path);
    sanl_dataset_free(d);
    assert_int_equal(convert("deepfashion2", "df2", "fld", "df2_fld", SANL_IMAGES_NONE), SANL_ERR_FORMAT);
    assert_non_null(strstr(sanl_error_message(), "has the 294 landmarks of deepfashion2, the layout fld"));
}

static const struct bad {
    const char *layout;
    const struct file *files;
    const char *name, *text, *message;
} bad_files[] = {
    {"coco", coco, COCO_PATH, "[]", "byte 0: expected '{'"},
    {"coco", coco, COCO_PATH, "{\"images\": [}", "byte "},
    {"coco", coco, COCO_PATH, "{\"foo\": 1}", "has no list 'images'"},
    {"coco", coco, COCO_PATH, "{\"images\": []}", "has no list 'annotations'"},
    {"coco", coco, COCO_PATH, "{\"images\": [], \"annotations\": []} {",
     "the file goes on behind its object"},
    {"coco", coco, COCO_PATH, "{1: 2, \"images\": [], \"annotations\": []}", "expected a key in quotes"},
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
    {"foodnet", food, "release_data/train_list.txt", "a.jpg x\n", "label 'x': expected 0 to 207"},
    {"foodnet", food, "release_data/train_list.txt", "a.jpg 208\n", "label '208': expected 0 to 207"},
    {"coco", coco, COCO_PATH, "{\"images\": [], \"annotations\": [], \"images\": []}", "a second 'images'"},
    {"coco", coco, COCO_PATH, "{\"images\": [], \"licenses\": what, \"annotations\": []}", "byte "},
    {"deepfashion2", deepfashion2, DF2_PATH, "[]", "expected an object"},
    {"deepfashion2", deepfashion2, DF2_PATH, "{\"item1\": " DF2_SKIRT ", \"item1\": " DF2_SKIRT "}",
     "duplicate"},
    {"deepfashion2", deepfashion2, DF2_PATH, "{\"item1\": " DF2_SKIRT ", \"Item2\": " DF2_SKIRT "}",
     "no 'item2'"},
    {"deepfashion2", deepfashion2, DF2_PATH, "{\"item1\": {\"category_id\": 9, \"category_name\": \"vest\"}}",
     "'category_name': 'vest', but category_id 9 is 'skirt'"},
    {"deepfashion2", deepfashion2, DF2_PATH, "{\"item1\": 3", "byte "},
    {"deepfashion2", deepfashion2, DF2_PATH, "{\"item1\": 3}", "item1: 'category_id': expected 1 to 13"},
    {"deepfashion2", deepfashion2, DF2_PATH, "{\"item3\": " DF2_SKIRT "}", "has 1 items, but no 'item1'"},
    {"deepfashion2", deepfashion2, DF2_PATH, "{\"item1\": {\"category_id\": 9}}",
     "'bounding_box': expected 4 numbers, found 0"},
    {"deepfashion2", deepfashion2, DF2_PATH,
     "{\"item1\": {\"category_id\": 9, \"bounding_box\": [1, 1, 1, 5]}}", "'bounding_box': it is empty"},
    {"deepfashion2", deepfashion2, DF2_PATH,
     "{\"item1\": {\"category_id\": 9, \"bounding_box\": [1, 1, 2, 5], \"landmarks\": [1, 2, 2]}}",
     "'landmarks': expected 24 numbers, found 3"},
};

/* Annotations with a keypoint for each of DeepFashion2's slots have none outside their category's. */
static void keypoints_are_the_categorys(void **state)
{
    (void)state;
    static const struct {
        long long category;
        int labelled; /* a slot */
        const char *message;
    } cases[] = {{9, 182, NULL},
                 {9, 181, "keypoints[543]: expected 0, as category_id 9 (skirt) has no trousers_kpt14"},
                 {9, 190, "has no ssd_kpt1"},
                 {1, 182, "has no skirt_kpt1"},
                 {0, 182, "'category_id': expected 1 to 13"},
                 {14, 182, "'category_id'"},
                 {-4294967287, 182, "'category_id'"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[4096];
        int at = snprintf(
            text, sizeof text,
            "{\"images\": [{\"id\": 1, \"file_name\": \"a.jpg\"}], \"annotations\": [{\"image_id\": 1, "
            "\"bbox\": [1, 1, 4, 4], \"category_id\": %lld, \"keypoints\": [",
            cases[i].category);
        for (int k = 0; k < SANL_LANDMARKS; k++)
            at += snprintf(text + at, sizeof text - (size_t)at, "%s%s", k ? ", " : "",
                           k == cases[i].labelled ? "3, 4, 2" : "0, 0, 0");
        snprintf(text + at, sizeof text - (size_t)at, "]}]}");
        put_all("keypoints", (const struct file[MOST_FILES]){{"annotations/train.json", text}}, NULL, NULL);
        struct sanl_dataset *d = NULL;
        const enum sanl_status status = open_set(&d, "keypoints", "coco");
        if ((status == SANL_OK) != !cases[i].message ||
            (cases[i].message && !strstr(sanl_error_message(), cases[i].message)))
            fail_msg("case %zu: %s", i, sanl_error_message());
        sanl_dataset_free(d);
    }
}

/* Doubles as tables have them, written and read; two tables in one folder. */
static void tables_hold_doubles(void **state)
{
    (void)state;
    static const struct file fractions[MOST_FILES] = {
        {"annotations/train.json",
         "{\"images\": [{\"id\": 1, \"file_name\": \"img/a.jpg\"}], \"annotations\": "
         "[{\"image_id\": 1, \"bbox\": [10.1, 5.2, 30.3, 40.7], \"keypoints\": "
         "[-0.99999, 0.1, 2, 0.2, 0.3, 1, 0, 0, 0, 45.123456789012345, 3, 2]}]}"}};
    put_all("fractions", fractions, NULL, NULL);
    bring_picture("fld/img/img_00000001.jpg", "fractions/img/a.jpg");
    if (convert("coco", "fractions", "info_csv", "fractions_csv", SANL_IMAGES_LINK) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    struct sanl_dataset *a = must_open("fractions", "coco"), *b = must_open("fractions_csv", "info_csv");
    const struct sanl_landmarks p = landmarks_of(a, 0), q = landmarks_of(b, 0);
    assert_true(fabs(a->records[0].box.y2 - b->records[0].box.y2) < 1e-12);
    for (int k = 4; k < 8; k++) {
        assert_int_equal(p.visibility[k], q.visibility[k]);
        assert_true(p.visibility[k] == SANL_CUT_OFF ||
                    (fabs(p.img[k][0] - q.img[k][0]) < 1e-12 && fabs(p.img[k][1] - q.img[k][1]) < 1e-12));
    }
    sanl_dataset_free(a);
    sanl_dataset_free(b);
    put_all("csv", csv, NULL, NULL);
    put("csv", &(struct file){"Anno/fld_info.csv", CSV_TOP CSV_ROW "0" CSV_OTHER});
    assert_int_equal(open_set(&a, "csv", "info_csv"), SANL_ERR_USAGE);
    assert_non_null(strstr(sanl_error_message(),
                           "has both Anno/df_info.csv and Anno/fld_info.csv: give the file itself"));
    a = must_open("csv/Anno/fld_info.csv", "info_csv");
    assert_ptr_equal(a->published, &sanl_published_fld);
    assert_int_equal(a->count, 2);
    char *root_of = in_root("csv");
    assert_string_equal(a->root, root_of);
    free(root_of);
    sanl_dataset_free(a);
    put("csv", &(struct file){"Anno/fld_info.csv", CSV_TOP CSV_ROW CSV_ROW});
    assert_int_equal(open_set(&a, "csv/Anno/fld_info.csv", "info_csv"), SANL_ERR_FORMAT);
    assert_non_null(strstr(sanl_error_message(), "records 1 and 2 are of one picture, 'img/a, \"b\".jpg'"));
}

/* Landmarks at 0 0 are nowhere, whatever their visibility says. */
static void no_landmark_is_at_zero(void **state)
{
    (void)state;
    put_all("df", deepfashion, deepfashion[0].name,
            "2\n" TOP "img/A Shirt/a b.jpg 2 0 000 000 0 2 2 0 3 0 0 4 4\n"
            "img/b.jpg 2 0 1 1 0 1 1 0 1 1 0 1 1\n");
    struct sanl_dataset *d = must_open("df", "deepfashion_c");
    const struct sanl_landmarks at = landmarks_of(d, 0);
    assert_int_equal(at.visibility[4], SANL_CUT_OFF);
    assert_true(at.visibility[6] == SANL_VISIBLE && at.img[6][1] == -1);
    sanl_dataset_free(d);
}

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
    } sets[] = {
        {"deepfashion_c", deepfashion}, {"coco", coco}, {"info_csv", csv}, {"cub200", cub}, {"foodnet", food},
        {"deepfashion2", deepfashion2}};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deepfashion_c_has_no_variations),
        cmocka_unit_test(coco_files_are_read),
        cmocka_unit_test(info_csv_is_read),
        cmocka_unit_test(classified_sets_are_read),
        cmocka_unit_test(deepfashion2_goes_to_coco_and_back),
        cmocka_unit_test(keypoints_are_the_categorys),
        cmocka_unit_test(tables_hold_doubles),
        cmocka_unit_test(no_landmark_is_at_zero),
        cmocka_unit_test(bad_files_are_named),
        cmocka_unit_test(truncated_files_never_crash),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
