/* release.json of others: no crash; what is read is written back and read again the same. */
#include "base/arena.h"
#include "depot/release.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT(64 * MIB);
	struct str text = STR_INIT(16 * MIB), again = STR_INIT(16 * MIB);
	struct release r, back;
	struct err err = ERR_INIT;

	if (release_read_json(&a, (struct span){ (const char *)data, size }, &r, &err) == 0) {
		if (release_write_json(&r, &text, &err) != 0 ||
		    release_read_json(&a, str_span(&text), &back, &err) != 0 ||
		    release_write_json(&back, &again, &err) != 0 || !span_eq(str_span(&text), str_span(&again)))
			abort();
	}
	str_release(&text);
	str_release(&again);
	arena_release(&a);
	return 0;
}
