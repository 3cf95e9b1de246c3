/* The contract of an operator.
 *
 * An operator is ops/NAME.c with cl/NAME.cl, tests/cases/NAME.txt and one row in ops/ops.c. The same
 * description serves the graph, the tests, `sanlcl selftest` and the benchmark. Tensors are float32 on the
 * device, activations NHWC, convolution weights HWIO; the C reference computes in double.
 *
 * Life of a call: fill op, attr, in_count and in_shape; infer() sets everything else that is a shape or a
 * size; the owner supplies buffers; then prepare() when parameters changed, forward(), recompute(),
 * backward(). */
#ifndef OPS_OP_H
#define OPS_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"
#include "device/device.h"

enum {
    SANL_OP_IN = 6,
    SANL_OP_OUT = 2,
    SANL_OP_PARAM = 2,
    SANL_OP_STATE = 4,
    SANL_OP_SAVED = 2,
    SANL_OP_ATTR = 16,
    SANL_OP_CHOICES = 3,
    SANL_CHOICE_BYTES = 48
};

/* n, h, w, c; vectors and matrices use the last ones: a bias is (1, 1, 1, c), a convolution weight
 * (kh, kw, cin, cout), a linear weight (1, 1, in, out). */
struct sanl_shape {
    int n, h, w, c;
};

static inline size_t sanl_shape_count(struct sanl_shape s)
{
    return (size_t)s.n * (size_t)s.h * (size_t)s.w * (size_t)s.c;
}

enum sanl_direction { SANL_FORWARD, SANL_BACKWARD };

struct sanl_op_call {
    const struct sanl_op *op;
    double attr[SANL_OP_ATTR];
    bool training;      /* forward keeps what backward needs; batch norm uses batch statistics */
    bool no_param_grad; /* backward computes gradients of the inputs alone */
    /* How the forward pass, the gradients of inputs, those of parameters are computed: one of the operator's
     * choices, which count from 1; 0: what was tuned for the device, else a default. infer() sets `chosen`.
     */
    int choice[SANL_OP_CHOICES], chosen[SANL_OP_CHOICES];
    unsigned backward_in, backward_out; /* bit i: backward reads in[i], out[i]; the operator's own, less what
                                           infer() finds that this call does not need */

    int in_count, out_count, param_count, state_count, saved_count;
    struct sanl_shape in_shape[SANL_OP_IN];
    struct sanl_shape out_shape[SANL_OP_OUT];
    struct sanl_shape param_shape[SANL_OP_PARAM]; /* trained: weight, bias */
    struct sanl_shape state_shape[SANL_OP_STATE]; /* kept from call to call: running statistics, moments */
    struct sanl_shape saved_shape[SANL_OP_SAVED]; /* written by forward, read by backward: log-sum-exp ... */
    size_t workspace_bytes; /* scratch for one prepare, forward or backward; contents are lost after it */
    size_t
        prepared_bytes[2]; /* what prepare() derives from the parameters for a direction: repacked weights */

    bool
        prepare_at_use; /* prepared is so large, beside the parameters, that it is better made for each run */
    unsigned spent_params; /* bit i: once prepared, param[i] is not read any more */

    sanl_buffer in[SANL_OP_IN], out[SANL_OP_OUT], param[SANL_OP_PARAM], state[SANL_OP_STATE],
        saved[SANL_OP_SAVED];
    sanl_buffer din[SANL_OP_IN];       /* gradients of inputs; NULL: not wanted */
    bool din_add[SANL_OP_IN];          /* true: add to din[i]; false: overwrite it */
    sanl_buffer dout[SANL_OP_OUT];     /* gradients of outputs; out[1] never has one */
    sanl_buffer dparam[SANL_OP_PARAM]; /* gradients of parameters, overwritten; NULL: not wanted */
    sanl_buffer workspace, prepared[2];
};

/* The same tensors on the host for the reference; index for index those of the call. */
struct sanl_op_host {
    double *in[SANL_OP_IN], *out[SANL_OP_OUT], *param[SANL_OP_PARAM], *state[SANL_OP_STATE],
        *saved[SANL_OP_SAVED];
    double *din[SANL_OP_IN]; /* overwritten; NULL: not wanted */
    double *dout[SANL_OP_OUT];
    double *dparam[SANL_OP_PARAM];
};

struct sanl_op_attr {
    const char *name; /* as in case files; NULL ends the list */
    double value;     /* default */
};

struct sanl_op_cost {
    double flops, bytes; /* of one call; bytes: what must move at least */
};

