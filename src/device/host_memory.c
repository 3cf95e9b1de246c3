/* Memory for the buffers of CPUs: of large pages where the system has them, for a convolution walks through
 * many rows at once, each in a page of its own. */
#ifdef __linux__
#define _DEFAULT_SOURCE /* madvise */
#endif
#include <stdlib.h>
#include <sys/mman.h>
#include "device/internal.h"

enum { LARGE_PAGE = 2 << 20 };

void *sanl_host_memory(size_t bytes)
{
    void *memory = NULL;
    if (bytes < LARGE_PAGE || posix_memalign(&memory, LARGE_PAGE, bytes) != 0)
        return NULL;
#ifdef MADV_HUGEPAGE
    (void)madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return memory;
}

void CL_CALLBACK sanl_host_memory_release(cl_mem buffer, void *memory)
{
    (void)buffer;
    free(memory);
}
