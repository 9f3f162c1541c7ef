/* OSV records: whatever parses must have statements that can be asked. */
#include "advisory/advisory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT(32 * MIB);
	struct advisory_document d;
	if (!advisory_parse(&a, advisory_format_find(SPAN("osv")), span_bytes(data, size), &d, NULL))
		for (size_t i = 0; i < d.count; i++)
			for (size_t k = 0; k < d.advisories[i].statement_count; k++) {
				const struct advisory_statement *s = &d.advisories[i].statements[k];
				if (!s->product != !s->range ||
				    (s->range && range_contains(s->range, SPAN("1.20.1")) > RANGE_UNSURE))
					abort();
				if (s->range && !s->range->readable && !s->review)
					abort(); /* what was not read is for review */
			}
	arena_release(&a);
	return 0;
}
