/* The order of work: CISA's table point by point, what signals and vectors say, what comes before what. */
#include "testing.h"

#include "base/fs.h"
#include "exposure/priority.h"

/* Each row as it is published stands in the data file: not made from the table in priority.c. */
static void table_is_the_publications(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	assert_ok(fs_read("tests/data/exposure/coordinator.txt", &text, &err), &err);
	struct span rest = str_span(&text), line;
	size_t rows = 0;
	while (span_line(&rest, &line)) {
		if (!line.n || line.p[0] == '#')
			continue;
		struct span words[5] = { SPAN_NONE }, left = line;
		for (size_t i = 0; i < RF_COUNT(words); i++)
			assert_true(span_split(&left, ' ', &words[i]));
		enum ssvc_exploitation e = SSVC_EXPLOITATION_NONE;
		while (!span_eq_text(words[0], ssvc_exploitation_name(e)))
			e++;
		enum ssvc_automatable a = span_eq_text(words[1], "yes") ? SSVC_AUTOMATABLE_YES : SSVC_AUTOMATABLE_NO;
		enum ssvc_impact i = span_eq_text(words[2], "total") ? SSVC_IMPACT_TOTAL : SSVC_IMPACT_PARTIAL;
		enum priority_mission m = PRIORITY_MISSION_LOW;
		while (!span_eq_text(words[3], priority_mission_name(m)))
			m++;
		if (!span_eq_text(words[4], priority_action_name(priority_decide(e, a, i, m))))
			fail_msg("%.*s: %s", SPAN_ARG(line), priority_action_name(priority_decide(e, a, i, m)));
		rows++;
	}
	assert_int_equal(rows, 36);
}

#define V31 "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
#define V31_LOCAL "CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:L"
#define V40 "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"

static const struct priority_facts base = { .id = { "CVE-2099-1", 10 },
					    .finding = FINDING_AFFECTED,
					    .cvss = 9.8,
					    .epss = -1,
					    .kev_due = USEC_NONE,
					    .criticality = WORKSPACE_NORMAL,
					    .reach = WORKSPACE_REACH_INTERNAL };

static struct priority judge(struct arena *a, struct priority_facts f)
{
	struct err err = ERR_INIT;
	struct priority p;
	assert_ok(priority_of(a, &f, &p, &err), &err);
	assert_int_equal(p.reason.count, 5);
	return p;
}

static void points_come_from_what_is_said(void **state)
{
	(void)state;
	struct arena a = ARENA_INIT(64 * MIB);
	struct priority_facts f = base;
	struct priority p = judge(&a, f); /* nothing is said: the worse of what a vector would tell */
	assert_int_equal(p.exploitation, SSVC_EXPLOITATION_NONE);
	assert_int_equal(p.automatable, SSVC_AUTOMATABLE_YES);
	assert_int_equal(p.impact, SSVC_IMPACT_TOTAL);
	f.vector = SPAN(V31_LOCAL);
	p = judge(&a, f);
	assert_int_equal(p.automatable, SSVC_AUTOMATABLE_NO);
	assert_int_equal(p.impact, SSVC_IMPACT_PARTIAL);
	f.vector = SPAN(V40);
	p = judge(&a, f);
	assert_int_equal(p.automatable, SSVC_AUTOMATABLE_YES);
	assert_int_equal(p.impact, SSVC_IMPACT_TOTAL);
	f.exploitation = SSVC_EXPLOITATION_NONE;
	f.automatable = SSVC_AUTOMATABLE_NO;
	f.impact = SSVC_IMPACT_PARTIAL;
	f.epss = 0.1;
	p = judge(&a, f);
	assert_int_equal(p.exploitation, SSVC_EXPLOITATION_NONE);
	assert_int_equal(p.automatable, SSVC_AUTOMATABLE_NO);
	assert_int_equal(p.impact, SSVC_IMPACT_PARTIAL);
	f.epss = 0.4;
	assert_int_equal(judge(&a, f).exploitation, SSVC_EXPLOITATION_POC);
	f.exploitation = SSVC_EXPLOITATION_ACTIVE; /* EPSS does not lower */
	assert_int_equal(judge(&a, f).exploitation, SSVC_EXPLOITATION_ACTIVE);
	f.exploitation = SSVC_EXPLOITATION_NONE;
	f.kev = true;
	assert_int_equal(judge(&a, f).exploitation, SSVC_EXPLOITATION_ACTIVE);
	f.criticality = WORKSPACE_CRITICAL;
	assert_int_equal(judge(&a, f).action, PRIORITY_ATTEND);
	f.impact = SSVC_IMPACT_TOTAL;
	assert_int_equal(judge(&a, f).action, PRIORITY_ACT);
	arena_release(&a);
}

