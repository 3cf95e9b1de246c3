#include "model/tensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/bytes.h"
#include "base/memory.h"
#include "base/text.h"
#include "model/container.h"

/* ---- types --------------------------------------------------------------------------------------- */

static float float_from_bits(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline float f32_at(const unsigned char *bytes)
{
    return float_from_bits((uint32_t)sanl_little_endian(bytes, 4));
}

static inline float f64_at(const unsigned char *bytes)
{
    const uint64_t bits = sanl_little_endian(bytes, 8);
    double v;
    memcpy(&v, &bits, sizeof v);
    return (float)v;
}

static inline float bf16_at(const unsigned char *bytes)
{
    return float_from_bits((uint32_t)sanl_little_endian(bytes, 2) << 16);
}

/* IEEE binary16: sign, 5 bits of exponent (bias 15), 10 bits of fraction. */
static inline float f16_at(const unsigned char *bytes)
{
    const uint32_t bits = (uint32_t)sanl_little_endian(bytes, 2), sign = (bits & 0x8000u) << 16;
    const uint32_t exponent = bits >> 10 & 31u, fraction = bits & 1023u;
    if (exponent == 31)
        return float_from_bits(sign | 0x7F800000u | fraction << 13);
    if (exponent)
        return float_from_bits(sign | (exponent + 112) << 23 | fraction << 13);
    const float v = ldexpf((float)fraction, -24);
    return sign ? -v : v;
}

/* `count` values, `step` bytes apart. */
#define DECODE(type)                                                                                         \
    static void decode_##type(float *to, const unsigned char *from, size_t count, size_t step)               \
    {                                                                                                        \
        for (size_t i = 0; i < count; i++)                                                                   \
            to[i] = type##_at(from + step * i);                                                              \
    }
DECODE(f32)
DECODE(f64)
DECODE(f16)
DECODE(bf16)

/* Every type that the kinds know; those that hold no real numbers have no decoder: a file may contain
 * them (step counters of batch norms are I64), but they cannot be read. */
static const struct type {
    const char *name;
    size_t bytes;
    void (*decode)(float *to, const unsigned char *from, size_t count, size_t step);
} types[] = {
    {"F32", 4, decode_f32}, {"F64", 8, decode_f64}, {"F16", 2, decode_f16}, {"BF16", 2, decode_bf16},
    {"I64", 8, NULL},       {"U64", 8, NULL},       {"I32", 4, NULL},       {"U32", 4, NULL},
    {"I16", 2, NULL},       {"U16", 2, NULL},       {"I8", 1, NULL},        {"U8", 1, NULL},
    {"BOOL", 1, NULL},      {"F8_E4M3", 1, NULL},   {"F8_E5M2", 1, NULL},
};

static const struct type *find_type(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

/* True where the file's bytes are those in memory: F32 on a little-endian machine. */
static bool is_native(const struct type *type)
{
    const uint32_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1 && type->decode == decode_f32;
}

const char *sanl_dtype_find(const char *name, size_t *value_bytes)
{
    const struct type *type = find_type(name);
    *value_bytes = type ? type->bytes : 0;
    return type ? type->name : NULL;
}

/* ---- opening ------------------------------------------------------------------------------------- */

enum sanl_status sanl_named_tensor_fill(struct sanl_named_tensor *tensor)
{
    tensor->count = 1;
    for (int d = tensor->rank - 1; d >= 0; d--) {
        tensor->stride[d] = tensor->count;
        SANL_TRY(sanl_size_mul(&tensor->count, tensor->count, tensor->shape[d]));
    }
    return SANL_OK;
}

bool sanl_text_is_plain(const char *text)
{
    while (*text) {
        const uint32_t code = sanl_utf8_next(&text);
        if (code < 0x20 || code == 0x7F || code == SANL_UTF8_BAD)
            return false;
    }
    return true;
}

static enum sanl_status open_file(struct sanl_tensors *f)
{
    struct stat info;
    f->file = fopen(f->path, "rb");
    if (!f->file)
        return sanl_fail_errno(SANL_ERR_IO, "%s: cannot open", f->path);
    if (fstat(fileno(f->file), &info) != 0)
        return sanl_fail_errno(SANL_ERR_IO, "%s: cannot read", f->path);
    if (!S_ISREG(info.st_mode))
        return sanl_fail(SANL_ERR_IO, "%s: cannot read: not a regular file", f->path);
    f->bytes = (uint64_t)info.st_size;
    return SANL_OK;
}

/* Zip files begin with the mark of an entry. PyTorch's older files begin with a pickle of a number of ten
 * bytes; before it stand 4 bytes, or with protocol 4 and later 13. Whatever is left must be safetensors. */
static enum sanl_status list_tensors(struct sanl_tensors *f)
{
    static const unsigned char magic[] = {0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19};
    unsigned char start[32] = {0};
    const size_t read = fread(start, 1, sizeof start, f->file);
    if (ferror(f->file))
        return sanl_fail_errno(SANL_ERR_IO, "%s: cannot read", f->path);
    rewind(f->file);
    if (read >= 4 && memcmp(start, "PK\3\4", 4) == 0)
        return sanl_pth_list_zip(f);
    if (memcmp(start + 4, magic, sizeof magic) == 0 || memcmp(start + 13, magic, sizeof magic) == 0)
        return sanl_pth_list_legacy(f);
    return sanl_safetensors_list(f);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A pickled dict may have a key twice. */
static enum sanl_status check_names(const struct sanl_tensors *f)
{
    const char **names = sanl_calloc(f->count, sizeof *names);
    enum sanl_status status = names ? SANL_OK : SANL_ERR_MEMORY;
    for (size_t i = 0; names && i < f->count; i++)
        names[i] = f->tensors[i].name;
    if (names)
        qsort(names, f->count, sizeof *names, by_text);
    for (size_t i = 1; i < f->count && status == SANL_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            status = sanl_fail(SANL_ERR_FORMAT, "%s: tensor '%s': there twice", f->path, names[i]);
    free(names);
    return status;
}

static void strip_prefix(struct sanl_tensors *f)
{
    static const char prefix[] = "module.";
    for (size_t i = 0; i < f->count; i++)
        if (strncmp(f->tensors[i].name, prefix, sizeof prefix - 1) != 0)
            return;
    for (size_t i = 0; i < f->count; i++)
        f->tensors[i].name += sizeof prefix - 1;
}

enum sanl_status sanl_tensors_open(struct sanl_tensors **out, const char *path)
{
    struct sanl_tensors *f = *out = sanl_calloc(1, sizeof *f);
    enum sanl_status status = f && (f->path = sanl_strdup(path)) ? SANL_OK : SANL_ERR_MEMORY;
    if (status == SANL_OK)
        status = open_file(f);
    if (status == SANL_OK)
        status = list_tensors(f);
    if (status == SANL_OK)
        status = check_names(f);
    if (status == SANL_OK) {
        strip_prefix(f);
        return SANL_OK;
    }
    sanl_tensors_free(f);
    *out = NULL;
    return status;
}

void sanl_tensors_free(struct sanl_tensors *file)
{
    if (!file)
        return;
    if (file->file)
        fclose(file->file);
    if (file->archive)
        zip_discard(file->archive);
    json_decref(file->header);
    free(file->names);
    free(file->tensors);
    free(file->path);
    free(file);
}

size_t sanl_tensors_count(const struct sanl_tensors *file)
{
    return file->count;
}

const struct sanl_named_tensor *sanl_tensors_at(const struct sanl_tensors *file, size_t index)
{
    return &file->tensors[index];
}

const struct sanl_named_tensor *sanl_tensors_find(const struct sanl_tensors *file, const char *name)
{
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return &file->tensors[i];
    return NULL;
}

const char *sanl_tensors_text(const struct sanl_tensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

/* ---- values -------------------------------------------------------------------------------------- */

static bool is_row_major(const struct sanl_named_tensor *tensor)
{
    size_t expected = 1;
    for (int d = tensor->rank - 1; d >= 0; d--) {
        if (tensor->shape[d] != 1 && tensor->stride[d] != expected)
            return false;
        expected *= tensor->shape[d];
    }
    return true;
}

/* Not by stdio, whose buffer would be a copy more. */
static bool read_at(int file, unsigned char *bytes, size_t count, uint64_t offset)
{
    while (count) {
        const ssize_t n = pread(file, bytes, count, (off_t)offset);
        if (n <= 0)
            return false;
        bytes += n;
        count -= (size_t)n;
        offset += (uint64_t)n;
    }
    return true;
}

static enum sanl_status read_bytes(struct sanl_tensors *file, const struct sanl_named_tensor *tensor,
                                   void *bytes, size_t count)
{
    if (file->archive) {
        const enum sanl_status status =
            sanl_zip_read(file->archive, tensor->entry, tensor->offset, bytes, count);
        return status == SANL_OK ? SANL_OK
                                 : sanl_fail_prefix(status, "%s: tensor '%s'", file->path, tensor->name);
    }
    if (!read_at(fileno(file->file), bytes, count, tensor->offset))
        return sanl_fail(SANL_ERR_IO, "%s: tensor '%s': cannot read all its values", file->path,
                         tensor->name);
    return SANL_OK;
}

/* Row by row: of the last dimension, wherever its values lie among `from`. */
static void gather(float *to, const unsigned char *from, const struct sanl_named_tensor *tensor,
                   const struct type *type)
{
    const int last = tensor->rank - 1;
    const size_t row = last >= 0 ? tensor->shape[last] : 1, step = last >= 0 ? tensor->stride[last] : 1;
    size_t index[SANL_NAMED_TENSOR_RANK] = {0}, at = 0;
    for (size_t done = 0; done < tensor->count; done += row) {
        type->decode(to + done, from + at * type->bytes, row, step * type->bytes);
        for (int d = last - 1; d >= 0; d--) {
            at += tensor->stride[d];
            if (++index[d] < tensor->shape[d])
                break;
            at -= index[d] * tensor->stride[d];
            index[d] = 0;
        }
    }
}

enum sanl_status sanl_tensors_read(struct sanl_tensors *file, const struct sanl_named_tensor *tensor,
                                   float *values)
{
    const struct type *type = find_type(tensor->dtype);
    if (!type->decode)
        return sanl_fail(SANL_ERR_FORMAT, "%s: tensor '%s': dtype %s cannot be read as real numbers",
                         file->path, tensor->name, tensor->dtype);
    if (tensor->count == 0)
        return SANL_OK;
    if (is_native(type) && is_row_major(tensor))
        return read_bytes(file, tensor, values, tensor->count * type->bytes);
    size_t span = 1; /* values from the first to the last, which lie within the file */
    for (int d = 0; d < tensor->rank; d++)
        span += (tensor->shape[d] - 1) * tensor->stride[d];
    unsigned char *bytes = sanl_calloc(span, type->bytes);
    if (!bytes)
        return SANL_ERR_MEMORY;
    const enum sanl_status status = read_bytes(file, tensor, bytes, span * type->bytes);
    if (status == SANL_OK)
        gather(values, bytes, tensor, type);
    free(bytes);
    return status;
}
