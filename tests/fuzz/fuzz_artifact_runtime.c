/* ELF: program headers, dynamic section, symbol versions. The seed has no code of anybody's. */
#include "artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_artifact(data, size, "libonnxruntime.so.1");
	return 0;
}
