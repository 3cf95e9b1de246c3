/* data/deepfashion.c: annotation files, good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <sanlcl/synth.h>
#include "base/file.h"
#include "base/memory.h"
#include "data/dataset.h"

#define LANDMARKS  "Anno/list_landmarks.txt"
#define BOXES      "Anno/list_bbox.txt"
#define PARTS      "Eval/list_eval_partition.txt"
#define CATEGORIES "Anno/list_category_cloth.txt"
#define LABELS     "Anno/list_category_img.txt"

#define LANDMARKS_TOP                                                                                        \
    "image_name clothes_type variation_type landmark_visibility_1 landmark_location_x_1 ...\n"
#define A_ROW     "img/a.jpg 1 1 0 011 021 1 31 22 2 0 0 0 41 42 0 51 52 0 61 62\n"
#define B_ROW     "img/b.jpg 2 3 0 1 2 0 3 4 0 5 6 0 7 8\n"
#define C_ROW     "img/c.jpg 3 5 0 1 2 0 3 4 0 5 6 0 7 8 0 9 10 0 11 12 0 13 14 0 15 16\n"
#define BOXES_TOP "image_name x_1 y_1 x_2 y_2\n"
#define PARTS_TOP "image_name evaluation_status\n"

static const char *const files[] = {LANDMARKS, BOXES, PARTS, CATEGORIES, LABELS};
static const char *const good[] = {
    "3\n" LANDMARKS_TOP A_ROW B_ROW C_ROW,
    "3\n" BOXES_TOP "img/c.jpg 1 1 100 200\nimg/a.jpg 010 020 110 220\nimg/b.jpg 5 6 7.5 8\n",
    "3\n" PARTS_TOP "img/b.jpg train\nimg/a.jpg val\nimg/c.jpg train\n",
    "2\ncategory_name  category_type\nTee 1\nButton-Down 1\n",
    "3\nimage_name category_label\nimg/a.jpg 2\nimg/b.jpg 1\nimg/c.jpg 1\n",
};
enum { FILES = 5 };

static char root[] = "/tmp/sanlcl_fld_XXXXXX";

static char *path_of(const char *name)
{
    char *path = sanl_path_join(root, name);
    assert_non_null(path);
    return path;
}

static void put(const char *name, const char *text)
{
    char *path = path_of(name);
    if (text)
        assert_int_equal(sanl_file_write(path, text, strlen(text)), SANL_OK);
    else
        remove(path);
    free(path);
}

static void put_all(const char *const text[FILES])
{
    for (int i = 0; i < FILES; i++)
        put(files[i], text[i]);
}

static enum sanl_status open_root(struct sanl_dataset **out, int limit)
{
    struct sanl_data_config config = {.limit = limit};
    snprintf(config.format, sizeof config.format, "fld");
    snprintf(config.root, sizeof config.root, "%s", root);
    return sanl_dataset_open(out, &config);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(root))
        return -1;
    static const char *const folders[] = {"Anno", "Eval", "img"};
    for (int i = 0; i < 3; i++) {
        char *path = path_of(folders[i]);
        if (sanl_folder_make(path) != SANL_OK)
            return -1;
        free(path);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const folders[] = {"Anno", "Eval", "img", "Img", ""};
    for (int i = 0; i < FILES; i++)
        put(files[i], NULL);
    for (int i = 0; i < 5; i++) {
        char *path = path_of(folders[i]);
        rmdir(path);
        free(path);
    }
    return 0;
}

static void check_good(const struct sanl_dataset *d)
{
    static const unsigned char upper[] = {SANL_VISIBLE, SANL_OCCLUDED, SANL_CUT_OFF, SANL_VISIBLE,
                                          SANL_ABSENT,  SANL_ABSENT,   SANL_VISIBLE, SANL_VISIBLE};
    static const unsigned char lower[] = {SANL_ABSENT,  SANL_ABSENT,  SANL_ABSENT,  SANL_ABSENT,
                                          SANL_VISIBLE, SANL_VISIBLE, SANL_VISIBLE, SANL_VISIBLE};
    assert_int_equal(d->count, 3);
    const struct sanl_record *a = &d->records[0], *b = &d->records[1];
    struct sanl_landmarks at, at_b;
    sanl_dataset_landmarks(&at, d, a);
    sanl_dataset_landmarks(&at_b, d, b);
    assert_string_equal(a->image, "img/a.jpg");
    assert_memory_equal(at.visibility, upper, sizeof upper);
    assert_true(at.img[0][0] == 10 && at.img[0][1] == 20); /* counted from 1 on disk */
    assert_true(at.img[6][0] == 50 && at.img[7][1] == 61);
    assert_true(a->box.x1 == 9 && a->box.y1 == 19 && a->box.x2 == 109 && a->box.y2 == 219);
    assert_int_equal(a->clothes, SANL_CLOTHES_UPPER);
    assert_int_equal(b->variation, 3);
    assert_memory_equal(at_b.visibility, lower, sizeof lower);
    assert_true(at_b.img[4][0] == 0 && at_b.img[7][1] == 7);
    assert_true(b->box.x2 == 6.5);
    const struct sanl_part *part = NULL;
    assert_int_equal(sanl_dataset_find_part(&part, d, "train"), SANL_OK);
    assert_int_equal(part->count, 2);
    assert_true(part->records[0] == 1 && part->records[1] == 2);
    assert_int_equal(sanl_dataset_find_part(&part, d, "val"), SANL_OK);
    assert_true(part->count == 1 && part->records[0] == 0);
}

