#include "device/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "device/internal.h"

enum {
    PENDING = 4096,       /* events kept before their times are read */
    TRACE_LIMIT = 200000, /* launches in a trace: some 50 MB of JSON */
    SCOPE_BUCKETS = 1024
};

/* What launches belong to. */
struct scope {
    char *group, *detail;
    double seconds, flops, bytes;
    long runs;
    struct scope *next;
};

struct pending {
    cl_event event;
    struct sanl_kernel *kernel;
    struct scope *scope;
};

/* Nanoseconds of the device's clock. */
struct traced {
    const struct sanl_kernel *kernel;
    const struct scope *scope;
    cl_ulong queued, start, end;
};

struct sanl_profile {
    struct pending pending[PENDING];
    int pending_count;
    struct sanl_kernel transfers[SANL_TRANSFERS];
    struct scope *scopes[SCOPE_BUCKETS], *current; /* NULL: none */
    struct scope rest;                             /* of launches outside scopes */
    bool trace;
    struct traced *list;
    size_t capacity;
    long traced, seen;
};

/* ---- taking times -------------------------------------------------------------------------------- */

enum sanl_status sanl_profile_create(struct sanl_profile **out, bool trace)
{
    static char *const names[] = {"(upload)", "(download)", "(copy)", "(fill)"};
    struct sanl_profile *profile = sanl_calloc(1, sizeof *profile);
    *out = profile;
    if (!profile)
        return SANL_ERR_MEMORY;
    profile->trace = trace;
    profile->rest = (struct scope){.group = "other", .detail = ""};
    for (int i = 0; i < SANL_TRANSFERS; i++)
        profile->transfers[i] = (struct sanl_kernel){.key = names[i], .name = names[i]};
    return SANL_OK;
}

static void free_scope(struct scope *scope)
{
    free(scope->group);
    free(scope->detail);
    free(scope);
}

void sanl_profile_free(struct sanl_profile *profile)
{
    if (!profile)
        return;
    for (int i = 0; i < profile->pending_count; i++)
        clReleaseEvent(profile->pending[i].event);
    for (int i = 0; i < SCOPE_BUCKETS; i++)
        for (struct scope *s = profile->scopes[i], *next; s; s = next) {
            next = s->next;
            free_scope(s);
        }
    free(profile->list);
    free(profile);
}

static enum sanl_status trace(struct sanl_profile *profile, const struct traced *traced)
{
    profile->seen++;
    if (profile->traced == TRACE_LIMIT)
        return SANL_OK;
    SANL_TRY(
        sanl_grow(&profile->list, &profile->capacity, (size_t)profile->traced + 1, sizeof *profile->list));
    profile->list[profile->traced++] = *traced;
    return SANL_OK;
}

static enum sanl_status read_event(struct sanl_profile *profile, const struct pending *p)
{
    struct traced t = {.kernel = p->kernel, .scope = p->scope};
    cl_int code =
        clGetEventProfilingInfo(p->event, CL_PROFILING_COMMAND_QUEUED, sizeof t.queued, &t.queued, NULL);
    if (code == CL_SUCCESS)
        code = clGetEventProfilingInfo(p->event, CL_PROFILING_COMMAND_START, sizeof t.start, &t.start, NULL);
    if (code == CL_SUCCESS)
        code = clGetEventProfilingInfo(p->event, CL_PROFILING_COMMAND_END, sizeof t.end, &t.end, NULL);
    if (code != CL_SUCCESS)
        return sanl_cl_check(code, p->kernel->name);
    const double seconds = t.end > t.start ? 1e-9 * (double)(t.end - t.start) : 0;
    p->kernel->seconds += seconds;
    p->kernel->launches++;
    p->scope->seconds += seconds;
    return profile->trace ? trace(profile, &t) : SANL_OK;
}

/* Waits for the device and reads what is pending. */
static enum sanl_status drain(struct sanl_device *device)
{
    struct sanl_profile *profile = device->profile;
    enum sanl_status status = sanl_cl_check(clFinish(device->queue), "waiting for the device");
    for (int i = 0; i < profile->pending_count; i++) {
        if (status == SANL_OK)
            status = read_event(profile, &profile->pending[i]);
        clReleaseEvent(profile->pending[i].event);
    }
    profile->pending_count = 0;
    return status;
}

enum sanl_status sanl_profile_launch(struct sanl_device *device, struct sanl_kernel *kernel, cl_event event)
{
    struct sanl_profile *profile = device->profile;
    struct scope *scope = profile->current ? profile->current : &profile->rest;
    profile->pending[profile->pending_count++] = (struct pending){event, kernel, scope};
    return profile->pending_count == PENDING ? drain(device) : SANL_OK;
}

