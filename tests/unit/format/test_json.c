/* json: what is read, what is refused and where, what is written. */
#include "testing.h"

#include "base/time.h"
#include "format/json.h"

#include <math.h>

static struct json_doc *doc;

static int set_up(void **state)
{
	(void)state;
	doc = json_doc_new();
	return doc ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	json_doc_freep(&doc);
	return 0;
}

static struct json parsed(const char *text)
{
	struct json v;
	struct err err = ERR_INIT;
	assert_ok(json_parse(doc, span_of(text), &v, &err), &err);
	return v;
}

static void reads_every_kind(void **state)
{
	(void)state;
	struct json v = parsed(
		"\xef\xbb\xbf{\"s\":\"\\u00e9\",\"e\":\"\",\"i\":-5,\"u\":18446744073709551615,\"d\":1e-4,\"t\":true,"
		"\"z\":null,\"a\":[1,[2,{}],3],\"o\":{\"k\":{\"deep\":7}},\"s\":\"second\"}");
	assert_int_equal(json_kind(v), JSON_OBJECT);
	assert_int_equal(json_count(v), 10);
	assert_true(span_eq_text(json_string(json_get(v, "s")), "\xc3\xa9"));
	assert_non_null(json_string(json_get(v, "e")).p);
	assert_int_equal(json_string(json_get(v, "e")).n, 0);
	int64_t i;
	uint64_t u;
	double d;
	bool b;
	assert_true(json_i64(json_get(v, "i"), &i) && i == -5);
	assert_false(json_u64(json_get(v, "i"), &u));
	assert_true(json_u64(json_get(v, "u"), &u) && u == UINT64_MAX);
	assert_false(json_i64(json_get(v, "u"), &i));
	assert_true(json_double(json_get(v, "d"), &d) && d == 1e-4);
	assert_true(json_double(json_get(v, "i"), &d) && d == -5);
	assert_true(json_bool(json_get(v, "t"), &b) && b);
	assert_int_equal(json_kind(json_get(v, "z")), JSON_NULL);
	assert_int_equal(json_count(json_get(v, "a")), 3);
	assert_true(json_i64(json_path(v, "o", "k", "deep", NULL), &i) && i == 7);
	assert_int_equal(json_kind(json_path(v, "o", "x", "deep", NULL)), JSON_ABSENT);
	assert_null(json_string(json_get(v, "i")).p);
	assert_int_equal(json_kind((struct json){ 0 }), JSON_ABSENT);
	assert_int_equal(json_count(json_get(v, "d")), 0);
}

static void walks_in_order(void **state)
{
	(void)state;
	struct json v = parsed("[{\"a\":1,\"b\":[[],{}]},2.5,\"x\"]");
	static const enum json_kind kinds[] = { JSON_OBJECT, JSON_DOUBLE, JSON_STRING };
	size_t n = 0;
	for (struct json_each it = json_each(v); json_next(&it); n++)
		assert_int_equal(json_kind(it.value), kinds[n]);
	assert_int_equal(n, 3);
	struct json_each none = json_each((struct json){ 0 });
	assert_false(json_next(&none));
}

