#include "cli/pictures.h"

#include <stdio.h>
#include <sanlcl/report.h>

void sanl_pictures_name_class(char *out, size_t bytes, const struct sanl_prediction *prediction,
                              int class_index)
{
    if (prediction->categories)
        snprintf(out, bytes, "%s", prediction->categories[class_index]);
    else
        snprintf(out, bytes, "class %d", class_index + 1);
}

/* Of more landmarks, and without a type of clothes, those with a score are drawn, or the first. */
enum { MOST_HEATMAPS = 16 };

enum sanl_status sanl_pictures_heatmaps(const char *path, const struct sanl_prediction *prediction,
                                        double max_megapixels)
{
    const struct sanl_box *w = &prediction->window;
    const double window[4] = {w->x1, w->y1, w->x2, w->y2};
    const float *const heat = prediction->fine ? prediction->fine : prediction->coarse[0];
    const int side = prediction->size / 4;
    struct sanl_panel panels[SANL_LANDMARKS];
    char titles[SANL_LANDMARKS][48];
    const bool many = !prediction->clothes && prediction->scheme->landmarks > MOST_HEATMAPS;
    int count = 0;
    for (int k = 0; k < prediction->scheme->landmarks; k++) {
        if (!sanl_clothes_has(prediction->scheme, prediction->clothes, k) ||
            (many && !prediction->visible[k] && k > 0))
            continue;
        snprintf(titles[count], sizeof titles[count], "%s  %.2f", sanl_landmark_name(prediction->scheme, k),
                 (double)prediction->score[k]);
        panels[count] =
            (struct sanl_panel){.title = titles[count],
                                .map = heat + (size_t)k * (size_t)side * (size_t)side,
                                .width = side,
                                .height = side,
                                .peaks = true,
                                .point_img = prediction->visible[k] ? prediction->landmark_img[k] : NULL};
        count++;
    }
    return sanl_panels_write(path, prediction->path, max_megapixels, window, panels, count, 4, 0);
}

enum sanl_status sanl_pictures_cams(const char *path, const struct sanl_prediction *prediction,
                                    double max_megapixels)
{
    const struct sanl_box *w = &prediction->window;
    const double window[4] = {w->x1, w->y1, w->x2, w->y2};
    struct sanl_panel panels[1 + SANL_CAMS] = {{0}};
    char titles[1 + SANL_CAMS][128] = {"picture"};
    if (prediction->cam_class >= 0 && prediction->probability)
        sanl_pictures_name_class(titles[0], sizeof titles[0], prediction, prediction->cam_class);
    panels[0].title = titles[0];
    for (int k = 0; k < SANL_CAMS; k++) {
        const int side = prediction->size / (4 << k);
        snprintf(titles[1 + k], sizeof titles[1 + k], "stride %d", 4 << k);
        panels[1 + k] = (struct sanl_panel){
            .title = titles[1 + k], .map = prediction->cam[k], .width = side, .height = side};
    }
    return sanl_panels_write(path, prediction->path, max_megapixels, window, panels, 1 + SANL_CAMS,
                             1 + SANL_CAMS, 0);
}
