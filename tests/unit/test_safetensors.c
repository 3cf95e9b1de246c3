/* model/safetensors: what it writes it reads; foreign files; files that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/safetensors.h"

static char folder[] = "/tmp/sanlcl_safetensors_XXXXXX", *path, *path2;

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    path = sanl_path_join(folder, "a.safetensors");
    path2 = sanl_path_join(folder, "b.safetensors");
    return !path || !path2;
}

static int remove_folder(void **state)
{
    (void)state;
    remove(path);
    remove(path2);
    free(path);
    free(path2);
    return rmdir(folder); /* fails when a temporary file was left behind */
}

/* A file of a header text and `data_bytes` bytes 0, 1, 2 ...; returns its length. */
static size_t put(const char *header, size_t data_bytes)
{
    const size_t length = strlen(header), total = 8 + length + data_bytes;
    unsigned char *bytes = sanl_calloc(total, 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(length >> 8 * i & 255);
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < data_bytes; i++)
        bytes[8 + length + i] = (unsigned char)i;
    assert_int_equal(sanl_file_write(path, bytes, total), SANL_OK);
    free(bytes);
    return total;
}

static const struct sanl_named_tensor two[] = {
    {.name = "layer.weight", .rank = 3, .shape = {2, 1, 3}},
    {.name = "empty", .rank = 2, .shape = {0, 4}},
    {.name = "\"odd\" n\xC3\xA4me", .rank = 0},
};
static const struct sanl_safetensor_text texts[] = {{"seed", "7"}, {"config", "a: 1\nb: \"\xE2\x82\xAC\"\n"}};
static const float weight[6] = {0, 1.5f, -2, 3e-40f, 1e30f, -0.0f};

static void put_two(const char *to)
{
    struct sanl_safetensors_writer *w;
    const float one = 42;
    assert_int_equal(sanl_safetensors_create(&w, to, two, 3, texts, 2), SANL_OK);
    assert_int_equal(sanl_safetensors_write(w, weight, 6), SANL_OK);
    assert_int_equal(sanl_safetensors_write(w, NULL, 0), SANL_OK);
    assert_int_equal(sanl_safetensors_write(w, &one, 1), SANL_OK);
    assert_int_equal(sanl_safetensors_commit(w), SANL_OK);
    sanl_safetensors_writer_free(w);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct sanl_tensors *f;
    float values[6];
    put_two(path);
    assert_int_equal(sanl_tensors_open(&f, path), SANL_OK);
    assert_int_equal(sanl_tensors_count(f), 3);
    assert_string_equal(sanl_tensors_text(f, "seed"), "7");
    assert_string_equal(sanl_tensors_text(f, "config"), texts[1].value);
    assert_null(sanl_tensors_text(f, "none"));
    for (size_t i = 0; i < 3; i++) {
        const struct sanl_named_tensor *t = sanl_tensors_find(f, two[i].name);
        assert_ptr_equal(t, sanl_tensors_at(f, i));
        assert_int_equal(t->rank, two[i].rank);
        assert_memory_equal(t->shape, two[i].shape, sizeof t->shape);
        assert_string_equal(t->dtype, "F32");
    }
    assert_null(sanl_tensors_find(f, "layer"));
    assert_int_equal(sanl_tensors_read(f, sanl_tensors_at(f, 2), values), SANL_OK);
    assert_true(values[0] == 42);
    assert_int_equal(sanl_tensors_read(f, sanl_tensors_at(f, 0), values), SANL_OK);
    assert_memory_equal(values, weight, sizeof weight);
    assert_int_equal(sanl_tensors_read(f, sanl_tensors_at(f, 1), values), SANL_OK);
    sanl_tensors_free(f);
}

static void same_content_gives_same_bytes(void **state)
{
    (void)state;
    char *a, *b;
    size_t a_length, b_length;
    put_two(path);
    put_two(path2);
    assert_int_equal(sanl_file_read(&a, &a_length, path, 4096), SANL_OK);
    assert_int_equal(sanl_file_read(&b, &b_length, path2, 4096), SANL_OK);
    assert_int_equal(a_length, b_length);
    assert_memory_equal(a, b, a_length);
    /* The values start at a multiple of 8, behind spaces, and end the file. */
    assert_int_equal(a[0] % 8, 0);
    assert_int_equal((unsigned char)a[0] + 256 * (unsigned char)a[1] + 8 + 28, a_length);
    free(a);
    free(b);
}

