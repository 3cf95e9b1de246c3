/* The kernel sources of cl/, embedded at build time. */
#ifndef DEVICE_SOURCE_H
#define DEVICE_SOURCE_H

#include <stddef.h>

struct sanl_source {
    const char *name; /* "conv2d" for cl/conv2d.cl; NULL ends the table */
    const char *text;
    size_t length;
};

extern const struct sanl_source sanl_sources[];

#endif
