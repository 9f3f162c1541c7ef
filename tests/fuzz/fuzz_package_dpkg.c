/* dpkg's status: paragraphs, fields, states. */
#include "artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_artifact(data, size, "var/lib/dpkg/status");
	return 0;
}
