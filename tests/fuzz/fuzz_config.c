#include <stdlib.h>
#include <string.h>
#include <sanlcl/config.h>
#include "fuzz.h"

/* What is accepted comes back the same from the text that the configuration is written as. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct sanl_config config, again;
    char *text = NULL, *other = NULL;
    if (sanl_config_parse(&config, (const char *)bytes, count, "fuzz", NULL, 0) != SANL_OK)
        return 0;
    if (sanl_config_dump(&text, &config, true) != SANL_OK ||
        sanl_config_parse(&again, text, strlen(text), "dump", NULL, 0) != SANL_OK ||
        sanl_config_dump(&other, &again, true) != SANL_OK || strcmp(text, other) != 0)
        abort();
    free(text);
    free(other);
    return 0;
}