enum sanl_status sanl_profile_transfer(struct sanl_device *device, enum sanl_transfer transfer,
                                       cl_event event)
{
    return sanl_profile_launch(device, &device->profile->transfers[transfer], event);
}

/* ---- scopes -------------------------------------------------------------------------------------- */

bool sanl_device_profiles(const struct sanl_device *device)
{
    return device->profile != NULL;
}

static struct scope *find_scope(struct sanl_profile *profile, const char *group, const char *detail)
{
    const uint64_t key = sanl_random_key(sanl_hash_text(group), sanl_hash_text(detail), 0, 0);
    struct scope **bucket = &profile->scopes[key % SCOPE_BUCKETS];
    for (struct scope *s = *bucket; s; s = s->next)
        if (strcmp(s->group, group) == 0 && strcmp(s->detail, detail) == 0)
            return s;
    struct scope *scope = sanl_calloc(1, sizeof *scope);
    if (!scope)
        return NULL;
    scope->group = sanl_strdup(group);
    scope->detail = sanl_strdup(detail);
    if (!scope->group || !scope->detail) {
        free_scope(scope);
        return NULL;
    }
    scope->next = *bucket;
    return *bucket = scope;
}

void sanl_device_enter(struct sanl_device *device, const char *group, const char *detail, double flops,
                       double bytes)
{
    if (!device->profile)
        return;
    struct scope *scope = find_scope(device->profile, group, detail);
    device->profile->current = scope;
    if (!scope)
        return; /* no memory: the launches count as others */
    scope->flops += flops;
    scope->bytes += bytes;
    scope->runs++;
}

void sanl_device_leave(struct sanl_device *device)
{
    if (device->profile)
        device->profile->current = NULL;
}

/* ---- tables -------------------------------------------------------------------------------------- */

struct times {
    struct sanl_device_time *list;
    size_t capacity;
    int count;
};

static enum sanl_status add(struct times *times, const struct sanl_device_time *time)
{
    for (int i = 0; i < times->count; i++) {
        struct sanl_device_time *t = &times->list[i];
        if (strcmp(t->name, time->name) != 0)
            continue;
        t->seconds += time->seconds;
        t->runs += time->runs;
        t->flops += time->flops;
        t->bytes += time->bytes;
        return SANL_OK;
    }
    SANL_TRY(sanl_grow(&times->list, &times->capacity, (size_t)times->count + 1, sizeof *times->list));
    times->list[times->count++] = *time;
    return SANL_OK;
}

static enum sanl_status add_kernel(struct times *times, const struct sanl_kernel *k)
{
    return k->launches ? add(times, &(struct sanl_device_time){k->key, k->seconds, k->launches, 0, 0})
                       : SANL_OK;
}

static enum sanl_status add_kernels(struct times *times, const struct sanl_device *device)
{
    for (int i = 0; i < KERNEL_BUCKETS; i++)
        for (const struct sanl_kernel *k = device->kernels[i]; k; k = k->next)
            SANL_TRY(add_kernel(times, k));
    for (int i = 0; i < SANL_TRANSFERS; i++)
        SANL_TRY(add_kernel(times, &device->profile->transfers[i]));
    return SANL_OK;
}

static enum sanl_status add_scopes(struct times *times, const struct sanl_profile *profile)
{
    const struct scope *rest = &profile->rest;
    for (int i = 0; i < SCOPE_BUCKETS; i++)
        for (const struct scope *s = profile->scopes[i]; s; s = s->next)
            if (s->runs)
                SANL_TRY(add(times,
                             &(struct sanl_device_time){s->group, s->seconds, s->runs, s->flops, s->bytes}));
    return rest->seconds > 0 ? add(times, &(struct sanl_device_time){rest->group, rest->seconds, 0, 0, 0})
                             : SANL_OK;
}

