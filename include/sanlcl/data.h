/* Data sets on disk: what one holds, its pictures with the annotations drawn, and the way from one layout to
 * another. */
#ifndef SANLCL_DATA_H
#define SANLCL_DATA_H

#include <stdbool.h>
#include <sanlcl/config.h>
#include <sanlcl/report.h>
#include <sanlcl/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- converting ---------------------------------------------------------------------------------- */

enum sanl_convert_images { SANL_IMAGES_LINK, SANL_IMAGES_COPY, SANL_IMAGES_NONE };

struct sanl_convert_options {
    const char *from, *root; /* the layout that is read, and its folder */
    const char *to, *folder; /* the layout that is written; its folder must be empty or missing */
    int images; /* hard links where the file system has them, else copies; copies; or none: annotations alone
                 */
    void (*progress)(void *payload, int done, int count); /* pictures; NULL: none */
    void *payload;
};

struct sanl_convert_result {
    int records;
    bool variations_lost, categories_lost, landmarks_lost,
        boxes_lost; /* the new layout has no room for them */
    const char *part_lost,
        *part_instead; /* a part that it has not, and the one whose pictures are among; or NULL */
};

/* Writes a data set in another layout. A record that lacks what the layout needs (landmarks or a category) is
 * an error. Where the layout has no part val, those pictures belong to train; where it has no test, to val.
 * After a failure what was written is removed. */
SANL_CHECKED enum sanl_status sanl_convert(struct sanl_convert_result *out,
                                           const struct sanl_convert_options *options);

/* ---- looking at one ------------------------------------------------------------------------------ */

/* Adds tables about the data set to `tables`, at most SANL_DATA_TABLES, *count of them, each to be freed:
 * pictures of each part beside the published numbers; clothes, variations, landmarks by visibility;
 * categories; sizes of boxes and, read from at most `pictures` of the files, of pictures. */
enum { SANL_DATA_TABLES = 6 };
SANL_CHECKED enum sanl_status sanl_data_stats(struct sanl_table *tables[SANL_DATA_TABLES], int *count,
                                              const struct sanl_data_config *config, int pictures);

struct sanl_browse_options {
    const char *part;  /* NULL: all records */
    int pictures;      /* spread evenly over the records */
    int columns, side; /* of the sheet; pixels of a cell */
};

/* Writes a contact sheet: landmarks, visibility, box and category drawn over each picture. */
SANL_CHECKED enum sanl_status sanl_data_browse(const char *path, const struct sanl_data_config *config,
                                               const struct sanl_browse_options *options);

#ifdef __cplusplus
}
#endif
#endif
