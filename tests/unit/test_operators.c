/* Every operator on the default device against its reference, by each route of the heavy kernels, and the
 * harness itself against operators that are wrong on purpose. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sanlcl/selftest.h>
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

static void print_failure(void *payload, const char *message)
{
    (void)payload;
    print_error("%s\n", message);
}

static enum sanl_status selftest(struct sanl_device *on, struct sanl_selftest_options options, int *cases)
{
    struct sanl_selftest_row *rows;
    int count;
    options.failure = print_failure;
    enum sanl_status status = sanl_selftest_run(&rows, &count, on, &options);
    *cases = 0;
    for (int i = 0; i < count; i++) {
        assert_int_equal(rows[i].passed, rows[i].failed == 0);
        *cases += rows[i].cases;
    }
    free(rows);
    return status;
}

static void check_route(enum sanl_route route)
{
    struct sanl_device *on;
    const struct sanl_device_options how = {.route = route};
    int cases;
    assert_int_equal(sanl_device_open(&on, &how), SANL_OK);
    enum sanl_status status = selftest(on, (struct sanl_selftest_options){0}, &cases);
    sanl_device_free(on);
    assert_int_equal(status, SANL_OK);
    assert_true(cases > 0);
}

static void test_default_route(void **state)
{
    (void)state;
    check_route(SANL_ROUTE_AUTO);
}

static void test_tile_route(void **state)
{
    (void)state;
    check_route(SANL_ROUTE_TILE);
}

static void test_clblast_route(void **state)
{
    (void)state;
    check_route(SANL_ROUTE_CLBLAST);
}

/* ---- operators that are wrong -------------------------------------------------------------------- */

static const struct sanl_op *find(const char *name)
{
    const struct sanl_op *op = sanl_op_find(name);
    assert_non_null(op);
    return op;
}

static const struct sanl_op *honest(void)
{
    return find("sgd");
}

static void expect_failure(const struct sanl_op *op, const char *text, const char *part)
{
    char repeat[64];
    snprintf(repeat, sizeof repeat, "sanlcl selftest --op %s --case '", op->name);
    struct sanl_opcheck_result result;
    sanl_opcheck_case(&result, device, op, text);
    assert_false(result.passed);
    if (!strstr(result.message, part))
        print_error("expected '%s' in '%s'\n", part, result.message);
    assert_non_null(strstr(result.message, part));
    assert_non_null(strstr(result.message, repeat));
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

static const char *const loss_case = "in=3,1,1,5;3,1,1,1";

static void wrong_gradient(const struct sanl_op_call *call, const struct sanl_op_host *host)
{
    find("cross_entropy")->reference_backward(call, host);
    host->din[0][2] *= 1.001;
}

static void test_wrong_gradient(void **state)
{
    (void)state;
    struct sanl_op op = *find("cross_entropy");
    op.reference_backward = wrong_gradient;
    expect_failure(&op, loss_case, "reference backward against finite differences: din[0] at (0,0,0,2)");
}

static enum sanl_status never_adds(struct sanl_op_call *call, struct sanl_device *on)
{
    struct sanl_op_call other = *call;
    other.din_add[0] = false;
    return find("cross_entropy")->backward(&other, on);
}

static void test_not_added(void **state)
{
    (void)state;
    struct sanl_op op = *find("cross_entropy");
    op.backward = never_adds;
    expect_failure(&op, loss_case, "backward, gradients added: din[0]");
}

static enum sanl_status always_adds(struct sanl_op_call *call, struct sanl_device *on)
{
    struct sanl_op_call other = *call;
    other.din_add[0] = true;
    return find("cross_entropy")->backward(&other, on);
}

static void test_not_overwritten(void **state)
{
    (void)state;
    struct sanl_op op = *find("cross_entropy");
    op.backward = always_adds;
    expect_failure(&op, loss_case, "backward: din[0]");
}

static void test_undeclared_read(void **state)
{
    (void)state;
    struct sanl_op op = *find("cross_entropy");
    op.backward_in = 1;
    expect_failure(&op, loss_case, "undeclared tensors NaN differs: din[0]");
}

static void test_options(void **state)
{
    (void)state;
    const char *const text = "in=1,1,1,1;1,1,1,1";
    int all, tiny, one;
    assert_int_equal(selftest(device, (struct sanl_selftest_options){.op = "nothing"}, &one), SANL_ERR_USAGE);
    assert_int_equal(selftest(device, (struct sanl_selftest_options){.case_text = text}, &one),
                     SANL_ERR_USAGE);
    assert_int_equal(selftest(device, (struct sanl_selftest_options){.op = "sgd"}, &all), SANL_OK);
    assert_int_equal(selftest(device, (struct sanl_selftest_options){.op = "sgd", .tiny = true}, &tiny),
                     SANL_OK);
    assert_true(tiny > 0 && tiny < all);
    assert_int_equal(selftest(device, (struct sanl_selftest_options){.op = "sgd", .case_text = text}, &one),
                     SANL_OK);
    assert_int_equal(one, 1);

    struct sanl_selftest_row *rows;
    const struct sanl_selftest_options bad = {.op = "relu", .case_text = "in=1,2,2,3 refuse=1"};
    assert_int_equal(sanl_selftest_run(&rows, &one, device, &bad), SANL_ERR_NUMERIC);
    assert_int_equal(one, 1);
    assert_int_equal(rows[0].failed, 1);
    free(rows);
    const struct sanl_selftest_options senseless = {.op = "relu", .case_text = "refuse=1"};
    assert_int_equal(sanl_selftest_run(&rows, &one, device, &senseless), SANL_ERR_USAGE);
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
        cmocka_unit_test(test_default_route),   cmocka_unit_test(test_tile_route),
        cmocka_unit_test(test_clblast_route),   cmocka_unit_test(test_wrong_value),
        cmocka_unit_test(test_out_of_bounds),   cmocka_unit_test(test_not_all_written),
        cmocka_unit_test(test_writes_input),    cmocka_unit_test(test_not_repeatable),
        cmocka_unit_test(test_wrong_gradient),  cmocka_unit_test(test_not_added),
        cmocka_unit_test(test_not_overwritten), cmocka_unit_test(test_undeclared_read),
        cmocka_unit_test(test_options),         cmocka_unit_test(test_accepts_all),
        cmocka_unit_test(test_bad_case),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