static void whole_numbers_are_written(void **state)
{
    (void)state;
    const struct sanl_named_tensor tensors[2] = {{.name = "count", .rank = 1, .shape = {3}, .dtype = "I64"},
                                                 {.name = "one", .dtype = "F32"}};
    const struct sanl_named_tensor half = {.name = "half", .dtype = "F16"};
    static const unsigned char expected[28] = {1, 2, 0,   0,   0,   0,   0,   0,   0,   0,   0, 1, 0,   0,
                                               0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 128, 63};
    const float counts[3] = {513, 16777216, -1}, one = 1;
    struct sanl_safetensors_writer *w;
    char *bytes;
    size_t length;
    assert_int_equal(sanl_safetensors_create(&w, path, tensors, 2, NULL, 0), SANL_OK);
    assert_int_equal(sanl_safetensors_write(w, counts, 3), SANL_OK);
    assert_int_equal(sanl_safetensors_write(w, &one, 1), SANL_OK);
    assert_int_equal(sanl_safetensors_commit(w), SANL_OK);
    sanl_safetensors_writer_free(w);
    assert_int_equal(sanl_file_read(&bytes, &length, path, 4096), SANL_OK);
    assert_memory_equal(bytes + length - sizeof expected, expected, sizeof expected);
    free(bytes);
    assert_int_equal(sanl_safetensors_create(&w, path, &half, 1, NULL, 0), SANL_ERR_USAGE);
    assert_non_null(strstr(sanl_error_message(), "tensor 'half': cannot write F16"));
}

static void nothing_half_written(void **state)
{
    (void)state;
    struct sanl_safetensors_writer *w;
    remove(path);
    assert_int_equal(sanl_safetensors_create(&w, path, two, 3, texts, 2), SANL_OK);
    assert_int_equal(sanl_safetensors_write(w, weight, 5), SANL_ERR_INTERNAL);
    assert_int_equal(sanl_safetensors_write(w, weight, 6), SANL_OK);
    assert_int_equal(sanl_safetensors_commit(w), SANL_ERR_INTERNAL);
    sanl_safetensors_writer_free(w);
    assert_false(sanl_file_exists(path));
    const struct sanl_named_tensor twice[] = {{.name = "a"}, {.name = "a"}}, bad = {.name = "\xFF"};
    assert_int_equal(sanl_safetensors_create(&w, path, twice, 2, NULL, 0), SANL_ERR_USAGE);
    assert_int_equal(sanl_safetensors_create(&w, path, &bad, 1, NULL, 0), SANL_ERR_USAGE);
    assert_int_equal(sanl_safetensors_create(&w, "/proc/none/x", two, 3, texts, 2), SANL_ERR_IO);
    assert_null(w);
    sanl_safetensors_writer_free(NULL);
}

/* As on a full disk the write or the commit fails, and the message names the file. */
static void full_disk_is_reported(void **state)
{
    (void)state;
    struct sanl_safetensors_writer *w;
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 10000;
    signal(SIGXFSZ, SIG_IGN);
    const struct sanl_named_tensor large = {.name = "large", .rank = 1, .shape = {100000}};
    float *values = sanl_calloc(100000, sizeof *values);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const enum sanl_status created = sanl_safetensors_create(&w, path, &large, 1, NULL, 0),
                           written = created ? created : sanl_safetensors_write(w, values, 100000);
    sanl_safetensors_writer_free(w);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(written, SANL_ERR_IO);
    assert_non_null(strstr(sanl_error_message(), path));
    assert_false(sanl_file_exists(path));
    free(values);
}

