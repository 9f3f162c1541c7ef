/* Exposures in a database: opened, kept, cleared with a reason; lists, services, explanations, stories. */
#include "store.h"

/* What stands in the fleet. @content makes the digest. */
struct piece {
	const char *path, *kind, *product, *version, *service, *runtime_product, *runtime_version;
	enum artifact_finding finding;
	const char *cause;
	unsigned char content;
};

static void place(struct fixture *f, const struct piece *engines, size_t n)
{
	struct err err = ERR_INIT;
	struct inventory_batch *b = inventory_batch_new();
	assert_non_null(b);
	struct arena a = ARENA_INIT(1 * MIB);
	static const char *const services[] = { "voice", "reading", "specimens" };
	for (size_t i = 0; i < RF_COUNT(services); i++) {
		struct inventory_place root = {
			.host = "h", .service = services[i], .environment = "production", .model = ""
		};
		assert_ok(inventory_batch_root(b, "/r", &root, &err), &err);
	}
	for (size_t i = 0; i < n; i++) {
		const struct piece *e = &engines[i];
		struct artifact_evidence evidence = { .what = "ftrt version",
						      .offset = 24,
						      .bytes = { 10, 13, 3, 9 },
						      .byte_count = 4,
						      .value = e->version };
		struct artifact_facts facts = { .kind = e->kind,
						.layout = "",
						.product = e->product,
						.finding = e->finding,
						.cause = e->cause,
						.version_source = e->version[0] ? ARTIFACT_VERSION_HEADER
										: ARTIFACT_VERSION_UNKNOWN,
						.cc_major = -1,
						.cc_minor = -1,
						.target = "sm_86",
						.size = 100,
						.notes = { "seen in a test" },
						.note_count = 1,
						.evidence = &evidence,
						.evidence_count = 1 };
		snprintf(facts.version, sizeof facts.version, "%s", e->version);
		struct inventory_place where = { .host = "h",
						 .service = e->service,
						 .environment = "production",
						 .model = "m",
						 .runtime_product = e->runtime_product,
						 .runtime_version = e->runtime_version };
		struct scan_file file = { .path = e->path,
					  .root = "/r",
					  .identity = { 1, i + 1, 100, 5, 6 },
					  .has_digest = true,
					  .facts = &facts };
		memset(file.digest.bytes, e->content, DIGEST_BYTES);
		assert_ok(inventory_batch_add(b, &file, &where, &err), &err);
	}
	assert_ok(inventory_record(f->db, b, NULL, &err), &err);
	inventory_batch_free(b);
	arena_release(&a);
}

static const struct piece fleet[] = {
	{ "/r/a.onnx", ARTIFACT_ONNXRUNTIME_OPTIMISED, ORT, "1.20.1", "voice", ORT, "1.21.1", ARTIFACT_CLEAR, "", 1 },
	{ "/r/b.onnx", ARTIFACT_ONNXRUNTIME_OPTIMISED, ORT, "1.21.1", "voice", ORT, "1.21.1", ARTIFACT_CLEAR, "", 2 },
	{ "/r/c.ort", ARTIFACT_ONNXRUNTIME_ORT, ORT, "", "reading", ORT, "1.18.0", ARTIFACT_UNKNOWN, "unknown_builder",
	  3 },
	{ "/r/d.plan", ARTIFACT_TENSORRT_PLAN, TRT, "10.13.3.9", "specimens", NULL, NULL, ARTIFACT_CLEAR, "", 4 },
	{ "/r/e.plan", ARTIFACT_TENSORRT_PLAN, TRT, "11.0.0", "specimens", NULL, NULL, ARTIFACT_CONFLICT,
	  "header_mismatch", 5 },
	{ "/r/f.plan", ARTIFACT_LFS_POINTER, NULL, "", "specimens", NULL, NULL, ARTIFACT_UNKNOWN, "content_absent", 6 },
	{ "/r/g.onnx", ARTIFACT_ONNX, NULL, "", "voice", ORT, "1.21.1", ARTIFACT_CLEAR, "", 7 },
	{ "/r/t.cache", ARTIFACT_TENSORRT_TIMING_CACHE, NULL, "", "specimens", NULL, NULL, ARTIFACT_CLEAR, "", 8 },
};

