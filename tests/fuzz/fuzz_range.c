/*
 * Prose: lines are the affected text, the fix, a version, the product, the platform. Unread ranges must answer UNSURE, never OUT;
 * what can be written as vers is read back to the same answer.
 */
#include "version/platform.h"
#include "version/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct arena *a, const struct range *r, int rc, struct span version)
{
	enum range_answer answer = range_contains(r, version);
	if (rc == RF_EUNREADABLE && answer != RANGE_UNSURE)
		abort();
	if ((range_interval_of(r, version) != NULL) != (answer == RANGE_IN))
		abort();
	/* rows together never clear what one of them does not */
	if (ranges_contain(&r, 1, version) == RANGE_OUT && answer != RANGE_OUT)
		abort();
	struct str words = STR_INIT(64 * KIB), written = STR_INIT(64 * KIB);
	range_words(r, &words);
	range_explain(r, &words);
	range_comparison(r, version, &words);
	struct range *again = NULL;
	if (!rc && !range_write_vers(a, r, &written, NULL) && !written.failed &&
	    !range_read_vers(a, r->scheme, str_span(&written), &again, NULL)) {
		/* a cautious edge may widen a family, so only what is inside must stay inside */
		if (answer == RANGE_IN && range_contains(again, version) == RANGE_OUT)
			abort();
	}
	str_release(&words);
	str_release(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_bytes(data, size), version = SPAN_NONE;
	struct range_words_of row = { 0 };
	(void)span_split(&rest, '\n', &row.affected);
	(void)span_split(&rest, '\n', &row.fixed);
	(void)span_split(&rest, '\n', &version);
	(void)span_split(&rest, '\n', &row.product);
	(void)span_split(&rest, '\n', &row.platform);
	if (platform_line_of(row.platform) > PLATFORM_JETPACK)
		abort();
	for (const struct scheme *s = SCHEMES; s->name; s++) {
		struct arena a = ARENA_INIT(4 * MIB);
		struct range *r = NULL;
		int rc = range_read_row(&a, s, &row, &r, NULL);
		if (r && (!rc || rc == RF_EUNREADABLE))
			check(&a, r, rc, version);
		arena_release(&a);
	}
	return 0;
}
