/* Inside an opened device: buffers, programs, launches. One context and one in-order queue: what is
 * enqueued first is finished first, so kernels need no events between them. */
#ifndef DEVICE_DEVICE_H
#define DEVICE_DEVICE_H

#include <stddef.h>
#include <CL/cl.h>
#include <sanlcl/device.h>
#include "base/status.h"

struct sanl_kernel; /* lives as long as its device */

/* SANL_OK for CL_SUCCESS; else SANL_ERR_DEVICE (SANL_ERR_MEMORY when memory ran out) with a message that
 * names `what`, the code and what to do. */
SANL_CHECKED enum sanl_status sanl_cl_check(cl_int code, const char *what);

/* The name of an OpenCL error code, e.g. "CL_OUT_OF_RESOURCES". */
const char *sanl_cl_error_name(cl_int code);

/* ---- buffers ------------------------------------------------------------------------------------- */

/* Memory on the device, or a part of some; the null pointer is none. Parts are no OpenCL sub-buffers: of
 * these NVIDIA's driver bears few (a launch then takes 50 us instead of 8, and it crashes). A kernel gets
 * each pointer as the whole and an offset (device/pointers.c). */
typedef struct sanl_buffer *sanl_buffer;

/* A buffer of `bytes` bytes (at least 1), not cleared. Release with sanl_buffer_free. */
SANL_CHECKED enum sanl_status sanl_buffer_create(sanl_buffer *out, struct sanl_device *device, size_t bytes);

/* A part of a buffer or of a part; for kernels `offset` is a multiple of base_align_bytes, but weights of
 * some of a convolution's input channels begin at any of their rows of output channels. Holds the whole. */
SANL_CHECKED enum sanl_status sanl_buffer_part(sanl_buffer *out, sanl_buffer parent, size_t offset,
                                               size_t bytes);

void sanl_buffer_free(sanl_buffer buffer); /* takes NULL; before its device is freed */

/* Host to device at byte `offset`. write returns when `bytes` may be reused; read when the data is here. */
SANL_CHECKED enum sanl_status sanl_buffer_write(struct sanl_device *device, sanl_buffer buffer, size_t offset,
                                                const void *bytes, size_t count);
SANL_CHECKED enum sanl_status sanl_buffer_read(struct sanl_device *device, sanl_buffer buffer, size_t offset,
                                               void *bytes, size_t count);
SANL_CHECKED enum sanl_status sanl_buffer_copy(struct sanl_device *device, sanl_buffer from, sanl_buffer to,
                                               size_t from_offset, size_t to_offset, size_t count);
/* Every float of the first `count` floats = value. */
SANL_CHECKED enum sanl_status sanl_buffer_fill(struct sanl_device *device, sanl_buffer buffer, size_t count,
                                               float value);
/* `count` bytes from byte `offset`, both multiples of 4, = 0. */
SANL_CHECKED enum sanl_status sanl_buffer_clear(struct sanl_device *device, sanl_buffer buffer, size_t offset,
                                                size_t count);

/* ---- kernels ------------------------------------------------------------------------------------- */

/* The kernel `name` of cl/`source`.cl built with `options` ("" for none; "-DKEY=VALUE ..."). Built once for
 * each (source, options) and kept; later calls look it up, so it may be called at every launch. The base
 * options (-cl-std=CL1.2 -cl-mad-enable) are added. */
SANL_CHECKED enum sanl_status sanl_kernel_get(struct sanl_kernel **out, struct sanl_device *device,
                                              const char *source, const char *name, const char *options);

struct sanl_range {
    size_t global[3]; /* work-items wanted in each dimension, 0 for an unused dimension */
    size_t local[3];  /* 0: chosen by the device's class */
};

/* Enqueues a kernel. `types` has a letter for each argument:
 *   b sanl_buffer (may be NULL)    i int    u unsigned    l cl_long from int64_t    f float from double
 *   s local memory, size_t bytes
 * A number after a letter repeats it: "b2i3" is "bbiii".
 * Where local[d] is given, global[d] is rounded up to a multiple of it; where it is 0, dimension 0 gets the
 * device's default group size and is rounded up too. So kernels test their index against the bound.
 * More groups along dimension 1 or 2 than all devices take become several launches by an offset: kernels ask
 * for their place there by get_global_id, never by get_group_id, which begins anew. */
SANL_CHECKED enum sanl_status sanl_launch(struct sanl_device *device, struct sanl_kernel *kernel,
                                          struct sanl_range range, const char *types, ...);

/* sanl_kernel_get and sanl_launch with a one-dimensional range of `count` items. */
SANL_CHECKED enum sanl_status sanl_launch_1d(struct sanl_device *device, const char *source, const char *name,
                                             const char *options, size_t count, const char *types, ...);

/* The largest work-group that this kernel can run with. */
size_t sanl_kernel_max_group(const struct sanl_kernel *kernel);

/* Starts what is enqueued, or waits for all of it; finish reports a lost device or a failed kernel. */
SANL_CHECKED enum sanl_status sanl_device_flush(struct sanl_device *device);
SANL_CHECKED enum sanl_status sanl_device_finish(struct sanl_device *device);

/* The family of kernels that suits the device, whatever was asked for: SANL_ROUTE_WIDE or SANL_ROUTE_TILE. */
enum sanl_route sanl_device_default_route(const struct sanl_device *device);

/* The family of kernels for what CLBlast does not do: SANL_ROUTE_WIDE or SANL_ROUTE_TILE. */
enum sanl_route sanl_device_family(const struct sanl_device *device);

/* "auto", "wide", "tile", "clblast", by enum sanl_route. */
extern const char *const sanl_route_names[];

/* True when the user, not the device's class, chose the route: no other is taken. */
bool sanl_device_route_is_given(const struct sanl_device *device);

/* True on devices where one work-item should compute much and local memory does not help (CPUs). */
bool sanl_device_is_cpu(const struct sanl_device *device);

/* True where a work-item has so few registers that 8x4 sums in a tile overflow them: some 64 floats, on
 * GPUs of Intel, Arm and Broadcom. */
bool sanl_device_has_few_registers(const struct sanl_device *device);

/* What the launches that follow belong to, until the next of these calls: an operator's pass such as "conv2d
 * forward", one of its calls, and what that costs at least. For devices that measure; else no work. */
bool sanl_device_profiles(const struct sanl_device *device);
void sanl_device_enter(struct sanl_device *device, const char *group, const char *detail, double flops,
                       double bytes);
void sanl_device_leave(struct sanl_device *device);

/* ---- what was tuned for the device (src/device/tuned.c) ------------------------------------------- */

/* Entry `index` in the order of keys; false from the last on. */
bool sanl_device_tuned_at(const struct sanl_device *device, int index, const char **key, const char **value);
SANL_CHECKED enum sanl_status sanl_device_set_tuned(struct sanl_device *device, const char *key,
                                                    const char *value);
/* Reads the file, if there is one for this device and these kernels: sanl_device_open does. */
void sanl_device_load_tuned(struct sanl_device *device);
void sanl_device_forget_tuned(struct sanl_device *device);
/* Writes the file; its path is in new memory, NULL without a cache folder. */
SANL_CHECKED enum sanl_status sanl_device_save_tuned(const struct sanl_device *device);
char *sanl_device_tuned_path(const struct sanl_device *device);

/* The OpenCL buffer that a buffer lies in, from byte *offset on. */
cl_mem sanl_buffer_memory(sanl_buffer buffer, size_t *offset);
cl_command_queue sanl_device_queue(struct sanl_device *device);
cl_device_id sanl_device_id(struct sanl_device *device);

#endif
