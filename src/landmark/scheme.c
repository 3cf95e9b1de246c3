#include "landmark/scheme.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

bool sanl_box_is_set(const struct sanl_box *box)
{
    return box->x1 != 0 || box->y1 != 0 || box->x2 != 0 || box->y2 != 0;
}

const struct sanl_scheme sanl_scheme_fashion = {"fashion", SANL_FASHION_LANDMARKS, SANL_CLOTHES_FULL};
const struct sanl_scheme sanl_scheme_deepfashion2 = {"deepfashion2", SANL_LANDMARKS, SANL_CLOTHES};

const struct sanl_scheme *sanl_scheme_of(int landmarks)
{
    return landmarks == sanl_scheme_fashion.landmarks        ? &sanl_scheme_fashion
           : landmarks == sanl_scheme_deepfashion2.landmarks ? &sanl_scheme_deepfashion2
                                                             : NULL;
}

enum sanl_status sanl_scheme_find(const struct sanl_scheme **out, int landmarks)
{
    *out = sanl_scheme_of(landmarks);
    return *out ? SANL_OK
                : sanl_fail(SANL_ERR_USAGE, "model.landmarks: expected %d (%s) or %d (%s), found %d",
                            sanl_scheme_fashion.landmarks, sanl_scheme_fashion.name,
                            sanl_scheme_deepfashion2.landmarks, sanl_scheme_deepfashion2.name, landmarks);
}

/* ---- fashion ------------------------------------------------------------------------------------- */

static const char *const fashion_names[SANL_FASHION_LANDMARKS] = {"lcollar", "rcollar", "lsleeve", "rsleeve",
                                                                  "lwaist",  "rwaist",  "lhem",    "rhem"};
static const char *const fashion_labels[SANL_FASHION_LANDMARKS] = {
    "L collar", "R collar", "L sleeve", "R sleeve", "L waist", "R waist", "L hem", "R hem"};

static const struct {
    const char *name;
    int count;
    int slots[SANL_FASHION_LANDMARKS];
} fashion_clothes[] = {
    {"upper", 6, {0, 1, 2, 3, 6, 7}},
    {"lower", 4, {4, 5, 6, 7}},
    {"full", 8, {0, 1, 2, 3, 4, 5, 6, 7}},
};

/* ---- DeepFashion2 -------------------------------------------------------------------------------- */

/* Landmarks first .. last of a garment, counted from 1 as in the data set, and their mirrors: k and sum - k.
 */
struct mirror {
    unsigned char first, last, sum;
};

/* Tops and dresses: 1 and 4 are in the middle of the neck line, 2 to 6 go round it, 7 to the last round the
 * rest. Trousers and skirts: 1 to 3 are the waist, the others go round the rest. Open outwear has a left and
 * a right front, whose landmarks are scattered. As the skeletons of mmpose's DeepFashion2 have it. */
enum { MIRRORS = 7, NAME_BYTES = 32 };
#define AROUND(n)                                                                                            \
    {                                                                                                        \
        {2, 3, 8},                                                                                           \
        {                                                                                                    \
            7, (n + 6) / 2, n + 7                                                                            \
        }                                                                                                    \
    }
#define BELOW(n)                                                                                             \
    {                                                                                                        \
        {1, 1, 4},                                                                                           \
        {                                                                                                    \
            4, (n + 3) / 2, n + 4                                                                            \
        }                                                                                                    \
    }

