#include <sanlcl/synth.h>
#include "cli/args.h"
#include "cli/progress.h"

static const struct sanl_arg args_table[] = {
    {.name = "--layout",
     .value = "NAME",
     .help = "layout on disk",
     .type = SANL_ARG_TEXT,
     .preset = "fld",
     .choices = sanl_args_layouts},
    {.name = "--count",
     .value = "N",
     .help = "pictures",
     .type = SANL_ARG_INT,
     .preset = "1000",
     .min = 1,
     .max = 99999999},
    {.name = "--seed",
     .value = "N",
     .help = "the same seed gives the same files, byte for byte",
     .type = SANL_ARG_INT,
     .preset = "1",
     .max = 2147483647},
    {.name = "--size",
     .value = "N",
     .help = "longer side of a picture in pixels",
     .type = SANL_ARG_INT,
     .preset = "256",
     .min = 64,
     .max = 2048},
    {.name = "--val-share",
     .value = "X",
     .help = "share of the pictures in the part val",
     .type = SANL_ARG_NUMBER,
     .preset = "0.15",
     .max = 1},
    {.name = "--test-share",
     .value = "X",
     .help = "share of the part test; what remains of both is train",
     .type = SANL_ARG_NUMBER,
     .preset = "0.15",
     .max = 1},
    {.name = "--variety",
     .value = "X",
     .help =
         "how far pose, cut and framing vary, and how often garments are covered or cut off; 1 is hardest",
     .type = SANL_ARG_NUMBER,
     .preset = "1",
     .max = 1},
    {.name = "--threads",
     .value = "N",
     .help = "drawing threads; 0: one for each processor",
     .type = SANL_ARG_INT,
     .preset = "0",
     .max = 256},
    {0},
};

static void show_progress(void *payload, int done, int count)
{
    (void)payload;
    sanl_progress_update("picture %d of %d", done, count);
}

static enum sanl_status run(const struct sanl_args *args)
{
    struct sanl_synth_options options;
    sanl_synth_defaults(&options);
    options.layout = sanl_args_text(args, "--layout");
    options.count = sanl_args_int(args, "--count");
    options.seed = (uint64_t)sanl_args_int(args, "--seed");
    options.size = sanl_args_int(args, "--size");
    options.val_share = sanl_args_number(args, "--val-share");
    options.test_share = sanl_args_number(args, "--test-share");
    options.variety = sanl_args_number(args, "--variety");
    options.threads = sanl_args_int(args, "--threads");
    options.progress = show_progress;
    const enum sanl_status status = sanl_synth_write(&options, args->positional[0]);
    sanl_progress_end();
    if (status == SANL_OK)
        printf("%s: %d pictures\n", args->positional[0], options.count);
    return status;
}

const struct sanl_command sanl_cmd_synth = {
    .name = "synth",
    .summary = "draw a data set of synthetic garments",
    .details = "Writes a data set into the folder OUT, which must be empty or missing, in the layout of a "
               "public one:\n"
               "fld, deepfashion_c, deepfashion2 (up to six landmarks of a garment labelled), coco, "
               "info_csv, cub200\n"
               "(garments for birds) or foodnet (for dishes). Its parts are train, val and test; in cub200 "
               "train and\n"
               "test, in deepfashion2 train and val.\n",
    .args = args_table,
    .positional = "OUT",
    .least = 1,
    .most = 1,
    .run = run,
};
