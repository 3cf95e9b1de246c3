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
    CONV2D_NORM, /* 1: a frozen batch norm follows, its gamma, beta, mean, var in state[0..3]; 2: its scale
                    alone */
    CONV2D_RELU, /* 1: ReLU at the very end */
    CONV2D_EPS,
    CONV2D_WINOGRAD /* side of Winograd's tile: 0 none, 2 or 4; -1: chosen */
};

enum {
    CONV2D_HAS_NORM = 1,
    CONV2D_HAS_BIAS = 2,
    CONV2D_HAS_RESIDUAL = 4,
    CONV2D_HAS_RELU = 8,
    CONV2D_HAS_ADD = 16
};

enum conv2d_direction { CONV2D_FORWARD, CONV2D_DATA, CONV2D_WEIGHTS };

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
    int y_pitch, y_strip; /* floats from pixel to pixel and from strip to strip of y */
};

struct conv2d_pass sanl_conv2d_forward_pass(const struct conv2d_sizes *s);
/* The data gradient's pass for the pixels of residue (py, px) modulo the stride. */
struct conv2d_pass sanl_conv2d_gradient_pass(const struct conv2d_sizes *s, int py, int px);

/* `count` matrix products of one size: y[b] (rows, n) = x[b] (rows, k) w[b] (k, n). x and y stand by strips
 * of columns, [b][strip][row][lanes]: `run` lanes of x, the route's of y, whose last strip is filled
 * up. */
struct conv2d_batch {
    int count, rows, k, n, run;
    bool turned; /* w[b] is (n, k) */
};

/* A batch's pass: the rows of a product are the pixels of one line of an image, its strips lines and taps. */
struct conv2d_pass sanl_conv2d_product_pass(const struct conv2d_batch *batch, int lanes);

struct conv2d_kernel;

/* One route. x is the framed copy where row_run is set; g (pixels, cout) the gradient before the epilogue;
 * extra a workspace of extra_bytes. Packed weights stand as [strip of channels][tap][k][lanes], zero-filled;
 * a route that reads weights as they are has one strip of all channels, and multiplies by turned ones, too.
 */
struct conv2d_route {
    int (*lanes)(const struct conv2d_kernel *kernel, int channels); /* of a strip */
    bool packs; /* forward and data gradient read packed weights */
    size_t (*extra_bytes)(const struct conv2d_kernel *kernel, const struct conv2d_sizes *s,
                          enum conv2d_direction direction, const struct sanl_device *device);
    enum sanl_status (*forward)(struct sanl_device *device, const struct conv2d_kernel *kernel,
                                const struct sanl_op_call *call, sanl_buffer x, sanl_buffer extra);
    enum sanl_status (*data_gradient)(struct sanl_device *device, const struct conv2d_kernel *kernel,
                                      const struct sanl_op_call *call, sanl_buffer g, sanl_buffer extra);
    enum sanl_status (*weight_gradient)(struct sanl_device *device, const struct conv2d_kernel *kernel,
                                        const struct sanl_op_call *call, sanl_buffer x, sanl_buffer g,
                                        sanl_buffer extra);
    /* Batches: w packed from w_at on, a product a tap; dw[b] (k, n) (+)= x[b]' g[b], g as y. */
    enum sanl_status (*multiply)(struct sanl_device *device, const struct conv2d_kernel *kernel,
                                 const struct conv2d_batch *batch, sanl_buffer x, sanl_buffer w, size_t w_at,
                                 sanl_buffer y);
    enum sanl_status (*correlate)(struct sanl_device *device, const struct conv2d_kernel *kernel,
                                  const struct conv2d_batch *batch, sanl_buffer x, sanl_buffer g,
                                  sanl_buffer dw, bool add);
};

extern const struct conv2d_route sanl_conv2d_wide, sanl_conv2d_tile, sanl_conv2d_clblast;

