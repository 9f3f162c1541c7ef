/* The manifest of a signed bundle: what is read is within its limits, and is read the same again when written. */
#include "advisory/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT(64 * MIB);
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	RF_AUTO(str) text = STR_INIT(16 * MIB);
	struct bundle_manifest m, again;
	struct json root;
	if (doc && !json_parse(doc, span_bytes(data, size), &root, NULL) && !bundle_manifest_read(&a, root, &m, NULL)) {
		for (size_t i = 0; i < m.count; i++)
			if (!m.entries[i].bytes || m.entries[i].bytes > ADVISORY_MAX_BYTES ||
			    (i && memcmp(m.entries[i - 1].digest.bytes, m.entries[i].digest.bytes, DIGEST_BYTES) >= 0))
				abort();
		bundle_manifest_write(&m, TLP_CLEAR, &text);
		if (!text.failed && (json_parse(doc, str_span(&text), &root, NULL) ||
				     bundle_manifest_read(&a, root, &again, NULL) || again.count != m.count))
			abort();
	}
	arena_release(&a);
	return 0;
}
