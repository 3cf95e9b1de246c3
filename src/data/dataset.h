/* A data set in memory: what is known of every picture before it is opened. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <stdbool.h>
#include <stdint.h>
#include <sanlcl/config.h>
#include "base/status.h"
#include "landmark/scheme.h"

enum { SANL_DATASET_PARTS = 4 };

struct sanl_record {
    const char *image;   /* file, relative to the data set's image_folder */
    struct sanl_box box; /* all zeros: the data set has none; the whole picture counts */
    size_t points;       /* where its landmarks begin in the data set's, in the order of its clothes' slots */
    int category;        /* from 0; -1 when the data set has none */
    unsigned char clothes;   /* a type of the scheme; 0: no garment, and no landmarks */
    unsigned char variation; /* of pose or zoom, as the data set numbers it; 0: unknown */
    unsigned char part;      /* of part_names */
};

struct sanl_point {
    double img[2];            /* x, y; meaningful where visible or occluded */
    unsigned char visibility; /* enum sanl_visibility */
};

struct sanl_part {
    int *records; /* (count,), in the order of the records */
    int count;
};

/* A set as it is published: its pictures in each part of its layout. */
struct sanl_published {
    const char *name;
    int pictures[SANL_DATASET_PARTS];
};
extern const struct sanl_published sanl_published_fld, sanl_published_deepfashion_c,
    sanl_published_deepfashion2;

struct sanl_dataset {
    char *root;
    char *file;               /* the file that data.root names, for formats with file_root; NULL: a folder */
    const char *image_folder; /* relative to the root; NULL: the root itself */
    const struct sanl_dataset_format *format;
    const struct sanl_dataset *source;      /* whose pictures a converted set shows; NULL: its own */
    const struct sanl_scheme *scheme;       /* of its landmarks; NULL: it has none */
    const struct sanl_published *published; /* which set this is, perhaps in part; NULL: not known */
    struct sanl_record *records;            /* (count,) */
    int count;
    double (*point_img)[2];          /* (point_count,): of the landmarks of all records, sanl_dataset_point */
    unsigned char *point_visibility; /* (point_count,) */
    size_t point_count, point_room, visibility_room;
    struct sanl_part parts[SANL_DATASET_PARTS];
    const char **category_names; /* (category_count,) */
    int category_count;
    size_t category_room;
    char **texts; /* (text_count,): what the names point into */
    int text_count;
    size_t text_room;
};

/* A layout on disk. `read` fills records, the category names and texts of a zeroed data set whose
 * root is set; what it has filled when it fails is freed by its caller. */
struct sanl_dataset_format {
    const char *name;
    const char *const *part_names; /* NULL-ended */
    const struct sanl_published
        *published; /* the set of this layout; NULL: several have it, `read` or `settle` says */
    const struct sanl_scheme *scheme; /* every record has landmarks of it; NULL: of none */
    bool any_scheme;                  /* or of any other: the reader says of which */
    bool categories;                  /* every record has a category */
    bool variations, boxless;         /* it has variation types; it has no boxes */
    bool several;                     /* a picture may have several records */
    bool file_root;                   /* data.root may be a file; `read` makes its folder of it */
    enum sanl_status (*read)(struct sanl_dataset *dataset);
    /* Folders of annotation files, NULL-ended, whose reading is kept in an index (data/index.h); NULL: none.
     */
    const char *const *index_folders;
    /* Sets image_folder and what set it is after that, read or from the index; NULL: `read` has done so. */
    enum sanl_status (*settle)(struct sanl_dataset *dataset);
    /* The name that a record's picture has in this layout, relative to the root, in new memory; NULL with the
     * message set on failure. */
    char *(*place)(const struct sanl_dataset *dataset, const struct sanl_record *record);
    /* Writes the annotation files of a data set whose records' pictures have such names; they are in place.
     */
    enum sanl_status (*write)(const struct sanl_dataset *dataset, const char *folder);
};

/* "train", "val", "test", NULL: the parts of most formats. */
extern const char *const sanl_part_names[];