static void refuses_with_the_place(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t offset, line;
		const char *words;
	} cases[] = {
		{ "", -1, 0, "empty" },
		{ " \n", -1, 0, "empty" },
		{ "{\"a\":1,}", 7, 1, "unexpected byte 0x7d" },
		{ "[1,\n2\n 3]", 7, 3, "0x33" },
		{ "[1] x", 4, 1, "0x78" },
		{ "[1][2]", 3, 1, "0x5b" },
		{ "\"abc", 4, 1, "ends in the middle" },
		{ "{\"a\":[1,2", 9, 1, "ends in the middle" },
		{ "[01]", 2, 1, "0x31" },
		{ "[1.]", 3, 1, "0x5d" },
		{ "[+1]", 1, 1, "0x2b" },
		{ "[NaN]", 1, 1, "0x4e" },
		{ "['a']", 1, 1, "0x27" },
		{ "[\"\\x\"]", 3, 1, "0x78" },
		{ "[\"\xff\"]", 2, 1, "0xff" },
		{ "[\"\xed\xa0\x80\"]", 2, 1, "0xed" },
		{ "[\"a\nb\"]", 3, 1, "0x0a" },
		{ "[123456789012345678901234567890]", -1, 0, "not JSON" },
		{ "{\"a\" 1}", 5, 1, "0x31" },
		{ "{1:2}", 1, 1, "0x31" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct err err = ERR_INIT;
		struct json v;
		assert_int_equal(json_parse(doc, span_of(cases[i].text), &v, &err), RF_EFORMAT);
		if (err.offset != cases[i].offset || err.line != cases[i].line || !strstr(err.text, cases[i].words))
			fail_msg("%s: offset %lld line %lld: %s", cases[i].text, (long long)err.offset,
				 (long long)err.line, err.text);
	}
	(void)parsed("{\"works\":\"again\"}");
}

static void limits_depth_and_size(void **state)
{
	(void)state;
	char text[2 * (JSON_MAX_DEPTH + 1) + 1] = { 0 };
	memset(text, '[', JSON_MAX_DEPTH);
	memset(text + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
	(void)parsed(text);
	memset(text, '[', JSON_MAX_DEPTH + 1);
	memset(text + JSON_MAX_DEPTH + 1, ']', JSON_MAX_DEPTH + 1);
	struct err err = ERR_INIT;
	struct json v;
	assert_int_equal(json_parse(doc, span_bytes(text, sizeof text - 1), &v, &err), RF_EFORMAT);
	assert_non_null(strstr(err.text, "deeper than 64"));
	assert_int_equal(err.offset, JSON_MAX_DEPTH);
	assert_int_equal(json_parse(doc, (struct span){ text, JSON_MAX_BYTES + 1 }, &v, &err), RF_ETOOBIG);
	assert_int_equal(json_parse(doc, SPAN("{"), &v, NULL), RF_EFORMAT);
}

static void writes_compact(void **state)
{
	(void)state;
	RF_AUTO(str) s = STR_INIT(64 * KIB);
	struct json_out o = json_out(&s, false);
	json_object(&o);
	json_member(&o, "text", "q\" b\\ n\n \x01 \xc3\xa9");
	json_member(&o, "none", NULL);
	json_member_span(&o, "bad", span_bytes("a\xff\xc0\x80z\xe2\x82", 7));
	json_member_i64(&o, "i", INT64_MIN);
	json_member_u64(&o, "u", UINT64_MAX);
	json_member_bool(&o, "b", true);
	json_member_time(&o, "t", 0);
	json_member_time(&o, "no", USEC_NONE);
	json_key(&o, "a");
	json_array(&o);
	json_putf(&o, "%d.%d", 1, 21);
	json_put_raw(&o, SPAN("{\"x\":1}"));
	json_array(&o);
	json_array_end(&o);
	json_array_end(&o);
	json_object_end(&o);
	assert_string_equal(str_text(&s),
			    "{\"text\":\"q\\\" b\\\\ n\\n \\u0001 \xc3\xa9\",\"none\":null,"
			    "\"bad\":\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\","
			    "\"i\":-9223372036854775808,\"u\":18446744073709551615,\"b\":true,"
			    "\"t\":\"1970-01-01T00:00:00.000000Z\",\"no\":null,\"a\":[\"1.21\",{\"x\":1},[]]}");
	(void)parsed(str_text(&s));
}

static void writes_pretty(void **state)
{
	(void)state;
	RF_AUTO(str) s = STR_INIT(64 * KIB);
	struct json_out o = json_out(&s, true);
	json_put_value(&o, parsed("{\"a\":[1,{}],\"b\":{\"c\":[]}}"));
	assert_string_equal(str_text(&s), "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\n    \"c\": []\n  }\n}");
}

static void writes_doubles_that_read_back(void **state)
{
	(void)state;
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ -0.0, "-0.0" },
		{ 1, "1" },
		{ 0.1, "0.1" },
		{ 1e-4, "0.0001" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 5e-324, "4.94065645841247e-324" },
		{ 1e300, "1e+300" },
		{ NAN, "null" },
		{ INFINITY, "null" },
		{ 9007199254740993.0, "9007199254740992" },
		{ 123456789.125, "123456789.125" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		RF_AUTO(str) s = STR_INIT(KIB);
		struct json_out o = json_out(&s, false);
		json_put_double(&o, cases[i].value);
		assert_string_equal(str_text(&s), cases[i].text);
		double back;
		if (isfinite(cases[i].value))
			assert_true(json_double(parsed(str_text(&s)), &back) && back == cases[i].value);
	}
}

