/* A data set in memory: what is known of every picture before it is opened. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <stdint.h>
#include <sanlcl/config.h>
#include "base/status.h"
#include "landmark/scheme.h"

enum { SANL_DATASET_PARTS = 4, SANL_DATASET_TEXTS = 4 };

struct sanl_record {
    const char *image;                        /* file, relative to the data set's root */
    double landmark_img[SANL_LANDMARKS][2];   /* meaningful where visible or occluded */
    unsigned char visibility[SANL_LANDMARKS]; /* enum sanl_visibility */
    struct sanl_box box;
    int category;            /* from 0; -1 when the data set has none */
    unsigned char clothes;   /* enum sanl_clothes */
    unsigned char variation; /* of pose or zoom, as the data set numbers it; 0: unknown */
    unsigned char part;      /* of part_names */
};

struct sanl_part {
    int *records; /* (count,), in the order of the records */
    int count;
};

struct sanl_dataset {
    char *root;
    struct sanl_record *records; /* (count,) */
    int count;
    const char *const *part_names; /* NULL-ended, of the format */
    struct sanl_part parts[SANL_DATASET_PARTS];
    const char **category_names; /* (category_count,) */
    int category_count;
    char *texts[SANL_DATASET_TEXTS]; /* what the names point into */
};

/* A layout on disk. `read` fills records, part_names, the category names and texts of a zeroed data set whose
 * root is set; what it has filled when it fails is freed by its caller. */
struct sanl_dataset_format {
    const char *name;
    const char *help;
    enum sanl_status (*read)(struct sanl_dataset *dataset);
};

/* All formats; ended by a NULL name (src/data/datasets.c). */
extern const struct sanl_dataset_format sanl_dataset_formats[];

/* Opens config->root as config->format. With config->limit each part keeps at most so many records, spread
 * evenly over the part. No picture is opened. */
SANL_CHECKED enum sanl_status sanl_dataset_open(struct sanl_dataset **out,
                                                const struct sanl_data_config *config);
void sanl_dataset_free(struct sanl_dataset *dataset); /* takes NULL */

/* The part of that name, borrowed; an unknown or empty one is an error. */
SANL_CHECKED enum sanl_status sanl_dataset_find_part(const struct sanl_part **out,
                                                     const struct sanl_dataset *dataset, const char *name);

/* The path of a record's picture; NULL with the message set on failure. free() it. */
char *sanl_dataset_image_path(const struct sanl_dataset *dataset, const struct sanl_record *record);

#endif
