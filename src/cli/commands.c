#include "cli/commands.h"

/* To add a command: its file cmd_NAME.c defines sanl_cmd_NAME; name it here, twice. */
extern const struct sanl_command sanl_cmd_ablate, sanl_cmd_bench, sanl_cmd_config, sanl_cmd_convert,
    sanl_cmd_data, sanl_cmd_demo, sanl_cmd_devices, sanl_cmd_eval, sanl_cmd_export, sanl_cmd_gradcam,
    sanl_cmd_predict, sanl_cmd_selftest, sanl_cmd_synth, sanl_cmd_train, sanl_cmd_tune;

const struct sanl_command *const sanl_commands[] = {
    &sanl_cmd_demo,     &sanl_cmd_devices, &sanl_cmd_config,  &sanl_cmd_synth,
    &sanl_cmd_convert,  &sanl_cmd_data,    &sanl_cmd_train,   &sanl_cmd_ablate,
    &sanl_cmd_eval,     &sanl_cmd_predict, &sanl_cmd_gradcam, &sanl_cmd_export,
    &sanl_cmd_selftest, &sanl_cmd_bench,   &sanl_cmd_tune,    NULL,
};
