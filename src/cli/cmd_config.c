#include <stdlib.h>
#include <sanlcl/summary.h>
#include <sanlcl/table.h>
#include "cli/args.h"

static const struct sanl_arg args_table[] = {
    SANL_ARG_CONFIG_ROW,
    {.name = "--dump", .help = "write every key with its value as YAML"},
    {.name = "--help-comments", .help = "with --dump: explain each key in comments"},
    {.name = "--summary",
     .help = "write the network's layers with their outputs, parameters and GFLOP (multiply-add = 2)"},
    {0},
};

static void add_row(struct sanl_table *table, const char *name, const char *op, const char *shape,
                    long long parameters, double flops)
{
    sanl_table_text(table, name);
    sanl_table_text(table, op);
    sanl_table_text(table, shape);
    sanl_table_int(table, parameters);
    sanl_table_number(table, flops / 1e9);
}

static enum sanl_status write_summary(const struct sanl_summary *summary)
{
    static const struct sanl_column columns[] = {
        {.key = "layer"},
        {.key = "operator"},
        {.key = "output (n, c, h, w)"},
        {.key = "parameters"},
        {.key = "GFLOP", .decimals = 4},
    };
    struct sanl_table *table;
    enum sanl_status status = sanl_table_create(&table, columns, 5);
    if (status != SANL_OK)
        return status;
    for (int i = 0; i < summary->count; i++) {
        const struct sanl_layer *layer = &summary->layers[i];
        char shape[64];
        snprintf(shape, sizeof shape, "(%d, %d, %d, %d)", layer->n, layer->c, layer->h, layer->w);
        add_row(table, layer->name, layer->op, shape, layer->parameters, layer->flops);
    }
    add_row(table, "total", "", "", summary->parameters, summary->flops);
    printf("%s\n\n", summary->title);
    status = sanl_table_write(table, stdout, SANL_TABLE_TEXT);
    printf("\n%lld parameters, %.1f MiB; %lld running statistics of norms\n"
           "%.3f GFLOP for one image, forward; the outputs of all layers take %.1f MiB\n",
           summary->parameters, (double)summary->parameters * 4 / (1 << 20), summary->statistics,
           summary->flops / 1e9, summary->activation_bytes / (1 << 20));
    sanl_table_free(table);
    return status;
}

static enum sanl_status write_summaries(const struct sanl_config *config)
{
    struct sanl_summary *list;
    int count;
    enum sanl_status status = sanl_summaries_create(&list, &count, config);
    for (int i = 0; i < count && status == SANL_OK; i++) {
        if (i)
            puts("");
        status = write_summary(&list[i]);
    }
    sanl_summaries_free(list, count);
    return status;
}

static enum sanl_status write_dump(const struct sanl_config *config, bool help)
{
    char *text;
    const enum sanl_status status = sanl_config_dump(&text, config, help);
    if (status != SANL_OK)
        return status;
    fputs(text, stdout);
    free(text);
    return SANL_OK;
}

static enum sanl_status run(const struct sanl_args *args)
{
    const bool dump = sanl_args_flag(args, "--dump"), help = sanl_args_flag(args, "--help-comments"),
               summary = sanl_args_flag(args, "--summary");
    if (help && !dump)
        return sanl_cli_fail(SANL_ERR_USAGE, "--help-comments needs --dump");
    if (dump && summary)
        return sanl_cli_fail(SANL_ERR_USAGE, "--dump and --summary do not go together");
    struct sanl_config config;
    const enum sanl_status status = sanl_args_config(args, &config);
    if (status != SANL_OK)
        return status;
    if (dump)
        return write_dump(&config, help);
    if (summary)
        return write_summaries(&config);
    puts("the configuration is valid");
    return SANL_OK;
}

const struct sanl_command sanl_cmd_config = {
    .name = "config",
    .summary = "check an experiment's configuration, write it with every key, or its network's layers",
    .args = args_table,
    .overrides = true,
    .run = run,
};
