/* Buffers and their parts. */
#include <stdio.h>
#include <stdlib.h>
#include "base/memory.h"
#include "device/internal.h"
#include "device/profile.h"

/* What an OpenCL buffer and its parts share; it goes with the last of them. */
struct memory {
    cl_mem handle;
    struct sanl_device *device;
    size_t bytes;
    long users;
};

struct sanl_buffer {
    struct memory *memory;
    size_t offset, bytes;
};

/* A buffer that uses the memory. */
static enum sanl_status make(sanl_buffer *out, struct memory *memory, size_t offset, size_t bytes)
{
    sanl_buffer buffer = sanl_calloc(1, sizeof *buffer);
    *out = buffer;
    if (!buffer)
        return SANL_ERR_MEMORY;
    *buffer = (struct sanl_buffer){memory, offset, bytes};
    memory->users++;
    return SANL_OK;
}

static void free_unused(struct memory *memory)
{
    if (memory->users > 0)
        return;
    if (memory->handle) {
        clReleaseMemObject(memory->handle);
        memory->device->allocated -= memory->bytes;
    }
    free(memory);
}

static enum sanl_status allocate(struct memory *memory)
{
    struct sanl_device *device = memory->device;
    cl_int code = CL_SUCCESS;
    void *host = sanl_device_is_cpu(device) ? sanl_host_memory(memory->bytes) : NULL;
    memory->handle = clCreateBuffer(device->context, CL_MEM_READ_WRITE | (host ? CL_MEM_USE_HOST_PTR : 0),
                                    memory->bytes ? memory->bytes : 1, host, &code);
    const bool created = code == CL_SUCCESS;
    if (created && host)
        code = clSetMemObjectDestructorCallback(memory->handle, sanl_host_memory_release, host);
    if (code != CL_SUCCESS) {
        if (created)
            clReleaseMemObject(memory->handle);
        memory->handle = NULL;
        free(host);
        char what[64];
        snprintf(what, sizeof what, "a device buffer of %zu MiB", memory->bytes >> 20);
        return sanl_cl_check(code, what);
    }
    device->allocated += memory->bytes;
    if (device->allocated > device->allocated_most)
        device->allocated_most = device->allocated;
    return SANL_OK;
}

/* Whether bytes `offset` to `offset + count` are the buffer's own: else a neighbour would be hit. */
static enum sanl_status check_inside(sanl_buffer buffer, size_t offset, size_t count)
{
    return offset <= buffer->bytes && count <= buffer->bytes - offset
               ? SANL_OK
               : sanl_fail(SANL_ERR_INTERNAL, "bytes %zu to %zu of a buffer of %zu", offset, offset + count,
                           buffer->bytes);
}

enum sanl_status sanl_buffer_create(sanl_buffer *out, struct sanl_device *device, size_t bytes)
{
    *out = NULL;
    if (bytes > device->info.max_alloc_bytes)
        return sanl_fail(SANL_ERR_LIMIT,
                         "a buffer of %zu MiB is over this device's limit of %zu MiB for one "
                         "buffer; use a smaller batch or input size",
                         bytes >> 20, (size_t)(device->info.max_alloc_bytes >> 20));
    struct memory *memory = sanl_calloc(1, sizeof *memory);
    if (!memory)
        return SANL_ERR_MEMORY;
    *memory = (struct memory){.device = device, .bytes = bytes};
    enum sanl_status status = allocate(memory);
    if (status == SANL_OK)
        status = make(out, memory, 0, bytes);
    if (status != SANL_OK)
        free_unused(memory);
    return status;
}

enum sanl_status sanl_buffer_part(sanl_buffer *out, sanl_buffer parent, size_t offset, size_t bytes)
{
    *out = NULL;
    SANL_TRY(check_inside(parent, offset, bytes));
    return make(out, parent->memory, parent->offset + offset, bytes);
}

