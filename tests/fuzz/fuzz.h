/* One program for each parser, tests/fuzz/fuzz_NAME.c, with the function below. As the test `fuzz-NAME` it
 * runs over the files of corpus/NAME; built with clang and -DSANLCL_FUZZ=ON it is a libFuzzer program:
 *     build/fuzz/tests/fuzz_NAME -max_total_time=300 tests/fuzz/corpus/NAME */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Must neither crash nor leak, whatever the bytes are. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* The bytes in a file of this process, for parsers that open one: its path. */
const char *fuzz_file(const uint8_t *bytes, size_t count);

#endif
