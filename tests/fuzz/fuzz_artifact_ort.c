/* ONNX Runtime's flatbuffers, the stamp in them. */
#include "artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_artifact(data, size, "x.ort");
	return 0;
}
