#include "data/json_stream.h"

#include <stdbool.h>
#include <string.h>

struct stream {
    const char *text, *at, *end, *path;
};

static char next_char(struct stream *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\r' || *s->at == '\n'))
        s->at++;
    return s->at < s->end ? *s->at : 0;
}

static enum sanl_status expect(struct stream *s, char c)
{
    if (next_char(s) != c)
        return sanl_fail(SANL_ERR_FORMAT, "%s: byte %zu: expected '%c'", s->path, (size_t)(s->at - s->text),
                         c);
    s->at++;
    return SANL_OK;
}

/* The value at hand; json_decref() it. */
static enum sanl_status read_value(json_t **out, struct stream *s)
{
    json_error_t error;
    *out = json_loadb(s->at, (size_t)(s->end - s->at),
                      JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);
    if (!*out)
        return sanl_fail(SANL_ERR_FORMAT, "%s: byte %zu: %s", s->path,
                         (size_t)(s->at - s->text) + (size_t)(error.position > 0 ? error.position : 0),
                         error.text);
    s->at += error.position;
    return SANL_OK;
}

/* Moves behind the list at hand, whose brackets must match; what they hold is not looked at. */
static enum sanl_status skip_list(struct stream *s)
{
    size_t depth = 0;
    for (bool inside = false; s->at < s->end; s->at++) {
        const char c = *s->at;
        if (inside) {
            if (c == '\\' && s->end - s->at > 1)
                s->at++;
            else if (c == '"')
                inside = false;
        } else if (c == '"') {
            inside = true;
        } else if (c == '[' || c == '{') {
            depth++;
        } else if ((c == ']' || c == '}' || c == ',') && depth == 0) {
            return SANL_OK;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return sanl_fail(SANL_ERR_FORMAT, "%s: the file ends within a value", s->path);
}

static enum sanl_status read_list(struct stream *s, const char *key, sanl_json_element *element,
                                  void *payload)
{
    SANL_TRY(expect(s, '['));
    for (size_t i = 0; next_char(s) != ']'; i++) {
        json_t *value;
        if (i)
            SANL_TRY(expect(s, ','));
        next_char(s);
        SANL_TRY(read_value(&value, s));
        const enum sanl_status status = element(payload, value);
        json_decref(value);
        if (status != SANL_OK)
            return sanl_fail_prefix(status, "%s: %s[%zu]", s->path, key, i);
    }
    return expect(s, ']');
}

static enum sanl_status check_value(struct stream *s)
{
    json_t *value;
    SANL_TRY(read_value(&value, s));
    json_decref(value);
    return SANL_OK;
}

enum sanl_status sanl_json_list(const char *text, size_t length, const char *path, const char *key,
                                const char *other, sanl_json_element *element, void *payload)
{
    struct stream s = {text, text, text + length, path};
    bool found = false;
    SANL_TRY(expect(&s, '{'));
    for (bool first = true; next_char(&s) != '}'; first = false) {
        json_t *name;
        if (!first)
            SANL_TRY(expect(&s, ','));
        next_char(&s);
        SANL_TRY(read_value(&name, &s));
        const bool named = json_is_string(name), wanted = named && strcmp(json_string_value(name), key) == 0,
                   skipped = named && strcmp(json_string_value(name), other) == 0;
        json_decref(name);
        if (!named)
            return sanl_fail(SANL_ERR_FORMAT, "%s: byte %zu: expected a key in quotes", path,
                             (size_t)(s.at - text));
        if (found && wanted)
            return sanl_fail(SANL_ERR_FORMAT, "%s: byte %zu: a second '%s'", path, (size_t)(s.at - text),
                             key);
        found = found || wanted;
        SANL_TRY(expect(&s, ':'));
        next_char(&s);
        SANL_TRY(wanted                                    ? read_list(&s, key, element, payload)
                 : skipped && s.at < s.end && *s.at == '[' ? skip_list(&s)
                                                           : check_value(&s));
    }
    SANL_TRY(expect(&s, '}'));
    next_char(&s);
    if (s.at < s.end)
        return sanl_fail(SANL_ERR_FORMAT, "%s: byte %zu: the file goes on behind its object", path,
                         (size_t)(s.at - text));
    return found ? SANL_OK
                 : sanl_fail(SANL_ERR_FORMAT, "%s: has no list '%s', which the layout needs", path, key);
}
