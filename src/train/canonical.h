/* Configurations without the keys that have no effect on what is learnt. */
#ifndef TRAIN_CANONICAL_H
#define TRAIN_CANONICAL_H

#include <sanlcl/config.h>

/* Sets these keys to their defaults: the folder, threads, how often is logged. Two runs of one configuration
 * after that are equal runs. */
void sanl_config_canonicalize(struct sanl_config *config);

/* Whether errors of epochs under the one can be compared with those under the other. */
bool sanl_config_validates_alike(const struct sanl_config *a, const struct sanl_config *b);

#endif
