/* What was tuned: the file, and which kernels a convolution takes by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/file.h"
#include "device/device.h"
#include "ops/opcase.h"
#include "ops/tuned.h"

static struct sanl_device *open_device(bool no_tuned)
{
    struct sanl_device *device;
    const struct sanl_device_options options = {.no_tuned = no_tuned};
    assert_int_equal(sanl_device_open(&device, &options), SANL_OK);
    return device;
}

/* The kernels that a 3x3 convolution of `batch` images takes forward. */
static const char *kernels_with(struct sanl_device *device, int batch, const char *attributes)
{
    static char name[SANL_CHOICE_BYTES];
    char text[SANL_CASE_BYTES];
    struct sanl_opcase parsed;
    snprintf(text, sizeof text, "in=%d,8,8,64 kh=3 kw=3 pad=1 cout=64%s", batch, attributes);
    assert_int_equal(sanl_opcase_parse(&parsed, sanl_op_find("conv2d"), text), SANL_OK);
    assert_int_equal(parsed.call.op->infer(&parsed.call, device), SANL_OK);
    assert_true(parsed.call.op->choice_name(name, parsed.call.chosen[0]));
    return name;
}

static const char *kernels_of(struct sanl_device *device, int batch)
{
    return kernels_with(device, batch, "");
}

static const char stem[] = "conv2d forward kh=3 kw=3 stride=1 pad=1 h=8 w=8 cin=64 cout=64 fixed=0 n=";

static void keep(struct sanl_device *device, int batch, const char *name)
{
    char key[SANL_TUNED_KEY_BYTES];
    snprintf(key, sizeof key, "%s%d", stem, batch);
    assert_int_equal(sanl_device_set_tuned(device, key, name), SANL_OK);
}

/* Where CLBlast was asked for. */
static void keep_given(struct sanl_device *device, const char *name)
{
    char key[SANL_TUNED_KEY_BYTES];
    const size_t head = strlen("conv2d forward ");
    snprintf(key, sizeof key, "%.*sgemm=clblast %s1", (int)head, stem, stem + head);
    assert_int_equal(sanl_device_set_tuned(device, key, name), SANL_OK);
}

static void nearest_batch_is_taken(void **state)
{
    (void)state;
    struct sanl_device *device = open_device(false);
    keep(device, 2, "tile-32x32-winograd2");
    keep(device, 16, "tile-16x16");
    assert_string_equal(kernels_of(device, 2), "tile-32x32-winograd2");
    assert_string_equal(kernels_of(device, 4), "tile-32x32-winograd2");
    assert_string_equal(kernels_of(device, 16), "tile-16x16");
    assert_string_equal(kernels_of(device, 64), "tile-16x16");
    assert_int_equal(sanl_device_save_tuned(device), SANL_OK);
    sanl_device_free(device);

    device = open_device(false);
    assert_string_equal(kernels_of(device, 16), "tile-16x16");
    sanl_device_free(device);
    device = open_device(true);
    assert_string_not_equal(kernels_of(device, 16), "tile-16x16");
    sanl_device_free(device);
}

static void what_does_not_suit_is_left_out(void **state)
{
    (void)state;
    struct sanl_device *device = open_device(true);
    char preset[SANL_CHOICE_BYTES];
    snprintf(preset, sizeof preset, "%s", kernels_of(device, 1));
    keep(device, 1, "nosuch");
    assert_string_equal(kernels_of(device, 1), preset);
    keep(device, 1, "tile-128x128"); /* far wider than 64 channels */
    assert_string_equal(kernels_of(device, 1), preset);
    sanl_device_free(device);

    const struct sanl_device_options options = {.no_tuned = true, .route = SANL_ROUTE_CLBLAST};
    assert_int_equal(sanl_device_open(&device, &options), SANL_OK);
    keep(device, 1, "tile-16x16"); /* not of the route that was asked for */
    assert_string_equal(kernels_of(device, 1), "clblast");
    keep_given(device, "tile-16x16");
    assert_string_equal(kernels_of(device, 1), "clblast");
    sanl_device_free(device);
}

/* What was tuned with a route given is for that route alone, and the other way round. */
static void routes_are_apart(void **state)
{
    (void)state;
    const struct sanl_device_options options = {.no_tuned = true, .route = SANL_ROUTE_CLBLAST};
    struct sanl_device *device = open_device(true);
    char preset[SANL_CHOICE_BYTES];
    snprintf(preset, sizeof preset, "%s", kernels_of(device, 1));
    keep_given(device, "tile-16x16");
    assert_string_equal(kernels_of(device, 1), preset);
    sanl_device_free(device);

    assert_int_equal(sanl_device_open(&device, &options), SANL_OK);
    keep(device, 1, "clblast-winograd2");
    assert_string_equal(kernels_of(device, 1), "clblast");
    keep_given(device, "clblast-winograd2");
    assert_string_equal(kernels_of(device, 1), "clblast-winograd2");
    sanl_device_free(device);
}

