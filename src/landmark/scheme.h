/* The schemes of landmarks: which slots a type of clothes has, and which mirror each other. */
#ifndef LANDMARK_SCHEME_H
#define LANDMARK_SCHEME_H

#include <stdbool.h>
#include <sanlcl/landmark.h>
#include "base/status.h"

/* Of the scheme "fashion". */
enum sanl_clothes { SANL_CLOTHES_UPPER = 1, SANL_CLOTHES_LOWER = 2, SANL_CLOTHES_FULL = 3 };

/* The scheme of a network with so many landmarks (model.landmarks); without one it is an error. */
SANL_CHECKED enum sanl_status sanl_scheme_find(const struct sanl_scheme **out, int landmarks);

/* False for a box of zeros, which stands for none. */
bool sanl_box_is_set(const struct sanl_box *box);

/* The slot of the same landmark on the other side; its own for one in the middle. */
int sanl_landmark_mirror(const struct sanl_scheme *scheme, int slot);

/* How many landmarks a type of clothes has; 0 for an unknown type. */
int sanl_clothes_count(const struct sanl_scheme *scheme, int clothes);

/* The slot of its landmark `index`, in the order in which data sets list them. */
int sanl_clothes_slot(const struct sanl_scheme *scheme, int clothes, int index);

#endif
