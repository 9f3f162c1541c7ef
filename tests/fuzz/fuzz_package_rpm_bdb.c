/* rpm's database in Berkeley DB: pages, chains, headers. */
#include "artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_artifact(data, size, "var/lib/rpm/Packages");
	return 0;
}
