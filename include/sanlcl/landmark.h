/* What is annotated and predicted: the landmarks of a scheme, of which a garment of one type has some, and
 * the box around it. "Left" is the left side of the picture, not of the wearer. */
#ifndef SANLCL_LANDMARK_H
#define SANLCL_LANDMARK_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SANL_LANDMARKS = 294, /* the most that a scheme has */
    SANL_CLOTHES = 13,    /* its types of clothes, numbered from 1 */
    SANL_FASHION_LANDMARKS = 8
};

/* Slots of landmarks, and the types of clothes that have them. A network has one heatmap for each slot, so
 * that its scheme follows from model.landmarks. */
struct sanl_scheme {
    const char *name;
    int landmarks, clothes;
};

/* The two schemes. "fashion", of DeepFashion-C and FLD: 8 landmarks; upper clothes have 6 of them, lower ones
 * 4, full ones all. "deepfashion2": 294, a range of its own for each of 13 types. */
extern const struct sanl_scheme sanl_scheme_fashion, sanl_scheme_deepfashion2;

/* The scheme of so many landmarks; NULL without one. */
const struct sanl_scheme *sanl_scheme_of(int landmarks);

enum sanl_visibility {
    SANL_VISIBLE,
    SANL_OCCLUDED, /* inside the picture, hidden */
    SANL_CUT_OFF,  /* outside the picture; its coordinates mean nothing */
    SANL_ABSENT    /* this type of garment has no such landmark */
};

/* Original image pixels, pixel centres at integers, the first pixel at 0. The box covers the pixels x1 .. x2
 * - 1 and y1 .. y2 - 1, so that its sides are x2 - x1 and y2 - y1. */
struct sanl_box {
    double x1, y1, x2, y2;
};

/* "lcollar", "rcollar", "lsleeve", "rsleeve", "lwaist", "rwaist", "lhem", "rhem"; of deepfashion2 "sss_kpt1"
 * to "sd_kpt19", as mmpose calls them. */
const char *sanl_landmark_name(const struct sanl_scheme *scheme, int slot);

/* The same in short, for pictures: "L collar" to "R hem"; of deepfashion2 its number in the garment. */
const char *sanl_landmark_label(const struct sanl_scheme *scheme, int slot);

/* "upper", "lower", "full"; of deepfashion2 "short sleeve top" to "sling dress". NULL for an unknown type. */
const char *sanl_clothes_name(const struct sanl_scheme *scheme, int clothes);

/* The type of that name; 0 for an unknown one. */
int sanl_clothes_find(const struct sanl_scheme *scheme, const char *name);

/* True when a type of clothes has the landmark; type 0 stands for any. */
bool sanl_clothes_has(const struct sanl_scheme *scheme, int clothes, int slot);

/* ---- metrics ------------------------------------------------------------------------------------- */

/* Which annotated landmarks a metric counts. "In the box" means that both shares of the box, (x - x1) / w and
 * (y - y1) / h, lie in [0, 1): a landmark on the right or lower edge does not. What is cut off or absent
 * never counts. */
enum sanl_mask {
    SANL_MASK_VISIBLE,  /* visible and in the box: the published comparisons' */
    SANL_MASK_INPIC,    /* visible or occluded, and in the box */
    SANL_MASK_LABELLED, /* visible or occluded, wherever: mmpose's */
    SANL_MASKS
};

/* Each metric is a mean of a value of single landmarks. With (dx, dy) from the truth to the prediction in
 * original pixels and a box of w x h, e = |(dx / w, dy / h)| and d = |(dx, dy)|. A prediction that is not
 * finite is not found, and makes the means of distances NaN. */
enum sanl_metric {
    /* Over visible ones: |q - g|, with g = ((x - x1) / w, (y - y1) / h) of the truth and q the predicted
     * pixel of the crop, rounded to an integer (a tie to the even one), clamped to 0 .. size - 1, and divided
     * by size - 1. So do the public code of Liu & Lu (ECCVW 2018) and of GLE (ICCVW 2019). A perfect
     * prediction still costs up to some 0.003. */
    SANL_NE_PEER,
    SANL_NE, /* over visible ones: e; the same without rounding */
    /* Over visible ones: 1 if 512 e < 35, else 0. DFA's share of detected landmarks: 35 pixels of a picture
     * of 512 x 512, read as the box stretched to that size. */
    SANL_PDL,
    SANL_NE_INPIC, /* over those in the picture: e; the mask "in_pic" of the same code */
    SANL_PCK,      /* over labelled ones: 1 if d < 0.2 max(w, h), else 0; mmpose's PCKAccuracy, norm bbox */
    /* Over labelled ones: the share of t = 0, 1 .. 19 with d / 30 < t / 20, at most 0.95; mmpose's AUC. */
    SANL_AUC,
    SANL_EPE, /* over labelled ones: d in original pixels; mmpose's EPE */
    SANL_METRICS
};

enum { SANL_PDL_PIXELS = 35, SANL_PDL_SIDE = 512, SANL_PDL_THRESHOLDS = 100 };

/* What was measured in a group of pictures. */
struct sanl_landmark_score {
    long images;
    double sum[SANL_METRICS][SANL_LANDMARKS];
    long count[SANL_MASKS][SANL_LANDMARKS];
    int within[SANL_LANDMARKS][SANL_PDL_THRESHOLDS]; /* visible ones with floor(512 e) = 0 .. 99 */
    long lost;                                       /* labelled ones whose prediction is not finite */
};

const char *sanl_metric_name(int metric); /* "ne_peer" */
int sanl_metric_mask(int metric);         /* enum sanl_mask: what it counts */

/* Of one landmark; the unweighted mean of the landmarks that have counts, by which NE is published; the mean
 * over all points. NaN where nothing was counted. */
double sanl_landmark_score_slot(const struct sanl_landmark_score *score, int metric, int slot);
double sanl_landmark_score_mean(const struct sanl_landmark_score *score, int metric);
double sanl_landmark_score_points(const struct sanl_landmark_score *score, int metric);

/* The figure that the metric's source gives: over all points for epe, else the mean of landmarks. */
double sanl_landmark_score_value(const struct sanl_landmark_score *score, int metric);

long sanl_landmark_score_count(const struct sanl_landmark_score *score, int mask); /* of all landmarks */

/* The curve of detected landmarks: the share with 512 e < `pixels`, a whole number in 0 .. 100, of those of a
 * slot or, slot < 0, of all points. NaN where nothing was counted. */
double sanl_landmark_score_within(const struct sanl_landmark_score *score, int slot, int pixels);

#ifdef __cplusplus
}
#endif
#endif
