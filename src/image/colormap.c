/* Maps of numbers as colours. */
#include <math.h>
#include "image/draw.h"

/* A rainbow, dark for 0 and of full colour for 1, so that peaks stand out over a photograph: nine colours at
 * even steps, straight lines between them. */
static void make_palette(uint8_t palette[256][3])
{
    static const int stops[9][3] = {{48, 18, 59},   {69, 104, 220}, {40, 187, 236},
                                    {49, 242, 153}, {162, 252, 60}, {237, 208, 58},
                                    {251, 128, 34}, {226, 66, 12},  {186, 10, 14}};
    for (int i = 0; i < 256; i++) {
        const int low = i * 8 / 255 > 7 ? 7 : i * 8 / 255, part = i * 8 - low * 255; /* of 255 */
        for (int c = 0; c < 3; c++)
            palette[i][c] = (uint8_t)((stops[low][c] * (255 - part) + stops[low + 1][c] * part + 127) / 255);
    }
}

/* Where pixel i of `out` stands between two of `in` places: *low, *high, and how far from low. */
static float locate(int i, int out, int in, int *low, int *high)
{
    double at = (i + 0.5) * in / out - 0.5;
    at = at < 0 ? 0 : at > in - 1 ? in - 1 : at;
    *low = (int)at;
    *high = *low + 1 < in ? *low + 1 : *low;
    return (float)(at - *low);
}

static float mix(float a, float b, float part)
{
    return a + part * (b - a);
}

static float cut(float value)
{
    return value > 0 ? fminf(value, 1) : 0; /* NaN is not > 0 */
}

void sanl_image_blend_map(struct sanl_image *image, const float *map, int map_width, int map_height,
                          double alpha_low, double alpha_high)
{
    uint8_t palette[256][3];
    int weights[256]; /* of 256 */
    for (int i = 0; i < 256; i++) {
        const double alpha = alpha_low + (alpha_high - alpha_low) * i / 255;
        weights[i] = (int)(fmin(fmax(alpha, 0), 1) * 256 + 0.5);
    }
    uint8_t *pixel = image->pixels;
    make_palette(palette);
    for (int y = 0; y < image->height; y++) {
        int top, bottom, left, right;
        const float down = locate(y, image->height, map_height, &top, &bottom);
        const float *upper = map + (size_t)top * (size_t)map_width,
                    *lower = map + (size_t)bottom * (size_t)map_width;
        for (int x = 0; x < image->width; x++, pixel += 3) {
            const float across = locate(x, image->width, map_width, &left, &right);
            const float high = mix(cut(upper[left]), cut(upper[right]), across);
            const float low = mix(cut(lower[left]), cut(lower[right]), across);
            const int index = (int)(mix(high, low, down) * 255 + 0.5f), weight = weights[index];
            const uint8_t *color = palette[index];
            for (int c = 0; c < 3; c++)
                pixel[c] = (uint8_t)((pixel[c] * (256 - weight) + color[c] * weight + 128) >> 8);
        }
    }
}

enum sanl_status sanl_image_from_map(struct sanl_image *out, const float *map, int map_width, int map_height,
                                     int width, int height)
{
    SANL_TRY(sanl_image_create(out, width, height));
    sanl_image_blend_map(out, map, map_width, map_height, 1, 1);
    return SANL_OK;
}
