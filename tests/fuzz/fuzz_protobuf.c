/* The protobuf wire: fields tile their message exactly, whatever the nesting; a field written again is found again. */
#include "format/protobuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH 8

static void walk(struct protobuf_reader r, unsigned depth)
{
	struct protobuf_field f;
	struct err err = ERR_INIT;
	uint64_t at = r.base;
	int rc;
	while ((rc = protobuf_next(&r, &f, &err)) == 1) {
		if (f.start != at || f.end <= f.start || f.end > r.base + r.message.n || f.number == 0)
			abort();
		at = f.end;
		if (f.type == PROTOBUF_LEN && depth < DEPTH)
			walk(protobuf_enter(&f), depth + 1);
	}
	if (rc == 0 ? at != r.base + r.message.n
		    : err.offset < (int64_t)at || err.offset > (int64_t)(r.base + r.message.n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span message = span_bytes(data, size);
	RF_AUTO(str) longer = STR_INIT(16 * MIB);
	struct protobuf_field f;
	walk(protobuf_reader(message, 1000), 0);
	if (protobuf_find(message, 0, 14, PROTOBUF_LEN, &f, NULL) >= 0) {
		str_add(&longer, message);
		protobuf_put_bytes(&longer, 14, SPAN("stamp"));
		if (protobuf_find(str_span(&longer), 0, 14, PROTOBUF_LEN, &f, NULL) != 1 ||
		    !span_eq_text(f.bytes, "stamp"))
			abort();
	}
	return 0;
}