static int by_time(const void *a, const void *b)
{
    const struct sanl_device_time *x = a, *y = b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

enum sanl_status sanl_device_times(struct sanl_device_time **out, int *count, struct sanl_device *device,
                                   enum sanl_device_times_of of)
{
    struct times times = {.count = 0};
    enum sanl_status status = SANL_OK;
    *out = NULL;
    *count = 0;
    if (!device->profile)
        return SANL_OK;
    if ((status = drain(device)) == SANL_OK)
        status =
            of == SANL_TIMES_OF_KERNELS ? add_kernels(&times, device) : add_scopes(&times, device->profile);
    if (status != SANL_OK) {
        free(times.list);
        return status;
    }
    if (times.list)
        qsort(times.list, (size_t)times.count, sizeof *times.list, by_time);
    *out = times.list;
    *count = times.count;
    return SANL_OK;
}

static void clear_kernel(struct sanl_kernel *kernel)
{
    kernel->seconds = 0;
    kernel->launches = 0;
}

enum sanl_status sanl_device_clear_times(struct sanl_device *device)
{
    struct sanl_profile *profile = device->profile;
    if (!profile)
        return SANL_OK;
    SANL_TRY(drain(device));
    for (int i = 0; i < KERNEL_BUCKETS; i++)
        for (struct sanl_kernel *k = device->kernels[i]; k; k = k->next)
            clear_kernel(k);
    for (int i = 0; i < SANL_TRANSFERS; i++)
        clear_kernel(&profile->transfers[i]);
    for (int i = 0; i < SCOPE_BUCKETS; i++)
        for (struct scope *s = profile->scopes[i]; s; s = s->next) {
            s->seconds = s->flops = s->bytes = 0;
            s->runs = 0;
        }
    profile->rest.seconds = 0;
    return SANL_OK;
}

/* ---- the trace ----------------------------------------------------------------------------------- */

/* Microseconds since the trace's first command. */
static void write_time(FILE *file, const char *key, cl_ulong at, cl_ulong since)
{
    const unsigned long long ns = at > since ? at - since : 0;
    fprintf(file, ",\"%s\":%llu.%03llu", key, ns / 1000, ns % 1000);
}

static void write_text(FILE *file, const char *key, const char *text)
{
    fprintf(file, "\"%s\":", key);
    sanl_text_json(file, text);
}

/* A kernel's key is "source name options"; that of a transfer its name alone. */
static const char *options_of(const struct sanl_kernel *kernel)
{
    const char *name = strchr(kernel->key, ' ');
    const char *options = name ? strchr(name + 1, ' ') : NULL;
    return options ? options + 1 : "";
}

static void write_launch(FILE *file, const struct traced *t, cl_ulong since)
{
    fputs(",\n{", file);
    write_text(file, "name", t->kernel->name);
    fputs(",\"ph\":\"X\",\"pid\":1,\"tid\":1", file);
    write_time(file, "ts", t->start, since);
    write_time(file, "dur", t->end, t->start);
    fputs(",\"args\":{", file);
    write_text(file, "operator", t->scope->group);
    fputc(',', file);
    write_text(file, "call", t->scope->detail);
    fputc(',', file);
    write_text(file, "options", options_of(t->kernel));
    write_time(file, "queued", t->queued, since);
    write_time(file, "waited", t->start, t->queued);
    fputs("}}", file);
}

static void write_trace(FILE *file, const struct sanl_device *device)
{
    const struct sanl_profile *profile = device->profile;
    cl_ulong since = 0;
    for (long i = 0; i < profile->traced; i++)
        if (i == 0 || profile->list[i].queued < since)
            since = profile->list[i].queued;
    fputs("{\"displayTimeUnit\":\"ms\",\"otherData\":{", file);
    write_text(file, "device", device->info.name);
    fputc(',', file);
    write_text(file, "driver", device->info.driver);
    fprintf(file, ",\"launches\":%ld,\"left_out\":%ld},\"traceEvents\":[\n", profile->traced,
            profile->seen - profile->traced);
    fputs("{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"args\":{\"name\":\"sanlcl\"}},\n", file);
    fputs("{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":1,\"args\":{\"name\":\"queue\"}}", file);
    for (long i = 0; i < profile->traced; i++)
        write_launch(file, &profile->list[i], since);
    fputs("\n]}\n", file);
}

enum sanl_status sanl_device_save_trace(struct sanl_device *device, const char *path, long *saved,
                                        long *left_out)
{
    struct sanl_output output = {0};
    if (!device->profile || !device->profile->trace)
        return sanl_fail(SANL_ERR_INTERNAL, "%s: the device keeps no trace", path);
    SANL_TRY(drain(device));
    enum sanl_status status = sanl_output_open(&output, path);
    if (status == SANL_OK) {
        write_trace(output.file, device);
        status = sanl_output_commit(&output);
    }
    sanl_output_free(&output);
    *saved = device->profile->traced;
    *left_out = device->profile->seen - device->profile->traced;
    return status;
}
