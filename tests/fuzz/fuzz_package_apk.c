/* apk's installed. */
#include "artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_artifact(data, size, "lib/apk/db/installed");
	return 0;
}
