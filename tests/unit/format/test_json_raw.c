/* Long documents in pieces: members and elements, and what is refused. */
#include "testing.h"

#include "format/json.h"

struct seen {
	struct str text;
	struct json_doc *doc;
	size_t elements;
	int64_t sum;
};

static int member(struct span key, struct span value, void *data)
{
	struct seen *s = data;
	str_addf(&s->text, "%.*s=%.*s;", SPAN_ARG(key), SPAN_ARG(value));
	return 0;
}

static int element(struct json v, void *data)
{
	struct seen *s = data;
	int64_t n;
	s->elements++;
	if (json_i64(json_get(v, "n"), &n))
		s->sum += n;
	return 0;
}

static void test_members(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want; /* want NULL: refused */
		int64_t offset;
	} cases[] = {
		{ "{}", "", 0 },
		{ " { \"a\" : 1 , \"b\":[1,{\"x\":\"]}\"}] }\n", "a=1;b=[1,{\"x\":\"]}\"}];", 0 },
		{ "\xef\xbb\xbf{\"a\":\"q\\\"\\\\\"}", "a=\"q\\\"\\\\\";", 0 },
		{ "{\"a\":null,\"b\":-1.5e3}", "a=null;b=-1.5e3;", 0 },
		{ "", NULL, 0 },
		{ "[]", NULL, 0 },
		{ "{\"a\":1", NULL, 6 },
		{ "{\"a\":1,}", NULL, 7 },
		{ "{\"a\" 1}", NULL, 5 },
		{ "{\"a\":}", NULL, 5 },
		{ "{a:1}", NULL, 1 },
		{ "{\"a\":[1}", NULL, 7 },
		{ "{\"a\":{\"b\":[}]}", NULL, 11 },
		{ "{\"a\":\"x", NULL, 6 },
		{ "{\"a\":1} x", NULL, 8 },
		{ "{\"\\u0061\":1}", NULL, 9 },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct seen s = { .text = STR_INIT(4 * KIB) };
		struct err err = ERR_INIT;
		int rc = json_raw_members(span_of(cases[i].text), member, &s, &err);
		if (!cases[i].want != (rc == RF_EFORMAT))
			fail_msg("%s: %d", cases[i].text, rc);
		if (cases[i].want)
			assert_string_equal(str_text(&s.text), cases[i].want);
		else if (err.offset != cases[i].offset)
			fail_msg("%s: offset %lld", cases[i].text, (long long)err.offset);
		str_release(&s.text);
	}
}

static void test_depth(void **state)
{
	(void)state;
	for (size_t depth = JSON_RAW_MAX_DEPTH - 1; depth <= JSON_RAW_MAX_DEPTH + 1; depth++) {
		RF_AUTO(str) s = STR_INIT(4 * KIB);
		struct seen seen = { .text = STR_INIT(4 * KIB) };
		struct err err = ERR_INIT;
		str_add_text(&s, "{\"a\":");
		for (size_t i = 0; i < depth; i++)
			str_add_byte(&s, '[');
		for (size_t i = 0; i < depth; i++)
			str_add_byte(&s, ']');
		str_add_byte(&s, '}');
		assert_int_equal(json_raw_members(str_span(&s), member, &seen, &err), depth > JSON_RAW_MAX_DEPTH ? RF_EFORMAT : 0);
		str_release(&seen.text);
	}
}

/* More than one batch: every element is met once, in order. */
static void test_elements(void **state)
{
	(void)state;
	RF_AUTO(str) s = STR_INIT(64 * MIB);
	struct seen seen = { .doc = json_doc_new() };
	struct err err = ERR_INIT;
	str_add_byte(&s, '[');
	int64_t sum = 0;
	for (int64_t i = 0; i < 50000; i++) {
		str_addf(&s, "%s{\"n\":%lld,\"t\":\"a,]}\\\"\"}", i ? " ,\n" : "", (long long)i);
		sum += i;
	}
	str_add_byte(&s, ']');
	assert_ok(json_raw_elements(str_span(&s), seen.doc, element, &seen, &err), &err);
	assert_int_equal(seen.elements, 50000);
	assert_int_equal(seen.sum, sum);
	seen.elements = 0;
	assert_ok(json_raw_elements(SPAN("[ ]"), seen.doc, element, &seen, &err), &err);
	assert_int_equal(seen.elements, 0);
	assert_int_equal(json_raw_elements(SPAN("{}"), seen.doc, element, &seen, &err), RF_EFORMAT);
	assert_int_equal(json_raw_elements(SPAN("[1,]"), seen.doc, element, &seen, &err), RF_EFORMAT);
	/* what only the parser sees; the offset is in the array */
	assert_int_equal(json_raw_elements(SPAN("[1, tru]"), seen.doc, element, &seen, &err), RF_EFORMAT);
	assert_true(err.offset >= 4 && err.offset <= 8);
	json_doc_free(seen.doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_members), cmocka_unit_test(test_depth), cmocka_unit_test(test_elements) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
