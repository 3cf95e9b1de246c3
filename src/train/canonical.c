#include "train/canonical.h"

#include <string.h>

void sanl_config_canonicalize(struct sanl_config *config)
{
    struct sanl_config preset;
    sanl_config_defaults(&preset);
    memcpy(config->out, preset.out, sizeof config->out);
    config->data.workers = preset.data.workers;
    config->data.ring = preset.data.ring;
    config->train.log_every = preset.train.log_every;
}
