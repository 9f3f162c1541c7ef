/* Exposures are derived: nothing is stored per placement, any past moment can be asked for, images are looked into. */
#include "fleet.h"

static const struct inventory_place cluster = {
	.host = "k8s:prod/voice", .service = "voice", .environment = "production", .model = ""
};

static int now(struct transaction *tx, void *data)
{
	*(usec_t *)data = tx_now(tx);
	return 0;
}

static usec_t moment(struct fixture *f)
{
	struct err err = ERR_INIT;
	usec_t at;
	assert_ok(database_transact(f->db, DB_READ, now, &at, &err), &err);
	return at;
}

struct counting {
	struct exposure_filter filter;
	int64_t rows, summed;
};

static int count_row(const struct exposure_row *row, void *data)
{
	(void)row;
	((struct counting *)data)->rows++;
	return 0;
}

static int count_sum(const struct exposure_sum *sum, void *data)
{
	((struct counting *)data)->summed += sum->exposures;
	return 0;
}

static int count(struct transaction *tx, void *data)
{
	struct counting *c = data;
	c->rows = c->summed = 0;
	int rc = exposure_list(tx, &c->filter, count_row, c);
	return rc ? rc : exposure_sums(tx, &c->filter, count_sum, c);
}

/* What the refresh counted, what the sums say and what the list has is the same. */
static void assert_agree(struct fixture *f, struct exposure_changes c)
{
	struct err err = ERR_INIT;
	struct counting n = { .filter = { 0 } };
	assert_ok(database_transact(f->db, DB_READ, count, &n, &err), &err);
	assert_int_equal(n.rows, n.summed);
	assert_int_equal(n.rows, c.open);
}

/* ── Judged once ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static void a_component_is_judged_once(void **state)
{
	struct fixture *f = begin(state);
	import(f, AFFECTED("CVE-2099-1"));
	report(f, "h1", "voice", SEEDS(1, 2));
	struct exposure_changes c = refresh(f);
	assert_int_equal(c.opened, 2);
	assert_agree(f, c);
	int64_t findings = number(f, "SELECT count(*) FROM exposure_finding");
	/* another host with the same: exposed at once, before anything is judged */
	report(f, "h2", "voice", SEEDS(1, 2, 101));
	assert_list(f, (struct exposure_filter){ .path = SPAN("/r/1") },
		    "CVE-2099-1 /r/1 builder 1.20.1 affected in_range\n"
		    "CVE-2099-1 /r/1 builder 1.20.1 affected in_range\n");
	c = refresh(f);
	assert_int_equal(c.opened, 2);
	assert_int_equal(c.components, 1); /* 1.21.1 as a builder; as a runtime it is known */
	assert_agree(f, c);
	assert_int_equal(number(f, "SELECT count(*) FROM exposure_finding"), findings);
	/* and gone at once */
	report(f, "h1", "voice", SEEDS(101));
	c = refresh(f);
	assert_int_equal(c.cleared, 2);
	assert_int_equal(c.components, 0);
	assert_agree(f, c);
	/* one new advisory: its product's components, once */
	import(f, AFFECTED("CVE-2099-2"));
	c = refresh(f);
	assert_int_equal(c.opened, 2);
	assert_int_equal(c.components, 3);
	assert_agree(f, c);
	assert_list(f, (struct exposure_filter){ .product = SPAN(ORT), .limit = 1 },
		    "CVE-2099-1 /r/1 builder 1.20.1 affected in_range\n");
	assert_list(f, (struct exposure_filter){ .product = SPAN(TRT) }, "");
}

struct explaining {
	usec_t at;
	struct arena a;
	const char *path;
	struct exposure_explanation *list;
	size_t count;
	struct str words;
};

static int explain(struct transaction *tx, void *data)
{
	struct explaining *e = data;
	int rc = exposure_explain_path(tx, &e->a, NULL, e->path, SPAN_NONE, e->at, &e->list, &e->count);
	for (size_t i = 0; !rc && i < e->count; i++)
		exposure_explanation_words(&e->list[i], &e->words);
	return rc;
}

