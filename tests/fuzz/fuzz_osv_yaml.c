/* OSV records as YAML. */
#include "advisory.h"
#include "libfyaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_format("osv-yaml", NULL, data, size);
	return 0;
}
