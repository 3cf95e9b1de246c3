/* The landmark scheme: which slots a type of clothes has, and which mirror each other. */
#ifndef LANDMARK_SCHEME_H
#define LANDMARK_SCHEME_H

#include <stdbool.h>
#include <sanlcl/landmark.h>

enum sanl_clothes { SANL_CLOTHES_UPPER = 1, SANL_CLOTHES_LOWER = 2, SANL_CLOTHES_FULL = 3 };

/* False for a box of zeros, which stands for none. */
bool sanl_box_is_set(const struct sanl_box *box);

/* The slot of the same landmark on the other side. */
int sanl_landmark_mirror(int slot);

/* The slots of the landmarks of a type of clothes, in the order in which data sets list them, *count of them;
 * NULL and 0 for an unknown type. */
const int *sanl_clothes_slots(int clothes, int *count);

/* "upper", "lower", "full"; NULL for an unknown type. */
const char *sanl_clothes_name(int clothes);

#endif
