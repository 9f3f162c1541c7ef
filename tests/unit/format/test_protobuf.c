/* protobuf: each wire type, each refusal with its offset, appending to a finished message. */
#include "testing.h"

#include "format/protobuf.h"

static void reads_each_type(void **state)
{
	(void)state;
	struct span m = SPAN("\x08\x96\x01"
			     "\x12\x03"
			     "abc"
			     "\x19\x01\x00\x00\x00\x00\x00\x00\x80"
			     "\x25\x02\x00\x00\x00"
			     "\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
			     "\x32\x00");
	struct protobuf_reader r = protobuf_reader(m, 100);
	struct protobuf_field f;
	struct err err = ERR_INIT;
	assert_int_equal(protobuf_next(&r, &f, &err), 1);
	assert_true(f.number == 1 && f.type == PROTOBUF_VARINT && f.value == 150 && f.start == 100 && f.end == 103);
	assert_int_equal(protobuf_next(&r, &f, &err), 1);
	assert_true(f.number == 2 && span_eq_text(f.bytes, "abc") && f.end == 108);
	struct protobuf_reader inner = protobuf_enter(&f);
	assert_int_equal(inner.base, 105);
	assert_int_equal(protobuf_next(&r, &f, &err), 1);
	assert_true(f.number == 3 && f.value == 0x8000000000000001);
	assert_int_equal(protobuf_next(&r, &f, &err), 1);
	assert_true(f.number == 4 && f.value == 2);
	assert_int_equal(protobuf_next(&r, &f, &err), 1);
	assert_true(f.number == 5 && f.value == UINT64_MAX && protobuf_int32(f.value) == -1 &&
		    protobuf_sint(f.value) == INT64_MIN);
	assert_int_equal(protobuf_next(&r, &f, &err), 1);
	assert_true(f.number == 6 && f.bytes.n == 0);
	assert_int_equal(protobuf_next(&r, &f, &err), 0);
	assert_true(protobuf_sint(1) == -1 && protobuf_sint(2) == 1 && protobuf_sint(0) == 0);
}

static void refuses_with_offset(void **state)
{
	(void)state;
	static const struct {
		struct span m;
		int64_t offset;
		const char *words;
	} cases[] = {
		{ { "\x08", 1 }, 1, "varint ends" },
		{ { "\x08\x80", 2 }, 2, "varint ends" },
		{ { "\x80", 1 }, 1, "varint ends" },
		{ { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11 }, 1, "longer than 64" },
		{ { "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12 }, 1, "longer than 64" },
		{ { "\x00\x01", 2 }, 0, "field number" },
		{ { "\x80\x80\x80\x80\x10\x01", 6 }, 0, "field number" },
		{ { "\x0b", 1 }, 0, "group" },
		{ { "\x0c", 1 }, 0, "group" },
		{ { "\x0e", 1 }, 0, "does not exist" },
		{ { "\x0f", 1 }, 0, "does not exist" },
		{ { "\x0a\x04"
		    "abc",
		    5 },
		  1,
		  "length of 4" },
		{ { "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 }, 1, "length of 18446744073709551615" },
		{ { "\x09\x01\x02\x03", 4 }, 1, "64-bit" },
		{ { "\x0d\x01\x02\x03", 4 }, 1, "32-bit" },
		{ { "\x08\x01\x12\x05zz", 6 }, 3, "length of 5" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct protobuf_reader r = protobuf_reader(cases[i].m, 0);
		struct protobuf_field f;
		struct err err = ERR_INIT;
		int rc;
		while ((rc = protobuf_next(&r, &f, &err)) == 1)
			;
		if (rc != RF_EFORMAT || err.offset != cases[i].offset || !strstr(err.text, cases[i].words))
			fail_msg("case %zu: %d, offset %lld: %s", i, rc, (long long)err.offset, err.text);
	}
}

static void finds_the_last(void **state)
{
	(void)state;
	struct span m = SPAN("\x0a\x01"
			     "a"
			     "\x10\x05"
			     "\x0a\x01"
			     "b");
	struct protobuf_field f;
	struct err err = ERR_INIT;
	assert_int_equal(protobuf_find(m, 0, 1, PROTOBUF_LEN, &f, &err), 1);
	assert_true(span_eq_text(f.bytes, "b"));
	assert_int_equal(protobuf_find(m, 0, 3, PROTOBUF_LEN, &f, &err), 0);
	assert_int_equal(protobuf_find(m, 0, 2, PROTOBUF_LEN, &f, &err), RF_EFORMAT);
	assert_int_equal(err.offset, 3);
}

static void appends(void **state)
{
	(void)state;
	RF_AUTO(str) pair = STR_INIT(KIB);
	RF_AUTO(str) model = STR_INIT(KIB);
	protobuf_put_bytes(&pair, 1, SPAN("reforge.toolchain"));
	protobuf_put_bytes(&pair, 2, SPAN("onnxruntime"));
	protobuf_put_varint(&model, 1, 300);
	protobuf_put_bytes(&model, 14, str_span(&pair));
	struct protobuf_field f;
	struct err err = ERR_INIT;
	assert_int_equal(protobuf_find(str_span(&model), 0, 1, PROTOBUF_VARINT, &f, &err), 1);
	assert_int_equal(f.value, 300);
	assert_int_equal(protobuf_find(str_span(&model), 0, 14, PROTOBUF_LEN, &f, &err), 1);
	assert_int_equal(protobuf_find(f.bytes, 0, 2, PROTOBUF_LEN, &f, &err), 1);
	assert_true(span_eq_text(f.bytes, "onnxruntime"));
	static const struct {
		uint64_t v;
		size_t n;
	} sizes[] = { { 0, 1 }, { 127, 1 }, { 128, 2 }, { UINT64_MAX, 10 } };
	for (size_t i = 0; i < RF_COUNT(sizes); i++) {
		str_reset(&pair);
		protobuf_put_raw_varint(&pair, sizes[i].v);
		assert_int_equal(pair.n, sizes[i].n);
		assert_int_equal(protobuf_varint_size(sizes[i].v), sizes[i].n);
	}
}

static void reads_packed_numbers(void **state)
{
	(void)state;
	struct protobuf_field f;
	struct err err = ERR_INIT;
	uint64_t v;
	assert_int_equal(protobuf_find(SPAN("\x0a\x04\x03\x96\x01\x80"), 10, 1, PROTOBUF_LEN, &f, &err), 1);
	struct protobuf_reader r = protobuf_enter(&f);
	assert_int_equal(protobuf_next_varint(&r, &v, &err), 1);
	assert_int_equal(v, 3);
	assert_int_equal(protobuf_next_varint(&r, &v, &err), 1);
	assert_int_equal(v, 150);
	assert_int_equal(protobuf_next_varint(&r, &v, &err), RF_EFORMAT);
	assert_int_equal(err.offset, 16);
	r = protobuf_reader(SPAN_NONE, 0);
	assert_int_equal(protobuf_next_varint(&r, &v, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads_each_type), cmocka_unit_test(refuses_with_offset),
					    cmocka_unit_test(finds_the_last), cmocka_unit_test(appends),
					    cmocka_unit_test(reads_packed_numbers) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
