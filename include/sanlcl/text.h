/* Help with names that the user typed. */
#ifndef SANLCL_TEXT_H
#define SANLCL_TEXT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Edit distance of two names in bytes: insertions, deletions, replacements and swaps of neighbours count 1.
 * Only the first 127 bytes of each are looked at. */
size_t sanl_text_distance(const char *a, const char *b);

#ifdef __cplusplus
}
#endif
#endif
