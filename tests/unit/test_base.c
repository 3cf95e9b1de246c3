/* base/: status, memory, random numbers, files. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>
#include <cmocka.h>
#include "base/bytes.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"

static void messages_are_prefixed(void **state)
{
    (void)state;
    assert_int_equal(sanl_fail(SANL_ERR_FORMAT, "line %d: bad", 7), SANL_ERR_FORMAT);
    assert_int_equal(sanl_fail_prefix(SANL_ERR_FORMAT, "a.yaml"), SANL_ERR_FORMAT);
    assert_string_equal(sanl_error_message(), "a.yaml: line 7: bad");
}

static void sizes_are_checked(void **state)
{
    (void)state;
    size_t out = 0;
    assert_int_equal(sanl_size_mul(&out, 6, 7), SANL_OK);
    assert_int_equal(out, 42);
    assert_int_equal(sanl_size_mul(&out, SIZE_MAX / 2, 3), SANL_ERR_MEMORY);
}

static void numbers_are_little_endian(void **state)
{
    (void)state;
    static const unsigned char bytes[8] = {1, 2, 3, 4, 5, 6, 7, 0x88};
    unsigned char back[8] = {0};
    assert_true(sanl_little_endian(bytes, 8) == 0x8807060504030201u);
    assert_true(sanl_little_endian(bytes + 5, 2) == 0x0706);
    assert_true(sanl_little_endian(bytes, 0) == 0);
    sanl_put_little_endian(back, 0x8807060504030201u, 8);
    assert_memory_equal(back, bytes, 8);
    sanl_put_little_endian(back, 0x1234, 1);
    assert_true(back[0] == 0x34 && back[1] == 2);
}

static void random_numbers_are_fixed(void **state)
{
    (void)state;
    /* fnv1a64 of "" and "a" are published constants; the stream is splitmix64's: seed 0 starts so. */
    assert_true(sanl_hash_text("") == 0xCBF29CE484222325u);
    assert_true(sanl_hash_text("a") == 0xAF63DC4C8601EC8Cu);
    assert_true(sanl_random_bits(0, 0) == 0xE220A8397B1DCDAFu);
    double sum = 0, square = 0;
    for (uint64_t i = 0; i < 10000; i++) {
        const double v = sanl_random_normal(5, i);
        sum += v;
        square += v * v;
    }
    assert_true(sum * sum < 4 * 10000.0 && square > 9500 && square < 10500);
}

static void files_appear_whole(void **state)
{
    (void)state;
    char folder[] = "/tmp/sanlcl_base_XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *deep = sanl_path_join(folder, "a/b"), *path = sanl_path_join(deep, "c.txt");
    assert_int_equal(sanl_folder_make(deep), SANL_OK);
    struct sanl_output out;
    assert_int_equal(sanl_output_open(&out, path), SANL_OK);
    fputs("hello", out.file);
    assert_false(sanl_file_exists(path));
    sanl_output_free(&out);
    assert_false(sanl_file_exists(path));
    assert_int_equal(sanl_file_write(path, "hello", 5), SANL_OK);
    char *text;
    size_t length;
    assert_int_equal(sanl_file_read(&text, &length, path, 100), SANL_OK);
    assert_string_equal(text, "hello");
    free(text);
    assert_int_equal(sanl_file_read(&text, &length, path, 4), SANL_ERR_LIMIT);
    assert_int_equal(sanl_file_read(&text, &length, deep, 100), SANL_ERR_IO);
    assert_non_null(strstr(sanl_error_message(), deep));
    assert_int_equal(sanl_file_write("/proc/none/x", "", 0), SANL_ERR_IO);
    char *inner = sanl_path_join(path, "d"), *left = sanl_path_join(deep, "c.txt.tmp7-0");
    assert_int_equal(sanl_folder_make(inner), SANL_ERR_IO);
    assert_non_null(strstr(sanl_error_message(), "c.txt: cannot make the folder: Not a directory"));
    assert_int_equal(sanl_file_write(left, "", 0), SANL_OK);
    sanl_output_sweep(path);
    assert_true(sanl_file_exists(left)); /* someone may be writing it */
    char *others = sanl_path_join(deep, "c.txt.tmpl");
    assert_int_equal(sanl_file_write(others, "", 0), SANL_OK);
    const struct utimbuf long_ago = {0};
    assert_true(utime(left, &long_ago) == 0 && utime(others, &long_ago) == 0);
    sanl_output_sweep(path);
    assert_true(sanl_file_exists(path) && sanl_file_exists(others) && !sanl_file_exists(left));
    remove(others);
    free(others);
    free(inner);
    free(left);
    remove(path);
    free(path);
    free(deep);
}

