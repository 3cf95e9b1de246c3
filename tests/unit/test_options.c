/* base/options: the YAML reader, the overrides and the dump, on a small table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sanlcl/interrupt.h>
#include <sanlcl/text.h>
#include "base/options.h"
#include "base/random.h"

struct values {
    bool flag;
    int count, colour;
    double rate, steps[3];
    int step_count;
    char name[16];
};

static const char *const colours[] = {"red", "green", NULL};
static const struct sanl_option rows[] = {
    {"flag", SANL_OPTION_BOOL, offsetof(struct values, flag), "true", "a flag", 0, 0, NULL, 0, 0},
    {"run.count", SANL_OPTION_INT, offsetof(struct values, count), "3", "a count", -5, 100, NULL, 0, 0},
    {"run.rate", SANL_OPTION_DOUBLE, offsetof(struct values, rate), "0.5", "a rate", -1e300, 1e300, NULL, 0,
     0},
    {"run.deep.colour", SANL_OPTION_ENUM, offsetof(struct values, colour), "green", "a colour", 0, 0, colours,
     0, 0},
    {"run.deep.steps", SANL_OPTION_LIST, offsetof(struct values, steps), "1, 2", "steps", 0, 1000, NULL, 3,
     offsetof(struct values, step_count)},
    {"name", SANL_OPTION_TEXT, offsetof(struct values, name), "", "a name", 0, 0, NULL, 16, 0},
};
static const struct sanl_options table = {rows, sizeof rows / sizeof *rows};

static struct values preset(void)
{
    struct values values;
    memset(&values, 0, sizeof values);
    sanl_options_preset(&table, &values);
    return values;
}

static enum sanl_status parse(struct values *values, const char *text)
{
    return sanl_options_parse(&table, values, text, strlen(text), "f.yaml");
}

static void presets_are_read_from_the_table(void **state)
{
    (void)state;
    const struct values v = preset();
    assert_true(v.flag && v.count == 3 && v.rate == 0.5 && v.colour == 1);
    assert_true(v.step_count == 2 && v.steps[0] == 1 && v.steps[1] == 2);
    assert_string_equal(v.name, "");
}

static void nested_mappings_are_read(void **state)
{
    (void)state;
    struct values v = preset();
    assert_int_equal(parse(&v,
                           "flag: false\nrun:\n  count: -5\n  rate: 1e-3\n  deep: {colour: red, steps: [7]}\n"
                           "name: \"a \\\"b\\\\\"\n"),
                     SANL_OK);
    assert_true(!v.flag && v.count == -5 && v.rate == 1e-3 && v.colour == 0);
    assert_true(v.step_count == 1 && v.steps[0] == 7);
    assert_string_equal(v.name, "a \"b\\");
    assert_int_equal(parse(&v, ""), SANL_OK);
    assert_int_equal(parse(&v, "# nothing\n"), SANL_OK);
    assert_int_equal(parse(&v, "run:\nflag: true\r\n"), SANL_OK);
    assert_int_equal(parse(&v, "flag: &f false\nrun: {deep: &d {steps: []}}\nname: *f\n"), SANL_OK);
    assert_true(!v.flag && v.step_count == 0);
    assert_string_equal(v.name, "false");
    assert_int_equal(parse(&v, "name: null\n"), SANL_OK);
    assert_string_equal(v.name, "");
    assert_int_equal(parse(&v, "name: 'null'\n"), SANL_OK);
    assert_string_equal(v.name, "null");
}

static void mistakes_name_file_line_and_key(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"flag: true\nrun:\n  cuont: 1\n",
         "f.yaml: line 3: unknown key 'run.cuont'; did you mean 'run.count'?"},
        {"count: 1\n", "f.yaml: line 1: unknown key 'count'; did you mean 'run.count'?"},
        {"\nflag: yes\n", "f.yaml: line 2: flag: expected true or false, found 'yes'"},
        {"run:\n  count: 1.5\n",
         "f.yaml: line 2: run.count: expected a whole number from -5 to 100, found '1.5'"},
        {"run: {count: 101}\n",
         "f.yaml: line 1: run.count: expected a whole number from -5 to 100, found '101'"},
        {"run: {count: 99999999999999999999}\n",
         "f.yaml: line 1: run.count: expected a whole number from -5 to 100, found '99999999999999999999'"},
        {"run: {count: }\n", "f.yaml: line 1: run.count: expected a whole number from -5 to 100, found ''"},
        {"run: {rate: nan}\n",
         "f.yaml: line 1: run.rate: expected a number from -1e+300 to 1e+300, found 'nan'"},
        {"run: {rate: 1e999}\n",
         "f.yaml: line 1: run.rate: expected a number from -1e+300 to 1e+300, found '1e999'"},
        {"run: {rate: 0x10}\n",
         "f.yaml: line 1: run.rate: expected a number from -1e+300 to 1e+300, found '0x10'"},
        {"run: {rate: [1]}\n",
         "f.yaml: line 1: run.rate: expected a number from -1e+300 to 1e+300, found 'several values'"},
        {"run:\n  deep:\n    colour: blue\n",
         "f.yaml: line 3: run.deep.colour: expected one of red, green, found 'blue'"},
        {"run:\n  deep:\n    steps:\n      - 1\n      - x\n",
         "f.yaml: line 5: run.deep.steps: expected a list of at most 3 numbers from 0 to 1000, found 'x'"},
        {"run: {deep: {steps: [1, 2, 3, 4]}}\n",
         "f.yaml: line 1: run.deep.steps: expected a list of at most 3 numbers from 0 to 1000, found '4'"},
        {"run: {deep: {steps: 3}}\n",
         "f.yaml: line 1: run.deep.steps: expected a list of at most 3 numbers from 0 to 1000, found '3'"},
        {"name: abcdefghijklmnop\n", "f.yaml: line 1: name: expected a text of at most 15 printable UTF-8 "
                                     "bytes, found 'abcdefghijklmnop'"},
        {"name: \"a\\nb\"\n",
         "f.yaml: line 1: name: expected a text of at most 15 printable UTF-8 bytes, found 'a?b'"},
        {"name: \"a\\0b\"\n",
         "f.yaml: line 1: name: expected a text of at most 15 printable UTF-8 bytes, found 'a zero byte'"},
        {"flag: true\nflag: false\n", "f.yaml: line 2: the key 'flag' stands in line 1 already"},
        {"run: {count: 1}\nname: a\nrun: {rate: 1}\n",
         "f.yaml: line 3: the key 'run' stands in line 1 already"},
        {"run.count: 1\n", "f.yaml: line 1: the key 'run.count' has a dot; write nested sections"},
        {"run: 4\n", "f.yaml: line 1: run: expected a section of keys, found a value"},
        {"- 1\n", "f.yaml: line 1: expected keys and values, found a list"},
        {"hello\n", "f.yaml: line 1: expected keys and values, found a single value"},
        {"[1]: 2\n", "f.yaml: line 1: expected the name of a key, found a list or section"},
        {"flag: true\n---\nname: a\n", "f.yaml: line 3: expected one document, found another"},
        {"run: &a\n  deep: *a\n",
         "f.yaml: line 2: unknown key 'run.deep.deep'; did you mean 'run.deep.steps'?"},
        {"flag: [\n", "f.yaml: line 2: not YAML: did not find expected node content"},
        {"flag: true\n\tname: a\n",
         "f.yaml: line 2: not YAML: found a tab character that violates indentation"},
        {"name: *gone\n", "f.yaml: line 1: not YAML: found undefined alias"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct values v = preset();
        assert_int_equal(parse(&v, cases[i].text), SANL_ERR_FORMAT);
        assert_string_equal(sanl_error_message(), cases[i].message);
    }
    struct values v = preset();
    assert_int_equal(parse(&v, "name: \xFF\n"), SANL_ERR_FORMAT);
    assert_non_null(strstr(sanl_error_message(), "f.yaml: byte 7: "));
}

static void overrides_set_one_key(void **state)
{
    (void)state;
    struct values v = preset();
    assert_int_equal(sanl_options_override(&table, &v, "run.count=42"), SANL_OK);
    assert_int_equal(sanl_options_override(&table, &v, "name=x=y: [z]"), SANL_OK);
    assert_int_equal(sanl_options_override(&table, &v, "run.deep.steps=[ 3, 4.5,1e2 ]"), SANL_OK);
    assert_true(v.count == 42 && v.step_count == 3 && v.steps[1] == 4.5 && v.steps[2] == 100);
    assert_string_equal(v.name, "x=y: [z]");
    assert_int_equal(sanl_options_override(&table, &v, "run.deep.steps=9"), SANL_OK);
    assert_true(v.step_count == 1 && v.steps[0] == 9 && v.steps[1] == 0);
    assert_int_equal(sanl_options_override(&table, &v, "run.deep.steps=[]"), SANL_OK);
    assert_int_equal(v.step_count, 0);

    static const struct {
        const char *text, *message;
    } cases[] = {
        {"run.coun=1", "'run.coun=1': unknown key 'run.coun'; did you mean 'run.count'?"},
        {"run.count=many",
         "'run.count=many': run.count: expected a whole number from -5 to 100, found 'many'"},
        {"run.deep.steps=1,,2",
         "'run.deep.steps=1,,2': run.deep.steps: expected a list of at most 3 numbers from "
         "0 to 1000, found '1,,2'"},
        {"name=\xC0\xAF", "'name=\xC0\xAF': name: expected a text of at most 15 printable UTF-8 bytes, found "
                          "'\xC0\xAF'"},
        {"=1", "'=1': expected KEY=VALUE"},
        {"flag", "'flag': expected KEY=VALUE"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(sanl_options_override(&table, &v, cases[i].text), SANL_ERR_USAGE);
        assert_string_equal(sanl_error_message(), cases[i].message);
    }
}

static void a_dump_reads_back_to_the_same_bits(void **state)
{
    (void)state;
    static const char *const names[] = {"",     "a b",  "-x", "\"\\", "~", "null", "Kleid \xC3\xA4",
                                        "# no", "a: b", "1"};
    for (uint64_t i = 0; i < 400; i++) {
        struct values v = preset(), back = preset();
        const uint64_t bits = sanl_random_bits(1, i) & ~((uint64_t)1 << 62); /* magnitude below 2 */
        memcpy(&v.rate, &bits, sizeof bits);
        v.steps[2] = 1000 * sanl_random_uniform(2, i);
        v.step_count = 3;
        v.flag = i % 2 == 0;
        v.colour = (int)(i % 2);
        v.count = (int)(i % 100);
        strcpy(v.name, names[i % (sizeof names / sizeof *names)]);
        char *text;
        assert_int_equal(sanl_options_dump(&text, &table, &v, i % 3 == 0), SANL_OK);
        assert_int_equal(parse(&back, text), SANL_OK);
        assert_memory_equal(&v, &back, sizeof v);
        free(text);
    }
}