static void carriers_are_kept_apart(void **state)
{
	struct fixture *f = begin(state);
	import(f, OSV("CVE-2099-1", "2026-01-01T00:00:00Z", PYPI("onnxruntime", "1.21.0")));
	import(f, OSV("CVE-2099-2", "2026-01-01T00:00:00Z", PYPI("tensorrt", "11.0")));
	place(f, fleet, RF_COUNT(fleet));
	struct exposure_changes c = refresh(f);
	assert_list(f, (struct exposure_filter){ .limit = 0 },
		    "CVE-2099-1 /r/c.ort builder ? unknown unknown_builder\n"
		    "CVE-2099-1 /r/c.ort runtime 1.18.0 affected in_range\n"
		    "CVE-2099-1 /r/f.plan builder ? unknown content_absent\n"
		    "CVE-2099-1 /r/a.onnx builder 1.20.1 affected in_range\n"
		    "CVE-2099-2 /r/d.plan builder 10.13.3.9 affected in_range\n"
		    "CVE-2099-2 /r/d.plan runtime ? unknown unknown_runtime\n"
		    "CVE-2099-2 /r/e.plan builder 11.0.0 conflict header_mismatch\n"
		    "CVE-2099-2 /r/e.plan runtime ? unknown unknown_runtime\n"
		    "CVE-2099-2 /r/f.plan builder ? unknown content_absent\n");
	assert_int_equal(c.opened, 9);
	assert_int_equal(c.open, 9);
	assert_true(c.components > 0);
	c = refresh(f);
	assert_int_equal(c.components, 0); /* judged once */
	assert_int_equal(c.opened + c.cleared, 0);
	assert_int_equal(c.open, 9);
	assert_list(f, (struct exposure_filter){ .service = SPAN("voice") },
		    "CVE-2099-1 /r/a.onnx builder 1.20.1 affected in_range\n");
	assert_list(f,
		    (struct exposure_filter){
			    .by_carrier = true, .carrier = CARRIER_RUNTIME, .at_least = FINDING_CONFLICT },
		    "CVE-2099-1 /r/c.ort runtime 1.18.0 affected in_range\n");
	assert_list(f, (struct exposure_filter){ .path = SPAN("/r/e.plan"), .limit = 1 },
		    "CVE-2099-2 /r/e.plan builder 11.0.0 conflict header_mismatch\n");
}

static void history_is_never_deleted(void **state)
{
	struct fixture *f = begin(state);
	struct piece engines[] = { fleet[0], fleet[1] };
	import(f, OSV("CVE-2099-1", "2026-01-01T00:00:00Z", PYPI("onnxruntime", "1.21.0")));
	place(f, engines, 2);
	assert_int_equal(refresh(f).opened, 1);
	engines[0].version = "1.21.1"; /* rebuilt */
	engines[0].content = 9;
	place(f, engines, 2);
	struct exposure_changes c = refresh(f);
	assert_int_equal(c.cleared, 1);
	assert_int_equal(c.open, 0);
	assert_list(f, (struct exposure_filter){ .limit = 0 }, "");
	assert_list(f, (struct exposure_filter){ .with_cleared = true },
		    "CVE-2099-1 /r/a.onnx builder 1.20.1 affected in_range cleared gone\n");
	/* the vendor says more: the new one is hit too */
	import(f, OSV("CVE-2099-1", "2026-01-02T00:00:00Z", PYPI("onnxruntime", "1.22.0")));
	c = refresh(f);
	assert_int_equal(c.opened, 4);
	/* and takes it back */
	import(f, OSV("CVE-2099-1", "2026-01-03T00:00:00Z",
		      "\"withdrawn\":\"2026-01-03T00:00:00Z\"," PYPI("onnxruntime", "1.22.0")));
	c = refresh(f);
	assert_int_equal(c.cleared, 4);
	assert_list(f, (struct exposure_filter){ .with_cleared = true, .path = SPAN("/r/b.onnx") },
		    "CVE-2099-1 /r/b.onnx builder 1.21.1 affected in_range cleared advisory_withdrawn\n"
		    "CVE-2099-1 /r/b.onnx runtime 1.21.1 affected in_range cleared advisory_withdrawn\n");
}

