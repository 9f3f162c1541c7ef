/* yaml: what is read, with lines; what is refused, with lines. */
#include "testing.h"

#include "base/str.h"
#include "format/yaml.h"

static struct yaml_doc *parsed(const char *text)
{
	struct yaml_doc *doc = NULL;
	struct err err = ERR_INIT;
	assert_ok(yaml_parse(span_of(text), "t.yaml", &doc, &err), &err);
	return doc;
}

static void reads_with_lines(void **state)
{
	(void)state;
	RF_AUTO_PTR(yaml_doc)
	doc = parsed("\xef\xbb\xbf# comment\nmodel: reading-det\nowner: {name: a, contact: \"#oncall\"}\n"
		     "list:\n  - 1\n  - 'two'\n  -\nnone: ~\nempty:\ntext: |\n  a\n  b\n\"q\": \"\\u00e9\\n\"\n");
	const struct yaml_node *root = yaml_root(doc), *list = yaml_get(root, "list");
	assert_int_equal(yaml_kind(root), YAML_MAPPING);
	assert_int_equal(yaml_count(root), 7);
	assert_true(span_eq_text(yaml_scalar(yaml_get(root, "model")), "reading-det"));
	assert_int_equal(yaml_line(yaml_get(root, "model")), 2);
	assert_true(span_eq_text(yaml_scalar(yaml_get(yaml_get(root, "owner"), "contact")), "#oncall"));
	assert_true(yaml_is_quoted(yaml_get(yaml_get(root, "owner"), "contact")));
	assert_int_equal(yaml_count(list), 3);
	assert_int_equal(yaml_line(yaml_at(list, 1)), 6);
	assert_true(span_eq_text(yaml_scalar(yaml_at(list, 1)), "two"));
	assert_true(yaml_is_null(yaml_at(list, 2)) && yaml_is_null(yaml_get(root, "none")) &&
		    yaml_is_null(yaml_get(root, "empty")));
	assert_true(span_eq_text(yaml_scalar(yaml_get(root, "text")), "a\nb\n"));
	assert_true(span_eq_text(yaml_scalar(yaml_get(root, "q")), "\xc3\xa9\n"));
	assert_true(span_eq_text(yaml_scalar(yaml_key_at(root, 1)), "owner"));
	assert_int_equal(yaml_line(yaml_key_at(root, 1)), 3);
	assert_null(yaml_get(root, "absent"));
	assert_null(yaml_at(list, 3));
	assert_int_equal(yaml_kind(yaml_get(list, "x")), YAML_ABSENT);
	assert_true(yaml_is_null(NULL) && yaml_count(NULL) == 0 && yaml_line(NULL) == 0);
}

static void reads_empty_and_bare(void **state)
{
	(void)state;
	static const char *const empty[] = { "", "\n\n", "# only a comment\n", "---\n" };
	for (size_t i = 0; i < RF_COUNT(empty); i++) {
		RF_AUTO_PTR(yaml_doc) doc = parsed(empty[i]);
		assert_true(yaml_is_null(yaml_root(doc)));
	}
	RF_AUTO_PTR(yaml_doc) doc = parsed("--- word\n...\n");
	assert_true(span_eq_text(yaml_scalar(yaml_root(doc)), "word"));
}

static void refuses_with_lines(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t line;
		const char *words;
	} cases[] = {
		{ "a: &x 1\nb: *x\n", 1, "anchors" },
		{ "a: 1\nb: *x\n", 2, "anchors" },
		{ "- &x [1]\n", 1, "anchors" },
		{ "a: 1\nb: !!binary aGk=\n", 2, "tags" },
		{ "a: !x {b: 1}\n", 1, "tags" },
		{ "a: 1\nb: 2\na: 3\n", 3, "twice" },
		{ "a:\n  x: 1\n  'x': 2\n", 3, "twice" },
		{ "a: 1\n---\nb: 2\n", 2, "second document" },
		{ "? [a]\n: 1\n", 1, "key" },
		{ "a: [1, 2\nb: 3\n", 0, "YAML" },
		{ "a: \"x\n", 0, "YAML" },
		{ "a: 1\n\tb: 2\n", 0, "YAML" },
		{ "a: b: c\n", 0, "YAML" },
		{ "a: 1\nb: \xff\n", 2, "UTF-8" },
		{ "{{{", 0, "YAML" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct yaml_doc *doc = NULL;
		struct err err = ERR_INIT;
		int rc = yaml_parse(span_of(cases[i].text), "t.yaml", &doc, &err);
		if (rc != RF_EFORMAT || (cases[i].line && err.line != cases[i].line) || err.line < 1 ||
		    !strstr(err.text, cases[i].words))
			fail_msg("%s: %d line %lld: %s", cases[i].text, rc, (long long)err.line, err.text);
		assert_string_equal(err.file, "t.yaml");
	}
}

static void limits(void **state)
{
	(void)state;
	RF_AUTO(str) s = STR_INIT(KIB);
	for (int i = 0; i < YAML_MAX_DEPTH; i++)
		str_add_byte(&s, '[');
	for (int i = 0; i < YAML_MAX_DEPTH; i++)
		str_add_byte(&s, ']');
	yaml_doc_free(parsed(str_text(&s)));
	RF_AUTO(str) deep = STR_INIT(KIB);
	str_addf(&deep, "[%s]", str_text(&s));
	struct yaml_doc *doc = NULL;
	struct err err = ERR_INIT;
	assert_int_equal(yaml_parse(str_span(&deep), NULL, &doc, &err), RF_EFORMAT);
	assert_non_null(strstr(err.text, "32 levels"));
	assert_int_equal(yaml_parse((struct span){ "", YAML_MAX_BYTES + 1 }, NULL, &doc, &err), RF_ETOOBIG);
	assert_int_equal(yaml_parse(SPAN("a\0b"), NULL, &doc, NULL), RF_EFORMAT);
	assert_null(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads_with_lines), cmocka_unit_test(reads_empty_and_bare),
					    cmocka_unit_test(refuses_with_lines), cmocka_unit_test(limits) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