/* What is measured with Winograd's filtering says nothing of a convolution that is held to none. */
static void direct_convolutions_stay_direct(void **state)
{
    (void)state;
    struct sanl_device *device = open_device(true);
    char key[SANL_TUNED_KEY_BYTES];
    struct sanl_opcase parsed;
    snprintf(key, sizeof key, "%.*s winograd=0 n=1", (int)strlen(stem) - (int)strlen(" n="), stem);
    keep(device, 1, "tile-32x32-winograd2");
    assert_null(strstr(kernels_with(device, 1, " winograd=0"), "winograd"));
    assert_int_equal(sanl_device_set_tuned(device, key, "tile-16x16"), SANL_OK);
    assert_string_equal(kernels_with(device, 1, " winograd=0"), "tile-16x16");
    assert_string_equal(kernels_of(device, 1), "tile-32x32-winograd2");
    assert_int_equal(sanl_device_set_tuned(device, key, "tile-32x32-winograd2"), SANL_OK);
    assert_null(strstr(kernels_with(device, 1, " winograd=0"), "winograd"));

    assert_int_equal(
        sanl_opcase_parse(&parsed, sanl_op_find("conv2d"), "in=1,8,8,64 kh=3 kw=3 pad=1 cout=64 winograd=0"),
        SANL_OK);
    assert_false(parsed.call.op->choice_fits(&parsed.call, device, 0,
                                             sanl_choice_named(parsed.call.op, "tile-32x32-winograd2")));
    assert_true(parsed.call.op->choice_fits(&parsed.call, device, 0,
                                            sanl_choice_named(parsed.call.op, "tile-32x32")));
    sanl_device_free(device);
}

static void replace_file(struct sanl_device *device, const char *text)
{
    char *path = sanl_device_tuned_path(device);
    assert_non_null(path);
    assert_int_equal(sanl_file_write(path, text, strlen(text)), SANL_OK);
    free(path);
}

static void damaged_files_do_no_harm(void **state)
{
    (void)state;
    char text[1024], *old, *path;
    size_t length;
    struct sanl_device *device = open_device(true);
    keep(device, 1, "tile-16x16");
    assert_int_equal(sanl_device_save_tuned(device), SANL_OK);
    path = sanl_device_tuned_path(device);
    assert_int_equal(sanl_file_read(&old, &length, path, 4096), SANL_OK);

    snprintf(text, sizeof text, "%s\n = \nx\n = y\n%s3 = \n%s5 = tile-32x32", old, stem, stem);
    replace_file(device, text);
    sanl_device_forget_tuned(device);
    sanl_device_load_tuned(device);
    assert_string_equal(kernels_of(device, 1), "tile-16x16");
    assert_string_equal(kernels_of(device, 5), "tile-32x32");

    snprintf(text, sizeof text, "kernels = 0\n%s1 = tile-16x16\n", stem);
    replace_file(device, text);
    sanl_device_forget_tuned(device);
    sanl_device_load_tuned(device);
    assert_string_not_equal(kernels_of(device, 1), "tile-16x16");
    free(old);
    free(path);
    sanl_device_free(device);
}

static void choices_have_names(void **state)
{
    (void)state;
    const struct sanl_op *op = sanl_op_find("conv2d");
    char name[SANL_CHOICE_BYTES];
    int count = 0;
    while (op->choice_name(name, count + 1)) {
        count++;
        assert_int_equal(sanl_choice_named(op, name), count);
    }
    assert_true(count > 20);
    assert_int_equal(sanl_choice_named(op, "wide"), 0);
    assert_false(op->choice_name(name, 0));
}

int main(void)
{
    char folder[] = "/tmp/sanlcl-tuned-XXXXXX", command[64];
    if (!mkdtemp(folder) || setenv("XDG_CACHE_HOME", folder, 1) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_batch_is_taken),   cmocka_unit_test(what_does_not_suit_is_left_out),
        cmocka_unit_test(routes_are_apart),         cmocka_unit_test(direct_convolutions_stay_direct),
        cmocka_unit_test(damaged_files_do_no_harm), cmocka_unit_test(choices_have_names),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return failed || system(command) != 0;
}
