/* Pictures and pages for people: plots, landmarks and maps over images, contact sheets, an HTML page.
 * Every file appears whole or not at all; the same input gives the same bytes. Pictures are PNG, or JPEG when
 * the path ends in .jpg or .jpeg. */
#ifndef SANLCL_REPORT_H
#define SANLCL_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sanlcl/status.h>
#include <sanlcl/table.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- plots --------------------------------------------------------------------------------------- */

struct sanl_series {
    const char *name;    /* in the legend */
    const double *x, *y; /* (count); points that are not finite are left out and break the line */
    size_t count;
};

struct sanl_plot {
    const char *title, *x_label, *y_label; /* NULL: none */
    const struct sanl_series *series;
    int series_count;
    bool log_y;        /* values at or below 0 are left out */
    bool from_zero;    /* the y axis, when linear, holds 0 */
    int width, height; /* pixels, up to 8192; 0: 800 and 480 */
};

/* True for the names of pictures: those that end in .png, .jpg or .jpeg, in any case. */
bool sanl_is_picture_name(const char *path);

SANL_CHECKED enum sanl_status sanl_plot_write(const struct sanl_plot *plot, const char *path);

/* ---- landmarks and maps over images -------------------------------------------------------------- */

struct sanl_overlay {
    int landmarks;                    /* of a scheme; 0: none */
    const double (*predicted_img)[2]; /* (landmarks) x, y in image pixels, centres at integers; NULL: none */
    const bool *shown;                /* (landmarks) which predictions to draw; NULL: all */
    const double (*truth_img)[2];     /* drawn as rings, tied to the prediction by a line; NULL: none */
    const bool *truth_shown;          /* NULL: all */
    const double *box_img;            /* x1, y1, x2, y2 as in data sets, behind the last pixel; NULL: none */
    const char *const *names;         /* (landmarks); NULL: the scheme's labels */
    const char *caption;              /* in the upper left corner; NULL: none */
    int side; /* the picture is enlarged until its longer side has this many pixels; 0: 640 */
};

/* Reads the image and writes it with the landmarks drawn and named. Images above `max_megapixels` are
 * refused. */
SANL_CHECKED enum sanl_status sanl_overlay_write(const char *path, const char *image_path,
                                                 double max_megapixels, const struct sanl_overlay *overlay);

/* Reads the image and writes the part inside `box_img` (NULL: all of it) under the map (height, width), 0
 * blue to 1 red: attention maps and heatmaps, which cover the box. */
SANL_CHECKED enum sanl_status sanl_map_write(const char *path, const char *image_path, double max_megapixels,
                                             const double *box_img, const float *map, int width, int height,
                                             int side);

/* One panel of a sheet of maps. */
struct sanl_panel {
    const char *title; /* above it; NULL: none */
    const float *map;  /* (height, width), covers the box; NULL: the picture alone */
    int width, height;
    bool peaks;              /* a heatmap: the picture shows where the map is low */
    const double *point_img; /* (2): ringed, in image pixels; NULL: none */
};

/* The part of the image inside `box_img` (NULL: all of it) once for each panel, under its map, in rows of
 * `columns`; the longer side of a panel has `side` pixels (0: 256). */
SANL_CHECKED enum sanl_status sanl_panels_write(const char *path, const char *image_path,
                                                double max_megapixels, const double *box_img,
                                                const struct sanl_panel *panels, int count, int columns,
                                                int side);

/* Several pictures in rows of `columns`, each fitted into a cell of `side` x `side` pixels. */
SANL_CHECKED enum sanl_status sanl_sheet_write(const char *path, const char *const *image_paths, size_t count,
                                               int columns, int side);

/* ---- an HTML page -------------------------------------------------------------------------------- */

struct sanl_page; /* one file that needs no other */

/* Opens a page that will appear at `path` when it is finished. Every text is escaped. */
SANL_CHECKED enum sanl_status sanl_page_create(struct sanl_page **out, const char *path, const char *title);
void sanl_page_heading(struct sanl_page *page, const char *text);
void sanl_page_text(struct sanl_page *page, const char *text);
void sanl_page_code(struct sanl_page *page, const char *text); /* line breaks and blanks stay */
/* The picture file (PNG or JPEG) goes into the page, which then stands alone. */
SANL_CHECKED enum sanl_status sanl_page_image(struct sanl_page *page, const char *path, const char *caption);
SANL_CHECKED enum sanl_status sanl_page_table(struct sanl_page *page, const struct sanl_table *table);
SANL_CHECKED enum sanl_status sanl_page_finish(struct sanl_page *page); /* then free it */
void sanl_page_free(struct sanl_page *page); /* takes NULL; an unfinished page leaves no file */

#ifdef __cplusplus
}
#endif
#endif
