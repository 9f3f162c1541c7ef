/* check_report: the forms of one answer, each against a small reader of its own, with names that want to break out */
#include "testing.h"

#include "cli/check_report.h"

#define HOSTILE "a<b>&\"'\n::error::x,y:%0A\x1b[31m\xff]]>\xef\xbf\xbf"

static const struct span fixed[] = { { "11.0", 4 } };
static const struct waiver waiver = { .id = 7, .owner = { "vision", 6 }, .reason = { "until the delivery", 18 } };

#define S(text) { text, sizeof text - 1 }
static struct gate_finding findings[] = {
	{ .fact = { .advisory = S("CVE-2026-24268"), .title = S("Heap overflow " HOSTILE), .has_carrier = true, .carrier = CARRIER_BUILDER,
		    .purl = S("pkg:generic/nvidia/tensorrt"), .version = S("10.13.3.9"), .kind = FINDING_AFFECTED, .cause = "in_range",
		    .severity = 78, .published = USEC_NONE, .kev = USEC_NONE, .reason = S("10.13.3.9 is before 11.0"), .fixed = fixed, .fixed_count = 1 },
	  .decision = GATE_DENY, .until = USEC_NONE, .why = S("affected: policy default denies from 0.0"), .next = S("rebuild it") },
	{ .fact = { .advisory = S("CVE-2026-24272"), .has_carrier = true, .carrier = CARRIER_RUNTIME, .purl = S("pkg:generic/nvidia/tensorrt"),
		    .version = S("10.13.3.9"), .kind = FINDING_AFFECTED, .cause = "in_range", .severity = -1, .published = USEC_NONE, .kev = USEC_NONE },
	  .decision = GATE_ALLOW, .by = GATE_BY_WAIVER, .waiver = &waiver, .until = (usec_t)1784000000 * USEC_PER_SEC, .why = S("waiver W-7") },
	{ .fact = { .kind = FINDING_UNKNOWN, .cause = "stale_feed", .severity = -1, .published = USEC_NONE, .kev = USEC_NONE, .reason = S("feed " HOSTILE " is stale") },
	  .decision = GATE_WARN, .until = USEC_NONE, .why = S("unknown " HOSTILE) },
	{ .fact = { .advisory = S("CVE-2025-1"), .has_carrier = true, .carrier = CARRIER_RUNTIME, .kind = FINDING_NOT_AFFECTED, .cause = "out_of_range",
		    .severity = 50, .published = USEC_NONE, .kev = USEC_NONE },
	  .decision = GATE_ALLOW, .until = USEC_NONE },
};
static const struct gate_answer denied = { .decision = GATE_DENY, .judged = GATE_DENY, .policy = S("default"), .findings = findings, .count = 4,
					   .uncertain = true, .why = S("affected"), .until = USEC_NONE };
static const struct gate_answer clean = { .policy = S("default"), .findings = findings + 3, .count = 1, .why = S("nothing was found"), .until = USEC_NONE };

