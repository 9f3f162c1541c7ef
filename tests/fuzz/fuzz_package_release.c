/* Release files: C headers. */
#include "artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_artifact(data, size, "TensorRT-10.3.0/include/NvInferVersion.h");
	return 0;
}
