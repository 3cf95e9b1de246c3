/* Python's pickle format, as far as files of weights need it. A pickle is a program for a small stack
 * machine; this one builds values and calls nothing: classes and functions are names of a fixed list
 * (pickle_values.c), whose "results" are values too, and every other name is an error, as is every
 * instruction that torch.save has no use for. Bytes and instructions have a limit, so that what is built
 * takes less than 100 MB whatever the pickle says. */
#ifndef MODEL_PICKLE_H
#define MODEL_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "base/status.h"

enum sanl_pickle_kind {
    SANL_PICKLE_OTHER, /* what is of no interest: None, a float, bytes, a set, an object */
    SANL_PICKLE_INT,   /* bool too */
    SANL_PICKLE_TEXT,
    SANL_PICKLE_TUPLE,
    SANL_PICKLE_LIST,
    SANL_PICKLE_DICT,    /* items: key, value, key, value ... */
    SANL_PICKLE_PAIRS,   /* a dict made from a list: each item a tuple or list of key and value */
    SANL_PICKLE_CLASS,   /* a name of the list */
    SANL_PICKLE_STORAGE, /* items: "storage", CLASS of its type, TEXT key, device, INT count of its values */
    SANL_PICKLE_TENSOR,  /* items: STORAGE, INT offset, TUPLE shape, TUPLE strides (INTs, in values), ... */
};

struct sanl_pickle_class {
    const char *module, *name;
    enum sanl_pickle_class_use {
        SANL_PICKLE_MAKES_OTHER,
        SANL_PICKLE_MAKES_DICT,
        SANL_PICKLE_MAKES_TENSOR,
        SANL_PICKLE_MAKES_ARGUMENT, /* wraps the first of its arguments */
        SANL_PICKLE_STORAGE_TYPE,   /* cannot be called */
    } use;
    const char *dtype; /* of a storage type, as safetensors calls it */
};

struct sanl_pickle_value {
    enum sanl_pickle_kind kind;
    union {
        int64_t integer;
        const struct sanl_pickle_class *type;
        size_t place; /* of a text, or of items */
    } is;
};

struct sanl_pickle_items {
    uint32_t *values; /* indices */
    size_t count, capacity;
};

/* A pickle that was read. Values may hold one another in circles. */
struct sanl_pickle {
    struct sanl_pickle_value *values; /* all that were made, also those that the root does not reach */
    struct sanl_pickle_items *lists;
    char *text; /* texts, each with a zero byte behind it */
    size_t value_count, value_capacity, list_count, list_capacity, text_count, text_capacity;
    uint32_t root;
};

/* Reads a pickle of at most `limit` bytes from where the file stands, to its last instruction; the file then
 * stands behind it. Messages begin with the instruction's byte, counted from that place. */
SANL_CHECKED enum sanl_status sanl_pickle_read(struct sanl_pickle **out, FILE *file, uint64_t limit);
void sanl_pickle_free(struct sanl_pickle *pickle); /* takes NULL */

/* A name of the list; SANL_ERR_FORMAT for any other. */
SANL_CHECKED enum sanl_status sanl_pickle_class_find(const struct sanl_pickle_class **out, const char *module,
                                                     const char *name);

/* The items of a value; NULL for a kind that has none. */
struct sanl_pickle_items *sanl_pickle_items(const struct sanl_pickle *pickle,
                                            const struct sanl_pickle_value *value);

/* Item `index` of a value of this kind (of any, for SANL_PICKLE_OTHER); NULL for a NULL value, one of another
 * kind, and behind the last item. */
const struct sanl_pickle_value *sanl_pickle_item(const struct sanl_pickle *pickle,
                                                 const struct sanl_pickle_value *value,
                                                 enum sanl_pickle_kind kind, size_t index);

/* Key and value of entry `index` of a DICT or PAIRS, NULL where an item is no pair; false behind the last. */
bool sanl_pickle_entry(const struct sanl_pickle *pickle, const struct sanl_pickle_value *dict, size_t index,
                       const struct sanl_pickle_value **key, const struct sanl_pickle_value **value);

/* The text of a value; NULL when it is NULL, no text, empty, or not plain. */
const char *sanl_pickle_text(const struct sanl_pickle *pickle, const struct sanl_pickle_value *value);

/* The number of a value; false when it is NULL, no INT, or negative. */
bool sanl_pickle_size(const struct sanl_pickle_value *value, size_t *size);

#endif
