/* Archives: bounded, whatever they claim. */
#include "format/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int visit(const struct archive_member *m, void *data)
{
	(void)data;
	if (m->bytes.n > 64 * KIB)
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct archive_walk walk = { .limits = { 64 * KIB, 256 * KIB, 16 }, .visit = visit };
	if (archive_sniff(span_bytes(data, size)) && archive_walk_bytes(span_bytes(data, size), &walk, NULL))
		return 0;
	return 0;
}
