/* A snapshot of the gate as bytes: what is read is ready, and read the same again when written. */
#include "gate/snapshot_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	RF_AUTO_PTR(gate_snapshot) s = NULL;
	RF_AUTO_PTR(gate_snapshot) again = NULL;
	RF_AUTO(str) once = STR_INIT(64 * MIB);
	RF_AUTO(str) twice = STR_INIT(64 * MIB);
	if (gate_snapshot_read(span_bytes(data, size), &s, NULL) || gate_snapshot_write(s, &once, NULL))
		return 0;
	for (size_t i = 0; i < s->artifact_count; i++)
		if (gate_snapshot_find(s, &s->artifacts[i].digest) != &s->artifacts[i])
			abort();
	if (gate_snapshot_read(str_span(&once), &again, NULL) || gate_snapshot_write(again, &twice, NULL) ||
	    !span_eq(str_span(&once), str_span(&twice)))
		abort();
	return 0;
}
