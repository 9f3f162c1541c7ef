/* What every advisory format's target checks: whatever parses has statements that can be asked and signals that make
 * sense. */
#ifndef FUZZ_ADVISORY_H
#define FUZZ_ADVISORY_H

#include "advisory/advisory.h"

static inline void check_statement(const struct advisory_statement *s)
{
	if (!s->product != !s->range || (s->range && range_contains(s->range, SPAN("1.20.1")) > RANGE_UNSURE))
		abort();
	if (s->range && !s->range->readable && !s->review)
		abort(); /* what was not read is for review */
	if (s->contradiction.n && !s->review)
		abort();
}

static inline void check_document(const struct advisory_document *d)
{
	for (size_t i = 0; i < d->signal_count; i++)
		if (!advisory_is_cve(d->signals[i].cve))
			abort();
	for (size_t i = 0; i < d->count; i++) {
		if (!d->advisories[i].id.n || d->advisories[i].id.n > ADVISORY_MAX_ID)
			abort();
		for (size_t k = 0; k < d->advisories[i].statement_count; k++)
			check_statement(&d->advisories[i].statements[k]);
	}
}

/* Parses @data as @format, or as what it looks like when @format is NULL. */
static inline void fuzz_format(const char *format, const struct advisory_mapping *mapping, const uint8_t *data,
			       size_t size)
{
	struct arena a = ARENA_INIT(32 * MIB);
	struct advisory_document d;
	struct advisory_reading how = { .format = format ? advisory_format_find(span_of(format)) : NULL,
					.mapping = mapping };
	if (!advisory_read(&a, &how, span_bytes(data, size), &d, NULL))
		check_document(&d);
	arena_release(&a);
}

#endif
