/* Protocol buffers' text format: what is read, and every refusal with its line. */
#include "testing.h"

#include "base/str.h"
#include "format/textproto.h"

/* name=text, name{...}; strings in quotes: one line for comparing */
static void show(struct str *to, const struct textproto *list)
{
	for (; list; list = list->next) {
		str_addf(to, "%.*s", SPAN_ARG(list->name));
		if (list->kind == TEXTPROTO_MESSAGE) {
			str_add_text(to, "{");
			show(to, list->fields);
			str_add_text(to, "}");
		} else if (list->kind == TEXTPROTO_STRING) {
			str_add_text(to, "='");
			str_add_visible(to, list->text);
			str_add_text(to, "' ");
		} else {
			str_addf(to, "=%.*s ", SPAN_ARG(list->text));
		}
	}
}

static void reads(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "" },
		{ "# only a comment", "" },
		{ "a: 1", "a=1 " },
		{ "a: 1 b: -2.5e-3f, c: inf; d: TYPE_FP32", "a=1 b=-2.5e-3f c=inf d=TYPE_FP32 " },
		{ "a : - 7", "a=-7 " },
		{ "a { b: 1 } a < b: 2 > c: { }", "a{b=1 }a{b=2 }c{}" },
		{ "a: [1, 2,3] b: [] c: [ { d: 1 }, <d: 2> ]", "a=1 a=2 a=3 c{d=1 }c{d=2 }" },
		{ "c [ { d: 1 }, { } ]", "c{d=1 }c{}" },
		{ "dims: [ -1, 3 ]", "dims=-1 dims=3 " },
		{ "s: \"a\" 'b'\n \"c\"", "s='abc' " },
		{ "s: \"\\n\\t\\\\\\\"\\'\\101\\x41\\u00e9\\U0001F600\"", "s='\\n\\t\\\"'AAé😀' " },
		{ "[pkg.ext]: 3 [type.example.com/pkg.Msg] { a: 1 }", "[pkg.ext]=3 [type.example.com/pkg.Msg]{a=1 }" },
		{ "a: 1 # comment\n# another\nb: \"#no\"", "a=1 b='#no' " },
		{ "\xEF\xBB\xBF" "a: true", "a=true " },
		{ "a: 0x1F", "a=0x1F " },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
		RF_AUTO(str) got = STR_INIT(64 * KIB);
		struct err err = ERR_INIT;
		const struct textproto *list = NULL;
		assert_ok(textproto_parse(span_of(rows[i].text), "x.pbtxt", &a, &list, &err), &err);
		show(&got, list);
		assert_string_equal(str_text(&got), rows[i].want);
	}
}

static void refuses(void **state)
{
	static const struct {
		const char *text;
		int code;
		int64_t line;
	} rows[] = {
		{ "a", RF_ETRUNCATED, 1 },
		{ "a:", RF_ETRUNCATED, 1 },
		{ "a 1", RF_EFORMAT, 1 },
		{ "\n\na: }", RF_EFORMAT, 3 },
		{ "a {", RF_ETRUNCATED, 1 },
		{ "a { b: 1 >", RF_EFORMAT, 1 },
		{ "a: [1 2]", RF_EFORMAT, 1 },
		{ "a: [1,", RF_ETRUNCATED, 1 },
		{ "a: [[1]]", RF_EFORMAT, 1 },
		{ "a [1]", RF_EFORMAT, 1 },
		{ "a: \"x", RF_ETRUNCATED, 1 },
		{ "a: \"x\ny\"", RF_EFORMAT, 1 },
		{ "a: \"\\q\"", RF_EFORMAT, 1 },
		{ "a: \"\\x\"", RF_EFORMAT, 1 },
		{ "a: \"\\777\"", RF_EFORMAT, 1 },
		{ "a: \"\\ud800\"", RF_EFORMAT, 1 },
		{ "a: \"\\U00110000\"", RF_EFORMAT, 1 },
		{ "[a: 1", RF_EFORMAT, 1 },
		{ "1: 2", RF_EFORMAT, 1 },
		{ "}", RF_EFORMAT, 1 },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
		struct err err = ERR_INIT;
		const struct textproto *list = NULL;
		int rc = textproto_parse(span_of(rows[i].text), "x.pbtxt", &a, &list, &err);
		if (rc != rows[i].code || err.line != rows[i].line)
			fail_msg("%s: %s, line %lld", rows[i].text, rf_error_name(rc), (long long)err.line);
		assert_string_equal(err.file, "x.pbtxt");
	}
}

static void is_bounded(void **state)
{
	RF_AUTO(str) deep = STR_INIT(1 * MIB), many = STR_INIT(8 * MIB);
	RF_AUTO(arena) a = ARENA_INIT(256 * MIB);
	const struct textproto *list;
	(void)state;
	for (int i = 0; i < 100000; i++)
		str_add_text(&deep, "a{");
	assert_int_equal(textproto_parse(str_span(&deep), NULL, &a, &list, NULL), RF_ETOOBIG);
	for (int i = 0; i <= TEXTPROTO_MAX_FIELDS; i++)
		str_add_text(&many, "a:1 ");
	assert_int_equal(textproto_parse(str_span(&many), NULL, &a, &list, NULL), RF_ETOOMANY);
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t value;
	} rows[] = {
		{ "0", true, 0 },      { "-1", true, -1 },  { "9223372036854775807", true, INT64_MAX },
		{ "-9223372036854775808", true, INT64_MIN },  { "9223372036854775808", false, 0 },
		{ "0x7fffffffffffffff", true, INT64_MAX },    { "0x", false, 0 },  { "017", true, 15 }, { "08", false, 0 },
		{ "1.5", false, 0 },   { "abc", false, 0 },   { "18446744073709551616", false, 0 },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct textproto f = { .kind = TEXTPROTO_TOKEN, .text = span_of(rows[i].text) };
		int64_t v = 0;
		if (textproto_i64(&f, &v) != rows[i].good || v != rows[i].value)
			fail_msg("%s: %lld", rows[i].text, (long long)v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads), cmocka_unit_test(refuses), cmocka_unit_test(is_bounded),
					    cmocka_unit_test(numbers) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