static const struct check_subject subjects[] = {
	{ .name = "models/a.plan", .path = "models/a.plan", .has_component = true, .product = S("pkg:generic/nvidia/tensorrt"), .version = S("10.13.3.9"),
	  .kind = "tensorrt-plan", .sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", .answer = &denied },
	{ .name = HOSTILE, .path = HOSTILE, .line = 7, .answer = &denied },
	{ .name = "pkg:generic/nvidia/tensorrt@11.0", .has_component = true, .product = S("pkg:generic/nvidia/tensorrt"), .version = S("11.0"),
	  .explain = "pkg:generic/nvidia/tensorrt@11.0", .answer = &clean },
};

/* All subjects in the form @name, ended with @failed, kept in a file's place: nothing is printed. */
static void render(const char *name, const char *failed, struct str *ret)
{
	struct err err = ERR_INIT;
	struct check_reports r;
	char option[64];
	snprintf(option, sizeof option, "%s=unused", name);
	const char *const formats[] = { option, "people=also-unused" };
	struct check_report_options o = { .formats = formats, .format_count = 1, .at = (usec_t)1784000000 * USEC_PER_SEC };
	assert_ok(check_reports_open(&r, &o, &err), &err);
	assert_int_equal(r.count, 2); /* people read standard output */
	r.count = 1;
	for (size_t i = 0; i < RF_COUNT(subjects); i++)
		assert_ok(check_reports_subject(&r, &subjects[i], &err), &err);
	assert_int_equal(r.outcome.subjects, 3);
	assert_int_equal(r.outcome.denied, 2);
	struct check_outcome outcome = r.outcome;
	outcome.failed = failed;
	if (r.sinks[0].format->end)
		r.sinks[0].format->end(&r.sinks[0], &outcome);
	assert_ok(str_check(&r.sinks[0].text, name, &err), &err);
	*ret = r.sinks[0].text;
	r.sinks[0].text = STR_INIT(1);
	check_reports_release(&r);
}

static size_t occurrences(const struct str *s, const char *what)
{
	size_t count = 0;
	for (struct span rest = str_span(s); span_find(rest, span_of(what)) != SIZE_MAX; count++)
		rest = span_from(rest, span_find(rest, span_of(what)) + 1);
	return count;
}

static struct json parsed(struct json_doc *doc, struct span text)
{
	struct err err = ERR_INIT;
	struct json root;
	assert_ok(json_parse(doc, text, &root, &err), &err);
	return root;
}

static void as_sarif(void **state)
{
	(void)state;
	struct json_doc *doc = json_doc_new();
	for (int failing = 0; failing < 2; failing++) {
		struct str text;
		render("sarif", failing ? "no " HOSTILE : NULL, &text);
		struct json run = json_each(json_get(parsed(doc, str_span(&text)), "runs")).container, first = { 0 };
		for (struct json_each it = json_each(run); json_next(&it);)
			first = it.value;
		assert_int_equal(json_count(json_get(first, "results")), 6);
		assert_int_equal(json_count(json_path(first, "tool", "driver", "rules", NULL)), 3);
		assert_int_equal(json_count(json_get(first, "artifacts")), 1);
		size_t suppressed = 0, errors = 0;
		for (struct json_each it = json_each(json_get(first, "results")); json_next(&it);) {
			assert_int_equal(json_kind(json_get(it.value, "suppressions")), JSON_ARRAY);
			suppressed += json_count(json_get(it.value, "suppressions"));
			errors += span_eq_text(json_string(json_get(it.value, "level")), "error");
		}
		assert_int_equal(suppressed, 2);
		assert_int_equal(errors, 4);
		bool good = false;
		for (struct json_each it = json_each(json_get(first, "invocations")); json_next(&it);)
			assert_true(json_bool(json_get(it.value, "executionSuccessful"), &good));
		assert_int_equal(good, !failing);
		assert_int_equal(occurrences(&text, "\"startLine\":7"), 3);
		assert_int_equal(occurrences(&text, "a%3Cb%3E&%22'%0A%3A%3Aerror%3A%3Ax,y%3A%250A%1B%5B31m%FF%5D%5D%3E%EF%BF%BF"), 3);
		str_release(&text);
	}
	json_doc_free(doc);
}

static void as_gitlab(void **state)
{
	(void)state;
	struct str text;
	struct json_doc *doc = json_doc_new();
	render("gitlab", "no database", &text);
	struct json list = parsed(doc, str_span(&text));
	assert_int_equal(json_count(list), 7);
	struct span seen[7];
	size_t n = 0;
	for (struct json_each it = json_each(list); json_next(&it); n++) {
		seen[n] = json_string(json_get(it.value, "fingerprint"));
		for (size_t i = 0; i < n; i++)
			assert_false(span_eq(seen[i], seen[n]));
		assert_true(json_string(json_path(it.value, "location", "path", NULL)).n > 0);
		assert_int_equal(json_kind(json_path(it.value, "location", "lines", "begin", NULL)), JSON_INT);
	}
	json_doc_free(doc);
	str_release(&text);
}

static void as_json(void **state)
{
	(void)state;
	struct str text;
	struct json_doc *doc = json_doc_new();
	render("json", NULL, &text);
	struct span rest = str_span(&text), line;
	size_t n = 0;
	for (; span_line(&rest, &line); n++) {
		struct json o = parsed(doc, line);
		assert_true(span_eq_text(json_string(json_get(o, "decision")), n < 2 ? "deny" : "allow"));
		assert_int_equal(json_count(json_get(o, "findings")), n < 2 ? 4 : 1);
		for (struct json_each it = json_each(json_get(o, "findings")); json_next(&it);)
			assert_int_equal(json_kind(json_get(it.value, "evidence")), JSON_ARRAY);
	}
	assert_int_equal(n, 3);
	json_doc_free(doc);
	str_release(&text);
}

/* Elements are balanced, and nothing that is no XML is in it. */
static void as_junit(void **state)
{
	(void)state;
	struct str text;
	render("junit", "no " HOSTILE, &text);
	size_t depth = 0;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		assert_true(c >= 0x20 || c == '\n' || c == '\t');
		assert_false(i + 2 < text.n && memcmp(text.p + i, "\xef\xbf\xbf", 3) == 0);
		if (c != '<' || text.p[i + 1] == '?')
			continue;
		bool closes = text.p[i + 1] == '/';
		size_t end = i + span_find_byte(span_from(str_span(&text), i), '>');
		depth = closes ? depth - 1 : text.p[end - 1] == '/' ? depth : depth + 1;
	}
	assert_int_equal(depth, 0);
	assert_true(span_is_utf8(str_span(&text)));
	assert_int_equal(occurrences(&text, "<testcase "), 4);
	assert_int_equal(occurrences(&text, "<failure "), 2);
	assert_int_equal(occurrences(&text, "tests=\"4\" failures=\"2\" errors=\"1\""), 2);
	str_release(&text);
}

