#include <stddef.h>
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static const char *const files[] = {"img/a",
                                        "Anno/list_landmarks.txt",
                                        "Anno/list_bbox.txt",
                                        "Eval/list_eval_partition.txt",
                                        "Anno/list_category_cloth.txt",
                                        "Anno/list_category_img.txt",
                                        NULL};
    fuzz_dataset("fld", files, bytes, count);
    return 0;
}
