/* wire: what is put is read, the first failure stays, fields that may not be are refused with their place. */
#include "testing.h"

#include "format/wire.h"

enum { ROW = 3, TABLE, FIELDS };
static const struct wire_field fields[FIELDS] = { [WIRE_FORMAT] = { "format", 1, PROTOBUF_VARINT },
						  [WIRE_TEXT] = { "text", 4, PROTOBUF_LEN },
						  [ROW] = { "row", 2, PROTOBUF_LEN },
						  [TABLE] = { "table", 1, PROTOBUF_LEN } };

static void there_and_back(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct wire_out w = wire_out(KIB);
	RF_AUTO(str) bytes = STR_INIT(KIB);
	wire_put_number(&w, UINT64_MAX);
	wire_put_moment(&w, USEC_NONE);
	wire_put_moment(&w, -1);
	wire_put_real(&w, -1.5);
	wire_put_text(&w, SPAN("one"));
	wire_put_text(&w, SPAN_NONE);
	wire_put_text(&w, SPAN("one"));
	wire_put_bytes(&w, SPAN("raw"));
	wire_put_end(&w, ROW);
	assert_int_equal(w.text_count, 1); /* kept once */
	assert_ok(wire_write(&w, 7, &bytes, "test", &err), &err);
	wire_out_release(&w);

	size_t counts[FIELDS];
	assert_ok(wire_count(str_span(&bytes), fields, FIELDS, 7, counts, &err), &err);
	assert_true(counts[WIRE_FORMAT] == 1 && counts[WIRE_TEXT] == 1 && counts[ROW] == 1 && counts[TABLE] == 0);
	struct protobuf_field f;
	const struct span texts[] = { SPAN("one") };
	assert_int_equal(protobuf_find(str_span(&bytes), 0, ROW, PROTOBUF_LEN, &f, &err), 1);
	struct wire_in in = { .row = protobuf_enter(&f), .texts = texts, .text_count = 1, .err = &err };
	assert_true(wire_number(&in, UINT64_MAX, "a") == UINT64_MAX);
	assert_true(wire_moment(&in, "b") == USEC_NONE && wire_moment(&in, "c") == -1 && wire_real(&in, "d") == -1.5);
	assert_true(span_eq_text(wire_text(&in, "e"), "one") && !wire_text(&in, "f").n && span_eq_text(wire_text(&in, "g"), "one"));
	assert_true(wire_more(&in));
	assert_true(span_eq_text(wire_bytes(&in, 3, "h"), "raw"));
	wire_end(&in);
	assert_true(!in.failed && !wire_more(&in));
	/* behind the end nothing is read, and the first failure stays */
	assert_false(wire_flag(&in, "last"));
	assert_int_equal(in.failed, RF_EFORMAT);
	assert_non_null(strstr(err.text, "last is missing"));
	assert_int_equal(wire_number(&in, 9, "later"), 0);
	assert_non_null(strstr(err.text, "last is missing"));
}

static void refused(void **state)
{
	(void)state;
	static const struct {
		struct span bytes;
		int code;
		int64_t offset;
		const char *words;
	} cases[] = {
		{ { "\x08\x06", 2 }, RF_EUNSUPPORTED, 0, "format 6" },
		{ { "\x12\x01x", 3 }, RF_EFORMAT, 0, "text is out of order" },
		{ { "\x08\x07\x08\x07", 4 }, RF_ETOOMANY, 2, "more than 1 of format" },
		{ { "\x08\x07\x1a\x00\x12\x01x", 7 }, RF_EFORMAT, 4, "text is out of order" },
		{ { "\x08\x07\x1a\x00\x1a\x00\x1a\x00", 8 }, RF_ETOOMANY, 6, "more than 2 of row" },
		{ { "\x08\x07\x2a\x00", 4 }, RF_EFORMAT, 2, "field 5" },
		{ { "\x08\x07\x18\x00", 4 }, RF_EFORMAT, 2, "another type" },
		{ { "\x08\x07\x1a\x05x", 5 }, RF_EFORMAT, 3, "length of 5" },
	};
	size_t counts[FIELDS];
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct err err = ERR_INIT;
		int rc = wire_count(cases[i].bytes, fields, FIELDS, 7, counts, &err);
		if (rc != cases[i].code || err.offset != cases[i].offset || !strstr(err.text, cases[i].words))
			fail_msg("case %zu: %s, offset %lld: %s", i, rf_error_name(rc), (long long)err.offset, err.text);
	}
}

static void limits(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct wire_out w = wire_out(8);
	RF_AUTO(str) bytes = STR_INIT(KIB);
	wire_put_text(&w, SPAN("longer than eight bytes"));
	wire_put_end(&w, ROW);
	assert_int_equal(wire_write(&w, 1, &bytes, "test", &err), RF_ETOOBIG);
	wire_out_release(&w);
	/* numbers that cannot be */
	struct wire_in in = { .row = protobuf_reader(SPAN("\x05\x00\x00\x00\x00\x00\x00\xf8\x7f"), 10), .err = &err };
	assert_int_equal(wire_number(&in, 4, "small"), 0);
	assert_true(in.failed == RF_EFORMAT && err.offset == 11 && strstr(err.text, "small is larger"));
	in = (struct wire_in){ .row = protobuf_reader(SPAN("\x80\x80\x80\x80\x80\x80\x80\xfc\xff\x01"), 0), .err = &err };
	assert_true(wire_real(&in, "score") == 0 && in.failed == RF_EFORMAT && strstr(err.text, "finite"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(there_and_back), cmocka_unit_test(refused), cmocka_unit_test(limits) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