/* ── Any moment ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static void any_past_moment(void **state)
{
	struct fixture *f = begin(state);
	usec_t before = moment(f);
	report(f, "h1", "voice", SEEDS(1));
	usec_t unknown_yet = moment(f);
	import(f, AFFECTED("CVE-2099-1"));
	(void)refresh(f);
	usec_t known = moment(f);
	report(f, "h1", "voice", SEEDS(101));
	(void)refresh(f);
	usec_t rebuilt = moment(f);
	import(f, OSV("CVE-2099-1", "2026-01-02T00:00:00Z", PYPI("onnxruntime", "1.22.0")));
	(void)refresh(f);
	struct explaining e = { .a = ARENA_INIT(64 * MIB), .words = STR_INIT(MIB), .path = "/r/1", .at = known };
	struct err err = ERR_INIT;
	assert_ok(database_transact(f->db, DB_READ, explain, &e, &err), &err);
	assert_int_equal(e.count, 1);
	assert_non_null(strstr(str_text(&e.words), "1.20.1 < 1.21.0: inside"));
	assert_non_null(strstr(str_text(&e.words), "as it was judged then"));
	e.at = before;
	assert_int_equal(database_transact(f->db, DB_READ, explain, &e, &err), RF_ENOTFOUND);
	str_release(&e.words);
	arena_release(&e.a);
	assert_list(f, (struct exposure_filter){ .at = before }, "");
	assert_list(f, (struct exposure_filter){ .at = unknown_yet }, "");
	assert_list(f, (struct exposure_filter){ .at = known }, "CVE-2099-1 /r/1 builder 1.20.1 affected in_range\n");
	assert_list(f, (struct exposure_filter){ .at = rebuilt }, "");
	assert_list(f, (struct exposure_filter){ .limit = 0 },
		    "CVE-2099-1 /r/101 builder 1.21.1 affected in_range\n"
		    "CVE-2099-1 /r/101 runtime 1.21.1 affected in_range\n");
	assert_list(f, (struct exposure_filter){ .with_cleared = true },
		    "CVE-2099-1 /r/1 builder 1.20.1 affected in_range cleared gone\n"
		    "CVE-2099-1 /r/101 builder 1.21.1 affected in_range\n"
		    "CVE-2099-1 /r/101 runtime 1.21.1 affected in_range\n");
}

/* Newer grounds for the same verdict do not begin anything; a decision about one service ends it there, and what the
 * others have goes on. */
static int take_opened(const struct exposure_row *row, void *data)
{
	usec_t *opened = data;
	*opened = row->opened_at;
	return 0;
}

static int opened_of(struct transaction *tx, void *data)
{
	return exposure_list(tx, &(struct exposure_filter){ .service = SPAN("voice") }, take_opened, data);
}

static int decide(struct transaction *tx, void *data)
{
	int rc = advisory_decide_scope(tx, SPAN("CVE-2099-1"), data, "user:ann@host", "looked at it");
	return rc ? rc : exposure_refresh_tx(tx, "user:ann@host", NULL);
}

static void what_goes_on_keeps_its_beginning(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	usec_t first = 0, second = 0;
	import(f, AFFECTED("CVE-2099-1"));
	report(f, "h1", "voice", SEEDS(1));
	report(f, "h2", "reading", SEEDS(2));
	(void)refresh(f);
	assert_ok(database_transact(f->db, DB_READ, opened_of, &first, &err), &err);
	import(f, OSV("CVE-2099-1", "2026-01-02T00:00:00Z", PYPI("onnxruntime", "1.20.9")));
	struct exposure_changes c = refresh(f);
	assert_int_equal(c.opened + c.cleared, 0);
	assert_ok(database_transact(f->db, DB_READ, opened_of, &second, &err), &err);
	assert_int_equal(first, second);
	struct advisory_decision_made made = { .kind = DECISION_APPLIES, .service = "voice", .applies = true };
	assert_ok(database_transact(f->db, DB_WRITE, decide, &made, &err), &err);
	assert_ok(database_transact(f->db, DB_READ, opened_of, &second, &err), &err);
	assert_int_equal(first, second);
	made.applies = false;
	assert_ok(database_transact(f->db, DB_WRITE, decide, &made, &err), &err);
	assert_list(f, (struct exposure_filter){ .with_cleared = true },
		    "CVE-2099-1 /r/2 builder 1.20.1 affected in_range\n"
		    "CVE-2099-1 /r/1 builder 1.20.1 affected in_range cleared not_affected\n");
	c = refresh(f);
	assert_agree(f, c);
	/* a component that comes later is judged for that service as well */
	report(f, "h3", "voice", SEEDS(1, 3));
	c = refresh(f);
	assert_int_equal(c.opened, 0);
	assert_agree(f, c);
}

