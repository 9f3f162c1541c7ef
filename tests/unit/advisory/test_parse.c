/* Documents of ours in every shape the parsers know: parsed, rendered, compared with the text beside them; and hostile
 * ones. */
#include "testing.h"

#include "advisory/advisory_table.h"
#include "base/fs.h"
#include "render.h"

static const char *const names[] = {
	"advisory/drill-onnxruntime.json",
	"advisory/osv-shapes.json",
	"advisory/osv-rejected.json",
	"advisory/osv-withdrawn.json",
	"advisory-formats/osv-pypa.yaml",
	"advisory/csaf-vendor.json",
	"advisory/csaf-standard.json",
	"advisory-formats/csaf-cisa.json",
	"advisory-formats/cve5-shapes.json",
	"advisory-formats/cve5-rejected.json",
	"advisory-formats/nvd-page.json",
	"advisory-formats/nvd-override.json",
	"advisory-formats/openvex-shapes.json",
	"advisory-formats/kev.json",
	"advisory-formats/kev.csv",
	"advisory-formats/epss.csv",
	"advisory-formats/table-plain.csv",
	"advisory-formats/table-mapped.csv",
};

static void read_data(const char *name, struct str *to)
{
	char path[256];
	struct err err = ERR_INIT;
	snprintf(path, sizeof path, "tests/data/%s", name);
	assert_ok(fs_read(path, to, &err), &err);
}

static void documents(void **state)
{
	(void)state;
	struct json_doc *json = json_doc_new();
	assert_non_null(json);
	for (size_t i = 0; i < RF_COUNT(names); i++) {
		RF_AUTO(str) bytes = STR_INIT(1 * MIB);
		RF_AUTO(str) want = STR_INIT(1 * MIB);
		RF_AUTO(str) got = STR_INIT(1 * MIB);
		struct arena a = ARENA_INIT(16 * MIB);
		struct advisory_document d;
		struct err err = ERR_INIT;
		struct advisory_mapping mapping;
		struct advisory_reading how = { .json = json };
		char name[64];
		snprintf(name, sizeof name, "%s.txt", names[i]);
		read_data(names[i], &bytes);
		read_data(name, &want);
		if (!strcmp(names[i], "advisory-formats/table-mapped.csv")) {
			RF_AUTO(str) yaml = STR_INIT(64 * KIB);
			read_data("advisory-formats/table-mapped.yaml", &yaml);
			assert_ok(advisory_mapping_parse(&a, str_span(&yaml), "table-mapped.yaml", &mapping, &err),
				  &err);
			how.mapping = &mapping;
			how.format = advisory_format_find(SPAN("table"));
		}
		assert_ok(advisory_read(&a, &how, str_span(&bytes), &d, &err), &err);
		str_release(&bytes); /* nothing may point into it, nor into the JSON */
		struct json other;
		assert_ok(json_parse(json, SPAN("[0]"), &other, &err), &err);
		render_document(&d, &got);
		arena_release(&a);
		if (getenv("REFORGE_WRITE_EXPECTED")) {
			char path[256];
			snprintf(path, sizeof path, "tests/data/%s", name);
			assert_ok(fs_write_atomic(path, str_span(&got), 0644, &err), &err);
			continue;
		}
		if (strcmp(str_text(&got), str_text(&want)) != 0)
			print_message("%s\n", names[i]);
		assert_string_equal(str_text(&got), str_text(&want));
	}
	json_doc_free(json);
}

