/* Named parameters and running statistics of a model on a device, shared by all graphs built over them.
 *
 * Declare while building graphs (a second declaration of a name finds the first), then allocate once. Trained
 * parameters of one block stand back to back in a few large buffers, so that an optimiser is one launch for
 * each block; gradients, which belong to the graph that computes them, and the optimiser's moments are laid
 * out the same way. */
#ifndef GRAPH_PARAMS_H
#define GRAPH_PARAMS_H

#include "ops/op.h"

/* How the device's layout relates to the file's (PyTorch's): HWIO against OIHW; (1, 1, in, out) against
 * (out, in); a vector as it is. */
enum sanl_param_layout { SANL_PARAM_CONV, SANL_PARAM_LINEAR, SANL_PARAM_VECTOR };

/* The start of a fresh model. FAN_IN: uniform within 1 / sqrt(fan_in), PyTorch's default; HE: normal,
 * variance 2 / fan_out, as in ResNets; SMALL: normal, deviation 0.001. */
enum sanl_param_init { SANL_INIT_FAN_IN, SANL_INIT_HE, SANL_INIT_SMALL, SANL_INIT_ZERO, SANL_INIT_ONE };

struct sanl_param {
    char name[128];
    struct sanl_shape shape; /* on the device */
    enum sanl_param_layout layout;
    enum sanl_param_init init;
    int fan_in;        /* of the layer, for the initialisation of its bias too */
    bool spent;        /* nobody reads the values any more; see sanl_params_drop */
    bool trained;      /* false: a running statistic */
    int block;         /* index into blocks (trained) or states */
    size_t offset;     /* bytes within the block */
    sanl_buffer value; /* part of the block */
};

enum { SANL_PARAM_MOMENTS = 2 };

struct sanl_param_block {
    size_t bytes;
    sanl_buffer value, moment[SANL_PARAM_MOMENTS];
};

struct sanl_params {
    struct sanl_device *device;
    struct sanl_param **list; /* in order of declaration; the entries stay where they are */
    int count;
    size_t capacity;
    struct sanl_param_block *blocks; /* trained values */
    int block_count;
    struct sanl_param_block *states; /* running statistics: value only */
    int state_count;
    bool laid_out;      /* blocks have their sizes, parameters their places; no more are declared */
    int training_count; /* the blocks have this many moments; -1: they are not trained */
    unsigned version;   /* grows with every change of values; see sanl_params_touch */
};

SANL_CHECKED enum sanl_status sanl_params_create(struct sanl_params **out, struct sanl_device *device);
void sanl_params_free(struct sanl_params *params);

/* The parameter `name`, declared if it is new; SANL_ERR_USAGE when it exists with another shape. */
SANL_CHECKED enum sanl_status sanl_params_declare(struct sanl_param **out, struct sanl_params *params,
                                                  const struct sanl_param *wanted);
struct sanl_param *sanl_params_find(const struct sanl_params *params, const char *name); /* or NULL */

/* Gives every parameter its block and place, once. */
SANL_CHECKED enum sanl_status sanl_params_lay_out(struct sanl_params *params);

/* Makes the buffers, values zero; with `moments` >= 0 also that many moments (zero). */
SANL_CHECKED enum sanl_status sanl_params_allocate(struct sanl_params *params, int moments);

/* Says that values changed, so that graphs derive anew what they keep of them (repacked weights). */
void sanl_params_touch(struct sanl_params *params);

/* Frees the blocks of which all parameters are spent: their values cannot be read or written any more. */
void sanl_params_drop(struct sanl_params *params);

/* A parameter's values in the file's layout and order. `values` holds sanl_shape_count(shape) floats. */
SANL_CHECKED enum sanl_status sanl_param_write(struct sanl_params *params, struct sanl_param *param,
                                               const float *values);
SANL_CHECKED enum sanl_status sanl_param_read(struct sanl_params *params, const struct sanl_param *param,
                                              float *values);
/* From another buffer that holds the parameter's like at byte `at`. */
SANL_CHECKED enum sanl_status sanl_param_read_from(struct sanl_params *params, const struct sanl_param *param,
                                                   sanl_buffer buffer, size_t at, float *values);
/* Moment `index`; for checkpoints of the optimiser. */
SANL_CHECKED enum sanl_status
sanl_param_read_moment(struct sanl_params *params, const struct sanl_param *param, int index, float *values);
SANL_CHECKED enum sanl_status sanl_param_write_moment(struct sanl_params *params, struct sanl_param *param,
                                                      int index, const float *values);

/* The shape in a file: *rank numbers in `dims`. */
void sanl_param_file_shape(const struct sanl_param *param, int dims[4], int *rank);

/* Fresh values by each parameter's `init`, from `seed` and the names. */
SANL_CHECKED enum sanl_status sanl_params_init(struct sanl_params *params, uint64_t seed);

/* Values of the golden cases: u = sanl_random_uniform(hash(name) + seed, i) in the file's order, v = 2 u - 1;
 * norm scale 1 + 0.3 v, bias and norm shift 0.03 v, running mean 0.05 v, running variance 0.5 + u, other
 * weights v sqrt(3 / fan_in), times 0.1 in theta and phi. nudge: 0, or which of many neighbours of these
 * values is meant, each value moved by one unit in the last place, up or down, or not. */
SANL_CHECKED enum sanl_status sanl_params_init_hashed(struct sanl_params *params, uint64_t seed,
                                                      uint64_t nudge);

#endif