/* Each comes before the next. */
static void order(void **state)
{
	(void)state;
	struct arena a = ARENA_INIT(64 * MIB);
	struct priority_facts f[12];
	for (size_t i = 0; i < RF_COUNT(f); i++)
		f[i] = base;
	f[0].kev = true; /* act: active, automatable, total, medium */
	f[0].kev_due = 5;
	f[1] = f[0];
	f[1].kev_due = 6;
	f[2] = f[0];
	f[2].kev_due = USEC_NONE;
	f[3] = f[2];
	f[3].finding = FINDING_CONFLICT;
	f[4].criticality = WORKSPACE_HIGH; /* attend */
	f[4].reach = WORKSPACE_REACH_PUBLIC;
	f[5] = f[4];
	f[5].reach = WORKSPACE_REACH_ISOLATED;
	f[6].epss = 0.1; /* track */
	f[7].cvss = 9.8;
	f[8].cvss = 5.0;
	f[9].cvss = 5.0;
	f[9].id = SPAN("CVE-2099-2");
	f[10].finding = FINDING_UNKNOWN;
	f[11] = f[0]; /* urgent, and nowhere */
	f[11].finding = FINDING_NOT_AFFECTED;
	for (size_t i = 0; i < RF_COUNT(f); i++)
		for (size_t k = 0; k < RF_COUNT(f); k++) {
			struct priority x = judge(&a, f[i]), y = judge(&a, f[k]);
			int c = priority_compare(&x, &y);
			if ((i < k && c >= 0) || (i > k && c <= 0) || (i == k && c))
				fail_msg("%zu against %zu: %d", i, k, c);
		}
	arena_release(&a);
}

static void facts_of_an_advisory(void **state)
{
	(void)state;
	struct advisory_severity scores[] = {
		{ .source = SPAN("NVD"),
		  .type = SPAN("CVSS_V2"),
		  .vector = SPAN("AV:N/AC:L/Au:N/C:C/I:C/A:C"),
		  .score = 10,
		  .computed = 10 },
		{ .source = SPAN("CNA"),
		  .type = SPAN("CVSS_V3"),
		  .vector = SPAN(V31_LOCAL),
		  .score = 5.9,
		  .computed = 7.3 },
		{ .source = SPAN("NVD"), .type = SPAN("CVSS_V3"), .vector = SPAN(V31), .score = 9.8, .computed = 9.8 }
	};
	struct advisory_signal signals[] = {
		{ .kind = SIGNAL_EPSS, .date = 10, .epss = { 0.5, 0.9 } },
		{ .kind = SIGNAL_EPSS, .date = 20, .epss = { 0.3, 0.9 } },
		{ .kind = SIGNAL_SSVC,
		  .date = 20,
		  .ssvc = { SSVC_EXPLOITATION_POC, SSVC_AUTOMATABLE_NO, SSVC_IMPACT_TOTAL } },
		{ .kind = SIGNAL_SSVC,
		  .date = 10,
		  .ssvc = { SSVC_EXPLOITATION_NONE, SSVC_AUTOMATABLE_YES, SSVC_IMPACT_PARTIAL } },
		{ .kind = SIGNAL_KEV, .date = 1, .kev = { .due = 99 } },
		{ .kind = SIGNAL_KEV, .date = 1, .kev = { .due = 77, .ransomware = true } }
	};
	struct stored_advisory v = {
		.advisory = { .id = SPAN("CVE-2099-1"), .severities = scores, .severity_count = RF_COUNT(scores) },
		.signals = signals,
		.signal_count = RF_COUNT(signals)
	};
	struct priority_facts f = priority_facts_of(&v);
	assert_true(f.cvss > 7.2 && f.cvss < 7.4); /* recomputed, of the first that is not 2.0 */
	assert_true(f.epss > 0.29 && f.epss < 0.31);
	assert_int_equal(f.exploitation, SSVC_EXPLOITATION_POC);
	assert_int_equal(f.impact, SSVC_IMPACT_TOTAL);
	assert_true(f.kev && f.kev_ransomware && f.kev_due == 77);
	v.signal_count = v.advisory.severity_count = 0;
	f = priority_facts_of(&v);
	assert_true(f.cvss < 0 && f.epss < 0 && !f.kev && f.kev_due == USEC_NONE &&
		    f.exploitation == SSVC_EXPLOITATION_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(table_is_the_publications),
					    cmocka_unit_test(points_come_from_what_is_said), cmocka_unit_test(order),
					    cmocka_unit_test(facts_of_an_advisory) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
