#include <stddef.h>
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const char *const files[] = {"Img/img/a",
                                        "Anno_coarse/list_landmarks.txt",
                                        "Anno_coarse/list_bbox.txt",
                                        "Eval/list_eval_partition.txt",
                                        "Anno_coarse/list_category_cloth.txt",
                                        "Anno_coarse/list_category_img.txt",
                                        NULL};
    fuzz_dataset("deepfashion_c", files, bytes, count);
    return 0;
}