static int decide_no(struct transaction *tx, void *data)
{
	(void)data;
	int rc = advisory_decide(tx, SPAN("CVE-2099-1"), ENGINE_AFFECTING_NO, "user:ann@host",
				 "the parser is not in the file");
	return rc ? rc : exposure_refresh_tx(tx, "user:ann@host", NULL);
}

static void decisions_and_drills(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	import(f, OSV("CVE-2099-1", "2026-01-01T00:00:00Z", PYPI("onnxruntime", "1.21.0")));
	import(f, OSV("DRILL-2026-1", "2026-01-01T00:00:00Z", PYPI("onnxruntime", "1.21.0")));
	place(f, fleet, 2);
	assert_int_equal(refresh(f).opened, 2);
	assert_ok(database_transact(f->db, DB_WRITE, decide_no, NULL, &err), &err);
	assert_list(f, (struct exposure_filter){ .with_cleared = true, .without_drills = true },
		    "CVE-2099-1 /r/a.onnx builder 1.20.1 affected in_range cleared not_affected\n");
	assert_list(f, (struct exposure_filter){ .limit = 0 },
		    "DRILL-2026-1 /r/a.onnx builder 1.20.1 affected in_range\n");
}

/* ── Decisions with a scope ─────────────────────────────────────────────────────────────────────────────────────── */

static int make_decision(struct transaction *tx, void *data)
{
	int rc = advisory_decide_scope(tx, SPAN("CVE-2099-1"), data, "user:ann@host", "looked at it");
	return rc ? rc : exposure_refresh_tx(tx, "user:ann@host", NULL);
}

static int decide_scope(struct fixture *f, struct advisory_decision_made made)
{
	struct err err = ERR_INIT;
	return database_transact(f->db, DB_WRITE, make_decision, &made, &err);
}

static void it_does_not_apply_here(void **state)
{
	struct fixture *f = begin(state);
	struct piece engines[] = { fleet[0], fleet[0] };
	engines[1].path = "/r/z.onnx";
	engines[1].service = "reading";
	engines[1].content = 9;
	import(f, OSV("CVE-2099-1", "2026-01-01T00:00:00Z", PYPI("onnxruntime", "1.21.0")));
	place(f, engines, 2);
	assert_int_equal(refresh(f).opened, 2);
	assert_int_equal(decide_scope(f, (struct advisory_decision_made){ .kind = DECISION_APPLIES,
									  .service = "voice",
									  .owner = "ann" }),
			 0);
	assert_list(f, (struct exposure_filter){ .limit = 0 },
		    "CVE-2099-1 /r/z.onnx builder 1.20.1 affected in_range\n");
	assert_int_equal(decide_scope(f, (struct advisory_decision_made){ .kind = DECISION_APPLIES }), 0);
	assert_list(f, (struct exposure_filter){ .limit = 0 }, "");
	/* the narrower scope counts */
	assert_int_equal(decide_scope(f, (struct advisory_decision_made){ .kind = DECISION_APPLIES,
									  .service = "voice",
									  .applies = true }),
			 0);
	assert_list(f, (struct exposure_filter){ .limit = 0 },
		    "CVE-2099-1 /r/a.onnx builder 1.20.1 affected in_range\n");
	/* of another product: nothing changes */
	assert_int_equal(decide_scope(f, (struct advisory_decision_made){ .kind = DECISION_APPLIES,
									  .product = product_by_any(SPAN(TRT)) }),
			 0);
	assert_list(f, (struct exposure_filter){ .limit = 0 },
		    "CVE-2099-1 /r/a.onnx builder 1.20.1 affected in_range\n");
}

