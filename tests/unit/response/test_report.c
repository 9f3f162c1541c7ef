/*
 * The three renderings of one model with hostile names, against golden files: tests/data/response/report*.
 * REFORGE_REGENERATE=1 writes them anew; the difference is then for people to read.
 */
#include "response/report.h"

#include "base/fs.h"
#include "format/json.h"

#include "testing.h"

#define HOSTILE "a<script>alert(1)</script>|`x`\n\"'&"
#define T(minutes) (1784000000 * USEC_PER_SEC + (minutes)*USEC_PER_MIN)
#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct span advisory_ids[] = { { "DRILL-2026-001", 14 } };
static struct incident_environment environments[] = {
	{ .environment = SPAN("production"),
	  .tasks = 2,
	  .proven = 1,
	  .blocked = 1,
	  .releases = 2,
	  .published = 1,
	  .reached = { T(2), USEC_NONE, USEC_NONE, USEC_NONE, USEC_NONE } },
};
static struct clock_row clocks[1][CLOCK_STAGES];
static struct exposure_stale stale[] = {
	{ SPAN("nvidia <b>"), SPAN("stale: as of 3 d 02 h ago, limit 24 h"), T(0) },
};
static struct report_advisory advisories[] = {
	{ .id = "DRILL-2026-001",
	  .title = HOSTILE,
	  .severity = "7.8 HIGH",
	  .source = "drill",
	  .url = "javascript:alert(1)",
	  .published_at = T(0),
	  .is_drill = true,
	  .affected_text = "< 1.21.0",
	  .fixed_text = "1.21.0" },
};
static struct prove_output outputs[2];
static struct report_engine engines[2];
static struct release_plan releases[] = {
	{ .incident = 3,
	  .service = SPAN("reading"),
	  .environment = SPAN("production"),
	  .tasks = 1,
	  .proven = 1,
	  .release = SPAN("2026-07-14-DRILL-2026-001"),
	  .parent = SPAN(""),
	  .published_at = T(5),
	  .held_reason = SPAN(""),
	  .is_drill = true },
	{ .incident = 3,
	  .service = SPAN("yard"),
	  .environment = SPAN("production"),
	  .tasks = 1,
	  .blocked = 1,
	  .release = SPAN(""),
	  .parent = SPAN(""),
	  .published_at = USEC_NONE,
	  .held_reason = SPAN(""),
	  .is_drill = true },
};
static struct plan_rest rests[] = {
	{ .service = "reading",
	  .environment = "production",
	  .carrier = "runtime",
	  .component = "pkg:generic/microsoft/onnxruntime@1.20.1",
	  .advisory = "DRILL-2026-001",
	  .text = "moves with the release",
	  .owner = HOSTILE },
};
static struct report_event events[] = {
	{ T(2), "incident.opened", "incident/3", "user:root@host", HOSTILE },
	{ T(5), "release.published", "release", "reforge:response", "service: reading" },
};

