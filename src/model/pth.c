/* What torch.save writes, in either of its forms, both with the values of a storage one after the other:
 *
 *   zip        NAME/data.pkl, a pickle of the saved object; NAME/data/KEY, the values of each storage;
 *              NAME/byteorder, "little" or "big", in newer ones
 *   legacy     five pickles: a magic number, the number of the form, what machine wrote it, the saved object,
 *              the list of the storages' keys; then of each storage in that order its count of values in 8
 *              bytes and the values
 *
 * A tensor of the pickle is a view of a storage by offset, shape and strides; several may share one. The
 * object is a state_dict (a dict of tensors by name), or a dict that has one. */
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "base/memory.h"
#include "model/container.h"
#include "model/pickle.h"

/* PICKLE_LIMIT bounds what is unpacked into memory at once; DEFLATE_RATIO is the most that deflate reaches.
 */
enum { PICKLE_LIMIT = 1 << 24, LEGACY_PROTOCOL = 1001, DEFLATE_RATIO = 1032, NESTED = 4 };

struct storage {
    const char *key, *dtype;
    size_t value_bytes, count;
    uint64_t offset, entry; /* where its values start: a byte of the file or of the zip's entry */
    bool found;
};

struct reader {
    struct sanl_tensors *file;
    struct sanl_pickle *pickle; /* of the saved object */
    char *folder;               /* in a zip: what the names of entries begin with */
    struct storage *storages;   /* of legacy files: all, by key */
    size_t storage_count;
};

/* ---- storages ------------------------------------------------------------------------------------ */

static enum sanl_status read_storage(struct storage *out, const struct sanl_pickle *p,
                                     const struct sanl_pickle_value *value)
{
    const enum sanl_pickle_kind kind = SANL_PICKLE_STORAGE;
    const struct sanl_pickle_value *type = sanl_pickle_item(p, value, kind, 1);
    const char *word = sanl_pickle_text(p, sanl_pickle_item(p, value, kind, 0));
    *out = (struct storage){.key = sanl_pickle_text(p, sanl_pickle_item(p, value, kind, 2))};
    if (!word || strcmp(word, "storage") != 0 || !out->key || !type || type->kind != SANL_PICKLE_CLASS ||
        !type->is.type->dtype || !sanl_pickle_size(sanl_pickle_item(p, value, kind, 4), &out->count))
        return sanl_fail(SANL_ERR_FORMAT,
                         "a storage is not described as ('storage', type, key, device, count)");
    out->dtype = sanl_dtype_find(type->is.type->dtype, &out->value_bytes);
    const struct sanl_pickle_value *view = sanl_pickle_item(p, value, kind, 5);
    if (view && view->kind != SANL_PICKLE_OTHER) /* of the years before tensors had offsets */
        return sanl_fail(SANL_ERR_FORMAT, "storage '%s' is a part of another one", out->key);
    return SANL_OK;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct storage *)a)->key, ((const struct storage *)b)->key);
}

/* ---- zip ----------------------------------------------------------------------------------------- */

/* The size of an entry, which a true one can have. */
static enum sanl_status check_entry(struct sanl_tensors *f, uint64_t entry, uint64_t *bytes)
{
    enum { NEEDED = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD };
    zip_stat_t info;
    if (zip_stat_index(f->archive, entry, 0, &info) != 0 || (info.valid & NEEDED) != NEEDED)
        return sanl_fail(SANL_ERR_FORMAT, "cannot find the entry: %s", zip_strerror(f->archive));
    const bool stored = info.comp_method == ZIP_CM_STORE;
    if (!stored && info.comp_method != ZIP_CM_DEFLATE)
        return sanl_fail(SANL_ERR_FORMAT, "compressed by method %u; expected 0 (none) or 8 (deflate)",
                         (unsigned)info.comp_method);
    if (info.comp_size > f->bytes || info.size / (stored ? 1 : DEFLATE_RATIO) > info.comp_size)
        return sanl_fail(SANL_ERR_FORMAT, "an entry of %llu bytes, packed into %llu, in a file of %llu",
                         (unsigned long long)info.size, (unsigned long long)info.comp_size,
                         (unsigned long long)f->bytes);
    *bytes = info.size;
    return SANL_OK;
}

static bool read_fully(zip_file_t *from, unsigned char *bytes, uint64_t count)
{
    while (count) {
        const zip_int64_t n = zip_fread(from, bytes, count);
        if (n <= 0)
            return false;
        bytes += n;
        count -= (uint64_t)n;
    }
    return true;
}

