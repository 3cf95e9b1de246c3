/* What publications report, to stand beside an evaluation. */
#ifndef CLI_PUBLISHED_H
#define CLI_PUBLISHED_H

#include <sanlcl/evaluate.h>
#include <sanlcl/table.h>

/* Names of the data sets that there are figures for, NULL-ended. */
extern const char *const sanl_published_sets[];

/* The normalised errors published for data set `set`, an index in these names: a row for each method, with
 * its landmarks where they are known, and two for the evaluation. */
SANL_CHECKED enum sanl_status sanl_published_create(struct sanl_table **out, int set,
                                                    const struct sanl_evaluation *evaluation);

/* Why the rows are not the same measurement; lines for the screen. */
extern const char sanl_published_caution[];

#endif
