/* vers: line 1 the text, line 2 a version; with the type's own scheme and with every other. Written and read back it answers alike. */
#include "version/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct scheme *s, struct span text, struct span version)
{
	struct arena a = ARENA_INIT(8 * MIB);
	struct range *r = NULL, *again = NULL;
	int rc = range_read_vers(&a, s, text, &r, NULL);
	if (r && rc == RF_EUNREADABLE && range_contains(r, version) != RANGE_UNSURE)
		abort();
	struct str written = STR_INIT(256 * KIB);
	if (!rc && !range_write_vers(&a, r, &written, NULL) && !written.failed &&
	    !range_read_vers(&a, r->scheme, str_span(&written), &again, NULL) && range_contains(r, version) == RANGE_IN &&
	    range_contains(again, version) == RANGE_OUT)
		abort();
	str_release(&written);
	arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_bytes(data, size), text = SPAN_NONE, version = SPAN_NONE;
	(void)span_split(&rest, '\n', &text);
	(void)span_split(&rest, '\n', &version);
	check(NULL, text, version);
	for (const struct scheme *s = SCHEMES; s->name; s++)
		check(s, text, version);
	return 0;
}
