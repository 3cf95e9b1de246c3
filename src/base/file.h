/* Files and folders. A file that is written appears whole or not at all. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "base/status.h"

/* The whole file in new memory (free() it), with a zero byte after its *length bytes. Fails with
 * SANL_ERR_LIMIT above `limit` bytes, SANL_ERR_IO when it is missing, a folder, or unreadable. */
SANL_CHECKED enum sanl_status sanl_file_read(char **out, size_t *length, const char *path, size_t limit);

/* A file being written: bytes go to a temporary file beside `path`, which sanl_output_commit renames to
 * `path` after a check of every write. sanl_output_free without a commit removes the temporary file.
 * What is there and no regular file is never replaced: into a terminal, a pipe or a device, and into the file
 * that standard output or error goes to (/dev/stdout), bytes go as they come; a folder fails at once. */
struct sanl_output {
    FILE *file; /* write here; errors are kept and found by commit */
    char *path;
    char *temporary; /* NULL: the bytes go to `path` itself */
};

SANL_CHECKED enum sanl_status sanl_output_open(struct sanl_output *out, const char *path);
SANL_CHECKED enum sanl_status sanl_output_commit(struct sanl_output *out);
void sanl_output_free(struct sanl_output *out); /* takes a zeroed or committed object */

/* Removes temporary files of `path` that killed programs left: nothing was written to them for a while. */
void sanl_output_sweep(const char *path);

/* Fails as sanl_output_open does and leaves nothing behind: finds a bad path before the work is done. */
SANL_CHECKED enum sanl_status sanl_output_check(const char *path);

/* Writes a whole file by way of sanl_output. */
SANL_CHECKED enum sanl_status sanl_file_write(const char *path, const void *bytes, size_t count);

/* Makes the folder and its parents; fine when it exists. */
SANL_CHECKED enum sanl_status sanl_folder_make(const char *path);

/* Makes the folders that lead to a file. */
SANL_CHECKED enum sanl_status sanl_folder_make_for(const char *path);

/* Makes the folder as above; fails when it holds anything. */
SANL_CHECKED enum sanl_status sanl_folder_claim(const char *path);

/* Removes what the folder holds, folders and all, as far as it can; links are not followed. */
void sanl_folder_clear(const char *path);

bool sanl_file_exists(const char *path);
bool sanl_folder_exists(const char *path);

/* "a/b" from "a" and "b" (b alone when it is absolute or a is empty); NULL with the message set on
 * failure. free() it. */
char *sanl_path_join(const char *a, const char *b);

/* The part after the last '/', inside `path`. */
const char *sanl_path_name(const char *path);

/* The user's cache folder for this program: $XDG_CACHE_HOME/sanlcl, else $HOME/.cache/sanlcl. NULL
 * (no message) when neither variable is set. free() it. */
char *sanl_cache_folder(void);

#endif