static bool skip(zip_file_t *from, uint64_t count)
{
    unsigned char waste[4096];
    while (count) {
        const uint64_t n = count < sizeof waste ? count : sizeof waste;
        if (!read_fully(from, waste, n))
            return false;
        count -= n;
    }
    return true;
}

enum sanl_status sanl_zip_read(zip_t *archive, uint64_t entry, uint64_t offset, void *bytes, size_t count)
{
    zip_stat_t info;
    zip_file_t *from = zip_fopen_index(archive, entry, 0);
    if (!from || zip_stat_index(archive, entry, 0, &info) != 0) {
        if (from)
            zip_fclose(from);
        return sanl_fail(SANL_ERR_FORMAT, "cannot open the zip's entry: %s", zip_strerror(archive));
    }
    /* An entry of no bytes is left alone: libzip 1.7 dies of a seek in it. */
    bool sound = offset <= info.size && count <= info.size - offset;
    if (sound && offset)
        sound = info.comp_method == ZIP_CM_STORE ? zip_fseek(from, (zip_int64_t)offset, SEEK_SET) == 0
                                                 : skip(from, offset);
    sound = sound && read_fully(from, bytes, count);
    /* Reading on at the end checks what was read; PyTorch can be told to write 0 for what it should be. */
    if (sound && count && offset + count == info.size && info.crc)
        sound = zip_fread(from, &(char){0}, 1) == 0;
    enum sanl_status status = SANL_OK;
    if (!sound)
        status = sanl_fail(SANL_ERR_FORMAT, "cannot read the zip's entry: %s; the file may be damaged",
                           zip_file_strerror(from));
    zip_fclose(from);
    return status;
}

