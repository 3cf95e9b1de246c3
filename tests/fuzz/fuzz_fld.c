#include <stdio.h>
#include "data/dataset.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const char *const files[] = {"img/a",
                                        "Anno/list_landmarks.txt",
                                        "Anno/list_bbox.txt",
                                        "Eval/list_eval_partition.txt",
                                        "Anno/list_category_cloth.txt",
                                        "Anno/list_category_img.txt"};
    struct sanl_data_config config = {.format = "fld"};
    struct sanl_dataset *set;
    snprintf(config.root, sizeof config.root, "%s", fuzz_folder(files, 6, bytes, count));
    if (sanl_dataset_open(&set, &config) == SANL_OK)
        sanl_dataset_free(set);
    return 0;
}
