/* What a training tells the user while it runs. */
#ifndef CLI_TRAINING_H
#define CLI_TRAINING_H

#include <sanlcl/train.h>

/* What the error of a run with this configuration is called. */
const char *sanl_training_metric(const struct sanl_config *config);

/* The progress line, and a line that stays for each epoch. */
void sanl_training_show(const char *metric, const struct sanl_train_progress *progress);

#endif
