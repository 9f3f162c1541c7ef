/* A host's report: the frame as it is, and the same bytes as content, whose digest would otherwise never fit. */
#include "inventory/host_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT(256 * MIB);
	struct host_report r;
	struct host_content c;
	size_t sum = host_report_open(span_bytes(data, size), &a, &r, NULL) == 0 ? strlen(r.header.host) : 0;
	if (host_content_read(span_bytes(data, size), &a, &c, NULL) == 0)
		for (size_t i = 0; i < c.files_n; i++)
			sum += strlen(c.files[i].path) + strlen(c.files[i].facts.kind) + c.files[i].facts.component_count;
	arena_release(&a);
	return sum == SIZE_MAX;
}
