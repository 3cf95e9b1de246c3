/* Attention maps of pictures as they are, kept in files, so that training warps them instead of running the
 * classifier at each step.
 *
 * A file DIR/xx/xxxxxxxxxxxxxx.cam holds the four maps of one picture: "SANLCAM1", 8 bytes that are a
 * hash of key and maps, then float32 in the machine's order, finest map first. Its name is a hash of the
 * classifier's file, the picture's name, size, time of modification and box, and of what else makes the maps:
 * another one of these is another file. A picture is looked at once while a cache is open.
 *
 * Maps are those of the whole box, with its margin. The map of an augmented picture is the kept one seen
 * through the same rotation, scale, shift and flip; beyond the box its edge is repeated, and brightness and
 * contrast play no part. Computed anew, the classifier would see the augmented picture itself. */
#ifndef TRAIN_CAM_CACHE_H
#define TRAIN_CAM_CACHE_H

#include "data/dataset.h"
#include "train/network.h"

/* For the records of `dataset` (borrowed), in config->cam.cache, which is made when missing; of maps by
 * `classifier`, whose values tell them from others'. */
SANL_CHECKED enum sanl_status sanl_cam_cache_open(struct sanl_cam_cache **out,
                                                  const struct sanl_config *config,
                                                  struct sanl_params *classifier,
                                                  const struct sanl_dataset *dataset);
void sanl_cam_cache_free(struct sanl_cam_cache *cache); /* takes NULL */

/* Makes the maps of a part that are missing, with the engine's Grad-CAM. */
SANL_CHECKED enum sanl_status sanl_cam_cache_fill(struct sanl_cam_cache *cache, struct sanl_engine *engine,
                                                  const char *part);

/* Brings the maps of a batch to the engine's inputs. */
SANL_CHECKED enum sanl_status sanl_cam_cache_load(struct sanl_cam_cache *cache, struct sanl_engine *engine,
                                                  const struct sanl_batch *batch);

#endif
