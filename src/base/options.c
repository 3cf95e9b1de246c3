#include "base/options.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>
#include "base/memory.h"
#include "base/text.h"

enum { KEY_BYTES = 128 };

const struct sanl_option *sanl_options_find(const struct sanl_options *options, const char *key)
{
    for (size_t i = 0; i < options->count; i++)
        if (strcmp(options->rows[i].key, key) == 0)
            return &options->rows[i];
    return NULL;
}

static const char *last_part(const char *key)
{
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

/* The row whose key looks most like `key`: as a whole, or, one step worse, in its last part alone (the right
 * name in the wrong section). */
static const char *nearest_key(const struct sanl_options *options, const char *key)
{
    const char *best = "";
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < options->count; i++) {
        const char *row = options->rows[i].key;
        const size_t whole = sanl_text_distance(key, row);
        const size_t part = sanl_text_distance(last_part(key), last_part(row)) + 1;
        const size_t distance = whole < part ? whole : part;
        if (distance < least) {
            least = distance;
            best = row;
        }
    }
    return best;
}

static enum sanl_status fail_unknown(const struct sanl_options *options, const char *key)
{
    const char *nearest = nearest_key(options, key);
    if (3 * sanl_text_distance(key, nearest) > strlen(key) &&
        3 * sanl_text_distance(last_part(key), last_part(nearest)) > strlen(last_part(key)))
        return sanl_fail(SANL_ERR_FORMAT, "unknown key '%.100s'; 'sanlcl config --dump' lists all", key);
    return sanl_fail(SANL_ERR_FORMAT, "unknown key '%.100s'; did you mean '%s'?", key, nearest);
}

/* ---- values from text ---------------------------------------------------------------------------- */

/* Printable UTF-8 on one line: exactly what the dump can write and YAML can read back. */
static bool is_printable(const char *text)
{
    while (*text) {
        const uint32_t code = sanl_utf8_next(&text);
        const bool control = code < 0x20 || (code >= 0x7F && code < 0xA0);
        const bool special =
            code == 0x2028 || code == 0x2029 || code == 0xFEFF || code == 0xFFFE || code == 0xFFFF;
        if (control || special || code == SANL_UTF8_BAD)
            return false;
    }
    return true;
}

static bool read_double(double *out, const char *text)
{
    char *end;
    if (!*text || text[strspn(text, "0123456789+-.eE")])
        return false;
    *out = strtod(text, &end);
    return *end == 0 && isfinite(*out);
}

static bool read_int(int *out, const char *text)
{
    char *end;
    if (!*text || text[strspn(text, "0123456789+-")])
        return false;
    errno = 0;
    const long value = strtol(text, &end, 10);
    *out = (int)value;
    return *end == 0 && errno == 0 && value >= INT_MIN && value <= INT_MAX;
}

static enum sanl_status fail_value(const struct sanl_option *row, const char *found)
{
    char expected[256];
    sanl_option_describe(expected, sizeof expected, row);
    return sanl_fail(SANL_ERR_FORMAT, "%s: expected %s, found '%.100s'", row->key, expected, found);
}

static bool set_enum(int *out, const struct sanl_option *row, const char *text)
{
    for (int i = 0; row->choices[i]; i++)
        if (strcmp(row->choices[i], text) == 0) {
            *out = i;
            return true;
        }
    return false;
}

static enum sanl_status set_scalar(const struct sanl_option *row, void *values, const char *text)
{
    void *const at = (char *)values + row->offset;
    bool good = false;
    switch (row->type) {
    case SANL_OPTION_BOOL:
        *(bool *)at = strcmp(text, "true") == 0;
        good = *(bool *)at || strcmp(text, "false") == 0;
        break;
    case SANL_OPTION_INT:
        good = read_int(at, text) && *(int *)at >= row->min && *(int *)at <= row->max;
        break;
    case SANL_OPTION_DOUBLE:
        good = read_double(at, text) && *(double *)at >= row->min && *(double *)at <= row->max;
        break;
    case SANL_OPTION_TEXT:
        good = strlen(text) < row->room && is_printable(text);
        if (good) {
            memset(at, 0, row->room); /* no stray bytes: equal values are equal memory */
            memcpy(at, text, strlen(text));
        }
        break;
    case SANL_OPTION_ENUM:
        good = set_enum(at, row, text);
        break;
    case SANL_OPTION_LIST:
        break;
    }
    return good ? SANL_OK : fail_value(row, text);
}