static void another_range_stands_above_the_sources(void **state)
{
	struct fixture *f = begin(state);
	struct advisory_decision_made range = { .kind = DECISION_RANGE, .product = product_by_any(SPAN(ORT)) };
	import(f, OSV("CVE-2099-1", "2026-01-01T00:00:00Z", PYPI("onnxruntime", "1.21.0")));
	place(f, fleet, 2);
	assert_int_equal(refresh(f).opened, 1);
	range.range = SPAN("prior to 1.20.0");
	assert_int_equal(decide_scope(f, range), 0);
	assert_list(f, (struct exposure_filter){ .limit = 0 }, "");
	range.range = SPAN("vers:generic/<1.22.0");
	assert_int_equal(decide_scope(f, range), 0);
	assert_list(f, (struct exposure_filter){ .path = SPAN("/r/b.onnx") },
		    "CVE-2099-1 /r/b.onnx builder 1.21.1 affected in_range\n"
		    "CVE-2099-1 /r/b.onnx runtime 1.21.1 affected in_range\n");
	range.range = SPAN_NONE; /* the sources' again */
	assert_int_equal(decide_scope(f, range), 0);
	assert_list(f, (struct exposure_filter){ .limit = 0 },
		    "CVE-2099-1 /r/a.onnx builder 1.20.1 affected in_range\n");
	range.range = SPAN("whatever they said");
	assert_int_equal(decide_scope(f, range), RF_EUNREADABLE);
	range.range = SPAN("prior to 1.0");
	range.product = NULL;
	assert_int_equal(decide_scope(f, range), RF_EINVALID);
}

/* A product that no source of the advisory speaks of is hit by decision. */
static void a_range_brings_a_product_in(void **state)
{
	struct fixture *f = begin(state);
	import(f, OSV("CVE-2099-1", "2026-01-01T00:00:00Z", PYPI("onnx", "1.21.0")));
	place(f, fleet, RF_COUNT(fleet));
	assert_list(f, (struct exposure_filter){ .path = SPAN("/r/d.plan") }, "");
	assert_int_equal(
		decide_scope(f, (struct advisory_decision_made){ .kind = DECISION_RANGE,
								 .product = product_by_any(SPAN(TRT)),
								 .range = SPAN("All versions prior to 10.14") }),
		0);
	assert_list(f, (struct exposure_filter){ .path = SPAN("/r/d.plan"), .at_least = FINDING_AFFECTED },
		    "CVE-2099-1 /r/d.plan builder 10.13.3.9 affected in_range\n");
}

struct ordering {
	struct arena a;
	struct exposure_work_filter filter;
	struct exposure_work *list;
	size_t count;
};

static int order(struct transaction *tx, void *data)
{
	struct ordering *o = data;
	return exposure_order_work(tx, &o->a, NULL, &o->filter, &o->list, &o->count);
}

#define KEV(cve)                                                                                                 \
	"{\"title\":\"CISA Catalog of Known Exploited Vulnerabilities\",\"catalogVersion\":\"2026.01.05\","      \
	"\"dateReleased\":\"2026-01-05T00:00:00.000Z\",\"count\":1,\"vulnerabilities\":[{\"cveID\":\"" cve       \
	"\",\"vendorProject\":\"x\",\"product\":\"y\",\"vulnerabilityName\":\"n\",\"dateAdded\":\"2026-01-05\"," \
	"\"shortDescription\":\"s\",\"requiredAction\":\"a\",\"dueDate\":\"2026-01-26\","                        \
	"\"knownRansomwareCampaignUse\":\"Known\",\"notes\":\"\",\"cwes\":[]}]}"

