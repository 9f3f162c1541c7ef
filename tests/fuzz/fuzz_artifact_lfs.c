/* Git LFS pointers. */
#include "artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_artifact(data, size, "x.plan");
	return 0;
}
