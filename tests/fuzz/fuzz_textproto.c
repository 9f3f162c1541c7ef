/* Protocol buffers' text format: whatever the text, a tree within its limits or a refusal. */
#include "base/arena.h"
#include "format/textproto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const struct textproto *list)
{
	size_t sum = 0;
	int64_t n;
	for (; list; list = list->next) {
		sum += list->name.n + list->text.n + walk(list->fields) + textproto_i64(list, &n);
		for (size_t i = 0; i < list->text.n; i++)
			sum += (unsigned char)list->text.p[i];
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT(64 * MIB);
	const struct textproto *list = NULL;
	size_t sum = textproto_parse(span_bytes(data, size), NULL, &a, &list, NULL) == 0 ? walk(list) : 0;
	arena_release(&a);
	return sum == SIZE_MAX;
}