/* The layout of Python writers: compact JSON, spaces behind it, metadata first. */
static void foreign_files_are_read(void **state)
{
    (void)state;
    struct sanl_tensors *f;
    float v[4];
    put("{\"__metadata__\":{\"backbone\":\"resnet18\",\"seed\":\"7\"},"
        "\"image\":{\"dtype\":\"F32\",\"shape\":[1,1,2],\"data_offsets\":[0,8]},"
        "\"loss0\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}     ",
        12);
    assert_int_equal(sanl_tensors_open(&f, path), SANL_OK);
    assert_string_equal(sanl_tensors_text(f, "backbone"), "resnet18");
    const struct sanl_named_tensor *t = sanl_tensors_find(f, "image");
    assert_int_equal(t->rank, 3);
    assert_int_equal(t->count, 2);
    assert_int_equal(sanl_tensors_read(f, t, v), SANL_OK);
    uint32_t bits[2];
    memcpy(bits, v, sizeof bits);
    assert_int_equal(bits[0], 0x03020100);
    assert_int_equal(bits[1], 0x07060504);
    sanl_tensors_free(f);
    /* Any order, a hole, an unknown key, bytes behind the end, no metadata, nothing at all. */
    put("{\"b\":{\"data_offsets\":[20,24],\"x\":[],\"shape\":[],\"dtype\":\"F32\"},"
        "\"e\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[20,20]},"
        "\"a\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[1,9]}}",
        30);
    assert_int_equal(sanl_tensors_open(&f, path), SANL_OK);
    assert_string_equal(sanl_tensors_at(f, 0)->name, "a");
    assert_string_equal(sanl_tensors_at(f, 1)->name, "e");
    assert_null(sanl_tensors_text(f, "seed"));
    assert_int_equal(sanl_tensors_read(f, sanl_tensors_at(f, 0), v), SANL_ERR_FORMAT);
    assert_non_null(strstr(sanl_error_message(), "tensor 'a': dtype I64"));
    sanl_tensors_free(f);
    put("{}", 0);
    assert_int_equal(sanl_tensors_open(&f, path), SANL_OK);
    assert_int_equal(sanl_tensors_count(f), 0);
    sanl_tensors_free(f);
}

static void golden_file_is_read(void **state)
{
    (void)state;
    struct sanl_tensors *f;
    assert_int_equal(sanl_tensors_open(&f, TEST_DIR "/reference/golden/r18_none.safetensors"), SANL_OK);
    assert_string_equal(sanl_tensors_text(f, "backbone"), "resnet18");
    assert_string_equal(sanl_tensors_text(f, "size"), "96");
    static const size_t shape[] = {2, 3, 96, 96};
    const struct sanl_named_tensor *image = sanl_tensors_at(f, 0);
    assert_string_equal(image->name, "image");
    assert_int_equal(image->rank, 4);
    assert_memory_equal(image->shape, shape, sizeof shape);
    for (size_t i = 0; i < sanl_tensors_count(f); i++) {
        const struct sanl_named_tensor *t = sanl_tensors_at(f, i);
        float *values = sanl_calloc(t->count, sizeof *values);
        assert_int_equal(sanl_tensors_read(f, t, values), SANL_OK);
        for (size_t k = 0; k < t->count; k++)
            assert_true(isfinite(values[k]));
        free(values);
    }
    sanl_tensors_free(f);
}

static void other_types_become_float(void **state)
{
    (void)state;
    /* float16: 1, -2, 65504, the smallest subnormal, -0, infinity, a NaN; bfloat16: 1, -3.5; float64: 0.1 */
    static const unsigned char data[] = {0,    0x3C, 0,    0xC0, 0xFF, 0x7B, 1,    0,    0,
                                         0x80, 0,    0x7C, 1,    0x7E, 0x80, 0x3F, 0x60, 0xC0,
                                         0x9A, 0x99, 0x99, 0x99, 0x99, 0x99, 0xB9, 0x3F};
    char *bytes;
    size_t length;
    put("{\"h\":{\"dtype\":\"F16\",\"shape\":[7],\"data_offsets\":[0,14]},"
        "\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[14,18]},"
        "\"d\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[18,26]}}",
        sizeof data);
    assert_int_equal(sanl_file_read(&bytes, &length, path, 4096), SANL_OK);
    memcpy(bytes + length - sizeof data, data, sizeof data);
    assert_int_equal(sanl_file_write(path, bytes, length), SANL_OK);
    free(bytes);
    struct sanl_tensors *f;
    float v[7];
    assert_int_equal(sanl_tensors_open(&f, path), SANL_OK);
    assert_int_equal(sanl_tensors_read(f, sanl_tensors_find(f, "h"), v), SANL_OK);
    assert_true(v[0] == 1 && v[1] == -2 && v[2] == 65504 && v[3] == ldexpf(1, -24));
    assert_true(v[4] == 0 && signbit(v[4]) && isinf(v[5]) && isnan(v[6]));
    assert_int_equal(sanl_tensors_read(f, sanl_tensors_find(f, "b"), v), SANL_OK);
    assert_true(v[0] == 1 && v[1] == -3.5f);
    assert_int_equal(sanl_tensors_read(f, sanl_tensors_find(f, "d"), v), SANL_OK);
    assert_true(v[0] == 0.1f);
    sanl_tensors_free(f);
}

