/* The judgement: a text table of cases, and what the chain of reasons must hold. */
#include "testing.h"

#include "carry.h"

#include "base/fs.h"

#define MAX_SOURCES 4

static struct span field(struct span *line, const char *separator)
{
	size_t at = span_find(*line, span_of(separator));
	struct span f = span_trim(span_sub(*line, 0, at));
	*line = at == SIZE_MAX ? SPAN_NONE : span_from(*line, at + strlen(separator));
	return f;
}

struct scene {
	struct arena a;
	struct stored_advisory v;
	struct advisory_statement statements[MAX_SOURCES];
	struct advisory_origin origins[MAX_SOURCES];
	struct advisory_source sources[MAX_SOURCES];
	struct finding_subject subject;
};

/* NAME vendor|other STATE ok|not [@product ][on:PLATFORM ]affected -> fixed */
static void add_source(struct scene *x, struct span text, const struct product *product)
{
	size_t i = x->v.source_count++;
	struct advisory_statement *s = &x->statements[i];
	struct err err = ERR_INIT;
	s->source = field(&text, " ");
	s->authoritative = span_eq_text(field(&text, " "), "vendor");
	enum advisory_state state = ADVISORY_PUBLISHED;
	assert_true(advisory_state_read(field(&text, " "), &state));
	s->status = span_eq_text(field(&text, " "), "not") ? STATEMENT_NOT_AFFECTED : STATEMENT_AFFECTED;
	if (span_starts(text, "@"))
		product = product_by_any(span_from(field(&text, " "), 1));
	assert_non_null(product);
	if (span_starts(text, "on:"))
		s->platform = span_from(field(&text, " "), 3);
	s->product = product;
	s->product_name = span_of(product->name);
	s->affected_text = field(&text, "->");
	s->fixed_text = span_trim(text);
	struct range_words_of row = { s->product_name, s->platform, s->affected_text, s->fixed_text };
	(void)!range_read_row(&x->a, product_scheme(product), &row, &s->range, &err);
	assert_int_equal(range_read_fixed(&x->a, product_scheme(product), s->fixed_text, &s->fixed, &s->fixed_count),
			 0);
	x->origins[i] = (struct advisory_origin){
		.document_digest = SPAN("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
		.document_id = SPAN("9001"),
		.record_state = state
	};
	x->sources[i] = (struct advisory_source){ .record = { .state = state, .id = SPAN("CVE-2099-1") },
						  .origin = x->origins[i],
						  .publisher = s->source };
	x->v.advisory.statement_count++;
	/* as merged.h says */
	enum advisory_state *merged = &x->v.advisory.state;
	if (i == 0 || state == ADVISORY_REJECTED || (state == ADVISORY_PUBLISHED && *merged == ADVISORY_WITHDRAWN))
		*merged = state;
}

static void read_subject(struct scene *x, struct span *line)
{
	struct span product = field(line, " |");
	x->subject.component.product = product_by_any(product);
	if (x->subject.component.product)
		x->subject.component.purl = span_of(x->subject.component.product->purl);
	assert_true(carrier_read(field(line, " |"), &x->subject.carrier));
	struct span version = field(line, " |");
	x->subject.component.version = field(&version, " on "); /* "10.14.2 on DriveOS" */
	x->subject.component.line = platform_line_of(version);
	struct span claim = field(line, " |"), word = field(&claim, " ");
	x->subject.claim = span_eq_text(word, "conflict")  ? CLAIM_CONFLICT
			   : span_eq_text(word, "unknown") ? CLAIM_UNKNOWN
							   : CLAIM_CLEAR;
	x->subject.claim_cause = claim;
	struct span policy = field(line, " |");
	x->v.policy.decided = engine_affecting_read(policy, &x->v.policy.engine_affecting);
}

static void check_line(struct span line)
{
	struct scene x = { .a = ARENA_INIT(4 * MIB) };
	struct span whole = line;
	x.v.advisory.id = SPAN("CVE-2099-1");
	x.v.advisory.statements = x.statements;
	x.v.origins = x.origins;
	x.v.sources = x.sources;
	read_subject(&x, &line);
	struct span sources = field(&line, " |"), want = span_trim(line);
	while (sources.n)
		add_source(&x, field(&sources, " ;"), x.subject.component.product);
	struct finding f;
	struct err err = ERR_INIT;
	assert_ok(finding_judge(&x.a, &x.subject, &x.v, &f, &err), &err);
	char got[128];
	snprintf(got, sizeof got, "%s %s%s%s", finding_kind_name(f.kind), finding_cause_name(f.cause),
		 f.source_conflict ? " !source" : "", f.conservative ? " !careful" : "");
	if (!span_eq_text(want, got)) {
		RF_AUTO(str) words = STR_INIT(64 * KIB);
		reason_words(&f.reason, &words);
		fail_msg("%.*s\nis %s\n%s", SPAN_ARG(whole), got, str_text(&words));
	}
	assert_int_equal(f.reason.steps[f.reason.count - 1].kind, REASON_RESULT);
	struct str bytes = STR_INIT(64 * KIB);
	struct stored_advisory carried = carry(&x.a, &x.v, &bytes);
	assert_judged_alike(&x.subject, &x.v, &carried, true);
	str_release(&bytes);
	arena_release(&x.a);
}

static void table(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	assert_ok(fs_read("tests/data/exposure/findings.txt", &text, &err), &err);
	struct span rest = str_span(&text), line;
	while (span_line(&rest, &line))
		if (line.n && line.p[0] != '#')
			check_line(line);
}

static void chain_names_text_digest_and_comparison(void **state)
{
	(void)state;
	struct scene x = { .a = ARENA_INIT(4 * MIB) };
	struct err err = ERR_INIT;
	struct finding f;
	x.v.advisory.statements = x.statements;
	x.v.origins = x.origins;
	x.v.sources = x.sources;
	x.subject = (struct finding_subject){ .component = { .product = product_by_any(SPAN("TensorRT")),
							     .purl = SPAN("pkg:generic/nvidia/tensorrt"),
							     .version = SPAN("10.13.3.9") } };
	add_source(&x, SPAN("NV vendor published ok v0 - v10.16.1 -> v11.0"), x.subject.component.product);
	add_source(&x, SPAN("DB other published ok prior to 11.1 -> 11.1, 10.17"), x.subject.component.product);
	assert_ok(finding_judge(&x.a, &x.subject, &x.v, &f, &err), &err);
	RF_AUTO(str) words = STR_INIT(64 * KIB);
	RF_AUTO(str) json = STR_INIT(64 * KIB);
	reason_words(&f.reason, &words);
	struct json_out o = json_out(&json, false);
	reason_json(&f.reason, &o);
	static const char *const in_words[] = { "affected \"v0 - v10.16.1\", fixed \"v11.0\"",
						"sha256 0123456789ab",
						"10.13.3.9 < v11.0: inside",
						"engine_affecting yes",
						"affected: the version is in an affected range",
						"10.13.3.9 < 11.1" };
	for (size_t i = 0; i < RF_COUNT(in_words); i++)
		if (!strstr(str_text(&words), in_words[i]))
			fail_msg("no \"%s\" in\n%s", in_words[i], str_text(&words));
	static const char *const in_json[] = {
		"\"step\":\"comparison\"", "\"comparison\":\"10.13.3.9 < v11.0\"",
		"\"affected_text\":\"v0 - v10.16.1\"",
		"\"sha256\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"",
		"\"finding\":\"affected\""
	};
	for (size_t i = 0; i < RF_COUNT(in_json); i++)
		if (!strstr(str_text(&json), in_json[i]))
			fail_msg("no %s in\n%s", in_json[i], str_text(&json));
	/* the vendor's fix counts, not the other source's */
	assert_int_equal(f.fixed_count, 1);
	assert_true(span_eq_text(f.fixed[0], "v11.0"));
	arena_release(&x.a);
}

static void chains_are_bounded(void **state)
{
	(void)state;
	struct arena a = ARENA_INIT(4 * MIB);
	struct reason r = { .a = &a };
	for (int i = 0; i < 2 * REASON_MAX_STEPS; i++)
		(void)reason_add(&r, REASON_CLAIM, "step %d", i);
	assert_int_equal(r.count, REASON_MAX_STEPS - 1);
	assert_non_null(reason_add(&r, REASON_RESULT, "the end"));
	assert_int_equal(r.left_out, REASON_MAX_STEPS + 1);
	reason_fact(NULL, "key", SPAN("value"));
	arena_release(&a);
}

static void out_of_memory_is_an_error(void **state)
{
	(void)state;
	for (size_t limit = 100; limit < 40000; limit += 1500) {
		struct scene x = { .a = ARENA_INIT(4 * MIB) };
		struct arena small = ARENA_INIT(limit);
		struct err err = ERR_INIT;
		struct finding f;
		x.v.advisory.statements = x.statements;
		x.v.origins = x.origins;
		x.v.sources = x.sources;
		x.subject = (struct finding_subject){ .component = { .product = product_by_any(SPAN("TensorRT")),
								     .version = SPAN("10.1") } };
		add_source(&x, SPAN("NV vendor published ok v0 - v10.16.1 -> v11.0"), x.subject.component.product);
		int rc = finding_judge(&small, &x.subject, &x.v, &f, &err);
		assert_true(rc == RF_ENOMEM || (rc == 0 && f.kind == FINDING_AFFECTED));
		arena_release(&small);
		arena_release(&x.a);
	}
}

static void names(void **state)
{
	(void)state;
	enum finding_kind k;
	enum finding_cause c;
	assert_true(finding_kind_read(SPAN("conflict"), &k) && k == FINDING_CONFLICT);
	assert_false(finding_kind_read(SPAN("bad"), &k));
	for (int i = 0; i < CAUSE_COUNT; i++)
		assert_true(finding_cause_read(span_of(finding_cause_name((enum finding_cause)i)), &c) && (int)c == i);
	assert_false(finding_cause_read(SPAN(""), &c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(chain_names_text_digest_and_comparison),
		cmocka_unit_test(chains_are_bounded),
		cmocka_unit_test(out_of_memory_is_an_error),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