static void refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ "", RF_EUNSUPPORTED },
		{ "{", RF_EFORMAT },
		{ "[]", RF_EUNSUPPORTED },
		{ "{\"id\":\"CVE-2026-1\",\"sourceIdentifier\":\"x\",\"modified\":\"2026-01-01\",\"details\":\"\"}",
		  RF_EFORMAT },
		{ "{\"@context\":\"https://openvex.dev/ns/v0.2.0\",\"statements\":[]}", RF_EFORMAT },
		{ "{\"document\":{\"csaf_version\":\"2.0\"}}", RF_EFORMAT },
		{ "{\"document\":{\"csaf_version\":\"2.0\",\"tracking\":{\"id\":\"1\"}}}", RF_EFORMAT },
		{ "{\"document\":{\"csaf_version\":\"2.0\",\"tracking\":{\"id\":\"1\"},\"publisher\":{\"name\":\"n\"}},"
		  "\"product_tree\":{\"full_product_names\":[{\"name\":\"x\"}]}}",
		  RF_EFORMAT },
		{ "{\"id\":\"A-1\",\"modified\":\"2026-01-01\",\"affected\":[{\"ranges\":[{\"type\":\"SEMVER\","
		  "\"events\":[{\"introduced\":\"0\",\"fixed\":\"1\"}]}]}]}",
		  RF_EFORMAT },
		{ "{\"id\":\"A-1\",\"modified\":\"2026-01-01\",\"affected\":[{\"ranges\":[{\"type\":\"SEMVER\","
		  "\"events\":[{\"started\":\"0\"}]}]}]}",
		  RF_EFORMAT },
		{ "{\"id\":\"A-1\",\"modified\":\"2026-01-01\",\"affected\":[{\"versions\":[3]}]}", RF_EFORMAT },
		{ "{\"id\":\"A-1\",\"modified\":\"2026-01-01\",\"aliases\":[\"\"]}", RF_EFORMAT },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct arena a = ARENA_INIT(16 * MIB);
		struct advisory_document d;
		struct err err = ERR_INIT;
		int rc = advisory_parse(&a, NULL, span_of(cases[i].text), &d, &err);
		if (rc != cases[i].rc)
			fail_msg("%s: %s, %s", cases[i].text, rf_error_name(rc), err.text);
		assert_true(err.text[0]);
		arena_release(&a);
	}
}

static void limits(void **state)
{
	(void)state;
	struct arena a = ARENA_INIT(64 * MIB);
	struct advisory_document d;
	struct err err = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(16 * MIB);
	str_add_text(&text, "{\"document\":{\"csaf_version\":\"2.0\",\"tracking\":{\"id\":\"1\"},\"publisher\":{"
			    "\"name\":\"n\"}},\"vulnerabilities\":[");
	for (int i = 0; i <= ADVISORY_MAX_RECORDS; i++)
		str_add_text(&text, i ? ",{}" : "{}");
	str_add_text(&text, "]}");
	assert_int_equal(advisory_parse(&a, NULL, str_span(&text), &d, &err), RF_ETOOMANY);
	str_reset(&text);
	str_add_text(&text, "{\"document\":{\"csaf_version\":\"2.0\",\"tracking\":{\"id\":\"1\"},\"publisher\":{"
			    "\"name\":\"n\"}},\"product_tree\":");
	for (int i = 0; i < 25; i++)
		str_add_text(&text, "{\"branches\":[");
	for (int i = 0; i < 25; i++)
		str_add_text(&text, "]}");
	str_add_text(&text, "}");
	assert_ok(advisory_parse(&a, NULL, str_span(&text), &d, &err), &err);
	assert_int_equal(d.count, 0);
	str_reset(&text);
	str_add_text(&text, "{\"id\":\"A-1\",\"modified\":\"2026-01-01\",\"affected\":[");
	for (int i = 0; i <= ADVISORY_MAX_STATEMENTS; i++)
		str_add_text(&text, i ? ",{}" : "{}");
	str_add_text(&text, "]}");
	assert_int_equal(advisory_parse(&a, NULL, str_span(&text), &d, &err), RF_ETOOMANY);
	arena_release(&a);
}

