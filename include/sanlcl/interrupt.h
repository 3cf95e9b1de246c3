/* A request to stop, from a signal handler or another thread. */
#ifndef SANLCL_INTERRUPT_H
#define SANLCL_INTERRUPT_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Asks every long computation of this process to stop at its next safe point with SANL_ERR_INTERRUPTED.
 * Safe inside a signal handler. */
void sanl_interrupt_request(void);

/* True from the request until sanl_interrupt_clear. */
bool sanl_interrupted(void);

void sanl_interrupt_clear(void);

#ifdef __cplusplus
}
#endif
#endif
