#include <stddef.h>
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const char *const files[] = {"info.csv", NULL};
    fuzz_dataset("info_csv", files, bytes, count);
    return 0;
}
