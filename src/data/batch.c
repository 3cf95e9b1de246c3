#include "data/batch.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"

enum sanl_status sanl_batch_create(struct sanl_batch *out, int capacity, int size, int landmarks)
{
    const size_t n = (size_t)capacity, points = n * (size_t)landmarks;
    memset(out, 0, sizeof *out);
    out->capacity = capacity;
    out->size = size;
    out->landmarks = landmarks;
    out->geometry = sanl_calloc(n, sizeof *out->geometry);
    out->warp = sanl_calloc(n, sizeof *out->warp);
    out->in_to_img = sanl_calloc(n, sizeof *out->in_to_img);
    out->box = sanl_calloc(n, sizeof *out->box);
    out->landmark_in = sanl_calloc(points, sizeof *out->landmark_in);
    out->teaches = sanl_calloc(points, sizeof *out->teaches);
    out->visibility = sanl_calloc(points, sizeof *out->visibility);
    out->category = sanl_calloc(n, sizeof *out->category);
    out->record = sanl_calloc(n, sizeof *out->record);
    if (out->geometry && out->warp && out->in_to_img && out->box && out->landmark_in && out->teaches &&
        out->visibility && out->category && out->record)
        return SANL_OK;
    sanl_batch_free(out);
    return SANL_ERR_MEMORY;
}

void sanl_batch_free(struct sanl_batch *batch)
{
    free(batch->pixels);
    free(batch->geometry);
    free(batch->warp);
    free(batch->in_to_img);
    free(batch->box);
    free(batch->landmark_in);
    free(batch->teaches);
    free(batch->visibility);
    free(batch->category);
    free(batch->record);
    memset(batch, 0, sizeof *batch);
}

void sanl_batch_clear(struct sanl_batch *batch)
{
    batch->count = 0;
    batch->pixel_bytes = 0;
}

enum sanl_status sanl_batch_add(struct sanl_batch *batch, const struct sanl_sample *sample)
{
    const struct sanl_image *crop = &sample->crop;
    const size_t bytes = (size_t)crop->width * (size_t)crop->height * 3;
    const int i = batch->count;
    if (batch->pixel_bytes + bytes > INT32_MAX) /* offsets are 32-bit on the device */
        return sanl_fail(SANL_ERR_LIMIT,
                         "a batch of %d pictures has more than 2 GiB of pixels: make it smaller",
                         batch->capacity);
    SANL_TRY(sanl_grow(&batch->pixels, &batch->pixel_room, batch->pixel_bytes + bytes, 1));
    memcpy(batch->pixels + batch->pixel_bytes, crop->pixels, bytes);
    batch->geometry[i][0] = (int32_t)batch->pixel_bytes;
    batch->geometry[i][1] = crop->width;
    batch->geometry[i][2] = crop->height;
    for (int k = 0; k < 6; k++)
        batch->warp[i][k] = (float)sample->in_to_src.m[k];
    batch->warp[i][6] = (float)sample->gain;
    batch->warp[i][7] = (float)sample->bias;
    batch->in_to_img[i] = sample->in_to_img;
    batch->box[i] = sample->box;
    batch->pixel_bytes += bytes;
    batch->count++;
    return SANL_OK;
}

int64_t sanl_batch_max_bytes(int count, int size)
{
    return 3 * count * sanl_crop_max_pixels(size);
}
