#include <stdio.h>
#include <string.h>
#include <sanlcl/data.h>
#include "cli/args.h"

static const struct sanl_arg args_table[] = {
    SANL_ARG_CONFIG_ROW,
    {.name = "--part",
     .value = "NAME",
     .type = SANL_ARG_TEXT,
     .help = "browse: pictures of this part (default: of all)"},
    {.name = "--pictures",
     .value = "N",
     .type = SANL_ARG_INT,
     .preset = "24",
     .min = 1,
     .max = 1000,
     .help = "browse: pictures of the sheet, spread evenly"},
    {.name = "--columns",
     .value = "N",
     .type = SANL_ARG_INT,
     .preset = "6",
     .min = 1,
     .max = 100,
     .help = "browse: pictures in a row"},
    {.name = "--side",
     .value = "N",
     .type = SANL_ARG_INT,
     .preset = "320",
     .min = 32,
     .max = 4096,
     .help = "browse: pixels of a picture's longer side"},
    {.name = "--out",
     .value = "FILE",
     .type = SANL_ARG_TEXT,
     .preset = "browse.png",
     .output = true,
     .help = "browse: the sheet, .png or .jpg"},
    {0},
};

enum { SIZED_PICTURES = 1000 };

static enum sanl_status print_stats(const struct sanl_config *config)
{
    struct sanl_table *tables[SANL_DATA_TABLES];
    int count;
    enum sanl_status status = sanl_data_stats(tables, &count, &config->data, SIZED_PICTURES);
    for (int i = 0; i < count; i++) {
        if (i && status == SANL_OK)
            putchar('\n');
        if (status == SANL_OK)
            status = sanl_table_write(tables[i], stdout, SANL_TABLE_TEXT);
        sanl_table_free(tables[i]);
    }
    return status;
}

static enum sanl_status run(const struct sanl_args *args)
{
    static const char *const of_browse[] = {"--part", "--pictures", "--columns", "--side", "--out"};
    struct sanl_config config;
    const char *what = args->positional[0];
    const bool browse = strcmp(what, "browse") == 0;
    enum sanl_status status = sanl_args_config(args, &config);
    if (status != SANL_OK)
        return status;
    if (!browse && strcmp(what, "stats") != 0)
        return sanl_cli_fail(SANL_ERR_USAGE, "'%s': expected stats or browse", what);
    for (size_t i = 0; i < sizeof of_browse / sizeof *of_browse && !browse; i++)
        if (sanl_args_given(args, of_browse[i]))
            return sanl_cli_fail(SANL_ERR_USAGE, "%s: only browse has this", of_browse[i]);
    if (!browse)
        return print_stats(&config);
    const struct sanl_browse_options options = {.part = sanl_args_text(args, "--part"),
                                                .pictures = sanl_args_int(args, "--pictures"),
                                                .columns = sanl_args_int(args, "--columns"),
                                                .side = sanl_args_int(args, "--side")};
    const char *path = sanl_args_text(args, "--out");
    status = sanl_data_browse(path, &config.data, &options);
    if (status == SANL_OK)
        printf("%s\n", path);
    return status;
}

const struct sanl_command sanl_cmd_data = {
    .name = "data",
    .summary = "what a data set holds, in numbers (stats) or as a sheet of pictures (browse)",
    .details =
        "Give the set as data.root=DIR data.format=LAYOUT or by --config FILE. stats counts parts (beside "
        "the\n"
        "published numbers), garments, variations, landmarks by visibility and categories, and measures "
        "boxes\n"
        "and pictures. browse draws boxes and landmarks over pictures; a star marks a hidden landmark.\n",
    .args = args_table,
    .positional = "stats|browse",
    .least = 1,
    .most = 1,
    .overrides = true,
    .run = run,
};