static void good_files_are_read(void **state)
{
    (void)state;
    struct sanl_dataset *d = NULL;
    put_all(good);
    assert_int_equal(open_root(&d, 0), SANL_OK);
    check_good(d);
    assert_int_equal(d->category_count, 2);
    assert_string_equal(d->category_names[1], "Button-Down");
    assert_true(d->records[0].category == 1 && d->records[1].category == 0);
    char *path = sanl_dataset_image_path(d, &d->records[2]), *expected = path_of("img/c.jpg");
    assert_string_equal(path, expected);
    free(path);
    free(expected);
    const struct sanl_part *part = NULL;
    assert_int_equal(sanl_dataset_find_part(&part, d, "test"), SANL_ERR_USAGE);
    assert_non_null(strstr(sanl_error_message(), "no picture belongs to part 'test'"));
    assert_int_equal(sanl_dataset_find_part(&part, d, "dev"), SANL_ERR_USAGE);
    assert_non_null(strstr(sanl_error_message(), "no part is called 'dev'; known: train, val, test"));
    sanl_dataset_free(d);
}

/* Categories left out; Windows line ends, a byte order mark, padding with blanks and with zero triplets,
 * empty lines at the end, none after the last row. */
static void odd_but_good_files_are_read(void **state)
{
    (void)state;
    static const char *const odd[FILES] = {
        "\xEF\xBB\xBF 3 \r\n" LANDMARKS_TOP
        "img/a.jpg     1  1  0 011 021  1 31 22  2 0 0  0 41 42  0 51 52  0 61 62  0 0 0  0 000 0.0 \r\n"
        "\timg/b.jpg 2 3 0 1 2 0 3 4 0 5 6 0 7 8 0 0 0\r\n" C_ROW "\r\n \n\n",
        "3\n" BOXES_TOP "img/c.jpg 1 1 100 200\nimg/a.jpg 010 020 110 220\nimg/b.jpg 5 6 7.5 8",
        "3\r\n" PARTS_TOP "img/b.jpg train\r\nimg/a.jpg   val  \r\nimg/c.jpg train\r\n",
        NULL,
        NULL,
    };
    struct sanl_dataset *d = NULL;
    put_all(odd);
    assert_int_equal(open_root(&d, 0), SANL_OK);
    check_good(d);
    assert_int_equal(d->category_count, 0);
    assert_int_equal(d->records[0].category, -1);
    sanl_dataset_free(d);
}

