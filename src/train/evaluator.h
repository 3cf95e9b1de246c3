/* The evaluation loop over an engine and a loader, for validation in training and for `sanl_evaluate`. */
#ifndef TRAIN_EVALUATOR_H
#define TRAIN_EVALUATOR_H

#include <sanlcl/evaluate.h>
#include "data/loader.h"
#include "train/network.h"

/* Evaluates an inference engine (not training) on every picture of the loader's part; `loader` is one without
 * training over `dataset`, its batch at most the engine's. `hooks` may be NULL. Stops on
 * sanl_interrupt_request. Free the result with sanl_evaluation_free. */
SANL_CHECKED enum sanl_status sanl_evaluate_engine(struct sanl_evaluation *out, struct sanl_engine *engine,
                                                   struct sanl_loader *loader,
                                                   const struct sanl_dataset *dataset,
                                                   const struct sanl_evaluate_hooks *hooks);

/* Fails when no landmark of the part data.val counts for the error of validation. */
SANL_CHECKED enum sanl_status sanl_check_measurable(const struct sanl_dataset *dataset,
                                                    const struct sanl_config *config);

/* Warns when the classes of the checkpoint `weights` have other names than the data set's. */
SANL_CHECKED enum sanl_status sanl_check_categories(const struct sanl_dataset *dataset, const char *weights);

/* The configuration under which a checkpoint is run: its own, with the sections data and eval of the YAML
 * file `config_path` (NULL: none), or all of that file when the checkpoint carries none; then the overrides.
 */
SANL_CHECKED enum sanl_status sanl_checkpoint_config(struct sanl_config *out, const char *weights,
                                                     const char *config_path, const char *const *overrides,
                                                     size_t override_count);

#endif
