#include "model/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "model/container.h"

enum { HEADER_LIMIT_BYTES = 100000000 };

struct sanl_safetensors_writer {
    struct sanl_output out;
    char *path;
    struct announced {
        size_t count, value_bytes;
    } * tensors;
    size_t count, written;
};

/* ---- reading ------------------------------------------------------------------------------------- */

/* The shape and the number of values. */
static enum sanl_status read_shape(struct sanl_named_tensor *t, const json_t *shape, const char *path)
{
    if (!json_is_array(shape))
        return sanl_fail(SANL_ERR_FORMAT, "%s: tensor '%s': \"shape\" is no list", path, t->name);
    if (json_array_size(shape) > SANL_NAMED_TENSOR_RANK)
        return sanl_fail(SANL_ERR_FORMAT, "%s: tensor '%s': has %zu dimensions, at most %d are possible",
                         path, t->name, json_array_size(shape), SANL_NAMED_TENSOR_RANK);
    t->rank = (int)json_array_size(shape);
    for (size_t i = 0; i < json_array_size(shape); i++) {
        const json_t *side = json_array_get(shape, i);
        if (!json_is_integer(side) || json_integer_value(side) < 0)
            return sanl_fail(SANL_ERR_FORMAT, "%s: tensor '%s': \"shape\" is no list of whole numbers >= 0",
                             path, t->name);
        t->shape[i] = (size_t)json_integer_value(side);
    }
    if (sanl_named_tensor_fill(t) != SANL_OK)
        return sanl_fail(SANL_ERR_FORMAT, "%s: tensor '%s': its shape overflows", path, t->name);
    return SANL_OK;
}

/* Offset of the values; they must lie within the data_bytes that follow byte data_start of the file. */
static enum sanl_status read_offsets(struct sanl_named_tensor *t, const json_t *offsets, size_t value_bytes,
                                     uint64_t data_start, uint64_t data_bytes, const char *path)
{
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return sanl_fail(SANL_ERR_FORMAT, "%s: tensor '%s': \"data_offsets\" is no pair of whole numbers",
                         path, t->name);
    const json_int_t begin = json_integer_value(first), end = json_integer_value(last);
    if (begin < 0 || end < begin || (uint64_t)end > data_bytes)
        return sanl_fail(SANL_ERR_FORMAT,
                         "%s: tensor '%s': data_offsets [%lld, %lld] are outside the file's %llu bytes of "
                         "data; the file may be truncated",
                         path, t->name, (long long)begin, (long long)end, (unsigned long long)data_bytes);
    size_t wanted = 0;
    if (sanl_size_mul(&wanted, t->count, value_bytes) != SANL_OK || (uint64_t)(end - begin) != wanted)
        return sanl_fail(SANL_ERR_FORMAT,
                         "%s: tensor '%s': %zu values of %s do not fill data_offsets [%lld, %lld]", path,
                         t->name, t->count, t->dtype, (long long)begin, (long long)end);
    t->offset = data_start + (uint64_t)begin;
    return SANL_OK;
}

static enum sanl_status read_entry(struct sanl_named_tensor *t, const char *name, const json_t *entry,
                                   uint64_t data_start, uint64_t data_bytes, const char *path)
{
    t->name = name;
    if (!sanl_text_is_plain(name))
        return sanl_fail(SANL_ERR_FORMAT, "%s: a tensor's name contains a control character", path);
    if (!json_is_object(entry))
        return sanl_fail(SANL_ERR_FORMAT, "%s: tensor '%s': its description is no JSON object", path, name);
    t->dtype = json_string_value(json_object_get(entry, "dtype"));
    if (!t->dtype)
        return sanl_fail(SANL_ERR_FORMAT, "%s: tensor '%s': \"dtype\" is missing or no text", path, name);
    size_t value_bytes;
    const char *type = sanl_dtype_find(t->dtype, &value_bytes);
    if (!type)
        return sanl_fail(SANL_ERR_FORMAT,
                         "%s: tensor '%s': unknown dtype '%s'; expected F32, F64, F16 or BF16", path, name,
                         sanl_text_is_plain(t->dtype) ? t->dtype : "?");
    t->dtype = type;
    SANL_TRY(read_shape(t, json_object_get(entry, "shape"), path));
    return read_offsets(t, json_object_get(entry, "data_offsets"), value_bytes, data_start, data_bytes, path);
}

static enum sanl_status check_metadata(json_t *metadata, const char *path)
{
    if (!json_is_object(metadata))
        return sanl_fail(SANL_ERR_FORMAT, "%s: \"__metadata__\" is no JSON object", path);
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value))
            return sanl_fail(SANL_ERR_FORMAT, "%s: \"__metadata__\" has a value that is no text", path);
    }
    return SANL_OK;
}

/* By place in the file; empty tensors before the one that starts at the same byte. */
static int by_offset(const void *a, const void *b)
{
    const struct sanl_named_tensor *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    if (!x->count != !y->count)
        return x->count ? 1 : -1;
    return strcmp(x->name, y->name);
}

