#include "fuzz.h"
#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    const struct sanl_image_limits limits[] = {{.max_megapixels = 0.25},
                                               {.max_megapixels = 0.25, .min_side = 8, .max_shrink = 8}};
    for (int i = 0; i < 2; i++) {
        struct sanl_image image;
        int width, height;
        if (sanl_image_decode(&image, &width, &height, bytes, count, "fuzz", &limits[i]) == SANL_OK)
            sanl_image_free(&image);
    }
    return 0;
}
