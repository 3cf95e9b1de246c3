#include <stdio.h>
#include <sanlcl/data.h>
#include "cli/args.h"
#include "cli/progress.h"

static const char *const images[] = {"link", "copy", "none", NULL};

static const struct sanl_arg args_table[] = {
    {.name = "--from",
     .value = "LAYOUT",
     .type = SANL_ARG_TEXT,
     .choices = sanl_args_layouts,
     .help = "layout of IN; needed"},
    {.name = "--to",
     .value = "LAYOUT",
     .type = SANL_ARG_TEXT,
     .choices = sanl_args_layouts,
     .help = "layout of OUT; needed"},
    {.name = "--images",
     .value = "HOW",
     .type = SANL_ARG_TEXT,
     .preset = "link",
     .choices = images,
     .help = "pictures: hard links (copies across file systems), copies, or none"},
    {0},
};

static void show_progress(void *payload, int done, int count)
{
    (void)payload;
    sanl_progress_update("picture %d of %d", done, count);
}

static enum sanl_status run(const struct sanl_args *args)
{
    struct sanl_convert_result result;
    const struct sanl_convert_options options = {
        .from = sanl_args_text(args, "--from"),
        .to = sanl_args_text(args, "--to"),
        .root = args->positional[0],
        .folder = args->positional[1],
        .images = sanl_args_choice(args, "--images"),
        .progress = show_progress,
    };
    if (!options.from || !options.to)
        return sanl_cli_fail(SANL_ERR_USAGE, "--from and --to are needed: the layouts of the two folders");
    const enum sanl_status status = sanl_convert(&result, &options);
    sanl_progress_end();
    if (status != SANL_OK)
        return status;
    printf("%s: %d records in the layout %s\n", options.folder, result.records, options.to);
    static const char *const things[] = {"landmarks", "boxes", "variation types", "categories"};
    const bool lost[] = {result.landmarks_lost, result.boxes_lost, result.variations_lost,
                         result.categories_lost};
    const char *before = "it has no room for ";
    for (int i = 0; i < 4; i++)
        if (lost[i]) {
            printf("%s%s", before, things[i]);
            before = ", ";
        }
    if (*before == ',')
        puts("");
    if (result.part_lost)
        printf("it has no part %s: those pictures are in %s\n", result.part_lost, result.part_instead);
    return SANL_OK;
}

const struct sanl_command sanl_cmd_convert = {
    .name = "convert",
    .summary = "write a data set in another layout",
    .details = "OUT must be empty or missing. Records keep their order; what the new layout has no room for "
               "is said at\n"
               "the end. The layout coco is that of mmpose for FLD and DeepFashion2, info_csv the table of "
               "public PyTorch "
               "projects.\n",
    .args = args_table,
    .positional = "IN OUT",
    .least = 2,
    .most = 2,
    .run = run,
};
