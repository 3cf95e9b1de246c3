/* Landmarks drawn on a picture in memory. */
#ifndef REPORT_OVERLAY_H
#define REPORT_OVERLAY_H

#include <sanlcl/report.h>
#include "image/image.h"

/* out = the image, enlarged as overlay->side says, with what the overlay names. */
SANL_CHECKED enum sanl_status sanl_overlay_draw(struct sanl_image *out, const struct sanl_image *image,
                                                const struct sanl_overlay *overlay);

/* out = the pixels x1 .. x2 - 1 and y1 .. y2 - 1 of the box, its corners rounded; black outside the image. */
SANL_CHECKED enum sanl_status sanl_image_cut(struct sanl_image *out, const struct sanl_image *image,
                                             const double box[4]);

#endif
