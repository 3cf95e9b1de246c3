#include "train/canonical.h"

#include <string.h>
#include <sys/stat.h>

void sanl_config_canonicalize(struct sanl_config *config)
{
    struct sanl_config preset;
    sanl_config_defaults(&preset);
    memcpy(config->out, preset.out, sizeof config->out);
    config->data.workers = preset.data.workers;
    config->data.ring = preset.data.ring;
    config->train.log_every = preset.train.log_every;
}

/* One folder however it is spelt; one that is gone has moved. */
static bool same_root(const char *a, const char *b)
{
    struct stat x, y;
    if (strcmp(a, b) == 0 || stat(a, &x) != 0 || stat(b, &y) != 0)
        return true;
    return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Without a validation the loss is the error. */
static bool same_loss(const struct sanl_config *a, const struct sanl_config *b)
{
    const struct sanl_loss_config *x = &a->loss, *y = &b->loss;
    return strcmp(a->data.train, b->data.train) == 0 && x->sigma_coarse == y->sigma_coarse &&
           x->sigma_fine == y->sigma_fine && x->visible_only == y->visible_only &&
           x->label_smoothing == y->label_smoothing;
}

bool sanl_config_validates_alike(const struct sanl_config *a, const struct sanl_config *b)
{
    const struct sanl_data_config *x = &a->data, *y = &b->data;
    return same_root(x->root, y->root) && strcmp(x->format, y->format) == 0 && strcmp(x->val, y->val) == 0 &&
           x->limit == y->limit && x->boxes == y->boxes && x->margin == y->margin &&
           x->center_crop == y->center_crop && a->eval.flip == b->eval.flip &&
           a->eval.decode == b->eval.decode && a->eval.beta == b->eval.beta && (x->val[0] || same_loss(a, b));
}