/* Kernels of a route with a tile: of registers (wide) or of a work-group (tile). */
struct conv2d_kernel {
    const char *name;
    const struct conv2d_route *route;
    const char *options;         /* of the build */
    int rows, lanes;             /* pixels and channels of the tile */
    int group_rows, group_lanes; /* tile: work-items */
};

/* Whether it is the wide kernel of cl/conv2d_dot.cl: of fewer channels than a register has floats. */
bool sanl_conv2d_is_dot(const struct conv2d_kernel *kernel);

/* How a direction of an inferred call is computed. */
struct conv2d_way {
    const struct conv2d_kernel *kernel;
    int winograd; /* the side of Winograd's tile: 2, 4; 0: without */
};
struct conv2d_way sanl_conv2d_way_of(const struct sanl_op_call *call, enum conv2d_direction direction);

/* Sets call->chosen. */
void sanl_conv2d_choose(struct sanl_op_call *call, const struct sanl_device *device);
bool sanl_conv2d_choice_name(char name[SANL_CHOICE_BYTES], int choice);
void sanl_conv2d_choice_key(char *text, size_t bytes, const struct sanl_op_call *call);
bool sanl_conv2d_choice_fits(const struct sanl_op_call *call, const struct sanl_device *device, int direction,
                             int choice);

/* Where the parts of call->prepared[direction] begin, in floats: the norm at 0, then zeros, then weights. */
struct conv2d_prepared {
    size_t zero, weights, count;
};
struct conv2d_prepared sanl_conv2d_prepared_of(const struct sanl_op_call *call,
                                               enum sanl_direction direction);

/* Packed weights at float `at` of `out`; gradient: channels in and out exchanged. */
enum sanl_status sanl_conv2d_pack(struct sanl_device *device, const struct sanl_op_call *call, int lanes,
                                  bool gradient, sanl_buffer out, size_t at);

/* Winograd's minimal filtering, for 3x3 kernels of stride 1. extra: a workspace of extra_bytes; g as for a
 * route. pack writes the transformed weights to float `at` of `out`. */
bool sanl_winograd_fits(const struct conv2d_sizes *s);
/* Whether transformed weights take more memory, beside input and output, than storing them is worth. */
bool sanl_winograd_swells(const struct conv2d_sizes *s, struct conv2d_way way,
                          enum conv2d_direction direction);
/* The side of the tile that costs least; fixed: the weights are the same in every run. */
int sanl_winograd_choose(const struct conv2d_sizes *s, const struct conv2d_kernel *kernel,
                         enum conv2d_direction direction, bool fixed);
size_t sanl_winograd_weights_bytes(const struct conv2d_sizes *s, struct conv2d_way way,
                                   enum conv2d_direction direction);
size_t sanl_winograd_extra_bytes(const struct conv2d_sizes *s, struct conv2d_way way,
                                 enum conv2d_direction direction, const struct sanl_device *device);
enum sanl_status sanl_winograd_pack(struct sanl_device *device, const struct sanl_op_call *call,
                                    enum conv2d_direction direction, sanl_buffer extra, sanl_buffer out,
                                    size_t at);
enum sanl_status sanl_winograd_forward(struct sanl_device *device, const struct sanl_op_call *call,
                                       sanl_buffer extra);
enum sanl_status sanl_winograd_data_gradient(struct sanl_device *device, const struct sanl_op_call *call,
                                             sanl_buffer g, sanl_buffer extra);
enum sanl_status sanl_winograd_weight_gradient(struct sanl_device *device, const struct sanl_op_call *call,
                                               sanl_buffer g, sanl_buffer extra);

int sanl_conv2d_all_lanes(const struct conv2d_kernel *kernel,
                          int channels); /* for routes that read weights as they are */

/* out[i] = sum over `chunks` of partial[chunk][i], in order. */
enum sanl_status sanl_conv2d_sum_chunks(struct sanl_device *device, sanl_buffer partial, sanl_buffer out,
                                        int count, int chunks);

extern const struct sanl_op sanl_op_conv2d, sanl_op_linear;

#endif
