/* Reviews: whatever the bytes, a refusal or an answer that is JSON, with the uid that was asked with, within the
 * limits. */
#include "gate/review.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gate_snapshot *knowledge(void)
{
	struct gate_snapshot *s = gate_snapshot_new(16 * MIB);
	struct gate_artifact engine = { .set = GATE_NONE, .main = GATE_NONE, .finding = ARTIFACT_CONFLICT };
	uint32_t number;
	if (!s || gate_snapshot_text(s, SPAN("host_code"), &engine.cause, NULL) != 0 ||
	    gate_snapshot_artifact(s, &engine, SPAN(ARTIFACT_TENSORRT_PLAN), &number, NULL) != 0 ||
	    gate_snapshot_image(s, SPAN("registry.example/bad:1"), number, NULL) != 0 ||
	    gate_snapshot_model(s, SPAN("pvc://models/asr"), number, NULL) != 0 || gate_snapshot_ready(s, NULL) != 0)
		abort();
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gate_snapshot *snapshot;
	static struct review_reader *reader;
	static struct json_doc *doc;
	struct review r;
	struct review_verdict v;
	struct json root;
	if (!snapshot) {
		snapshot = knowledge();
		doc = json_doc_new();
		if (!doc || review_reader_new(&reader, NULL) != 0)
			abort();
	}
	if (review_read(reader, &(struct review_rules){ 0 }, span_bytes(data, size), &r, NULL) != 0)
		return 0;
	const struct review_context context = { .snapshot = snapshot, .now = 1000 * USEC_PER_SEC, .audit = size % 2 };
	if (review_judge(reader, &r, &context, &v, NULL) == 0) {
		RF_AUTO(str) out = STR_INIT(64 * KIB);
		review_write(&r, &v, &out);
		if (strlen(v.message) > REVIEW_MAX_MESSAGE || str_check(&out, "answer", NULL) != 0 ||
		    json_parse(doc, str_span(&out), &root, NULL) != 0 ||
		    !span_eq(json_string(json_path(root, "response", "uid", NULL)), r.uid))
			abort();
		for (size_t i = 0; i < v.warnings_n; i++)
			if (strlen(v.warnings[i]) > REVIEW_MAX_WARNING)
				abort();
	}
	review_reader_rest(reader);
	return 0;
}
