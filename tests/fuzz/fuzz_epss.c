/* EPSS tables. */
#include "advisory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_format("epss", NULL, data, size);
	return 0;
}
