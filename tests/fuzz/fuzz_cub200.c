#include <stddef.h>
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const char *const files[] = {
        "images.txt",           "classes.txt",        "image_class_labels.txt",
        "train_test_split.txt", "bounding_boxes.txt", NULL};
    fuzz_dataset("cub200", files, bytes, count);
    return 0;
}
