#include <sanlcl/selftest.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "ops/opcheck.h"

struct run {
    struct sanl_selftest_row *row;
    const struct sanl_selftest_options *options;
};

static void add_result(void *payload, const struct sanl_opcheck_result *result)
{
    struct run *run = payload;
    struct sanl_selftest_row *row = run->row;
    row->cases++;
    row->failed += !result->passed;
    row->passed = row->failed == 0;
    row->forward_error = fmax(row->forward_error, result->forward_error);
    row->backward_error = fmax(row->backward_error, result->backward_error);
    row->gradient_error = fmax(row->gradient_error, result->gradient_error);
    if (!result->passed && run->options->failure)
        run->options->failure(run->options->payload, result->message);
}

static enum sanl_status run_op(struct sanl_selftest_row *row, struct sanl_device *device, const char *name,
                               const struct sanl_selftest_options *options)
{
    struct sanl_opcheck_summary summary;
    struct run run = {row, options};
    *row = (struct sanl_selftest_row){0};
    strncat(row->op, name, sizeof row->op - 1);
    SANL_TRY(sanl_opcheck_run(&summary, device,
                              &(struct sanl_opcheck_options){name, options->case_text, options->tiny},
                              add_result, &run));
    if (options->done)
        options->done(options->payload, row);
    return SANL_OK;
}

enum sanl_status sanl_selftest_run(struct sanl_selftest_row **out, int *count, struct sanl_device *device,
                                   const struct sanl_selftest_options *options)
{
    const struct sanl_selftest_options defaults = {0};
    if (!options)
        options = &defaults;
    *out = NULL;
    *count = 0;
    if (options->case_text && !options->op)
        return sanl_fail(SANL_ERR_USAGE, "a case needs the name of its operator");
    if (options->op && !sanl_op_find(options->op))
        return sanl_fail(SANL_ERR_USAGE, "there is no operator '%s'", options->op);

    size_t room = 0;
    while (sanl_ops[room])
        room++;
    struct sanl_selftest_row *rows = sanl_calloc(room + 1, sizeof *rows);
    if (!rows)
        return SANL_ERR_MEMORY;
    int used = 0, failed = 0;
    for (size_t i = 0; i < room; i++) {
        if (options->op && strcmp(options->op, sanl_ops[i]->name) != 0)
            continue;
        enum sanl_status status = run_op(&rows[used], device, sanl_ops[i]->name, options);
        if (status != SANL_OK) {
            free(rows);
            return status;
        }
        failed += !rows[used++].passed;
    }
    *out = rows;
    *count = used;
    return failed == 0 ? SANL_OK : sanl_fail(SANL_ERR_NUMERIC, "%d of %d operators failed", failed, used);
}
