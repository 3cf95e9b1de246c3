/* The safetensors file format: named tensors and a map of texts.
 *
 *   8 bytes        length n of the header, little-endian
 *   n bytes        JSON: {"__metadata__": {key: text, ...}, NAME: {"dtype": "F32", "shape": [...],
 *                  "data_offsets": [begin, end]}, ...}, offsets counted from the end of the header
 *   the rest       the tensors' values, little-endian, row-major
 *
 * Reading and writing move one tensor at a time, so that no second copy of a checkpoint is held. */
#ifndef MODEL_SAFETENSORS_H
#define MODEL_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

enum { SANL_SAFETENSOR_RANK = 8 };

struct sanl_safetensor {
    const char *name;
    int rank; /* 0: a single value */
    size_t shape[SANL_SAFETENSOR_RANK];
    size_t count;      /* values: the product of the shape */
    const char *dtype; /* as in the file, e.g. "F32"; set by the reader, ignored by the writer */
    uint64_t offset;   /* of the first value in the file; set by the reader, ignored by the writer */
};

struct sanl_safetensor_text {
    const char *key, *value;
};

/* ---- reading ------------------------------------------------------------------------------------- */

struct sanl_safetensors; /* an opened file */

/* Opens a file and checks its whole header: sizes, offsets, names. Tensors may have any order and gaps
 * between them, but do not overlap. Messages name the file and the tensor. */
SANL_CHECKED enum sanl_status sanl_safetensors_open(struct sanl_safetensors **out, const char *path);
void sanl_safetensors_free(struct sanl_safetensors *file); /* takes NULL */

/* The tensors in the order of their values in the file. What they point to belongs to `file`. */
size_t sanl_safetensors_count(const struct sanl_safetensors *file);
const struct sanl_safetensor *sanl_safetensors_at(const struct sanl_safetensors *file, size_t index);
const struct sanl_safetensor *sanl_safetensors_find(const struct sanl_safetensors *file,
                                                    const char *name); /* NULL when there is none */

/* The text that __metadata__ has for `key`; NULL when it has none. */
const char *sanl_safetensors_text(const struct sanl_safetensors *file, const char *key);

/* values[0 .. tensor->count) of a tensor of `file`. F32, F64, F16 and BF16 become float; other types are
 * SANL_ERR_FORMAT. */
SANL_CHECKED enum sanl_status sanl_safetensors_read(struct sanl_safetensors *file,
                                                    const struct sanl_safetensor *tensor, float *values);

/* ---- writing ------------------------------------------------------------------------------------- */

struct sanl_safetensors_writer; /* a file being written; it appears at commit, whole */

/* Starts a file with these tensors (name, rank, shape) and texts, in the given order; the same arguments
 * and values give the same bytes. */
SANL_CHECKED enum sanl_status sanl_safetensors_create(struct sanl_safetensors_writer **out, const char *path,
                                                      const struct sanl_safetensor *tensors, size_t count,
                                                      const struct sanl_safetensor_text *texts,
                                                      size_t text_count);

/* The values of the next tensor, all `count` of them. */
SANL_CHECKED enum sanl_status sanl_safetensors_write(struct sanl_safetensors_writer *writer,
                                                     const float *values, size_t count);

/* Puts the file in place once every tensor is written. Free the writer afterwards in any case. */
SANL_CHECKED enum sanl_status sanl_safetensors_commit(struct sanl_safetensors_writer *writer);
void sanl_safetensors_writer_free(struct sanl_safetensors_writer *writer); /* takes NULL */

#endif
