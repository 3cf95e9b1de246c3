/* What is annotated: eight landmarks, of which a garment of one type has some, and the box around it.
 * "Left" is the left side of the picture, not of the wearer. */
#ifndef LANDMARK_SCHEME_H
#define LANDMARK_SCHEME_H

enum { SANL_LANDMARKS = 8 };

enum sanl_visibility {
    SANL_VISIBLE,
    SANL_OCCLUDED, /* inside the picture, hidden */
    SANL_CUT_OFF,  /* outside the picture; its coordinates mean nothing */
    SANL_ABSENT    /* this type of garment has no such landmark */
};

enum sanl_clothes { SANL_CLOTHES_UPPER = 1, SANL_CLOTHES_LOWER = 2, SANL_CLOTHES_FULL = 3 };

/* Original image pixels, pixel centres at integers, the first pixel at 0. The box covers the pixels x1 .. x2
 * - 1 and y1 .. y2 - 1, so that its sides are x2 - x1 and y2 - y1. */
struct sanl_box {
    double x1, y1, x2, y2;
};

/* "lcollar", "rcollar", "lsleeve", "rsleeve", "lwaist", "rwaist", "lhem", "rhem"; `slot` in 0 .. 7. */
const char *sanl_landmark_name(int slot);

/* The slot of the same landmark on the other side. */
int sanl_landmark_mirror(int slot);

/* The slots of the landmarks of a type of clothes, in the order in which data sets list them, *count of them;
 * NULL and 0 for an unknown type. */
const int *sanl_clothes_slots(int clothes, int *count);

/* "upper", "lower", "full"; NULL for an unknown type. */
const char *sanl_clothes_name(int clothes);

#endif