static void fill_engines(void)
{
	outputs[0] = (struct prove_output){ .name = HOSTILE,
					    .judgement = JUDGEMENT_PASS,
					    .text = "within 1e-4",
					    .numeric = { .elements = 100,
							 .identical = 90,
							 .max_abs = 3.1e-7,
							 .max_rel = 2e-6,
							 .min_cosine = 0.9999999,
							 .cosine_tensors = 4 } };
	outputs[1] = (struct prove_output){ .name = "{\"a\": 1}",
					    .judgement = JUDGEMENT_PASS,
					    .text = "identical",
					    .numeric = { .elements = 7, .identical = 7 } };
	engines[0] = (struct report_engine){
		.task = { .id = 7,
			  .incident = 3,
			  .attempt = 2,
			  .state = TASK_PROVEN,
			  .service = SPAN("reading"),
			  .environment = SPAN("production"),
			  .model = SPAN(HOSTILE),
			  .target = SPAN("linux-x86_64/cpu-avx512"),
			  .toolchain = SPAN("onnxruntime"),
			  .from_version = SPAN("1.20.1"),
			  .to_version = SPAN("1.21.1"),
			  .engine_path = SPAN("/srv/" HOSTILE),
			  .engine_digest = SPAN(HEX_A),
			  .new_digest = SPAN(HEX_B),
			  .engine_bytes = 1500000,
			  .new_bytes = 1490000,
			  .build_digest = SPAN(HEX_A),
			  .proof_digest = SPAN(HEX_B),
			  .reason = SPAN(""),
			  .owner = SPAN(""),
			  .built_at = T(3),
			  .proven_at = T(4),
			  .build_usec = 1200000,
			  .prove_usec = 3400000,
			  .is_drill = true },
		.has_proof = true,
		.build_isolation = "bubblewrap",
		.library_digest = HEX_A,
		.log_digest = HEX_B,
		.release_path = "releases/reading/x/model.onnx",
		.proof = { .numeric = JUDGEMENT_PASS,
			   .performance = JUDGEMENT_INCONCLUSIVE,
			   .reason = "same within tolerance",
			   .performance_text = "p50 -1.6 %",
			   .outputs = outputs,
			   .outputs_n = 2,
			   .cases = 4,
			   .isolation = "bubblewrap" },
	};
	struct prove_latency *sides[] = { &engines[0].proof.old_latency, &engines[0].proof.new_latency };
	for (int side = 0; side < 2; side++) {
		sides[side]->samples = 500;
		sides[side]->mean_ns = 1250000 - side * 20000;
		for (int q = 0; q < PROVE_QUANTILES; q++)
			sides[side]->quantiles_ns[q] = 1000000u + (unsigned)(q * 30000 - side * 20000 + 20000);
		sides[side]->p50_ns = sides[side]->quantiles_ns[10];
		sides[side]->p99_ns = sides[side]->quantiles_ns[20];
	}
	engines[1] = (struct report_engine){
		.task = { .id = 8,
			  .incident = 3,
			  .attempt = 1,
			  .state = TASK_BLOCKED,
			  .service = SPAN("yard"),
			  .environment = SPAN("production"),
			  .model = SPAN("gate"),
			  .target = SPAN("linux-x86_64/sm_86"),
			  .toolchain = SPAN("tensorrt"),
			  .from_version = SPAN(""),
			  .to_version = SPAN(""),
			  .engine_path = SPAN("/srv/gate.plan"),
			  .engine_digest = SPAN(HEX_A),
			  .engine_bytes = 4096,
			  .new_digest = SPAN(""),
			  .build_digest = SPAN(""),
			  .proof_digest = SPAN(""),
			  .reason = SPAN("no GPU: " HOSTILE),
			  .owner = SPAN("gpu-farm (#gpu)"),
			  .built_at = USEC_NONE,
			  .proven_at = USEC_NONE,
			  .is_drill = true },
		.build_isolation = "",
		.library_digest = "",
		.log_digest = "",
		.release_path = "",
	};
}

static struct report model(void)
{
	fill_engines();
	struct report r = {
		.site = "test-site",
		.generated_by = "user:root@host",
		.generated_at = T(10),
		.advisories = advisories,
		.advisory_count = 1,
		.stale = stale,
		.stale_count = 1,
		.clocks = clocks,
		.engines = engines,
		.engine_count = 2,
		.releases = releases,
		.release_count = 2,
		.rests = rests,
		.rest_count = 1,
		.events = events,
		.event_count = 2,
		.key_id = HEX_A,
		.stage = CLOCK_ENVIRONMENT,
		.incident = { .id = 3,
			      .name = SPAN("DRILL-2026-001"),
			      .state = INCIDENT_OPEN,
			      .is_drill = true,
			      .t0 = T(0),
			      .published_at = T(0),
			      .opened_at = T(2),
			      .changed_at = T(2),
			      .t0_source = SPAN("published"),
			      .opened_by = SPAN("user:root@host"),
			      .reason = SPAN(""),
			      .advisories = advisory_ids,
			      .advisory_count = 1,
			      .environments = environments,
			      .environment_count = 1 },
	};
	r.ledger.size = 42;
	int64_t n[CLOCK_STAGES], m[CLOCK_STAGES];
	for (int s = 0; s < CLOCK_STAGES; s++)
		incident_stage_counts(&environments[0], (enum clock_stage)s, &n[s], &m[s]);
	clock_evaluate(T(0), &CLOCK_DEFAULT_LIMITS, environments[0].reached, n, m, T(70), clocks[0]);
	return r;
}

