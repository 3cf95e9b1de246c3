#include "cli/inputs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/args.h"

enum {
    LINE_BYTES = 8192,
    STEM_BYTES = 192, /* with what is added to it, within the 255 that file systems take */
};

static bool has_ending(const char *path, const char *ending)
{
    const size_t n = strlen(path), m = strlen(ending);
    return n > m && strcasecmp(path + n - m, ending) == 0;
}

static bool is_picture(const char *path)
{
    return has_ending(path, ".jpg") || has_ending(path, ".jpeg") || has_ending(path, ".png");
}

static enum sanl_status fail_memory(void)
{
    return sanl_cli_fail(SANL_ERR_MEMORY, "out of host memory");
}

static enum sanl_status add(struct sanl_inputs *inputs, const char *path, const struct sanl_box *box)
{
    if (inputs->count == inputs->capacity) {
        const size_t room = inputs->capacity ? 2 * inputs->capacity : 64;
        struct sanl_predict_input *list = realloc(inputs->list, room * sizeof *list);
        if (!list)
            return fail_memory();
        inputs->list = list;
        inputs->capacity = room;
    }
    char *copy = strdup(path);
    if (!copy)
        return fail_memory();
    struct sanl_predict_input *input = &inputs->list[inputs->count++];
    memset(input, 0, sizeof *input);
    input->path = copy;
    input->has_box = box != NULL;
    if (box)
        input->box = *box;
    return SANL_OK;
}

/* ---- boxes --------------------------------------------------------------------------------------- */

bool sanl_box_parse(struct sanl_box *out, const char *text)
{
    double v[4];
    for (int i = 0; i < 4; i++) {
        char *end;
        v[i] = strtod(text, &end);
        if (end == text || !isfinite(v[i]))
            return false;
        text = end + strspn(end, i < 3 ? ", \t" : " \t\r\n");
    }
    const struct sanl_box box = {v[0], v[1], v[2], v[3]};
    *out = box;
    return *text == 0 && v[2] > v[0] && v[3] > v[1];
}

/* ---- lists --------------------------------------------------------------------------------------- */

static void trim(char *line)
{
    size_t n = strlen(line);
    while (n > 0 && isspace((unsigned char)line[n - 1]))
        line[--n] = 0;
}

/* Where the last `count` fields of the line begin, behind the blank before them; NULL when there is no more.
 */
static char *last_fields(char *line, int count)
{
    char *at = line + strlen(line);
    for (int i = 0; i < count; i++) {
        while (at > line && isspace((unsigned char)at[-1]))
            at--;
        while (at > line && !isspace((unsigned char)at[-1]))
            at--;
    }
    return at > line ? at : NULL;
}

static bool is_number(const char *text)
{
    char *end;
    strtod(text, &end);
    return end != text && (*end == 0 || isspace((unsigned char)*end));
}

static enum sanl_status add_line(struct sanl_inputs *inputs, char *line, const char *path, int number,
                                 const struct sanl_box *box, bool missing)
{
    struct sanl_box own;
    char whole[LINE_BYTES];
    trim(line);
    if (!*line)
        return SANL_OK;
    snprintf(whole, sizeof whole, "%s", line);
    const char *last = is_picture(line) ? NULL : last_fields(line, 1);
    const bool boxed = last && is_number(last);
    char *fields = boxed ? last_fields(line, 4) : NULL;
    bool sound = !boxed || (fields && sanl_box_parse(&own, fields));
    if (fields) {
        fields[-1] = 0;
        trim(line);
    }
    sound = sound && (missing || is_picture(line) || access(line, F_OK) == 0);
    return sound ? add(inputs, line, boxed ? &own : box)
                 : sanl_cli_fail(SANL_ERR_FORMAT,
                                 "%s: line %d: expected a picture, or one and its box X1 Y1 X2 Y2 with "
                                 "X1 < X2 and Y1 < Y2, found '%s'",
                                 path, number, whole);
}

static enum sanl_status read_list(struct sanl_inputs *inputs, const char *path, const struct sanl_box *box,
                                  bool missing)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* of UTF-8, as some editors write it */
    char line[LINE_BYTES];
    int number = 0;
    enum sanl_status status = SANL_OK;
    FILE *file = fopen(path, "r");
    if (!file)
        return sanl_cli_fail(SANL_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    while (status == SANL_OK && fgets(line, sizeof line, file)) {
        if (number++ == 0 && strncmp(line, mark, strlen(mark)) == 0)
            memmove(line, line + strlen(mark), strlen(line) + 1 - strlen(mark));
        if (strlen(line) == sizeof line - 1)
            status =
                sanl_cli_fail(SANL_ERR_FORMAT, "%s: line %d: longer than %d bytes; not a list of pictures?",
                              path, number, LINE_BYTES - 2);
        else
            status = add_line(inputs, line, path, number, box, missing);
    }
    if (status == SANL_OK && ferror(file))
        status = sanl_cli_fail(SANL_ERR_IO, "%s: cannot read", path);
    fclose(file);
    return status;
}

/* ---- folders ------------------------------------------------------------------------------------- */

static int compare_inputs(const void *a, const void *b)
{
    const struct sanl_predict_input *x = a, *y = b;
    return strcmp(x->path, y->path);
}

