#include <stdlib.h>
#include <string.h>
#include <sanlcl/config.h>
#include "fuzz.h"

enum { MOST = 16 };

/* Each line is one "key=value" of a command line. What is accepted comes back the same from the text that the
 * configuration is written as. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct sanl_config config, again;
    const char *overrides[MOST];
    size_t used = 0;
    char *lines = malloc(count + 1), *text = NULL, *other = NULL;
    if (!lines)
        abort();
    memcpy(lines, bytes, count);
    lines[count] = 0;
    for (char *line = lines; line && used < MOST;) {
        overrides[used++] = line;
        line = strchr(line, '\n');
        if (line)
            *line++ = 0;
    }
    if (sanl_config_load(&config, NULL, overrides, used) == SANL_OK &&
        (sanl_config_dump(&text, &config, false) != SANL_OK ||
         sanl_config_parse(&again, text, strlen(text), "dump", NULL, 0) != SANL_OK ||
         sanl_config_dump(&other, &again, false) != SANL_OK || strcmp(text, other) != 0))
        abort();
    free(text);
    free(other);
    free(lines);
    return 0;
}
