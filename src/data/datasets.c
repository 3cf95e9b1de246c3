#include "data/dataset.h"
#include "data/fld.h"

#include <stddef.h>

const struct sanl_dataset_format sanl_dataset_formats[] = {
    {"fld", "Fashion Landmark Detection: Anno/list_{landmarks,bbox}.txt, Eval/list_eval_partition.txt, img/",
     sanl_fld_read},
    {NULL, NULL, NULL},
};
