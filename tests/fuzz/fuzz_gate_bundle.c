/* The manifest of a bundle of the gate: what is read is within its limits, and is read the same again when written. */
#include "gate/bundle.h"
#include "gate/snapshot_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT(64 * MIB);
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	RF_AUTO(str) text = STR_INIT(16 * MIB);
	struct gate_bundle b, again;
	struct json root;
	if (doc && !json_parse(doc, span_bytes(data, size), &root, NULL) && !gate_bundle_manifest_read(&a, root, &b, NULL)) {
		if (!b.bytes || b.bytes > GATE_SNAPSHOT_MAX_BYTES || !b.site.p)
			abort();
		gate_bundle_manifest_write(&b, &text);
		if (!text.failed && (json_parse(doc, str_span(&text), &root, NULL) ||
				     gate_bundle_manifest_read(&a, root, &again, NULL) || again.bytes != b.bytes ||
				     again.expires != b.expires || !digest_eq(&again.snapshot, &b.snapshot)))
			abort();
	}
	arena_release(&a);
	return 0;
}
