/* package.json of installed npm packages. */
#include "artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_artifact(data, size, "node_modules/x/package.json");
	return 0;
}
