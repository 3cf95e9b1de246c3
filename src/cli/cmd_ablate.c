#include <stdlib.h>
#include <sanlcl/ablate.h>
#include "cli/args.h"
#include "cli/progress.h"
#include "cli/training.h"

enum { MAX_SEEDS = 64 };

static const struct sanl_arg args_table[] = {
    SANL_ARG_CONFIG_ROW,
    SANL_ARG_DEVICE_ROW,
    SANL_ARG_GEMM_ROW,
    {.name = "--seeds",
     .value = "N,N,...",
     .type = SANL_ARG_TEXT,
     .preset = "0,1,2",
     .help = "each setting is trained once with each of them"},
    {0},
};

static enum sanl_status parse_seeds(int seeds[MAX_SEEDS], int *count, const char *text)
{
    *count = 0;
    for (const char *p = text; *count < MAX_SEEDS;) {
        char *end;
        const long seed = strtol(p, &end, 10);
        if (end == p || seed < 0 || seed > 2147483647 || (*end && *end != ','))
            break;
        for (int i = 0; i < *count; i++)
            if (seeds[i] == seed)
                return sanl_cli_fail(SANL_ERR_USAGE, "--seeds: %ld is there twice", seed);
        seeds[(*count)++] = (int)seed;
        if (!*end)
            return SANL_OK;
        p = end + 1;
    }
    return sanl_cli_fail(SANL_ERR_USAGE,
                         "--seeds: expected 1 to %d whole numbers from 0 on, such as 0,1,2, found '%s'",
                         MAX_SEEDS, text);
}

static void show_run(void *payload, const struct sanl_ablate_run *run)
{
    (void)payload;
    sanl_progress_print("%d of %d: %s, seed %d%s", run->index + 1, run->count, run->setting, run->seed,
                        run->kept ? ": done before" : "");
}

static void show_progress(void *payload, const struct sanl_train_progress *progress)
{
    const struct sanl_config *config = payload;
    sanl_training_show(sanl_training_metric(config), progress);
}

/* ablation.txt, .csv and .tex in the folder of the ablation. */
static enum sanl_status save(const struct sanl_table *table, const char *folder)
{
    static const char *const endings[] = {"txt", "csv", "tex"};
    enum sanl_status status = SANL_OK;
    for (int i = 0; i < 3 && status == SANL_OK; i++) {
        char path[SANL_TEXT_BYTES + 16];
        snprintf(path, sizeof path, "%s/ablation.%s", folder, endings[i]);
        status = sanl_table_save(table, path);
        if (status == SANL_OK)
            printf("%s%s", i ? ", " : "kept as ", path);
    }
    putchar('\n');
    return status;
}

static enum sanl_status run(const struct sanl_args *args)
{
    struct sanl_config config;
    struct sanl_device *device;
    struct sanl_table *table = NULL;
    int seeds[MAX_SEEDS], count;
    enum sanl_status status = parse_seeds(seeds, &count, sanl_args_text(args, "--seeds"));
    if (status == SANL_OK)
        status = sanl_args_config(args, &config);
    if (status == SANL_OK)
        status = sanl_args_device(args, &device, NULL);
    if (status != SANL_OK)
        return status;
    const struct sanl_ablate_options options = {.config = &config,
                                                .seeds = seeds,
                                                .seed_count = count,
                                                .begin = show_run,
                                                .progress = show_progress,
                                                .payload = &config};
    status = sanl_ablate(&table, device, &options);
    sanl_progress_end();
    if (status == SANL_OK)
        status = sanl_table_write(table, stdout, SANL_TABLE_TEXT);
    if (status == SANL_OK)
        status = save(table, config.out);
    sanl_table_free(table);
    sanl_device_free(device);
    return status;
}

const struct sanl_command sanl_cmd_ablate = {
    .name = "ablate",
    .summary = "train and evaluate the method with parts left out, over several seeds",
    .details =
        "From the plain network to the whole method: base, non-local blocks, SANL with the top CAM alone, "
        "with\n"
        "the CAM of each stage, coarse to fine, and landmarks that are hidden, too. Errors are those of the "
        "part\n"
        "data.test, of the checkpoint that is best on data.val, or of the last one where data.val is empty.\n"
        "Ctrl-C stops; the same command goes on.\n",
    .args = args_table,
    .overrides = true,
    .run = run,
};
