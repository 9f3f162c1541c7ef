/* Whose word counts, which decision holds, who contradicts whom. */
#include "testing.h"

#include "advisory/merged.h"

#define SOURCES 4

struct scene {
	struct arena a;
	struct stored_advisory v;
	struct advisory_statement statements[SOURCES];
	struct advisory_origin origins[SOURCES];
	struct advisory_source sources[SOURCES];
	struct advisory_severity severities[SOURCES];
};

static const struct product *trt(void)
{
	return product_by_any(SPAN("TensorRT"));
}

static void add(struct scene *x, const char *source, enum advisory_state state, const char *affected, const char *fixed)
{
	size_t i = x->v.source_count++;
	struct advisory_statement *s = &x->statements[i];
	struct err err = ERR_INIT;
	*s = (struct advisory_statement){ .source = span_of(source),
					  .product = trt(),
					  .product_name = SPAN("TensorRT"),
					  .affected_text = span_of(affected),
					  .fixed_text = span_of(fixed) };
	assert_ok(range_read(&x->a, product_scheme(trt()), s->affected_text, s->fixed_text, &s->range, &err), &err);
	x->origins[i] = (struct advisory_origin){ .record_state = state };
	x->sources[i] = (struct advisory_source){ .record = { .state = state },
						  .origin = x->origins[i],
						  .publisher = s->source };
	x->v.advisory.statements = x->statements;
	x->v.advisory.statement_count = x->v.source_count;
	x->v.origins = x->origins;
	x->v.sources = x->sources;
}

static void score(struct scene *x, size_t i, const char *vector, double stated, double computed)
{
	x->severities[i] = (struct advisory_severity){ .source = x->sources[i].publisher,
						       .type = SPAN("CVSS_V3"),
						       .vector = span_of(vector),
						       .score = stated,
						       .computed = computed };
	x->sources[i].record.severities = &x->severities[i];
	x->sources[i].record.severity_count = 1;
}

/* The kinds found, "range score ". */
static void assert_contradictions(struct scene *x, const char *want)
{
	struct contradiction *list;
	struct err err = ERR_INIT;
	size_t n;
	RF_AUTO(str) got = STR_INIT(4 * KIB);
	assert_ok(advisory_contradictions(&x->a, &x->v, &list, &n, &err), &err);
	for (size_t i = 0; i < n; i++) {
		assert_true(list[i].words.n > 0);
		str_addf(&got, "%s ", contradiction_kind_name(list[i].kind));
	}
	assert_string_equal(str_text(&got), want);
}

static void contradictions(void **state)
{
	(void)state;
	struct scene x = { .a = ARENA_INIT(8 * MIB) };
	add(&x, "NVIDIA", ADVISORY_PUBLISHED, "v0 - v10.17.0", "v11.1");
	x.statements[0].authoritative = true;
	add(&x, "NVD", ADVISORY_PUBLISHED, "v0 - v10.17.0", "v11.1");
	assert_contradictions(&x, "");
	arena_release(&x.a);

	x = (struct scene){ .a = ARENA_INIT(8 * MIB) };
	add(&x, "NVIDIA", ADVISORY_PUBLISHED, "prior to 11.1", "11.1");
	x.statements[0].authoritative = true;
	add(&x, "OTHER", ADVISORY_PUBLISHED, "prior to 10.2", "10.2");
	add(&x, "NVD", ADVISORY_REJECTED, "prior to 10.2", "10.2");
	x.statements[1].contradiction = SPAN("says one thing and another");
	score(&x, 0, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8, 9.8);
	score(&x, 1, "CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", 5.9, 7.8);
	assert_contradictions(&x, "within state range score vector ");
	arena_release(&x.a);

	/* scores of one rating, and of a source that takes them back, are none */
	x = (struct scene){ .a = ARENA_INIT(8 * MIB) };
	add(&x, "A", ADVISORY_PUBLISHED, "prior to 11.1", "11.1");
	add(&x, "B", ADVISORY_PUBLISHED, "prior to 11.1", "11.1");
	score(&x, 0, "x", 7.5, -1);
	score(&x, 1, "x", 8.8, -1);
	x.v.advisory.assigner = SPAN("fortinet");
	assert_contradictions(&x, "assigner ");
	x.statements[1].authoritative = true;
	assert_contradictions(&x, "");
	arena_release(&x.a);
}

static void authority(void **state)
{
	(void)state;
	struct advisory_statement own = { .authoritative = true };
	struct advisory none = { .statement_count = 0 }, vendor = { .statements = &own, .statement_count = 1 };
	assert_int_equal(advisory_authority_of(&vendor, "csaf"), AUTHORITY_VENDOR);
	assert_int_equal(advisory_authority_of(&vendor, "cve"), AUTHORITY_VENDOR);
	assert_int_equal(advisory_authority_of(&none, "cve"), AUTHORITY_CNA);
	assert_int_equal(advisory_authority_of(&none, "nvd"), AUTHORITY_NVD);
	assert_int_equal(advisory_authority_of(&none, "osv"), AUTHORITY_OTHER);
	assert_true(AUTHORITY_VENDOR > AUTHORITY_CNA && AUTHORITY_CNA > AUTHORITY_NVD &&
		    AUTHORITY_NVD > AUTHORITY_OTHER);
}

/* The narrowest scope counts, of equals the newest. */
static void decisions(void **state)
{
	(void)state;
	const struct product *onnx = product_by_any(SPAN("ONNX"));
	struct range *range = NULL;
	struct arena a = ARENA_INIT(1 * MIB);
	struct err err = ERR_INIT;
	assert_ok(range_read(&a, product_scheme(trt()), SPAN("prior to 11"), SPAN_NONE, &range, &err), &err);
	struct advisory_decision d[] = {
		{ .kind = DECISION_APPLIES, .applies = true },
		{ .kind = DECISION_APPLIES, .product = trt() },
		{ .kind = DECISION_APPLIES, .service = SPAN("voice"), .applies = true },
		{ .kind = DECISION_APPLIES, .service = SPAN("voice"), .product = trt() },
		{ .kind = DECISION_RANGE, .product = trt(), .range = range },
		{ .kind = DECISION_RANGE, .product = onnx },
	};
	struct advisory_policy p = { .decisions = d, .decision_count = RF_COUNT(d) };
	assert_ptr_equal(advisory_applies_decision(&p, NULL, SPAN_NONE), &d[0]);
	assert_ptr_equal(advisory_applies_decision(&p, trt(), SPAN_NONE), &d[1]);
	assert_ptr_equal(advisory_applies_decision(&p, onnx, SPAN("voice")), &d[2]);
	assert_ptr_equal(advisory_applies_decision(&p, trt(), SPAN("voice")), &d[3]);
	assert_ptr_equal(advisory_applies_decision(&p, trt(), SPAN("reading")), &d[1]);
	assert_ptr_equal(advisory_range_decision(&p, trt()), &d[4]);
	assert_null(advisory_range_decision(&p, onnx)); /* taken back */
	assert_null(advisory_applies_decision(&(struct advisory_policy){ .decided = false }, trt(), SPAN("voice")));
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(contradictions), cmocka_unit_test(authority),
					    cmocka_unit_test(decisions) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