/* ── Images ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void workloads(struct fixture *f, size_t n)
{
	struct err err = ERR_INIT;
	struct inventory_batch *b = inventory_batch_new();
	struct digest image = content(50);
	assert_ok(inventory_batch_root(b, "", &cluster, &err), &err);
	for (size_t i = 0; i < n; i++) {
		char path[32];
		snprintf(path, sizeof path, "Deployment/%zu/container/c", i);
		assert_ok(inventory_batch_place(b, path, &image, "container-image", &cluster, &err), &err);
	}
	record(f, b);
}

/* A plan that carries a lean runtime, and a package database. */
static void image_scan(struct fixture *f)
{
	struct err err = ERR_INIT;
	struct arena a = ARENA_INIT(MIB);
	struct inventory_batch *b = inventory_batch_new();
	struct digest image = content(50), plan = content(51), packages = content(52);
	struct artifact_facts what = facts("container-image", NULL, "");
	assert_ok(inventory_batch_content(b, &image, &what, &err), &err);
	what = facts(ARTIFACT_TENSORRT_PLAN, TRT, "10.1.0.27");
	assert_ok(artifact_component_add(&what, &a,
					 &(struct artifact_component){ SPAN(TRT), SPAN("10.1.0.27"),
								       ARTIFACT_ROLE_RUNTIME, "lean-runtime",
								       SPAN_NONE }),
		  &err);
	assert_ok(inventory_batch_content(b, &plan, &what, &err), &err);
	what = facts("package-database", NULL, "");
	assert_ok(artifact_component_add(&what, &a,
					 &(struct artifact_component){ SPAN(ORT), SPAN("1.18.0"), ARTIFACT_ROLE_PACKAGE,
								       "dpkg", SPAN_NONE }),
		  &err);
	assert_ok(inventory_batch_content(b, &packages, &what, &err), &err);
	assert_ok(inventory_batch_inside(b, &image, "opt/a.plan", &plan, &err), &err);
	assert_ok(inventory_batch_inside(b, &image, "var/lib/dpkg/status", &packages, &err), &err);
	record(f, b);
	arena_release(&a);
}

static void an_image_is_looked_into(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	import(f, AFFECTED("CVE-2099-1"));
	import(f, OSV("CVE-2099-2", "2026-01-01T00:00:00Z", PYPI("tensorrt", "10.3")));
	workloads(f, 2);
	struct exposure_changes c = refresh(f);
	assert_list(f, (struct exposure_filter){ .limit = 2 },
		    "CVE-2099-1 Deployment/0/container/c image ? unknown content_absent\n"
		    "CVE-2099-1 Deployment/1/container/c image ? unknown content_absent\n");
	assert_agree(f, c);
	image_scan(f);
	c = refresh(f);
	assert_agree(f, c);
	assert_list(f,
		    (struct exposure_filter){ .with_cleared = true,
					      .placement_id = number(f, "SELECT MIN(id) FROM inventory_placement") },
		    "CVE-2099-1 Deployment/0/container/c image ? unknown content_absent cleared finding_changed\n"
		    "CVE-2099-1 Deployment/0/container/c!/var/lib/dpkg/status image 1.18.0 affected in_range\n"
		    "CVE-2099-2 Deployment/0/container/c!/opt/a.plan builder 10.1.0.27 affected in_range\n"
		    "CVE-2099-2 Deployment/0/container/c image ? unknown content_absent cleared finding_changed\n"
		    "CVE-2099-2 Deployment/0/container/c!/opt/a.plan image 10.1.0.27 affected in_range\n");
	assert_list(f,
		    (struct exposure_filter){ .path = SPAN("Deployment/1/container/c!/opt/a.plan"),
					      .by_carrier = true,
					      .carrier = CARRIER_BUILDER },
		    "CVE-2099-2 Deployment/1/container/c!/opt/a.plan builder 10.1.0.27 affected in_range\n");
	struct explaining e = { .a = ARENA_INIT(64 * MIB),
				.words = STR_INIT(MIB),
				.path = "Deployment/1/container/c!/opt/a.plan" };
	assert_ok(database_transact(f->db, DB_READ, explain, &e, &err), &err);
	assert_int_equal(e.count, 2);
	assert_true(e.list[0].opened_at != USEC_NONE);
	assert_non_null(strstr(str_text(&e.words), "Deployment/1/container/c!/opt/a.plan: tensorrt-plan, 100 bytes"));
	assert_non_null(strstr(str_text(&e.words), "the image holds: pkg:generic/nvidia/tensorrt"));
	str_release(&e.words);
	arena_release(&e.a);
	/* many more workloads of it: nothing is judged, nothing is written but them */
	workloads(f, 50);
	c = refresh(f);
	assert_int_equal(c.components, 0);
	assert_int_equal(c.opened, 48 * 3);
	assert_agree(f, c);
}

