#include "landmark/metric.h"

#include <math.h>
#include <string.h>

/* Rows in the order of enum sanl_metric. */
static const struct {
    const char *name;
    int mask; /* enum sanl_mask */
} metrics[SANL_METRICS] = {
    {"ne_peer", SANL_MASK_VISIBLE}, {"ne", SANL_MASK_VISIBLE},   {"pdl", SANL_MASK_VISIBLE},
    {"ne_inpic", SANL_MASK_INPIC},  {"pck", SANL_MASK_LABELLED}, {"auc", SANL_MASK_LABELLED},
    {"epe", SANL_MASK_LABELLED},
};

const char *sanl_metric_name(int metric)
{
    return metrics[metric].name;
}

int sanl_metric_mask(int metric)
{
    return metrics[metric].mask;
}

/* ---- one picture --------------------------------------------------------------------------------- */

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

/* mmpose's thresholds: 0, 1/20 .. 19/20 of 30 pixels. */
static double auc_value(double distance)
{
    int passed = 0;
    for (int t = 0; t < 20; t++)
        passed += distance / 30 < t / 20.0;
    return passed / 20.0;
}

static bool in_crop(double share, int size)
{
    return share * size >= 0 && share * size < size;
}

void sanl_landmark_measure(struct sanl_landmark_errors *out, int landmarks, const double (*predicted_img)[2],
                           const double (*truth_img)[2], const unsigned char *visibility,
                           const struct sanl_box *box, int size)
{
    const double w = box->x2 - box->x1, h = box->y2 - box->y1;
    for (int k = 0; k < landmarks; k++) {
        const double gx = (truth_img[k][0] - box->x1) / w, gy = (truth_img[k][1] - box->y1) / h;
        const bool labelled = visibility[k] == SANL_VISIBLE || visibility[k] == SANL_OCCLUDED;
        const bool inside = labelled && in_crop(gx, size) && in_crop(gy, size);
        out->counts[SANL_MASK_LABELLED][k] = labelled;
        out->counts[SANL_MASK_INPIC][k] = inside;
        out->counts[SANL_MASK_VISIBLE][k] = inside && visibility[k] == SANL_VISIBLE;
        const double x = predicted_img[k][0], y = predicted_img[k][1];
        const bool found = isfinite(x) && isfinite(y);
        const double d = found ? hypot(x - truth_img[k][0], y - truth_img[k][1]) : (double)NAN;
        const double e = found ? hypot((x - truth_img[k][0]) / w, (y - truth_img[k][1]) / h) : (double)NAN;
        const double values[SANL_METRICS] = {
            [SANL_NE_PEER] =
                found ? hypot(peer_place(x, box->x1, w, size) - gx, peer_place(y, box->y1, h, size) - gy)
                      : (double)NAN,
            [SANL_NE] = e,
            [SANL_PDL] = SANL_PDL_SIDE * e < SANL_PDL_PIXELS,
            [SANL_NE_INPIC] = e,
            [SANL_PCK] = d / fmax(w, h) < 0.2,
            [SANL_AUC] = auc_value(d),
            [SANL_EPE] = d,
        };
        for (int m = 0; m < SANL_METRICS; m++)
            out->value[m][k] = out->counts[metrics[m].mask][k] ? values[m] : (double)NAN;
    }
}

/* ---- a group of pictures ------------------------------------------------------------------------- */

void sanl_landmark_score_add(struct sanl_landmark_score *score, int landmarks,
                             const struct sanl_landmark_errors *errors)
{
    score->images++;
    for (int k = 0; k < landmarks; k++) {
        const double pixels = SANL_PDL_SIDE * errors->value[SANL_NE][k];
        for (int mask = 0; mask < SANL_MASKS; mask++)
            score->count[mask][k] += errors->counts[mask][k];
        for (int m = 0; m < SANL_METRICS; m++)
            if (errors->counts[metrics[m].mask][k])
                score->sum[m][k] += errors->value[m][k];
        if (pixels < SANL_PDL_THRESHOLDS) /* false for NaN: a landmark that does not count */
            score->within[k][(int)pixels]++;
        score->lost += errors->counts[SANL_MASK_LABELLED][k] && isnan(errors->value[SANL_EPE][k]);
    }
}

double sanl_landmark_score_slot(const struct sanl_landmark_score *score, int metric, int slot)
{
    const long count = score->count[metrics[metric].mask][slot];
    return count ? score->sum[metric][slot] / (double)count : (double)NAN;
}

double sanl_landmark_score_mean(const struct sanl_landmark_score *score, int metric)
{
    double sum = 0;
    int seen = 0;
    for (int k = 0; k < SANL_LANDMARKS; k++) {
        if (!score->count[metrics[metric].mask][k])
            continue;
        sum += sanl_landmark_score_slot(score, metric, k);
        seen++;
    }
    return seen ? sum / seen : (double)NAN;
}

double sanl_landmark_score_points(const struct sanl_landmark_score *score, int metric)
{
    const long count = sanl_landmark_score_count(score, metrics[metric].mask);
    double sum = 0;
    for (int k = 0; k < SANL_LANDMARKS; k++)
        sum += score->sum[metric][k];
    return count ? sum / (double)count : (double)NAN;
}

double sanl_landmark_score_value(const struct sanl_landmark_score *score, int metric)
{
    return metric == SANL_EPE ? sanl_landmark_score_points(score, metric)
                              : sanl_landmark_score_mean(score, metric);
}

long sanl_landmark_score_count(const struct sanl_landmark_score *score, int mask)
{
    long count = 0;
    for (int k = 0; k < SANL_LANDMARKS; k++)
        count += score->count[mask][k];
    return count;
}

double sanl_landmark_score_within(const struct sanl_landmark_score *score, int slot, int pixels)
{
    long within = 0, count = 0;
    for (int k = 0; k < SANL_LANDMARKS; k++) {
        if (slot >= 0 && k != slot)
            continue;
        count += score->count[SANL_MASK_VISIBLE][k];
        for (int t = 0; t < pixels; t++)
            within += score->within[k][t];
    }
    return count ? (double)within / (double)count : (double)NAN;
}

/* ---- the baseline -------------------------------------------------------------------------------- */

void sanl_mean_landmark_reset(struct sanl_mean_landmark *mean)
{
    memset(mean, 0, sizeof *mean);
}

void sanl_mean_landmark_add(struct sanl_mean_landmark *mean, int landmarks, const double (*truth_img)[2],
                            const unsigned char *visibility, const struct sanl_box *box)
{
    for (int k = 0; k < landmarks; k++) {
        if (visibility[k] != SANL_VISIBLE)
            continue;
        mean->sum[k][0] += (truth_img[k][0] - box->x1) / (box->x2 - box->x1);
        mean->sum[k][1] += (truth_img[k][1] - box->y1) / (box->y2 - box->y1);
        mean->count[k]++;
    }
}

void sanl_mean_landmark_predict(double (*out_img)[2], int landmarks, const struct sanl_mean_landmark *mean,
                                const struct sanl_box *box)
{
    for (int k = 0; k < landmarks; k++) {
        const double n = (double)mean->count[k];
        const double x = mean->count[k] ? mean->sum[k][0] / n : 0.5,
                     y = mean->count[k] ? mean->sum[k][1] / n : 0.5;
        out_img[k][0] = box->x1 + x * (box->x2 - box->x1);
        out_img[k][1] = box->y1 + y * (box->y2 - box->y1);
    }
}
