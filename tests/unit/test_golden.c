/* The check against golden values: it passes on a file as it is, and fails on one of which a value differs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sanlcl/golden.h>

static const char source[] = TEST_DIR "/reference/golden/r18_none.safetensors";

static int open_device(void **state)
{
    struct sanl_device *device = NULL;
    if (sanl_device_open(&device, NULL) != SANL_OK)
        return -1;
    *state = device;
    return 0;
}

static int close_device(void **state)
{
    sanl_device_free(*state);
    return 0;
}

static void expect_pass(struct sanl_device *device, const char *path, int tensors, bool decodes)
{
    struct sanl_golden golden;
    if (sanl_golden_check(&golden, device, path) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    assert_true(golden.passed);
    assert_int_equal(golden.tensors, tensors);
    for (int i = 0; i < SANL_GOLDEN_COUNT; i++) {
        assert_true(golden.figure[i].deviation <= golden.figure[i].bound);
        assert_true(golden.figure[i].worst[0] || (i == SANL_GOLDEN_DECODE && !decodes));
    }
}

static void test_pass(void **state)
{
    expect_pass(*state, source, 428, true);
}

/* With SANL blocks and label smoothing. */
static void test_classifier(void **state)
{
    expect_pass(*state, TEST_DIR "/reference/golden/c18_sanl.safetensors", 265, false);
}

/* Other readings of the publication. */
static void test_readings(void **state)
{
    expect_pass(*state, TEST_DIR "/reference/golden/r18_key.safetensors", 516, true);
    expect_pass(*state, TEST_DIR "/reference/golden/r18_pyramid.safetensors", 516, true);
    expect_pass(*state, TEST_DIR "/reference/golden/c18_query.safetensors", 265, false);
}

static char *read_all(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    bytes[*size] = 0;
    fclose(file);
    return bytes;
}

/* The first value of the tensor becomes 1.001 times as large. */
static void change(char *bytes, const char *tensor)
{
    char quoted[80];
    uint64_t head;
    unsigned long at;
    float value;
    memcpy(&head, bytes, 8);
    snprintf(quoted, sizeof quoted, "\"%s\":", tensor);
    const char *entry = strstr(bytes + 8, quoted);
    assert_non_null(entry);
    entry = strstr(entry, "data_offsets");
    assert_int_equal(sscanf(entry, "data_offsets\":[%lu", &at), 1);
    memcpy(&value, bytes + 8 + head + at, sizeof value);
    value *= 1.001f;
    memcpy(bytes + 8 + head + at, &value, sizeof value);
}

static const char changed[] = "golden_changed.safetensors";

static void write_parts(const void *first, size_t first_size, const void *second, size_t second_size)
{
    FILE *file = fopen(changed, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(first, 1, first_size, file), first_size);
    assert_int_equal(fwrite(second, 1, second_size, file), second_size);
    assert_int_equal(fclose(file), 0);
}

static void test_fail(void **state)
{
    struct sanl_golden golden;
    size_t size;
    char *bytes = read_all(source, &size);
    change(bytes, "loss1");
    write_parts(bytes, size, "", 0);
    free(bytes);
    assert_int_equal(sanl_golden_check(&golden, *state, changed), SANL_ERR_NUMERIC);
    assert_false(golden.passed);
    assert_int_equal(golden.runs, SANL_GOLDEN_RUNS);
    assert_true(golden.figure[SANL_GOLDEN_LOSS].deviation > golden.figure[SANL_GOLDEN_LOSS].bound);
    assert_true(golden.figure[SANL_GOLDEN_EVAL].deviation <= golden.figure[SANL_GOLDEN_EVAL].bound);
    remove(changed);
}

/* A seed of any size, modulo 2^64: here the file's own. */
static void test_seed(void **state)
{
    static const char own[] = "\"seed\":\"7\"", same[] = "\"seed\":\"18446744073709551623\"";
    struct sanl_golden golden;
    char head[1 << 17];
    size_t size;
    uint64_t length;
    char *bytes = read_all(source, &size);
    memcpy(&length, bytes, 8);
    const char *at = strstr(bytes + 8, own), *rest = at + sizeof own - 1;
    assert_non_null(at);
    const size_t before = (size_t)(at - bytes);
    assert_true(before + sizeof same <= sizeof head);
    memcpy(head, bytes, before);
    memcpy(head + before, same, sizeof same - 1);
    length += sizeof same - sizeof own;
    memcpy(head, &length, 8);
    write_parts(head, before + sizeof same - 1, rest, size - (size_t)(rest - bytes));
    free(bytes);
    assert_int_equal(sanl_golden_check(&golden, *state, changed), SANL_OK);
    remove(changed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pass), cmocka_unit_test(test_classifier),
                                       cmocka_unit_test(test_readings), cmocka_unit_test(test_fail),
                                       cmocka_unit_test(test_seed)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
