/* model/pickle: pickles by hand, and those that lie, as objects of legacy files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include "pth.h"
#include "model/pickle.h"

/* Pieces of pickles: a text, and storage 'k' of 4 floats. */
#define TEXT(length, text) "X" length "\0\0\0" text
#define NAME_K             TEXT("\1", "k")
#define STORAGE            "(" TEXT("\7", "storage") "ctorch\nFloatStorage\n" NAME_K TEXT("\3", "cpu") "K\4tQ"
#define TENSOR(arguments)  "ctorch._utils\n_rebuild_tensor_v2\n(" arguments "tR"
#define DICT(value)        "}" TEXT("\1", "w") value "s."

/* A legacy file with `object` and, where that has one, for storage 'k' the values 0, 1/8, 2/8, 3/8. */
static void put(const char *object, size_t bytes)
{
    static const char start[] = "\x80\2\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19."
                                "\x80\2M\xE9\3."
                                "\x80\2}" TEXT("\x0D", "little_endian") "\x88s.\x80\2";
    static const char end[] = "\x80\2]" NAME_K "a.\4\0\0\0\0\0\0";
    static const char none[] = "\x80\2].";
    static const float values[] = {0, 0.125f, 0.25f, 0.375f};
    static char content[1 << 20];
    size_t at = 0;
#define PUT(from, count) (memcpy(content + at, from, count), at += (count))
    PUT(start, sizeof start - 1);
    PUT(object, bytes);
    if (memchr(object, 'Q', bytes)) {
        PUT(end, sizeof end);
        PUT(values, sizeof values);
    } else {
        PUT(none, sizeof none - 1);
    }
    assert_int_equal(sanl_file_write(path, content, at), SANL_OK);
}

static void a_pickle_by_hand_is_read(void **state)
{
    (void)state;
    static const char object[] = DICT(TENSOR(STORAGE "K\1K\3\x85K\1\x85\x89N"));
    put(object, sizeof object - 1);
    struct sanl_tensors *file = open_file(path);
    assert_int_equal(sanl_tensors_count(file), 1);
    check_values(file, sanl_tensors_find(file, "w"), 1);
    sanl_tensors_free(file);
}

/* As in Python, the last value of a key is the dict's. */
static void last_state_is_read(void **state)
{
    (void)state;
#define MODEL(name, view) TEXT("\5", "model") "}" TEXT("\1", name) TENSOR(STORAGE view) "ss"
    static const char object[] = "}" MODEL("v", "K\0K\1\x85K\1\x85") MODEL("w", "K\1K\3\x85K\1\x85") ".";
    put(object, sizeof object - 1);
    struct sanl_tensors *file = open_file(path);
    assert_int_equal(sanl_tensors_count(file), 1);
    assert_string_equal(sanl_tensors_at(file, 0)->name, "w");
    check_values(file, sanl_tensors_at(file, 0), 1);
    sanl_tensors_free(file);
}

#define CASE(object, message)                                                                                \
    {                                                                                                        \
        object, sizeof(object) - 1, message                                                                  \
    }

struct lie {
    const char *object;
    size_t bytes;
    const char *message;
};

static void expect_refusals(const struct lie *lies, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(lies[i].object, lies[i].bytes);
        expect_refusal(path, lies[i].message);
    }
}

static void nothing_is_executed(void **state)
{
    (void)state;
    static const struct lie lies[] = {
        CASE("cos\nsystem\n" TEXT("\4", "true") "\x85R.", "byte 2: global 'os.system' is not one"),
        CASE(TEXT("\2", "os") TEXT("\6", "system") "\x93" TEXT("\4", "true") "\x85R.",
             "global 'os.system' is not one"),
        CASE("\x8C\2os\x94\x8C\6system\x94\x93.", "global 'os.system' is not one"),
        CASE("(" TEXT("\4", "true") "ios\nsystem\n.", "global 'os.system' is not one"),
        CASE("(icollections\nOrderedDict\n.", "an instance in a way"),
        CASE("c__builtin__\neval\n.", "global '__builtin__.eval'"),
        CASE("cbuiltins\ngetattr\n.", "global 'builtins.getattr'"),
        CASE("ctorch\nload\n.", "global 'torch.load'"),
        CASE("ctorchvision.models.resnet\nResNet\n.", "expected the state_dict of a model"),
        CASE("cos\x1B\nsystem\n.", "a global whose name is no plain text"),
        CASE("c\xFF\nsystem\n.", "a global whose name is no plain text"),
        CASE("K\1K\2\x93.", "a global whose name is no text"),
        CASE("ccollections\nOrderedDict\n}b.", "a state for something"),
        CASE("]}b.", "a state for something"),
        CASE(TENSOR(STORAGE "K\0)))") "}b.", "a state for something"),
        CASE("ctorch\nFloatStorage\n)R.", "a call of 'torch.FloatStorage' in a way"),
        CASE("ctorch._utils\n_rebuild_parameter\n)R.", "a call of 'torch._utils._rebuild_parameter'"),
        CASE("})R.", "a call expected a function"),
        CASE("ctorch\ndevice\n]R.", "a call expected a function"),
        CASE("ccollections\nOrderedDict\nK\1\x85R.", "a dict made from something else"),
        CASE("\x82\1.", "instruction 0x82 is not one"), /* EXT1 */
        CASE("P1\n.", "instruction 0x50 is not one"),   /* PERSID */
        CASE("(o.", "instruction 0x6f is not one"),     /* OBJ */
        CASE("K\1Q.", "a persistent id that is no tuple"),
    };
    expect_refusals(lies, sizeof lies / sizeof *lies);
}

