/* A benchmark's results as JSON. */
#include <sanlcl/bench.h>

#include <jansson.h>
#include <stdlib.h>
#include "base/file.h"
#include "device/device.h"

static const char *const limit_names[] = {"compute", "memory", "launch"};

/* Drivers write what they like into their names. */
static json_t *text(const char *value)
{
    json_t *made = json_string(value);
    return made ? made : json_string("?");
}

static json_t *device_object(const struct sanl_device_info *info)
{
    return json_pack("{so so so so so so sI sI}", "name", text(info->name), "type", text(info->type),
                     "vendor", text(info->vendor), "platform", text(info->platform), "platform_version",
                     text(info->platform_version), "driver", text(info->driver), "compute_units",
                     (json_int_t)info->compute_units, "clock_mhz", (json_int_t)info->clock_mhz);
}

static json_t *config_object(const struct sanl_config *config, int batch, int runs)
{
    return json_pack("{ss ss si si si}", "backbone",
                     sanl_config_choices("model.backbone")[config->model.backbone], "block",
                     sanl_config_choices("model.block")[config->model.block], "size", config->model.size,
                     "batch", batch, "runs", runs);
}

static json_t *peaks_object(const struct sanl_bench_peaks *p)
{
    return json_pack("{sf ss sf sf sf sf sf sf sf sI}", "flops_s", p->flops, "flops_shape", p->flops_shape,
                     "copy_bytes_s", p->copy, "read_bytes_s", p->read, "driver_copy_bytes_s", p->driver_copy,
                     "upload_bytes_s", p->upload, "download_bytes_s", p->download, "launch_s", p->launch,
                     "round_trip_s", p->round_trip, "buffer_bytes", (json_int_t)p->bytes);
}

static json_t *op_object(const struct sanl_bench_op *op)
{
    json_t *made = json_pack("{ss ss ss si sf sf sf ss ss ss sf}", "op", op->op, "pass", op->pass, "shape",
                             op->shape, "count", op->count, "seconds", op->seconds, "flops", op->flops,
                             "bytes", op->bytes, "route", sanl_route_names[op->route], "kernels", op->kernels,
                             "limit", limit_names[op->limit], "roof", op->roof);
    if (made && op->other_seconds > 0)
        json_object_set_new(made, "other_seconds", json_real(op->other_seconds));
    return made;
}

static json_t *time_object(const struct sanl_device_time *t)
{
    return json_pack("{ss sf sI sf sf}", "name", t->name, "seconds", t->seconds, "runs", (json_int_t)t->runs,
                     "flops", t->flops, "bytes", t->bytes);
}

static json_t *times_array(const struct sanl_device_time *times, int count)
{
    json_t *made = json_array();
    for (int i = 0; i < count; i++)
        if (json_array_append_new(made, time_object(&times[i])) != 0) {
            json_decref(made);
            return NULL;
        }
    return made;
}

static json_t *stage_object(const struct sanl_bench_stage *stage, int batch)
{
    return json_pack("{ss sf sf sf so so}", "stage", stage->name, "seconds", stage->seconds, "images_s",
                     stage->seconds > 0 ? batch / stage->seconds : 0.0, "flops", stage->flops, "operators",
                     times_array(stage->operators, stage->operator_count), "kernels",
                     times_array(stage->kernels, stage->kernel_count));
}

static json_t *loader_object(const struct sanl_bench_loader_result *r)
{
    return json_pack("{si sI sf sf}", "workers", r->workers, "images", (json_int_t)r->images, "seconds",
                     r->seconds, "core_seconds", r->core_seconds);
}

/* jansson takes NULL for what could not be made, and then fails itself. */
static json_t *report_object(const struct sanl_bench_report *report, const struct sanl_device *device)
{
    json_t *ops = json_array(), *stages = json_array(), *loader = json_array();
    int failed = 0;
    for (int i = 0; i < report->op_count; i++)
        failed |= json_array_append_new(ops, op_object(&report->ops[i]));
    for (int i = 0; i < report->stage_count; i++)
        failed |= json_array_append_new(stages, stage_object(&report->stages[i], report->batch));
    for (int i = 0; i < report->loader_count; i++)
        failed |= json_array_append_new(loader, loader_object(&report->loader[i]));
    json_t *root = json_pack("{so so so so so so sf sf}", "device",
                             device ? device_object(sanl_device_get_info(device)) : json_null(), "network",
                             config_object(report->config, report->batch, report->runs), "peaks",
                             report->peaks ? peaks_object(report->peaks) : json_null(), "operators", ops,
                             "stages", stages, "loader", loader, "process_bytes", report->process_bytes,
                             "device_bytes", report->device_bytes);
    if (root && failed) {
        json_decref(root);
        root = NULL;
    }
    return root;
}

enum sanl_status sanl_bench_save(const struct sanl_bench_report *report, const struct sanl_device *device,
                                 const char *path)
{
    json_t *root = report_object(report, device);
    char *made = root ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    struct sanl_output output = {0};
    enum sanl_status status =
        made ? sanl_output_open(&output, path) : sanl_fail(SANL_ERR_MEMORY, "%s: no memory", path);
    if (status == SANL_OK) {
        fprintf(output.file, "%s\n", made);
        status = sanl_output_commit(&output);
    }
    sanl_output_free(&output);
    free(made);
    json_decref(root);
    return status;
}
