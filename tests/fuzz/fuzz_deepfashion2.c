#include <stdio.h>
#include "data/dataset.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const char *const files[] = {"train/annos/000001.json", "validation/annos/000001.json"};
    struct sanl_data_config config = {.format = "deepfashion2"};
    struct sanl_dataset *set;
    snprintf(config.root, sizeof config.root, "%s", fuzz_folder(files, 2, bytes, count));
    if (sanl_dataset_open(&set, &config) == SANL_OK)
        sanl_dataset_free(set);
    return 0;
}
