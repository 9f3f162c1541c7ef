/* rpm's own database: slots, blobs, headers. */
#include "artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_artifact(data, size, "usr/lib/sysimage/rpm/Packages.db");
	return 0;
}
