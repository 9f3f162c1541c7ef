/* VEX statements: which of them count for a component, by a table. */
#include "testing.h"

#include "base/fs.h"
#include "exposure/vex.h"

#define MAX_STATEMENTS 4

static struct span word(struct span *rest)
{
	struct span w = SPAN_NONE;
	*rest = span_trim(*rest);
	assert_true(span_split(rest, ' ', &w));
	return span_eq_text(w, "-") ? SPAN_NONE : w;
}

struct scene {
	struct arena a;
	struct stored_advisory v;
	struct advisory_statement statements[MAX_STATEMENTS];
	struct advisory_origin origins[MAX_STATEMENTS];
};

static const struct product *product_named(struct span name)
{
	const struct product *p =
		product_by_purl(span_eq_text(name, "trt") ? SPAN("pkg:generic/nvidia/tensorrt")
							  : SPAN("pkg:generic/microsoft/onnxruntime"));
	assert_non_null(p);
	return p;
}

static struct range *range_named(struct scene *x, const struct product *product, struct span versions)
{
	struct err err = ERR_INIT;
	struct range *r = range_new(&x->a, product_scheme(product), "a table");
	assert_non_null(r);
	size_t dots = span_find(versions, SPAN(".."));
	struct range_interval i = { 0 };
	if (dots != SIZE_MAX)
		i = (struct range_interval){ .low = span_sub(versions, 0, dots),
					     .high = span_from(versions, dots + 2) };
	else if (!span_eq_text(versions, "all"))
		i = (struct range_interval){ .low = versions, .high = versions, .high_inclusive = true, .exact = true };
	assert_ok(range_add(&x->a, r, &i, &err), &err);
	return r;
}

/* As advisory_openvex.c makes them. */
static void add(struct scene *x, struct span text)
{
	size_t n = x->v.advisory.statement_count++;
	assert_true(n < MAX_STATEMENTS);
	struct advisory_statement *s = &x->statements[n];
	struct advisory_origin *o = &x->origins[n];
	s->source = word(&text);
	*o = (struct advisory_origin){ .feed = word(&text), .format = SPAN("openvex"), .record_modified = USEC_NONE };
	struct span status = word(&text);
	s->product = product_named(word(&text));
	s->range = range_named(x, s->product, word(&text));
	struct span day = word(&text), flag = word(&text);
	int64_t days = 0;
	if (day.n)
		assert_true(span_i64(day, &days));
	s->stated = days * USEC_PER_DAY;
	bool fixed = span_eq_text(status, "fixed"), clear = span_eq_text(status, "not_affected");
	s->status = fixed || clear ? STATEMENT_NOT_AFFECTED : STATEMENT_AFFECTED;
	s->range->readable = !span_eq_text(status, "under_investigation");
	if (clear && !span_eq_text(flag, "bare"))
		s->justification = SPAN("vulnerable_code_not_present");
	s->review = clear && !s->justification.n;
	s->platform = span_eq_text(flag, "part") ? SPAN("part plugin") : SPAN_NONE;
	o->record_state = span_eq_text(flag, "withdrawn") ? ADVISORY_WITHDRAWN : ADVISORY_PUBLISHED;
}

static void statements_by_table(void **state)
{
	(void)state;
	static const struct workspace_vex_author trusted[] = { { "ACME", NULL }, { "PSIRT", "vex" } };
	const struct workspace_vex stated = { trusted, RF_COUNT(trusted), 100 * USEC_PER_DAY };
	struct arena policies = ARENA_INIT(1 * MIB);
	struct vex_policy policy;
	struct err err = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	assert_ok(fs_read("tests/data/exposure/vex.txt", &text, &err), &err);
	struct span rest = str_span(&text), line;
	size_t rows = 0;
	assert_ok(vex_policy_of(&policies, &stated, &policy, &err), &err);
	while (span_line(&rest, &line)) {
		if (!line.n || line.p[0] == '#')
			continue;
		struct scene x = { .a = ARENA_INIT(1 * MIB), .v.advisory.id = SPAN("CVE-2099-1") };
		struct span all, f, want, left = line, one;
		assert_true(span_split(&left, '|', &all) && span_split(&left, '|', &f) &&
			    span_split(&left, '|', &want));
		x.v.advisory.statements = x.statements;
		x.v.origins = x.origins;
		while (span_split(&all, ';', &one))
			add(&x, one);
		struct found found = { .advisory = x.v.advisory.id, .purl = SPAN("pkg:generic/nvidia/tensorrt") };
		found.version = word(&f);
		int64_t day = 0;
		assert_true(span_i64(word(&f), &day));
		struct vex_statement *list = NULL;
		size_t count = 0;
		assert_ok(vex_of(&x.a, &x.v, &list, &count, &err), &err);
		const struct vex_statement *s = vex_find(&policy, list, count, &found, day * USEC_PER_DAY);
		char got[16] = "none";
		if (s)
			snprintf(got, sizeof got, "%zu", (size_t)(s - list) + 1);
		if (!span_eq_text(span_trim(want), got))
			fail_msg("%.*s: %s", SPAN_ARG(line), got);
		/* nobody trusted: nothing is excused, ever */
		assert_null(vex_find(&(struct vex_policy){ 0 }, list, count, &found, day * USEC_PER_DAY));
		arena_release(&x.a);
		rows++;
	}
	assert_int_equal(rows, 31);
	arena_release(&policies);
}

static void other_formats_are_no_vex(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct scene x = { .a = ARENA_INIT(1 * MIB) };
	struct vex_statement *list = NULL;
	size_t count = 9;
	x.v.advisory.statements = x.statements;
	x.v.origins = x.origins;
	add(&x, SPAN("ACME file not_affected trt 10.1 5 -"));
	x.origins[0].format = SPAN("osv");
	assert_ok(vex_of(&x.a, &x.v, &list, &count, &err), &err);
	assert_int_equal(count, 0);
	arena_release(&x.a);
}

static void words(void **state)
{
	(void)state;
	const struct vex_policy policy = { .max_age_usec = 10 * USEC_PER_DAY };
	const struct vex_statement s = { .status = VEX_NOT_AFFECTED,
					 .author = SPAN("AC\nME"),
					 .justification = SPAN("component_not_present"),
					 .document = SPAN("https://acme.example/1"),
					 .timestamp = 5 * USEC_PER_DAY };
	RF_AUTO(str) text = STR_INIT(4 * KIB);
	vex_words(&policy, &s, &text);
	assert_string_equal(str_text(&text),
			    "VEX of AC\\nME: not_affected, component_not_present, 1970-01-06, until 1970-01-16");
	str_reset(&text);
	struct json_out o = json_out(&text, false);
	vex_json(&policy, &s, &o);
	assert_string_equal(
		str_text(&text),
		"{\"author\":\"AC\\nME\",\"status\":\"not_affected\",\"justification\":\"component_not_present\","
		"\"timestamp\":\"1970-01-06T00:00:00.000000Z\",\"expires\":\"1970-01-16T00:00:00.000000Z\","
		"\"document\":\"https://acme.example/1\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_by_table),
		cmocka_unit_test(other_formats_are_no_vex),
		cmocka_unit_test(words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