static const struct {
    const char *name, *prefix;
    int first, count; /* slots */
    struct mirror mirrors[MIRRORS];
} garments[SANL_CLOTHES] = {
    {"short sleeve top", "sss", 0, 25, AROUND(25)},
    {"long sleeve top", "lss", 25, 33, AROUND(33)},
    {"short sleeve outwear",
     "sso",
     58,
     31,
     {{2, 2, 28}, {3, 3, 8}, {4, 4, 10}, {7, 15, 32}, {16, 16, 45}, {27, 27, 57}, {28, 28, 59}}},
    {"long sleeve outwear",
     "lso",
     89,
     39,
     {{2, 3, 8}, {4, 4, 38}, {7, 19, 40}, {20, 20, 57}, {35, 35, 73}, {36, 36, 75}}},
    {"vest", "vest", 128, 15, AROUND(15)},
    {"sling", "sling", 143, 15, AROUND(15)},
    {"shorts", "shorts", 158, 10, BELOW(10)},
    {"trousers", "trousers", 168, 14, BELOW(14)},
    {"skirt", "skirt", 182, 8, BELOW(8)},
    {"short sleeve dress", "ssd", 190, 29, AROUND(29)},
    {"long sleeve dress", "lsd", 219, 37, AROUND(37)},
    {"vest dress", "vd", 256, 19, AROUND(19)},
    {"sling dress", "sd", 275, 19, AROUND(19)},
};

static int garment_of(int slot)
{
    int garment = 0;
    while (slot >= garments[garment].first + garments[garment].count)
        garment++;
    return garment;
}

static char names[SANL_LANDMARKS][NAME_BYTES];

static void make_names(void)
{
    for (int slot = 0; slot < SANL_LANDMARKS; slot++) {
        const int g = garment_of(slot);
        snprintf(names[slot], NAME_BYTES, "%s_kpt%d", garments[g].prefix, slot - garments[g].first + 1);
    }
}

static int mirror_within(const struct mirror *mirrors, int k)
{
    for (int i = 0; i < MIRRORS && mirrors[i].sum; i++)
        if ((k >= mirrors[i].first && k <= mirrors[i].last) ||
            (k >= mirrors[i].sum - mirrors[i].last && k <= mirrors[i].sum - mirrors[i].first))
            return mirrors[i].sum - k;
    return k;
}

/* ---- either -------------------------------------------------------------------------------------- */

const char *sanl_landmark_name(const struct sanl_scheme *scheme, int slot)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (scheme == &sanl_scheme_fashion)
        return fashion_names[slot];
    pthread_once(&once, make_names);
    return names[slot];
}

const char *sanl_landmark_label(const struct sanl_scheme *scheme, int slot)
{
    if (scheme == &sanl_scheme_fashion)
        return fashion_labels[slot];
    return sanl_landmark_name(scheme, slot) + strlen(garments[garment_of(slot)].prefix) + strlen("_kpt");
}

int sanl_landmark_mirror(const struct sanl_scheme *scheme, int slot)
{
    if (scheme == &sanl_scheme_fashion)
        return slot ^ 1; /* left and right in turn */
    const int g = garment_of(slot), before = garments[g].first - 1;
    return before + mirror_within(garments[g].mirrors, slot - before);
}

int sanl_clothes_count(const struct sanl_scheme *scheme, int clothes)
{
    if (clothes < 1 || clothes > scheme->clothes)
        return 0;
    return scheme == &sanl_scheme_fashion ? fashion_clothes[clothes - 1].count : garments[clothes - 1].count;
}

int sanl_clothes_slot(const struct sanl_scheme *scheme, int clothes, int index)
{
    return scheme == &sanl_scheme_fashion ? fashion_clothes[clothes - 1].slots[index]
                                          : garments[clothes - 1].first + index;
}

const char *sanl_clothes_name(const struct sanl_scheme *scheme, int clothes)
{
    if (clothes < 1 || clothes > scheme->clothes)
        return NULL;
    return scheme == &sanl_scheme_fashion ? fashion_clothes[clothes - 1].name : garments[clothes - 1].name;
}

int sanl_clothes_find(const struct sanl_scheme *scheme, const char *name)
{
    int clothes = scheme->clothes;
    while (clothes && strcmp(sanl_clothes_name(scheme, clothes), name) != 0)
        clothes--;
    return clothes;
}

bool sanl_clothes_has(const struct sanl_scheme *scheme, int clothes, int slot)
{
    bool has = clothes == 0;
    for (int i = 0; i < sanl_clothes_count(scheme, clothes) && !has; i++)
        has = sanl_clothes_slot(scheme, clothes, i) == slot;
    return has;
}