static void parts_are_limited(void **state)
{
    (void)state;
    struct sanl_dataset *d = NULL;
    const struct sanl_part *part = NULL;
    put_all(good);
    assert_int_equal(open_root(&d, 1), SANL_OK);
    assert_int_equal(sanl_dataset_find_part(&part, d, "train"), SANL_OK);
    assert_true(part->count == 1 && part->records[0] == 1);
    sanl_dataset_free(d);
}

static void the_other_image_folder_is_found(void **state)
{
    (void)state;
    struct sanl_dataset *d = NULL;
    put_all(good);
    char *lower = path_of("img"), *upper = path_of("Img");
    assert_int_equal(rename(lower, upper), 0);
    assert_int_equal(open_root(&d, 0), SANL_OK);
    assert_string_equal(d->records[0].image, "Img/a.jpg");
    sanl_dataset_free(d);
    assert_int_equal(rmdir(upper), 0);
    assert_int_equal(open_root(&d, 0), SANL_ERR_IO);
    assert_null(d);
    assert_non_null(strstr(sanl_error_message(), "has neither the folder img nor Img"));
    assert_int_equal(sanl_folder_make(lower), SANL_OK);
    free(lower);
    free(upper);
}

static const struct bad {
    const char *file, *text, *message;
} bad_files[] = {
    {LANDMARKS, NULL, "cannot open"},
    {LANDMARKS, "", "list_landmarks.txt: the file is empty"},
    {LANDMARKS, " \n\n", "the file is empty"},
    {LANDMARKS, LANDMARKS_TOP A_ROW, "line 1: expected the number of rows alone"},
    {LANDMARKS, "-3\n" LANDMARKS_TOP, "line 1: expected the number of rows alone"},
    {LANDMARKS, "99999999999999999999\n" LANDMARKS_TOP, "line 1: expected the number of rows alone"},
    {LANDMARKS, "3\n" A_ROW B_ROW C_ROW, "line 2: expected the column names, beginning with 'image_name'"},
    {LANDMARKS, "3\n", "line 1: expected the column names"},
    {LANDMARKS, "4\n" LANDMARKS_TOP A_ROW B_ROW C_ROW, "line 1 announces 4 rows, but the file has 3"},
    {LANDMARKS, "2\n" LANDMARKS_TOP A_ROW B_ROW C_ROW, "line 1 announces 2 rows, but the file has 3"},
    {LANDMARKS, "3\n" LANDMARKS_TOP A_ROW "\n" B_ROW C_ROW, "line 4: expected image_name clothes_type"},
    {LANDMARKS, "3\n" LANDMARKS_TOP A_ROW B_ROW A_ROW,
     "line 5: a second row for 'img/a.jpg' (the first is line 3)"},
    {LANDMARKS, "1\n" LANDMARKS_TOP "img/a.jpg 4 1 0 1 2\n", "line 3: clothes type '4': expected 1 (upper)"},
    {LANDMARKS, "1\n" LANDMARKS_TOP "img/a.jpg 2 x 0 1 2 0 1 2 0 1 2 0 1 2\n", "line 3: variation type 'x'"},
    {LANDMARKS, "1\n" LANDMARKS_TOP "img/a.jpg 2 1 0 1 2 0 1 2 0 1 2\n",
     "line 3: expected 15 columns for clothes type 2, found 12"},
    {LANDMARKS, "1\n" LANDMARKS_TOP "img/a.jpg 2 1 0 1 2 0 1 2 0 1 2 0 1 2 0\n",
     "line 3: expected 15 columns for clothes type 2, found 16"},
    {LANDMARKS, "1\n" LANDMARKS_TOP "img/a.jpg 2 1 0 1 2 0 1 2 0 1 2 0 1 2 0 1 2\n",
     "line 3: column 17: '1' where clothes type 2 has no landmark: expected 0"},
    {LANDMARKS, "1\n" LANDMARKS_TOP "img/a.jpg 3 1 0 1 2 0 1 2 0 1 2 0 1 2 0 1 2 0 1 2 0 1 2 0 1 2 0 0 0\n",
     "line 3: expected 27 columns for clothes type 3, found 30"},
    {LANDMARKS, "1\n" LANDMARKS_TOP "img/a.jpg 2 1 0 1 2 3 1 2 0 1 2 0 1 2\n",
     "line 3: column 7: visibility '3' of rwaist: expected 0 (visible), 1 (occluded) or 2 (cut off)"},
    {LANDMARKS, "1\n" LANDMARKS_TOP "img/a.jpg 2 1 0.0 1 2 0 1 2 0 1 2 0 1 2\n",
     "column 4: visibility '0.0'"},
    {LANDMARKS, "1\n" LANDMARKS_TOP "img/a.jpg 2 1 0 1 nan 0 1 2 0 1 2 0 1 2\n",
     "line 3: column 6: 'nan' is not a pixel coordinate"},
    {LANDMARKS, "1\n" LANDMARKS_TOP "img/a.jpg 2 1 0 1 1e3 0 1 2 0 1 2 0 1 2\n",
     "'1e3' is not a pixel coordinate"},
    {LANDMARKS, "1\n" LANDMARKS_TOP "img/a.jpg 2 6 0 1 2 0 1 2 0 1 2 0 1 2\n",
     "line 3: variation type '6': expected 1 to 5, or 0 for none"},
    {LANDMARKS, "1\n" LANDMARKS_TOP "img/a.jpg 2 1 0 1 70000 0 1 2 0 1 2 0 1 2\n", "'70000' is not a pixel"},
    {LANDMARKS, "1\n" LANDMARKS_TOP "/etc/passwd 2 1 0 1 2 0 1 2 0 1 2 0 1 2\n", "begins with img/"},
    {LANDMARKS, "1\n" LANDMARKS_TOP "img/../../x.jpg 2 1 0 1 2 0 1 2 0 1 2 0 1 2\n",
     "must not leave the folder"},
    {BOXES, NULL, "cannot open"},
    {BOXES, "3\n" BOXES_TOP "img/a.jpg 1 2 3\n", "list_bbox.txt: line 3: expected 5 columns, found 4"},
    {BOXES, "3\n" BOXES_TOP "img/a.jpg 1 2 3 4 5\n", "line 3: expected 5 columns, found 6"},
    {BOXES, "3\n" BOXES_TOP "img/a.jpg 1 2 3 4\nimg/x.jpg 1 2 3 4\n",
     "list_bbox.txt: line 4: image 'img/x.jpg' is not in Anno/list_landmarks.txt"},
    {BOXES, "3\n" BOXES_TOP "img/a.jpg 1 2 3 4\nimg/a.jpg 1 2 3 4\n",
     "line 4: a second row for 'img/a.jpg' (the first is line 3)"},
    {BOXES, "2\n" BOXES_TOP "img/a.jpg 1 2 3 4\nimg/c.jpg 1 2 3 4\n",
     "list_bbox.txt: no row for 'img/b.jpg', which is line 4 of Anno/list_landmarks.txt"},
    {BOXES, "3\n" BOXES_TOP "img/a.jpg 10 20 10 40\n", "line 3: the box 10 20 10 40 is empty"},
    {BOXES, "3\n" BOXES_TOP "img/a.jpg 10 20 30 15\n", "line 3: the box 10 20 30 15 is empty"},
    {BOXES, "3\n" BOXES_TOP "img/a.jpg -9 2 1 5\n", "line 3: the box -9 2 1 5 lies outside the picture"},
    {BOXES, "3\n" BOXES_TOP "img/a.jpg 1 two 3 4\n", "line 3: column 3: 'two' is not a pixel coordinate"},
    {PARTS, NULL, "cannot open"},
    {PARTS, "3\n" PARTS_TOP "img/a.jpg dev\n",
     "partition.txt: line 3: part 'dev': expected train, val or test"},
    {PARTS, "3\n" PARTS_TOP "img/a.jpg\n", "line 3: expected 2 columns, found 1"},
    {PARTS, "2\n" PARTS_TOP "img/a.jpg val\nimg/b.jpg val\n", "no row for 'img/c.jpg'"},
    {CATEGORIES, NULL, "has Anno/list_category_img.txt but not Anno/list_category_cloth.txt"},
    {CATEGORIES, "1\ncategory_name category_type\nTee 7\n", "line 3: category type '7'"},
    {CATEGORIES, "1\ncategory_name category_type\nTee 1\n",
     "list_category_img.txt: line 3: category '2': expected 1 to 1"},
    {LABELS, NULL, "has Anno/list_category_cloth.txt but not Anno/list_category_img.txt"},
    {LABELS, "1\nimage_name category_label\nimg/a.jpg 0\n", "line 3: category '0': expected 1 to 2"},
    {LABELS, "1\nimage_name category_label\nimg/a.jpg 1\n", "no row for 'img/b.jpg'"},
};