/* What the harness fills an input with. */
enum sanl_fill {
    SANL_FILL_NORMAL,   /* mixed signs, about unit variance; the default */
    SANL_FILL_UNIT,     /* [0, 1): maps, images */
    SANL_FILL_POSITIVE, /* [0.5, 1.5): variances */
    SANL_FILL_MASK,     /* 0 or 1 */
    SANL_FILL_PIXEL,    /* positions within the heatmap's input frame */
    SANL_FILL_CLASS,    /* whole numbers below attribute "classes" */
    SANL_FILL_BYTE,     /* whole numbers 0..255 */
    SANL_FILL_DISTINCT, /* normal, any two values at least 1e-3 apart: for arg max and max pooling */
    SANL_FILL_OWN       /* the operator's own fill() */
};

struct sanl_op {
    const char *name;
    struct sanl_op_attr attr[SANL_OP_ATTR + 1]; /* attr[i] of a call has the name and default of row i */
    enum sanl_fill in_fill[SANL_OP_IN];
    enum sanl_fill param_fill[SANL_OP_PARAM];
    enum sanl_fill state_fill[SANL_OP_STATE];
    unsigned in_grad;          /* bit i: input i has a gradient */
    unsigned backward_in;      /* bit i: backward may read in[i] */
    unsigned backward_out;     /* bit i: backward may read out[i] */
    bool cheap;                /* reads and writes each value once: may be made anew rather than kept */
    double tolerance;          /* kernel against reference, relative to the largest value; 0: 1e-5 */
    double gradient_tolerance; /* reference backward against finite differences; 0: 1e-6 */

    /* Checks attributes and input shapes; sets out, param, state and saved shapes and sizes. `device` may
     * be NULL (shapes and reference only); sizes of workspace and prepared may depend on it. */
    enum sanl_status (*infer)(struct sanl_op_call *call, struct sanl_device *device);
    void (*reference_forward)(const struct sanl_op_call *call, const struct sanl_op_host *host);
    void (*reference_backward)(const struct sanl_op_call *call,
                               const struct sanl_op_host *host); /* or NULL */
    /* Derives prepared[direction]; NULL: nothing. */
    enum sanl_status (*prepare)(struct sanl_op_call *call, struct sanl_device *device,
                                enum sanl_direction direction);
    enum sanl_status (*forward)(struct sanl_op_call *call, struct sanl_device *device);
    /* Makes out[] once more, the same bits, from in[], param[] and saved[]; NULL: forward() does. */
    enum sanl_status (*recompute)(struct sanl_op_call *call, struct sanl_device *device);
    enum sanl_status (*backward)(struct sanl_op_call *call, struct sanl_device *device); /* or NULL */
    struct sanl_op_cost (*cost)(const struct sanl_op_call *call, enum sanl_direction direction);
    /* Of an operator with several ways to compute; NULL: there is one. The name of a choice: false after the
     * last. Whether a choice suits a call, of which attributes and input shapes are set, on a device. What
     * the speed depends on beside the batch, as "kh=3 kw=3 ...". */
    bool (*choice_name)(char name[SANL_CHOICE_BYTES], int choice);
    bool (*choice_fits)(const struct sanl_op_call *call, const struct sanl_device *device, int direction,
                        int choice);
    void (*choice_key)(char *text, size_t bytes, const struct sanl_op_call *call);
    void (*fill)(const struct sanl_op_call *call, const struct sanl_op_host *host,
                 uint64_t seed); /* or NULL */
};

/* The table of operators (ops/ops.c), NULL-ended. */
extern const struct sanl_op *const sanl_ops[];
const struct sanl_op *sanl_op_find(const char *name); /* NULL when there is none */

/* SANL_ERR_USAGE with the names that there are. */
SANL_CHECKED enum sanl_status sanl_op_unknown(const char *name);

/* A call with the operator's default attributes and nothing else. */
struct sanl_op_call sanl_op_call_of(const struct sanl_op *op);

/* The network's input is (RGB in [0, 1] - mean) / deviation, each channel with its own: those of ImageNet. */
extern const double sanl_image_mean[3], sanl_image_deviation[3];

/* SANL_ERR_USAGE with "OP: ..." unless `condition`. */
#define SANL_OP_REQUIRE(call, condition, ...)                                                                \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return sanl_op_refuse((call), __VA_ARGS__);                                                      \
    } while (0)
enum sanl_status sanl_op_refuse(const struct sanl_op_call *call, const char *format, ...) SANL_PRINTF(2, 3);

#endif