void sanl_buffer_free(sanl_buffer buffer)
{
    if (!buffer)
        return;
    buffer->memory->users--;
    free_unused(buffer->memory);
    free(buffer);
}

cl_mem sanl_buffer_memory(sanl_buffer buffer, size_t *offset)
{
    *offset = buffer ? buffer->offset : 0;
    return buffer ? buffer->memory->handle : NULL;
}

uint64_t sanl_device_most_allocated(const struct sanl_device *device)
{
    return device->allocated_most;
}

/* After a transfer that was enqueued with event_of(): its status. */
static enum sanl_status transferred(struct sanl_device *device, enum sanl_transfer transfer, cl_int code,
                                    cl_event event)
{
    static const char *const what[] = {"an upload to the device", "a download from the device",
                                       "a copy on the device", "filling a device buffer"};
    SANL_TRY(sanl_cl_check(code, what[transfer]));
    return event ? sanl_profile_transfer(device, transfer, event) : SANL_OK;
}

static cl_event *event_of(const struct sanl_device *device, cl_event *event)
{
    return device->profile ? event : NULL;
}

enum sanl_status sanl_buffer_write(struct sanl_device *device, sanl_buffer buffer, size_t offset,
                                   const void *bytes, size_t count)
{
    cl_event event = NULL;
    if (count == 0)
        return SANL_OK;
    SANL_TRY(check_inside(buffer, offset, count));
    const cl_int code =
        clEnqueueWriteBuffer(device->queue, buffer->memory->handle, CL_TRUE, buffer->offset + offset, count,
                             bytes, 0, NULL, event_of(device, &event));
    return transferred(device, SANL_UPLOAD, code, event);
}

enum sanl_status sanl_buffer_read(struct sanl_device *device, sanl_buffer buffer, size_t offset, void *bytes,
                                  size_t count)
{
    cl_event event = NULL;
    if (count == 0)
        return SANL_OK;
    SANL_TRY(check_inside(buffer, offset, count));
    const cl_int code =
        clEnqueueReadBuffer(device->queue, buffer->memory->handle, CL_TRUE, buffer->offset + offset, count,
                            bytes, 0, NULL, event_of(device, &event));
    return transferred(device, SANL_DOWNLOAD, code, event);
}

enum sanl_status sanl_buffer_copy(struct sanl_device *device, sanl_buffer from, sanl_buffer to,
                                  size_t from_offset, size_t to_offset, size_t count)
{
    cl_event event = NULL;
    if (count == 0)
        return SANL_OK;
    SANL_TRY(check_inside(from, from_offset, count));
    SANL_TRY(check_inside(to, to_offset, count));
    const cl_int code = clEnqueueCopyBuffer(device->queue, from->memory->handle, to->memory->handle,
                                            from->offset + from_offset, to->offset + to_offset, count, 0,
                                            NULL, event_of(device, &event));
    return transferred(device, SANL_COPY, code, event);
}

enum sanl_status sanl_buffer_fill(struct sanl_device *device, sanl_buffer buffer, size_t count, float value)
{
    cl_event event = NULL;
    if (count == 0)
        return SANL_OK;
    SANL_TRY(check_inside(buffer, 0, count * sizeof value));
    const cl_int code =
        clEnqueueFillBuffer(device->queue, buffer->memory->handle, &value, sizeof value, buffer->offset,
                            count * sizeof value, 0, NULL, event_of(device, &event));
    return transferred(device, SANL_FILL, code, event);
}

enum sanl_status sanl_buffer_clear(struct sanl_device *device, sanl_buffer buffer, size_t offset,
                                   size_t count)
{
    const float zero = 0;
    SANL_TRY(check_inside(buffer, offset, count));
    return sanl_cl_check(clEnqueueFillBuffer(device->queue, buffer->memory->handle, &zero, sizeof zero,
                                             buffer->offset + offset, count, 0, NULL, NULL),
                         "clearing a device buffer");
}
