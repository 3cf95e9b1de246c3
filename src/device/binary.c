/* The cache of program binaries on disk. An entry is
 *   8 bytes magic, u64 check of its key, u64 length, u64 hash of the bytes, then the binary.
 * Anything unsound is ignored and written anew.
 *
 * PoCL's programs are left to PoCL, which keeps what it compiled under $POCL_CACHE_DIR, else
 * $XDG_CACHE_HOME/pocl. To hand out a binary it compiles every kernel once more, for any size of work-group:
 * the kernels of conv2d are ready after 12 s instead of 24 s without that, and after 0.7 s instead of 0.5 s
 * from then on. */
#include "device/internal.h"

#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"

static const char magic[8] = {'s', 'a', 'n', 'l', 'c', 'l', 'b', '1'};

struct header {
    char magic[8];
    uint64_t check, length, hash;
};

static char *entry_path(const struct sanl_device *device, const char *name)
{
    return device->cache ? sanl_path_join(device->cache, name) : NULL;
}

/* A program from the sound bytes of an entry; false when the driver does not take them. */
static bool from_bytes(cl_program *out, struct sanl_device *device, const unsigned char *bytes, size_t length)
{
    cl_int code = CL_SUCCESS, loaded = CL_SUCCESS;
    cl_program program =
        clCreateProgramWithBinary(device->context, 1, &device->id, &length, &bytes, &loaded, &code);
    if (code != CL_SUCCESS || loaded != CL_SUCCESS) {
        if (code == CL_SUCCESS)
            clReleaseProgram(program);
        return false;
    }
    size_t kernels = 0;
    if (clBuildProgram(program, 1, &device->id, "", NULL, NULL) != CL_SUCCESS ||
        clGetProgramInfo(program, CL_PROGRAM_NUM_KERNELS, sizeof kernels, &kernels, NULL) != CL_SUCCESS ||
        kernels == 0) {
        clReleaseProgram(program);
        return false;
    }
    *out = program;
    return true;
}

bool sanl_binary_load(cl_program *out, struct sanl_device *device, const char *name, uint64_t check)
{
    char *path = entry_path(device, name), *bytes = NULL;
    size_t length = 0;
    struct header head;
    bool loaded = false;
    if (path && sanl_file_exists(path) && sanl_file_read(&bytes, &length, path, (size_t)1 << 30) == SANL_OK &&
        length > sizeof head) {
        const unsigned char *body = (const unsigned char *)bytes + sizeof head;
        memcpy(&head, bytes, sizeof head);
        if (memcmp(head.magic, magic, sizeof magic) == 0 && head.check == check &&
            head.length == length - sizeof head && head.hash == sanl_hash_bytes(body, (size_t)head.length))
            loaded = from_bytes(out, device, body, (size_t)head.length);
    }
    free(bytes);
    free(path);
    return loaded;
}

bool sanl_device_caches(const struct sanl_device *device)
{
    const char *own = getenv("POCL_KERNEL_CACHE");
    const bool pocl = strcmp(device->info.platform, "Portable Computing Language") == 0;
    return pocl && !(own && strcmp(own, "0") == 0);
}

void sanl_binary_store(struct sanl_device *device, cl_program program, const char *name, uint64_t check)
{
    char *path = sanl_device_caches(device) ? NULL : entry_path(device, name);
    unsigned char *bytes = NULL;
    size_t length = 0;
    struct sanl_output out;
    if (!path ||
        clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof length, &length, NULL) != CL_SUCCESS ||
        length == 0 || !(bytes = sanl_calloc(length, 1)) ||
        clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof bytes, &bytes, NULL) != CL_SUCCESS)
        goto done;
    struct header head = {.check = check, .length = length, .hash = sanl_hash_bytes(bytes, length)};
    memcpy(head.magic, magic, sizeof magic);
    if (sanl_folder_make(device->cache) != SANL_OK || sanl_output_open(&out, path) != SANL_OK)
        goto done;
    fwrite(&head, sizeof head, 1, out.file);
    fwrite(bytes, 1, length, out.file);
    (void)!sanl_output_commit(&out);
done:
    free(bytes);
    free(path);
}
