#include <stdio.h>
#include "data/dataset.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const char *const files[] = {"images.txt", "classes.txt", "image_class_labels.txt",
                                        "train_test_split.txt", "bounding_boxes.txt"};
    struct sanl_data_config config = {.format = "cub200"};
    struct sanl_dataset *set;
    snprintf(config.root, sizeof config.root, "%s", fuzz_folder(files, 5, bytes, count));
    if (sanl_dataset_open(&set, &config) == SANL_OK)
        sanl_dataset_free(set);
    return 0;
}
