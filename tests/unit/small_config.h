/* The configuration of a small network, for tests of what is built by hand. */
#ifndef TESTS_SMALL_CONFIG_H
#define TESTS_SMALL_CONFIG_H

#include <sanlcl/config.h>

enum { SIZE = 64, CLASSES = 5 };

static struct sanl_config small_config(enum sanl_task task, enum sanl_block block)
{
    struct sanl_config config;
    sanl_config_defaults(&config);
    config.task = (int)task;
    config.model.backbone = SANL_RESNET18;
    config.model.block = (int)block;
    config.model.width = 16;
    config.model.size = SIZE;
    config.model.classes = CLASSES;
    config.train.optimizer = SANL_ADAM;
    config.train.weight_decay = 0;
    config.cam.mode = SANL_CAM_UNIFORM;
    return config;
}

#endif
