/* A data set on its way into another layout. */
#ifndef DATA_CONVERT_H
#define DATA_CONVERT_H

#include "data/dataset.h"

/* *out, to be freed with sanl_dataset_free, has the records and categories of `from`, with parts and names of
 * pictures as `format` has them below `folder`. Texts belong to `from`. A record that lacks what the format
 * needs is an error. */
SANL_CHECKED enum sanl_status sanl_dataset_adopt(struct sanl_dataset **out, const struct sanl_dataset *from,
                                                 const struct sanl_dataset_format *format,
                                                 const char *folder);

#endif
