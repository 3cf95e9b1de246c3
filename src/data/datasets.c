#include "data/coco.h"
#include "data/cub200.h"
#include "data/dataset.h"
#include "data/deepfashion.h"
#include "data/deepfashion2.h"
#include "data/foodnet.h"
#include "data/info_csv.h"

#include <stddef.h>

const char *const sanl_part_names[] = {"train", "val", "test", NULL};
static const char *const train_and_val[] = {"train", "val", NULL};
static const char *const train_and_test[] = {"train", "test", NULL};

static const char *const coco_folders[] = {"annotations", NULL};
static const char *const deepfashion2_folders[] = {"train/annos", "validation/annos", NULL};

const struct sanl_published sanl_published_fld = {"FLD", {83033, 19992, 19991}},
                            sanl_published_deepfashion_c = {"DeepFashion-C", {209222, 40000, 40000}},
                            sanl_published_deepfashion2 = {"DeepFashion2", {191961, 32153}};
static const struct sanl_published cub200 = {"CUB-200-2011", {5994, 5794}},
                                   foodnet = {"ChineseFoodNet", {145065, 20253, 20310}};

/* What each reads stands in its header. */
const struct sanl_dataset_format sanl_dataset_formats[] = {
    {.name = "fld",
     .variations = true,
     .part_names = sanl_part_names,
     .published = &sanl_published_fld,
     .scheme = &sanl_scheme_fashion,
     .read = sanl_fld_read,
     .place = sanl_deepfashion_place,
     .write = sanl_fld_write},
    {.name = "deepfashion_c",
     .part_names = sanl_part_names,
     .published = &sanl_published_deepfashion_c,
     .scheme = &sanl_scheme_fashion,
     .read = sanl_deepfashion_c_read,
     .place = sanl_deepfashion_place,
     .write = sanl_deepfashion_c_write},
    {.name = "deepfashion2",
     .several = true,
     .part_names = train_and_val,
     .published = &sanl_published_deepfashion2,
     .scheme = &sanl_scheme_deepfashion2,
     .categories = true,
     .read = sanl_deepfashion2_read,
     .index_folders = deepfashion2_folders,
     .place = sanl_deepfashion2_place,
     .write = sanl_deepfashion2_write},
    {.name = "coco",
     .part_names = sanl_part_names,
     .scheme = &sanl_scheme_fashion,
     .any_scheme = true,
     .several = true,
     .read = sanl_coco_read,
     .index_folders = coco_folders,
     .settle = sanl_coco_settle,
     .place = sanl_deepfashion_place,
     .write = sanl_coco_write},
    {.name = "info_csv",
     .file_root = true,
     .part_names = sanl_part_names,
     .scheme = &sanl_scheme_fashion,
     .read = sanl_info_csv_read,
     .place = sanl_deepfashion_place,
     .write = sanl_info_csv_write},
    {.name = "cub200",
     .part_names = train_and_test,
     .published = &cub200,
     .categories = true,
     .read = sanl_cub200_read,
     .place = sanl_cub200_place,
     .write = sanl_cub200_write},
    {.name = "foodnet",
     .boxless = true,
     .part_names = sanl_part_names,
     .published = &foodnet,
     .categories = true,
     .read = sanl_foodnet_read,
     .place = sanl_foodnet_place,
     .write = sanl_foodnet_write},
    {.name = NULL},
};
