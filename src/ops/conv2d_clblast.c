/* The convolution's route through CLBlast: im2col, then one GEMM for each image; a 1x1 convolution of stride
 * 1 needs no im2col and is one GEMM for the whole batch. */
#include "ops/conv2d.h"

#include <clblast_c.h>
#include <stdio.h>

static enum sanl_status check(CLBlastStatusCode code, const char *what)
{
    if (code == CLBlastSuccess)
        return SANL_OK;
    return sanl_fail(SANL_ERR_DEVICE, "CLBlast's GEMM for %s failed with status %d; choose another route",
                     what, (int)code);
}

/* Parameters of CLBlast's Xgemm kernel for a tile of m x n results (Nugteren, "CLBlast: A Tuned OpenCL BLAS
 * Library", 2018); a kernel without a tile takes CLBlast's own. They stay in force, so a device's kernels
 * either all name theirs or none does: `sanlcl tune` tries those that do. */
static enum sanl_status use_parameters(struct sanl_device *device, const struct conv2d_kernel *k)
{
    static const char *names[] = {"GEMMK", "KREG", "KWG", "KWI", "MDIMA", "MDIMC", "MWG", "NDIMB",
                                  "NDIMC", "NWG",  "SA",  "SB",  "STRM",  "STRN",  "VWM", "VWN"};
    enum { COUNT = sizeof names / sizeof *names };
    if (!k->rows)
        return SANL_OK;
    const size_t m = (size_t)k->group_rows, n = (size_t)k->group_lanes, vm = (size_t)(k->rows / 2) / m,
                 vn = (size_t)(k->lanes / 2) / n;
    const size_t values[COUNT] = {0, 1, 16, 2, m,  m, (size_t)k->rows, n, n, (size_t)k->lanes,
                                  1, 1, 0,  0, vm, vn};
    const CLBlastStatusCode code = CLBlastOverrideParameters(sanl_device_id(device), "Xgemm",
                                                             CLBlastPrecisionSingle, COUNT, names, values);
    return code == CLBlastSuccess
               ? SANL_OK
               : sanl_fail(SANL_ERR_DEVICE, "CLBlast refuses the parameters of %s, status %d", k->name,
                           (int)code);
}

/* c (m, n) = alpha a b + beta c, row-major; a_at, b_at, c_at are offsets in floats. */
static enum sanl_status gemm(struct sanl_device *device, const char *what, bool ta, bool tb, int m, int n,
                             int k, cl_mem a, size_t a_at, cl_mem b, size_t b_at, float beta, cl_mem c,
                             size_t c_at)
{
    cl_command_queue queue = sanl_device_queue(device);
    return check(CLBlastSgemm(CLBlastLayoutRowMajor, ta ? CLBlastTransposeYes : CLBlastTransposeNo,
                              tb ? CLBlastTransposeYes : CLBlastTransposeNo, (size_t)m, (size_t)n, (size_t)k,
                              1.0f, a, a_at, (size_t)(ta ? m : k), b, b_at, (size_t)(tb ? k : n), beta, c,
                              c_at, (size_t)n, &queue, NULL),
                 what);
}

static bool is_plain(const struct conv2d_sizes *s)
{
    return s->kh == 1 && s->kw == 1 && s->stride == 1 && s->pad == 0;
}

static size_t extra_bytes(const struct conv2d_kernel *k, const struct conv2d_sizes *s, bool backward)
{
    (void)k;
    (void)backward;
    return is_plain(s) ? 0 : (size_t)(s->oh * s->ow) * (size_t)(s->kh * s->kw) * (size_t)s->cin * 4;
}

static enum sanl_status im2col(struct sanl_device *device, const struct sanl_op_call *call,
                               const struct conv2d_sizes *s, int im, cl_mem col)
{
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d", "conv2d_im2col", ""));
    const struct sanl_range range = {{(size_t)(s->kh * s->kw * s->cin), (size_t)(s->oh * s->ow), 0},
                                     {0, 0, 0}};
    return sanl_launch(device, kernel, range, "b2i10", call->in[0], col, im, s->h, s->w, s->cin, s->oh, s->ow,
                       s->kh, s->kw, s->stride, s->pad);
}

static enum sanl_status col2im(struct sanl_device *device, const struct sanl_op_call *call,
                               const struct conv2d_sizes *s, int im, cl_mem col)
{
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d", "conv2d_col2im", ""));
    const struct sanl_range range = {{(size_t)s->cin, (size_t)(s->h * s->w), 0}, {0, 0, 0}};
    return sanl_launch(device, kernel, range, "b2i11", col, call->din[0], im, s->h, s->w, s->cin, s->oh,
                       s->ow, s->kh, s->kw, s->stride, s->pad, call->din_add[0] ? 1 : 0);
}

