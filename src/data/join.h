/* Annotation files that speak of the same pictures: the first one makes the records, the others add to them.
 * Every record must have one row in each. */
#ifndef DATA_JOIN_H
#define DATA_JOIN_H

#include <stddef.h>
#include "data/dataset.h"
#include "data/rows.h"

struct sanl_join {
    struct sanl_dataset *dataset;
    const void *context; /* of the rows' functions */
    const char *first;   /* the file that makes the records, relative to the root; borrowed */
    int first_line;      /* of its rows */
    size_t capacity;     /* of dataset->records */
    int *buckets;        /* hash table of image names: record index + 1, 0 for none */
    size_t mask;         /* number of buckets - 1, all ones in binary */
    int next;            /* the record after the last that was found: files mostly agree in their order */
    int *line_of;        /* (count,): where the file being joined has each record's row; 0: not yet */
};

typedef enum sanl_status sanl_join_row(struct sanl_join *join, struct sanl_rows *rows);

void sanl_join_free(struct sanl_join *join); /* takes a zeroed object; the data set stays */

/* The file that makes the records. `columns`: its rows follow a line with their number and one with the names
 * of the columns, of which this is the first; NULL: there are rows alone. The text stays in the data set, for
 * names that point into it. Afterwards names are unique. */
SANL_CHECKED enum sanl_status sanl_join_make(struct sanl_join *join, const char *file, const char *columns,
                                             sanl_join_row *row);

/* A file with one row for each record, which sanl_join_find or sanl_join_at looks up. */
SANL_CHECKED enum sanl_status sanl_join_add(struct sanl_join *join, const char *file, const char *columns,
                                            sanl_join_row *row);

/* Any other file. With `keep` its text stays in the data set. */
SANL_CHECKED enum sanl_status sanl_join_read(struct sanl_join *join, const char *file, const char *columns,
                                             sanl_join_row *row, bool keep);

/* A new record: no box, no category, no landmarks. */
SANL_CHECKED enum sanl_status sanl_join_append(struct sanl_record **out, struct sanl_join *join);

/* The record of the image `name`, or that at `index`, which `key` names in messages; its second row is an
 * error. */
SANL_CHECKED enum sanl_status sanl_join_find(struct sanl_record **out, struct sanl_join *join,
                                             const struct sanl_rows *rows, const char *name);
SANL_CHECKED enum sanl_status sanl_join_at(struct sanl_record **out, struct sanl_join *join,
                                           const struct sanl_rows *rows, int index, const char *key);

/* The number of columns, for rows that have no other. */
SANL_CHECKED enum sanl_status sanl_join_expect(const struct sanl_rows *rows, int count);

/* Fails when a name leads out of its folder. */
SANL_CHECKED enum sanl_status sanl_join_check_name(const struct sanl_rows *rows, const char *name);

#endif
