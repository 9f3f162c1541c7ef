/* Ranges in prose: a text table, one statement a line; and ranges built from events. */
#include "testing.h"

#include "base/fs.h"
#include "version/range.h"

static struct span field(struct span *line)
{
	size_t at = span_find(*line, SPAN(" |"));
	struct span f = span_trim(span_sub(*line, 0, at));
	*line = at == SIZE_MAX ? SPAN_NONE : span_from(*line, at + 2);
	return f;
}

static const char *const answers[] = { "out", "in", "unsure" };

static void check_versions(const struct range *r, struct span checks, struct span line)
{
	struct span one;
	while (checks.n && span_split(&checks, ' ', &one)) {
		size_t colon = span_rfind_byte(one, ':');
		enum range_answer got = range_contains(r, span_sub(one, 0, colon));
		if (!span_eq_text(span_from(one, colon + 1), answers[got]))
			fail_msg("%.*s: %.*s is %s", SPAN_ARG(line), SPAN_ARG(one), answers[got]);
		assert_int_equal(range_interval_of(r, span_sub(one, 0, colon)) != NULL, got == RANGE_IN);
	}
}

static void check_line(struct span line)
{
	struct arena a = ARENA_INIT(1 * MIB);
	struct err err = ERR_INIT;
	struct span whole = line, name = field(&line), affected = field(&line), fixed = field(&line),
		    rule = field(&line);
	struct span words = field(&line);
	const struct scheme *s = scheme_find(name);
	assert_non_null(s);
	struct range *r = NULL;
	int rc = range_read(&a, s, affected, fixed, &r, &err);
	assert_non_null(r);
	bool unread = span_eq_text(rule, "-"), careful = span_starts(rule, "!");
	if (careful)
		rule = span_from(rule, 1);
	if (rc != (unread ? RF_EUNREADABLE : 0) || (!unread && !span_eq_text(rule, range_rule(r))))
		fail_msg("%.*s: rc %d, rule \"%s\", %s", SPAN_ARG(whole), rc, range_rule(r), err.text);
	assert_int_equal(r->readable, !unread);
	RF_AUTO(str) text = STR_INIT(4 * KIB);
	range_words(r, &text);
	if (!span_eq(words, str_span(&text)) || (!unread && r->conservative != careful))
		fail_msg("%.*s: \"%s\"%s", SPAN_ARG(whole), str_text(&text),
			 r->conservative ? ", a cautious reading" : "");
	check_versions(r, span_trim(line), whole);
	arena_release(&a);
}

static void prose(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	assert_ok(fs_read("tests/data/version/ranges.txt", &text, &err), &err);
	struct span rest = str_span(&text), line;
	while (span_line(&rest, &line))
		if (line.n && line.p[0] != '#')
			check_line(line);
}

static void unread_texts_name_the_token(void **state)
{
	(void)state;
	struct arena a = ARENA_INIT(1 * MIB);
	struct err err = ERR_INIT;
	struct range *r = NULL;
	assert_int_equal(range_read(&a, scheme_find(SPAN("tensorrt")), SPAN("prior to yesterday"), SPAN_NONE, &r, &err),
			 RF_EUNREADABLE);
	assert_int_equal(err.offset, 9);
	assert_non_null(strstr(err.text, "yesterday"));
	assert_int_equal(range_read(&a, scheme_find(SPAN("tensorrt")), SPAN("\xC2\xA0"), SPAN_NONE, &r, &err),
			 RF_EUNREADABLE);
	assert_int_equal(range_read(&a, scheme_find(SPAN("tensorrt")), SPAN(""), SPAN("11.0"), &r, &err),
			 RF_EUNREADABLE);
	assert_int_equal(range_contains(r, SPAN("10.0")), RANGE_UNSURE);
	arena_release(&a);
}

