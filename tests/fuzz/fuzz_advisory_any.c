/* Any bytes: the format is told from the content, as `feed import` does. */
#include "advisory.h"
#include "libfyaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_format(NULL, NULL, data, size);
	return 0;
}
