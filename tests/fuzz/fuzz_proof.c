/* proof.json: what is read must be whole, judgements never out of their range. */
#include "prove/prove.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT(4 * MIB);
	struct prove_result r;
	struct err err = ERR_INIT;
	if (prove_read(&a, span_bytes(data, size), NULL, &r, &err) == 0 &&
	    (r.numeric > JUDGEMENT_INCONCLUSIVE || r.performance > JUDGEMENT_INCONCLUSIVE || !r.reason || (r.outputs_n && !r.outputs[0].name)))
		abort();
	arena_release(&a);
	return 0;
}
