/* What a configuration's networks are made of: their layers with shapes, parameters and work. */
#ifndef SANLCL_SUMMARY_H
#define SANLCL_SUMMARY_H

#include <sanlcl/config.h>
#include <sanlcl/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A node of the network as it runs for inference: a batch norm, the sum with a residual and a ReLU that
 * follow a convolution belong to it, and so do the norm's parameters. */
struct sanl_layer {
    char name[64];           /* what its parameters' names begin with, e.g. "backbone.layer1.0.conv1"; with a
                                number behind, e.g. ".2", that part of the weights' input channels */
    char op[96];             /* e.g. "conv2d 3x3 /2 +norm +relu" */
    int n, c, h, w;          /* of the output, in the order of PyTorch; in memory it is n, h, w, c */
    long long parameters;    /* trained values: weights, biases, scales and shifts of norms */
    double flops;            /* of one forward pass; a multiply-add counts 2 */
    double activation_bytes; /* of the output */
};

struct sanl_summary {
    const char *title; /* "landmark network" and the like */
    struct sanl_layer *layers;
    int count;
    long long parameters, statistics; /* trained values; running means and variances of norms */
    double flops, activation_bytes;   /* sums over the layers */
};

/* The networks that `config` describes, for one image: the one of its task, then, where attention is guided
 * by class activation maps, their classifier. *count of them, at most 2, in new memory: sanl_summaries_free.
 * That classifier has the classes of the file cam.weights, or model.classes while there is no such file.
 * Needs no device. */
SANL_CHECKED enum sanl_status sanl_summaries_create(struct sanl_summary **out, int *count,
                                                    const struct sanl_config *config);
void sanl_summaries_free(struct sanl_summary *summaries, int count); /* takes NULL */

#ifdef __cplusplus
}
#endif
#endif