static enum sanl_status read_entries(struct sanl_tensors *f, uint64_t data_start, uint64_t data_bytes)
{
    f->tensors = sanl_calloc(json_object_size(f->header), sizeof *f->tensors);
    if (!f->tensors)
        return SANL_ERR_MEMORY;
    const char *name;
    json_t *entry;
    json_object_foreach(f->header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0)
            SANL_TRY(check_metadata(entry, f->path));
        else
            SANL_TRY(read_entry(&f->tensors[f->count++], name, entry, data_start, data_bytes, f->path));
    }
    qsort(f->tensors, f->count, sizeof *f->tensors, by_offset);
    for (size_t i = 1; i < f->count; i++) {
        const struct sanl_named_tensor *a = &f->tensors[i - 1], *b = &f->tensors[i];
        size_t value_bytes;
        if (sanl_dtype_find(a->dtype, &value_bytes) && a->count &&
            b->offset < a->offset + a->count * value_bytes)
            return sanl_fail(SANL_ERR_FORMAT, "%s: tensors '%s' and '%s' overlap", f->path, a->name, b->name);
    }
    return SANL_OK;
}

/* The JSON text of the header; *data_start and *data_bytes describe what follows it. */
static enum sanl_status read_header(struct sanl_tensors *f, uint64_t *data_start, uint64_t *data_bytes)
{
    unsigned char prefix[8];
    if (f->bytes < sizeof prefix || fread(prefix, 1, sizeof prefix, f->file) != sizeof prefix)
        return sanl_fail(SANL_ERR_FORMAT, "%s: not a safetensors file: shorter than 8 bytes", f->path);
    const uint64_t length = sanl_little_endian(prefix, sizeof prefix), after = f->bytes - sizeof prefix;
    if (length > after || length > HEADER_LIMIT_BYTES)
        return sanl_fail(
            SANL_ERR_FORMAT,
            "%s: not a safetensors file nor one of PyTorch, or truncated: a header of %llu bytes "
            "in a file of %llu bytes (the limit is %d)",
            f->path, (unsigned long long)length, (unsigned long long)f->bytes, HEADER_LIMIT_BYTES);
    char *text = sanl_calloc((size_t)length, 1);
    if (!text)
        return SANL_ERR_MEMORY;
    enum sanl_status status = SANL_OK;
    json_error_t error = {.text = ""};
    if (fread(text, 1, (size_t)length, f->file) != length)
        status = sanl_fail(SANL_ERR_IO, "%s: cannot read the header", f->path);
    else if (!(f->header = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &error)))
        status = sanl_fail(SANL_ERR_FORMAT, "%s: the header is no valid JSON: byte %d: %s", f->path,
                           error.position, sanl_text_is_plain(error.text) ? error.text : "bad text");
    else if (!json_is_object(f->header))
        status = sanl_fail(SANL_ERR_FORMAT, "%s: the header is no JSON object", f->path);
    free(text);
    *data_start = 8 + length;
    *data_bytes = after - length;
    return status;
}

enum sanl_status sanl_safetensors_list(struct sanl_tensors *file)
{
    uint64_t data_start = 0, data_bytes = 0;
    SANL_TRY(read_header(file, &data_start, &data_bytes));
    return read_entries(file, data_start, data_bytes);
}

/* ---- writing ------------------------------------------------------------------------------------- */

static enum sanl_status add_texts(json_t *header, const struct sanl_safetensor_text *texts, size_t count,
                                  const char *path)
{
    json_t *map = json_object();
    if (count && json_object_set_new(header, "__metadata__", map) != 0)
        return sanl_fail(SANL_ERR_MEMORY, "%s: out of host memory for the header", path);
    for (size_t i = 0; i < count; i++)
        if (json_object_set_new(map, texts[i].key, json_string(texts[i].value)) != 0)
            return sanl_fail(SANL_ERR_USAGE, "%s: metadata '%s' is not valid UTF-8", path, texts[i].key);
    if (!count)
        json_decref(map);
    return SANL_OK;
}

static enum sanl_status no_memory(const char *path)
{
    return sanl_fail(SANL_ERR_MEMORY, "%s: out of host memory for the header", path);
}

