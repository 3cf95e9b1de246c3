/* Every operator on the default device against its reference, and the harness itself against operators that
 * are wrong on purpose. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include "ops/opcheck.h"

static struct sanl_device *device;

static int open_device(void **state)
{
    (void)state;
    if (sanl_device_open(&device, NULL) == SANL_OK)
        return 0;
    print_error("%s\n", sanl_error_message());
    return -1;
}

static int close_device(void **state)
{
    (void)state;
    sanl_device_free(device);
    return 0;
}

static void print_failure(void *payload, const struct sanl_opcheck_result *result)
{
    (void)payload;
    if (!result->passed)
        print_error("%s\n", result->message);
}

static void test_all(void **state)
{
    (void)state;
    struct sanl_opcheck_summary summary;
    struct sanl_opcheck_options options = {0};
    assert_int_equal(sanl_opcheck_run(&summary, device, &options, print_failure, NULL), SANL_OK);
    assert_true(summary.cases > 0);
    assert_int_equal(summary.failed, 0);
}

/* ---- operators that are wrong -------------------------------------------------------------------- */

static const struct sanl_op *honest(void)
{
    const struct sanl_op *op = sanl_op_find("sgd");
    assert_non_null(op);
    return op;
}

static void expect_failure(const struct sanl_op *op, const char *text, const char *part)
{
    struct sanl_opcheck_result result;
    sanl_opcheck_case(&result, device, op, text);
    assert_false(result.passed);
    if (!strstr(result.message, part))
        print_error("expected '%s' in '%s'\n", part, result.message);
    assert_non_null(strstr(result.message, part));
    assert_non_null(strstr(result.message, "sanlcl selftest --op sgd --case '"));
    assert_non_null(strstr(result.message, text));
}

static void wrong_reference(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    honest()->reference_forward(call, host);
    host->state[0][3] += 1e-3;
}

static void test_wrong_value(void **state)
{
    (void)state;
    struct sanl_op op = *honest();
    op.reference_forward = wrong_reference;
    expect_failure(&op, "in=1,1,1,7;1,1,1,1", "state[0] at (0,0,0,3) of (1,1,1,7)");
}

static enum sanl_status too_far(struct sanl_op_call *call, struct sanl_device *on)
{
    struct sanl_op_call longer = *call;
    longer.in_shape[0].c++;
    return honest()->forward(&longer, on);
}

static void test_out_of_bounds(void **state)
{
    (void)state;
    struct sanl_op op = *honest();
    op.forward = too_far;
    expect_failure(&op, "in=1,1,1,7;1,1,1,1", "written outside state[");
}

static enum sanl_status too_short(struct sanl_op_call *call, struct sanl_device *on)
{
    struct sanl_op_call shorter = *call;
    shorter.in_shape[0].c--;
    return honest()->forward(&shorter, on);
}

static void test_not_all_written(void **state)
{
    (void)state;
    struct sanl_op op = *honest();
    op.forward = too_short;
    expect_failure(&op, "in=1,1,1,7;1,1,1,1", "state[0] at (0,0,0,6)");
}

static enum sanl_status swap_arguments(struct sanl_op_call *call, struct sanl_device *on)
{
    SANL_TRY(honest()->forward(call, on));
    struct sanl_op_call swapped = *call;
    swapped.state[1] = call->in[0];
    swapped.attr[0] = 0; /* lr: the parameters stay, the momentum's place changes */
    return honest()->forward(&swapped, on);
}

static void test_writes_input(void **state)
{
    (void)state;
    struct sanl_op op = *honest();
    op.forward = swap_arguments;
    expect_failure(&op, "in=1,1,1,7;1,1,1,1", "in[0] at (");
}

static int runs;

static enum sanl_status not_twice(struct sanl_op_call *call, struct sanl_device *on)
{
    struct sanl_op_call other = *call;
    other.attr[0] *= runs++ % 2 ? 1 + 1e-6 : 1;
    return honest()->forward(&other, on);
}

static void test_not_repeatable(void **state)
{
    (void)state;
    struct sanl_op op = *honest();
    op.forward = not_twice;
    expect_failure(&op, "in=1,1,1,1000;1,1,1,1", "two forwards differ");
}

static void test_accepts_all(void **state)
{
    (void)state;
    expect_failure(honest(), "in=1,1,1,7;1,1,1,1 refuse=1", "accepts what it must refuse");
}

static void test_bad_case(void **state)
{
    (void)state;
    expect_failure(honest(), "in=1,1,1", "is neither");
    expect_failure(honest(), "in=1,1,1,7;1,1,1,1;", "is neither");
    expect_failure(honest(), "in=1,1,1,-7;1,1,1,1", "is neither");
    expect_failure(honest(), "in=1000000,1000000,1000000,7", "is neither");
    expect_failure(honest(), "in=1,1,1,7;1,1,1,1 lrr=1", "is neither");
    expect_failure(honest(), "in=1,1,1,7;1,1,1,1 lr=x", "is neither");
    expect_failure(honest(), "lr=1", "expected the inputs' shapes");
    expect_failure(honest(), "nonsense", "name=value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),           cmocka_unit_test(test_wrong_value),
        cmocka_unit_test(test_out_of_bounds), cmocka_unit_test(test_not_all_written),
        cmocka_unit_test(test_writes_input),  cmocka_unit_test(test_not_repeatable),
        cmocka_unit_test(test_accepts_all),   cmocka_unit_test(test_bad_case),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
