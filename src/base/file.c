#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/memory.h"

static const char too_large[] = "%s: larger than the limit of %zu bytes";

enum sanl_status sanl_file_read(char **out, size_t *length, const char *path, size_t limit)
{
    *out = NULL;
    *length = 0;
    enum sanl_status status = SANL_OK;
    char *bytes = NULL;
    struct stat info;
    FILE *file = fopen(path, "rb");
    if (!file)
        return sanl_fail_errno(SANL_ERR_IO, "%s: cannot open", path);
    const bool known = fstat(fileno(file), &info) == 0;
    if (!known || S_ISDIR(info.st_mode)) {
        errno = known ? EISDIR : errno;
        status = sanl_fail_errno(SANL_ERR_IO, "%s: cannot read", path);
        goto done;
    }
    size_t used = 0, capacity = 0;
    if (info.st_size > 0 && (uint64_t)info.st_size > limit) {
        status = sanl_fail(SANL_ERR_LIMIT, too_large, path, limit);
        goto done;
    }
    for (;;) {
        const size_t wanted = used ? used * 2 : (size_t)info.st_size + 1;
        if ((status = sanl_grow(&bytes, &capacity, wanted + 1, 1)) != SANL_OK)
            goto done;
        used += fread(bytes + used, 1, capacity - 1 - used, file);
        if (used > limit) {
            status = sanl_fail(SANL_ERR_LIMIT, too_large, path, limit);
            goto done;
        }
        if (used < capacity - 1)
            break;
    }
    if (ferror(file)) {
        status = sanl_fail_errno(SANL_ERR_IO, "%s: cannot read", path);
        goto done;
    }
    bytes[used] = 0;
    *out = bytes;
    *length = used;
    bytes = NULL;
done:
    free(bytes);
    fclose(file);
    return status;
}

/* The standard stream that goes to this file, as with /dev/stdout, or -1. */
static int own_stream(const char *path)
{
    struct stat info, own;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO && stat(path, &info) == 0; fd++)
        if (fstat(fd, &own) == 0 && own.st_dev == info.st_dev && own.st_ino == info.st_ino)
            return fd;
    return -1;
}

/* True for what a rename would wrongly replace by a file: a terminal, a pipe, a device, and the file that the
 * program's own standard streams go to. */
static bool is_stream(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && (!S_ISREG(info.st_mode) || own_stream(path) >= 0);
}

/* Standard streams are continued where they are, with what was printed to them before. */
static FILE *open_stream(const char *path)
{
    const int fd = own_stream(path);
    fflush(NULL);
    return fd < 0 ? fopen(path, "ab") : fdopen(dup(fd), "ab");
}

/* A file that nobody else writes: machines and containers that share a folder have equal process numbers. */
static enum sanl_status open_temporary(struct sanl_output *out)
{
    for (int i = 0;; i++) {
        free(out->temporary);
        out->temporary = sanl_format("%s.tmp%ld-%d", out->path, (long)getpid(), i);
        if (!out->temporary)
            return SANL_ERR_MEMORY;
        out->file = fopen(out->temporary, "wbx");
        if (out->file || errno != EEXIST)
            return SANL_OK;
    }
}

enum sanl_status sanl_output_open(struct sanl_output *out, const char *path)
{
    memset(out, 0, sizeof *out);
    out->path = sanl_strdup(path);
    enum sanl_status opened = out->path ? SANL_OK : SANL_ERR_MEMORY;
    if (is_stream(path))
        out->file = open_stream(path);
    else if (opened == SANL_OK)
        opened = open_temporary(out);
    if (opened != SANL_OK) {
        sanl_output_free(out);
        return opened;
    }
    if (!out->file) {
        const enum sanl_status status = sanl_fail_errno(SANL_ERR_IO, "%s: cannot write", path);
        free(out->temporary); /* it may be someone else's */
        out->temporary = NULL;
        sanl_output_free(out);
        return status;
    }
    return SANL_OK;
}

enum sanl_status sanl_output_check(const char *path)
{
    struct sanl_output out;
    if (is_stream(path) && !sanl_folder_exists(path))
        return SANL_OK; /* opening a pipe and closing it again would end what reads from it */
    SANL_TRY(sanl_output_open(&out, path));
    sanl_output_free(&out);
    return SANL_OK;
}

/* errno of the failed writes, whose own is long gone: one more write fails for the same reason. */
static int reason_of(FILE *file)
{
    clearerr(file);
    errno = 0;
    fputc(0, file);
    fflush(file);
    return errno;
}

