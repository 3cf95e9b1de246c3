/* The results of an evaluation as tables. */
#ifndef CLI_SCORES_H
#define CLI_SCORES_H

#include <sanlcl/evaluate.h>
#include <sanlcl/table.h>

/* For the screen. Landmarks: a row for each, one for their unweighted mean, one for all points, and one for
 * the baseline's mean where there is a baseline; `wide`: every metric. Categories: a row for each that occurs
 * and one for all. */
SANL_CHECKED enum sanl_status sanl_scores_create(struct sanl_table **out,
                                                 const struct sanl_evaluation *evaluation, bool wide);

/* For files. Landmarks: these rows for each group of pictures, with every metric; categories as above. */
SANL_CHECKED enum sanl_status sanl_scores_create_full(struct sanl_table **out,
                                                      const struct sanl_evaluation *evaluation);

/* Landmarks: a row for each group of pictures, with each metric as its source gives it. */
SANL_CHECKED enum sanl_status sanl_scores_create_groups(struct sanl_table **out,
                                                        const struct sanl_evaluation *evaluation);

#endif
