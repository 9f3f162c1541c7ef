/* NumPy files: what is read is written and read back the same, and every value can be asked for. */
#include "format/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct npy t, back;
	struct err err = ERR_INIT;
	if (npy_read(span_bytes(data, size), &t, &err))
		return 0;
	RF_AUTO(str) s = STR_INIT(16 * MIB);
	volatile double sum = 0;
	for (uint64_t i = 0; i < RF_MIN(npy_count(&t), (uint64_t)1000); i++)
		sum = sum + npy_at(&t, i);
	if (npy_write(&s, &t, &err) || npy_read(str_span(&s), &back, &err))
		abort();
	if (t.type != back.type || !npy_same_shape(&t, &back) || !span_eq(t.data, back.data))
		abort();
	return 0;
}
