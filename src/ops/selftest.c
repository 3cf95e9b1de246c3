#include <sanlcl/selftest.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sanlcl/interrupt.h>
#include "base/memory.h"
#include "ops/opcase.h"
#include "ops/opcheck.h"

static void add_result(struct sanl_selftest_row *row, const struct sanl_opcheck_result *result,
                       const struct sanl_selftest_options *options)
{
    row->cases++;
    row->failed += !result->passed;
    row->forward_error = fmax(row->forward_error, result->forward_error);
    row->backward_error = fmax(row->backward_error, result->backward_error);
    row->gradient_error = fmax(row->gradient_error, result->gradient_error);
    if (!result->passed && options->failure)
        options->failure(options->payload, result->message);
}

static void run_case(struct sanl_selftest_row *row, struct sanl_device *device, const struct sanl_op *op,
                     const char *text, const struct sanl_selftest_options *options)
{
    struct sanl_opcheck_result result;
    sanl_opcheck_case(&result, device, op, text);
    add_result(row, &result, options);
}

/* A case of the file once more by each choice that suits the device and some direction. */
static void run_choices(struct sanl_selftest_row *row, struct sanl_device *device, const struct sanl_op *op,
                        const char *text, const struct sanl_selftest_options *options)
{
    struct sanl_opcase parsed;
    char name[SANL_CHOICE_BYTES], all[SANL_CASE_BYTES + SANL_CHOICE_BYTES + 16];
    if (!op->choice_name || sanl_opcase_parse(&parsed, op, text) != SANL_OK || !parsed.choices)
        return;
    for (int choice = 1; op->choice_name(name, choice) && !sanl_interrupted(); choice++) {
        bool fits = false;
        for (int i = 0; i < SANL_OP_CHOICES; i++)
            fits |= op->choice_fits(&parsed.call, device, i, choice);
        snprintf(all, sizeof all, "%s choice=%s", text, name);
        if (fits)
            run_case(row, device, op, all, options);
    }
}

/* An operator without a case counts as a failed one. */
static void run_file(struct sanl_selftest_row *row, struct sanl_device *device, const struct sanl_op *op,
                     const struct sanl_selftest_options *options)
{
    const char *cursor = sanl_opcase_file(op);
    char text[SANL_CASE_BYTES];
    while (cursor && !sanl_interrupted() && sanl_opcase_next(text, &cursor))
        if (!options->tiny || sanl_opcase_is_tiny(op, text)) {
            run_case(row, device, op, text, options);
            run_choices(row, device, op, text, options);
        }
    if (row->cases > 0 || sanl_interrupted())
        return;
    struct sanl_opcheck_result none = {.op = op};
    snprintf(none.message, sizeof none.message, "%s: no %scase in tests/cases/%s.txt", op->name,
             options->tiny ? "small " : "", op->name);
    add_result(row, &none, options);
}

static void run_op(struct sanl_selftest_row *row, struct sanl_device *device, const struct sanl_op *op,
                   const struct sanl_selftest_options *options)
{
    *row = (struct sanl_selftest_row){0};
    strncat(row->op, op->name, sizeof row->op - 1);
    if (options->case_text)
        run_case(row, device, op, options->case_text, options);
    else
        run_file(row, device, op, options);
    row->passed = row->failed == 0;
    if (options->done && !sanl_interrupted())
        options->done(options->payload, row);
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
        return sanl_op_unknown(options->op);
    struct sanl_opcase parsed;
    if (options->case_text)
        SANL_TRY(sanl_opcase_parse(&parsed, sanl_op_find(options->op), options->case_text));

    size_t room = 0;
    while (sanl_ops[room])
        room++;
    struct sanl_selftest_row *rows = sanl_calloc(room, sizeof *rows);
    if (!rows)
        return SANL_ERR_MEMORY;
    int used = 0, failed = 0;
    for (size_t i = 0; i < room && !sanl_interrupted(); i++) {
        if (options->op && strcmp(options->op, sanl_ops[i]->name) != 0)
            continue;
        run_op(&rows[used], device, sanl_ops[i], options);
        failed += !rows[used++].passed;
    }
    *out = rows;
    *count = used;
    if (sanl_interrupted())
        return sanl_fail(SANL_ERR_INTERRUPTED, "stopped before all operators were checked");
    return failed == 0 ? SANL_OK : sanl_fail(SANL_ERR_NUMERIC, "%d of %d operators failed", failed, used);
}
