/* The demonstration, step by step; cmd_demo.c runs the steps in order. */
#ifndef CLI_DEMO_H
#define CLI_DEMO_H

#include <sanlcl/evaluate.h>
#include <sanlcl/train.h>
#include "cli/args.h"
#include "cli/inputs.h"

enum { SANL_DEMO_DRAWN = 9, SANL_DEMO_PATH_BYTES = SANL_TEXT_BYTES };

/* Below the demo's folder. */
typedef char sanl_demo_path[SANL_DEMO_PATH_BYTES];

/* Loss over a tenth of an epoch, or errors of an epoch, against epochs. */
struct sanl_demo_curve {
    double *x, *y;
    size_t count;
};

struct sanl_demo_training {
    struct sanl_config config;
    const char *metric;
    struct sanl_demo_curve loss, error;
    double part_sum; /* of the tenth under way */
    int part_steps;
    double images_per_second; /* of the last epoch */
    struct sanl_train_result result;
};

/* A picture of the test part with the truth about it. */
struct sanl_demo_picture {
    char *image; /* relative to the data set */
    struct sanl_box box;
    double truth_img[SANL_FASHION_LANDMARKS][2];
    bool placed[SANL_FASHION_LANDMARKS]; /* the garment has it, inside the picture */
    double error;                        /* mean exact error of those that count */
};

struct sanl_demo {
    const struct sanl_args *args;
    const char *out;
    int count; /* pictures */
    double start, seconds;
    struct sanl_device *device;
    struct sanl_demo_training classifier, landmark;
    struct sanl_evaluation evaluation;
    struct sanl_demo_picture *pictures; /* (picture_count,): the test part */
    size_t picture_count, picture_capacity;
    size_t drawn[SANL_DEMO_DRAWN]; /* indices in pictures */
    size_t drawn_count;
    struct sanl_inputs inputs; /* the drawn ones */
};

/* OUT/NAME. The demo's folder has a short enough name that nothing is cut off. */
void sanl_demo_place(sanl_demo_path path, const struct sanl_demo *demo, const char *name);

/* ---- the folder ---------------------------------------------------------------------------------- */

/* Makes the folder, or takes away what an earlier demo wrote into it. One that holds anything else is
 * refused. */
SANL_CHECKED enum sanl_status sanl_demo_prepare(const struct sanl_demo *demo);

/* ---- steps --------------------------------------------------------------------------------------- */

SANL_CHECKED enum sanl_status sanl_demo_synth(struct sanl_demo *demo);
SANL_CHECKED enum sanl_status sanl_demo_classifier(struct sanl_demo *demo);
SANL_CHECKED enum sanl_status sanl_demo_landmark(struct sanl_demo *demo);
SANL_CHECKED enum sanl_status sanl_demo_evaluate(struct sanl_demo *demo);
SANL_CHECKED enum sanl_status sanl_demo_predict(struct sanl_demo *demo);
SANL_CHECKED enum sanl_status sanl_demo_report(struct sanl_demo *demo);

/* How this demo's pictures are drawn; see sanl_synth_options. */
extern const struct sanl_demo_drawing {
    double variety, val_share, test_share;
} sanl_demo_drawing;

void sanl_demo_free(struct sanl_demo *demo); /* takes a zeroed object */

#endif
