/* Weights come from any file of named tensors (model/tensors.h) and go into checkpoints: a model's
 * parameters in a safetensors file, under PyTorch's names and shapes, with texts:
 *     version      of this layout: "1"
 *     kind         the task: "landmark" or "classify"
 *     config       the whole configuration as YAML
 *     epoch        finished epochs
 *     categories   names of the classes, a JSON array; absent when there are none
 * A checkpoint with SANL blocks also holds the classifier of its attention maps, under the prefix
 * "classifier.", so that the file alone is enough to predict. The state of a run under way, which training
 * resumes from, also has the moments of the optimiser, as "optimizer.0.NAME" and so on, and a text
 * `progress`. `num_batches_tracked`, which PyTorch's norms count, is neither written nor read. */
#ifndef MODEL_WEIGHTS_H
#define MODEL_WEIGHTS_H

#include <sanlcl/config.h>
#include "graph/params.h"
#include "model/safetensors.h"

enum { SANL_WEIGHTS_VERSION = 1 };

#define SANL_CLASSIFIER_PREFIX "classifier."
#define SANL_OPTIMIZER_PREFIX  "optimizer."

struct sanl_weights_info {
    const struct sanl_config *config;
    int epoch;
    const char *const *categories; /* (category_count,) */
    int category_count;
    const char
        *progress; /* of a run under way: its own text, and the parameters' moments too; NULL: neither */
};

/* Writes a checkpoint, whole or not at all. `classifier` may be NULL. */
SANL_CHECKED enum sanl_status sanl_weights_save(const char *path, struct sanl_params *params,
                                                struct sanl_params *classifier,
                                                const struct sanl_weights_info *info);

/* Every parameter from the tensor PREFIX + its name. Fails before anything is changed when tensors are
 * missing, unexpected or of another shape, with the first dozen of each in the message. With the prefix "",
 * tensors under SANL_CLASSIFIER_PREFIX are not unexpected; with another, all those without it. */
SANL_CHECKED enum sanl_status sanl_weights_load(struct sanl_params *params, const char *path,
                                                const char *prefix);

/* The check of sanl_weights_load by itself; params need no memory. `path` is the file's, for messages. */
SANL_CHECKED enum sanl_status sanl_weights_check(const struct sanl_params *params,
                                                 const struct sanl_tensors *file, const char *path,
                                                 const char *prefix);

/* A parameter's tensor, called `name`, as sanl_safetensors_create takes it. */
struct sanl_named_tensor sanl_weights_tensor(const struct sanl_param *param, const char *name);

/* A tensor's values in new memory, free() it; one that is not finite is SANL_ERR_FORMAT. */
SANL_CHECKED enum sanl_status sanl_weights_read(float **out, struct sanl_tensors *file,
                                                const struct sanl_named_tensor *tensor, const char *path);

/* The moments of every trained parameter from the state of a run. */
SANL_CHECKED enum sanl_status sanl_weights_load_moments(struct sanl_params *params, const char *path);

/* The tensors of a ResNet ("conv1.weight" or "backbone.conv1.weight", and so on) into the parameters of the
 * same name, with or without "backbone."; other tensors are left. Logs what matched and the names of what did
 * not; no match is an error. */
SANL_CHECKED enum sanl_status sanl_weights_load_backbone(struct sanl_params *params, const char *path);

/* Where a file holds a classifier: *classes of its last layer, and the prefix of its names, "" or
 * SANL_CLASSIFIER_PREFIX. SANL_ERR_FORMAT when it holds none. */
SANL_CHECKED enum sanl_status sanl_weights_find_classifier(int *classes, const char **prefix,
                                                           const char *path);

/* The configuration that a checkpoint carries, with overrides as for sanl_config_load. A classifier whose
 * file has no blocks is read as one of model.block: none. */
SANL_CHECKED enum sanl_status sanl_weights_config(struct sanl_config *out, const char *path,
                                                  const char *const *overrides, size_t count);

/* A copy of the text `key`; NULL when the file has none. free() it. */
SANL_CHECKED enum sanl_status sanl_weights_text(char **out, const char *path, const char *key);

/* The names of the classes, *count of them, in one block of new memory: free() it. NULL and 0 for none. */
SANL_CHECKED enum sanl_status sanl_weights_categories(const char ***out, int *count, const char *path);

#endif
