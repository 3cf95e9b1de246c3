/* The ablation: the same experiment with parts of the method left out, over several seeds. */
#ifndef SANLCL_ABLATE_H
#define SANLCL_ABLATE_H

#include <sanlcl/config.h>
#include <sanlcl/device.h>
#include <sanlcl/status.h>
#include <sanlcl/table.h>
#include <sanlcl/train.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One training of the ablation. */
struct sanl_ablate_run {
    const char *setting; /* "base", "non-local", ... */
    int seed;
    int index, count; /* of all trainings, from 0 */
    bool kept;        /* it was finished before; nothing is trained */
};

struct sanl_ablate_options {
    const struct sanl_config *config; /* of the whole method; `out` is the ablation's folder */
    const int *seeds;                 /* (seed_count,) */
    int seed_count;
    void (*begin)(void *payload, const struct sanl_ablate_run *run);             /* may be NULL */
    void (*progress)(void *payload, const struct sanl_train_progress *progress); /* may be NULL */
    void *payload;
};

/* Trains each setting with each seed, evaluates its best checkpoint, or the last one where data.val is empty,
 * on data.test, and makes a table of mean and standard deviation over the seeds (NaN with one seed); free it
 * with sanl_table_free. The settings:
 *     base               model.block none, model.fine false
 *     non-local          model.block nonlocal
 *     SANL, top CAM      model.block sanl, cam.mode top
 *     SANL, stage CAMs   cam.mode stage
 *     + coarse to fine   model.fine true                       (task: landmark)
 *     all landmarks      loss.visible_only false               (task: landmark)
 * Each builds on the one before it; loss.visible_only is true in all but the last. Errors are NE in the
 * peers' protocol and exact, or 1 - top-1 and 1 - top-3.
 *
 * The folder gets ablation.yaml, results.csv with a line for each finished training, and for each the folder
 * SETTING-SEED of sanl_train, of which only that checkpoint and the logs stay. A call with the same
 * configuration goes on where an earlier one stopped; with another one it is an error. `out`, data.workers,
 * data.ring and train.log_every may differ: they change no result. */
SANL_CHECKED enum sanl_status sanl_ablate(struct sanl_table **out, struct sanl_device *device,
                                          const struct sanl_ablate_options *options);

#ifdef __cplusplus
}
#endif
#endif
