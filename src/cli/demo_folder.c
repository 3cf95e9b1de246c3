/* The folder of a demonstration: a file that marks it, and the names that the demo uses in it. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/demo.h"

static const char mark_name[] = ".sanlcl-demo";
static const char mark_text[] = "'sanlcl demo' wrote this folder. Run again, it replaces data, classifier, "
                                "landmark, pictures, curves and\n"
                                "its own files, and leaves everything else alone.\n";

static const char *const names[] = {"data",           "classifier",   "landmark",         "pictures",
                                    "curves",         "pictures.txt", "predictions.json", "landmarks.csv",
                                    "landmarks.json", "summary.txt",  "summary.json",     "index.html"};

void sanl_demo_place(sanl_demo_path path, const struct sanl_demo *demo, const char *name)
{
    snprintf(path, SANL_DEMO_PATH_BYTES, "%s/%s", demo->out, name);
}

/* Removes a file, or a folder with all that is in it; links are removed, not followed. */
static enum sanl_status remove_tree(const char *path)
{
    struct stat info;
    enum sanl_status status = SANL_OK;
    if (lstat(path, &info) != 0)
        return errno == ENOENT ? SANL_OK : sanl_cli_fail(SANL_ERR_IO, "%s: %s", path, strerror(errno));
    DIR *folder = S_ISDIR(info.st_mode) ? opendir(path) : NULL;
    for (const struct dirent *entry; folder && status == SANL_OK && (entry = readdir(folder));) {
        char inside[SANL_DEMO_PATH_BYTES + 512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name) >= (int)sizeof inside)
            status = sanl_cli_fail(SANL_ERR_IO, "%s: a path in it is too long", path);
        else
            status = remove_tree(inside);
    }
    if (folder)
        closedir(folder);
    if (status == SANL_OK && (S_ISDIR(info.st_mode) ? rmdir(path) : unlink(path)) != 0)
        status = sanl_cli_fail(SANL_ERR_IO, "%s: cannot remove it: %s", path, strerror(errno));
    return status;
}

static enum sanl_status check_foreign(const char *path)
{
    bool empty = true;
    DIR *folder = opendir(path);
    if (!folder)
        return sanl_cli_fail(SANL_ERR_IO, "%s: cannot open the folder: %s", path, strerror(errno));
    for (const struct dirent *entry; empty && (entry = readdir(folder));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(folder);
    if (empty)
        return SANL_OK;
    return sanl_cli_fail(SANL_ERR_IO,
                         "%s: holds files that no demo wrote; --out wants a new or empty folder, or a demo's",
                         path);
}

static enum sanl_status write_mark(const char *path)
{
    FILE *file = fopen(path, "w");
    bool written = file && fputs(mark_text, file) >= 0;
    if (file && fclose(file) != 0)
        written = false;
    return written ? SANL_OK : sanl_cli_fail(SANL_ERR_IO, "%s: cannot write: %s", path, strerror(errno));
}

enum sanl_status sanl_demo_prepare(const struct sanl_demo *demo)
{
    sanl_demo_path path;
    if (strlen(demo->out) > SANL_DEMO_PATH_BYTES - 128)
        return sanl_cli_fail(SANL_ERR_USAGE, "--out: a path of at most %d bytes is expected",
                             SANL_DEMO_PATH_BYTES - 128);
    enum sanl_status status = sanl_inputs_folder(demo->out);
    if (status != SANL_OK)
        return status;
    sanl_demo_place(path, demo, mark_name);
    if (access(path, F_OK) != 0) {
        status = check_foreign(demo->out);
        return status == SANL_OK ? write_mark(path) : status;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names && status == SANL_OK; i++) {
        sanl_demo_place(path, demo, names[i]);
        status = remove_tree(path);
    }
    return status;
}
