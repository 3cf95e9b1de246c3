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

/* The memory of a buffer; *at, in floats of the buffer, becomes one of the memory. */
static cl_mem memory_of(sanl_buffer buffer, size_t *at)
{
    size_t offset;
    cl_mem memory = sanl_buffer_memory(buffer, &offset);
    *at += offset / sizeof(float);
    return memory;
}

/* c (m, n) = alpha a b + beta c, row-major; a_at, b_at, c_at are offsets in floats. */
static enum sanl_status gemm(struct sanl_device *device, const char *what, bool ta, bool tb, int m, int n,
                             int k, sanl_buffer a, size_t a_at, sanl_buffer b, size_t b_at, float beta,
                             sanl_buffer c, size_t c_at)
{
    cl_command_queue queue = sanl_device_queue(device);
    const cl_mem a_memory = memory_of(a, &a_at), b_memory = memory_of(b, &b_at),
                 c_memory = memory_of(c, &c_at);
    return check(CLBlastSgemm(CLBlastLayoutRowMajor, ta ? CLBlastTransposeYes : CLBlastTransposeNo,
                              tb ? CLBlastTransposeYes : CLBlastTransposeNo, (size_t)m, (size_t)n, (size_t)k,
                              1.0f, a_memory, a_at, (size_t)(ta ? m : k), b_memory, b_at,
                              (size_t)(tb ? k : n), beta, c_memory, c_at, (size_t)n, &queue, NULL),
                 what);
}

/* `count` of them, the matrices of each side one behind the other from a, b and c on. */
static enum sanl_status gemm_batch(struct sanl_device *device, const char *what, bool ta, bool tb, size_t m,
                                   size_t n, size_t k, int count, sanl_buffer a, sanl_buffer b, size_t b_at,
                                   float beta, sanl_buffer c)
{
    cl_command_queue queue = sanl_device_queue(device);
    size_t a_at = 0, c_at = 0;
    const cl_mem a_memory = memory_of(a, &a_at), b_memory = memory_of(b, &b_at),
                 c_memory = memory_of(c, &c_at);
    return check(
        CLBlastSgemmStridedBatched(CLBlastLayoutRowMajor, ta ? CLBlastTransposeYes : CLBlastTransposeNo,
                                   tb ? CLBlastTransposeYes : CLBlastTransposeNo, m, n, k, 1.0f, a_memory,
                                   a_at, ta ? m : k, m * k, b_memory, b_at, tb ? k : n, k * n, beta, c_memory,
                                   c_at, n, m * n, (size_t)count, &queue, NULL),
        what);
}

static bool is_plain(const struct conv2d_sizes *s)
{
    return s->kh == 1 && s->kw == 1 && s->stride == 1 && s->pad == 0;
}

static size_t extra_bytes(const struct conv2d_kernel *k, const struct conv2d_sizes *s,
                          enum conv2d_direction direction, const struct sanl_device *device)
{
    (void)k;
    (void)direction;
    (void)device;
    return is_plain(s) ? 0 : (size_t)(s->oh * s->ow) * (size_t)(s->kh * s->kw) * (size_t)s->cin * 4;
}

static enum sanl_status im2col(struct sanl_device *device, const struct sanl_op_call *call,
                               const struct conv2d_sizes *s, int im, sanl_buffer col)
{
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d", "conv2d_im2col", ""));
    const struct sanl_range range = {{(size_t)(s->kh * s->kw * s->cin), (size_t)(s->oh * s->ow), 0},
                                     {0, 0, 0}};
    return sanl_launch(device, kernel, range, "b2i10", call->in[0], col, im, s->h, s->w, s->cin, s->oh, s->ow,
                       s->kh, s->kw, s->stride, s->pad);
}

static enum sanl_status col2im(struct sanl_device *device, const struct sanl_op_call *call,
                               const struct conv2d_sizes *s, int im, sanl_buffer col)
{
    struct sanl_kernel *kernel;
    SANL_TRY(sanl_kernel_get(&kernel, device, "conv2d", "conv2d_col2im", ""));
    const struct sanl_range range = {{(size_t)s->cin, (size_t)(s->h * s->w), 0}, {0, 0, 0}};
    return sanl_launch(device, kernel, range, "b2i11", col, call->din[0], im, s->h, s->w, s->cin, s->oh,
                       s->ow, s->kh, s->kw, s->stride, s->pad, call->din_add[0] ? 1 : 0);
}

static enum sanl_status forward(struct sanl_device *device, const struct conv2d_kernel *k,
                                const struct sanl_op_call *call, sanl_buffer x, sanl_buffer extra)
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
                                      const struct sanl_op_call *call, sanl_buffer g, sanl_buffer extra)
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
                                        const struct sanl_op_call *call, sanl_buffer x, sanl_buffer g,
                                        sanl_buffer extra)
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
                                 const struct conv2d_batch *batch, sanl_buffer x, sanl_buffer w, size_t w_at,
                                 sanl_buffer y)
{
    SANL_TRY(use_parameters(device, k));
    return gemm_batch(device, "a batch", false, batch->turned, (size_t)batch->rows, (size_t)batch->n,
                      (size_t)batch->k, batch->count, x, w, w_at, 0.0f, y);
}

static enum sanl_status correlate(struct sanl_device *device, const struct conv2d_kernel *k,
                                  const struct conv2d_batch *batch, sanl_buffer x, sanl_buffer g,
                                  sanl_buffer dw, bool add)
{
    SANL_TRY(use_parameters(device, k));
    return gemm_batch(device, "a batch of weight gradients", true, false, (size_t)batch->k, (size_t)batch->n,
                      (size_t)batch->rows, batch->count, x, g, 0, add ? 1.0f : 0.0f, dw);
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
