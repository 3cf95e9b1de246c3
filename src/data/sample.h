/* One picture made ready for the device: the pixels around its box and the map by which the device warps
 * them. */
#ifndef DATA_SAMPLE_H
#define DATA_SAMPLE_H

#include "base/status.h"
#include "data/crop.h"
#include "image/image.h"

struct sanl_sample_options {
    int size;              /* of the network's input */
    double margin;         /* the box's sides grow by this share */
    double max_megapixels; /* larger pictures are refused */
    double center_crop;    /* as data.center_crop */
};

struct sanl_sample {
    struct sanl_image crop;       /* the _src frame */
    struct sanl_affine in_to_src; /* where the device reads */
    struct sanl_affine in_to_img; /* its inverse takes predictions back */
    double gain, bias;            /* v' = gain v + bias for v in [0, 1] */
    struct sanl_box box;          /* before its margin */
    struct sanl_box window;       /* what of the picture the map shows, but for turns, scale and shift */
    int width, height;            /* of the original picture, upright */
};

/* Reads the picture at `path`; the box, and the maps to and from _img, are about the upright picture
 * (image.h). `box` NULL: the whole picture, without margin. `augment` NULL: none. A box that lies outside the
 * picture is SANL_ERR_FORMAT; one that reaches beyond it repeats the picture's edges. */
SANL_CHECKED enum sanl_status sanl_sample_read(struct sanl_sample *out, const char *path,
                                               const struct sanl_box *box,
                                               const struct sanl_sample_options *options,
                                               const struct sanl_augment *augment);
/* True when a failure to read is the picture's fault, and others may do. */
bool sanl_sample_is_bad(enum sanl_status status);
void sanl_sample_free(struct sanl_sample *sample); /* takes a zeroed or freed object */

#endif
