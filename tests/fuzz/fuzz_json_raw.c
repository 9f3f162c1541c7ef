/* Long JSON in pieces: what json_raw_members() takes apart, json_raw_elements() parses. */
#include "format/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int element(struct json v, void *data)
{
	(void)data;
	return json_kind(v) == JSON_ABSENT;
}

static int member(struct span key, struct span value, void *doc)
{
	(void)key;
	return value.n && value.p[0] == '[' ? json_raw_elements(value, doc, element, NULL, NULL) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_doc *doc = json_doc_new();
	struct json root;
	if (!doc)
		abort();
	/* what the parser takes, the cutter takes too, unless it is deeper or has escapes in its names */
	int rc = json_raw_members(span_bytes(data, size), member, doc, NULL);
	if (rc > 0)
		abort();
	if (rc == RF_EFORMAT && json_parse(doc, span_bytes(data, size), &root, NULL) == 0 && json_kind(root) == JSON_OBJECT &&
	    span_find_byte(span_bytes(data, size), '\\') == SIZE_MAX)
		abort();
	json_doc_free(doc);
	return 0;
}
