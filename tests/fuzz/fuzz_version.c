/* Versions: two lines are compared under every scheme; the order must be antisymmetric and reflexive. */
#include "version/scheme.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_bytes(data, size), a = SPAN_NONE, b = SPAN_NONE;
	(void)span_split(&rest, '\n', &a);
	(void)span_split(&rest, '\n', &b);
	for (const struct scheme *s = SCHEMES; s->name; s++) {
		enum version_order ab = version_compare(s, a, b), ba = version_compare(s, b, a);
		if (ab == VERSION_INCOMPARABLE ? ba != ab : (int)ab != -(int)ba)
			abort();
		if (version_is_readable(s, a) && version_compare(s, a, a) != VERSION_EQUAL)
			abort();
	}
	return 0;
}
