#include <sanlcl/export.h>
#include "cli/args.h"

static const char *const formats[] = {"safetensors", "onnx", NULL}; /* as enum sanl_export_format */
static const char *const parts[] = {"network", "classifier", NULL}; /* as enum sanl_export_part */

static const struct sanl_arg args_table[] = {
    {.name = "--weights", .value = "FILE", .type = SANL_ARG_TEXT, .help = "checkpoint; needed"},
    {.name = "--format",
     .value = "FORMAT",
     .type = SANL_ARG_TEXT,
     .choices = formats,
     .help = "of the file that is written; needed"},
    {.name = "--out", .value = "FILE", .type = SANL_ARG_TEXT, .output = true, .help = "the file; needed"},
    {.name = "--part",
     .value = "PART",
     .type = SANL_ARG_TEXT,
     .preset = "network",
     .choices = parts,
     .help = "the network that was trained, or the classifier of its attention maps within the file"},
    {0},
};

static enum sanl_status run(const struct sanl_args *args)
{
    const char *weights = sanl_args_text(args, "--weights"), *out = sanl_args_text(args, "--out");
    const int format = sanl_args_choice(args, "--format");
    if (!weights || !out || format < 0)
        return sanl_cli_fail(SANL_ERR_USAGE, "expected --weights FILE, --format FORMAT and --out FILE");
    const struct sanl_export_options options = {
        .format = (enum sanl_export_format)format,
        .part = (enum sanl_export_part)sanl_args_choice(args, "--part"),
        .overrides = args->overrides,
        .override_count = args->override_count,
    };
    return sanl_export(out, weights, &options);
}

const struct sanl_command sanl_cmd_export = {
    .name = "export",
    .summary = "write a checkpoint for PyTorch or ONNX",
    .details =
        "safetensors: one network's tensors under PyTorch's names; load_state_dict(strict=True) takes them.\n"
        "onnx (opset 13): a complete network, batch of any size, batch norms folded, Grad-CAM included.\n"
        "  input    image (batch, 3, size, size): RGB in [0, 1], the garment's box resized to model.size;\n"
        "           the network normalises it by itself\n"
        "  outputs  of a landmark network: coarse0 .. coarse3, fine (batch, landmarks, size / 4, size / 4):\n"
        "           heatmaps; pixel j stands at input pixel 4 j + 1.5\n"
        "           of a classifier: logits (batch, classes)\n"
        "           of either, where another classifier guides the attention: cam4 .. cam32; beside "
        "heatmaps\n"
        "           also that one's logits\n"
        "  metadata config, kind, size, mean, std, landmarks, categories\n"
        "Needs no device.\n",
    .args = args_table,
    .overrides = true,
    .run = run,
};