/* Each is refused with a message that names the file and, where there is one, the tensor. */
static void lies_are_refused(void **state)
{
    (void)state;
#define TENSOR(dtype, shape, offsets)                                                                        \
    "{\"t\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
    static const struct {
        const char *header, *message;
        size_t data_bytes;
    } cases[] = {
        {"", "the header is no valid JSON", 4},
        {"{", "the header is no valid JSON", 4},
        {"[]", "the header is no JSON object", 4},
        {"{\"t\":}", "the header is no valid JSON", 4},
        {"{\"t\xFF\":1}", "the header is no valid JSON", 4},
        {"{\"t\":1} x", "the header is no valid JSON", 4},
        {"{\"a\":\"\n\"}", "the header is no valid JSON", 4},
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
         "duplicate", 8},
        {"{\"t\":1}", "tensor 't': its description is no JSON object", 4},
        {"{\"t\\n\":{}}", "a control character", 4},
        {"{\"t\":{\"shape\":[1],\"data_offsets\":[0,4]}}", "tensor 't': \"dtype\" is missing", 4},
        {"{\"t\":{\"dtype\":3,\"shape\":[1],\"data_offsets\":[0,4]}}", "tensor 't': \"dtype\" is missing", 4},
        {TENSOR("F31", "[1]", "[0,4]"), "tensor 't': unknown dtype 'F31'", 4},
        {"{\"t\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", "tensor 't': \"shape\" is no list", 4},
        {TENSOR("F32", "{}", "[0,4]"), "tensor 't': \"shape\" is no list", 4},
        {TENSOR("F32", "[-1]", "[0,4]"), "tensor 't': \"shape\" is no list of whole", 4},
        {TENSOR("F32", "[1.0]", "[0,4]"), "tensor 't': \"shape\" is no list of whole", 4},
        {TENSOR("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), "tensor 't': has 9 dimensions", 4},
        {TENSOR("F32", "[4294967296,4294967296]", "[0,4]"), "tensor 't': its shape overflows", 4},
        {TENSOR("F32", "[4611686018427387904]", "[0,4]"), "do not fill", 4},
        {TENSOR("F32", "[99999999999999999999]", "[0,4]"), "the header is no valid JSON", 4},
        {TENSOR("F32", "[2]", "[0,4]"), "tensor 't': 2 values of F32 do not fill", 4},
        {TENSOR("F64", "[1]", "[0,4]"), "tensor 't': 1 values of F64 do not fill", 4},
        {TENSOR("F32", "[]", "[0,0]"), "tensor 't': 1 values of F32 do not fill", 4},
        {TENSOR("F32", "[1]", "[0]"), "tensor 't': \"data_offsets\" is no pair", 4},
        {TENSOR("F32", "[1]", "[0,4,8]"), "tensor 't': \"data_offsets\" is no pair", 8},
        {TENSOR("F32", "[1]", "[0,\"4\"]"), "tensor 't': \"data_offsets\" is no pair", 4},
        {TENSOR("F32", "[1]", "4"), "tensor 't': \"data_offsets\" is no pair", 4},
        {TENSOR("F32", "[1]", "[-4,0]"), "tensor 't': data_offsets [-4, 0] are outside", 4},
        {TENSOR("F32", "[1]", "[4,0]"), "tensor 't': data_offsets [4, 0] are outside", 4},
        {TENSOR("F32", "[1]", "[4,8]"), "tensor 't': data_offsets [4, 8] are outside", 7},
        {TENSOR("F32", "[1]", "[9223372036854775804,9223372036854775807]"), "are outside", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
         "tensors 'a' and 'b' overlap", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
         "tensors 'a' and 'b' overlap", 8},
        {"{\"__metadata__\":[]}", "\"__metadata__\" is no JSON object", 0},
        {"{\"__metadata__\":{\"a\":1}}", "\"__metadata__\" has a value that is no text", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sanl_tensors *f;
        put(cases[i].header, cases[i].data_bytes);
        const enum sanl_status status = sanl_tensors_open(&f, path);
        if (status != SANL_ERR_FORMAT || !strstr(sanl_error_message(), cases[i].message) ||
            strncmp(sanl_error_message(), path, strlen(path)) != 0 || strchr(sanl_error_message(), '\n') || f)
            fail_msg("case %zu %s: %d: %s", i, cases[i].header, (int)status, sanl_error_message());
    }
}

static void wrong_files_are_refused(void **state)
{
    (void)state;
    struct sanl_tensors *f;
    assert_int_equal(sanl_tensors_open(&f, "/no/such/file"), SANL_ERR_IO);
    assert_int_equal(sanl_tensors_open(&f, folder), SANL_ERR_IO);
    assert_int_equal(sanl_tensors_open(&f, "/dev/null"), SANL_ERR_IO);
    static const char *const contents[] = {"", "1234567", "\x7F\xE0\xF5\x05\0\0\0\0", "\3\0\0\0\0\0\0\0{}",
                                           "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF{}"};
    static const size_t lengths[] = {0, 7, 8, 10, 10};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(sanl_file_write(path, contents[i], lengths[i]), SANL_OK);
        assert_int_equal(sanl_tensors_open(&f, path), SANL_ERR_FORMAT);
        assert_non_null(strstr(sanl_error_message(), "not a safetensors file"));
    }
    /* Just above the limit of the header, in a (sparse) file that is long enough. */
    assert_int_equal(sanl_file_write(path, "\1\xE1\xF5\x05\0\0\0\0{}", 10), SANL_OK);
    assert_int_equal(truncate(path, 200000000), 0);
    assert_int_equal(sanl_tensors_open(&f, path), SANL_ERR_FORMAT);
    assert_non_null(strstr(sanl_error_message(), "limit"));
    sanl_tensors_free(NULL);
}

/* Opens whatever is there and, when it opens, reads every tensor. */
static void try_everything(void)
{
    struct sanl_tensors *f;
    if (sanl_tensors_open(&f, path2) != SANL_OK) {
        assert_null(f);
        assert_int_equal(strncmp(sanl_error_message(), path2, strlen(path2)), 0);
        return;
    }
    for (size_t i = 0; i < sanl_tensors_count(f); i++) {
        const struct sanl_named_tensor *t = sanl_tensors_at(f, i);
        float *values = sanl_calloc(t->count, sizeof *values);
        assert_non_null(values);
        const enum sanl_status status = sanl_tensors_read(f, t, values);
        assert_true(status == SANL_OK || status == SANL_ERR_FORMAT);
        free(values);
    }
    sanl_tensors_free(f);
}

static void damage_is_survived(void **state)
{
    (void)state;
    char *bytes, *copy;
    size_t length;
    put_two(path);
    assert_int_equal(sanl_file_read(&bytes, &length, path, 4096), SANL_OK);
    assert_non_null(copy = sanl_calloc(length, 1));
    for (size_t i = 0; i < length; i++) {
        assert_int_equal(sanl_file_write(path2, bytes, i), SANL_OK);
        struct sanl_tensors *f;
        assert_int_equal(sanl_tensors_open(&f, path2), SANL_ERR_FORMAT);
    }
    const uint64_t key = sanl_random_key(1, 2, 3, 4);
    for (uint64_t round = 0; round < 4000; round++) {
        memcpy(copy, bytes, length);
        for (uint64_t k = 0; k <= round % 3; k++) {
            const uint64_t at = 4 * (4 * round + k);
            const size_t byte = (size_t)sanl_random_below(key, at, length - 28);
            copy[byte] =
                (char)(round % 2 ? sanl_random_below(key, at + 1, 256)
                                 : (uint64_t)(unsigned char)"0123456789{}[]\",:-eF"[sanl_random_below(
                                       key, at + 1, 20)]);
        }
        assert_int_equal(sanl_file_write(path2, copy, length), SANL_OK);
        try_everything();
    }
    free(copy);
    free(bytes);
}

/* A file that shrinks after it was opened. */
static void late_truncation_is_reported(void **state)
{
    (void)state;
    struct sanl_tensors *f;
    float values[6];
    put_two(path);
    assert_int_equal(sanl_tensors_open(&f, path), SANL_OK);
    assert_int_equal(truncate(path, 200), 0);
    assert_int_equal(sanl_tensors_read(f, sanl_tensors_at(f, 0), values), SANL_ERR_IO);
    assert_non_null(strstr(sanl_error_message(), "layer.weight"));
    sanl_tensors_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),   cmocka_unit_test(same_content_gives_same_bytes),
        cmocka_unit_test(whole_numbers_are_written), cmocka_unit_test(nothing_half_written),
        cmocka_unit_test(full_disk_is_reported),     cmocka_unit_test(foreign_files_are_read),
        cmocka_unit_test(golden_file_is_read),       cmocka_unit_test(other_types_become_float),
        cmocka_unit_test(lies_are_refused),          cmocka_unit_test(wrong_files_are_refused),
        cmocka_unit_test(damage_is_survived),        cmocka_unit_test(late_truncation_is_reported),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
