/* JSON: what parses is written so that it reads back the same, and its canonical form is a fixed point. */
#include "format/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The canonical form of @v, or false where there is none (a member given twice). */
static bool canonical(struct json v, struct str *ret)
{
	str_reset(ret);
	return json_canonical(v, ret, NULL) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	RF_AUTO_PTR(json_doc) again = json_doc_new();
	RF_AUTO(str) first = STR_INIT(16 * MIB);
	RF_AUTO(str) written = STR_INIT(16 * MIB);
	RF_AUTO(str) second = STR_INIT(16 * MIB);
	struct json v, w;
	struct err err = ERR_INIT;
	if (!doc || !again || json_parse(doc, span_bytes(data, size), &v, &err))
		return 0;
	struct json_out o = json_out(&written, size % 2);
	json_put_value(&o, v);
	if (str_check(&written, "written", NULL) || json_parse(again, str_span(&written), &w, &err))
		abort();
	bool has = canonical(v, &first);
	if (has != canonical(w, &second) || (has && !span_eq(str_span(&first), str_span(&second))))
		abort();
	if (has && (json_parse(again, str_span(&first), &w, &err) || !canonical(w, &second) ||
		    !span_eq(str_span(&first), str_span(&second))))
		abort();
	return 0;
}
