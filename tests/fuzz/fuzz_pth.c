#include <stdio.h>
#include "fuzz.h"
#include "model/pickle.h"

/* As a file, and as a pickle without one around it. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct sanl_pickle *pickle;
    fuzz_tensors(bytes, count);
    FILE *file = count ? fmemopen((void *)bytes, count, "rb") : NULL;
    if (file && sanl_pickle_read(&pickle, file, count) == SANL_OK)
        sanl_pickle_free(pickle);
    if (file)
        fclose(file);
    return 0;
}
