/* Prose: line 1 the affected text, line 2 the fix, line 3 a version. Unread ranges must answer UNSURE, never OUT. */
#include "version/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_bytes(data, size), affected = SPAN_NONE, fixed = SPAN_NONE, version = SPAN_NONE;
	(void)span_split(&rest, '\n', &affected);
	(void)span_split(&rest, '\n', &fixed);
	(void)span_split(&rest, '\n', &version);
	for (const struct scheme *s = SCHEMES; s->name; s++) {
		struct arena a = ARENA_INIT(1 * MIB);
		struct range *r = NULL;
		int rc = range_read(&a, s, affected, fixed, &r, NULL);
		if (r && rc == RF_EUNREADABLE && range_contains(r, version) != RANGE_UNSURE)
			abort();
		if (r) {
			struct str words = STR_INIT(64 * KIB);
			range_words(r, &words);
			range_comparison(r, version, &words);
			str_release(&words);
		}
		arena_release(&a);
	}
	return 0;
}