static void work_has_one_order(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	struct ordering o = { .a = ARENA_INIT(16 * MIB) };
	import(f, OSV("CVE-2099-1111", "2026-01-01T00:00:00Z", PYPI("onnxruntime", "1.21.0")));
	import(f, OSV("CVE-2099-2222", "2026-01-01T00:00:00Z", PYPI("onnxruntime", "1.21.0")));
	import(f, OSV("CVE-2099-3333", "2026-01-01T00:00:00Z", PYPI("onnx", "1.21.0")));
	import(f, OSV("DRILL-2026-1", "2026-01-01T00:00:00Z", PYPI("onnxruntime", "1.21.0")));
	import(f, KEV("CVE-2099-2222"));
	place(f, fleet, 2);
	(void)refresh(f);
	assert_ok(database_transact(f->db, DB_READ, order, &o, &err), &err);
	assert_int_equal(o.count, 2);
	assert_true(span_eq_text(o.list[0].advisory, "CVE-2099-2222"));
	assert_int_equal(o.list[0].priority.action, PRIORITY_ACT);
	assert_true(o.list[0].priority.facts.kev_ransomware);
	assert_int_equal(o.list[0].worst, FINDING_AFFECTED);
	assert_int_equal(o.list[0].placements, 1);
	o.filter = (struct exposure_work_filter){ .with_unexposed = true, .with_drills = true };
	assert_ok(database_transact(f->db, DB_READ, order, &o, &err), &err);
	assert_int_equal(o.count, 4);
	assert_true(span_eq_text(o.list[3].advisory, "CVE-2099-3333"));
	/* a newer catalogue without it: the signal goes */
	import(f, "{\"title\":\"CISA Catalog of Known Exploited Vulnerabilities\",\"catalogVersion\":\"2026.01.06\","
		  "\"dateReleased\":\"2026-01-06T00:00:00.000Z\",\"count\":0,\"vulnerabilities\":[]}");
	o.filter = (struct exposure_work_filter){ .advisory = SPAN("CVE-2099-2222") };
	assert_ok(database_transact(f->db, DB_READ, order, &o, &err), &err);
	assert_int_equal(o.count, 1);
	assert_false(o.list[0].priority.facts.kev);
	arena_release(&o.a);
}

struct describing {
	struct span advisory;
	struct str lines;
};

static int take_service(const struct exposure_service *s, void *data)
{
	struct describing *d = data;
	char words[128];
	str_addf(&d->lines, "%.*s %lld: %s\n", SPAN_ARG(s->service), (long long)s->placements,
		 exposure_service_words(s, words, sizeof words));
	return 0;
}

static int services(struct transaction *tx, void *data)
{
	struct describing *d = data;
	str_reset(&d->lines);
	return exposure_services(tx, d->advisory, 0, take_service, d);
}