/* One tensor's entry at byte *at of the data, which moves behind it. */
static enum sanl_status add_tensor(json_t *header, const struct sanl_named_tensor *t, struct announced *out,
                                   size_t *at, const char *path)
{
    const char *dtype = t->dtype ? t->dtype : "F32";
    if (strcmp(dtype, "F32") != 0 && strcmp(dtype, "I64") != 0)
        return sanl_fail(SANL_ERR_USAGE, "%s: tensor '%s': cannot write %s", path, t->name, dtype);
    if (t->rank < 0 || t->rank > SANL_NAMED_TENSOR_RANK || json_object_get(header, t->name))
        return sanl_fail(SANL_ERR_USAGE, "%s: tensor '%s': bad rank %d, or there twice", path, t->name,
                         t->rank);
    for (const char *p = t->name; *p;)
        if (sanl_utf8_next(&p) == SANL_UTF8_BAD)
            return sanl_fail(SANL_ERR_USAGE, "%s: tensor '%s': its name is not valid UTF-8", path, t->name);
    size_t bytes = 0;
    json_t *shape = json_array();
    *out = (struct announced){1, strcmp(dtype, "I64") == 0 ? 8 : 4};
    for (int i = 0; i < t->rank; i++) {
        const bool fits = sanl_size_mul(&out->count, out->count, t->shape[i]) == SANL_OK;
        if (!fits || json_array_append_new(shape, json_integer((json_int_t)t->shape[i])) != 0) {
            json_decref(shape);
            return fits ? no_memory(path)
                        : sanl_fail(SANL_ERR_LIMIT, "%s: tensor '%s': too large", path, t->name);
        }
    }
    if (sanl_size_mul(&bytes, out->count, out->value_bytes) != SANL_OK || bytes > (size_t)INT64_MAX - *at) {
        json_decref(shape);
        return sanl_fail(SANL_ERR_LIMIT, "%s: tensor '%s': too large", path, t->name);
    }
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype, "shape", shape, "data_offsets",
                              (json_int_t)*at, (json_int_t)(*at + bytes));
    *at += bytes;
    return entry && json_object_set_new(header, t->name, entry) == 0 ? SANL_OK : no_memory(path);
}

/* Length and text of the header, padded with spaces so that the values start at a multiple of 8. */
static enum sanl_status write_header(FILE *file, const json_t *header, const char *path)
{
    char *text = json_dumps(header, JSON_COMPACT);
    if (!text)
        return no_memory(path);
    const size_t length = strlen(text), padded = (length + 7) / 8 * 8;
    unsigned char prefix[8];
    sanl_put_little_endian(prefix, padded, sizeof prefix);
    fwrite(prefix, 1, sizeof prefix, file);
    fprintf(file, "%s%*s", text, (int)(padded - length), "");
    free(text);
    return SANL_OK;
}

enum sanl_status sanl_safetensors_create(struct sanl_safetensors_writer **out, const char *path,
                                         const struct sanl_named_tensor *tensors, size_t count,
                                         const struct sanl_safetensor_text *texts, size_t text_count)
{
    *out = NULL;
    size_t at = 0;
    enum sanl_status status = SANL_ERR_MEMORY;
    json_t *header = json_object();
    struct sanl_safetensors_writer *w = sanl_calloc(1, sizeof *w);
    if (!header) {
        status = no_memory(path);
        goto done;
    }
    if (!w || !(w->path = sanl_strdup(path)) || !(w->tensors = sanl_calloc(count, sizeof *w->tensors)))
        goto done;
    w->count = count;
    if ((status = add_texts(header, texts, text_count, path)) != SANL_OK)
        goto done;
    for (size_t i = 0; i < count; i++)
        if ((status = add_tensor(header, &tensors[i], &w->tensors[i], &at, path)) != SANL_OK)
            goto done;
    if ((status = sanl_output_open(&w->out, path)) != SANL_OK ||
        (status = write_header(w->out.file, header, path)) != SANL_OK)
        goto done;
    *out = w;
    w = NULL;
done:
    json_decref(header);
    sanl_safetensors_writer_free(w);
    return status;
}

static bool write_whole(FILE *file, const float *values, size_t count)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < count; i++) {
        sanl_put_little_endian(bytes, (uint64_t)(int64_t)values[i], sizeof bytes);
        if (fwrite(bytes, 1, sizeof bytes, file) != sizeof bytes)
            return false;
    }
    return true;
}

enum sanl_status sanl_safetensors_write(struct sanl_safetensors_writer *writer, const float *values,
                                        size_t count)
{
    if (writer->written == writer->count || count != writer->tensors[writer->written].count)
        return sanl_fail(SANL_ERR_INTERNAL, "%s: tensor %zu is not the announced one", writer->path,
                         writer->written);
    const size_t size = writer->tensors[writer->written++].value_bytes;
    if (!(size == 8 ? write_whole : sanl_write_floats)(writer->out.file, values, count))
        return sanl_fail_errno(SANL_ERR_IO, "%s: cannot write", writer->path);
    return SANL_OK;
}

enum sanl_status sanl_safetensors_commit(struct sanl_safetensors_writer *writer)
{
    if (writer->written != writer->count)
        return sanl_fail(SANL_ERR_INTERNAL, "%s: only %zu of %zu tensors were written", writer->path,
                         writer->written, writer->count);
    return sanl_output_commit(&writer->out);
}

void sanl_safetensors_writer_free(struct sanl_safetensors_writer *writer)
{
    if (!writer)
        return;
    sanl_output_free(&writer->out);
    free(writer->tensors);
    free(writer->path);
    free(writer);
}
