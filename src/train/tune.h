/* The tuner's two processes and what they say to each other over a pair of pipes. */
#ifndef TRAIN_TUNE_H
#define TRAIN_TUNE_H

#include <stdbool.h>
#include <sanlcl/tune.h>

enum tune_wish { TUNE_LIST, TUNE_MEASURE, TUNE_KEEP };

struct tune_request {
    enum tune_wish wish;
    int shape, choice; /* choice 0: the default */
    double least;      /* seconds to measure for */
};

/* To TUNE_LIST: `shape` of them follow, as struct tune_shape. */
struct tune_reply {
    enum sanl_status status;
    int shape;
    bool fits;
    double seconds;
    char name[48]; /* of the choice */
    char message[512];
    char path[1024];                /* to TUNE_LIST: of the file of choices */
    struct sanl_device_info device; /* the same */
};

struct tune_shape {
    char key[256];
    char op[32];
    int count;
    int tuned; /* the choice that is kept; 0: none */
};

/* Whole records; false at the end of the pipe or on failure. */
bool sanl_tune_send(int pipe, const void *record, size_t bytes);
bool sanl_tune_receive(int pipe, void *record, size_t bytes);

/* The child: answers requests until their pipe ends. */
void sanl_tune_serve(int requests, int replies, const struct sanl_tune_options *options);

#endif
