/* The curve of detected landmarks, as a file. */
#ifndef CLI_PDL_H
#define CLI_PDL_H

#include <sanlcl/evaluate.h>

/* Shares of visible landmarks whose error is below 0, 1 .. 100 pixels of a box stretched to 512 x 512. A path
 * that ends in .png, .jpg or .jpeg gets a picture of the curves of all pictures, of each type of clothes and
 * of the baseline; any other a table, by the end of its name (CSV otherwise), with a column for each group of
 * pictures and for each landmark. Landmarks only. */
SANL_CHECKED enum sanl_status sanl_pdl_write(const struct sanl_evaluation *evaluation, const char *path);

#endif
