#include "landmark/metric.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

void sanl_ne_reset(struct sanl_ne *ne, int size)
{
    memset(ne, 0, sizeof *ne);
    ne->size = size;
}

/* The predicted place on one axis of the crop as the peers report it, in [0, 1]. */
static double peer_place(double predicted_img, double from_img, double side, int size)
{
    const double p = (predicted_img - from_img + 0.5) * size / side - 0.5;
    /* Decoded positions are whole multiples of a half when the crop is the box, so ties are the rule: the
     * noise of the way over original pixels must not decide them. */
    const double snapped = floor(p * 4096.0 + 0.5) / 4096.0;
    const double whole = floor(snapped), part = snapped - whole;
    const bool up = part > 0.5 || (part == 0.5 && fmod(whole, 2.0) != 0.0);
    return fmin(fmax(whole + (up ? 1.0 : 0.0), 0.0), size - 1.0) / (size - 1.0);
}

static bool counts(double x_share, double y_share, int size)
{
    return x_share * size >= 0 && x_share * size < size && y_share * size >= 0 && y_share * size < size;
}

void sanl_ne_add(struct sanl_ne *ne, const double predicted_img[SANL_LANDMARKS][2],
                 const double truth_img[SANL_LANDMARKS][2], const unsigned char visibility[SANL_LANDMARKS],
                 const struct sanl_box *box)
{
    const double w = box->x2 - box->x1, h = box->y2 - box->y1;
    for (int k = 0; k < SANL_LANDMARKS; k++) {
        const double gx = (truth_img[k][0] - box->x1) / w, gy = (truth_img[k][1] - box->y1) / h;
        if (visibility[k] != SANL_VISIBLE || !counts(gx, gy, ne->size))
            continue;
        const double x = predicted_img[k][0], y = predicted_img[k][1];
        ne->exact_sum[k] += hypot((x - truth_img[k][0]) / w, (y - truth_img[k][1]) / h);
        ne->peer_sum[k] +=
            hypot(peer_place(x, box->x1, w, ne->size) - gx, peer_place(y, box->y1, h, ne->size) - gy);
        ne->count[k]++;
    }
}

void sanl_ne_summarize(struct sanl_ne_summary *out, const struct sanl_ne *ne)
{
    double peer_sum = 0, exact_sum = 0;
    int seen = 0;
    memset(out, 0, sizeof *out);
    for (int k = 0; k < SANL_LANDMARKS; k++) {
        const double n = (double)ne->count[k];
        out->count[k] = ne->count[k];
        out->points += ne->count[k];
        out->peer[k] = ne->count[k] ? ne->peer_sum[k] / n : NAN;
        out->exact[k] = ne->count[k] ? ne->exact_sum[k] / n : NAN;
        if (ne->count[k]) {
            seen++;
            out->peer_mean += out->peer[k];
            out->exact_mean += out->exact[k];
            peer_sum += ne->peer_sum[k];
            exact_sum += ne->exact_sum[k];
        }
    }
    out->peer_mean = seen ? out->peer_mean / seen : NAN;
    out->exact_mean = seen ? out->exact_mean / seen : NAN;
    out->peer_points = seen ? peer_sum / (double)out->points : NAN;
    out->exact_points = seen ? exact_sum / (double)out->points : NAN;
}

void sanl_mean_landmark_reset(struct sanl_mean_landmark *mean)
{
    memset(mean, 0, sizeof *mean);
}

void sanl_mean_landmark_add(struct sanl_mean_landmark *mean, const double truth_img[SANL_LANDMARKS][2],
                            const unsigned char visibility[SANL_LANDMARKS], const struct sanl_box *box)
{
    for (int k = 0; k < SANL_LANDMARKS; k++) {
        if (visibility[k] != SANL_VISIBLE)
            continue;
        mean->sum[k][0] += (truth_img[k][0] - box->x1) / (box->x2 - box->x1);
        mean->sum[k][1] += (truth_img[k][1] - box->y1) / (box->y2 - box->y1);
        mean->count[k]++;
    }
}

void sanl_mean_landmark_predict(double out_img[SANL_LANDMARKS][2], const struct sanl_mean_landmark *mean,
                                const struct sanl_box *box)
{
    for (int k = 0; k < SANL_LANDMARKS; k++) {
        const double n = (double)mean->count[k];
        const double x = mean->count[k] ? mean->sum[k][0] / n : 0.5,
                     y = mean->count[k] ? mean->sum[k][1] / n : 0.5;
        out_img[k][0] = box->x1 + x * (box->x2 - box->x1);
        out_img[k][1] = box->y1 + y * (box->y2 - box->y1);
    }
}
