/* A reader of ONNX files, as far as tests need it. Include after cmocka. */
#ifndef TESTS_ONNX_READER_H
#define TESTS_ONNX_READER_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"

enum { FILE_LIMIT = 1 << 30 };

/* A field of a protobuf message. */
struct field {
    unsigned number;
    uint64_t value; /* a whole number, or the length of `bytes` */
    const unsigned char *bytes;
};

static uint64_t read_varint(const unsigned char **at, const unsigned char *end)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        assert_true(*at < end);
        const unsigned char byte = *(*at)++;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return value;
    }
    fail_msg("a number of more than 10 bytes");
    return 0;
}

static bool next_field(struct field *out, const unsigned char **at, const unsigned char *end)
{
    if (*at == end)
        return false;
    const uint64_t key = read_varint(at, end);
    assert_true((key & 7) == 0 || (key & 7) == 2);
    *out = (struct field){.number = (unsigned)(key >> 3), .value = read_varint(at, end)};
    if ((key & 7) == 2) {
        assert_true(out->value <= (uint64_t)(end - *at));
        out->bytes = *at;
        *at += out->value;
    }
    return true;
}

static bool find_field(struct field *out, const struct field *in, unsigned number)
{
    const unsigned char *at = in->bytes, *end = at + in->value;
    while (next_field(out, &at, end))
        if (out->number == number)
            return true;
    return false;
}

static void copy_text(char *out, size_t bytes, const struct field *field)
{
    assert_true(field->value < bytes);
    memcpy(out, field->bytes, field->value);
    out[field->value] = 0;
}

/* What is known of a graph's values: names that exist, in the order of the graph. */
struct names {
    char (*list)[160];
    size_t count, capacity;
};

static bool has_name(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->list[i], name) == 0)
            return true;
    return false;
}

static void add_name(struct names *names, const struct field *field)
{
    assert_int_equal(sanl_grow(&names->list, &names->capacity, names->count + 1, sizeof *names->list),
                     SANL_OK);
    copy_text(names->list[names->count], sizeof *names->list, field);
    if (has_name(names, names->list[names->count]))
        fail_msg("%s is written twice", names->list[names->count]);
    names->count++;
}

/* FNV-1a of a constant but for the values of floats, which rounding may touch. */
static void hash(uint64_t *h, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        *h = (*h ^ bytes[i]) * 0x100000001B3u;
}

static void check_constant(uint64_t *h, struct names *names, const struct field *constant)
{
    struct field type, name, raw, dim;
    const unsigned char *at = constant->bytes, *end = at + constant->value;
    uint64_t count = 1;
    assert_true(find_field(&type, constant, 2) && find_field(&name, constant, 8));
    assert_true(find_field(&raw, constant, 9));
    add_name(names, &name);
    while (next_field(&dim, &at, end))
        count *= dim.number == 1 ? dim.value : 1;
    assert_int_equal(raw.value, count * (type.value == 1 ? 4 : 8));
    hash(h, constant->bytes, (size_t)(constant->value - (type.value == 1 ? raw.value : 0)));
}

static void check_node(struct names *names, const struct field *node)
{
    struct field field;
    const unsigned char *at = node->bytes, *end = at + node->value;
    char text[160];
    while (next_field(&field, &at, end)) {
        if (field.number == 1) {
            copy_text(text, sizeof text, &field);
            if (text[0] && !has_name(names, text))
                fail_msg("%s is read before it is written", text);
        } else if (field.number == 2) {
            add_name(names, &field);
        } else if (field.number == 4) {
            copy_text(text, sizeof text, &field);
            assert_string_not_equal(text, "BatchNormalization");
        }
    }
}

/* Every value has one writer, which stands before its readers; returns a hash of the graph without weights.
 */
static uint64_t onnx_check(const char *path)
{
    struct names names = {0};
    struct field model, graph, field, opset;
    char *bytes, text[160];
    size_t length;
    uint64_t h = 0xCBF29CE484222325u;
    assert_int_equal(sanl_file_read(&bytes, &length, path, FILE_LIMIT), SANL_OK);
    model = (struct field){.value = length, .bytes = (const unsigned char *)bytes};
    assert_true(find_field(&field, &model, 1) && field.value == 7);
    assert_true(find_field(&opset, &model, 8) && find_field(&field, &opset, 2) && field.value == 13);
    assert_true(find_field(&graph, &model, 7));
    for (int pass = 0; pass < 3; pass++) { /* constants and inputs, nodes, outputs */
        const unsigned char *at = graph.bytes, *end = at + graph.value;
        while (next_field(&field, &at, end)) {
            struct field name;
            if (pass == 0 && field.number == 5) {
                check_constant(&h, &names, &field);
            } else if (pass == 1 && field.number == 1) {
                check_node(&names, &field);
            } else if ((pass == 0 && field.number == 11) || (pass == 2 && field.number == 12)) {
                assert_true(find_field(&name, &field, 1));
                copy_text(text, sizeof text, &name);
                if (pass == 0)
                    add_name(&names, &name);
                else
                    assert_true(has_name(&names, text));
            }
            if (pass == 2 && field.number != 5)
                hash(&h, field.bytes, (size_t)field.value);
        }
    }
    free(names.list);
    free(bytes);
    return h;
}

#endif
