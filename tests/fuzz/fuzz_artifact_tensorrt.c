/* TensorRT plans in every layout, timing caches, JSON prefixes. Seeds: specimens (demo/specimen). */
#include "artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_artifact(data, size, "x.engine");
	return 0;
}
