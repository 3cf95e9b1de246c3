/* Training of a landmark network or a classifier. */
#ifndef SANLCL_TRAIN_H
#define SANLCL_TRAIN_H

#include <stdbool.h>
#include <sanlcl/config.h>
#include <sanlcl/device.h>
#include <sanlcl/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* After each step and, with `validated`, after each epoch. */
struct sanl_train_progress {
    int epoch, epochs; /* the epoch from 1 */
    int step, steps;   /* within the epoch; after it step = steps */
    double loss;       /* of the step; its mean over the epoch when validated */
    double lr;
    double images_per_second; /* in this epoch */
    double seconds_left;      /* of the whole run; NaN while not known */
    bool validated;           /* the epoch is over, and the fields below are set */
    double error; /* of the validation part, lower is better: NE as the peers count it, or 1 - top-1;
                   * the mean loss when data.val is empty */
    bool best;    /* the lowest so far */
};

/* What a folder that holds checkpoints already means. */
enum sanl_train_mode {
    SANL_TRAIN_NEW,      /* an error */
    SANL_TRAIN_RESUME,   /* go on from where it stopped, bit for bit as if it had not; there must be one, and
                            model.pretrained and cam.weights are not read: its state holds what they gave */
    SANL_TRAIN_OVERWRITE /* the old run goes: its logs at once, its checkpoints when there is a new one */
};

struct sanl_train_options {
    enum sanl_train_mode mode;
    void (*progress)(void *payload, const struct sanl_train_progress *progress); /* may be NULL */
    void *payload;
};

struct sanl_train_result {
    int epochs, best_epoch; /* finished; the best one, from 1, 0: none */
    double best_error;      /* as in sanl_train_progress */
    double seconds;         /* of this call */
    long steps;             /* taken in it */
};

/* Trains config->task and writes into the folder config->out:
 *     config.yaml             the configuration with every key: of the checkpoints, once there are some
 *     best.safetensors        the checkpoint with the lowest error on the part data.val
 *     last.safetensors        the newest one, of each epoch's end or of an interruption
 *     state.safetensors       last with the optimiser's moments, for SANL_TRAIN_RESUME
 *     log.jsonl               a line each train.log_every steps: step, epoch, loss and its parts, lr, ...
 *     epochs.csv              a line for each epoch: losses and errors
 * Without a part data.val the lowest training loss is the best; data.test is never read. A run that goes on
 * with another validation, or without one with other losses, finds its best checkpoint anew.
 * Every checkpoint appears whole or not at all. The same configuration on the same device gives the same
 * checkpoints byte for byte, whatever the folder, data.workers and data.ring.
 * A loss that is not finite is SANL_ERR_NUMERIC and leaves the checkpoints as they are. On
 * sanl_interrupt_request: SANL_ERR_INTERRUPTED after the step under way, with last and state written.
 * One process trains in a folder: for another one it is SANL_ERR_USAGE.
 * `options` and `out` may be NULL. */
SANL_CHECKED enum sanl_status sanl_train(struct sanl_train_result *out, const struct sanl_config *config,
                                         struct sanl_device *device,
                                         const struct sanl_train_options *options);

#ifdef __cplusplus
}
#endif
#endif
