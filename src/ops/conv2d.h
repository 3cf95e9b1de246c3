/* What the routes of the convolution share. Routes: wide (CPUs), tile (GPUs), CLBlast (im2col and GEMM). */
#ifndef OPS_CONV2D_H
#define OPS_CONV2D_H

#include "ops/op.h"

enum {
    CONV2D_KH,
    CONV2D_KW,
    CONV2D_STRIDE,
    CONV2D_PAD,
    CONV2D_COUT,
    CONV2D_BIAS, /* 1: param[1] is a bias (1, 1, 1, cout) */
    CONV2D_NORM, /* 1: a frozen batch norm follows, its gamma, beta, mean, var in state[0..3] */
    CONV2D_RELU, /* 1: ReLU at the very end */
    CONV2D_EPS
};

enum {
    CONV2D_HAS_NORM = 1,
    CONV2D_HAS_BIAS = 2,
    CONV2D_HAS_RESIDUAL = 4,
    CONV2D_HAS_RELU = 8,
    CONV2D_HAS_ADD = 16
};

/* A call's sizes as the kernels see them. */
struct conv2d_sizes {
    int n, h, w, cin, oh, ow, cout, kh, kw, stride, pad;
    int pixels;   /* n * oh * ow */
    int flags;    /* CONV2D_HAS_... of the forward epilogue */
    bool row_run; /* few channels: a row of kw * cin floats of a zero-framed copy of x is one tap */
};

struct conv2d_sizes sanl_conv2d_sizes_of(const struct sanl_op_call *call);

/* One gather of conv2d_wide.cl / conv2d_tile.cl; names as there. */
struct conv2d_pass {
    int pixels, h, w, pitch, run, cout, oh, ow, step, y0, x0, dy, dx, taps_y, taps_x, wy0, wx0, wdy, wdx, kw,
        taps;
    int out_h, out_w, out_step, out_y, out_x;
};

struct conv2d_pass sanl_conv2d_forward_pass(const struct conv2d_sizes *s);
/* The data gradient's pass for the pixels of residue (py, px) modulo the stride. */
struct conv2d_pass sanl_conv2d_gradient_pass(const struct conv2d_sizes *s, int py, int px);

/* One route. x is the framed copy where row_run is set; g (pixels, cout) the gradient before the epilogue;
 * extra a workspace of extra_bytes. */
struct conv2d_route {
    size_t (*packed_bytes)(const struct conv2d_sizes *s, bool gradient);
    size_t (*extra_bytes)(const struct conv2d_sizes *s, bool backward);
    enum sanl_status (*pack)(struct sanl_device *device, const struct sanl_op_call *call, size_t at,
                             bool gradient);
    enum sanl_status (*forward)(struct sanl_device *device, const struct sanl_op_call *call, cl_mem x,
                                cl_mem extra);
    enum sanl_status (*data_gradient)(struct sanl_device *device, const struct sanl_op_call *call, cl_mem g,
                                      cl_mem extra);
    enum sanl_status (*weight_gradient)(struct sanl_device *device, const struct sanl_op_call *call, cl_mem x,
                                        cl_mem g, cl_mem extra);
};

extern const struct conv2d_route sanl_conv2d_wide, sanl_conv2d_tile, sanl_conv2d_clblast;

/* Where the parts of call->prepared begin, in floats: norm at 0, then zeros, forward and gradient weights. */
struct conv2d_prepared {
    size_t zero, forward, gradient, count;
};
struct conv2d_prepared sanl_conv2d_prepared_of(const struct sanl_op_call *call,
                                               const struct conv2d_route *route);

/* out[i] = sum over `chunks` of partial[chunk][i], in order. */
enum sanl_status sanl_conv2d_sum_chunks(struct sanl_device *device, cl_mem partial, cl_mem out, int count,
                                        int chunks);

extern const struct sanl_op sanl_op_conv2d, sanl_op_linear;

#endif
