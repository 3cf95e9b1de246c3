#include <stdlib.h>
#include "cli/args.h"

static const struct sanl_arg args_table[] = {
    SANL_ARG_CONFIG_ROW,
    {.name = "--dump", .help = "write every key with its value as YAML"},
    {.name = "--help-comments", .help = "with --dump: explain each key in comments"},
    {0},
};

static enum sanl_status run(const struct sanl_args *args)
{
    const bool dump = sanl_args_flag(args, "--dump"), help = sanl_args_flag(args, "--help-comments");
    if (help && !dump)
        return sanl_cli_fail(SANL_ERR_USAGE, "--help-comments needs --dump");
    struct sanl_config config;
    enum sanl_status status = sanl_args_config(args, &config);
    if (status != SANL_OK)
        return status;
    if (!dump) {
        puts("the configuration is valid");
        return SANL_OK;
    }
    char *text;
    status = sanl_config_dump(&text, &config, help);
    if (status != SANL_OK)
        return status;
    fputs(text, stdout);
    free(text);
    return SANL_OK;
}

const struct sanl_command sanl_cmd_config = {
    .name = "config",
    .summary = "check an experiment's configuration, or write it with every key",
    .args = args_table,
    .overrides = true,
    .run = run,
};
