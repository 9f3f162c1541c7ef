/* METADATA of installed Python distributions. */
#include "artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_artifact(data, size, "site-packages/x-1.0.dist-info/METADATA");
	return 0;
}