static void machine_keeps_its_bounds(void **state)
{
    (void)state;
    static const struct lie lies[] = {
        CASE(".", "1 values expected on the stack, found 0"),
        CASE("K\1\x86.", "2 values expected on the stack, found 1"),
        CASE("K\1K\1(\x85.", "1 values expected on the stack, found 0"),
        CASE("K\1t.", "a mark expected"),
        CASE("(a.", "values expected on the stack"),
        CASE("(u.", "values expected on the stack"),
        CASE("](K\1u.", "no dict"),
        CASE("}(K\1u.", "no dict, or not in pairs"),
        CASE("}(K\1e.", "no list"),
        CASE("]K\1K\1s.", "no dict"),
        CASE("h\0.", "memo 0 holds nothing"),
        CASE("q\0.", "1 values expected on the stack"),
        CASE("]q\1h\0.", "memo 0 holds nothing"),
        CASE("]r\xFF\xFF\xFF\xFF.", "memo 4294967295"),
        CASE("X\xFF\xFF\xFF\xFFx.", "4294967295 bytes expected, but only"),
        CASE("T\xFF\xFF\xFF\xFFx.", "4294967295 bytes expected, but only"),
        CASE("B\xFF\xFF\xFF\x7Fx.", "but only"),
        CASE("\x8D\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFx.", "18446744073709551615 bytes expected"),
        CASE("\x8E\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFx.", "but only"),
        CASE("\x8B\xFF\xFF\xFF\xFFx.", "but only"),
        CASE("N.", "no tensors: expected the state_dict"),
        CASE("}.", "no tensors"),
        CASE("].", "no tensors"),
        CASE("ctorch\ndevice\n.", "no tensors"),
        /* A dict that is its own model, and a list within itself. */
        CASE("}q\0" TEXT("\5", "model") "h\0s.", "no tensors"),
        CASE("]q\0h\0a.", "no tensors"),
        CASE("ccollections\nOrderedDict\n]q\0h\0a\x85R.", "no tensors"),
        CASE("ccollections\nOrderedDict\n]]aK\1a\x85R.", "no tensors"),
    };
    expect_refusals(lies, sizeof lies / sizeof *lies);
}

/* A tuple of a tuple of a tuple ... */
static void long_pickles_are_refused(void **state)
{
    (void)state;
    enum { LIMIT = 1 << 19 };
    static char object[LIMIT + 1];
    memset(object, '\x85', sizeof object);
    object[0] = 'N';
    put(object, sizeof object);
    expect_refusal(path, "byte 524289: a pickle of more than 524288 instructions");
    object[LIMIT - 2] = '.'; /* the last of as many as there may be: the protocol is the first */
    put(object, LIMIT - 1);
    expect_refusal(path, "no tensors: expected the state_dict");
}

static void failed_reads_are_explained(void **state)
{
    (void)state;
    struct sanl_pickle *pickle;
    FILE *file = fopen(path, "wb"); /* cannot be read from */
    assert_non_null(file);
    assert_int_equal(sanl_pickle_read(&pickle, file, 8), SANL_ERR_IO);
    assert_null(pickle);
    assert_non_null(strstr(sanl_error_message(), "byte 0: cannot read: "));
    assert_non_null(strstr(sanl_error_message(), strerror(EBADF)));
    fclose(file);
    assert_non_null(file = fopen(path, "rb")); /* empty */
    assert_int_equal(sanl_pickle_read(&pickle, file, 8), SANL_ERR_IO);
    assert_string_equal(sanl_error_message(), "byte 0: cannot read: the file ends");
    fclose(file);
}