/* All formats; ended by a NULL name (src/data/datasets.c). */
extern const struct sanl_dataset_format sanl_dataset_formats[];

/* For readers: keeps `text`, which belongs to the data set even when this fails; NULL is left alone. */
SANL_CHECKED enum sanl_status sanl_dataset_keep(struct sanl_dataset *dataset, char *text);
/* Names the next category. */
SANL_CHECKED enum sanl_status sanl_dataset_add_category(struct sanl_dataset *dataset, const char *name);

/* For readers: gives a record the landmarks of a type of clothes of the data set's scheme, all cut off. */
SANL_CHECKED enum sanl_status sanl_dataset_dress(struct sanl_dataset *dataset, struct sanl_record *record,
                                                 int clothes);

/* Landmark `index` of a record, in the order of its clothes' slots. */
struct sanl_point sanl_dataset_point(const struct sanl_dataset *dataset, const struct sanl_record *record,
                                     int index);
void sanl_dataset_set_point(struct sanl_dataset *dataset, const struct sanl_record *record, int index,
                            const struct sanl_point *point);

/* Landmarks slot by slot. */
struct sanl_landmarks {
    double img[SANL_LANDMARKS][2];
    unsigned char visibility[SANL_LANDMARKS];
};

/* Those of a record in all slots of its data set's scheme, absent where its clothes have none. */
void sanl_dataset_landmarks(struct sanl_landmarks *out, const struct sanl_dataset *dataset,
                            const struct sanl_record *record);

/* Fails when the part to train on, or to choose checkpoints on, is the one to test them on. */
SANL_CHECKED enum sanl_status sanl_data_check_parts(const struct sanl_data_config *config);

/* For each record the index of the first one of the same picture, in new memory; NULL with the message set on
 * failure. */
int *sanl_dataset_first(const struct sanl_dataset *dataset);

/* The number of pictures of each part; one with records in two parts is of the first record's. */
SANL_CHECKED enum sanl_status sanl_dataset_count_pictures(int counts[SANL_DATASET_PARTS],
                                                          const struct sanl_dataset *dataset);

/* Fails when two records have the same picture. */
SANL_CHECKED enum sanl_status sanl_dataset_check_unique(const struct sanl_dataset *dataset);

/* Fails when the data set has not this number of landmarks (model.landmarks). */
SANL_CHECKED enum sanl_status sanl_dataset_check_landmarks(const struct sanl_dataset *dataset, int landmarks);

/* The row of sanl_dataset_formats; an unknown name is an error. */
SANL_CHECKED enum sanl_status sanl_dataset_find_format(const struct sanl_dataset_format **out,
                                                       const char *name);

/* The records of the folder, or file, `root`; no parts are listed. */
SANL_CHECKED enum sanl_status sanl_dataset_read(struct sanl_dataset **out, const char *root,
                                                const struct sanl_dataset_format *format);

/* Opens config->root as config->format. Warns where a part has not the published set's number of pictures and
 * the whole more than a tenth of them: a smaller set is one of its own. With config->limit each part keeps at
 * most so many records, spread evenly over the part. No picture is opened.
 */
SANL_CHECKED enum sanl_status sanl_dataset_open(struct sanl_dataset **out,
                                                const struct sanl_data_config *config);
/* The same, and logs the number of pictures in each part. */
SANL_CHECKED enum sanl_status sanl_dataset_open_told(struct sanl_dataset **out,
                                                     const struct sanl_data_config *config);
void sanl_dataset_free(struct sanl_dataset *dataset); /* takes NULL */

/* Takes all records away, as before the reader: its root, file and format stay. */
void sanl_dataset_empty(struct sanl_dataset *dataset);

/* The part of that name, borrowed; an unknown or empty one is an error. */
SANL_CHECKED enum sanl_status sanl_dataset_find_part(const struct sanl_part **out,
                                                     const struct sanl_dataset *dataset, const char *name);

/* The path of a record's picture; NULL with the message set on failure. free() it. */
char *sanl_dataset_image_path(const struct sanl_dataset *dataset, const struct sanl_record *record);

#endif