/* ── A database of before ────────────────────────────────────────────────────────────────────────────────────────── */

static const char *const old_tables[] = {
	"DROP TABLE exposure_link",
	"DROP TABLE exposure_finding",
	"DROP TABLE exposure_subject",
	"DROP TABLE exposure_scope",
	"DROP TABLE exposure_use",
	"DROP TABLE exposure_judged",
	"DROP TABLE exposure_state",
	"DROP TABLE exposure_waiver_advisory",
	"DROP TABLE exposure_waiver",
	"DROP TABLE exposure_baseline",
	"DROP TABLE exposure_debt_gone",
	"DROP TABLE exposure_debt_item",
	"DROP TABLE exposure_debt_holder",
	"DROP TABLE exposure_debt_set",
	"DELETE FROM database_migration WHERE room = 'exposure'",
};
/* Of one component: judged, judged again the same, cleared, and hit again; and what a service had of its own. */
static const char old_findings[] =
	"INSERT INTO exposure_finding (purl, version, carrier, claim, claim_cause, advisory, inputs, kind, cause, "
	"reason,"
	" judged_at, current, service) VALUES"
	" ('" ORT "', '1.20.1', 0, 0, '', 'CVE-2099-1', 'x', 3, 'in_range', '[]', 1000, 0, ''),"
	" ('" ORT "', '1.20.1', 0, 0, '', 'CVE-2099-1', 'y', 3, 'in_range', '[]', 2000, 0, ''),"
	" ('" ORT "', '1.20.1', 0, 0, '', 'CVE-2099-1', 'z', 0, 'withdrawn_record', '[]', 3000, 0, ''),"
	" ('" ORT "', '1.20.1', 0, 0, '', 'CVE-2099-1', 'w', 3, 'in_range', '[]', 4000, 1, ''),"
	" ('" ORT "', '1.20.1', 0, 0, '', 'CVE-2099-1', 'w', 0, 'not_applicable', '[]', 4500, 1, 'reading')";

static int run_all(struct transaction *tx, void *data)
{
	int rc = 0;
	(void)data;
	for (size_t i = 0; i < RF_COUNT(old_tables) && !rc; i++)
		rc = tx_exec(tx, old_tables[i], NULL, 0, NULL);
	return rc;
}

static int insert_old(struct transaction *tx, void *data)
{
	(void)data;
	return tx_exec(tx, old_findings, NULL, 0, NULL);
}

static int long_ago(struct transaction *tx, void *data)
{
	(void)data;
	return tx_exec(tx, "UPDATE inventory_placement SET seen_from = 500, content_from = 500", NULL, 0, NULL);
}

static void a_database_of_before(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	struct migration_set old = EXPOSURE_MIGRATIONS;
	const struct migration_set *sets[] = { &old };
	old.step_count = 2;
	assert_ok(database_transact(f->db, DB_WRITE, run_all, NULL, &err), &err);
	assert_ok(database_migrate(f->db, sets, 1, &err), &err);
	assert_ok(database_transact(f->db, DB_WRITE, insert_old, NULL, &err), &err);
	sets[0] = &EXPOSURE_MIGRATIONS;
	assert_ok(database_migrate(f->db, sets, 1, &err), &err);
	import(f, AFFECTED("CVE-2099-1"));
	report(f, "h1", "voice", SEEDS(1));
	report(f, "h2", "reading", SEEDS(2));
	assert_ok(database_transact(f->db, DB_WRITE, long_ago, NULL, &err), &err);
	struct exposure_changes c = refresh(f);
	/* nobody decided about reading any more: it is hit, and was not for a while */
	assert_list(f, (struct exposure_filter){ .with_cleared = true },
		    "CVE-2099-1 /r/2 builder 1.20.1 affected in_range cleared advisory_withdrawn\n"
		    "CVE-2099-1 /r/2 builder 1.20.1 affected in_range cleared not_affected\n"
		    "CVE-2099-1 /r/2 builder 1.20.1 affected in_range\n"
		    "CVE-2099-1 /r/1 builder 1.20.1 affected in_range cleared advisory_withdrawn\n"
		    "CVE-2099-1 /r/1 builder 1.20.1 affected in_range\n");
	assert_list(f, (struct exposure_filter){ .at = 2500, .service = SPAN("voice") },
		    "CVE-2099-1 /r/1 builder 1.20.1 affected in_range\n");
	assert_list(f, (struct exposure_filter){ .at = 3500 }, "");
	assert_agree(f, c);
}