static void words_of_services(void **state)
{
	(void)state;
	enum { OK = FINDING_NOT_AFFECTED, UNKNOWN = FINDING_UNKNOWN, BAD = FINDING_AFFECTED };
	static const struct {
		int64_t placements, images;
		int builder, runtime, image;
		const char *want;
	} cases[] = {
		{ 1, 0, OK, OK, OK, "clean" },
		{ 0, 1, OK, OK, OK, "clean" },
		{ 1, 0, BAD, OK, OK, "runtime clean, engine still vulnerable" },
		{ 1, 0, UNKNOWN, OK, OK, "runtime clean, engine not known" },
		{ 1, 0, BAD, BAD, OK, "runtime and engine vulnerable" },
		{ 0, 1, OK, OK, BAD, "image vulnerable" },
		{ 0, 1, OK, OK, UNKNOWN, "image not known" },
		{ 0, 1, BAD, OK, OK, "image clean, engine inside vulnerable" },
		{ 0, 1, BAD, OK, BAD, "image vulnerable, engine inside vulnerable" },
		{ 0, 1, OK, BAD, OK, "runtime vulnerable, engine clean, image clean" },
		{ 2, 1, BAD, OK, BAD, "runtime clean, engine still vulnerable, image vulnerable" },
		{ 2, 1, OK, OK, BAD, "runtime and engine clean, image vulnerable" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		char words[128];
		const struct exposure_service s = { .placements = cases[i].placements,
						    .images = cases[i].images,
						    .worst = { [CARRIER_BUILDER] = (enum finding_kind)cases[i].builder,
							       [CARRIER_RUNTIME] = (enum finding_kind)cases[i].runtime,
							       [CARRIER_IMAGE] = (enum finding_kind)cases[i].image } };
		assert_string_equal(exposure_service_words(&s, words, sizeof words), cases[i].want);
	}
}

static void runtime_clean_engine_still_vulnerable(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	struct describing d = { SPAN_NONE, STR_INIT(64 * KIB) };
	import(f, OSV("CVE-2099-1", "2026-01-01T00:00:00Z", PYPI("onnxruntime", "1.21.0")));
	import(f, OSV("DRILL-2026-1", "2026-01-01T00:00:00Z", PYPI("tensorrt", "11.0")));
	place(f, fleet, 5);
	refresh(f);
	assert_ok(database_transact(f->db, DB_READ, services, &d, &err), &err);
	assert_string_equal(str_text(&d.lines), "reading 1: runtime vulnerable, engine not known\n"
						"specimens 2: runtime clean, engine contradictory\n"
						"voice 2: runtime clean, engine still vulnerable\n");
	d.advisory = SPAN("DRILL-2026-1");
	assert_ok(database_transact(f->db, DB_READ, services, &d, &err), &err);
	assert_string_equal(str_text(&d.lines), "reading 1: clean\n"
						"specimens 2: runtime not known, engine vulnerable\n"
						"voice 2: clean\n");
	str_release(&d.lines);
}

/* No data is no pass (law 2), and a content's own finding is one whatever the advisories say. */
static void no_data_and_own_findings(void **state)
{
	static const struct piece pieces[] = {
		{ "/r/d.plan", ARTIFACT_TENSORRT_PLAN, TRT, "11.1.0", "specimens", NULL, NULL, ARTIFACT_CLEAR, "", 4 },
		{ "/r/e.plan", ARTIFACT_TENSORRT_PLAN, TRT, "11.1.0", "reading", TRT, "11.1.0", ARTIFACT_CONFLICT, "host_code", 5 },
		{ "/r/g.onnx", ARTIFACT_ONNX, NULL, "", "voice", TRT, "11.1.0", ARTIFACT_CONFLICT, "hostile_model", 7 },
	};
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	struct describing d = { SPAN_NONE, STR_INIT(64 * KIB) };
	const char *without = "reading 1: runtime not known, engine contradictory\n"
			      "specimens 1: runtime and engine not known\n"
			      "voice 1: runtime not known, engine contradictory\n";
	place(f, pieces, RF_COUNT(pieces));
	refresh(f);
	assert_ok(database_transact(f->db, DB_READ, services, &d, &err), &err);
	assert_string_equal(str_text(&d.lines), without);
	import(f, OSV("DRILL-2026-1", "2026-01-01T00:00:00Z", PYPI("tensorrt", "11.0")));
	refresh(f);
	assert_ok(database_transact(f->db, DB_READ, services, &d, &err), &err);
	assert_string_equal(str_text(&d.lines), without); /* an exercise is no knowledge */
	import(f, OSV("CVE-2099-1", "2026-01-01T00:00:00Z", PYPI("onnxruntime", "1.21.0")));
	refresh(f);
	assert_ok(database_transact(f->db, DB_READ, services, &d, &err), &err);
	assert_string_equal(str_text(&d.lines), "reading 1: runtime clean, engine contradictory\n"
						"specimens 1: clean\n"
						"voice 1: runtime clean, engine contradictory\n");
	str_release(&d.lines);
}

/* A service whose engines cannot be read, or that has packages only, is not one that has nothing. */
static void no_service_is_left_out(void **state)
{
	static const struct piece pieces[] = {
		{ "/r/u.plan", ARTIFACT_OTHER, NULL, "", "reading", NULL, NULL, ARTIFACT_UNKNOWN, "unreadable", 9 },
		{ "/r/lib.so", ARTIFACT_RUNTIME_LIBRARY, TRT, "10.13.3.9", "voice", NULL, NULL, ARTIFACT_CLEAR, "", 10 },
	};
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	struct describing d = { SPAN_NONE, STR_INIT(64 * KIB) };
	import(f, OSV("CVE-2099-1", "2026-01-01T00:00:00Z", PYPI("tensorrt", "11.0")));
	place(f, pieces, RF_COUNT(pieces));
	refresh(f);
	assert_ok(database_transact(f->db, DB_READ, services, &d, &err), &err);
	assert_non_null(strstr(str_text(&d.lines), "reading 1: "));
	assert_non_null(strstr(str_text(&d.lines), "engine not known"));
	assert_non_null(strstr(str_text(&d.lines), "voice 0: runtime vulnerable"));
	str_release(&d.lines);
}

struct asking {
	struct arena a;
	const char *path, *purl, *id;
	struct exposure_explanation *list;
	size_t count;
	struct exposure_story story;
	struct str words, json;
};

static int ask(struct transaction *tx, void *data)
{
	struct asking *q = data;
	struct json_out o = json_out(&q->json, false);
	str_reset(&q->words);
	str_reset(&q->json);
	arena_reset(&q->a);
	int rc = q->path   ? exposure_explain_path(tx, &q->a, NULL, q->path, SPAN_NONE, 0, &q->list, &q->count)
		 : q->purl ? exposure_explain_purl(tx, &q->a, NULL, span_of(q->purl), SPAN_NONE, &q->list, &q->count)
			   : exposure_explain_advisory(tx, &q->a, NULL, span_of(q->id), &q->story);
	if (rc)
		return rc;
	if (q->id) {
		exposure_story_words(&q->story, &q->words);
		exposure_story_json(&q->story, &o);
		return 0;
	}
	json_array(&o);
	for (size_t i = 0; i < q->count; i++) {
		exposure_explanation_words(&q->list[i], &q->words);
		exposure_explanation_json(&q->list[i], &o);
	}
	json_array_end(&o);
	return 0;
}

static int ask_for(struct fixture *f, struct asking *q)
{
	struct err err = ERR_INIT;
	q->a = ARENA_INIT(64 * MIB);
	q->words = STR_INIT(1 * MIB);
	q->json = STR_INIT(1 * MIB);
	return database_transact(f->db, DB_READ, ask, q, &err);
}

static void asking_release(struct asking *q)
{
	arena_release(&q->a);
	str_release(&q->words);
	str_release(&q->json);
}

static void assert_holds(const struct str *text, const char *const *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strstr(str_text(text), parts[i]))
			fail_msg("no \"%s\" in\n%s", parts[i], str_text(text));
}