static void fixes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t count;
	} cases[] = { { "v11.0", 1 },
		      { "1.2.3 and 1.3.1", 2 },
		      { "1.2.3, 1.3.1 or newer", 2 },
		      { "TensorRT v11.0", 1 },
		      { "11.0 or newer", 1 },
		      { "Available the week of June 29, 2023", 0 },
		      { "No patch will be provided", 0 },
		      { "", 0 },
		      { "11.0 (latest)", 1 },
		      { "to be published by end of September", 0 } };
	struct arena a = ARENA_INIT(1 * MIB);
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct span *fixed = NULL;
		size_t n = 99;
		assert_int_equal(
			range_read_fixed(&a, scheme_find(SPAN("tensorrt")), span_of(cases[i].text), &fixed, &n), 0);
		if (n != cases[i].count)
			fail_msg("\"%s\": %zu fixes", cases[i].text, n);
	}
	arena_release(&a);
}

static void unions_and_limits(void **state)
{
	(void)state;
	struct arena a = ARENA_INIT(4 * MIB);
	struct err err = ERR_INIT;
	struct range *r = range_new(&a, scheme_find(SPAN("release")), "events");
	assert_int_equal(range_contains(r, SPAN("1.0")), RANGE_OUT);
	assert_ok(range_add(&a, r, &(struct range_interval){ .low = SPAN("1.0"), .high = SPAN("1.5") }, &err), &err);
	assert_ok(range_add(&a, r, &(struct range_interval){ .low = SPAN("2.0"), .high = SPAN("2.5") }, &err), &err);
	assert_int_equal(range_contains(r, SPAN("1.2")), RANGE_IN);
	assert_int_equal(range_contains(r, SPAN("1.7")), RANGE_OUT);
	assert_int_equal(range_contains(r, SPAN("2.4.9")), RANGE_IN);
	RF_AUTO(str) text = STR_INIT(4 * KIB);
	range_comparison(r, SPAN("1.7"), &text);
	assert_string_equal(str_text(&text), "1.7 >= 1.5, 1.7 < 2.0");
	str_reset(&text);
	range_comparison(r, SPAN("1.2"), &text);
	assert_string_equal(str_text(&text), "1.0 <= 1.2 < 1.5");
	int rc = 0;
	for (int i = 0; i < RANGE_MAX_INTERVALS && !rc; i++)
		rc = range_add(&a, r, &(struct range_interval){ .low = SPAN("3.0"), .high = SPAN("3.1") }, &err);
	assert_int_equal(rc, RF_ETOOMANY);
	assert_ok(range_add(&a, range_new(&a, r->scheme, ""),
			    &(struct range_interval){ .low = SPAN("3.0"), .high = SPAN("x") }, &err),
		  &err);
	arena_release(&a);
}

static void out_of_memory_is_an_error(void **state)
{
	(void)state;
	for (long n = 1; n < 8; n++) {
		struct arena a = ARENA_INIT(1 * MIB);
		struct err err = ERR_INIT;
		struct range *r = NULL;
		rf_alloc_fail_after(n);
		int rc = range_read(&a, scheme_find(SPAN("tensorrt")), SPAN("v0 - v10.16.1"), SPAN("v11.0"), &r, &err);
		rf_alloc_fail_after(0);
		assert_true(rc == 0 || rc == RF_ENOMEM);
		arena_release(&a);
	}
}

static enum range_answer asked(const struct range *r, struct span one)
{
	return range_contains(r, span_sub(one, 0, span_rfind_byte(one, ':')));
}

