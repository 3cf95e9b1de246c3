#include "model/onnx.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "base/file.h"
#include "base/memory.h"

enum { IR_VERSION = 7, OPSET = 13 };
static const size_t limit_bytes = INT32_MAX;

/* The numbers of the fields, as in onnx.proto. */
enum { MODEL_IR = 1, MODEL_PRODUCER = 2, MODEL_GRAPH = 7, MODEL_OPSET = 8, MODEL_TEXT = 14 };
enum { OPSET_VERSION = 2, TEXT_KEY = 1, TEXT_VALUE = 2 };
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_CONSTANT = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP = 4, NODE_ATTR = 5 };
enum { ATTR_NAME = 1, ATTR_INT = 3, ATTR_TEXT = 4, ATTR_INTS = 8, ATTR_TYPE = 20 };
enum { ATTR_IS_INT = 2, ATTR_IS_TEXT = 3, ATTR_IS_INTS = 7 }; /* values of ATTR_TYPE */
enum { TENSOR_DIM = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { FLOAT = 1, INT64 = 7 }; /* types of values */
enum { VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, TYPE_ELEMENT = 1, TYPE_SHAPE = 2 };
enum { SHAPE_DIM = 1, DIM_VALUE = 1, DIM_NAME = 2 };
enum { NUMBER, BYTES = 2 }; /* wire types */

/* A message, or the fields of one, so far. */
struct message {
    unsigned char *bytes;
    size_t count, capacity;
    enum sanl_status status;
};

/* A constant's values wait as they are until they are written, so that there is no second copy of all
 * weights.
 */
struct constant {
    struct message head; /* the field of the graph but for the values, which are its end */
    float *values;       /* (count,) */
    size_t count;
};

struct sanl_onnx {
    enum sanl_status status;
    char message[SANL_MESSAGE_BYTES];
    struct message nodes, ends, texts; /* fields of the graph, of the graph, of the model */
    struct constant *constants;
    size_t constant_count, constant_capacity, constant_bytes;
    char **names, *description;
    size_t name_count, name_capacity;
};

/* ---- protobuf ------------------------------------------------------------------------------------ */

static void put_raw(struct message *m, const void *bytes, size_t count)
{
    if (m->status == SANL_OK)
        m->status = sanl_grow(&m->bytes, &m->capacity, m->count + count + 1, 1);
    if (m->status != SANL_OK)
        return;
    if (count)
        memcpy(m->bytes + m->count, bytes, count);
    m->count += count;
}

static void put_varint(struct message *m, uint64_t value)
{
    unsigned char bytes[10];
    size_t count = 0;
    for (; value > 127; value >>= 7)
        bytes[count++] = (unsigned char)(value & 127) | 128;
    bytes[count++] = (unsigned char)value;
    put_raw(m, bytes, count);
}

static void put_number(struct message *m, unsigned field, int64_t value)
{
    put_varint(m, field << 3 | NUMBER);
    put_varint(m, (uint64_t)value);
}

/* The key and length before `count` bytes. */
static void put_length(struct message *m, unsigned field, size_t count)
{
    put_varint(m, field << 3 | BYTES);
    put_varint(m, count);
}

static void put_text(struct message *m, unsigned field, const char *text)
{
    put_length(m, field, strlen(text));
    put_raw(m, text, strlen(text));
}

/* `inner` becomes a field of `m`, and ends. */
static void put_message(struct message *m, unsigned field, struct message *inner)
{
    put_length(m, field, inner->count);
    put_raw(m, inner->bytes, inner->count);
    if (inner->status != SANL_OK)
        m->status = inner->status;
    free(inner->bytes);
}

/* ---- building ------------------------------------------------------------------------------------ */

enum sanl_status sanl_onnx_create(struct sanl_onnx **out, const char *description)
{
    struct sanl_onnx *onnx = *out = sanl_calloc(1, sizeof *onnx);
    if (!onnx)
        return SANL_ERR_MEMORY;
    if ((onnx->description = sanl_strdup(description)))
        return SANL_OK;
    sanl_onnx_free(onnx);
    *out = NULL;
    return SANL_ERR_MEMORY;
}

void sanl_onnx_free(struct sanl_onnx *onnx)
{
    if (!onnx)
        return;
    for (size_t i = 0; i < onnx->constant_count; i++) {
        free(onnx->constants[i].head.bytes);
        free(onnx->constants[i].values);
    }
    for (size_t i = 0; i < onnx->name_count; i++)
        free(onnx->names[i]);
    free(onnx->nodes.bytes);
    free(onnx->ends.bytes);
    free(onnx->texts.bytes);
    free(onnx->constants);
    free(onnx->names);
    free(onnx->description);
    free(onnx);
}

void sanl_onnx_fail(struct sanl_onnx *onnx, enum sanl_status status)
{
    if (status == SANL_OK || onnx->status != SANL_OK)
        return;
    onnx->status = status;
    snprintf(onnx->message, sizeof onnx->message, "%s", sanl_error_message());
}

/* A copy of a name that lives as long as the model. */
static const char *keep_name(struct sanl_onnx *onnx, const char *name)
{
    if (onnx->status == SANL_OK)
        sanl_onnx_fail(onnx,
                       sanl_grow(&onnx->names, &onnx->name_capacity, onnx->name_count + 1, sizeof(char *)));
    char *copy = onnx->status == SANL_OK ? sanl_strdup(name) : NULL;
    if (copy)
        onnx->names[onnx->name_count++] = copy;
    else
        sanl_onnx_fail(onnx, SANL_ERR_MEMORY);
    return copy;
}

static void put_attr(struct message *node, const struct sanl_onnx_attr *attr)
{
    struct message m = {0};
    put_text(&m, ATTR_NAME, attr->name);
    if (attr->text)
        put_text(&m, ATTR_TEXT, attr->text);
    else if (attr->count == 0)
        put_number(&m, ATTR_INT, attr->value[0]);
    for (int i = 0; i < attr->count; i++)
        put_number(&m, ATTR_INTS, attr->value[i]);
    put_number(&m, ATTR_TYPE, attr->text ? ATTR_IS_TEXT : attr->count ? ATTR_IS_INTS : ATTR_IS_INT);
    put_message(node, NODE_ATTR, &m);
}

const char *sanl_onnx_node(struct sanl_onnx *onnx, const char *op, const char *output, const char *const *in,
                           const struct sanl_onnx_attr *attr)
{
    if (onnx->status != SANL_OK)
        return NULL;
    struct message m = {0};
    for (; *in; in++)
        put_text(&m, NODE_INPUT, *in);
    put_text(&m, NODE_OUTPUT, output);
    put_text(&m, NODE_NAME, output);
    put_text(&m, NODE_OP, op);
    for (; attr && attr->name; attr++)
        put_attr(&m, attr);
    put_message(&onnx->nodes, GRAPH_NODE, &m);
    sanl_onnx_fail(onnx, onnx->nodes.status);
    return keep_name(onnx, output);
}

static enum sanl_status fail_large(void)
{
    return sanl_fail(SANL_ERR_LIMIT,
                     "the weights do not fit into the 2 GiB of an ONNX file; export them as safetensors");
}

/* A constant of the bytes `raw` or the floats values[0 .. count), which become its own. */
static const char *add_constant(struct sanl_onnx *onnx, const char *name, int type, const int64_t *dims,
                                int rank, const struct message *raw, float *values, size_t count)
{
    struct message tensor = {0};
    struct constant constant = {.values = values, .count = count};
    const size_t value_bytes = count * sizeof *values;
    for (int i = 0; i < rank; i++)
        put_number(&tensor, TENSOR_DIM, dims[i]);
    put_number(&tensor, TENSOR_TYPE, type);
    put_text(&tensor, TENSOR_NAME, name);
    put_length(&tensor, TENSOR_RAW, raw->count + value_bytes);
    put_raw(&tensor, raw->bytes, raw->count);
    put_length(&constant.head, GRAPH_CONSTANT, tensor.count + value_bytes);
    put_raw(&constant.head, tensor.bytes, tensor.count);
    free(tensor.bytes);
    if (constant.head.count + value_bytes > limit_bytes - onnx->constant_bytes)
        sanl_onnx_fail(onnx, fail_large());
    if (tensor.status != SANL_OK || constant.head.status != SANL_OK)
        sanl_onnx_fail(onnx, SANL_ERR_MEMORY);
    if (onnx->status == SANL_OK)
        sanl_onnx_fail(onnx, sanl_grow(&onnx->constants, &onnx->constant_capacity, onnx->constant_count + 1,
                                       sizeof *onnx->constants));
    if (onnx->status == SANL_OK) {
        onnx->constants[onnx->constant_count++] = constant;
        onnx->constant_bytes += constant.head.count + value_bytes;
    } else {
        free(constant.head.bytes);
        free(values);
    }
    return keep_name(onnx, name);
}

const char *sanl_onnx_floats(struct sanl_onnx *onnx, const char *name, const int64_t *dims, int rank,
                             float *values)
{
    size_t count = 1;
    for (int i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    if (values)
        return add_constant(onnx, name, FLOAT, dims, rank, &(struct message){0}, values, count);
    sanl_onnx_fail(onnx, SANL_ERR_MEMORY);
    return NULL;
}

const char *sanl_onnx_ints(struct sanl_onnx *onnx, const char *name, const int64_t *values, int count)
{
    struct message raw = {0};
    for (int i = 0; i < (count ? count : 1); i++) {
        unsigned char bytes[8];
        sanl_put_little_endian(bytes, (uint64_t)values[i], sizeof bytes);
        put_raw(&raw, bytes, sizeof bytes);
    }
    sanl_onnx_fail(onnx, raw.status);
    const char *copy = add_constant(onnx, name, INT64, &(int64_t){count}, count ? 1 : 0, &raw, NULL, 0);
    free(raw.bytes);
    return copy;
}

/* The description of a value at an end of the graph: float32, with its shape. */
static void put_end(struct sanl_onnx *onnx, unsigned field, const char *name, const int64_t *dims, int rank)
{
    struct message shape = {0}, tensor = {0}, type = {0}, value = {0};
    for (int i = 0; i < rank; i++) {
        struct message dim = {0};
        if (i == 0 && dims[i] == 0)
            put_text(&dim, DIM_NAME, "batch");
        else
            put_number(&dim, DIM_VALUE, dims[i]);
        put_message(&shape, SHAPE_DIM, &dim);
    }
    put_number(&tensor, TYPE_ELEMENT, FLOAT);
    put_message(&tensor, TYPE_SHAPE, &shape);
    put_message(&type, TYPE_TENSOR, &tensor);
    put_text(&value, VALUE_NAME, name);
    put_message(&value, VALUE_TYPE, &type);
    put_message(&onnx->ends, field, &value);
    sanl_onnx_fail(onnx, onnx->ends.status);
}

const char *sanl_onnx_input(struct sanl_onnx *onnx, const char *name, const int64_t *dims, int rank)
{
    put_end(onnx, GRAPH_INPUT, name, dims, rank);
    return keep_name(onnx, name);
}

void sanl_onnx_output(struct sanl_onnx *onnx, const char *name, const char *value, const int64_t *dims,
                      int rank)
{
    sanl_onnx_node(onnx, "Identity", name, (const char *const[]){value, NULL}, NULL);
    put_end(onnx, GRAPH_OUTPUT, name, dims, rank);
}

void sanl_onnx_text(struct sanl_onnx *onnx, const char *key, const char *value)
{
    struct message m = {0};
    put_text(&m, TEXT_KEY, key);
    put_text(&m, TEXT_VALUE, value);
    put_message(&onnx->texts, MODEL_TEXT, &m);
    sanl_onnx_fail(onnx, onnx->texts.status);
}

/* ---- writing ------------------------------------------------------------------------------------- */

static void write_message(FILE *file, const struct message *m)
{
    if (m->count)
        fwrite(m->bytes, 1, m->count, file);
}

/* What stands in the file before and after the graph's fields; the graph's name ends the former. */
static enum sanl_status make_frame(struct sanl_onnx *onnx, struct message *head, struct message *tail)
{
    struct message opset = {0}, name = {0};
    put_text(&name, GRAPH_NAME, onnx->description);
    const size_t bytes = name.count + onnx->nodes.count + onnx->constant_bytes + onnx->ends.count;
    put_number(head, MODEL_IR, IR_VERSION);
    put_text(head, MODEL_PRODUCER, "sanlcl");
    put_length(head, MODEL_GRAPH, bytes);
    put_raw(head, name.bytes, name.count);
    put_number(&opset, OPSET_VERSION, OPSET);
    put_message(tail, MODEL_OPSET, &opset);
    put_raw(tail, onnx->texts.bytes, onnx->texts.count);
    free(name.bytes);
    if (onnx->status != SANL_OK)
        return sanl_fail_copy(onnx->status, onnx->message);
    if (name.status != SANL_OK || head->status != SANL_OK || tail->status != SANL_OK)
        return SANL_ERR_MEMORY;
    return head->count + bytes + tail->count > limit_bytes ? fail_large() : SANL_OK;
}

enum sanl_status sanl_onnx_write(struct sanl_onnx *onnx, const char *path)
{
    struct message head = {0}, tail = {0};
    struct sanl_output out = {0};
    enum sanl_status status = make_frame(onnx, &head, &tail);
    if (status == SANL_OK)
        status = sanl_output_open(&out, path);
    if (status == SANL_OK) {
        write_message(out.file, &head);
        write_message(out.file, &onnx->nodes);
        for (size_t i = 0; i < onnx->constant_count; i++) {
            write_message(out.file, &onnx->constants[i].head);
            (void)sanl_write_floats(out.file, onnx->constants[i].values, onnx->constants[i].count);
        }
        write_message(out.file, &onnx->ends);
        write_message(out.file, &tail);
        status = sanl_output_commit(&out);
    }
    sanl_output_free(&out);
    free(head.bytes);
    free(tail.bytes);
    return status;
}
