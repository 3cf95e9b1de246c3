/* Writing a checkpoint for other programs: as PyTorch's state_dict, or as a complete network in ONNX. */
#ifndef SANLCL_EXPORT_H
#define SANLCL_EXPORT_H

#include <stddef.h>
#include <sanlcl/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* SAFETENSORS: the tensors of one network under PyTorch's names, shapes and order of values (OIHW), F32, and
 * for each batch norm a num_batches_tracked of 0 (I64), so that load_state_dict(strict=True) takes them. The
 * checkpoint's texts stay (configuration, categories), beside "format": "pt"; the file is a checkpoint of
 * this program, too, but has no classifier for attention maps.
 *
 * ONNX: IR version 7, operators of opset 13, one file below 2 GiB, batch norms folded into convolutions.
 *
 * Its input is image (batch, 3, size, size): RGB in [0, 1], size = model.size; the graph itself subtracts the
 * mean and divides by the deviation of ImageNet's channels. The caller cuts out and resizes the garment's
 * box: output pixel x stands at box.x1 + (x + 0.5) * width / size - 0.5, bilinear, and likewise y.
 *
 * Outputs of a landmark network: coarse0 .. coarse3 (batch, landmarks, size / 4, size / 4), of the pyramid's
 * levels, finest first, and fine, the same of FineNet, where there is one. A landmark is the peak of its
 * heatmap; heatmap pixel j stands at input pixel 4 j + 1.5. Where a classifier guides the attention
 * (model.block: sanl, cam.mode not uniform) its Grad-CAM, for each image's likeliest class, is part of the
 * graph: outputs cam4 .. cam32 (batch, 1, size / 4, ..), and its logits (batch, classes). Outputs of a
 * classifier: its own logits, and the maps cam4 .. cam32 where it is guided.
 *
 * Metadata: config (YAML), kind ("landmark" or "classify"), size, mean, std, and, where there are names,
 * landmarks and categories (JSON arrays). */
enum sanl_export_format { SANL_EXPORT_SAFETENSORS, SANL_EXPORT_ONNX };

/* NETWORK: the one that the checkpoint's task trained. CLASSIFIER: that of the attention maps, which the
 * checkpoint of a guided network holds beside it; of a plain classifier's the network itself. */
enum sanl_export_part { SANL_EXPORT_NETWORK, SANL_EXPORT_CLASSIFIER };

struct sanl_export_options {
    enum sanl_export_format format;
    enum sanl_export_part part;
    const char *const *overrides; /* "key=value" over the checkpoint's configuration, e.g. cam.weights=FILE */
    size_t override_count;
};

/* Writes the file `out` from the checkpoint `weights`. Needs no device. The same checkpoint gives the same
 * bytes. */
SANL_CHECKED enum sanl_status sanl_export(const char *out, const char *weights,
                                          const struct sanl_export_options *options);

#ifdef __cplusplus
}
#endif
#endif
