/* stamp - ModelProto, top level only. */
#include "stamp.h"

#include "format/protobuf.h"

enum { MODEL_GRAPH = 7, MODEL_METADATA = 14, ENTRY_KEY = 1, ENTRY_VALUE = 2 };
/* ModelProto ends at field 25 (functions) in ONNX 1.12 and 26 in 1.17; room for those to come. Any text file is protobuf of
 * some kind; this tells it apart. */
#define MODEL_LAST_FIELD 1000

/* An entry that cannot be read is not ours: it stays, and the toolchain judges it. */
static bool is_stamp(const struct protobuf_field *entry)
{
	struct protobuf_field key;
	struct err ignored = ERR_INIT;
	return protobuf_find(entry->bytes, 0, ENTRY_KEY, PROTOBUF_LEN, &key, &ignored) == 1 && span_starts(key.bytes, STAMP_PREFIX);
}

static int add_stamp(struct str *to, const struct stamp *s, struct err *err)
{
	if (!span_starts(s->key, STAMP_PREFIX) || s->key.n > STAMP_MAX_TEXT || s->value.n > STAMP_MAX_TEXT ||
	    !span_is_utf8(s->key) || !span_is_utf8(s->value))
		return err_set(err, RF_EINVALID, "a stamp's key begins with \"" STAMP_PREFIX "\"; key and value are UTF-8 of at "
			       "most %d bytes", STAMP_MAX_TEXT);
	RF_AUTO(str) entry = STR_INIT(4 * KIB);
	protobuf_put_bytes(&entry, ENTRY_KEY, s->key);
	protobuf_put_bytes(&entry, ENTRY_VALUE, s->value);
	protobuf_put_bytes(to, MODEL_METADATA, str_span(&entry));
	return str_check(&entry, "stamp", err);
}

int stamp_model(struct span model, const struct stamp *stamps, size_t count, struct str *ret, struct err *err)
{
	if (model.n == 0)
		return err_set(err, RF_ETRUNCATED, "no ONNX model: the file is empty");
	bool graph = false;
	size_t keep_from = 0;
	struct protobuf_reader r = protobuf_reader(model, 0);
	struct protobuf_field f;
	int rc;
	while ((rc = protobuf_next(&r, &f, err)) == 1) {
		if (f.number > MODEL_LAST_FIELD) {
			err_set(err, RF_EFORMAT, "no ONNX model: field %u at the top level", f.number);
			return err_at_offset(err, f.start);
		}
		graph = graph || (f.number == MODEL_GRAPH && f.type == PROTOBUF_LEN);
		if (f.number == MODEL_METADATA && f.type == PROTOBUF_LEN && is_stamp(&f)) {
			str_add(ret, span_sub(model, keep_from, (size_t)f.start - keep_from));
			keep_from = (size_t)f.end;
		}
	}
	if (rc < 0)
		return err_prefix(err, "no ONNX model, or one cut short: ");
	if (!graph)
		return err_set(err, RF_EFORMAT, "no ONNX model: it has no graph (ModelProto field 7)");
	str_add(ret, span_from(model, keep_from));
	for (size_t i = 0; i < count; i++) {
		rc = add_stamp(ret, &stamps[i], err);
		if (rc != 0)
			return rc;
	}
	return str_check(ret, "stamped model", err);
}
