/* The update of all parameters by the gradients at hand, and the learning rate's course. */
#ifndef TRAIN_UPDATER_H
#define TRAIN_UPDATER_H

#include <sanlcl/config.h>
#include "graph/graph.h"
#include "ops/work.h"

struct sanl_updater;

/* Moments that the rule keeps for each parameter: SGD one, Adam two. */
int sanl_updater_moments(const struct sanl_train_config *config);

/* graph: a training graph that is allocated, its parameters with that many moments; outlives the updater. */
SANL_CHECKED enum sanl_status sanl_updater_create(struct sanl_updater **out, const struct sanl_graph *graph,
                                                  const struct sanl_train_config *config);
void sanl_updater_free(struct sanl_updater *updater); /* takes NULL */

/* Step `step` = 1, 2, ...: limits the global norm of the gradients to train.clip (0: no limit), then updates.
 */
SANL_CHECKED enum sanl_status sanl_updater_step(struct sanl_updater *updater, double lr, long step);

/* The global norm, before its limit, of the last step's gradients; waits for the device. */
SANL_CHECKED enum sanl_status sanl_updater_read_norm(float *out, const struct sanl_updater *updater);

/* Adds what one step does. */
SANL_CHECKED enum sanl_status sanl_updater_list_work(struct sanl_work_list *list,
                                                     const struct sanl_updater *updater);

/* The learning rate of step `step` = 0, 1, ... with `steps` steps in an epoch: linear from 0 to lr over the
 * warm-up, times what the schedule leaves at epoch (step + 0.5) / steps: 1; gamma^(milestones behind);
 * (1 + cos(pi t)) / 2 with t from 0 after the warm-up to 1 at the end. */
double sanl_learning_rate(const struct sanl_train_config *config, long step, long steps);

#endif
