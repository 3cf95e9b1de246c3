/* Where a run stands, as its state file says. */
#ifndef TRAIN_POSITION_H
#define TRAIN_POSITION_H

#include <stddef.h>
#include <sanlcl/status.h>

struct sanl_position {
    int epoch;       /* finished, with validation */
    int step;        /* done of the next one */
    double loss_sum; /* over these steps */
    int best_epoch;  /* 0: none yet */
    double best_error;
    long updates; /* steps of all epochs, whatever the batch was; -1: not said */
};

/* The text 'progress' of a state file. */
void sanl_position_text(char *out, size_t bytes, const struct sanl_position *position);

/* Of the state file `path`. */
SANL_CHECKED enum sanl_status sanl_position_read(struct sanl_position *out, const char *path);

#endif