static void bad_files_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        const struct bad *bad = &bad_files[i];
        struct sanl_dataset *d = NULL;
        put_all(good);
        put(bad->file, bad->text);
        const enum sanl_status status = open_root(&d, 0);
        if (status == SANL_OK || d || !strstr(sanl_error_message(), bad->message) ||
            !strstr(sanl_error_message(), root))
            fail_msg("case %zu: expected '%s', got status %d: '%s'", i, bad->message, (int)status,
                     sanl_error_message());
    }
}

static void binary_files_are_refused(void **state)
{
    (void)state;
    struct sanl_dataset *d = NULL;
    put_all(good);
    char *path = path_of(BOXES);
    assert_int_equal(sanl_file_write(path, "3\nimage_name\0x", 14), SANL_OK);
    assert_int_equal(open_root(&d, 0), SANL_ERR_FORMAT);
    assert_non_null(strstr(sanl_error_message(), "not a text file"));
    free(path);
}

static void unknown_formats_and_roots_are_named(void **state)
{
    (void)state;
    struct sanl_data_config config = {.format = "voc", .root = "/tmp"};
    struct sanl_dataset *d = NULL;
    assert_int_equal(sanl_dataset_open(&d, &config), SANL_ERR_USAGE);
    assert_non_null(strstr(sanl_error_message(), "'voc'; known: fld"));
    snprintf(config.format, sizeof config.format, "fld");
    snprintf(config.root, sizeof config.root, "/tmp/no such folder");
    assert_int_equal(sanl_dataset_open(&d, &config), SANL_ERR_IO);
    assert_non_null(strstr(sanl_error_message(), "/tmp/no such folder: no such folder"));
    config.root[0] = 0;
    assert_int_equal(sanl_dataset_open(&d, &config), SANL_ERR_USAGE);
}

