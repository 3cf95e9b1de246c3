#include "landmark/scheme.h"

#include <stdbool.h>
#include <stddef.h>

const char *sanl_landmark_name(int slot)
{
    static const char *const names[SANL_LANDMARKS] = {"lcollar", "rcollar", "lsleeve", "rsleeve",
                                                      "lwaist",  "rwaist",  "lhem",    "rhem"};
    return names[slot];
}

bool sanl_box_is_set(const struct sanl_box *box)
{
    return box->x1 != 0 || box->y1 != 0 || box->x2 != 0 || box->y2 != 0;
}

int sanl_landmark_mirror(int slot)
{
    return slot ^ 1; /* the scheme lists left and right in turn */
}

static const struct {
    const char *name;
    int count;
    int slots[SANL_LANDMARKS];
} clothes_table[] = {
    {"upper", 6, {0, 1, 2, 3, 6, 7}},
    {"lower", 4, {4, 5, 6, 7}},
    {"full", 8, {0, 1, 2, 3, 4, 5, 6, 7}},
};

const int *sanl_clothes_slots(int clothes, int *count)
{
    if (clothes < SANL_CLOTHES_UPPER || clothes > SANL_CLOTHES_FULL) {
        *count = 0;
        return NULL;
    }
    *count = clothes_table[clothes - 1].count;
    return clothes_table[clothes - 1].slots;
}

const char *sanl_clothes_name(int clothes)
{
    const bool known = clothes >= SANL_CLOTHES_UPPER && clothes <= SANL_CLOTHES_FULL;
    return known ? clothes_table[clothes - 1].name : NULL;
}