static void explain_tells_bytes_text_and_comparison(void **state)
{
	struct fixture *f = begin(state);
	import(f, OSV("CVE-2099-2", "2026-01-01T00:00:00Z", PYPI("tensorrt", "11.0")));
	place(f, fleet, RF_COUNT(fleet));
	refresh(f);
	struct asking q = { .path = "/r/d.plan" };
	assert_int_equal(ask_for(f, &q), 0);
	assert_int_equal(q.count, 2);
	assert_int_equal(q.list[0].finding.kind, FINDING_AFFECTED);
	assert_true(q.list[0].opened_at != USEC_NONE);
	static const char *const in_words[] = { "/r/d.plan: tensorrt-plan, 100 bytes, sha256 040404040404",
						"ftrt version: bytes 0a0d0309 at offset 24 = 10.13.3.9",
						"noted on the file: seen in a test",
						"10.13.3.9 < 11.0: inside",
						"fixed in 11.0",
						"exposed since",
						"affected  CVE-2099-2  builder" };
	assert_holds(&q.words, in_words, RF_COUNT(in_words));
	static const char *const in_json[] = {
		"\"sha256\":\"0404040404040404040404040404040404040404040404040404040404040404\",\"size\":100",
		"\"step\":\"file\"",
		"\"step\":\"header\"",
		"\"offset\":24",
		"\"bytes\":\"0a0d0309\"",
		"\"comparison\":\"10.13.3.9 < 11.0\"",
		"\"finding\":\"affected\"",
		"\"cause\":\"in_range\""
	};
	assert_holds(&q.json, in_json, RF_COUNT(in_json));
	asking_release(&q);
	q = (struct asking){ .path = "/r/nothing" };
	assert_int_equal(ask_for(f, &q), RF_ENOTFOUND);
	asking_release(&q);
	q = (struct asking){ .purl = "pkg:pypi/tensorrt@11.4.0.106" };
	assert_int_equal(ask_for(f, &q), 0);
	assert_int_equal(q.count, 2);
	assert_int_equal(q.list[0].finding.kind, FINDING_NOT_AFFECTED);
	asking_release(&q);
	q = (struct asking){ .purl = "pkg:pypi/unheard-of@1" };
	assert_int_equal(ask_for(f, &q), 0);
	assert_int_equal(q.count, 0);
	asking_release(&q);
	q = (struct asking){ .purl = "pkg:" };
	assert_int_equal(ask_for(f, &q), RF_EFORMAT);
	asking_release(&q);
}

