#include <stdlib.h>
#include "fuzz.h"
#include "model/safetensors.h"

enum { MOST = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct sanl_safetensors *file;
    if (sanl_safetensors_open(&file, fuzz_file(bytes, count)) != SANL_OK)
        return 0;
    for (size_t i = 0; i < sanl_safetensors_count(file); i++) {
        const struct sanl_safetensor *tensor = sanl_safetensors_at(file, i);
        float *values = tensor->count <= MOST ? calloc(tensor->count + 1, sizeof *values) : NULL;
        if (values && sanl_safetensors_read(file, tensor, values) == SANL_OK && values[tensor->count] != 0)
            abort();
        free(values);
    }
    sanl_safetensors_free(file);
    return 0;
}
