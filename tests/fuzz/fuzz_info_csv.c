#include <stdio.h>
#include "data/dataset.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const char *const files[] = {"info.csv"};
    struct sanl_data_config config = {.format = "info_csv"};
    struct sanl_dataset *set;
    snprintf(config.root, sizeof config.root, "%s", fuzz_folder(files, 1, bytes, count));
    if (sanl_dataset_open(&set, &config) == SANL_OK)
        sanl_dataset_free(set);
    return 0;
}
