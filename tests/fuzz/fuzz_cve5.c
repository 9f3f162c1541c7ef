/* CVE JSON 5 records. */
#include "advisory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_format("cve", NULL, data, size);
	return 0;
}
