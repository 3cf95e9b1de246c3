#include "train/position.h"

#include <stdio.h>
#include <stdlib.h>
#include "base/status.h"
#include "model/weights.h"

void sanl_position_text(char *out, size_t bytes, const struct sanl_position *position)
{
    snprintf(out, bytes, "epoch %d step %d loss_sum %a best_epoch %d best_error %a updates %ld",
             position->epoch, position->step, position->loss_sum, position->best_epoch, position->best_error,
             position->updates);
}

enum sanl_status sanl_position_read(struct sanl_position *out, const char *path)
{
    char *text;
    SANL_TRY(sanl_weights_text(&text, path, "progress"));
    int found = 0;
    out->updates = -1;
    if (text)
        found = sscanf(text, "epoch %d step %d loss_sum %la best_epoch %d best_error %la updates %ld",
                       &out->epoch, &out->step, &out->loss_sum, &out->best_epoch, &out->best_error,
                       &out->updates);
    free(text);
    if (found < 5 || out->epoch < 0 || out->step < 0 || (found == 6 && out->updates < 0))
        return sanl_fail(SANL_ERR_FORMAT, "%s: its text 'progress' does not say where the run stood", path);
    return SANL_OK;
}
