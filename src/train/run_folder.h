/* The folder of a training run: which files it has, what is in the logs. */
#ifndef TRAIN_RUN_FOLDER_H
#define TRAIN_RUN_FOLDER_H

#include <stdio.h>
#include <sanlcl/train.h>
#include "train/network.h"

enum sanl_run_file {
    SANL_RUN_CONFIG,
    SANL_RUN_BEST,
    SANL_RUN_LAST,
    SANL_RUN_STATE,
    SANL_RUN_LOG,
    SANL_RUN_EPOCHS,
    SANL_RUN_FILES
};

struct sanl_run_folder {
    char *paths[SANL_RUN_FILES];
    FILE *log, *epochs; /* opened for appending */
    bool replaces;      /* checkpoints that stand there are an earlier run's */
    char *config;       /* the text of config.yaml until it is written */
    bool locked;        /* by `lock`, the folder as a file */
    int lock;
};

/* Claims the folder where it exists, which fails where another process trains, and checks that `mode` fits
 * what is in it; changes nothing. */
SANL_CHECKED enum sanl_status sanl_run_folder_open(struct sanl_run_folder *out, const char *folder,
                                                   enum sanl_train_mode mode);

/* Makes the folder, claims it if it is new, takes an old run's logs away, cuts those of a resumed one back to
 * `step` steps and `epoch` epochs, and opens the logs. An old run's checkpoints and configuration stay until
 * there is a new checkpoint. */
SANL_CHECKED enum sanl_status sanl_run_folder_begin(struct sanl_run_folder *run,
                                                    const struct sanl_config *config,
                                                    enum sanl_train_mode mode, long step, int epoch);
/* To be called when `file`, a checkpoint, was written: takes an old run's others away and
 * writes the configuration that it belongs to. */
SANL_CHECKED enum sanl_status sanl_run_folder_saved(struct sanl_run_folder *run, enum sanl_run_file file);
void sanl_run_folder_close(struct sanl_run_folder *run); /* takes a zeroed object */

struct sanl_log_step {
    long step; /* of the run, from 1 */
    int epoch; /* from 1 */
    double loss;
    float parts[SANL_ENGINE_LOSSES];
    float gradient_norm;
    double lr, images_per_second, wait_share;
};

struct sanl_log_epoch {
    int epoch;
    long step;
    double loss, lr;
    double ne_peer, ne, top1; /* those of the task */
    double error;
    bool best;
    int skipped;
    double images_per_second, wait_share, seconds;
};

SANL_CHECKED enum sanl_status sanl_run_folder_log_step(struct sanl_run_folder *run, enum sanl_task task,
                                                       const struct sanl_log_step *line);
SANL_CHECKED enum sanl_status sanl_run_folder_log_epoch(struct sanl_run_folder *run, enum sanl_task task,
                                                        const struct sanl_log_epoch *line);

#endif
