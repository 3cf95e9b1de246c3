/* Time that only goes forward. */
#ifndef SANLCL_CLOCK_H
#define SANLCL_CLOCK_H

#ifdef __cplusplus
extern "C" {
#endif

/* Seconds since some moment in the past; differences count. */
double sanl_clock_seconds(void);

#ifdef __cplusplus
}
#endif
#endif