/* Every file cut short anywhere: a message, never a crash. */
static void truncated_files_never_crash(void **state)
{
    (void)state;
    for (int f = 0; f < FILES; f++) {
        const size_t length = strlen(good[f]);
        for (size_t cut = 0; cut < length; cut++) {
            struct sanl_dataset *d = NULL;
            char *text = sanl_strdup(good[f]);
            text[cut] = 0;
            put_all(good);
            put(files[f], text);
            if (open_root(&d, 0) != SANL_OK)
                assert_non_null(strstr(sanl_error_message(), root));
            sanl_dataset_free(d);
            free(text);
        }
    }
}

/* Names in opposite orders in the two files; quadratic joins would take minutes. */
static void many_rows_join(void **state)
{
    (void)state;
    enum { ROWS = 100000 };
    FILE *out[3];
    for (int i = 0; i < 3; i++) {
        char *path = path_of(files[i]);
        out[i] = fopen(path, "w");
        assert_non_null(out[i]);
        free(path);
    }
    fprintf(out[0], "%d\n" LANDMARKS_TOP, ROWS);
    fprintf(out[1], "%d\n" BOXES_TOP, ROWS);
    fprintf(out[2], "%d\n" PARTS_TOP, ROWS);
    for (int i = 0; i < ROWS; i++) {
        fprintf(out[0], "img/img_%08d.jpg 2 1 0 %d 2 0 3 4 0 5 6 0 7 8\n", i, i % 500);
        fprintf(out[1], "img/img_%08d.jpg 1 1 %d 300\n", ROWS - 1 - i, 2 + (ROWS - 1 - i) % 500);
        fprintf(out[2], "img/img_%08d.jpg %s\n", i, i % 3 ? "train" : "test");
    }
    for (int i = 0; i < 3; i++)
        fclose(out[i]);
    put(CATEGORIES, NULL);
    put(LABELS, NULL);
    struct sanl_dataset *d = NULL;
    const struct sanl_part *part = NULL;
    assert_int_equal(open_root(&d, 1000), SANL_OK);
    assert_int_equal(d->count, ROWS);
    for (int i = 0; i < ROWS; i++)
        assert_true(d->records[i].box.x2 == sanl_dataset_point(d, &d->records[i], 0).img[0] + 2);
    assert_int_equal(sanl_dataset_find_part(&part, d, "test"), SANL_OK);
    assert_int_equal(part->count, 1000);
    assert_true(part->records[999] > ROWS * 0.99);
    sanl_dataset_free(d);
}

