/* What a CSAF provider publishes about its documents; the first byte says which file it is. */
#include "advisory/sync_index.h"

#include "base/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT(16 * MIB);
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	struct span text = span_bytes(data, size);
	struct csaf_listing listing;
	struct csaf_provider provider;
	struct json root;
	char kind = text.n ? text.p[0] : 0;
	text = span_from(text, 1);
	if (doc && kind == 'i') {
		size_t cut = span_find(text, SPAN("\n\n"));
		if (!csaf_index_read(&a, span_sub(text, 0, cut), &listing, NULL) && cut != SIZE_MAX)
			(void)!csaf_changes_read(span_from(text, cut + 2), &listing, NULL);
		for (size_t i = 0; cut != SIZE_MAX && i < listing.count; i++)
			if (!fs_is_plain_relative(listing.entries[i].path))
				abort();
	} else if (doc && kind == 's') {
		(void)csaf_security_txt(text);
	} else if (doc && !json_parse(doc, text, &root, NULL)) {
		(void)!csaf_provider_read(&a, root, &provider, NULL);
		(void)!csaf_rolie_read(&a, root, &listing, NULL);
	}
	arena_release(&a);
	return 0;
}