static char *join(const char *folder, const char *name, const char *kind)
{
    const size_t n = strlen(folder), bytes = n + strlen(name) + strlen(kind) + 8;
    char *path = malloc(bytes);
    if (path)
        snprintf(path, bytes, "%s%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name, kind);
    else
        (void)fail_memory();
    return path;
}

static enum sanl_status read_folder(struct sanl_inputs *inputs, const char *path, const struct sanl_box *box)
{
    const size_t first = inputs->count;
    enum sanl_status status = SANL_OK;
    DIR *folder = opendir(path);
    if (!folder)
        return sanl_cli_fail(SANL_ERR_IO, "%s: cannot open the folder: %s", path, strerror(errno));
    for (const struct dirent *entry; status == SANL_OK && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.' || !is_picture(entry->d_name))
            continue;
        char *file = join(path, entry->d_name, "");
        status = file ? add(inputs, file, box) : SANL_ERR_MEMORY;
        free(file);
    }
    closedir(folder);
    if (status == SANL_OK && inputs->count == first)
        return sanl_cli_fail(SANL_ERR_IO, "%s: no .jpg, .jpeg or .png in this folder", path);
    if (status == SANL_OK)
        qsort(inputs->list + first, inputs->count - first, sizeof *inputs->list, compare_inputs);
    return status;
}

/* ---- names --------------------------------------------------------------------------------------- */

/* `length`, or less where that is inside a letter of UTF-8. */
static size_t whole_letters(const char *text, size_t length)
{
    for (int i = 0; i < 3 && ((unsigned char)text[length] & 0xC0) == 0x80; i++)
        length--;
    return length;
}

static char *stem_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *start = slash ? slash + 1 : path;
    const char *dot = strrchr(start, '.');
    size_t length = dot && dot > start ? (size_t)(dot - start) : strlen(start);
    if (length > STEM_BYTES)
        length = whole_letters(start, STEM_BYTES);
    return strndup(start, length);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum sanl_status find_repeated(bool *out, const struct sanl_inputs *inputs)
{
    char **sorted = malloc(inputs->count * sizeof *sorted);
    *out = false;
    if (!sorted)
        return fail_memory();
    memcpy(sorted, inputs->names, inputs->count * sizeof *sorted);
    qsort(sorted, inputs->count, sizeof *sorted, compare_names);
    for (size_t i = 1; i < inputs->count; i++)
        *out = *out || strcmp(sorted[i - 1], sorted[i]) == 0;
    free(sorted);
    return SANL_OK;
}

/* Where two pictures would share a name, all of them are numbered. */
static enum sanl_status make_names(struct sanl_inputs *inputs)
{
    bool repeated;
    inputs->names = calloc(inputs->count, sizeof *inputs->names);
    if (!inputs->names)
        return fail_memory();
    for (size_t i = 0; i < inputs->count; i++)
        if (!(inputs->names[i] = stem_of(inputs->list[i].path)))
            return fail_memory();
    const enum sanl_status status = find_repeated(&repeated, inputs);
    for (size_t i = 0; status == SANL_OK && repeated && i < inputs->count; i++) {
        const size_t bytes = strlen(inputs->names[i]) + 32;
        char *numbered = malloc(bytes);
        if (!numbered)
            return fail_memory();
        snprintf(numbered, bytes, "%06zu_%s", i + 1, inputs->names[i]);
        free(inputs->names[i]);
        inputs->names[i] = numbered;
    }
    return status;
}

/* ---- all ----------------------------------------------------------------------------------------- */

enum sanl_status sanl_inputs_read(struct sanl_inputs *out, const char *const *arguments, size_t count,
                                  const struct sanl_box *box, bool missing)
{
    enum sanl_status status = SANL_OK;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < count && status == SANL_OK; i++) {
        struct stat info = {0};
        if (stat(arguments[i], &info) != 0 && !(missing && is_picture(arguments[i])))
            status = sanl_cli_fail(SANL_ERR_IO, "%s: %s", arguments[i], strerror(errno));
        else if (S_ISDIR(info.st_mode))
            status = read_folder(out, arguments[i], box);
        else if (has_ending(arguments[i], ".txt"))
            status = read_list(out, arguments[i], box, missing);
        else
            status = add(out, arguments[i], box);
    }
    if (status == SANL_OK && out->count == 0)
        status = sanl_cli_fail(SANL_ERR_IO, "%s: no pictures in it", arguments[0]);
    return status == SANL_OK ? make_names(out) : status;
}

void sanl_inputs_free(struct sanl_inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++) {
        free((char *)inputs->list[i].path);
        if (inputs->names)
            free(inputs->names[i]);
    }
    free(inputs->list);
    free(inputs->names);
    memset(inputs, 0, sizeof *inputs);
}

char *sanl_inputs_file(const char *folder, const struct sanl_inputs *inputs, size_t index, const char *kind)
{
    char ending[64];
    snprintf(ending, sizeof ending, "_%s.png", kind);
    return join(folder, inputs->names[index], ending);
}

enum sanl_status sanl_inputs_folder(const char *path)
{
    struct stat info;
    int code = ENOENT;
    char *copy = strdup(path);
    if (!copy)
        return fail_memory();
    for (char *p = copy + 1; *copy; p++) { /* the parents, then the folder */
        if (*p != '/' && *p)
            continue;
        const char end = *p;
        *p = 0;
        code = mkdir(copy, 0777) == 0 ? 0 : errno;
        *p = end;
        if (!end)
            break;
    }
    free(copy);
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return SANL_OK;
    return sanl_cli_fail(SANL_ERR_IO, "%s: cannot make this folder: %s", path, strerror(code));
}
