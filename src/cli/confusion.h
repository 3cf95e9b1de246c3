/* What a classifier takes for what. */
#ifndef CLI_CONFUSION_H
#define CLI_CONFUSION_H

#include <sanlcl/evaluate.h>
#include <sanlcl/table.h>

/* Prints the most frequent confusions and, where few categories occur, the whole matrix. */
SANL_CHECKED enum sanl_status sanl_confusion_print(const struct sanl_evaluation *evaluation);

/* Writes the matrix as CSV: true categories in rows, predicted ones in columns. */
SANL_CHECKED enum sanl_status sanl_confusion_save(const struct sanl_evaluation *evaluation, const char *path);

#endif
