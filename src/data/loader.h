/* Batches of one part of a data set, prepared ahead by threads. */
#ifndef DATA_LOADER_H
#define DATA_LOADER_H

#include <stdbool.h>
#include <stdint.h>
#include "data/batch.h"
#include "data/dataset.h"

struct sanl_loader; /* belongs to one thread */

struct sanl_loader_options {
    const char *part;
    int size; /* of the network's input */
    int batch;
    int workers; /* threads; no effect on what the batches hold */
    int ring;    /* batches prepared ahead of the one in use */
    double margin, center_crop, max_megapixels;
    bool boxes;        /* crop to the records' boxes; else whole pictures */
    bool training;     /* shuffle and augment, and drop a last partial batch */
    bool visible_only; /* only visible landmarks teach; else the occluded ones too */
    bool categories;   /* every record must have one */
    bool landmarks;    /* the data set must have them */
    bool skip_bad;     /* go on without pictures that cannot be read */
    uint64_t seed;
    struct sanl_augment_config augment; /* used in training */
};

/* The options that a configuration gives; part, training, batch, and categories for a classifier, are left to
 * set. */
void sanl_loader_configure(struct sanl_loader_options *out, const struct sanl_config *config);

/* The data set must outlive the loader. No epoch is begun. */
SANL_CHECKED enum sanl_status sanl_loader_create(struct sanl_loader **out, const struct sanl_dataset *dataset,
                                                 const struct sanl_loader_options *options);
void sanl_loader_free(struct sanl_loader *loader); /* takes NULL; stops workers that are busy */

/* Batches of an epoch. */
int sanl_loader_batches(const struct sanl_loader *loader);

/* Pictures of an epoch: those of the part, without the partial batch that training drops. */
int sanl_loader_samples(const struct sanl_loader *loader);

/* Begins epoch `epoch`, leaving one that is under way. The order and every random number follow from seed,
 * epoch, record and position. */
void sanl_loader_start_epoch(struct sanl_loader *loader, uint64_t epoch);

/* The next batch, borrowed until the next call; NULL after the last one. A picture that cannot be read is an
 * error that names the record; with skip_bad it is left out, which in training means that the next readable
 * record in the epoch's order stands in for it, and otherwise that its batch is smaller. After an error the
 * next call goes on. */
SANL_CHECKED enum sanl_status sanl_loader_next(struct sanl_loader *loader, const struct sanl_batch **out);

/* Since the epoch began: records left out so far, and seconds that sanl_loader_next has waited. */
int sanl_loader_skipped(const struct sanl_loader *loader);
double sanl_loader_wait_seconds(const struct sanl_loader *loader);

#endif
