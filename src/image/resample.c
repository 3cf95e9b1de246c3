/* Crop, shrink, place and resize. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "image/image.h"

/* Mean of the block of `width` x `height` pixels at `from`, rounded to nearest. */
static void average(uint8_t *to, const uint8_t *from, size_t row_bytes, int width, int height)
{
    uint64_t sum[3] = {0, 0, 0};
    for (int y = 0; y < height; y++) {
        const uint8_t *p = from + (size_t)y * row_bytes;
        for (int x = 0; x < width; x++, p += 3) {
            sum[0] += p[0];
            sum[1] += p[1];
            sum[2] += p[2];
        }
    }
    const uint64_t count = (uint64_t)width * (uint64_t)height;
    for (int c = 0; c < 3; c++)
        to[c] = (uint8_t)((sum[c] + count / 2) / count);
}

/* Cuts [*start, *start + *length) to [0, size). */
static void clip(int *start, int *length, int size)
{
    const int64_t first = *start < 0 ? 0 : *start;
    int64_t end = (int64_t)*start + *length;
    end = end > size ? size : end;
    *length = end > first ? (int)(end - first) : 0;
    *start = (int)first;
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

enum sanl_status sanl_image_crop(struct sanl_image *out, const struct sanl_image *image, int x, int y,
                                 int width, int height, int shrink)
{
    memset(out, 0, sizeof *out);
    clip(&x, &width, image->width);
    clip(&y, &height, image->height);
    if (width < 1 || height < 1 || shrink < 1)
        return sanl_fail(SANL_ERR_USAGE, "crop: the part lies outside the picture of %d x %d pixels",
                         image->width, image->height);
    const int out_width = (width - 1) / shrink + 1, out_height = (height - 1) / shrink + 1;
    const size_t row_bytes = (size_t)image->width * 3;
    SANL_TRY(sanl_image_create(out, out_width, out_height));
    for (int i = 0; i < out_height; i++) {
        const uint8_t *from = image->pixels + (size_t)(y + i * shrink) * row_bytes + (size_t)x * 3;
        uint8_t *to = out->pixels + (size_t)i * (size_t)out_width * 3;
        if (shrink == 1) {
            memcpy(to, from, (size_t)width * 3);
            continue;
        }
        const int rows = min_int(shrink, height - i * shrink);
        for (int j = 0; j < out_width; j++)
            average(to + 3 * j, from + (size_t)j * (size_t)shrink * 3, row_bytes,
                    min_int(shrink, width - j * shrink), rows);
    }
    return SANL_OK;
}

void sanl_image_place(struct sanl_image *image, const struct sanl_image *part, int x, int y)
{
    int left = x, top = y, width = part->width, height = part->height;
    clip(&left, &width, image->width);
    clip(&top, &height, image->height);
    for (int i = 0; i < height && width > 0; i++) {
        const size_t from = (size_t)(top - y + i) * (size_t)part->width + (size_t)(left - x);
        const size_t to = (size_t)(top + i) * (size_t)image->width + (size_t)left;
        memcpy(image->pixels + to * 3, part->pixels + from * 3, (size_t)width * 3);
    }
}

/* The inputs of one output position along one axis: `count` of them from `first` on. */
struct taps {
    int first, count;
    float *weights; /* (count), sum 1; inside one block for all positions */
};

/* Enlarging: the two neighbours of (j + 0.5) * in / out - 0.5. Shrinking: what the interval
 * [j, j + 1) * in / out covers, by length. */
static void fill_taps(struct taps *t, int j, int in, int out)
{
    const double step = (double)in / out;
    if (out >= in) {
        const double at = (j + 0.5) * step - 0.5, low = at < 0 ? 0 : floor(at);
        const double part = at < 0 ? 0 : at - low;
        t->first = min_int((int)low, in - 1);
        t->count = t->first + 1 < in ? 2 : 1;
        t->weights[0] = t->count == 2 ? (float)(1 - part) : 1.0f;
        if (t->count == 2)
            t->weights[1] = (float)part;
        return;
    }
    const double from = j * step, to = (j + 1) * step;
    t->first = (int)floor(from);
    t->count = min_int((int)ceil(to), in) - t->first;
    for (int i = 0; i < t->count; i++) {
        const double a = fmax(from, t->first + i), b = fmin(to, t->first + i + 1);
        t->weights[i] = (float)(fmax(b - a, 0) / step);
    }
}

/* All taps of one axis with their weights in one block; free() it. */
static struct taps *make_taps(int in, int out)
{
    const size_t each = out >= in ? 2 : (size_t)(in / out) + 3;
    const size_t head = (size_t)out * sizeof(struct taps);
    struct taps *taps = sanl_calloc(head + (size_t)out * each * sizeof(float), 1);
    if (!taps)
        return NULL;
    float *weights = (float *)(void *)((char *)taps + head);
    for (int j = 0; j < out; j++) {
        taps[j].weights = weights + (size_t)j * each;
        fill_taps(&taps[j], j, in, out);
    }
    return taps;
}

/* row[(width, 3)] = the weighted sum of the image's rows that `t` names. */
static void mix_rows(float *row, const struct sanl_image *image, const struct taps *t)
{
    const size_t count = (size_t)image->width * 3;
    memset(row, 0, count * sizeof *row);
    for (int i = 0; i < t->count; i++) {
        const uint8_t *from = image->pixels + (size_t)(t->first + i) * count;
        const float weight = t->weights[i];
        for (size_t k = 0; k < count; k++)
            row[k] += weight * (float)from[k];
    }
}

enum sanl_status sanl_image_resize(struct sanl_image *out, const struct sanl_image *image, int width,
                                   int height)
{
    SANL_TRY(sanl_image_create(out, width, height));
    struct taps *across = make_taps(image->width, width), *down = make_taps(image->height, height);
    float *row = sanl_calloc((size_t)image->width * 3, sizeof *row);
    enum sanl_status status = SANL_ERR_MEMORY;
    if (!across || !down || !row)
        goto done;
    uint8_t *to = out->pixels;
    for (int y = 0; y < height; y++) {
        mix_rows(row, image, &down[y]);
        for (int x = 0; x < width; x++, to += 3) {
            const struct taps *t = &across[x];
            const float *from = row + 3 * (size_t)t->first;
            float sum[3] = {0.5f, 0.5f, 0.5f};
            for (int i = 0; i < t->count; i++, from += 3)
                for (int c = 0; c < 3; c++)
                    sum[c] += t->weights[i] * from[c];
            for (int c = 0; c < 3; c++)
                to[c] = (uint8_t)fminf(sum[c], 255.0f);
        }
    }
    status = SANL_OK;
done:
    free(across);
    free(down);
    free(row);
    if (status != SANL_OK)
        sanl_image_free(out);
    return status;
}