/* Appends an element to a list, whose length the caller has set to 0 before the first. */
static enum sanl_status add_element(const struct sanl_option *row, void *values, const char *text)
{
    double *const list = (double *)(void *)((char *)values + row->offset);
    int *const length = (int *)(void *)((char *)values + row->length_offset);
    double value;
    if (!read_double(&value, text) || value < row->min || value > row->max || (size_t)*length == row->room)
        return fail_value(row, text);
    list[(*length)++] = value;
    return SANL_OK;
}

/* A list as "[1, 2]" or "1,2"; both "[]" and "" are the empty list. */
static enum sanl_status set_list(const struct sanl_option *row, void *values, const char *text)
{
    *(int *)(void *)((char *)values + row->length_offset) = 0;
    memset((char *)values + row->offset, 0, row->room * sizeof(double));
    const char *s = text, *end = text + strlen(text);
    if (s < end && *s == '[' && end[-1] == ']') {
        s++;
        end--;
    }
    while (s < end) {
        const char *comma = memchr(s, ',', (size_t)(end - s)), *stop = comma ? comma : end;
        char number[64];
        while (s < stop && *s == ' ')
            s++;
        size_t length = (size_t)(stop - s);
        while (length && s[length - 1] == ' ')
            length--;
        if (length >= sizeof number || length == 0)
            return fail_value(row, text);
        memcpy(number, s, length);
        number[length] = 0;
        SANL_TRY(add_element(row, values, number));
        s = comma ? comma + 1 : end;
    }
    return SANL_OK;
}

static enum sanl_status set_text(const struct sanl_option *row, void *values, const char *text)
{
    return row->type == SANL_OPTION_LIST ? set_list(row, values, text) : set_scalar(row, values, text);
}

void sanl_options_preset(const struct sanl_options *options, void *values)
{
    for (size_t i = 0; i < options->count; i++) {
        const enum sanl_status status = set_text(&options->rows[i], values, options->rows[i].preset);
        assert(status == SANL_OK && "a default is outside its own range");
        (void)status;
    }
}

enum sanl_status sanl_options_override(const struct sanl_options *options, void *values,
                                       const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return sanl_fail(SANL_ERR_USAGE, "'%.100s': expected KEY=VALUE", assignment);
    char *key = sanl_strdup(assignment);
    if (!key)
        return SANL_ERR_MEMORY;
    key[equals - assignment] = 0;
    const struct sanl_option *row = sanl_options_find(options, key);
    const enum sanl_status status = row ? set_text(row, values, equals + 1) : fail_unknown(options, key);
    free(key);
    return status == SANL_OK ? SANL_OK : sanl_fail_prefix(SANL_ERR_USAGE, "'%.100s'", assignment);
}

/* ---- values from YAML ---------------------------------------------------------------------------- */

struct reader {
    const struct sanl_options *options;
    void *values;
    yaml_document_t *document;
    size_t line; /* of the key or value being read, from 1 */
};

/* The text of a scalar node, or NULL for another node or one with a zero byte inside. */
static const char *scalar_text(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE)
        return NULL;
    const char *text = (const char *)node->data.scalar.value;
    return strlen(text) == node->data.scalar.length ? text : NULL;
}

/* True for a value that is left open, such as the section "cam:" on a line of its own. */
static bool is_empty(const yaml_node_t *node)
{
    const char *text = scalar_text(node);
    return text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && sanl_option_is_null(text);
}

static enum sanl_status read_value(struct reader *reader, const struct sanl_option *row,
                                   const yaml_node_t *node)
{
    const char *text = scalar_text(node);
    if (row->type != SANL_OPTION_LIST) {
        const char *found = node->type == YAML_SCALAR_NODE ? "a zero byte" : "several values";
        if (row->type == SANL_OPTION_TEXT && is_empty(node))
            text = "";
        return text ? set_scalar(row, reader->values, text) : fail_value(row, found);
    }
    if (node->type != YAML_SEQUENCE_NODE)
        return fail_value(row, text ? text : "a section");
    SANL_TRY(set_list(row, reader->values, ""));
    for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top;
         item++) {
        const yaml_node_t *element = yaml_document_get_node(reader->document, *item);
        const char *number = scalar_text(element);
        reader->line = element->start_mark.line + 1;
        SANL_TRY(number ? add_element(row, reader->values, number) : fail_value(row, "a nested value"));
    }
    return SANL_OK;
}

static bool is_section(const struct sanl_options *options, const char *path)
{
    const size_t length = strlen(path);
    for (size_t i = 0; i < options->count; i++)
        if (strncmp(options->rows[i].key, path, length) == 0 && options->rows[i].key[length] == '.')
            return true;
    return false;
}