/* What is written is read back to the same answers. */
static void check_vers_line(struct span line)
{
	struct arena a = ARENA_INIT(4 * MIB);
	struct err err = ERR_INIT;
	struct span whole = line, name = field(&line), text = field(&line), want = field(&line);
	const struct scheme *s = scheme_find(name);
	struct range *r = NULL, *again = NULL;
	int rc = s ? range_read(&a, s, text, SPAN_NONE, &r, &err) : range_read_vers(&a, NULL, text, &r, &err);
	assert_non_null(r);
	RF_AUTO(str) written = STR_INIT(4 * KIB);
	if (span_eq_text(want, "?")) {
		if (rc != RF_EUNREADABLE)
			fail_msg("%.*s: is read", SPAN_ARG(whole));
	} else {
		if (rc)
			fail_msg("%.*s: %s", SPAN_ARG(whole), err.text);
		assert_ok(range_write_vers(&a, r, &written, &err), &err);
		if (!span_eq(want, str_span(&written)))
			fail_msg("%.*s: written %s", SPAN_ARG(whole), str_text(&written));
		assert_ok(range_read_vers(&a, r->scheme, str_span(&written), &again, &err), &err);
	}
	struct span checks = span_trim(line), one;
	while (checks.n && span_split(&checks, ' ', &one)) {
		if (span_find_byte(one, ':') == SIZE_MAX)
			continue; /* a version with blanks is asked for in another test */
		enum range_answer got = asked(r, one);
		if (!span_eq_text(span_from(one, span_rfind_byte(one, ':') + 1), answers[got]))
			fail_msg("%.*s: %.*s is %s", SPAN_ARG(whole), SPAN_ARG(one), answers[got]);
		if (again)
			assert_int_equal(asked(again, one), got);
	}
	arena_release(&a);
}

static void vers(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	assert_ok(fs_read("tests/data/version/vers.txt", &text, &err), &err);
	struct span rest = str_span(&text), line;
	while (span_line(&rest, &line))
		if (line.n && line.p[0] != '#')
			check_vers_line(line);
}

/* A branch that no row speaks of, older than one that a row does: "earlier branches are also affected", so nobody can
 * tell. */
static void branches_together(void **state)
{
	(void)state;
	struct arena a = ARENA_INIT(4 * MIB);
	struct err err = ERR_INIT;
	static const struct {
		const char *platform, *affected, *fixed;
	} rows[] = {
		{ "Linux(R535)", "All driver versions prior to 535.288.01", "535.288.01" },
		{ "Linux(R570)", "All driver versions prior to 570.211.01", "570.211.01" },
		{ "Windows(R470)", "All driver versions prior to 475.14", "475.14" },
	};
	const struct range *ranges[RF_COUNT(rows)];
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct range_words_of row = { .product = SPAN("GeForce"),
					      .platform = span_of(rows[i].platform),
					      .affected = span_of(rows[i].affected),
					      .fixed = span_of(rows[i].fixed) };
		struct range *r = NULL;
		assert_ok(range_read_row(&a, scheme_find(SPAN("driver")), &row, &r, &err), &err);
		ranges[i] = r;
	}
	static const struct {
		const char *version;
		enum range_answer want;
	} cases[] = {
		{ "535.288.01", RANGE_OUT },   { "535.274.02", RANGE_IN }, { "570.211.01", RANGE_OUT },
		{ "570.195.03", RANGE_IN },    { "573.48", RANGE_OUT },    { "580.10", RANGE_OUT },
		{ "550.54.14", RANGE_UNSURE }, { "460.1", RANGE_UNSURE },  { "474.82", RANGE_IN },
		{ "475.14", RANGE_OUT },       { "what", RANGE_UNSURE },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		enum range_answer got = ranges_contain(ranges, RF_COUNT(rows), span_of(cases[i].version));
		if (got != cases[i].want)
			fail_msg("%s is %s", cases[i].version, answers[got]);
	}
	RF_AUTO(str) words = STR_INIT(4 * KIB);
	range_explain(ranges[0], &words);
	assert_string_equal(str_text(&words), "prior to V; only branch 535");
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prose),
		cmocka_unit_test(unread_texts_name_the_token),
		cmocka_unit_test(fixes),
		cmocka_unit_test(unions_and_limits),
		cmocka_unit_test(vers),
		cmocka_unit_test(branches_together),
		cmocka_unit_test(out_of_memory_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
