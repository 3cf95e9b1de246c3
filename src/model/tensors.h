/* A file of named tensors, of any kind that weights come in:
 *     safetensors   model/safetensors.h
 *     PyTorch       what torch.save writes, model/pth.c: a state_dict, or a checkpoint that holds one
 * The content tells which. Reading moves one tensor at a time, so that no second copy of a checkpoint is
 * held. */
#ifndef MODEL_TENSORS_H
#define MODEL_TENSORS_H

#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

enum { SANL_NAMED_TENSOR_RANK = 8 };

struct sanl_named_tensor {
    const char *name;
    int rank; /* 0: a single value */
    size_t shape[SANL_NAMED_TENSOR_RANK];
    /* Set by the reader: */
    size_t count;      /* values: the product of the shape */
    const char *dtype; /* as safetensors calls it, e.g. "F32"; written are F32 (or NULL) and I64 */
    size_t stride[SANL_NAMED_TENSOR_RANK]; /* between neighbours, in values */
    uint64_t offset;                       /* of the first value, in bytes: in the file or the zip's entry */
    uint64_t entry;                        /* of a zip */
};

struct sanl_tensors; /* an opened file */

/* Opens a file and checks all that it says about its tensors: sizes, offsets, names, each once. When every
 * name begins with "module.", as under PyTorch's DataParallel, that is taken off. Messages name the file and
 * the tensor. */
SANL_CHECKED enum sanl_status sanl_tensors_open(struct sanl_tensors **out, const char *path);
void sanl_tensors_free(struct sanl_tensors *file); /* takes NULL */

/* The tensors: of safetensors in the order of their values in the file, of PyTorch in that of the dict. What
 * they point to belongs to `file`. */
size_t sanl_tensors_count(const struct sanl_tensors *file);
const struct sanl_named_tensor *sanl_tensors_at(const struct sanl_tensors *file, size_t index);
const struct sanl_named_tensor *sanl_tensors_find(const struct sanl_tensors *file,
                                                  const char *name); /* NULL when there is none */

/* The text that the __metadata__ of safetensors has for `key`; NULL when there is none. */
const char *sanl_tensors_text(const struct sanl_tensors *file, const char *key);

/* values[0 .. tensor->count) of a tensor of `file`, row-major. F32, F64, F16 and BF16 become float; other
 * types are SANL_ERR_FORMAT. Strides of 0 give many values from few: compare the shape with the one that is
 * expected before making room. */
SANL_CHECKED enum sanl_status sanl_tensors_read(struct sanl_tensors *file,
                                                const struct sanl_named_tensor *tensor, float *values);

#endif