static enum sanl_status check_unique(struct reader *reader, const yaml_node_t *mapping,
                                     const yaml_node_pair_t *pair, const char *path, const char *name)
{
    for (const yaml_node_pair_t *other = mapping->data.mapping.pairs.start; other < pair; other++) {
        const yaml_node_t *key = yaml_document_get_node(reader->document, other->key);
        const char *text = scalar_text(key);
        if (text && strcmp(text, name) == 0)
            return sanl_fail(SANL_ERR_FORMAT, "the key '%s' stands in line %zu already", path,
                             key->start_mark.line + 1);
    }
    return SANL_OK;
}

/* The depth is bounded: every level must be a section of the table, so a mapping that contains itself by an
 * alias ends in an unknown key. */
static enum sanl_status read_mapping(struct reader *reader, const yaml_node_t *mapping, const char *prefix)
{
    const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
    for (; pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(reader->document, pair->key);
        const yaml_node_t *value = yaml_document_get_node(reader->document, pair->value);
        const char *name = scalar_text(key);
        reader->line = key->start_mark.line + 1;
        if (!name)
            return sanl_fail(SANL_ERR_FORMAT, "expected the name of a key, found a list or section");
        if (strchr(name, '.'))
            return sanl_fail(SANL_ERR_FORMAT, "the key '%.100s' has a dot; write nested sections", name);
        char path[KEY_BYTES];
        const int length = snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", name);
        const struct sanl_option *row = sanl_options_find(reader->options, path);
        const bool section = !row && is_section(reader->options, path);
        if (length >= KEY_BYTES || (!row && !section))
            return fail_unknown(reader->options, path);
        SANL_TRY(check_unique(reader, mapping, pair, path, name));
        if (row)
            SANL_TRY(read_value(reader, row, value));
        else if (value->type == YAML_MAPPING_NODE)
            SANL_TRY(read_mapping(reader, value, path));
        else if (!is_empty(value))
            return sanl_fail(SANL_ERR_FORMAT, "%s: expected a section of keys, found a value", path);
    }
    return SANL_OK;
}

static enum sanl_status fail_yaml(const yaml_parser_t *parser, const char *name)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return sanl_fail(SANL_ERR_MEMORY, "%s: out of host memory", name);
    if (parser->error == YAML_READER_ERROR)
        return sanl_fail(SANL_ERR_FORMAT, "%s: byte %zu: %s; expected a text file in UTF-8", name,
                         parser->problem_offset + 1, parser->problem);
    return sanl_fail(SANL_ERR_FORMAT, "%s: line %zu: not YAML: %s", name, parser->problem_mark.line + 1,
                     parser->problem ? parser->problem : "syntax error");
}

/* Refuses a second document after the first. */
static enum sanl_status check_end(yaml_parser_t *parser, const char *name)
{
    yaml_document_t rest;
    if (!yaml_parser_load(parser, &rest))
        return fail_yaml(parser, name);
    const yaml_node_t *root = yaml_document_get_root_node(&rest);
    const enum sanl_status status =
        root ? sanl_fail(SANL_ERR_FORMAT, "%s: line %zu: expected one document, found another", name,
                         root->start_mark.line + 1)
             : SANL_OK;
    yaml_document_delete(&rest);
    return status;
}

enum sanl_status sanl_options_parse(const struct sanl_options *options, void *values, const char *text,
                                    size_t length, const char *name)
{
    yaml_parser_t parser;
    yaml_document_t document;
    if (!yaml_parser_initialize(&parser))
        return sanl_fail(SANL_ERR_MEMORY, "%s: out of host memory", name);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    enum sanl_status status = SANL_OK;
    if (!yaml_parser_load(&parser, &document)) {
        status = fail_yaml(&parser, name);
        yaml_parser_delete(&parser);
        return status;
    }
    const yaml_node_t *root = yaml_document_get_root_node(&document);
    struct reader reader = {.options = options, .values = values, .document = &document, .line = 1};
    if (root && root->type == YAML_MAPPING_NODE)
        status = read_mapping(&reader, root, "");
    else if (root && !is_empty(root))
        status = sanl_fail(SANL_ERR_FORMAT, "expected keys and values, found %s",
                           root->type == YAML_SEQUENCE_NODE ? "a list" : "a single value");
    if (status != SANL_OK)
        status = sanl_fail_prefix(status, "%s: line %zu", name, reader.line);
    else if (root)
        status = check_end(&parser, name);
    yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    return status;
}
