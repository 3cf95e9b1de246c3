/* Data sets that were read once, in the user's cache folder: large annotation files of JSON take seconds to
 * read. */
#ifndef DATA_INDEX_H
#define DATA_INDEX_H

#include <stdbool.h>
#include <stdint.h>
#include "data/dataset.h"

/* Of names, sizes and times of the annotation files, those that end in ".json" in the format's index_folders.
 */
SANL_CHECKED enum sanl_status sanl_index_fingerprint(uint64_t *out, const struct sanl_dataset *dataset);

/* Fills the records, landmarks, categories and scheme of a data set whose root and format are set. False when
 * there is no sound index of this fingerprint; the data set is then as it was. */
bool sanl_index_load(struct sanl_dataset *dataset, uint64_t fingerprint);

/* Keeps what was read, where that is much. Reports nothing: without it the next start only takes longer. */
void sanl_index_store(const struct sanl_dataset *dataset, uint64_t fingerprint);

#endif
