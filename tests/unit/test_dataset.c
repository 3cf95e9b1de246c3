/* data/dataset.c and data/index.c: large sets, and what is said of them. */
#include "layouts.h"
#include <sanlcl/log.h>
#include "base/random.h"
#include "data/index.h"

static int told;
static char line_told[256];

static void keep_line(void *payload, enum sanl_log_level level, const char *line)
{
    (void)payload;
    told = (int)level;
    snprintf(line_told, sizeof line_told, "%s", line);
}

/* Numbers of pictures are told; a large set with others than the published ones is a warning. */
static void counts_are_told(void **state)
{
    (void)state;
    enum { ROWS = 1300 };
    char *path;
    struct sanl_dataset *d;
    sanl_log_set(keep_line, NULL);
    put_all("cub", cub, NULL, NULL);
    struct sanl_data_config config = {.format = "cub200"};
    char *folder = in_root("cub");
    snprintf(config.root, sizeof config.root, "%s", folder);
    free(folder);
    assert_int_equal(sanl_dataset_open_told(&d, &config), SANL_OK);
    sanl_dataset_free(d);
    assert_int_equal(told, SANL_LOG_INFO);
    assert_non_null(strstr(line_told, "pictures train 1, test 1"));
    static const char *const rows[][2] = {{"images.txt", "%d 001.Black_footed_Albatross/%d.jpg\n"},
                                          {"image_class_labels.txt", "%d 1\n"},
                                          {"train_test_split.txt", "%d 1\n"},
                                          {"bounding_boxes.txt", "%d 1 1 5 5\n"}};
    for (int f = 0; f < 4; f++) {
        path = sanl_format("%s/cub/%s", root, rows[f][0]);
        FILE *file = fopen(path, "w");
        for (int i = 1; i <= ROWS; i++)
            fprintf(file, rows[f][1], i, i); /* NOLINT */
        fclose(file);
        free(path);
    }
    sanl_dataset_free(d = must_open("cub", "cub200"));
    sanl_log_set(NULL, NULL);
    assert_int_equal(told, SANL_LOG_WARNING);
    assert_non_null(
        strstr(line_told, "pictures train 1300, test 0; the published CUB-200-2011 has 5994, 5794"));
}

enum { MANY = 12000 };

/* A part of MANY boxes whose first side is `x`, in pictures of two garments each. */
static void write_many(const char *path, double x)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{\"images\": [", file);
    for (int i = 0; i < MANY / 2; i++)
        fprintf(file, "%s{\"id\": %d, \"file_name\": \"img/%d.jpg\"}", i ? ",\n" : "", i + 1, i);
    fputs("], \"annotations\": [", file);
    for (int i = 0; i < MANY; i++)
        fprintf(file,
                "%s{\"image_id\": %d, \"bbox\": [%.10g, 0, 4, 4], \"keypoints\": [%d, 1, 2, 3, 4, 1, 0, 0, "
                "0, 3, 3, 2]}",
                i ? ",\n" : "", i / 2 + 1, x, i % 100);
    fputs("]}\n", file);
    assert_int_equal(fclose(file), 0);
}

static void check_many(const struct sanl_dataset *d, double x)
{
    assert_int_equal(d->count, MANY);
    int counts[SANL_DATASET_PARTS];
    assert_int_equal(sanl_dataset_count_pictures(counts, d), SANL_OK);
    assert_true(counts[0] == 0 && counts[2] == MANY / 2);
    assert_ptr_equal(d->scheme, &sanl_scheme_fashion);
    for (int i = 0; i < MANY; i++) {
        char name[32];
        const struct sanl_record *r = &d->records[i];
        const struct sanl_point p = sanl_dataset_point(d, r, 0), q = sanl_dataset_point(d, r, 1);
        snprintf(name, sizeof name, "img/%d.jpg", i / 2);
        assert_string_equal(r->image, name);
        assert_true(r->part == 2 && r->clothes == SANL_CLOTHES_LOWER && r->category == -1);
        assert_true(r->box.x1 == x && r->box.x2 == x + 4 && p.img[0] == i % 100 &&
                    p.visibility == SANL_VISIBLE);
        assert_true(q.visibility == SANL_OCCLUDED && q.img[1] == 4);
    }
}

/* The index of the only data set in the cache. */
static struct sanl_dataset index_of(char *folder, uint64_t *fingerprint)
{
    struct sanl_dataset d = {.root = folder};
    assert_int_equal(sanl_dataset_find_format(&d.format, "coco"), SANL_OK);
    assert_int_equal(sanl_index_fingerprint(fingerprint, &d), SANL_OK);
    return d;
}

static void large_sets_are_read_once(void **state)
{
    (void)state;
    char *cache = in_root("cache"), *folder = in_root("many"), *path = in_root("many/annotations/test.json");
    uint64_t fingerprint, other;
    assert_int_equal(setenv("XDG_CACHE_HOME", cache, 1), 0);
    put("many", &(struct file){"annotations/test.json", ""});
    write_many(path, 2.25);
    struct sanl_dataset empty = index_of(folder, &fingerprint), *d;
    assert_false(sanl_index_load(&empty, fingerprint));
    d = must_open("many", "coco");
    check_many(d, 2.25);
    sanl_dataset_free(d);
    /* What the index says is what was read. */
    assert_false(sanl_index_load(&empty, fingerprint + 1));
    d = sanl_calloc(1, sizeof *d);
    *d = index_of(sanl_strdup(folder), &fingerprint);
    assert_true(sanl_index_load(d, fingerprint));
    check_many(d, 2.25);
    sanl_dataset_free(d);
    check_many(d = must_open("many", "coco"), 2.25);
    sanl_dataset_free(d);
    /* Other files, another index. */
    write_many(path, 1.5);
    empty = index_of(folder, &other);
    assert_true(other != fingerprint);
    check_many(d = must_open("many", "coco"), 1.5);
    /* A damaged one is not taken, wherever the damage is. */
    struct stat s;
    char *index =
        sanl_format("%s/sanlcl/data/coco-%016llx.index", cache,
                    stat(folder, &s) ? 0 : (unsigned long long)sanl_random_key(s.st_dev, s.st_ino, 0, 0));
    char *bytes;
    size_t length;
    assert_int_equal(sanl_file_read(&bytes, &length, index, SIZE_MAX), SANL_OK);
    for (size_t at = 8; at < length; at += at < 80 ? 8 : length / 7) {
        bytes[at] ^= 0x40;
        assert_int_equal(sanl_file_write(index, bytes, length), SANL_OK);
        assert_false(sanl_index_load(&empty, other));
        bytes[at] ^= 0x40;
    }
    assert_int_equal(sanl_file_write(index, bytes, length / 2), SANL_OK);
    assert_false(sanl_index_load(&empty, other));
    sanl_dataset_free(d);
    check_many(d = must_open("many", "coco"), 1.5);
    assert_null(d->published); /* none of mmpose's files */
    sanl_dataset_free(d);
    assert_int_equal(unsetenv("XDG_CACHE_HOME"), 0);
    free(bytes);
    free(index);
    free(path);
    free(folder);
    free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_told),
        cmocka_unit_test(large_sets_are_read_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
