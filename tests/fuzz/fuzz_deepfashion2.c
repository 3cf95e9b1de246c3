#include <stddef.h>
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const char *const files[] = {"train/annos/000001.json", "validation/annos/000001.json", NULL};
    fuzz_dataset("deepfashion2", files, bytes, count);
    return 0;
}