/* What this project writes in the layout it also reads. */
static void synthetic_sets_are_read(void **state)
{
    (void)state;
    enum { PICTURES = 12 };
    struct sanl_synth_options options;
    struct sanl_data_config config = {.format = "fld"};
    struct sanl_dataset *d = NULL;
    snprintf(config.root, sizeof config.root, "%s/synth", root);
    sanl_synth_defaults(&options);
    options.count = PICTURES;
    options.size = 64;
    assert_int_equal(sanl_synth_write(&options, config.root), SANL_OK);
    if (sanl_dataset_open(&d, &config) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    assert_int_equal(d->count, PICTURES);
    assert_true(d->category_count >= 10);
    assert_int_equal(d->parts[0].count + d->parts[1].count + d->parts[2].count, PICTURES);
    for (int i = 0; i < d->count; i++) {
        const struct sanl_record *r = &d->records[i];
        char *path = sanl_dataset_image_path(d, r);
        assert_true(r->category >= 0 && r->box.x1 >= 0 && r->box.y1 >= 0 && r->box.x2 < 64 && r->box.y2 < 64);
        assert_int_equal(remove(path), 0);
        free(path);
    }
    sanl_dataset_free(d);
    for (int i = 0; i < FILES; i++) {
        char *path = sanl_path_join(config.root, files[i]);
        assert_int_equal(remove(path), 0);
        free(path);
    }
    static const char *const folders[] = {"synth/Anno", "synth/Eval", "synth/img", "synth"};
    for (int i = 0; i < 4; i++) {
        char *path = path_of(folders[i]);
        assert_int_equal(rmdir(path), 0);
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_are_read),
        cmocka_unit_test(odd_but_good_files_are_read),
        cmocka_unit_test(parts_are_limited),
        cmocka_unit_test(the_other_image_folder_is_found),
        cmocka_unit_test(bad_files_are_named),
        cmocka_unit_test(binary_files_are_refused),
        cmocka_unit_test(unknown_formats_and_roots_are_named),
        cmocka_unit_test(truncated_files_never_crash),
        cmocka_unit_test(many_rows_join),
        cmocka_unit_test(synthetic_sets_are_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
