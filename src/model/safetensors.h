/* The safetensors file format: named tensors and a map of texts.
 *
 *   8 bytes        length n of the header, little-endian
 *   n bytes        JSON: {"__metadata__": {key: text, ...}, NAME: {"dtype": "F32", "shape": [...],
 *                  "data_offsets": [begin, end]}, ...}, offsets counted from the end of the header
 *   the rest       the tensors' values, little-endian, row-major
 *
 * model/tensors.h reads it. Writing moves one tensor at a time, so that no second copy of a checkpoint is
 * held. */
#ifndef MODEL_SAFETENSORS_H
#define MODEL_SAFETENSORS_H

#include <stddef.h>
#include "model/tensors.h"

struct sanl_safetensor_text {
    const char *key, *value;
};

struct sanl_safetensors_writer; /* a file being written; it appears at commit, whole */

/* Starts a file with these tensors (name, rank, shape) and texts, in the given order; the same arguments
 * and values give the same bytes. */
SANL_CHECKED enum sanl_status sanl_safetensors_create(struct sanl_safetensors_writer **out, const char *path,
                                                      const struct sanl_named_tensor *tensors, size_t count,
                                                      const struct sanl_safetensor_text *texts,
                                                      size_t text_count);

/* The values of the next tensor, all `count` of them; those of an I64 are whole. */
SANL_CHECKED enum sanl_status sanl_safetensors_write(struct sanl_safetensors_writer *writer,
                                                     const float *values, size_t count);

/* Puts the file in place once every tensor is written. Free the writer afterwards in any case. */
SANL_CHECKED enum sanl_status sanl_safetensors_commit(struct sanl_safetensors_writer *writer);
void sanl_safetensors_writer_free(struct sanl_safetensors_writer *writer); /* takes NULL */

#endif