/* A device or a pipe is written to, not replaced; a full device is a failure. */
static void streams_stay(void **state)
{
    (void)state;
    struct stat info;
    char folder[] = "/tmp/sanlcl_base_XXXXXX", bytes[8] = "";
    assert_non_null(mkdtemp(folder));
    char *pipe = sanl_path_join(folder, "pipe"), *link = sanl_path_join(folder, "null");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    const int reader = open(pipe, O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    assert_int_equal(sanl_file_write(pipe, "hello", 5), SANL_OK);
    assert_int_equal(read(reader, bytes, sizeof bytes), 5);
    assert_string_equal(bytes, "hello");
    assert_true(stat(pipe, &info) == 0 && S_ISFIFO(info.st_mode));
    assert_int_equal(sanl_output_check(pipe), SANL_OK);
    assert_int_equal(sanl_output_check(folder), SANL_ERR_IO);
    assert_int_equal(symlink("/dev/null", link), 0);
    assert_int_equal(sanl_file_write(link, "hello", 5), SANL_OK);
    assert_true(lstat(link, &info) == 0 && S_ISLNK(info.st_mode));
    if (stat("/dev/full", &info) == 0 && S_ISCHR(info.st_mode)) {
        assert_int_equal(sanl_file_write("/dev/full", "hello", 5), SANL_ERR_IO);
        assert_string_equal(sanl_error_message(), "/dev/full: cannot write: No space left on device");
        assert_true(stat("/dev/full", &info) == 0 && S_ISCHR(info.st_mode));
    }
    assert_int_equal(sanl_file_write(folder, "hello", 5), SANL_ERR_IO);
    assert_non_null(strstr(sanl_error_message(), ": cannot write: Is a directory"));
    close(reader);
    remove(pipe);
    remove(link);
    assert_int_equal(rmdir(folder), 0); /* nothing else is left there */
    free(pipe);
    free(link);
}

/* What stands already stays when its successor cannot be written to the end. */
static void full_disks_leave_the_old_file(void **state)
{
    (void)state;
    static char large[1 << 16];
    char folder[] = "/tmp/sanlcl_base_XXXXXX", *text;
    size_t length;
    struct rlimit before, small;
    assert_non_null(mkdtemp(folder));
    char *path = sanl_path_join(folder, "a.bin");
    assert_int_equal(sanl_file_write(path, "old", 3), SANL_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 4096;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const enum sanl_status status = sanl_file_write(path, large, sizeof large);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, SANL_ERR_IO);
    assert_non_null(strstr(sanl_error_message(), "a.bin: cannot write: File too large"));
    assert_int_equal(sanl_file_read(&text, &length, path, 100), SANL_OK);
    assert_string_equal(text, "old");
    free(text);
    remove(path);
    assert_int_equal(rmdir(folder), 0);
    free(path);
}

/* Short and long parts, and an empty text. */
static void strings_grow(void **state)
{
    (void)state;
    struct sanl_string string = {0};
    char *text, wide[2001];
    assert_int_equal(sanl_string_take(&text, &string), SANL_OK);
    assert_string_equal(text, "");
    free(text);
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = 0;
    for (int i = 0; i < 100; i++)
        sanl_string_add(&string, "%d %s;", i, i % 10 == 3 ? wide : "-");
    sanl_string_bytes(&string, "end\n", 3);
    assert_int_equal(sanl_string_take(&text, &string), SANL_OK);
    assert_int_equal(strlen(text), 190 + 100 * 2 + 90 + 10 * 2000 + 3);
    assert_memory_equal(text, "0 -;1 -;2 -;3 www", 17);
    assert_string_equal(text + strlen(text) - 8, "99 -;end");
    assert_null(string.text);
    free(text);
    string.failed = true;
    sanl_string_add(&string, "lost");
    assert_int_equal(sanl_string_take(&text, &string), SANL_ERR_MEMORY);
    assert_null(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_grow),
        cmocka_unit_test(messages_are_prefixed),
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(random_numbers_are_fixed),
        cmocka_unit_test(files_appear_whole),
        cmocka_unit_test(streams_stay),
        cmocka_unit_test(full_disks_leave_the_old_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