static void canonical_form(void **state)
{
	(void)state;
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{ "{ \"b\" : 1.0, \"a\": [ 2e0, -0.0 ], \"B\":\"x\\u0041\" }", "{\"B\":\"xA\",\"a\":[2,0],\"b\":1}" },
		{ "{\"a\":{\"z\":null,\"y\":{}}}", "{\"a\":{\"y\":{},\"z\":null}}" },
		{ "{\"aa\":1,\"a\":2}", "{\"a\":2,\"aa\":1}" },
		{ "\"x\"", "\"x\"" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		RF_AUTO(str) s = STR_INIT(KIB);
		struct err err = ERR_INIT;
		assert_ok(json_canonical(parsed(cases[i].text), &s, &err), &err);
		assert_string_equal(str_text(&s), cases[i].canonical);
	}
	RF_AUTO(str) s = STR_INIT(KIB);
	struct err err = ERR_INIT;
	assert_int_equal(json_canonical(parsed("{\"a\":{\"k\":1,\"k\":1}}"), &s, &err), RF_EFORMAT);
	assert_string_equal(err.field, "k");
}

static void writer_stops_at_its_limits(void **state)
{
	(void)state;
	RF_AUTO(str) small = STR_INIT(8);
	struct json_out o = json_out(&small, false);
	json_put_text(&o, "longer than eight");
	struct err err = ERR_INIT;
	assert_int_equal(str_check(&small, "answer", &err), RF_ETOOBIG);

	RF_AUTO(str) deep = STR_INIT(64 * KIB);
	o = json_out(&deep, false);
	for (int i = 0; i < JSON_MAX_DEPTH + 5; i++)
		json_array(&o);
	for (int i = 0; i < JSON_MAX_DEPTH + 5; i++)
		json_array_end(&o);
	assert_int_equal(str_check(&deep, "answer", &err), RF_ETOOBIG);
}

static void members_twice(void **state)
{
	(void)state;
	static const char *const names[] = { "name", "version" };
	static const struct {
		const char *text, *twice;
	} rows[] = {
		{ "{\"name\":1,\"version\":2,\"x\":3,\"x\":4}", NULL }, { "{\"version\":1,\"name\":2,\"version\":null}", "version" },
		{ "{\"a\":{\"name\":1},\"b\":{\"name\":1}}", NULL },    { "{\"name\":1,\"n\\u0061me\":1}", "name" },
		{ "[\"name\",\"name\"]", NULL },
	};
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		const char *twice = json_twice(parsed(rows[i].text), names, RF_COUNT(names));
		if (twice != NULL ? !rows[i].twice || strcmp(twice, rows[i].twice) != 0 : rows[i].twice != NULL)
			fail_msg("%s: %s", rows[i].text, twice ? twice : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_twice),
		cmocka_unit_test(reads_every_kind),
		cmocka_unit_test(walks_in_order),
		cmocka_unit_test(refuses_with_the_place),
		cmocka_unit_test(limits_depth_and_size),
		cmocka_unit_test(writes_compact),
		cmocka_unit_test(writes_pretty),
		cmocka_unit_test(writes_doubles_that_read_back),
		cmocka_unit_test(canonical_form),
		cmocka_unit_test(writer_stops_at_its_limits),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
