#include "data/sample.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* The factor 1, 2, 4 or 8 by which a picture was decoded smaller. */
static int find_decode_shrink(const struct sanl_image *decoded, int width, int height)
{
    int shrink = 1;
    while (shrink < 8 &&
           ((width - 1) / shrink + 1 != decoded->width || (height - 1) / shrink + 1 != decoded->height))
        shrink *= 2;
    return shrink;
}

/* Holds for no box with a side that is not finite. */
static bool has_area(const struct sanl_box *box)
{
    const double w = box->x2 - box->x1, h = box->y2 - box->y1;
    return w > 0 && w < 1e9 && h > 0 && h < 1e9;
}

static bool meets_picture(const struct sanl_box *box, int width, int height)
{
    return box->x1 <= width - 1 && box->y1 <= height - 1 && box->x2 > 0 && box->y2 > 0;
}

/* Packs the part of the decoded picture that the warp needs. */
static enum sanl_status pack_crop(struct sanl_sample *s, const struct sanl_image *decoded, int size)
{
    struct sanl_affine img_to_dec, in_to_dec, dec_to_src;
    struct sanl_crop_region r;
    sanl_crop_shrink_map(&img_to_dec, 0, 0, find_decode_shrink(decoded, s->width, s->height));
    sanl_affine_compose(&in_to_dec, &img_to_dec, &s->in_to_img);
    sanl_crop_plan(&r, &in_to_dec, size, decoded->width, decoded->height);
    sanl_crop_shrink_map(&dec_to_src, r.x, r.y, r.shrink);
    sanl_affine_compose(&s->in_to_src, &dec_to_src, &in_to_dec);
    return sanl_image_crop(&s->crop, decoded, r.x, r.y, r.width, r.height, r.shrink);
}

static void place(struct sanl_sample *s, const struct sanl_box *box, double margin,
                  const struct sanl_sample_options *options, const struct sanl_augment *augment)
{
    s->box = *box;
    s->window = sanl_crop_window(box, margin, options->center_crop, augment);
    sanl_crop_map(&s->in_to_img, &s->window, options->size, augment);
}

/* The shorter side of any window in a whole picture, in shorter sides of the picture. */
static double least_side(const struct sanl_sample_options *options, const struct sanl_augment *augment)
{
    if (sanl_augment_crops(augment))
        return sqrt(augment->crop_scale * 3 / 4);
    return options->center_crop > 0 ? options->center_crop : 1;
}

enum sanl_status sanl_sample_read(struct sanl_sample *out, const char *path, const struct sanl_box *box,
                                  const struct sanl_sample_options *options,
                                  const struct sanl_augment *augment)
{
    struct sanl_image_limits limits = {.max_megapixels = options->max_megapixels};
    struct sanl_image decoded;
    memset(out, 0, sizeof *out);
    if (box && !has_area(box))
        return sanl_fail(SANL_ERR_FORMAT, "%s: the box %g %g %g %g is empty", path, box->x1, box->y1, box->x2,
                         box->y2);
    if (box) { /* the map, and with it how much smaller to decode, is known before the picture */
        place(out, box, options->margin, options, augment);
        /* From 2 original pixels to one of the input on; the crop averages blocks of that size anyway. */
        limits.max_shrink = sanl_crop_shrink(&out->in_to_img);
    } else {
        limits.min_side = (int)ceil(options->size / least_side(options, augment));
    }
    SANL_TRY(sanl_image_read(&decoded, &out->width, &out->height, path, &limits));
    enum sanl_status status = SANL_OK;
    if (!box) {
        const struct sanl_box whole = {0, 0, out->width, out->height};
        place(out, &whole, 0, options, augment);
    }
    out->gain = augment ? augment->gain : 1;
    out->bias = augment ? augment->bias : 0;
    if (meets_picture(&out->box, out->width, out->height))
        status = pack_crop(out, &decoded, options->size);
    else
        status = sanl_fail(
            SANL_ERR_FORMAT,
            "%s: the box %g %g %g %g (pixels counted from 0) lies outside the picture of %d x %d pixels",
            path, out->box.x1, out->box.y1, out->box.x2, out->box.y2, out->width, out->height);
    sanl_image_free(&decoded);
    return status;
}

bool sanl_sample_is_bad(enum sanl_status status)
{
    return status == SANL_ERR_IO || status == SANL_ERR_FORMAT || status == SANL_ERR_LIMIT;
}

void sanl_sample_free(struct sanl_sample *sample)
{
    sanl_image_free(&sample->crop);
}
