/* config.pbtxt: whatever the text, a configuration that can be asked or a refusal. */
#include "inventory/triton_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT(64 * MIB);
	struct triton_config c;
	static const int64_t versions[] = { 1, 2, 3 };
	size_t sum = 0;
	if (triton_config_read(span_bytes(data, size), "config.pbtxt", &a, &c, NULL) == 0) {
		sum += strlen(triton_backend(&c)) + triton_serves(&c, 2, versions, 3);
		for (size_t i = 0; i < c.cc_files_n; i++)
			sum += strlen(c.cc_files[i].key) + strlen(c.cc_files[i].value);
		for (size_t i = 0; i < c.inputs_n; i++)
			sum += strlen(c.inputs[i].name) + c.inputs[i].dims_n;
	}
	arena_release(&a);
	return sum == SIZE_MAX;
}
