/* Large JSON files: the elements of the lists of the outermost object, one at a time. */
#ifndef DATA_JSON_STREAM_H
#define DATA_JSON_STREAM_H

#include <jansson.h>
#include <stddef.h>
#include "base/status.h"

/* What an element is for; its message of failure needs no place, which is put before it. */
typedef enum sanl_status sanl_json_element(void *payload, const json_t *element);

/* Calls `element` for each element of the list `key` of the JSON object in text[0 .. length), which must have
 * it. The list `other` is passed over: what it holds is not looked at. Messages start with `path` and
 * KEY[INDEX]. */
SANL_CHECKED enum sanl_status sanl_json_list(const char *text, size_t length, const char *path,
                                             const char *key, const char *other, sanl_json_element *element,
                                             void *payload);

#endif
