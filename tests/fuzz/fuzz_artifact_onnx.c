/* ONNX: the bounded walk over ModelProto, opsets, the stamp. */
#include "artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_artifact(data, size, "x.onnx");
	return 0;
}
