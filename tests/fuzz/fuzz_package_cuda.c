/* Release files: version.json of CUDA. */
#include "artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_artifact(data, size, "usr/local/cuda/version.json");
	return 0;
}