/* ── The same content under another runtime or service ───────────────────────────────────────────────────────────── */

struct since {
	struct exposure_filter filter;
	usec_t opened_at;
	size_t count;
};

static int take_since(const struct exposure_row *row, void *data)
{
	struct since *s = data;
	s->opened_at = row->opened_at;
	s->count++;
	return 0;
}

static int since(struct transaction *tx, void *data)
{
	((struct since *)data)->count = 0;
	return exposure_list(tx, &((struct since *)data)->filter, take_since, data);
}

static usec_t opened(struct fixture *f, const char *service, enum carrier carrier)
{
	struct err err = ERR_INIT;
	struct since s = { .filter = { .service = span_of(service), .by_carrier = true, .carrier = carrier } };
	assert_ok(database_transact(f->db, DB_READ, since, &s, &err), &err);
	assert_int_equal(s.count, 1);
	return s.opened_at;
}

static void an_upgrade_restarts_no_builder(void **state)
{
	struct fixture *f = begin(state);
	struct inventory_place old = voice, upgraded = voice;
	old.runtime_version = "1.19.0";
	upgraded.runtime_version = "1.20.0";
	import(f, AFFECTED("CVE-2099-1"));
	report_like(f, &old, "h1", "voice", SEEDS(1));
	refresh(f);
	usec_t builder = opened(f, "voice", CARRIER_BUILDER), runtime = opened(f, "voice", CARRIER_RUNTIME);
	/* another runtime: the engine is what it was */
	report_like(f, &upgraded, "h1", "voice", SEEDS(1));
	refresh(f);
	assert_int_equal(opened(f, "voice", CARRIER_BUILDER), builder);
	assert_true(opened(f, "voice", CARRIER_RUNTIME) > runtime);
	assert_list(f, (struct exposure_filter){ .with_cleared = true },
		    "CVE-2099-1 /r/1 builder 1.20.1 affected in_range cleared moved\n"
		    "CVE-2099-1 /r/1 runtime 1.19.0 affected in_range cleared gone\n"
		    "CVE-2099-1 /r/1 builder 1.20.1 affected in_range\n"
		    "CVE-2099-1 /r/1 runtime 1.20.0 affected in_range\n");
	/* another service, as a CMDB says it: first seen there, then gone here; and in one report */
	report(f, "h1", "reading", SEEDS(1));
	refresh(f);
	assert_int_equal(opened(f, "reading", CARRIER_BUILDER), builder);
	report(f, "h1", "voice", SEEDS(101));
	refresh(f);
	assert_int_equal(opened(f, "reading", CARRIER_BUILDER), builder);
	/* another host is another place, and what comes back after it was gone begins anew */
	report(f, "h2", "vision", SEEDS(1));
	refresh(f);
	assert_true(opened(f, "vision", CARRIER_BUILDER) > builder);
	report(f, "h1", "reading", SEEDS(101));
	report(f, "h1", "reading", SEEDS(1, 101));
	refresh(f);
	assert_true(opened(f, "reading", CARRIER_BUILDER) > builder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_component_is_judged_once, setup, teardown),
		cmocka_unit_test_setup_teardown(any_past_moment, setup, teardown),
		cmocka_unit_test_setup_teardown(what_goes_on_keeps_its_beginning, setup, teardown),
		cmocka_unit_test_setup_teardown(an_image_is_looked_into, setup, teardown),
		cmocka_unit_test_setup_teardown(an_upgrade_restarts_no_builder, setup, teardown),
		cmocka_unit_test_setup_teardown(a_database_of_before, setup, teardown),
	};
	return ENGINES_RUN(tests);
}
