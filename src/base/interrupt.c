#include <sanlcl/interrupt.h>

#include <stdatomic.h>

#if ATOMIC_INT_LOCK_FREE != 2
#error "a signal handler needs lock-free atomic integers"
#endif

static atomic_int requested;

void sanl_interrupt_request(void)
{
    atomic_store(&requested, 1);
}

bool sanl_interrupted(void)
{
    return atomic_load(&requested) != 0;
}

void sanl_interrupt_clear(void)
{
    atomic_store(&requested, 0);
}