/* One command a line, none that a name has brought with it. */
static void as_github(void **state)
{
	(void)state;
	struct str text;
	render("github", NULL, &text);
	struct span rest = str_span(&text), line;
	size_t n = 0;
	for (; span_line(&rest, &line); n++)
		assert_true(span_starts(line, n < 2 ? "::error " : "::notice "));
	assert_int_equal(n, 3);
	assert_int_equal(occurrences(&text, "::error file=models/a.plan,line=1,title="), 1);
	assert_int_equal(occurrences(&text, "\x1b"), 0);
	assert_int_equal(occurrences(&text, "x%2Cy%3A%250A"), 2);
	str_release(&text);
}

static void for_people(void **state)
{
	(void)state;
	struct str text;
	render("people", NULL, &text);
	assert_int_equal(occurrences(&text, "\x1b"), 0);
	assert_int_equal(occurrences(&text, "models/a.plan  deny"), 1);
	assert_int_equal(occurrences(&text, "fixed in 11.0"), 2);
	assert_int_equal(occurrences(&text, "next: rebuild it"), 2);
	assert_int_equal(occurrences(&text, "1 advisory more: not affected"), 3);
	assert_int_equal(occurrences(&text, "reforge explain"), 0); /* nothing was found about the one that it would find */
	str_release(&text);
}

static void which_go_where(void **state)
{
	static const struct {
		const char *formats[3];
		bool json;
		int rc;
		size_t sinks;
	} rows[] = {
		{ { NULL }, false, 0, 1 },
		{ { NULL }, true, 0, 1 },
		{ { "sarif=a" }, false, 0, 2 },
		{ { "sarif=a", "junit=b" }, true, 0, 3 },
		{ { "github" }, false, 0, 1 },
		{ { "github", "people=log" }, false, 0, 2 },
		{ { "sarif", "junit" }, false, RF_EUSAGE, 0 },
		{ { "sarif" }, true, RF_EUSAGE, 0 },
		{ { "sarif=a", "junit=a" }, false, RF_EUSAGE, 0 },
		{ { "sarif=" }, false, RF_EUSAGE, 0 },
		{ { "xml=a" }, false, RF_EUSAGE, 0 },
		{ { "" }, false, RF_EUSAGE, 0 },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct err err = ERR_INIT;
		struct check_reports r;
		struct check_report_options o = { .formats = rows[i].formats, .json = rows[i].json };
		while (o.format_count < 3 && rows[i].formats[o.format_count])
			o.format_count++;
		int rc = check_reports_open(&r, &o, &err);
		if (rc != rows[i].rc || (rc == 0 && r.count != rows[i].sinks))
			fail_msg("row %zu: %d, %zu sinks", i, rc, r.count);
		check_reports_release(&r);
	}
}

/* The version of what was found is no part of it: a rebuilt engine has the same problem or none. */
static void fingerprints(void **state)
{
	(void)state;
	struct digest a, b;
	struct gate_finding f = findings[0];
	check_finding_fingerprint(&subjects[0], &f, &a);
	f.fact.version = SPAN("10.14.0.1");
	check_finding_fingerprint(&subjects[0], &f, &b);
	assert_true(digest_eq(&a, &b));
	f.fact.carrier = CARRIER_RUNTIME;
	check_finding_fingerprint(&subjects[0], &f, &b);
	assert_false(digest_eq(&a, &b));
	check_finding_fingerprint(&subjects[1], &findings[0], &b);
	assert_false(digest_eq(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(as_sarif),	      cmocka_unit_test(as_gitlab),  cmocka_unit_test(as_json),
					    cmocka_unit_test(as_junit),	      cmocka_unit_test(as_github),  cmocka_unit_test(for_people),
					    cmocka_unit_test(which_go_where), cmocka_unit_test(fingerprints) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