static void check(enum report_format format, enum report_language language, const char *path)
{
	struct report r = model();
	RF_AUTO(str) text = STR_INIT(4 * MIB);
	RF_AUTO(str) golden = STR_INIT(4 * MIB);
	struct err err = ERR_INIT;
	assert_ok(report_render(&r, format, language, &text, &err), &err);
	const char *again = getenv("REFORGE_REGENERATE");
	if (again && *again)
		assert_ok(fs_write_atomic(path, str_span(&text), 0644, &err), &err);
	assert_ok(fs_read(path, &golden, &err), &err);
	if (!span_eq(str_span(&golden), str_span(&text)))
		fail_msg("%s differs from what is rendered (REFORGE_REGENERATE=1 writes it anew)", path);
}

static void goldens(void **state)
{
	(void)state;
	check(REPORT_HTML, REPORT_EN, "tests/data/response/report.html");
	check(REPORT_HTML, REPORT_ZH_CN, "tests/data/response/report.zh-CN.html");
	check(REPORT_MARKDOWN, REPORT_EN, "tests/data/response/report.md");
	check(REPORT_JSON, REPORT_EN, "tests/data/response/report.json");
}

/* Whatever the golden file says: no markup of a name may live, nothing may be loaded. */
static void html_is_inert(void **state)
{
	(void)state;
	struct report r = model();
	RF_AUTO(str) text = STR_INIT(4 * MIB);
	struct err err = ERR_INIT;
	assert_ok(report_render(&r, REPORT_HTML, REPORT_EN, &text, &err), &err);
	static const char *const forbidden[] = { "<script", "href=", "src=",    "@import", "url(",
						 "<link",   "<img",  "<iframe", "onload" };
	for (size_t i = 0; i < RF_COUNT(forbidden); i++)
		if (strstr(str_text(&text), forbidden[i]))
			fail_msg("the page has %s", forbidden[i]);
	assert_non_null(strstr(str_text(&text), "&lt;script&gt;"));
	/* marked as a drill: title, banner, advisory, engines, release, what is left */
	size_t drills = 0;
	for (const char *p = str_text(&text); (p = strstr(p, "DRILL<")) || 0; p++)
		drills++;
	assert_true(drills >= 5);
}

static void markdown_cells_hold(void **state)
{
	(void)state;
	struct report r = model();
	RF_AUTO(str) text = STR_INIT(4 * MIB);
	struct err err = ERR_INIT;
	assert_ok(report_render(&r, REPORT_MARKDOWN, REPORT_EN, &text, &err), &err);
	assert_null(strstr(str_text(&text), "<script"));
	/* every row of a table has as many unescaped bars as its head */
	struct span rest = str_span(&text), line;
	size_t wanted = 0;
	while (span_line(&rest, &line)) {
		size_t bars = 0;
		for (size_t i = 0; i < line.n; i++)
			bars += line.p[i] == '|' && (i == 0 || line.p[i - 1] != '\\');
		if (!span_starts(line, "|"))
			wanted = 0;
		else if (!wanted)
			wanted = bars;
		else
			assert_int_equal(bars, wanted);
	}
}

static void json_parses(void **state)
{
	(void)state;
	struct report r = model();
	RF_AUTO(str) text = STR_INIT(4 * MIB);
	struct err err = ERR_INIT;
	assert_ok(report_render(&r, REPORT_JSON, REPORT_EN, &text, &err), &err);
	struct json_doc *doc = json_doc_new();
	struct json root;
	assert_ok(json_parse(doc, str_span(&text), &root, &err), &err);
	struct json_each it = json_each(json_get(root, "engines"));
	assert_true(json_next(&it));
	assert_true(span_eq_text(json_string(json_get(it.value, "model")), HOSTILE));
	json_doc_free(doc);
}

static void limit_is_an_error(void **state)
{
	(void)state;
	struct report r = model();
	RF_AUTO(str) text = STR_INIT(1000);
	struct err err = ERR_INIT;
	assert_int_equal(report_render(&r, REPORT_HTML, REPORT_EN, &text, &err), RF_ETOOBIG);
}

static void names(void **state)
{
	(void)state;
	enum report_language l;
	enum report_format f;
	assert_true(report_language_read(SPAN("zh-CN"), &l));
	assert_int_equal(l, REPORT_ZH_CN);
	assert_false(report_language_read(SPAN("fr"), &l));
	assert_true(report_format_read(SPAN("md"), &f));
	assert_string_equal(report_format_extension(f), "md");
	assert_false(report_format_read(SPAN("pdf"), &f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goldens),
		cmocka_unit_test(html_is_inert),
		cmocka_unit_test(markdown_cells_hold),
		cmocka_unit_test(json_parses),
		cmocka_unit_test(limit_is_an_error),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
