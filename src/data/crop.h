/* Geometry between an original picture and the network's input. Frames: _img original pixels (upright), _in
 * pixels of the size x size network input, _dec pixels of the decoded (perhaps smaller) picture, _src pixels
 * of the packed crop. Pixel centres stand at integers in all of them. */
#ifndef DATA_CROP_H
#define DATA_CROP_H

#include <stdbool.h>
#include <stdint.h>
#include <sanlcl/config.h>
#include "landmark/scheme.h"

/* (x, y) -> (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]) */
struct sanl_affine {
    double m[6];
};

void sanl_affine_apply(double out[2], const struct sanl_affine *map, const double in[2]);

/* out = outer after inner; `out` may be either of them. */
void sanl_affine_compose(struct sanl_affine *out, const struct sanl_affine *outer,
                         const struct sanl_affine *inner);
void sanl_affine_invert(struct sanl_affine *out, const struct sanl_affine *map);

/* One draw of the random changes to a picture. */
struct sanl_augment {
    bool flip;
    double angle;      /* radians; positive turns what is seen counter-clockwise */
    double scale;      /* above 1 enlarges what is seen */
    double shift[2];   /* of the crop's sides, of the window over the picture */
    double gain, bias; /* of a pixel value v in [0, 1]: gain v + bias */
    double crop_scale; /* below 1 and above 0: the window is sanl_box_draw's */
    uint64_t key;      /* of its random numbers */
};

/* A function of (config, key) alone. */
void sanl_augment_draw(struct sanl_augment *out, const struct sanl_augment_config *config, uint64_t key);

/* The box with its sides multiplied by 1 + margin about its centre. */
struct sanl_box sanl_box_enlarge(const struct sanl_box *box, double margin);

/* The square in the middle of the box whose side is `share` of the shorter side: what resizing that side to
 * size / share and cutting out size x size keeps. */
struct sanl_box sanl_box_center(const struct sanl_box *box, double share);

/* A random part of the box, as torchvision's RandomResizedCrop but not bound to whole pixels: area uniform in
 * [crop_scale, 1] of the box's, logarithm of width / height uniform between those of 3/4 and 4/3, anywhere in
 * the box. After ten draws that do not fit: the largest part in the middle with such a width / height. */
struct sanl_box sanl_box_draw(const struct sanl_box *box, double crop_scale, uint64_t key);

/* The window of a picture's box: enlarged, then a part of it when the augmentation (NULL: none) draws one or
 * else center_crop is above 0. */
struct sanl_box sanl_crop_window(const struct sanl_box *box, double margin, double center_crop,
                                 const struct sanl_augment *augment);

/* True when the augmentation (NULL: none) draws a window. */
bool sanl_augment_crops(const struct sanl_augment *augment);

/* Without `augment` (NULL) the box is stretched to size x size: x_img = x1 + (x_in + 0.5) w / size - 0.5.
 * Otherwise, with u, v in [-0.5, 0.5] the place in the input relative to its centre (u negated by a flip) and
 * c the box's centre: p_img = c + shift (w, h) + R(angle) (u w / scale, v h / scale): the rotation is one of
 * original pixels. */
void sanl_crop_map(struct sanl_affine *in_to_img, const struct sanl_box *box, int size,
                   const struct sanl_augment *augment);

/* The landmarks as the network's input shows them: mapped, and for a flip swapped between left and right. */
void sanl_crop_landmarks(double (*out_in)[2], unsigned char *out_visibility,
                         const struct sanl_affine *in_to_img, bool flip, const struct sanl_scheme *scheme,
                         const double (*landmark_img)[2], const unsigned char *visibility);

/* What of a picture is packed: pixels [x, x + width) x [y, y + height), averaged in blocks of shrink x
 * shrink. */
struct sanl_crop_region {
    int x, y, width, height, shrink;
};

/* The whole factor by which a picture may shrink while the map to the input still reduces it: the square root
 * of the area of an input pixel, rounded down, at least 1. */
int sanl_crop_shrink(const struct sanl_affine *in_to_dec);

/* The part of a width x height picture that the warp reads, one pixel of the packed crop more on each side,
 * clipped to the picture (at least one pixel: beyond it the edges repeat), shrunk so that the crop keeps
 * within sanl_crop_max_pixels(size). */
void sanl_crop_plan(struct sanl_crop_region *out, const struct sanl_affine *in_to_dec, int size, int width,
                    int height);

/* Upper bound of the pixels of a packed crop: (4 size)^2. */
int64_t sanl_crop_max_pixels(int size);

/* x_to = (x - start - (shrink - 1) / 2) / shrink on both axes: from a picture to its shrunk part. */
void sanl_crop_shrink_map(struct sanl_affine *out, int start_x, int start_y, int shrink);

#endif