static void story_of_a_record_that_is_none(void **state)
{
	struct fixture *f = begin(state);
	import(f, OSV("CVE-2099-2", "2026-01-01T00:00:00Z", PYPI("tensorrt", "11.0")));
	import(f, OSV("DRILL-2026-1", "2026-01-01T00:00:00Z", PYPI("tensorrt", "11.0")));
	static const char *const always[] = { "CVE-2023-46721  REJECTED",
					      "fortinet",
					      "not the vendor of NVIDIA TensorRT",
					      "never described anything",
					      "is not a vulnerability",
					      "CVE-2099-2" };
	/* no feed has it: what is known of it stands in the program */
	struct asking q = { .id = "cve-2023-46721" };
	assert_int_equal(ask_for(f, &q), 0);
	assert_holds(&q.words, always, RF_COUNT(always));
	assert_null(strstr(str_text(&q.words), "DRILL"));
	assert_int_equal(q.story.instead_count, 1);
	asking_release(&q);
	struct err err = ERR_INIT;
	assert_ok(advisory_import_path(f->db, "tests/data/advisory/osv-rejected.json", &options, NULL, &err), &err);
	place(f, fleet, RF_COUNT(fleet));
	refresh(f);
	assert_list(f, (struct exposure_filter){ .advisory = SPAN("CVE-2023-46721") }, "");
	q = (struct asking){ .id = "CVE-2023-46721" };
	assert_int_equal(ask_for(f, &q), 0);
	assert_holds(&q.words, always, RF_COUNT(always));
	static const char *const record[] = { "has it as rejected: Not used; the id was assigned by fortinet" };
	assert_holds(&q.words, record, 1);
	static const char *const in_json[] = { "\"state\":\"rejected\"", "\"assigner\":\"fortinet\"",
					       "\"instead\":[{\"advisory\":\"CVE-2099-2\"" };
	assert_holds(&q.json, in_json, RF_COUNT(in_json));
	asking_release(&q);
	q = (struct asking){ .id = "CVE-2099-2" };
	assert_int_equal(ask_for(f, &q), 0);
	static const char *const published[] = { "CVE-2099-2  published", "says of PyPI/tensorrt",
						 "open exposures: 1 affected, 1 conflict, 3 unknown" };
	assert_holds(&q.words, published, RF_COUNT(published));
	asking_release(&q);
	q = (struct asking){ .id = "CVE-1999-1" };
	assert_int_equal(ask_for(f, &q), RF_ENOTFOUND);
	asking_release(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(carriers_are_kept_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(history_is_never_deleted, setup, teardown),
		cmocka_unit_test_setup_teardown(decisions_and_drills, setup, teardown),
		cmocka_unit_test_setup_teardown(it_does_not_apply_here, setup, teardown),
		cmocka_unit_test_setup_teardown(another_range_stands_above_the_sources, setup, teardown),
		cmocka_unit_test_setup_teardown(a_range_brings_a_product_in, setup, teardown),
		cmocka_unit_test_setup_teardown(work_has_one_order, setup, teardown),
		cmocka_unit_test(words_of_services),
		cmocka_unit_test_setup_teardown(runtime_clean_engine_still_vulnerable, setup, teardown),
		cmocka_unit_test_setup_teardown(no_data_and_own_findings, setup, teardown),
		cmocka_unit_test_setup_teardown(no_service_is_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(explain_tells_bytes_text_and_comparison, setup, teardown),
		cmocka_unit_test_setup_teardown(story_of_a_record_that_is_none, setup, teardown),
	};
	return ENGINES_RUN(tests);
}
