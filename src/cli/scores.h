/* The results of an evaluation as a table. */
#ifndef CLI_SCORES_H
#define CLI_SCORES_H

#include <sanlcl/evaluate.h>
#include <sanlcl/table.h>

/* A row for each landmark and two means, beside the baseline where there is one; or a row for each category
 * that occurs and one for all. */
SANL_CHECKED enum sanl_status sanl_scores_create(struct sanl_table **out,
                                                 const struct sanl_evaluation *evaluation);

#endif
