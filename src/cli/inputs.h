/* The pictures that a command works on: files, folders and lists from the command line, each with a name of
 * its own for what is written about it. */
#ifndef CLI_INPUTS_H
#define CLI_INPUTS_H

#include <sanlcl/predict.h>

struct sanl_inputs {
    struct sanl_predict_input *list; /* (count,) */
    char **names; /* (count,): for files, without folder and extension, the start of a long one */
    size_t count, capacity;
};

/* Each argument is a picture, a folder (its .jpg, .jpeg and .png files but hidden ones, sorted by name) or a
 * list: a .txt file with a path on each line, perhaps with a box "X1 Y1 X2 Y2" behind it. Pictures without a
 * box get `box` (NULL: none). Names with a picture's ending in a list are taken as they stand; `missing`:
 * those of arguments and all other lines, too. Free it in any case. */
SANL_CHECKED enum sanl_status sanl_inputs_read(struct sanl_inputs *out, const char *const *arguments,
                                               size_t count, const struct sanl_box *box, bool missing);
void sanl_inputs_free(struct sanl_inputs *inputs); /* takes a zeroed or freed object */

/* "X1,Y1,X2,Y2" (or with blanks) to a box; false when it is none. */
bool sanl_box_parse(struct sanl_box *out, const char *text);

/* FOLDER/NAME_KIND.png in new memory, free() it; NULL with the message set on failure. */
char *sanl_inputs_file(const char *folder, const struct sanl_inputs *inputs, size_t index, const char *kind);

/* Makes a folder for what is written; fine when it exists. */
SANL_CHECKED enum sanl_status sanl_inputs_folder(const char *path);

#endif
