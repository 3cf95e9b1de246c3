#include <stddef.h>
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const char *const files[] = {"train_list.txt", "val_list.txt", "test_truth_list.txt", NULL};
    fuzz_dataset("foodnet", files, bytes, count);
    return 0;
}
