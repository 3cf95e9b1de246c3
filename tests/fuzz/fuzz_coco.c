#include <stddef.h>
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const char *const files[] = {"annotations/fld_full_train.json", "annotations/val.json", NULL};
    fuzz_dataset("coco", files, bytes, count);
    return 0;
}
