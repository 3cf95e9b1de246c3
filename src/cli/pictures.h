/* Pictures of the maps behind a prediction; it must carry them (sanl_predict_options.maps). */
#ifndef CLI_PICTURES_H
#define CLI_PICTURES_H

#include <sanlcl/predict.h>

/* The name of a class, or its number where the checkpoint has no names. */
void sanl_pictures_name_class(char *out, size_t bytes, const struct sanl_prediction *prediction,
                              int class_index);

/* A sheet of the landmarks' heatmaps with their scores. */
SANL_CHECKED enum sanl_status
sanl_pictures_heatmaps(const char *path, const struct sanl_prediction *prediction, double max_megapixels);

/* The picture, and the attention maps of the four strides over it, side by side, under the name of
 * the class whose maps they are. */
SANL_CHECKED enum sanl_status sanl_pictures_cams(const char *path, const struct sanl_prediction *prediction,
                                                 double max_megapixels);

#endif
