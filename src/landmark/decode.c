#include "landmark/decode.h"

#include <stddef.h>

/* Where between its neighbours `before` and `after` a peak stands, in pixels. */
static double quarter(float before, float after)
{
    return after > before ? 0.25 : after < before ? -0.25 : 0.0;
}

void sanl_heatmap_decode(double (*out_in)[2], float *score, const float *heat /* (h, w, l) */, int h, int w,
                         int l, int stride)
{
    const size_t row = (size_t)w * (size_t)l;
    for (int k = 0; k < l; k++) {
        const float *map = heat + k; /* pixel (y, x) at map[y * row + x * l] */
        int best_x = 0, best_y = 0;
        float best = map[0];
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++) {
                const float v = map[(size_t)y * row + (size_t)x * (size_t)l];
                if (v > best) {
                    best = v;
                    best_x = x;
                    best_y = y;
                }
            }
        }
        const float *peak = map + (size_t)best_y * row + (size_t)best_x * (size_t)l;
        double x_hm = best_x, y_hm = best_y;
        if (best_x > 0 && best_x < w - 1)
            x_hm += quarter(*(peak - l), *(peak + l));
        if (best_y > 0 && best_y < h - 1)
            y_hm += quarter(*(peak - row), *(peak + row));
        out_in[k][0] = x_hm * stride + (stride - 1) / 2.0;
        out_in[k][1] = y_hm * stride + (stride - 1) / 2.0;
        score[k] = best;
    }
}
