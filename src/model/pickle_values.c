#include <stdlib.h>
#include <string.h>
#include "model/container.h"
#include "model/pickle.h"

enum { SHOWN_BYTES = 100 };

/* Every class and function that a pickle may name. */
static const struct sanl_pickle_class classes[] = {
    {"torch._utils", "_rebuild_tensor", SANL_PICKLE_MAKES_TENSOR, NULL},
    {"torch._utils", "_rebuild_tensor_v2", SANL_PICKLE_MAKES_TENSOR, NULL},
    {"torch._utils", "_rebuild_parameter", SANL_PICKLE_MAKES_ARGUMENT, NULL},
    {"torch._utils", "_rebuild_parameter_with_state", SANL_PICKLE_MAKES_ARGUMENT, NULL},
    {"torch.nn.parameter", "Parameter", SANL_PICKLE_MAKES_ARGUMENT, NULL},
    {"torch", "Size", SANL_PICKLE_MAKES_ARGUMENT, NULL},
    {"torch", "device", SANL_PICKLE_MAKES_OTHER, NULL},
    {"torch", "FloatStorage", SANL_PICKLE_STORAGE_TYPE, "F32"},
    {"torch", "DoubleStorage", SANL_PICKLE_STORAGE_TYPE, "F64"},
    {"torch", "HalfStorage", SANL_PICKLE_STORAGE_TYPE, "F16"},
    {"torch", "BFloat16Storage", SANL_PICKLE_STORAGE_TYPE, "BF16"},
    {"torch", "LongStorage", SANL_PICKLE_STORAGE_TYPE, "I64"},
    {"torch", "IntStorage", SANL_PICKLE_STORAGE_TYPE, "I32"},
    {"torch", "ShortStorage", SANL_PICKLE_STORAGE_TYPE, "I16"},
    {"torch", "CharStorage", SANL_PICKLE_STORAGE_TYPE, "I8"},
    {"torch", "ByteStorage", SANL_PICKLE_STORAGE_TYPE, "U8"},
    {"torch", "BoolStorage", SANL_PICKLE_STORAGE_TYPE, "BOOL"},
    {"torch", "UntypedStorage", SANL_PICKLE_STORAGE_TYPE, "U8"},
    {"torch.storage", "UntypedStorage", SANL_PICKLE_STORAGE_TYPE, "U8"},
    {"collections", "OrderedDict", SANL_PICKLE_MAKES_DICT, NULL},
    {"collections", "Counter", SANL_PICKLE_MAKES_DICT, NULL},
    /* What training scripts keep beside the weights. */
    {"argparse", "Namespace", SANL_PICKLE_MAKES_OTHER, NULL},
    {"_codecs", "encode", SANL_PICKLE_MAKES_OTHER, NULL},
    {"__builtin__", "set", SANL_PICKLE_MAKES_OTHER, NULL},
    {"builtins", "set", SANL_PICKLE_MAKES_OTHER, NULL},
    {"numpy", "dtype", SANL_PICKLE_MAKES_OTHER, NULL},
    {"numpy.core.multiarray", "scalar", SANL_PICKLE_MAKES_OTHER, NULL},
    {"numpy._core.multiarray", "scalar", SANL_PICKLE_MAKES_OTHER, NULL},
};

enum sanl_status sanl_pickle_class_find(const struct sanl_pickle_class **out, const char *module,
                                        const char *name)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strcmp(classes[i].module, module) == 0 && strcmp(classes[i].name, name) == 0) {
            *out = &classes[i];
            return SANL_OK;
        }
    if (!sanl_text_is_plain(module) || !sanl_text_is_plain(name))
        return sanl_fail(SANL_ERR_FORMAT, "a global whose name is no plain text");
    return sanl_fail(SANL_ERR_FORMAT,
                     "global '%.*s.%.*s' is not one that weights need; expected the state_dict of a model, "
                     "alone or in a dict",
                     SHOWN_BYTES, module, SHOWN_BYTES, name);
}

struct sanl_pickle_items *sanl_pickle_items(const struct sanl_pickle *pickle,
                                            const struct sanl_pickle_value *value)
{
    switch (value->kind) {
    case SANL_PICKLE_OTHER:
    case SANL_PICKLE_INT:
    case SANL_PICKLE_TEXT:
    case SANL_PICKLE_CLASS:
        break;
    default:
        return &pickle->lists[value->is.place];
    }
    return NULL;
}

const struct sanl_pickle_value *sanl_pickle_item(const struct sanl_pickle *pickle,
                                                 const struct sanl_pickle_value *value,
                                                 enum sanl_pickle_kind kind, size_t index)
{
    const struct sanl_pickle_items *items = value ? sanl_pickle_items(pickle, value) : NULL;
    const bool is_there = items && index < items->count && (kind == SANL_PICKLE_OTHER || kind == value->kind);
    return is_there ? &pickle->values[items->values[index]] : NULL;
}

bool sanl_pickle_entry(const struct sanl_pickle *pickle, const struct sanl_pickle_value *dict, size_t index,
                       const struct sanl_pickle_value **key, const struct sanl_pickle_value **value)
{
    if (dict->kind == SANL_PICKLE_DICT) {
        *key = sanl_pickle_item(pickle, dict, SANL_PICKLE_DICT, 2 * index);
        *value = sanl_pickle_item(pickle, dict, SANL_PICKLE_DICT, 2 * index + 1);
        return *key != NULL;
    }
    const struct sanl_pickle_value *pair = sanl_pickle_item(pickle, dict, SANL_PICKLE_PAIRS, index);
    *key = sanl_pickle_item(pickle, pair, SANL_PICKLE_OTHER, 0);
    *value = sanl_pickle_item(pickle, pair, SANL_PICKLE_OTHER, 1);
    return pair != NULL;
}

const char *sanl_pickle_text(const struct sanl_pickle *pickle, const struct sanl_pickle_value *value)
{
    const char *text = value && value->kind == SANL_PICKLE_TEXT ? pickle->text + value->is.place : "";
    return text[0] && sanl_text_is_plain(text) ? text : NULL;
}

bool sanl_pickle_size(const struct sanl_pickle_value *value, size_t *size)
{
    if (!value || value->kind != SANL_PICKLE_INT || value->is.integer < 0)
        return false;
    *size = (size_t)value->is.integer;
    return true;
}

void sanl_pickle_free(struct sanl_pickle *pickle)
{
    if (!pickle)
        return;
    for (size_t i = 0; i < pickle->list_count; i++)
        free(pickle->lists[i].values);
    free(pickle->lists);
    free(pickle->values);
    free(pickle->text);
    free(pickle);
}
