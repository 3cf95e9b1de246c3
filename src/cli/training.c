#include "cli/training.h"

#include "cli/progress.h"

const char *sanl_training_metric(const struct sanl_config *config)
{
    if (!config->data.val[0])
        return "mean loss";
    return config->task == SANL_TASK_LANDMARK ? "NE" : "error";
}

void sanl_training_show(const char *metric, const struct sanl_train_progress *p)
{
    char left[32];
    sanl_progress_time(left, sizeof left, p->seconds_left);
    if (p->validated)
        sanl_progress_print("epoch %d/%d  loss %.4g  %s %.4f%s  %.1f images/s  %s left", p->epoch, p->epochs,
                            p->loss, metric, p->error, p->best ? " (best)" : "", p->images_per_second, left);
    else
        sanl_progress_update("epoch %d/%d  step %d/%d  loss %.4g  %.1f images/s  %s left", p->epoch,
                             p->epochs, p->step, p->steps, p->loss, p->images_per_second, left);
}