/* Long texts are cut between characters: what is stored is always UTF-8. */
static void cuts_keep_utf8(void **state)
{
	(void)state;
	static const char *const heads[] = {
		"{\"id\":\"A-1\",\"modified\":\"2026-01-01\",\"details\":\"",
		"{\"document\":{\"csaf_version\":\"2.0\",\"tracking\":{\"id\":\"1\"},\"publisher\":{\"name\":\"n\"}},"
		"\"product_tree\":{\"branches\":[{"
		"\"category\":\"product_version\",\"name\":\"TensorRT\",\"product\":{\"product_id\":\"p\",\"name\":\"",
	};
	static const char *const tails[] = {
		"\"}", "\"}}]},\"vulnerabilities\":[{\"product_status\":{\"known_affected\":[\"p\"]},"
		       "\"cwe\":{\"name\":\"x\"}}]}"
	};
	for (size_t i = 0; i < 2; i++)
		for (size_t pad = 0; pad < 4; pad++) {
			struct arena a = ARENA_INIT(16 * MIB);
			struct advisory_document d;
			struct err err = ERR_INIT;
			RF_AUTO(str) text = STR_INIT(64 * KIB);
			str_add_text(&text, heads[i]);
			str_add(&text, span_sub(SPAN("abcd"), 0, pad));
			for (int k = 0; k < 600; k++)
				str_add_text(&text, "\xE6\xBC\x8F"); /* U+6F0F */
			str_add_text(&text, tails[i]);
			assert_ok(advisory_parse(&a, NULL, str_span(&text), &d, &err), &err);
			assert_true(span_is_utf8(d.advisories[0].title));
			if (i)
				assert_true(span_is_utf8(d.advisories[0].statements[0].rule));
			arena_release(&a);
		}
}

static void out_of_memory_is_an_error(void **state)
{
	(void)state;
	RF_AUTO(str) bytes = STR_INIT(1 * MIB);
	read_data("advisory/csaf-vendor.json", &bytes);
	for (long n = 1; n < 400; n += 7) {
		struct arena a = ARENA_INIT(16 * MIB);
		struct advisory_document d;
		struct err err = ERR_INIT;
		rf_alloc_fail_after(n);
		int rc = advisory_parse(&a, NULL, str_span(&bytes), &d, &err);
		rf_alloc_fail_after(0);
		if (rc && rc != RF_ENOMEM && rc != RF_ETOOBIG)
			fail_msg("allocation %ld: %s %s", n, rf_error_name(rc), err.text);
		arena_release(&a);
	}
}

static void names_of_things(void **state)
{
	(void)state;
	enum tlp t;
	assert_true(tlp_read(SPAN("TLP:WHITE"), &t) && t == TLP_CLEAR);
	assert_true(tlp_read(SPAN("amber+strict"), &t) && t == TLP_AMBER_STRICT);
	assert_false(tlp_read(SPAN("purple"), &t));
	assert_true(advisory_is_cve(SPAN("CVE-2026-24268")));
	assert_false(advisory_is_cve(SPAN("CVE-2026-242")));
	assert_false(advisory_is_cve(SPAN("cve-2026-24268")));
	assert_false(advisory_is_cve(SPAN("CVE-2026-24268x")));
	assert_non_null(advisory_format_find(SPAN("osv")));
	assert_null(advisory_format_find(SPAN("nothing")));
}

int main(int argc, char **argv)
{
	if (argc == 2) { /* writes the rendering of a file: to make, and then to read, a new .txt */
		struct str bytes = STR_INIT(ADVISORY_MAX_BYTES), got = STR_INIT(16 * MIB);
		struct arena a = ARENA_INIT(ADVISORY_ARENA_BYTES);
		struct advisory_document d;
		struct err err = ERR_INIT;
		char text[2048];
		int rc = fs_read(argv[1], &bytes, &err);
		if (!rc)
			rc = advisory_parse(&a, NULL, str_span(&bytes), &d, &err);
		if (!rc)
			render_document(&d, &got);
		fputs(rc ? err_render(&err, text, sizeof text) : str_text(&got), rc ? stderr : stdout);
		arena_release(&a);
		str_release(&bytes);
		str_release(&got);
		return rc != 0;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents),
		cmocka_unit_test(refused),
		cmocka_unit_test(limits),
		cmocka_unit_test(cuts_keep_utf8),
		cmocka_unit_test(out_of_memory_is_an_error),
		cmocka_unit_test(names_of_things),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
