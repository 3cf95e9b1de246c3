/* One program for each parser, tests/fuzz/fuzz_NAME.c, with the function below. As the test `fuzz-NAME` it
 * runs over the files of corpus/NAME; built with clang and -DSANLCL_FUZZ=ON it is a libFuzzer program:
 *     build/fuzz/tests/fuzz_NAME -max_len=4096 -max_total_time=300 NEW_FOLDER tests/fuzz/corpus/NAME */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Must neither crash nor leak, whatever the bytes are. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* The bytes in a file of this process, for parsers that open one: its path. */
const char *fuzz_file(const uint8_t *bytes, size_t count);

/* Opens the bytes as a data set of that format: parts between form feeds ('\f') go to the files, a NULL-ended
 * list relative to its root, in turn. Files without a part are not there. */
void fuzz_dataset(const char *format, const char *const *files, const uint8_t *bytes, size_t length);

/* Opens the bytes as a file of named tensors and reads those that are not large. */
void fuzz_tensors(const uint8_t *bytes, size_t count);

#endif
