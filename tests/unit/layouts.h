/* A folder of data sets in several layouts: drawn, converted, written by hand. */
#ifndef TESTS_LAYOUTS_H
#define TESTS_LAYOUTS_H

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

enum { PICTURES = 24, MOST_FILES = 8 };

static char root[] = "/tmp/sanlcl_layouts_XXXXXX";

static inline int set_up(void **state)
{
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static inline int tear_down(void **state)
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

static inline enum sanl_status open_set(struct sanl_dataset **out, const char *folder, const char *layout)
{
    struct sanl_data_config config = {.limit = 0};
    char *path = in_root(folder);
    snprintf(config.format, sizeof config.format, "%s", layout);
    snprintf(config.root, sizeof config.root, "%s", path);
    free(path);
    return sanl_dataset_open(out, &config);
}

static inline struct sanl_dataset *must_open(const char *folder, const char *layout)
{
    struct sanl_dataset *d;
    if (open_set(&d, folder, layout) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    return d;
}

static inline void draw(const char *layout)
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

/* All slots of record `index`. */
static inline struct sanl_landmarks landmarks_of(const struct sanl_dataset *d, int index)
{
    struct sanl_landmarks out;
    sanl_dataset_landmarks(&out, d, &d->records[index]);
    return out;
}

static inline enum sanl_status convert(const char *from, const char *in, const char *to, const char *out,
                                       int images)
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

struct file {
    const char *name, *text;
};

static const struct file cub[MOST_FILES] = {
    {"images.txt", "1 001.Black_footed_Albatross/A_0046_18.jpg\n2 002.Laysan Albatross/B 1.jpg\n"},
    {"classes.txt", "1 001.Black_footed_Albatross\n2 002.Laysan Albatross\n"},
    {"image_class_labels.txt", "1 1\n2 2\n"},
    {"train_test_split.txt", "1 0\n2 1\n"},
    {"bounding_boxes.txt", "1 60.0 27.0 325.0 304.0\n2 0.0 1.5 10.0 10.0\n"},
};

static inline void put(const char *folder, const struct file *file)
{
    char *path = sanl_format("%s/%s/%s", root, folder, file->name), *slash = strrchr(path, '/');
    *slash = 0;
    assert_int_equal(sanl_folder_make(path), SANL_OK);
    *slash = '/';
    assert_int_equal(sanl_file_write(path, file->text, strlen(file->text)), SANL_OK);
    free(path);
}

/* A folder with these files alone, the first replaced by `first` where that is given. */
static inline void put_all(const char *folder, const struct file *files, const char *name, const char *text)
{
    char *path = in_root(folder);
    sanl_folder_clear(path);
    free(path);
    for (int i = 0; i < MOST_FILES && files[i].name; i++) {
        const bool replaced = name && strcmp(files[i].name, name) == 0;
        put(folder, &(struct file){files[i].name, replaced ? text : files[i].text});
    }
}

/* The picture `from` of the drawn FLD at the name `to`. */
static inline void bring_picture(const char *from, const char *to)
{
    char *source = in_root(from), *target = in_root(to), *slash = strrchr(target, '/');
    draw("fld");
    *slash = 0;
    assert_int_equal(sanl_folder_make(target), SANL_OK);
    *slash = '/';
    assert_int_equal(link(source, target), 0);
    free(source);
    free(target);
}

#endif
