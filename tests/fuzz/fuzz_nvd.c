/* Pages, records and overrides of NVD. */
#include "advisory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_format("nvd", NULL, data, size);
	return 0;
}