static void a_dump_is_nested_and_short(void **state)
{
    (void)state;
    struct values v = preset();
    v.rate = 0.1;
    char *text;
    assert_int_equal(sanl_options_dump(&text, &table, &v, false), SANL_OK);
    assert_string_equal(text, "flag: true\n\nrun:\n  count: 3\n  rate: 0.1\n  deep:\n    colour: green\n"
                              "    steps: [1, 2]\nname: \"\"\n");
    free(text);
    assert_int_equal(sanl_options_dump(&text, &table, &v, true), SANL_OK);
    assert_non_null(
        strstr(text, "  # a count\n  #   a whole number from -5 to 100; default 3\n  count: 3\n"));
    free(text);
}

static void changes_are_named(void **state)
{
    (void)state;
    const struct values before = preset();
    struct values now = before;
    char *text;
    assert_int_equal(sanl_options_changes(&text, &table, &before, &now), SANL_OK);
    assert_string_equal(text, "");
    free(text);
    now.rate = 0.1;
    now.step_count = 1;
    assert_int_equal(sanl_options_changes(&text, &table, &before, &now), SANL_OK);
    assert_string_equal(text, "run.rate: 0.1 instead of 0.5, run.deep.steps: [1] instead of [1, 2]");
    free(text);
}

static void distances_count_edits(void **state)
{
    (void)state;
    assert_int_equal(sanl_text_distance("train", "train"), 0);
    assert_int_equal(sanl_text_distance("", "abc"), 3);
    assert_int_equal(sanl_text_distance("tarin", "train"), 1);
    assert_int_equal(sanl_text_distance("kitten", "sitting"), 3);
    char lengthy[1000];
    memset(lengthy, 'a', sizeof lengthy);
    lengthy[sizeof lengthy - 1] = 0;
    assert_int_equal(sanl_text_distance(lengthy, ""), 127);
}

static void interrupts_are_kept_until_cleared(void **state)
{
    (void)state;
    assert_false(sanl_interrupted());
    sanl_interrupt_request();
    assert_true(sanl_interrupted());
    sanl_interrupt_clear();
    assert_false(sanl_interrupted());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_are_read_from_the_table),
        cmocka_unit_test(nested_mappings_are_read),
        cmocka_unit_test(mistakes_name_file_line_and_key),
        cmocka_unit_test(overrides_set_one_key),
        cmocka_unit_test(a_dump_reads_back_to_the_same_bits),
        cmocka_unit_test(a_dump_is_nested_and_short),
        cmocka_unit_test(changes_are_named),
        cmocka_unit_test(distances_count_edits),
        cmocka_unit_test(interrupts_are_kept_until_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
