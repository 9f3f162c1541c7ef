/* inputs.json of a folder of golden inputs. */
#include "prove/prove.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT(1 * MIB);
	struct prove_inputs in;
	struct err err = ERR_INIT;
	if (prove_inputs_read(&a, span_bytes(data, size), "inputs.json", &in, &err) == 0 &&
	    (in.inputs_n > PROVE_MAX_INPUTS || in.outputs_n > PROVE_MAX_OUTPUTS || !in.model))
		abort();
	arena_release(&a);
	return 0;
}
