/* span: numbers, splitting, UTF-8 */
#include "testing.h"

#include "base/span.h"

static void numbers(void **state)
{
	(void)state;
	static const struct { const char *text; bool good; int64_t value; } cases[] = {
		{ "0", true, 0 }, { "9223372036854775807", true, INT64_MAX }, { "-9223372036854775808", true, INT64_MIN },
		{ "9223372036854775808", false, 0 }, { "-9223372036854775809", false, 0 }, { "", false, 0 }, { "-", false, 0 },
		{ "+1", false, 0 }, { " 1", false, 0 }, { "1x", false, 0 }, { "0x1", false, 0 },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		int64_t v = 7;
		assert_int_equal(span_i64(span_of(cases[i].text), &v), cases[i].good);
		assert_true(v == (cases[i].good ? cases[i].value : 7));
	}
	uint64_t u;
	assert_true(span_u64(SPAN("18446744073709551615"), &u) && u == UINT64_MAX);
	assert_false(span_u64(SPAN("18446744073709551616"), &u));
	assert_false(span_u64(SPAN("-1"), &u));
}

static void doubles(void **state)
{
	(void)state;
	double v;
	assert_true(span_double(SPAN("1e-4"), &v) && v > 0.99e-4 && v < 1.01e-4);
	assert_true(span_double(SPAN("-0.5"), &v) && v < -0.49 && v > -0.51);
	static const char *const bad[] = { "", "nan", "inf", "0x1p3", "1e999", "1.2.3", "e", "1 " };
	for (size_t i = 0; i < RF_COUNT(bad); i++)
		assert_false(span_double(span_of(bad[i]), &v));
}

static void splitting(void **state)
{
	(void)state;
	struct span rest = SPAN("a,,b,"), part;
	static const char *const parts[] = { "a", "", "b", "" };
	for (size_t i = 0; i < RF_COUNT(parts); i++) {
		assert_true(span_split(&rest, ',', &part));
		assert_true(span_eq_text(part, parts[i]));
	}
	assert_false(span_split(&rest, ',', &part));
	rest = SPAN("one\r\n\ntwo");
	static const char *const lines[] = { "one", "", "two" };
	for (size_t i = 0; i < RF_COUNT(lines); i++) {
		assert_true(span_line(&rest, &part));
		assert_true(span_eq_text(part, lines[i]));
	}
	assert_false(span_line(&rest, &part));
}

static void cutting(void **state)
{
	static const struct {
		const char *text;
		size_t most;
		const char *want;
	} rows[] = { { "", 3, "" },	      { "abc", 3, "abc" },  { "abcd", 3, "abc" },	{ "abc", 0, "" },
		     { "a\xc3\xa4", 2, "a" }, { "a\xc3\xa4", 3, "a\xc3\xa4" }, { "\xe2\x82\xac!", 2, "" },
		     { "\x80\x80\x80", 2, "" } };
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		assert_true(span_eq_text(span_cut(span_of(rows[i].text), rows[i].most), rows[i].want));
	assert_int_equal(span_cut(SPAN_NONE, 4).n, 0);
}

static void utf8(void **state)
{
	(void)state;
	static const struct { const char *bytes; size_t n; bool good; } cases[] = {
		{ "plain", 5, true }, { "\xe6\xbc\x8f\xe6\xb4\x9e", 6, true }, { "\xf0\x9f\x94\x91", 4, true },
		{ "\xc0\x80", 2, false }, { "\xed\xa0\x80", 3, false }, { "\xf4\x90\x80\x80", 4, false }, { "\xe6\xbc", 2, false },
		{ "\x80", 1, false }, { "\xe0\x80\x80", 3, false }, { "", 0, true },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++)
		assert_int_equal(span_is_utf8(span_bytes(cases[i].bytes, cases[i].n)), cases[i].good);
}

static void searching(void **state)
{
	(void)state;
	struct span s = SPAN("releases/voice/model.onnx");
	assert_true(span_starts(s, "releases/") && span_ends(s, ".onnx") && !span_ends(SPAN("x"), ".onnx"));
	assert_int_equal(span_find(s, SPAN("voice")), 9);
	assert_true(span_find(s, SPAN("none")) == SIZE_MAX);
	assert_int_equal(span_rfind_byte(s, '/'), 14);
	assert_true(span_eq_text(span_trim(SPAN(" \t v10.16.1 \r\n")), "v10.16.1"));
	assert_true(span_eq_text(span_sub(s, 9, 5), "voice") && span_sub(s, 999, 5).n == 0);
	assert_true(span_compare(SPAN("a"), SPAN("ab")) < 0 && span_compare(SPAN("b"), SPAN("ab")) > 0);
	unsigned char b[8];
	put_le64(b, 0x0102030405060708u);
	assert_true(b[0] == 8 && le64(b) == 0x0102030405060708u && le16(b) == 0x0708 && le32(b + 4) == 0x01020304);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers), cmocka_unit_test(doubles), cmocka_unit_test(splitting), cmocka_unit_test(utf8), cmocka_unit_test(cutting), cmocka_unit_test(searching),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
