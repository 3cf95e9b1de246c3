/* What is annotated and predicted: eight landmarks, of which a garment of one type has some, and the box
 * around it. "Left" is the left side of the picture, not of the wearer. */
#ifndef SANLCL_LANDMARK_H
#define SANLCL_LANDMARK_H

#ifdef __cplusplus
extern "C" {
#endif

enum { SANL_LANDMARKS = 8 };

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

/* "lcollar", "rcollar", "lsleeve", "rsleeve", "lwaist", "rwaist", "lhem", "rhem"; `slot` in 0 .. 7. */
const char *sanl_landmark_name(int slot);

/* Normalised errors of a set of pictures, in the protocol of the published comparisons (peer) and exact; NaN
 * stands where nothing was counted. */
struct sanl_ne_summary {
    double peer[SANL_LANDMARKS], exact[SANL_LANDMARKS]; /* mean of each landmark */
    double peer_mean, exact_mean;                       /* unweighted mean of those with counts: "NE" */
    double peer_points, exact_points;                   /* mean over all points */
    long count[SANL_LANDMARKS], points;
};

#ifdef __cplusplus
}
#endif
#endif