enum sanl_status sanl_output_commit(struct sanl_output *out)
{
    errno = 0;
    bool failed = fflush(out->file) != 0;
    int code = errno;
    if (!failed && ferror(out->file)) {
        failed = true;
        code = reason_of(out->file);
    }
    if (fclose(out->file) != 0 && !failed) {
        failed = true;
        code = errno;
    }
    out->file = NULL;
    if (!failed && out->temporary && rename(out->temporary, out->path) != 0) {
        failed = true;
        code = errno;
    }
    enum sanl_status status = SANL_OK;
    if (failed) {
        errno = code ? code : EIO;
        status = sanl_fail_errno(SANL_ERR_IO, "%s: cannot write", out->path);
    } else {
        free(out->temporary);
        out->temporary = NULL;
    }
    sanl_output_free(out);
    return status;
}

void sanl_output_free(struct sanl_output *out)
{
    if (out->file)
        fclose(out->file);
    if (out->temporary)
        remove(out->temporary);
    free(out->temporary);
    free(out->path);
    memset(out, 0, sizeof *out);
}

/* ".tmp12-0", as open_temporary names them. */
static bool ends_temporary(const char *end)
{
    if (strncmp(end, ".tmp", 4) != 0)
        return false;
    const size_t digits = strspn(end + 4, "0123456789");
    const char *dash = end + 4 + digits;
    return digits && *dash == '-' && dash[1] && !dash[1 + strspn(dash + 1, "0123456789")];
}

void sanl_output_sweep(const char *path)
{
    enum { WHILE = 60 };
    const char *name = sanl_path_name(path);
    const size_t length = strlen(name);
    char *folder = sanl_format("%.*s.", (int)(name - path), path);
    DIR *dir = folder ? opendir(folder) : NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        struct stat info;
        char *found = NULL;
        if (strncmp(entry->d_name, name, length) == 0 && ends_temporary(entry->d_name + length))
            found = sanl_path_join(folder, entry->d_name);
        if (found && lstat(found, &info) == 0 && time(NULL) - info.st_mtime > WHILE)
            unlink(found);
        free(found);
    }
    if (dir)
        closedir(dir);
    free(folder);
}

enum sanl_status sanl_file_write(const char *path, const void *bytes, size_t count)
{
    struct sanl_output out;
    SANL_TRY(sanl_output_open(&out, path));
    fwrite(bytes, 1, count, out.file);
    return sanl_output_commit(&out);
}

enum sanl_status sanl_folder_make(const char *path)
{
    char *copy = sanl_strdup(path);
    if (!copy)
        return SANL_ERR_MEMORY;
    enum sanl_status status = SANL_OK;
    for (char *p = copy + 1; *copy && status == SANL_OK; p++) {
        if (*p != '/' && *p)
            continue;
        const char end = *p;
        *p = 0;
        const int code = mkdir(copy, 0777) == 0 ? 0 : errno;
        if (code && !sanl_folder_exists(copy)) {
            errno = code == EEXIST ? ENOTDIR : code;
            status = sanl_fail_errno(SANL_ERR_IO, "%s: cannot make the folder", copy);
        }
        *p = end;
        if (!end)
            break;
    }
    free(copy);
    return status;
}

enum sanl_status sanl_folder_make_for(const char *path)
{
    char *copy = sanl_strdup(path), *slash = copy ? strrchr(copy, '/') : NULL;
    if (!copy)
        return SANL_ERR_MEMORY;
    if (slash)
        *slash = 0;
    const enum sanl_status status = slash ? sanl_folder_make(copy) : SANL_OK;
    free(copy);
    return status;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

enum sanl_status sanl_folder_claim(const char *path)
{
    enum sanl_status status = SANL_OK;
    SANL_TRY(sanl_folder_make(path));
    DIR *folder = opendir(path);
    if (!folder)
        return sanl_fail_errno(SANL_ERR_IO, "%s: cannot open the folder", path);
    for (struct dirent *entry; (entry = readdir(folder)) && status == SANL_OK;)
        if (!is_dots(entry->d_name))
            status = sanl_fail(SANL_ERR_IO,
                               "%s: the folder is not empty, it holds %s; choose another or remove it", path,
                               entry->d_name);
    closedir(folder);
    return status;
}

void sanl_folder_clear(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct stat info;
        char *inner = is_dots(entry->d_name) ? NULL : sanl_path_join(path, entry->d_name);
        if (!inner)
            continue;
        if (lstat(inner, &info) == 0 && S_ISDIR(info.st_mode)) {
            sanl_folder_clear(inner);
            (void)rmdir(inner);
        } else {
            (void)unlink(inner);
        }
        free(inner);
    }
    closedir(folder);
}

bool sanl_file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool sanl_folder_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

char *sanl_path_join(const char *a, const char *b)
{
    if (b[0] == '/' || !a[0])
        return sanl_strdup(b);
    return sanl_format("%s%s%s", a, a[strlen(a) - 1] == '/' ? "" : "/", b);
}

const char *sanl_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *sanl_cache_folder(void)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (xdg && xdg[0] == '/')
        return sanl_format("%s/sanlcl", xdg);
    return home && home[0] ? sanl_format("%s/.cache/sanlcl", home) : NULL;
}
