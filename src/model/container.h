/* What a file of named tensors is once it is opened, for the readers of its kinds: they fill in the tensors,
 * and model/tensors.c does the rest. */
#ifndef MODEL_CONTAINER_H
#define MODEL_CONTAINER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <zip.h>
#include "model/tensors.h"

struct sanl_tensors {
    char *path;
    FILE *file;
    uint64_t bytes; /* of the file */
    zip_t *archive; /* NULL: values are in the file itself */
    struct sanl_named_tensor *tensors;
    size_t count;
    json_t *header; /* of safetensors: owns names and texts */
    char *names;    /* of PyTorch */
};

/* Fill in `tensors`, `count` and what owns the names, and archive; sanl_tensors_free frees what is there also
 * after a failure. The file stands at its start. */
SANL_CHECKED enum sanl_status sanl_safetensors_list(struct sanl_tensors *file);
SANL_CHECKED enum sanl_status sanl_pth_list_zip(struct sanl_tensors *file);
SANL_CHECKED enum sanl_status sanl_pth_list_legacy(struct sanl_tensors *file);

/* `name` as a type that the kinds know, and the bytes of a value; NULL for an unknown one. */
const char *sanl_dtype_find(const char *name, size_t *value_bytes);

/* The count and the strides of a row-major tensor from its shape. SANL_ERR_MEMORY when it overflows. */
SANL_CHECKED enum sanl_status sanl_named_tensor_fill(struct sanl_named_tensor *tensor);

/* `count` bytes from byte `offset` of a zip's entry. */
SANL_CHECKED enum sanl_status sanl_zip_read(zip_t *archive, uint64_t entry, uint64_t offset, void *bytes,
                                            size_t count);

/* UTF-8 without control characters, as names are, so that a message may contain it. */
bool sanl_text_is_plain(const char *text);

#endif
