/* Engines inside of pickles. */
#include "carve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_carve(data, size, carve_pickle);
	return 0;
}
