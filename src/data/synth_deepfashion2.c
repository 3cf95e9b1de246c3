/* Drawn garments as DeepFashion2 has them. Of a garment's landmarks there those are labelled that a drawn one
 * has, too: by their order round the outline, in which a sleeve has two at its end and a half of the hem ends
 * at its middle. */
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "data/deepfashion2.h"
#include "data/synth.h"

/* The landmarks of a type of clothes, counted from 1, in the order of the slots of "fashion"; 0: none. */
struct outline {
    int clothes;
    unsigned char landmarks[SANL_FASHION_LANDMARKS];
};
static const struct outline short_top = {1, {2, 6, 9, 23, 0, 0, 15, 17}},
                            long_top = {2, {2, 6, 11, 29, 0, 0, 19, 21}},
                            outwear = {4, {2, 6, 11, 29, 0, 0, 19, 21}},
                            vest = {5, {2, 6, 0, 0, 0, 0, 10, 12}}, shorts = {7, {0, 0, 0, 0, 1, 3, 5, 9}},
                            trousers = {8, {0, 0, 0, 0, 1, 3, 6, 12}}, skirt = {9, {0, 0, 0, 0, 1, 3, 5, 7}},
                            dress = {12, {2, 6, 0, 0, 0, 0, 12, 14}};

static const struct {
    const char *recipe;
    const struct outline *outline;
} kinds[] = {{"Blouse", &long_top}, {"Button-Down", &long_top}, {"Cardigan", &outwear},
             {"Hoodie", &long_top}, {"Jacket", &outwear},       {"Sweater", &long_top},
             {"Tank", &vest},       {"Tee", &short_top},        {"Culottes", &shorts},
             {"Jeans", &trousers},  {"Leggings", &trousers},    {"Shorts", &shorts},
             {"Skirt", &skirt},     {"Coat", &outwear},         {"Dress", &dress},
             {"Jumpsuit", &dress},  {"Romper", &dress},         {NULL, NULL}};

static enum sanl_status dress_record(struct sanl_dataset *out, const struct sanl_dataset *drawn, int index)
{
    struct sanl_record *record = &out->records[index];
    const struct sanl_record *from = &drawn->records[index];
    struct sanl_landmarks at;
    int kind = 0;
    while (kinds[kind].recipe && strcmp(kinds[kind].recipe, drawn->category_names[from->category]) != 0)
        kind++;
    if (!kinds[kind].recipe)
        return sanl_fail(SANL_ERR_INTERNAL, "no type of DeepFashion2 is known for '%s'",
                         drawn->category_names[from->category]);
    const struct outline *o = kinds[kind].outline;
    *record = *from;
    record->variation = 0;
    sanl_dataset_landmarks(&at, drawn, from);
    SANL_TRY(sanl_deepfashion2_classify(out, record, o->clothes));
    SANL_TRY(sanl_dataset_dress(out, record, o->clothes));
    for (int slot = 0; slot < SANL_FASHION_LANDMARKS; slot++) {
        const struct sanl_point point = {{at.img[slot][0], at.img[slot][1]}, at.visibility[slot]};
        if (o->landmarks[slot] && point.visibility != SANL_ABSENT)
            sanl_dataset_set_point(out, record, o->landmarks[slot] - 1, &point);
    }
    return SANL_OK;
}

enum sanl_status sanl_synth_as_deepfashion2(struct sanl_dataset *out, const struct sanl_dataset *drawn)
{
    out->scheme = &sanl_scheme_deepfashion2;
    out->format = drawn->format;
    out->records = sanl_calloc((size_t)drawn->count, sizeof *out->records);
    if (!out->records)
        return SANL_ERR_MEMORY;
    enum sanl_status status = SANL_OK;
    for (; out->count < drawn->count && status == SANL_OK; out->count++)
        status = dress_record(out, drawn, out->count);
    return status;
}
