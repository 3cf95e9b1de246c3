#include "landmark/decode.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include "landmark/scheme.h"

/* One heatmap among l interleaved ones, and its peak. */
struct map {
    const float *values;
    int h, w, l;
    int x, y;
};

static float value(const struct map *map, int x, int y)
{
    return map->values[((size_t)y * (size_t)map->w + (size_t)x) * (size_t)map->l];
}

static void find_peak(struct map *map)
{
    float best = value(map, 0, 0);
    map->x = map->y = 0;
    for (int y = 0; y < map->h; y++) {
        for (int x = 0; x < map->w; x++) {
            const float v = value(map, x, y);
            if (v > best) {
                best = v;
                map->x = x;
                map->y = y;
            }
        }
    }
}

/* ---- quarter ------------------------------------------------------------------------------------- */

/* Where between its neighbours `before` and `after` a peak stands, in pixels. */
static double quarter(float before, float after)
{
    return after > before ? 0.25 : after < before ? -0.25 : 0.0;
}

static void decode_quarter(double out_hm[2], const struct map *map)
{
    const int x = map->x, y = map->y;
    out_hm[0] = x;
    out_hm[1] = y;
    if (x > 0 && x < map->w - 1)
        out_hm[0] += quarter(value(map, x - 1, y), value(map, x + 1, y));
    if (y > 0 && y < map->h - 1)
        out_hm[1] += quarter(value(map, x, y - 1), value(map, x, y + 1));
}

/* ---- dark ---------------------------------------------------------------------------------------- */

/* The logarithm of the blurred map `dx`, `dy` from the peak. */
static double log_blurred(const struct map *map, double sigma, int dx, int dy)
{
    const int radius = (int)ceil(2.5 * sigma), x0 = map->x + dx, y0 = map->y + dy;
    double sum = 0, weights = 0;
    for (int j = -radius; j <= radius; j++) {
        for (int i = -radius; i <= radius; i++) {
            const double weight = exp(-(double)(i * i + j * j) / (2 * sigma * sigma));
            const bool inside = x0 + i >= 0 && x0 + i < map->w && y0 + j >= 0 && y0 + j < map->h;
            weights += weight;
            sum += inside ? weight * (double)value(map, x0 + i, y0 + j) : 0;
        }
    }
    return log(fmax(1e-10, sum / weights));
}

static void decode_dark(double out_hm[2], const struct map *map, double sigma)
{
    double f[5][5]; /* [2 + dy][2 + dx]; a plus with corners of it is used */
    out_hm[0] = map->x;
    out_hm[1] = map->y;
    if (map->x < 2 || map->x > map->w - 3 || map->y < 2 || map->y > map->h - 3)
        return;
    for (int dy = -2; dy <= 2; dy++)
        for (int dx = -2; dx <= 2; dx++)
            f[2 + dy][2 + dx] = dx * dy >= -1 && dx * dy <= 1 ? log_blurred(map, sigma, dx, dy) : 0;
    const double gx = (f[2][3] - f[2][1]) / 2, gy = (f[3][2] - f[1][2]) / 2;
    const double xx = (f[2][4] - 2 * f[2][2] + f[2][0]) / 4, yy = (f[4][2] - 2 * f[2][2] + f[0][2]) / 4;
    const double xy = (f[3][3] - f[1][3] - f[3][1] + f[1][1]) / 4, det = xx * yy - xy * xy;
    if (!(det > 0 && xx < 0))
        return;
    const double step_x = (xy * gy - yy * gx) / det, step_y = (xy * gx - xx * gy) / det;
    if (fabs(step_x) <= 2 && fabs(step_y) <= 2) {
        out_hm[0] += step_x;
        out_hm[1] += step_y;
    }
}

/* ---- softargmax ---------------------------------------------------------------------------------- */

static void decode_softargmax(double out_hm[2], const struct map *map, double beta)
{
    const double peak = (double)value(map, map->x, map->y);
    double sum = 0;
    out_hm[0] = out_hm[1] = 0;
    for (int y = 0; y < map->h; y++) {
        for (int x = 0; x < map->w; x++) {
            const double p = exp(beta * ((double)value(map, x, y) - peak));
            sum += p;
            out_hm[0] += p * x;
            out_hm[1] += p * y;
        }
    }
    out_hm[0] /= sum;
    out_hm[1] /= sum;
}

/* ---- all ----------------------------------------------------------------------------------------- */

void sanl_heatmap_decode(double (*out_in)[2], float *score, const float *heat /* (h, w, l) */, int h, int w,
                         int l, int stride, const struct sanl_decoding *decoding)
{
    for (int k = 0; k < l; k++) {
        struct map map = {.values = heat + k, .h = h, .w = w, .l = l};
        double at_hm[2];
        find_peak(&map);
        if (decoding->how == SANL_DECODE_DARK)
            decode_dark(at_hm, &map, decoding->sigma);
        else if (decoding->how == SANL_DECODE_SOFTARGMAX)
            decode_softargmax(at_hm, &map, decoding->beta);
        else
            decode_quarter(at_hm, &map);
        for (int axis = 0; axis < 2; axis++)
            out_in[k][axis] = at_hm[axis] * stride + (stride - 1) / 2.0;
        score[k] = value(&map, map.x, map.y);
    }
}

void sanl_heatmap_average(float *heat /* (h, w, l) */, const float *mirrored /* (h, w, l) */, int h, int w,
                          const struct sanl_scheme *scheme)
{
    const int n = scheme->landmarks;
    int mirror[SANL_LANDMARKS];
    for (int k = 0; k < n; k++)
        mirror[k] = sanl_landmark_mirror(scheme, k);
    for (int y = 0; y < h; y++) {
        const size_t row = (size_t)y * (size_t)w * (size_t)n;
        for (int x = 0; x < w; x++) {
            float *to = heat + row + (size_t)x * (size_t)n;
            const float *from = mirrored + row + (size_t)(w - 1 - x) * (size_t)n;
            for (int k = 0; k < n; k++)
                to[k] = (to[k] + from[mirror[k]]) / 2;
        }
    }
}