/* A whole entry in new memory, with a zero byte behind it. */
static enum sanl_status read_entry(char **out, uint64_t *bytes, struct sanl_tensors *f, uint64_t entry)
{
    *out = NULL;
    SANL_TRY(check_entry(f, entry, bytes));
    if (*bytes > PICKLE_LIMIT)
        return sanl_fail(SANL_ERR_FORMAT, "has %llu bytes; expected at most %d", (unsigned long long)*bytes,
                         PICKLE_LIMIT);
    if (!(*out = sanl_calloc((size_t)*bytes + 1, 1)))
        return SANL_ERR_MEMORY;
    const enum sanl_status status = sanl_zip_read(f->archive, entry, 0, *out, (size_t)*bytes);
    if (status != SANL_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}

/* The folder of data.pkl, with a slash unless empty. */
static enum sanl_status find_folder(struct reader *r)
{
    static const char end[] = "data.pkl";
    zip_t *archive = r->file->archive;
    for (zip_int64_t i = 0; i < zip_get_num_entries(archive, 0); i++) {
        const char *name = zip_get_name(archive, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        const size_t length = name ? strlen(name) : 0, tail = sizeof end - 1;
        if (length < tail || strcmp(name + length - tail, end) != 0 ||
            (length > tail && name[length - tail - 1] != '/'))
            continue;
        r->folder = sanl_format("%.*s", (int)(length - tail), name);
        return r->folder ? SANL_OK : SANL_ERR_MEMORY;
    }
    return sanl_fail(SANL_ERR_FORMAT, "not a file of PyTorch: the zip has no entry data.pkl");
}

/* The number of an entry of the folder; -1 when it has none of that name. */
static zip_int64_t locate(struct reader *r, const char *subfolder, const char *name)
{
    char *path = sanl_format("%s%s%s", r->folder, subfolder, name);
    const zip_int64_t entry = path ? zip_name_locate(r->file->archive, path, ZIP_FL_ENC_RAW) : -1;
    free(path);
    return entry;
}

static enum sanl_status check_byte_order(struct reader *r)
{
    char *text;
    uint64_t bytes;
    const zip_int64_t entry = locate(r, "", "byteorder");
    if (entry < 0)
        return SANL_OK;
    SANL_TRY(read_entry(&text, &bytes, r->file, (uint64_t)entry));
    const bool little = strcmp(text, "little") == 0;
    free(text);
    return little ? SANL_OK : sanl_fail(SANL_ERR_FORMAT, "byteorder: expected little");
}

static enum sanl_status read_zip_pickle(struct reader *r)
{
    char *bytes;
    uint64_t count;
    SANL_TRY(read_entry(&bytes, &count, r->file, (uint64_t)locate(r, "", "data.pkl")));
    FILE *file = fmemopen(bytes, (size_t)count + 1, "rb");
    enum sanl_status status =
        file ? sanl_pickle_read(&r->pickle, file, count) : sanl_fail_errno(SANL_ERR_MEMORY, "cannot open");
    if (file)
        fclose(file);
    free(bytes);
    return status;
}

static enum sanl_status find_in_zip(struct reader *r, struct storage *storage)
{
    const zip_int64_t entry = locate(r, "data/", storage->key);
    uint64_t bytes;
    if (entry < 0)
        return SANL_OK;
    SANL_TRY(check_entry(r->file, (uint64_t)entry, &bytes));
    if (bytes / storage->value_bytes != storage->count || bytes % storage->value_bytes)
        return sanl_fail(SANL_ERR_FORMAT, "storage '%s': %llu bytes for %zu values of %s", storage->key,
                         (unsigned long long)bytes, storage->count, storage->dtype);
    storage->entry = (uint64_t)entry;
    storage->found = true;
    return SANL_OK;
}

/* ---- legacy -------------------------------------------------------------------------------------- */

static enum sanl_status read_next_pickle(struct sanl_pickle **out, struct sanl_tensors *f, const char *what)
{
    const off_t at = ftello(f->file);
    const uint64_t left = at < 0 || (uint64_t)at > f->bytes ? 0 : f->bytes - (uint64_t)at;
    const enum sanl_status status = sanl_pickle_read(out, f->file, left);
    return status == SANL_OK ? SANL_OK
                             : sanl_fail_prefix(status, "pickle of %s from byte %lld", what, (long long)at);
}

/* The magic number has been seen; the machine that wrote the file counted from the little end. */
static enum sanl_status read_preamble(struct reader *r)
{
    struct sanl_pickle *magic = NULL, *form = NULL, *machine = NULL;
    const struct sanl_pickle_value *key, *value;
    size_t number = 0, little = 1;
    enum sanl_status status = read_next_pickle(&magic, r->file, "the magic number");
    if (status == SANL_OK)
        status = read_next_pickle(&form, r->file, "the form");
    if (status == SANL_OK &&
        (!sanl_pickle_size(&form->values[form->root], &number) || number != LEGACY_PROTOCOL))
        status =
            sanl_fail(SANL_ERR_FORMAT, "form %zu of a PyTorch file; expected %d", number, LEGACY_PROTOCOL);
    if (status == SANL_OK)
        status = read_next_pickle(&machine, r->file, "the machine");
    for (size_t i = 0;
         status == SANL_OK && sanl_pickle_entry(machine, &machine->values[machine->root], i, &key, &value);
         i++) {
        const char *text = sanl_pickle_text(machine, key);
        if (text && strcmp(text, "little_endian") == 0 && (!sanl_pickle_size(value, &little) || !little))
            status = sanl_fail(SANL_ERR_FORMAT, "written on a big-endian machine; expected little-endian");
    }
    sanl_pickle_free(magic);
    sanl_pickle_free(form);
    sanl_pickle_free(machine);
    return status;
}

/* All storages of the object by their keys, each once: what their values are is needed to step over them. */
static enum sanl_status list_storages(struct reader *r)
{
    const struct sanl_pickle *p = r->pickle;
    size_t count = 0;
    for (size_t i = 0; i < p->value_count; i++)
        count += p->values[i].kind == SANL_PICKLE_STORAGE;
    if (!(r->storages = sanl_calloc(count, sizeof *r->storages)))
        return SANL_ERR_MEMORY;
    for (size_t i = 0, k = 0; i < p->value_count; i++)
        if (p->values[i].kind == SANL_PICKLE_STORAGE)
            SANL_TRY(read_storage(&r->storages[k++], p, &p->values[i]));
    qsort(r->storages, count, sizeof *r->storages, by_key);
    for (size_t i = 0; i < count; i++) {
        const struct storage *last = r->storage_count ? &r->storages[r->storage_count - 1] : NULL;
        if (!last || by_key(last, &r->storages[i]) != 0)
            r->storages[r->storage_count++] = r->storages[i];
        else if (last->dtype != r->storages[i].dtype || last->count != r->storages[i].count)
            return sanl_fail(SANL_ERR_FORMAT, "storage '%s' is described in two ways", last->key);
    }
    return SANL_OK;
}

/* The file stands at the storage's count of values. */
static enum sanl_status place_storage(struct reader *r, const char *key)
{
    FILE *file = r->file->file;
    struct storage *s = NULL;
    unsigned char bytes[8];
    if (key && r->storage_count)
        s = bsearch(&(struct storage){.key = key}, r->storages, r->storage_count, sizeof *s, by_key);
    if (!s)
        return sanl_fail(SANL_ERR_FORMAT, "storage '%s' belongs to no tensor", key ? key : "?");
    if (fread(bytes, 1, sizeof bytes, file) != sizeof bytes)
        return sanl_fail(SANL_ERR_FORMAT, "storage '%s': the file ends; it may be truncated", key);
    const uint64_t count = sanl_little_endian(bytes, sizeof bytes);
    const off_t at = ftello(file);
    if (count != s->count)
        return sanl_fail(SANL_ERR_FORMAT, "storage '%s': %llu values at byte %lld, expected %zu", key,
                         (unsigned long long)count, (long long)at, s->count);
    if (at < 0 || (r->file->bytes - (uint64_t)at) / s->value_bytes < count)
        return sanl_fail(SANL_ERR_FORMAT,
                         "storage '%s': %llu values of %s from byte %lld, but the file ends at %llu; it may "
                         "be truncated",
                         key, (unsigned long long)count, s->dtype, (long long)at,
                         (unsigned long long)r->file->bytes);
    s->offset = (uint64_t)at;
    s->found = true;
    if (fseeko(file, (off_t)(count * s->value_bytes), SEEK_CUR) != 0)
        return sanl_fail_errno(SANL_ERR_IO, "cannot read");
    return SANL_OK;
}

static enum sanl_status place_storages(struct reader *r)
{
    struct sanl_pickle *keys;
    SANL_TRY(list_storages(r));
    SANL_TRY(read_next_pickle(&keys, r->file, "the storages' keys"));
    const struct sanl_pickle_value *list = &keys->values[keys->root], *key;
    enum sanl_status status = SANL_OK;
    if (list->kind != SANL_PICKLE_LIST)
        status = sanl_fail(SANL_ERR_FORMAT, "the storages' keys: expected a list");
    for (size_t i = 0; status == SANL_OK && (key = sanl_pickle_item(keys, list, SANL_PICKLE_LIST, i)) != NULL;
         i++)
        status = place_storage(r, sanl_pickle_text(keys, key));
    sanl_pickle_free(keys);
    return status;
}

/* ---- tensors ------------------------------------------------------------------------------------- */

/* The whole numbers of a tuple, at most SANL_NAMED_TENSOR_RANK; -1 for anything else. */
static int read_sizes(size_t sizes[SANL_NAMED_TENSOR_RANK], const struct sanl_pickle *p,
                      const struct sanl_pickle_value *tuple)
{
    const struct sanl_pickle_value *item;
    int count = 0;
    if (!tuple || tuple->kind != SANL_PICKLE_TUPLE)
        return -1;
    for (; (item = sanl_pickle_item(p, tuple, SANL_PICKLE_TUPLE, (size_t)count)) != NULL; count++)
        if (count == SANL_NAMED_TENSOR_RANK || !sanl_pickle_size(item, &sizes[count]))
            return -1;
    return count;
}

/* Whether all values of a tensor, from value `first` of a storage of `count`, are in it. */
static bool is_within(const struct sanl_named_tensor *t, size_t first, size_t count)
{
    size_t step;
    if (t->count == 0)
        return true;
    if (first >= count)
        return false;
    for (int d = 0; d < t->rank; d++) {
        if (sanl_size_mul(&step, t->shape[d] - 1, t->stride[d]) != SANL_OK || step >= count - first)
            return false;
        first += step;
    }
    return true;
}

static enum sanl_status find_storage(struct reader *r, struct storage *out,
                                     const struct sanl_pickle_value *value)
{
    SANL_TRY(read_storage(out, r->pickle, value));
    if (r->file->archive)
        SANL_TRY(find_in_zip(r, out));
    else
        *out = *(struct storage *)bsearch(out, r->storages, r->storage_count, sizeof *out, by_key);
    if (!out->found)
        return sanl_fail(SANL_ERR_FORMAT, "its storage '%s' is not in the file", out->key);
    return SANL_OK;
}

static enum sanl_status read_tensor(struct reader *r, struct sanl_named_tensor *t,
                                    const struct sanl_pickle_value *value)
{
    const struct sanl_pickle *p = r->pickle;
    const enum sanl_pickle_kind kind = SANL_PICKLE_TENSOR;
    struct storage storage;
    size_t first, strides[SANL_NAMED_TENSOR_RANK];
    SANL_TRY(find_storage(r, &storage, sanl_pickle_item(p, value, kind, 0)));
    t->rank = read_sizes(t->shape, p, sanl_pickle_item(p, value, kind, 2));
    if (t->rank < 0 || read_sizes(strides, p, sanl_pickle_item(p, value, kind, 3)) != t->rank ||
        !sanl_pickle_size(sanl_pickle_item(p, value, kind, 1), &first))
        return sanl_fail(
            SANL_ERR_FORMAT,
            "expected an offset, a shape and as many strides, at most %d, all whole numbers >= 0",
            SANL_NAMED_TENSOR_RANK);
    if (sanl_named_tensor_fill(t) != SANL_OK)
        return sanl_fail(SANL_ERR_FORMAT, "its shape overflows");
    memcpy(t->stride, strides, (size_t)t->rank * sizeof *strides);
    if (!is_within(t, first, storage.count))
        return sanl_fail(SANL_ERR_FORMAT, "reaches beyond the %zu values of its storage '%s'", storage.count,
                         storage.key);
    t->dtype = storage.dtype;
    t->entry = storage.entry;
    t->offset = storage.offset + (t->count ? (uint64_t)first * storage.value_bytes : 0);
    return SANL_OK;
}

/* The dict that holds the weights: the object itself, or within dicts what training scripts call it. */
static const struct sanl_pickle_value *find_state(const struct sanl_pickle *p)
{
    static const char *const names[] = {"state_dict", "model_state_dict", "model"};
    const struct sanl_pickle_value *state = &p->values[p->root], *key, *value;
    for (int depth = 0; depth < NESTED; depth++) {
        const struct sanl_pickle_value *inner = NULL;
        for (size_t n = 0; n < sizeof names / sizeof *names && !inner; n++)
            for (size_t i = 0; sanl_pickle_entry(p, state, i, &key, &value); i++) {
                const char *text = sanl_pickle_text(p, key);
                if (text && strcmp(text, names[n]) == 0 && value &&
                    (value->kind == SANL_PICKLE_DICT || value->kind == SANL_PICKLE_PAIRS))
                    inner = value;
            }
        if (!inner)
            break;
        state = inner;
    }
    return state;
}

static enum sanl_status list_tensors(struct reader *r)
{
    struct sanl_tensors *f = r->file;
    const struct sanl_pickle *p = r->pickle;
    const struct sanl_pickle_value *state = find_state(p), *key, *value;
    size_t count = 0;
    while (sanl_pickle_entry(p, state, count, &key, &value))
        count++;
    if (!(f->tensors = sanl_calloc(count, sizeof *f->tensors)))
        return SANL_ERR_MEMORY;
    for (size_t i = 0; sanl_pickle_entry(p, state, i, &key, &value); i++) {
        if (!value || value->kind != SANL_PICKLE_TENSOR)
            continue;
        struct sanl_named_tensor *t = &f->tensors[f->count++];
        t->name = sanl_pickle_text(p, key);
        if (!t->name)
            return sanl_fail(SANL_ERR_FORMAT, "tensor %zu: its name is no plain text", i);
        const enum sanl_status status = read_tensor(r, t, value);
        if (status != SANL_OK)
            return sanl_fail_prefix(status, "tensor '%s'", t->name);
    }
    if (f->count == 0)
        return sanl_fail(SANL_ERR_FORMAT,
                         "no tensors: expected the state_dict of a model, alone, or in a dict as state_dict, "
                         "model_state_dict or model");
    return SANL_OK;
}

/* ---- both ---------------------------------------------------------------------------------------- */

/* The file keeps the texts of the pickle, which the tensors' names point into. */
static enum sanl_status finish(struct reader *r, enum sanl_status status)
{
    if (status == SANL_OK)
        status = list_tensors(r);
    if (r->pickle) {
        r->file->names = r->pickle->text;
        r->pickle->text = NULL;
    }
    sanl_pickle_free(r->pickle);
    free(r->folder);
    free(r->storages);
    return status == SANL_OK ? SANL_OK : sanl_fail_prefix(status, "%s", r->file->path);
}

enum sanl_status sanl_pth_list_zip(struct sanl_tensors *file)
{
    struct reader r = {.file = file};
    int code;
    file->archive = zip_open(file->path, ZIP_RDONLY, &code);
    if (!file->archive) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        const enum sanl_status status =
            sanl_fail(SANL_ERR_FORMAT, "%s: cannot open as a zip, as PyTorch writes: %s; it may be truncated",
                      file->path, zip_error_strerror(&error));
        zip_error_fini(&error);
        return status;
    }
    enum sanl_status status = find_folder(&r);
    if (status == SANL_OK)
        status = check_byte_order(&r);
    if (status == SANL_OK && (status = read_zip_pickle(&r)) != SANL_OK)
        status = sanl_fail_prefix(status, "data.pkl");
    return finish(&r, status);
}

enum sanl_status sanl_pth_list_legacy(struct sanl_tensors *file)
{
    struct reader r = {.file = file};
    enum sanl_status status = read_preamble(&r);
    if (status == SANL_OK)
        status = read_next_pickle(&r.pickle, file, "the object");
    if (status == SANL_OK)
        status = place_storages(&r);
    return finish(&r, status);
}