static enum sanl_status forward(struct sanl_device *device, const struct conv2d_kernel *k,
                                const struct sanl_op_call *call, cl_mem x, cl_mem extra)
{
    SANL_TRY(use_parameters(device, k));
    (void)x;
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const int rows = s.oh * s.ow, columns = s.kh * s.kw * s.cin;
    if (is_plain(&s))
        SANL_TRY(gemm(device, "a forward pass", false, false, s.pixels, s.cout, s.cin, call->in[0], 0,
                      call->param[0], 0, 0, call->out[0], 0));
    else
        for (int im = 0; im < s.n; im++) {
            SANL_TRY(im2col(device, call, &s, im, extra));
            SANL_TRY(gemm(device, "a forward pass", false, false, rows, s.cout, columns, extra, 0,
                          call->param[0], 0, 0, call->out[0], (size_t)im * (size_t)rows * (size_t)s.cout));
        }
    if (!s.flags)
        return SANL_OK;
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d", "conv2d_epilogue", ""));
    return sanl_launch(device, kernel, (struct sanl_range){{(size_t)s.cout, (size_t)s.pixels, 0}, {0, 0, 0}},
                       "bbbbiii", call->out[0], call->param[1], call->prepared[SANL_FORWARD], call->in[1],
                       s.flags, s.pixels, s.cout);
}

static enum sanl_status data_gradient(struct sanl_device *device, const struct conv2d_kernel *k,
                                      const struct sanl_op_call *call, cl_mem g, cl_mem extra)
{
    SANL_TRY(use_parameters(device, k));
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const int rows = s.oh * s.ow, columns = s.kh * s.kw * s.cin;
    if (is_plain(&s))
        return gemm(device, "a data gradient", false, true, s.pixels, s.cin, s.cout, g, 0, call->param[0], 0,
                    call->din_add[0] ? 1.0f : 0.0f, call->din[0], 0);
    for (int im = 0; im < s.n; im++) {
        SANL_TRY(gemm(device, "a data gradient", false, true, rows, columns, s.cout, g,
                      (size_t)im * (size_t)rows * (size_t)s.cout, call->param[0], 0, 0, extra, 0));
        SANL_TRY(col2im(device, call, &s, im, extra));
    }
    return SANL_OK;
}

static enum sanl_status weight_gradient(struct sanl_device *device, const struct conv2d_kernel *k,
                                        const struct sanl_op_call *call, cl_mem x, cl_mem g, cl_mem extra)
{
    SANL_TRY(use_parameters(device, k));
    (void)x;
    const struct conv2d_sizes s = sanl_conv2d_sizes_of(call);
    const int rows = s.oh * s.ow, columns = s.kh * s.kw * s.cin;
    if (is_plain(&s))
        return gemm(device, "a weight gradient", true, false, s.cin, s.cout, s.pixels, call->in[0], 0, g, 0,
                    0, call->dparam[0], 0);
    for (int im = 0; im < s.n; im++) {
        SANL_TRY(im2col(device, call, &s, im, extra));
        SANL_TRY(gemm(device, "a weight gradient", true, false, columns, s.cout, rows, extra, 0, g,
                      (size_t)im * (size_t)rows * (size_t)s.cout, im ? 1.0f : 0.0f, call->dparam[0], 0));
    }
    return SANL_OK;
}

static enum sanl_status multiply(struct sanl_device *device, const struct conv2d_kernel *k,
                                 const struct conv2d_batch *batch, cl_mem x, cl_mem w, size_t w_at, cl_mem y)
{
    SANL_TRY(use_parameters(device, k));
    cl_command_queue queue = sanl_device_queue(device);
    const size_t rows = (size_t)batch->rows, n = (size_t)batch->n, depth = (size_t)batch->k;
    return check(CLBlastSgemmStridedBatched(CLBlastLayoutRowMajor, CLBlastTransposeNo, CLBlastTransposeNo,
                                            rows, n, depth, 1.0f, x, 0, depth, rows * depth, w, w_at, n,
                                            depth * n, 0.0f, y, 0, n, rows * n, (size_t)batch->count, &queue,
                                            NULL),
                 "a batch");
}

static enum sanl_status correlate(struct sanl_device *device, const struct conv2d_kernel *k,
                                  const struct conv2d_batch *batch, cl_mem x, cl_mem g, cl_mem dw, bool add)
{
    SANL_TRY(use_parameters(device, k));
    cl_command_queue queue = sanl_device_queue(device);
    const size_t rows = (size_t)batch->rows, n = (size_t)batch->n, depth = (size_t)batch->k;
    return check(CLBlastSgemmStridedBatched(CLBlastLayoutRowMajor, CLBlastTransposeYes, CLBlastTransposeNo,
                                            depth, n, rows, 1.0f, x, 0, depth, rows * depth, g, 0, n,
                                            rows * n, add ? 1.0f : 0.0f, dw, 0, n, depth * n,
                                            (size_t)batch->count, &queue, NULL),
                 "a batch of weight gradients");
}

const struct conv2d_route sanl_conv2d_clblast = {
    .lanes = sanl_conv2d_all_lanes,
    .extra_bytes = extra_bytes,
    .forward = forward,
    .data_gradient = data_gradient,
    .weight_gradient = weight_gradient,
    .multiply = multiply,
    .correlate = correlate,
};
