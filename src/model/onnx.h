/* A model in the ONNX format (IR version 7, operators of opset 13), built node by node and written as
 * protobuf without a library for it: a message is a row of fields, each a key (number << 3 | wire type) and a
 * whole number of 7 bits a byte, 4 bytes, or a length and as many bytes.
 *
 * A failure is kept; what is added later does nothing and returns NULL, and sanl_onnx_write returns it. A
 * value of the graph is its name; names that are returned live as long as the model. Values have one writer.
 */
#ifndef MODEL_ONNX_H
#define MODEL_ONNX_H

#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

enum { SANL_ONNX_RANK = 4 };

struct sanl_onnx;

SANL_CHECKED enum sanl_status sanl_onnx_create(struct sanl_onnx **out, const char *description);
void sanl_onnx_free(struct sanl_onnx *onnx); /* takes NULL */

/* Keeps the failure at hand. */
void sanl_onnx_fail(struct sanl_onnx *onnx, enum sanl_status status);

/* What an operator is told beside its inputs. */
struct sanl_onnx_attr {
    const char *name;
    int count; /* of a list; 0: one whole number, value[0] */
    int64_t value[SANL_ONNX_RANK];
    const char *text; /* a text instead; NULL: none */
};

/* A node with one output, which it is named after. `in` ends with NULL, "" stands for an input that is left
 * out; `attr` ends with a row without a name, or is NULL. Returns the output. */
const char *sanl_onnx_node(struct sanl_onnx *onnx, const char *op, const char *output, const char *const *in,
                           const struct sanl_onnx_attr *attr);

/* Constants. `values` is memory for their product of `dims`, row-major, which passes to the model in any
 * case; NULL is a failure that was told already. A count of 0 stands for one whole number without dimensions.
 */
const char *sanl_onnx_floats(struct sanl_onnx *onnx, const char *name, const int64_t *dims, int rank,
                             float *values);
const char *sanl_onnx_ints(struct sanl_onnx *onnx, const char *name, const int64_t *values, int count);

/* The model's own inputs and outputs, float32; a first side of 0 is "batch", as large as the caller likes.
 * The output `name` is a copy of `value`. */
const char *sanl_onnx_input(struct sanl_onnx *onnx, const char *name, const int64_t *dims, int rank);
void sanl_onnx_output(struct sanl_onnx *onnx, const char *name, const char *value, const int64_t *dims,
                      int rank);

/* A row of the metadata. */
void sanl_onnx_text(struct sanl_onnx *onnx, const char *key, const char *value);

/* The same model gives the same bytes. SANL_ERR_LIMIT where they are more than protobuf can hold, 2 GiB. */
SANL_CHECKED enum sanl_status sanl_onnx_write(struct sanl_onnx *onnx, const char *path);

#endif
