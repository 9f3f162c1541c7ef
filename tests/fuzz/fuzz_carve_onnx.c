/* Engines inside of ONNX models: EPContext nodes. */
#include "carve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_carve(data, size, carve_onnx);
	return 0;
}
