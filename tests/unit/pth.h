/* A folder with room for a file of PyTorch, and what is expected of such files. Include after cmocka. */
#ifndef TESTS_PTH_H
#define TESTS_PTH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "model/tensors.h"

static char folder[] = "/tmp/sanlcl_pth_XXXXXX", *path;

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    return !(path = sanl_path_join(folder, "a.pth"));
}

static int remove_folder(void **state)
{
    (void)state;
    remove(path);
    free(path);
    return rmdir(folder);
}

static struct sanl_tensors *open_file(const char *name)
{
    struct sanl_tensors *file;
    if (sanl_tensors_open(&file, name) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    return file;
}

/* Value k of a tensor, row-major, is (k + first) / 8. */
static void check_values(struct sanl_tensors *file, const struct sanl_named_tensor *tensor, size_t first)
{
    float *values = sanl_calloc(tensor->count, sizeof *values);
    if (sanl_tensors_read(file, tensor, values) != SANL_OK)
        fail_msg("%s", sanl_error_message());
    for (size_t k = 0; k < tensor->count; k++)
        if (values[k] != (float)(k + first) / 8)
            fail_msg("%s: value %zu is %g", tensor->name, k, (double)values[k]);
    free(values);
}

static void expect_refusal(const char *name, const char *message)
{
    struct sanl_tensors *file;
    const enum sanl_status status = sanl_tensors_open(&file, name);
    if (status != SANL_ERR_FORMAT || file || !strstr(sanl_error_message(), message) ||
        strncmp(sanl_error_message(), name, strlen(name)) != 0 || strchr(sanl_error_message(), '\n'))
        fail_msg("%s: expected '%s', got %d: %s", name, message, (int)status,
                 status == SANL_OK ? "" : sanl_error_message());
}

#endif