static void tensors_stay_in_their_storages(void **state)
{
    (void)state;
#define VIEW(offset, shape, stride) DICT(TENSOR(STORAGE offset shape stride "\x89N"))
#define BIG                         "\x8A\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"
#define ENTRY                       TEXT("\1", "w") TENSOR(STORAGE "K\0))")
    static const struct lie lies[] = {
        CASE(VIEW("K\0", "K\5\x85", "K\1\x85"), "tensor 'w': reaches beyond the 4 values of its storage 'k'"),
        CASE(VIEW("K\4", "K\1\x85", "K\1\x85"), "reaches beyond"),
        CASE(VIEW("K\4", ")", ")"), "reaches beyond"),
        CASE(VIEW(BIG, ")", ")"), "reaches beyond"),
        CASE(VIEW("K\0", "K\2\x85", "K\4\x85"), "reaches beyond"),
        CASE(VIEW("K\1", "K\2K\2\x86", "K\2K\1\x86"), "reaches beyond"),
        CASE(VIEW("K\0", "K\2\x85", BIG "\x85"), "reaches beyond"),
        CASE(VIEW("K\0", "K\3\x85", BIG "\x85"), "reaches beyond"),
        CASE(VIEW("K\1", "K\2\x85", BIG "\x85"), "reaches beyond"),
        CASE(VIEW("K\0", BIG BIG "\x86", "K\1K\1\x86"), "its shape overflows"),
        CASE(VIEW("K\0", BIG "\x85", "K\1\x85"), "reaches beyond"),
        CASE(VIEW("J\xFF\xFF\xFF\xFF", "K\1\x85", "K\1\x85"), "expected an offset, a shape"),
        CASE(VIEW("K\0", "J\xFF\xFF\xFF\xFF\x85", "K\1\x85"), "expected an offset, a shape"),
        CASE(VIEW("K\0", "K\1\x85", "J\xFF\xFF\xFF\xFF\x85"), "expected an offset, a shape"),
        CASE(VIEW("N", "K\1\x85", "K\1\x85"), "expected an offset, a shape"),
        CASE(VIEW("K\0", "K\1\x85", ")"), "as many strides"),
        CASE(VIEW("K\0", "]", "]"), "as many strides"),
        CASE(VIEW("K\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t"), "at most 8"),
        CASE(DICT(TENSOR("")), "a storage is not described"),
        CASE(DICT(TENSOR("NK\0))")), "a storage is not described"),
        CASE(DICT(TENSOR(")Q")), "a storage is not described"),
        CASE(DICT(TENSOR("(K\1K\1K\1K\1K\1tQ")), "a storage is not described"),
        CASE(DICT(TENSOR("(" TEXT("\7", "storage") "ctorch\ndevice\n" NAME_K "NK\4tQ")),
             "a storage is not described"),
        CASE(DICT(TENSOR("(" TEXT("\7", "storage") "ctorch\nFloatStorage\n" NAME_K "NK\4)tQ")),
             "storage 'k' is a part of another one"),
        CASE(DICT(TENSOR("(" TEXT("\7", "storage") "ctorch\nFloatStorage\n" NAME_K "NK\5tQ")),
             "storage 'k': 4 values at byte"),
        CASE(DICT(TENSOR("(" TEXT("\7", "storage") "ctorch\nDoubleStorage\n" NAME_K "NK\4tQ")),
             "4 values of F64 from byte"),
        CASE(DICT(TENSOR("(" TEXT("\7", "storage") "ctorch\nFloatStorage\n" TEXT("\1", "z") "NK\4tQ")),
             "storage 'k' belongs to no tensor"),
        CASE("(" STORAGE "(" TEXT("\7", "storage") "ctorch\nFloatStorage\n" NAME_K "NK\5tQt.",
             "storage 'k' is described in two ways"),
        CASE("}K\1" TENSOR(STORAGE "K\0))") "s.", "its name is no plain text"),
        CASE("}" ENTRY "s" ENTRY "s.", "a.pth: tensor 'w': there twice"),
        CASE("ccollections\nOrderedDict\n]" ENTRY "\206a" ENTRY "\206a\x85R.", "tensor 'w': there twice"),
        CASE("}" TEXT("\2", "a\n") TENSOR(STORAGE "K\0))") "s.", "its name is no plain text"),
        CASE("}" TEXT("\2", "a\0") TENSOR(STORAGE "K\0))") "s.", "its name is no plain text"),
    };
    expect_refusals(lies, sizeof lies / sizeof *lies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pickle_by_hand_is_read),
        cmocka_unit_test(last_state_is_read),
        cmocka_unit_test(nothing_is_executed),
        cmocka_unit_test(machine_keeps_its_bounds),
        cmocka_unit_test(long_pickles_are_refused),
        cmocka_unit_test(failed_reads_are_explained),
        cmocka_unit_test(tensors_stay_in_their_storages),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
